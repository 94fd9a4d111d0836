//! Makes a target well again, as its file says.

use std::sync::Arc;
use std::time::Duration;

use super::Keeper;
use super::helper::Program;
use crate::case::Status;
use crate::exchange::client::{Client, Manner};
use crate::exchange::progress::Progress;
use crate::exchange::{Outcome, Sent};

/// What makes a target well again.
#[derive(Clone)]
pub(crate) struct Reset {
    /// What is done.
    pub(crate) remedy: Remedy,
    /// How long it may take.
    pub(crate) within: Duration,
    /// Also between the lanes of a run.
    pub(crate) between_lanes: bool,
}

/// What is done.
#[derive(Clone)]
pub(crate) enum Remedy {
    /// A command is run.
    Command(Program),
    /// A request is sent; some status is wanted, any success without it.
    Request(Sent, Option<Status>),
}

impl Reset {
    /// Does it.
    ///
    /// # Errors
    /// Why it is of no use.
    pub(crate) async fn run(&self, client: &Client, keeper: &Arc<Keeper>) -> Result<(), String> {
        match &self.remedy {
            Remedy::Command(program) => {
                let (program, keeper, within) = (program.clone(), Arc::clone(keeper), self.within);
                let running =
                    tokio::task::spawn_blocking(move || program.run(Some(&keeper), within));
                running.await.map_err(|error| error.to_string())?
            }
            Remedy::Request(sent, wanted) => self.request(client, sent, wanted.as_ref()).await,
        }
    }

    async fn request(
        &self,
        client: &Client,
        sent: &Sent,
        wanted: Option<&Status>,
    ) -> Result<(), String> {
        let manner = Manner::within(self.within);
        match client.send(sent, manner, &Progress::default()).await {
            Outcome::Answer(answer) => {
                let fits =
                    wanted.map_or(answer.is_success(), |status| status.accepts(answer.status));
                let wanted = wanted.map_or("2xx".to_owned(), ToString::to_string);
                fits.then_some(())
                    .ok_or_else(|| format!("{} answered {}, not {wanted}", sent.url, answer.status))
            }
            Outcome::NoAnswer(reason) => Err(format!("{}: {reason}", sent.url)),
            Outcome::TimedOut | Outcome::HungUp => {
                Err(format!("{} did not answer in time", sent.url))
            }
        }
    }
}
