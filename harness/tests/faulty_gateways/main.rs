//! Gateways that are right except for one fault, through the harness's own binary.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod faults;
mod known_failures;
mod policies;
mod snapshots;
mod support;
