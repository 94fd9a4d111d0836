//! The gateway through real sockets: a client on one side, an upstream that the test controls on the other.

#![expect(
    clippy::unwrap_used,
    reason = "what fails in a test or its helpers fails the test"
)]

mod errors;
mod forwarding;
mod hosting;
mod native;
mod program;
mod router;
mod secrets;
mod streaming;
mod support;
mod tasks;
mod validation;
