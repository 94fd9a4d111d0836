//! Mutants: servers that are right except for one thing.
//!
//! A suite that passes a right server proves half of what it should; the other half is that it fails a wrong one, for
//! the reason that is wrong. The rows of `fixtures/mutants` say what may be wrong, and this crate does it to plain
//! values: requests, answers, events. Servers call it at their edges, under a cargo feature that no release has.
//!
//! ```
//! use mutation::{Around, Message, Mutant, Mutation, Seam};
//!
//! let mutant: Mutant = serde_json::from_str(r#"{
//!     "id": "size-dropped", "summary": "leaves size out",
//!     "seam": "upstream-request", "op": "json.remove", "at": "/size", "kills": ["images.size"]
//! }"#)?;
//! let mutation = Mutation::of([mutant]);
//! let mut message = Message { body: r#"{"n":1,"size":"auto"}"#.into(), ..Message::default() };
//! mutation.change(Seam::UpstreamRequest, &mut message, &Around::default());
//! assert_eq!(message.body, r#"{"n":1}"#);
//! # Ok::<(), serde_json::Error>(())
//! ```
//!
//! # Layout
//! * [`Mutant`]: a row, parsed; [`When`]: when it acts
//! * [`Message`], [`Event`]: what is changed
//! * `op`: the changes, one file a family
//! * [`Hook`]: what is no change of one value, and so is done by the server that is mutated
//! * [`Mutation`], [`Rewriter`]: the mutants of one server, with what they remember
//!
//! # Limits
//!
//! A body that is no JSON has no pointers, and a form no members: what does not fit is left alone. The kill matrix sees
//! a mutant that changes nothing, because nothing fails.

mod event;
mod message;
mod mutant;
mod mutation;
mod op;
mod pointer;
mod row;
mod when;

pub use event::{Event, Rewriter};
pub use message::{Around, Message};
pub use mutant::{LoadError, Mutant, On, Seam, builtin, named};
pub use mutation::Mutation;
pub use op::hook::{After, Coding, Hook, Side};
pub use row::RowError;
pub use when::When;
