//! Waits until a gateway can be tested.

use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use super::gateway::{Gateway, GatewayError};
use crate::exchange::client::{Client, Manner};
use crate::exchange::progress::Progress;
use crate::exchange::{Outcome, Sent};
use crate::target::Ready;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(50);
/// For one look.
const LOOK: Duration = Duration::from_secs(2);

/// The address that a gateway will have.
#[derive(Clone, Copy)]
pub(crate) struct Site<'s> {
    /// What was started, for messages.
    pub(crate) program: &'s str,
    /// Its address.
    pub(crate) base_url: &'s str,
    /// Asks it.
    pub(crate) client: &'s Client,
}

impl Site<'_> {
    /// Says that nobody is at the address yet.
    ///
    /// # Errors
    /// Somebody is: who would be taken for the gateway.
    pub(crate) async fn is_free(&self) -> Result<(), GatewayError> {
        match self.is_open().await {
            Ok(()) => Err(GatewayError::Occupied(self.base_url.to_owned())),
            Err(_) => Ok(()),
        }
    }

    /// Waits until the gateway is ready.
    ///
    /// # Errors
    /// It ended, or time is up; what it printed last is in the message.
    pub(crate) async fn wait(&self, gateway: &Gateway, ready: &Ready) -> Result<(), GatewayError> {
        let end = Instant::now() + ready.within();
        loop {
            let looked = self.look(gateway, ready).await;
            if let Some(status) = gateway.ended() {
                // Its last words may still be on their way.
                sleep(PAUSE).await;
                return Err(GatewayError::Ended {
                    program: self.program.to_owned(),
                    status,
                    lines: gateway.last_lines(),
                });
            }
            let Err(wanted) = looked else { return Ok(()) };
            if Instant::now() >= end {
                return Err(GatewayError::NotReady {
                    program: self.program.to_owned(),
                    within: ready.within(),
                    wanted,
                    lines: gateway.last_lines(),
                });
            }
            sleep(PAUSE).await;
        }
    }

    /// The error says what is missing.
    async fn look(&self, gateway: &Gateway, ready: &Ready) -> Result<(), String> {
        if let Some(line) = &ready.line {
            return match gateway.has_announced_itself() {
                true => Ok(()),
                false => Err(format!("it printed no line with '{line}'")),
            };
        }
        let Some(path) = &ready.path else {
            return self.is_open().await;
        };
        let sent = Sent {
            method: "GET".to_owned(),
            url: format!("{}{path}", self.base_url),
            ..Sent::default()
        };
        let outcome = self
            .client
            .send(&sent, Manner::within(LOOK), &Progress::default())
            .await;
        let wanted = ready.status.as_ref();
        let wanted_text = wanted.map_or("2xx".to_owned(), ToString::to_string);
        let found = match outcome {
            Outcome::Answer(answer) => {
                let fits =
                    wanted.map_or(answer.is_success(), |status| status.accepts(answer.status));
                if fits {
                    return Ok(());
                }
                format!("it answers {}", answer.status)
            }
            Outcome::NoAnswer(reason) => reason,
            Outcome::TimedOut | Outcome::HungUp => "no answer came in time".to_owned(),
        };
        Err(format!(
            "{} is to answer {wanted_text}, but {found}",
            sent.url
        ))
    }

    async fn is_open(&self) -> Result<(), String> {
        let url = reqwest::Url::parse(self.base_url).map_err(|error| error.to_string())?;
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let port = url.port_or_known_default().unwrap_or_default();
        let closed = |reason: String| format!("{host}:{port} takes no connection: {reason}");
        match timeout(LOOK, TcpStream::connect((host, port))).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(closed(error.to_string())),
            Err(_) => Err(closed("no answer in time".to_owned())),
        }
    }
}
