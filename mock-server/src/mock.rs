//! A running server, as tests hold it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::builder::Builder;
use crate::core::{Core, MOST_CANARIES};
use crate::expect::Times;
use crate::image::Token;
use crate::journal::{Page, Query};
use crate::playbook::{AnswerText, ScriptError, ScriptText};
use crate::scenario::{Directive, ScenarioError};
use crate::verdict::Verdict;
use crate::{StartError, server};

/// A running mock server. Dropping it stops it at once; [`shutdown`](Self::shutdown) lets open answers end.
pub struct MockServer {
    core: Arc<Core>,
    address: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
    expected: Mutex<Vec<(Token, Times)>>,
}

impl MockServer {
    /// Starts a server with default settings on a free port of the loopback address.
    ///
    /// # Errors
    /// No port could be opened.
    pub async fn start() -> Result<Self, StartError> {
        Self::builder().start().await
    }

    /// A server that is told more before it starts.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) fn serving(core: Arc<Core>, address: SocketAddr, listener: TcpListener) -> Self {
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(server::serve(Arc::clone(&core), listener, stopped));
        Self {
            core,
            address,
            stop,
            task,
            expected: Mutex::default(),
        }
    }

    /// Where it listens, for example `http://127.0.0.1:49152`.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = scheme(self.core.identity.is_some());
        format!("{scheme}://{}", self.address)
    }

    /// The certificate that it speaks TLS with, as PEM, for clients that are to trust it; none without TLS.
    #[must_use]
    pub fn certificate(&self) -> Option<&str> {
        let identity = self.core.identity.as_ref()?;
        Some(&identity.certificate)
    }

    /// Sets the answers for the calls that carry `[[case:TOKEN]]` in their prompt, one scenario text a call. A
    /// call beyond the last one is answered with success. Counts and releases start over.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/client.rs"));
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let mock = mock_server::MockServer::start().await?;
    /// mock.script("abcdefgh23", ["rate-limit;retry-after=1*2", "ok"])?;
    /// let mut statuses = Vec::new();
    /// for _ in 0..3 {
    ///     statuses.push(generate(&mock.url(), "a fox [[case:abcdefgh23]]").await.0);
    /// }
    /// assert_eq!(statuses, [429, 429, 200]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// An answer may [`hold`](AnswerText::hold) until it is [`release`](Self::release)d.
    ///
    /// # Errors
    /// The token or a scenario text cannot be used.
    pub fn script<A: Into<AnswerText>>(
        &self,
        token: &str,
        answers: impl IntoIterator<Item = A>,
    ) -> Result<(), LibraryError> {
        let script = ScriptText {
            answers: answers.into_iter().map(Into::into).collect(),
        };
        let token = parse_token(token)?;
        let playbook = &self.core.playbook;
        Ok(playbook.set_script(token, &script, &self.core.words)?)
    }

    /// Forgets the script of a token; what it holds goes on.
    ///
    /// # Errors
    /// The token cannot be used.
    pub fn forget_script(&self, token: &str) -> Result<(), LibraryError> {
        self.core.playbook.remove_script(&parse_token(token)?);
        Ok(())
    }

    /// Opens the next hold of a script. Releases are counted: one that comes early opens the next hold.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/client.rs"));
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use std::time::Duration;
    /// use mock_server::playbook::AnswerText;
    /// use mock_server::wire::HoldPoint;
    ///
    /// # let mock = mock_server::MockServer::start().await?;
    /// let held = AnswerText::from("ok").hold(HoldPoint::BeforeHead(true));
    /// mock.script("abcdefgh23", [held])?;
    /// let url = mock.url();
    /// let call = tokio::spawn(async move { generate(&url, "a fox [[case:abcdefgh23]]").await });
    /// // The call is there, and its answer is not: now the code under test can be looked at, or stopped.
    /// let reached = |page: &mock_server::journal::Page| {
    ///     page.entries.iter().any(|entry| !entry.holds.is_empty())
    /// };
    /// mock.journal_when("abcdefgh23", Duration::from_secs(10), reached).await?;
    /// mock.release("abcdefgh23")?;
    /// assert_eq!(call.await?.0, 200);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The token cannot be used or has no script.
    pub fn release(&self, token: &str) -> Result<(), LibraryError> {
        let parsed = parse_token(token)?;
        let known = self.core.playbook.release(&parsed);
        known
            .then_some(())
            .ok_or_else(|| LibraryError::NoScript(token.to_owned()))
    }

    /// What every call is answered with from now on, unless a script, prompt or header says otherwise; none for
    /// plain success.
    ///
    /// # Errors
    /// The scenario text cannot be used.
    pub fn set_scenario(&self, text: Option<&str>) -> Result<(), LibraryError> {
        let parsed = text.map(|text| Directive::parse(text, &self.core.words));
        self.core.playbook.set_global(parsed.transpose()?);
        Ok(())
    }

    /// Secrets that must not arrive: where one does, in a header, an address or a body, the journal and the
    /// [`verdict`](Self::verdict) say so.
    ///
    /// # Errors
    /// There are more than a thousand, or one is empty.
    pub fn set_canaries<S: Into<String>>(
        &self,
        canaries: impl IntoIterator<Item = S>,
    ) -> Result<(), LibraryError> {
        let canaries = canaries.into_iter().map(Into::into).collect();
        let set = self.core.set_canaries(canaries);
        set.then_some(()).ok_or(LibraryError::Canaries)
    }

    /// What arrived with this token so far; with an empty text, everything that arrived.
    #[must_use]
    pub fn journal(&self, token: &str) -> Page {
        self.core.journal.page(&Query::of_token(token))
    }

    /// The same, once it is as wanted: waits for new entries, and for what becomes of those that are there.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/client.rs"));
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use std::time::Duration;
    /// # let mock = mock_server::MockServer::start().await?;
    /// # let url = mock.url();
    /// tokio::spawn(async move { generate(&url, "a fox [[case:abcdefgh23]]").await });
    /// let one = |page: &mock_server::journal::Page| page.entries.len() == 1;
    /// let page = mock.journal_when("abcdefgh23", Duration::from_secs(10), one).await?;
    /// assert_eq!(page.entries[0].effective["size"], "1024x1024"); // what `auto` came to
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// It was not as wanted in that time; the error holds what was there.
    pub async fn journal_when(
        &self,
        token: &str,
        longest: Duration,
        wanted: impl Fn(&Page) -> bool,
    ) -> Result<Page, LibraryError> {
        let query = Query::of_token(token);
        let page = self.core.journal.wait_until(&query, longest, &wanted).await;
        match wanted(&page) {
            true => Ok(page),
            false => Err(LibraryError::Waited(longest, Box::new(page))),
        }
    }

    /// What the journal says of the client so far: where it ignored Retry-After, stormed, paid twice, sent what
    /// is deprecated or refused, or leaked a canary.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/client.rs"));
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let mock = mock_server::MockServer::start().await?;
    /// for _ in 0..2 {
    ///     generate(&mock.url(), "a fox [[mock:rate-limit;retry-after=60]]").await;
    /// }
    /// let verdict = mock.verdict();
    /// assert_eq!(verdict.findings[0].rule, "ignored-retry-after", "{verdict}");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.core.verdict(None)
    }

    /// The same of the calls with this token.
    ///
    /// # Errors
    /// The token cannot be used.
    pub fn verdict_of(&self, token: &str) -> Result<Verdict, LibraryError> {
        Ok(self.core.verdict(Some(&parse_token(token)?)))
    }

    /// Expects so many calls with this token by the time the server is dropped or shut down: a number (`2`) or a
    /// range (`1..=3`, `2..`). Otherwise dropping it panics and says what came.
    ///
    /// ```should_panic
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/client.rs"));
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let mock = mock_server::MockServer::start().await?;
    /// mock.expect("abcdefgh23", 1..=2)?;
    /// mock.expect_none("zzzzzzzz77")?;
    /// generate(&mock.url(), "a cat [[case:zzzzzzzz77]]").await; // neither of the two holds
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The token cannot be used.
    pub fn expect(&self, token: &str, calls: impl Into<Times>) -> Result<(), LibraryError> {
        let token = parse_token(token)?;
        let mut expected = self.expected();
        expected.retain(|(known, _)| *known != token);
        expected.push((token, calls.into()));
        Ok(())
    }

    /// Expects no call with this token.
    ///
    /// # Errors
    /// The token cannot be used.
    pub fn expect_none(&self, token: &str) -> Result<(), LibraryError> {
        self.expect(token, 0)
    }

    /// Says which expectations do not hold now.
    ///
    /// # Errors
    /// What was expected and what came instead, a line a token.
    pub fn verify(&self) -> Result<(), String> {
        let expected = self.expected();
        let missed = expected.iter().filter_map(|(token, times)| {
            let page = self.journal(&token.to_string());
            let came = page.entries.len();
            let seqs: Vec<_> = page.entries.iter().map(|entry| entry.seq).collect();
            let gap = if page.oldest > 1 {
                "; earlier entries are gone"
            } else {
                ""
            };
            (!times.contains(came as u64)).then(|| {
                format!("case {token}: expected {times}, {came} came (entries {seqs:?}{gap})")
            })
        });
        let missed: Vec<_> = missed.collect();
        match missed.is_empty() {
            true => Ok(()),
            false => Err(missed.join("\n")),
        }
    }

    /// Forgets the journal, scripts, canaries, counts and expectations, and goes back to the scenario it was
    /// started with.
    pub fn reset(&self) {
        self.expected().clear();
        self.core.reset();
    }

    /// Stops taking connections, lets open answers end (five seconds at most) and returns then.
    pub async fn shutdown(mut self) {
        let _ = self.stop.send(true);
        let _ = (&mut self.task).await;
    }

    fn expected(&self) -> MutexGuard<'_, Vec<(Token, Times)>> {
        self.expected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for MockServer {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        self.task.abort();
        if !std::thread::panicking()
            && let Err(missed) = self.verify()
        {
            panic!("the mock server's expectations do not hold:\n{missed}");
        }
    }
}

pub(crate) fn scheme(tls: bool) -> &'static str {
    if tls { "https" } else { "http" }
}

fn parse_token(token: &str) -> Result<Token, LibraryError> {
    let parsed = token.parse();
    parsed.map_err(|_| LibraryError::Token(token.to_owned()))
}

/// A call of the library with something that cannot be used, or a wait in vain.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// Too many canaries, or an empty one.
    #[error("at most {MOST_CANARIES} canaries, none of them empty")]
    Canaries,
    /// A release for a token without a script.
    #[error("no script for '{0}'")]
    NoScript(String),
    /// The scenario text cannot be used.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// A script item cannot be parsed.
    #[error(transparent)]
    Script(#[from] ScriptError),
    /// Not a token.
    #[error("'{0}' is no token: expected 10 characters of a-z and 2-7")]
    Token(String),
    /// The journal was not as wanted in that time; this is how it was.
    #[error("the journal was not as wanted within {0:?}: {n} entries", n = .1.entries.len())]
    Waited(Duration, Box<Page>),
}
