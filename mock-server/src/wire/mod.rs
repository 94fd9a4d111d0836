//! What goes over the wire, as plain values: requests as they arrived, answers as they will be played.
//!
//! Nothing here touches a socket; `server` turns bytes into a [`Request`] and plays an [`Answer`].

mod answer;
mod marks;
pub mod multipart;
mod request;
mod sse;

pub use answer::{Answer, Decided, Framing, HoldPoint, Pause, Step, Summary};
pub use marks::Marks;
pub use request::Request;
pub(crate) use request::form_pairs;
pub use sse::{data, event};
