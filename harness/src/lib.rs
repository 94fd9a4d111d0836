//! A data-driven conformance harness for image generation gateways.
//!
//! It replays the cases of `fixtures/cases` against a target, checks the answers against JSON Schemas and
//! expectations, and, because it owns the mock upstream as well, what the target sent to the provider.
//!
//! # Layout
//! * [`case`], [`operation`], [`requirement`], [`profile`], [`target`], [`catalog`]: what can be said, read and
//!   parsed; [`files`]: the images that cases send
//! * [`exchange`]: what happened, as plain values; the client, the mock's control API
//! * [`check`]: what is judged, one file a check
//! * [`snapshot`]: what changed
//! * [`verdict`]: what it amounts to; [`expectation`]: failures that are known
//! * [`run`]: selection, order, the session that runs a case, events
//! * [`report`]: consumers of those events
//! * [`traceability`]: from requirement to case; [`advice`]: what authors of cases want to know
//! * [`recording`]: recorded answers, judged without a target
//! * [`doctor`]: looks why a target is not connected to the mock; [`recipe`]: how known gateways are pointed at it
//! * [`suite`]: the `cargo test` face; [`cli`]: the command line

pub mod advice;
pub mod case;
pub mod catalog;
pub mod check;
pub mod cli;
pub mod doctor;
pub mod exchange;
pub mod expectation;
pub mod files;
pub mod operation;
pub mod profile;
pub mod recipe;
pub mod recording;
pub mod redact;
pub mod report;
pub mod requirement;
pub mod run;
pub mod schema;
pub mod snapshot;
pub mod suite;
pub mod target;
pub mod traceability;
pub mod verdict;

pub use suite::Suite;
