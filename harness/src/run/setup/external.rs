//! A target that others wrote: a URL, or a file. Its mock is started or found, and the gateway itself is started if
//! the file says how.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use mock_server::MockServer;
use mock_server::flags::Flags;
use reqwest::Certificate;
use tokio::net::TcpListener;

use super::fill::Filler;
use super::{
    BASELINE_PROFILE, DEFAULT_UPSTREAM, Parts, SetupError, Stage, TargetChoice, UpstreamChoice,
};
use crate::case::Credential;
use crate::exchange::client::Client;
use crate::exchange::mock::Mock;
use crate::redact::Redactor;
use crate::run::process::{Gateway, Keeper, Launch, Site};
use crate::target::value::Known;
use crate::target::{Secret, Start, Target, TargetFile};

/// A free port of the loopback address.
const FREE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// The provider behind a target.
#[derive(Default)]
struct Upstream {
    server: Option<MockServer>,
    client: Option<Mock>,
    /// A credential that it takes, if not every one.
    key: Option<String>,
    note: Option<String>,
}

impl Stage<'_> {
    /// A target that a URL or a file names.
    pub(super) async fn external(&self) -> Result<Parts, SetupError> {
        let (target, file) = self.named()?;
        let upstream = self.upstream(file.as_ref(), &target).await?;
        let mut parts = Parts::new(target, upstream.server, upstream.client)?;
        parts.note = upstream.note;
        if let Some(value) = upstream.key {
            let shown = "<a key of the mock>".to_owned();
            parts.mock_key = Secret { value, shown };
        }
        if let Some(file) = &file {
            self.bring_up(file, &mut parts).await?;
            parts.probe.clone_from(&file.probe);
        }
        if let Some(mock) = &parts.mock_client {
            let target = &mut parts.target;
            target.is_mock = crate::run::request::same_origin(&target.base_url, mock.url());
            target.policies.shared_key |= target.is_mock;
        }
        parts.probed = parts.mock_client.is_some() && !parts.target.is_mock;
        Ok(parts)
    }

    /// The target as URL or file describe it; where the harness is to choose its port, the address still holds
    /// `${port}`.
    pub(super) fn named(&self) -> Result<(Target, Option<TargetFile>), SetupError> {
        let path = match &self.options.target {
            TargetChoice::Url(url) => {
                reqwest::Url::parse(url).map_err(|error| {
                    SetupError::Usage(format!("'{url}' is no address: {error}"))
                })?;
                let profile =
                    self.profile(self.options.profile.as_deref().unwrap_or(BASELINE_PROFILE))?;
                return Ok((Target::of_url(url, profile, self.key()?), None));
            }
            TargetChoice::File(path) => path,
            TargetChoice::Builtin | TargetChoice::Started(_) => {
                return Err(SetupError::Usage("no target was named".to_owned()));
            }
        };
        let file = TargetFile::read(path)?;
        let profile = self.profile(self.options.profile.as_deref().unwrap_or(&file.profile))?;
        let name = path
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned());
        let mut target = file
            .clone()
            .target(&name.unwrap_or_default(), profile, self.env)?;
        if self.options.api_key_env.is_some()
            || !target.credentials.contains_key(&Credential::Default)
        {
            target.credentials.insert(Credential::Default, self.key()?);
        }
        Ok((target, Some(file)))
    }

    async fn upstream(
        &self,
        file: Option<&TargetFile>,
        target: &Target,
    ) -> Result<Upstream, SetupError> {
        let stated = match &self.options.upstream {
            UpstreamChoice::None => return Ok(Upstream::default()),
            UpstreamChoice::Url(url) => {
                let mock = Mock::new(url)?;
                mock.health().await?;
                return Ok(Upstream {
                    client: Some(mock),
                    ..Upstream::default()
                });
            }
            UpstreamChoice::Listen(stated) => *stated,
        };
        let flags = file.map(TargetFile::mock_flags).transpose();
        let flags = flags.map_err(SetupError::Usage)?.flatten();
        let address = stated.unwrap_or_else(|| address(file, flags.as_ref()));
        match TcpListener::bind(address).await {
            Ok(listener) => started(listener, flags, target),
            Err(source) => {
                let client = Mock::new(&format!("http://{}", reachable(address)))?;
                match client.health().await {
                    Ok(_) => Ok(Upstream {
                        note: flags.map(|_| format!(
                            "the mock at {} was running already: what the target file says under `mock` does not apply to it",
                            client.url()
                        )),
                        client: Some(client),
                        ..Upstream::default()
                    }),
                    Err(_) => Err(SetupError::Upstream { address, source }),
                }
            }
        }
    }

    /// Starts what a file says is to be started, and waits until it is ready.
    async fn bring_up(&self, file: &TargetFile, parts: &mut Parts) -> Result<(), SetupError> {
        let port = match file.picks_port() {
            true => free_port().await?,
            false => 0,
        };
        let (base_url, port) = file.base_url(port).map_err(SetupError::Usage)?;
        parts.target.base_url.clone_from(&base_url);
        let seen = parts.mock_client.as_ref().map(Mock::url);
        let upstream = parts.target.upstream_url.as_deref().or(seen);
        let known = Known {
            upstream,
            target: &base_url,
            port,
            env: self.env,
        };
        let filler = Filler { file, known };
        parts.reset = filler.reset()?;
        let keeper = &parts.guard.0;
        if file.start.is_some() || file.reset.is_some() {
            keeper.watch().map_err(SetupError::Signals)?;
        }
        let Some(start) = &file.start else {
            return Ok(());
        };
        let launch = filler.launch(start)?;
        run(start, launch, &parts.target, &parts.client, keeper).await
    }
}

async fn run(
    start: &Start,
    launch: Launch,
    target: &Target,
    client: &Client,
    keeper: &Arc<Keeper>,
) -> Result<(), SetupError> {
    let failed = |error| SetupError::Gateway(Box::new(error));
    let site = Site {
        program: start.command.first().map_or("", String::as_str),
        base_url: &target.base_url,
        client,
    };
    site.is_free().await.map_err(failed)?;
    let gateway = Gateway::start(launch, Redactor::of(target)).map_err(failed)?;
    keeper.keep(Arc::clone(&gateway));
    site.wait(&gateway, &start.ready).await.map_err(failed)
}

/// Where the mock of a target file listens.
fn address(file: Option<&TargetFile>, flags: Option<&Flags>) -> SocketAddr {
    let is_stated = |file: &TargetFile| {
        let mut flags = file.mock.iter();
        flags.any(|flag| flag == "--listen" || flag.starts_with("--listen="))
    };
    let Some(file) = file else {
        return DEFAULT_UPSTREAM;
    };
    let is_told = file
        .start
        .as_ref()
        .is_some_and(|start| start.mentions("upstream"));
    match flags {
        Some(flags) if is_stated(file) => flags.listen,
        _ if is_told && file.upstream_url.is_none() => FREE,
        _ => DEFAULT_UPSTREAM,
    }
}

/// Starts the mock.
fn started(
    listener: TcpListener,
    flags: Option<Flags>,
    target: &Target,
) -> Result<Upstream, SetupError> {
    let port = listener.local_addr().map_err(SetupError::Listen)?;
    let key = flags
        .as_ref()
        .and_then(|flags| flags.api_keys.first().cloned());
    let is_public = flags
        .as_ref()
        .is_some_and(|flags| flags.public_url.is_some());
    let mut builder = flags.map_or_else(MockServer::builder, Flags::builder);
    match &target.upstream_url {
        Some(url) if !is_public => builder = builder.public_url(url),
        _ if !is_public && port.ip().is_unspecified() => {
            builder = builder.public_url(format!("http://{}", reachable(port)));
        }
        _ => {}
    }
    let server = builder.start_on(listener)?;
    let pem = server.certificate().map(str::as_bytes);
    let certificate = pem.and_then(|pem| Certificate::from_pem(pem).ok());
    let url = server.url();
    let scheme = url.split("://").next().unwrap_or("http");
    let client = Mock::trusting(&format!("{scheme}://{}", reachable(port)), certificate)?;
    Ok(Upstream {
        server: Some(server),
        client: Some(client),
        key,
        note: None,
    })
}

/// Who listens on every address is reached on the loopback one.
fn reachable(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => {
            SocketAddr::new(Ipv4Addr::LOCALHOST.into(), v4.port())
        }
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => {
            SocketAddr::new(std::net::Ipv6Addr::LOCALHOST.into(), v6.port())
        }
        address => address,
    }
}

async fn free_port() -> Result<u16, SetupError> {
    let listener = TcpListener::bind(FREE).await.map_err(SetupError::Listen)?;
    let address = listener.local_addr().map_err(SetupError::Listen)?;
    Ok(address.port())
}
