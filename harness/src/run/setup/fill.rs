//! Fills the values of `[start]`, `[reset]` and `[stop]` in, once the run knows them.

use std::path::Path;

use super::SetupError;
use crate::exchange::Sent;
use crate::run::process::{Launch, Program, Remedy, Reset};
use crate::target::value::Known;
use crate::target::{Start, TargetFile};

/// Fills a file's values in.
pub(super) struct Filler<'f> {
    pub(super) file: &'f TargetFile,
    pub(super) known: Known<'f>,
}

impl Filler<'_> {
    /// Everything that starts and stops the gateway.
    pub(super) fn launch(&self, start: &Start) -> Result<Launch, SetupError> {
        let folder = self.folder();
        let directory = start.directory.as_ref();
        let environment = start.environment.iter().map(|(name, value)| {
            let value = self.fill(&format!("start.environment.{name}"), value)?;
            Ok((name.clone(), value))
        });
        let environment: Vec<_> = environment.collect::<Result<_, SetupError>>()?;
        let stop = self.file.stop.clone().unwrap_or_default();
        let stop_command = stop.command.as_ref();
        Ok(Launch {
            program: Program {
                words: self.words("start.command", &start.command)?,
                directory: directory.map_or_else(|| folder.to_owned(), |path| folder.join(path)),
                environment,
            },
            awaited: start.ready.line.clone(),
            log: start.log.as_ref().map(|path| folder.join(path)),
            stop_command: stop_command
                .map(|words| self.program("stop.command", words))
                .transpose()?,
            signal: stop.signal,
            grace: stop.grace(),
        })
    }

    /// What makes the target well again.
    pub(super) fn reset(&self) -> Result<Option<Reset>, SetupError> {
        let Some(reset) = &self.file.reset else {
            return Ok(None);
        };
        let remedy = match (&reset.command, &reset.request) {
            (Some(words), _) => Remedy::Command(self.program("reset.command", words)?),
            (None, Some(request)) => {
                let headers = request.headers.iter().map(|(name, value)| {
                    let value = self.fill(&format!("reset.request.headers.{name}"), value)?;
                    Ok((name.to_ascii_lowercase(), value))
                });
                let mut headers: Vec<_> = headers.collect::<Result<_, SetupError>>()?;
                let body = request.body.clone().map(serde_json::Value::Object);
                if body.is_some() && !headers.iter().any(|(name, _)| name == "content-type") {
                    headers.push(("content-type".into(), "application/json".into()));
                }
                let sent = Sent {
                    method: request.method.clone().unwrap_or_else(|| "POST".to_owned()),
                    url: format!("{}{}", self.known.target, request.path),
                    headers,
                    body: body.map(|body| body.to_string().into()),
                    chunked: false,
                };
                Remedy::Request(sent, request.status.clone())
            }
            (None, None) => return Ok(None),
        };
        Ok(Some(Reset {
            remedy,
            within: reset.within(),
            between_lanes: reset.between_lanes,
        }))
    }

    fn program(&self, key: &str, words: &[String]) -> Result<Program, SetupError> {
        Ok(Program {
            words: self.words(key, words)?,
            directory: self.folder().to_owned(),
            environment: Vec::new(),
        })
    }

    fn words(&self, key: &str, words: &[String]) -> Result<Vec<String>, SetupError> {
        let words = words.iter().enumerate();
        words
            .map(|(index, word)| self.fill(&format!("{key}.{index}"), word))
            .collect()
    }

    fn fill(&self, key: &str, text: &str) -> Result<String, SetupError> {
        let filled = self.known.fill(text);
        filled.map_err(|problem| SetupError::Usage(format!("{key}: {problem}")))
    }

    fn folder(&self) -> &Path {
        match self.file.folder.as_os_str().is_empty() {
            true => Path::new("."),
            false => &self.file.folder,
        }
    }
}
