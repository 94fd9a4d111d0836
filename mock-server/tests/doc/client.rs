// The code under test in the examples of the documentation: one call of the Images API, as a program would make
// it. `include!`d there, hidden.

/// Asks the images API at this address for one picture; the status and the JSON that came.
async fn generate(url: &str, prompt: &str) -> (u16, serde_json::Value) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let body = serde_json::json!({ "model": "gpt-image-1", "prompt": prompt, "quality": "low" });
    let request = client.post(format!("{url}/v1/images/generations"));
    let request = request.bearer_auth("sk-anything").header("content-type", "application/json");
    let reply = request.body(body.to_string()).send().await.unwrap();
    let status = reply.status().as_u16();
    let body = reply.bytes().await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}
