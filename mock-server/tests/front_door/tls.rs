//! TLS, with a certificate made at the start and with files.

use std::io::Write as _;

use mock_server::MockServer;
use mock_server::tls::Tls;
use reqwest::{Certificate, Client};

use crate::support::{GENERATIONS, KEY, Reply, running, small, start_with};

fn client(certificate: &str) -> Client {
    let certificate = Certificate::from_pem(certificate.as_bytes()).unwrap();
    let client = Client::builder().no_proxy().retry(reqwest::retry::never());
    client.tls_certs_only([certificate]).build().unwrap()
}

async fn generate(client: &Client, url: &str, prompt: &str) -> reqwest::Result<reqwest::Response> {
    let request = client.post(format!("{url}{GENERATIONS}")).bearer_auth(KEY);
    let request = request.header("content-type", "application/json");
    request.body(small(prompt).to_string()).send().await
}

#[tokio::test]
async fn a_client_that_trusts_the_certificate_is_served() {
    let mock = start_with(|settings| settings.tls = Some(Tls::SelfSigned)).await;
    let url = mock.server.url();
    assert!(url.starts_with("https://127.0.0.1:"), "{url}");
    let client = client(mock.server.certificate().unwrap());
    let port = url.rsplit_once(':').unwrap().1;
    for url in [&url, &format!("https://localhost:{port}")] {
        let reply = generate(&client, url, "a fox").await.unwrap();
        assert_eq!(reply.status().as_u16(), 200);
    }
    let pem = Reply::of(client.get(format!("{url}/_mock/certificate"))).await;
    assert_eq!(Some(pem.text()), mock.server.certificate());
    // Faults are on the wire here too.
    for fault in ["reset", "truncate", "bad-chunk", "body-reset"] {
        let prompt = format!("a fox [[mock:{fault}]]");
        let body = match generate(&client, &url, &prompt).await {
            Ok(response) => response.bytes().await,
            Err(error) => Err(error),
        };
        assert!(body.is_err(), "{fault}");
    }
}

#[tokio::test]
async fn nobody_else_is() {
    let mock = start_with(|settings| settings.tls = Some(Tls::SelfSigned)).await;
    let other = start_with(|settings| settings.tls = Some(Tls::SelfSigned)).await;
    let client = client(other.server.certificate().unwrap());
    assert!(
        generate(&client, &mock.server.url(), "a fox")
            .await
            .is_err()
    );
    let plain = mock.server.url().replace("https", "http");
    assert!(generate(&client, &plain, "a fox").await.is_err());
    let page = mock.server.journal("");
    assert!(page.entries.is_empty());
    let plain = crate::support::start().await;
    assert_eq!(plain.server.certificate(), None);
    assert_eq!(plain.get("/_mock/certificate").await.status, 404);
}

#[tokio::test]
async fn files_are_used_and_bad_ones_are_named() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let folder = std::env::temp_dir().join(format!("mock-server-tls-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::File::create(&path)
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
        path
    };
    let certificate = file("cert.pem", &made.cert.pem());
    let key = file("key.pem", &made.signing_key.serialize_pem());
    let start = |certificate, key| {
        let tls = Some(Tls::Files { certificate, key });
        MockServer::builder()
            .configure(|settings| settings.tls = tls)
            .start()
    };
    let mock = running(start(certificate.clone(), key.clone()).await.unwrap());
    let client = client(&made.cert.pem());
    let url = mock.server.url().replace("127.0.0.1", "localhost");
    assert_eq!(
        generate(&client, &url, "a fox")
            .await
            .unwrap()
            .status()
            .as_u16(),
        200
    );
    let swapped = start(key, certificate).await.err().unwrap().to_string();
    assert!(
        swapped.contains("certificate and key") || swapped.contains(".pem"),
        "{swapped}"
    );
    let missing = start(folder.join("none.pem"), folder.join("none.pem")).await;
    assert!(missing.err().unwrap().to_string().contains("none.pem"));
    std::fs::remove_dir_all(&folder).unwrap();
}
