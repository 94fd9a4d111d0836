//! The server through its front door: real sockets, one file a topic.

#[cfg(test)]
mod auth;
#[cfg(test)]
mod azure;
#[cfg(test)]
mod azure_chat;
#[cfg(test)]
mod azure_errors;
#[cfg(test)]
mod azure_recordings;
#[cfg(test)]
mod azure_responses;
#[cfg(test)]
mod bounds;
#[cfg(test)]
mod chat;
#[cfg(test)]
mod control;
#[cfg(test)]
mod edits;
#[cfg(test)]
mod entra;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod generations;
#[cfg(test)]
mod google_chat;
#[cfg(test)]
mod google_compatible;
#[cfg(test)]
mod google_generate;
#[cfg(test)]
mod google_messages;
#[cfg(test)]
mod google_models;
#[cfg(test)]
mod google_predict;
#[cfg(test)]
mod google_refusals;
#[cfg(test)]
mod google_routes;
#[cfg(test)]
mod google_stream;
#[cfg(test)]
mod google_tokens;
#[cfg(test)]
mod holds;
#[cfg(test)]
mod journal;
#[cfg(test)]
mod lenient;
mod library;
#[cfg(test)]
mod listing;
#[cfg(test)]
mod models;
#[cfg(test)]
mod newer_members;
#[cfg(test)]
mod realism;
#[cfg(test)]
mod responses;
#[cfg(test)]
mod scenario;
#[cfg(test)]
mod stream;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod validation;
#[cfg(test)]
mod variations;
#[cfg(test)]
mod verdict;
#[cfg(test)]
mod wire_faults;
