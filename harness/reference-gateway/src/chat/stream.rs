//! A stream of Google's, turned into the chunks of a chat completion: each as soon as its event is complete. It ends with
//! `[DONE]`, or with an error and nothing after it.

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use serde::Serialize;

use super::answer::{Answer, Form, Heading, UsageMetadata, usage_piece};
use crate::error::{ApiError, row};
use crate::gateway::Gateway;
use crate::sse::{Event, Splitter};
use crate::upstream::{Broken, Source, fault};

const DONE: &str = "data: [DONE]\n\n";

/// The client's side of the stream. Dropping it, as happens when the client goes, cancels the upstream call.
pub(super) fn body(
    source: Source,
    heading: Heading,
    with_usage: bool,
    gateway: Arc<Gateway>,
) -> Body {
    let relay = Relay {
        splitter: Splitter::new(gateway.limits.event),
        source,
        heading,
        with_usage,
        usage: None,
        received: 0,
        is_begun: false,
        is_finished: false,
        phase: Phase::Open,
        gateway,
    };
    Body::from_stream(stream::unfold(relay, async |mut relay| {
        let piece = relay.next().await?;
        Some((Ok::<_, std::convert::Infallible>(piece), relay))
    }))
}

struct Relay {
    source: Source,
    splitter: Splitter,
    heading: Heading,
    with_usage: bool,
    usage: Option<UsageMetadata>,
    /// Bytes of the answer so far.
    received: usize,
    is_begun: bool,
    /// A reason to end was seen.
    is_finished: bool,
    phase: Phase,
    gateway: Arc<Gateway>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// More is to come.
    Open,
    /// The upstream has ended, but what is left in the splitter was not looked at.
    Rest,
    /// Nothing more is sent.
    Ended,
}

impl Relay {
    /// The next bytes for the client; `None` at the end.
    async fn next(&mut self) -> Option<Bytes> {
        while self.phase != Phase::Ended {
            match self.splitter.next() {
                Ok(Some(event)) => {
                    if let Some(piece) = self.piece(&event) {
                        return Some(piece);
                    }
                }
                Ok(None) if self.phase == Phase::Rest => {
                    let rest = self.splitter.rest();
                    let last = self.piece(&rest);
                    return Some(self.close(last));
                }
                Ok(None) => match self.source.next_within(self.gateway.limits.answer).await {
                    Ok(Some(piece)) => {
                        self.received = self.received.saturating_add(piece.len());
                        if self.received > self.gateway.limits.answer_body {
                            return Some(self.fail(&row::RESPONSE_TOO_LARGE.into()));
                        }
                        self.splitter.push(&piece);
                    }
                    Ok(None) => self.phase = Phase::Rest,
                    Err(broken) => return Some(self.interrupt(broken)),
                },
                Err(_) => return Some(self.interrupt(Broken::TooLarge)),
            }
        }
        None
    }

    /// The chunk for an event, if it has one.
    fn piece(&mut self, event: &[u8]) -> Option<Bytes> {
        let unreadable = || ApiError::from(row::STREAM_INTERRUPTED);
        let data = match Event::parse(event) {
            Some(Event {
                data: Some(data), ..
            }) => data.into_owned(),
            // Google reports an error in the middle of a stream as bare JSON.
            _ if event.trim_ascii_start().starts_with(b"{") => {
                String::from_utf8_lossy(event).into_owned()
            }
            Some(_) => return None,
            None => return Some(self.fail(&unreadable())),
        };
        if data.trim().is_empty() {
            return None;
        }
        let Ok(answer) = serde_json::from_str::<Answer<'_>>(&data) else {
            tracing::warn!("the upstream sent an event that cannot be read");
            return Some(self.fail(&unreadable()));
        };
        let redactor = &self.gateway.redactor;
        if answer.error.is_some() {
            let error = fault::translate_event(data.as_bytes(), redactor);
            return Some(self.fail(&error));
        }
        if let Some(error) = answer.refused_prompt(redactor) {
            return Some(self.fail(&error));
        }
        if answer.usage_metadata.is_some() {
            self.usage.clone_from(&answer.usage_metadata);
        }
        self.is_finished |= answer.is_finished();
        let form = Form::Piece {
            is_first: !std::mem::replace(&mut self.is_begun, true),
        };
        Some(framed(&answer.completion(&self.heading, form, redactor)))
    }

    /// The end of the stream after its last event.
    fn close(&mut self, last: Option<Bytes>) -> Bytes {
        if self.phase == Phase::Ended {
            // The last event was an error.
            return last.unwrap_or_default();
        }
        let mut end = last.unwrap_or_default().to_vec();
        if !self.is_finished {
            end.extend_from_slice(&self.fail(&row::STREAM_INTERRUPTED.into()));
            return end.into();
        }
        self.phase = Phase::Ended;
        if self.with_usage {
            let usage = self.usage.take().unwrap_or_default();
            end.extend_from_slice(&framed(&usage_piece(&self.heading, &usage)));
        }
        end.extend_from_slice(DONE.as_bytes());
        end.into()
    }

    fn fail(&mut self, error: &ApiError) -> Bytes {
        self.phase = Phase::Ended;
        error.to_chunk().into()
    }

    fn interrupt(&mut self, broken: Broken) -> Bytes {
        let error = ApiError::from(row::STREAM_INTERRUPTED);
        self.fail(&match broken {
            Broken::Timeout => error.message("Upstream stream was silent for too long"),
            Broken::TooLarge => row::RESPONSE_TOO_LARGE.into(),
            Broken::Cut => error,
        })
    }
}

fn framed(chunk: &impl Serialize) -> Bytes {
    // Strings and numbers only: this cannot fail.
    let json = serde_json::to_string(chunk).unwrap_or_default();
    Bytes::from(format!("data: {json}\n\n"))
}
