//! Whether anybody is there: the address, the certificate, HTTP, and what stands between.

use std::time::Duration;

use reqwest::Url;
use time::OffsetDateTime;
use time::macros::format_description;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::Step;
use super::ask::Asker;
use crate::exchange::{Outcome, Received, Sent};

/// For one connection.
const LIMIT: Duration = Duration::from_secs(5);
/// Clocks that differ by more break certificates and signatures.
const CLOCK: time::Duration = time::Duration::minutes(1);
/// Headers that proxies and networks of caches leave behind.
const TRACES: &[&str] = &["via", "x-cache", "cf-ray", "x-amz-cf-id", "x-served-by"];
/// Variables that name proxies.
const PROXIES: &[&str] = &[
    "HTTP_PROXY",
    "http_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "all_proxy",
];

/// Every step until something speaks HTTP.
pub(super) async fn reach(
    asker: &Asker<'_>,
    env: &(dyn Fn(&str) -> Option<String> + Sync),
) -> Vec<Step> {
    let base_url = &asker.session.target.base_url;
    let Ok(url) = Url::parse(base_url) else {
        let advice = "write scheme, host and port: http://127.0.0.1:4000";
        return vec![Step::bad(
            "address",
            format!("'{base_url}' is no address"),
            advice,
        )];
    };
    let mut steps = vec![address(&url).await];
    if steps[0].state == super::State::Bad {
        return steps;
    }
    let sent = Sent {
        method: "GET".to_owned(),
        url: format!("{base_url}/"),
        ..Sent::default()
    };
    match asker.raw(&sent).await {
        Outcome::Answer(answer) => {
            if url.scheme() == "https" {
                steps.push(Step::good("certificate", "is trusted and in force"));
            }
            steps.push(http(&answer));
            // The mock leaves the traces that its providers' fronts leave.
            if !asker.session.target.is_mock {
                steps.extend(between(&url, &answer, env));
            }
            steps.extend(clock(&answer));
        }
        Outcome::NoAnswer(reason) => steps.push(no_http(&url, &reason)),
        Outcome::TimedOut | Outcome::HungUp => steps.push(Step::bad(
            "http",
            "it takes connections and does not answer GET /",
            "look into its log: is it still starting, or does it wait for something itself?",
        )),
    }
    steps
}

async fn address(url: &Url) -> Step {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let port = url.port_or_known_default().unwrap_or_default();
    let found = match timeout(LIMIT, lookup_host((host, port))).await {
        Ok(Ok(found)) => found.collect::<Vec<_>>(),
        Ok(Err(error)) => {
            let advice = "is the name right, and known to this machine? A name of a container network is known inside of it only";
            return Step::bad(
                "address",
                format!("'{host}' does not resolve: {error}"),
                advice,
            );
        }
        Err(_) => {
            return Step::bad(
                "address",
                format!("'{host}' does not resolve in time"),
                "look at the name server of this machine",
            );
        }
    };
    match timeout(LIMIT, TcpStream::connect(found.as_slice())).await {
        Ok(Ok(_)) => Step::good("address", format!("{host}:{port} takes connections")),
        Ok(Err(error)) => Step::bad(
            "address",
            format!("{host}:{port} takes no connection: {error}"),
            "is the gateway running, and on this port? The harness can start it: [start] in the target file",
        ),
        Err(_) => Step::bad(
            "address",
            format!("{host}:{port} does not answer"),
            "a firewall may swallow the packets; a gateway in a container must publish its port",
        ),
    }
}

fn http(answer: &Received) -> Step {
    let server = answer.header("server");
    let server = server.map(|name| format!(", it calls itself {name}"));
    Step::good(
        "http",
        format!(
            "GET / is answered with {}{}",
            answer.status,
            server.unwrap_or_default()
        ),
    )
}

/// Why a request was not answered, by what the client says.
fn no_http(url: &Url, reason: &str) -> Step {
    let is_tls = url.scheme() == "https";
    let has = |text: &str| reason.to_lowercase().contains(text);
    let now = || {
        let form = format_description!("[year]-[month]-[day] [hour]:[minute] UTC");
        OffsetDateTime::now_utc().format(form).unwrap_or_default()
    };
    let advice = if is_tls && (has("expired") || has("not valid yet") || has("notvalidyet")) {
        format!(
            "renew the certificate, or set the clock of this machine: it says {}",
            now()
        )
    } else if is_tls && has("unknownissuer") {
        "nobody whom this machine trusts has signed the certificate: name the PEM file of who did as `ca_file` in the target file".to_owned()
    } else if is_tls && (has("not valid for name") || has("notvalidforname")) {
        "the certificate is for another name: base_url has to have a name that it holds".to_owned()
    } else if is_tls && (has("corrupt") || has("invalidcontenttype")) {
        "it speaks no TLS on this port: write http:// in base_url".to_owned()
    } else if is_tls {
        "it did not agree on TLS: look into its log, and at the certificate with openssl s_client"
            .to_owned()
    } else {
        "something listens that does not speak HTTP/1.1: is this another program's port, or does it want https://?".to_owned()
    };
    let name = if is_tls { "certificate" } else { "http" };
    Step::bad(name, reason, advice)
}

/// Redirections and proxies.
fn between(
    url: &Url,
    answer: &Received,
    env: &(dyn Fn(&str) -> Option<String> + Sync),
) -> Vec<Step> {
    let mut steps = Vec::new();
    let location = answer
        .header("location")
        .filter(|_| (300..400).contains(&answer.status));
    let target = location.and_then(|location| url.join(location).ok());
    if let Some(target) = target.filter(|target| target.origin() != url.origin()) {
        steps.push(Step::note(
            "between",
            format!("GET / points to {}", target.origin().ascii_serialization()),
            "the harness follows no redirection: if operations are redirected as well, name the address behind it as base_url",
        ));
    }
    let traces = TRACES
        .iter()
        .filter_map(|name| Some((name, answer.header(name)?)));
    let traces: Vec<_> = traces
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    if !traces.is_empty() {
        steps.push(Step::note(
            "between",
            format!("a proxy is between ({})", traces.join(", ")),
            "cuts and delays are then the proxy's, too: name the gateway's own address as base_url if you can",
        ));
    }
    let named: Vec<_> = PROXIES
        .iter()
        .filter(|name| env(name).is_some_and(|value| !value.is_empty()))
        .copied()
        .collect();
    if !named.is_empty() {
        steps.push(Step::note(
            "between",
            format!("the environment names a proxy ({})", named.join(", ")),
            "the harness goes around it; the gateway may not: let it reach the mock directly (NO_PROXY)",
        ));
    }
    steps
}

fn clock(answer: &Received) -> Option<Step> {
    let form = format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    let stated = time::PrimitiveDateTime::parse(answer.header("date")?, form).ok()?;
    let behind = (OffsetDateTime::now_utc() - stated.assume_utc()).abs();
    (behind > CLOCK).then(|| {
        Step::note(
            "clock",
            format!("the clocks differ by {} s", behind.whole_seconds()),
            "certificates and signed requests depend on them: set both",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tls_clients_say_is_understood() {
        let https = Url::parse("https://localhost:1").unwrap();
        for (reason, wanted) in [
            (
                "invalid peer certificate: certificate expired: verification time 2",
                "set the clock",
            ),
            (
                "invalid peer certificate: certificate not valid yet: …",
                "set the clock",
            ),
            ("invalid peer certificate: UnknownIssuer", "`ca_file`"),
            (
                "invalid peer certificate: certificate not valid for name \"localhost\"",
                "another name",
            ),
            (
                "received corrupt message of type InvalidContentType",
                "http://",
            ),
        ] {
            let step = no_http(&https, reason);
            assert!(step.advice.unwrap().contains(wanted), "{reason}");
        }
        let http = Url::parse("http://localhost:1").unwrap();
        assert_eq!(no_http(&http, "invalid HTTP version parsed").name, "http");
    }
}
