//! The mock upstream, spoken to over its control API only, in-process too.

use std::time::Duration;

use mock_server::control::{Canaries, Health, ScriptSet};
use mock_server::journal::{Entry, Page};
use mock_server::playbook::ScriptText;
use reqwest::Certificate;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// One request of the control API; a journal wait is added to it.
const LIMIT: Duration = Duration::from_secs(10);
/// A connection that was idle for longer is not used again.
const LONGEST_IDLE: Duration = Duration::from_secs(5);
/// Between two looks at the journal.
const PAUSE: Duration = Duration::from_millis(5);

/// A mock upstream.
#[derive(Clone, Debug)]
pub struct Mock {
    http: reqwest::Client,
    url: String,
}

/// The mock cannot be spoken to.
#[derive(Debug, thiserror::Error)]
pub enum MockError {
    /// The journal dropped entries that the harness needs.
    #[error(
        "the mock's journal has a gap: it begins at {oldest}, {wanted} was asked for; raise --journal-entries or lower --jobs"
    )]
    Gap {
        /// The oldest entry that is kept.
        oldest: u64,
        /// The entry that was asked for.
        wanted: u64,
    },
    /// It refused.
    #[error("the mock refused {what}: {status} {text}")]
    Refused {
        /// What was asked for.
        what: String,
        /// The status code.
        status: u16,
        /// What it said.
        text: String,
    },
    /// It did not answer.
    #[error("no mock answers at {url}")]
    Unreachable {
        /// Its address.
        url: String,
        /// Why.
        source: reqwest::Error,
    },
}

impl Mock {
    /// A mock at this address; nothing is sent yet.
    ///
    /// # Errors
    /// The HTTP client cannot be built.
    pub fn new(url: &str) -> Result<Self, MockError> {
        Self::trusting(url, None)
    }

    /// The same for one that speaks TLS with a certificate of its own.
    ///
    /// # Errors
    /// The HTTP client cannot be built.
    pub fn trusting(url: &str, certificate: Option<Certificate>) -> Result<Self, MockError> {
        let url = url.trim_end_matches('/').to_owned();
        // A second installation is refused and changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // A mock ends a connection that is idle for long; it must not do so while the next request is on its way.
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(LIMIT)
            .pool_idle_timeout(LONGEST_IDLE);
        let http = http.tls_certs_merge(certificate).build();
        let http = http.map_err(|source| MockError::Unreachable {
            url: url.clone(),
            source,
        })?;
        Ok(Self { http, url })
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether a mock answers there.
    ///
    /// # Errors
    /// Nothing answers, or something else does.
    pub async fn health(&self) -> Result<Health, MockError> {
        let health: Health = self.call("GET", "health", &()).await?;
        if health.server == "image-mock-server" {
            return Ok(health);
        }
        Err(MockError::Refused {
            what: "health".into(),
            status: 200,
            text: health.server,
        })
    }

    /// Sets the script of a token; later entries have a greater sequence number than what is returned.
    ///
    /// # Errors
    /// The script cannot be used, or the mock does not answer.
    pub async fn script(&self, token: &str, script: &ScriptText) -> Result<u64, MockError> {
        let set: ScriptSet = self
            .call("PUT", &format!("scripts/{token}"), script)
            .await?;
        Ok(set.last)
    }

    /// Forgets the script of a token.
    ///
    /// # Errors
    /// The mock does not answer.
    pub async fn forget(&self, token: &str) -> Result<(), MockError> {
        let _: serde_json::Value = self
            .call("DELETE", &format!("scripts/{token}"), &())
            .await?;
        Ok(())
    }

    /// Opens the next hold of a token.
    ///
    /// # Errors
    /// The token has no script, or the mock does not answer.
    pub async fn release(&self, token: &str) -> Result<(), MockError> {
        let _: serde_json::Value = self
            .call("POST", &format!("scripts/{token}/release"), &())
            .await?;
        Ok(())
    }

    /// Says what must never arrive.
    ///
    /// # Errors
    /// The mock does not answer.
    pub async fn canaries(&self, canaries: Vec<String>) -> Result<(), MockError> {
        let _: serde_json::Value = self.call("PUT", "canaries", &Canaries { canaries }).await?;
        Ok(())
    }

    /// What arrived with a token after a sequence number.
    ///
    /// # Errors
    /// The mock does not answer, or has dropped entries since.
    pub async fn entries(&self, token: &str, after: u64) -> Result<Vec<Entry>, MockError> {
        let page = self.page(&format!("case={token}&after={after}")).await?;
        complete(page, after)
    }

    /// Everything that arrived after a sequence number, whatever it belongs to.
    ///
    /// # Errors
    /// The mock does not answer, or has dropped entries since.
    pub async fn all_entries(&self, after: u64) -> Result<Vec<Entry>, MockError> {
        let page = self.page(&format!("after={after}")).await?;
        complete(page, after)
    }

    /// The last sequence number so far.
    ///
    /// # Errors
    /// The mock does not answer.
    pub async fn last(&self) -> Result<u64, MockError> {
        Ok(self.page("limit=0").await?.last)
    }

    /// Waits until the entries of a token satisfy a condition; gives them, or what there is when time is up.
    ///
    /// # Errors
    /// The mock does not answer, or has dropped entries since.
    pub async fn wait_for(
        &self,
        token: &str,
        after: u64,
        longest: Duration,
        wanted: impl Fn(&[Entry]) -> bool,
    ) -> Result<Vec<Entry>, MockError> {
        let end = tokio::time::Instant::now() + longest;
        loop {
            let entries = self.entries(token, after).await?;
            if wanted(&entries) || tokio::time::Instant::now() >= end {
                return Ok(entries);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn page(&self, query: &str) -> Result<Page, MockError> {
        self.call("GET", &format!("journal?{query}"), &()).await
    }

    async fn call<B: Serialize, R: DeserializeOwned>(
        &self,
        method: &str,
        path: &str,
        body: &B,
    ) -> Result<R, MockError> {
        let unreachable = |source| MockError::Unreachable {
            url: self.url.clone(),
            source,
        };
        let method = method.parse().unwrap_or(reqwest::Method::GET);
        let mut request = self
            .http
            .request(method, format!("{}/_mock/{path}", self.url));
        let body = serde_json::to_string(body).unwrap_or_default();
        if body != "null" {
            request = request.body(body);
        }
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status().as_u16();
        let text = response.text().await.map_err(unreachable)?;
        let refused = |text: String| MockError::Refused {
            what: path.split('?').next().unwrap_or_default().to_owned(),
            status,
            text,
        };
        if status >= 300 {
            return Err(refused(text));
        }
        serde_json::from_str(&text).map_err(|error| refused(error.to_string()))
    }
}

fn complete(page: Page, after: u64) -> Result<Vec<Entry>, MockError> {
    if page.oldest > after + 1 && page.last > after {
        return Err(MockError::Gap {
            oldest: page.oldest,
            wanted: after + 1,
        });
    }
    Ok(page.entries)
}
