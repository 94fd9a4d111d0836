//! A small router as its documentation describes it: images by Azure OpenAI, chats with images by Vertex AI, both played
//! by the mock. It is right except for one fault.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures_util::StreamExt as _;
use serde_json::{Map, Value, json};

/// What the router shows to Azure.
pub(crate) const AZURE_KEY: &str = "azure-4Jq9Xw2Lr7Tn8Vb3";
/// What the router shows to Vertex AI.
pub(crate) const VERTEX_TOKEN: &str = "ya29.Zt3Qw6Lm1Rk9Xc4Bn7";

/// Where the router puts the images of a chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    ContentArray,
    ContentBlocks,
    Images,
    Markdown,
}

/// The one thing that the router does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Collects a stream before it passes it on.
    Buffers,
    /// Sends webp requests on as png and calls what comes webp.
    CallsPngWebp,
    /// Leaves the images of earlier turns out.
    DropsEarlierImages,
    /// Shows its files only to those who show a key.
    LocksFiles,
    /// Nothing.
    None,
    /// Says 500 where the provider withholds an image.
    SafetyIs500,
    /// Says which key it uses when the provider refuses it.
    ShowsItsKey,
    /// Sends every image request to the same deployment.
    WrongDeployment,
}

pub(crate) struct Gateway {
    pub(crate) fault: Fault,
    pub(crate) form: Form,
    pub(crate) upstream: String,
    address: String,
    files: Mutex<BTreeMap<usize, Vec<u8>>>,
    http: reqwest::Client,
}

/// Starts the router; gives its address.
pub(crate) async fn start(upstream: String, fault: Fault, form: Form) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let gateway = Arc::new(Gateway {
        fault,
        form,
        upstream,
        address: address.clone(),
        files: Mutex::default(),
        http: reqwest::Client::builder().no_proxy().build().unwrap(),
    });
    let router = Router::new()
        .route("/v1/images/generations", post(images))
        .route("/v1/chat/completions", post(chat))
        .route("/files/{id}", get(file))
        .with_state(gateway)
        .layer(axum::extract::DefaultBodyLimit::disable());
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

fn refusal(status: u16, message: &str, code: &str) -> Response {
    let kind = if status < 500 {
        "invalid_request_error"
    } else {
        "api_error"
    };
    let error =
        json!({ "error": { "message": message, "type": kind, "param": null, "code": code } });
    let mut response = (StatusCode::from_u16(status).unwrap(), json_body(&error)).into_response();
    if status == 401 {
        let scheme = header::HeaderValue::from_static("Bearer");
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, scheme);
    }
    response
}

fn json_body(value: &Value) -> Response {
    (
        [(header::CONTENT_TYPE, "application/json")],
        value.to_string(),
    )
        .into_response()
}

/// The members of a request whose key is good.
fn members(headers: &HeaderMap, body: &Bytes) -> Result<Map<String, Value>, Box<Response>> {
    let key = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    if key.is_none_or(|key| key.contains("invalid")) {
        return Err(Box::new(refusal(401, "a key is needed", "invalid_api_key")));
    }
    serde_json::from_slice(body)
        .map_err(|_| Box::new(refusal(400, "no JSON object", "invalid_json")))
}

async fn file(
    State(gateway): State<Arc<Gateway>>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Response {
    if gateway.fault == Fault::LocksFiles && !headers.contains_key(header::AUTHORIZATION) {
        return refusal(401, "a key is needed", "invalid_api_key");
    }
    let id = id.split('.').next().and_then(|id| id.parse::<usize>().ok());
    let files = gateway.files.lock().unwrap();
    match id.and_then(|id| files.get(&id)) {
        Some(bytes) => {
            let kind = if bytes.starts_with(b"\xff\xd8") {
                "image/jpeg"
            } else {
                "image/png"
            };
            ([(header::CONTENT_TYPE, kind)], bytes.clone()).into_response()
        }
        None => refusal(404, "no such file", "not_found"),
    }
}

async fn images(State(gateway): State<Arc<Gateway>>, headers: HeaderMap, body: Bytes) -> Response {
    let mut wanted = match members(&headers, &body) {
        Ok(wanted) => wanted,
        Err(refused) => return *refused,
    };
    wanted.retain(|_, value| !value.is_null());
    let model = wanted.remove("model");
    let model = model
        .as_ref()
        .and_then(Value::as_str)
        .and_then(|name| name.strip_prefix("azure/openai/"));
    let Some(model) = model.filter(|name| name.starts_with("gpt-image-1")) else {
        return refusal(400, "the model is not served", "model_not_found");
    };
    let deployment = if gateway.fault == Fault::WrongDeployment {
        "gpt-image-1"
    } else {
        model
    };
    let format = wanted
        .remove("response_format")
        .unwrap_or_else(|| json!("url"));
    let is_webp = wanted.get("output_format") == Some(&json!("webp"));
    if is_webp && gateway.fault == Fault::CallsPngWebp {
        wanted.insert("output_format".into(), json!("png"));
    } else if is_webp {
        return refusal(400, "webp is not made", "unsupported_value");
    }
    let url = format!(
        "{}/openai/deployments/{deployment}/images/generations?api-version=2025-04-01-preview",
        gateway.upstream
    );
    let call = gateway.http.post(url).header("api-key", AZURE_KEY);
    let sent = call
        .header("content-type", "application/json")
        .body(Value::Object(wanted).to_string())
        .send()
        .await;
    let mut answer = match answered(&gateway, sent).await {
        Ok(answer) => answer,
        Err(failed) => return failed,
    };
    let items = answer["data"].as_array_mut().cloned().unwrap_or_default();
    if items.is_empty() {
        return refusal(502, "the provider made no image", "upstream_error");
    }
    if is_webp {
        answer["output_format"] = json!("webp");
    }
    if format == json!("url") {
        answer["data"] = items.iter().map(|item| gateway.hosted(item)).collect();
    }
    json_body(&answer)
}

impl Gateway {
    fn hosted(&self, item: &Value) -> Value {
        let bytes = BASE64_STANDARD
            .decode(item["b64_json"].as_str().unwrap())
            .unwrap();
        let mut files = self.files.lock().unwrap();
        let id = files.len();
        files.insert(id, bytes);
        json!({ "url": format!("{}/files/{id}.png", self.address) })
    }
}

/// The provider's answer, or what the client is told instead.
async fn answered(
    gateway: &Gateway,
    sent: reqwest::Result<reqwest::Response>,
) -> Result<Value, Response> {
    let failed = |message: &str| refusal(502, message, "upstream_error");
    let answer = sent.map_err(|_| failed("the provider cannot be reached"))?;
    let status = answer.status().as_u16();
    let wait = answer.headers().get(header::RETRY_AFTER).cloned();
    let body = answer
        .bytes()
        .await
        .map_err(|_| failed("the provider's answer broke off"))?;
    let body: Value =
        serde_json::from_slice(&body).map_err(|_| failed("the provider's answer is broken"))?;
    match status {
        200 => Ok(body),
        401 if gateway.fault == Fault::ShowsItsKey => {
            Err(failed(&format!("{AZURE_KEY} was refused")))
        }
        401 | 403 => Err(failed("the router's own key was refused")),
        400 | 404 | 429 => {
            let message = body["error"]["message"]
                .as_str()
                .unwrap_or("refused")
                .to_owned();
            let code = body["error"]["code"]
                .as_str()
                .unwrap_or("refused")
                .to_owned();
            let mut refused = refusal(status, &message, &code);
            refused
                .headers_mut()
                .extend(wait.map(|wait| (header::RETRY_AFTER, wait)));
            Err(refused)
        }
        _ => Err(failed("the provider failed")),
    }
}

async fn chat(State(gateway): State<Arc<Gateway>>, headers: HeaderMap, body: Bytes) -> Response {
    let wanted = match members(&headers, &body) {
        Ok(wanted) => wanted,
        Err(refused) => return *refused,
    };
    let name = wanted
        .get("model")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let Some(model) = name.strip_prefix("vertex/google/") else {
        return refusal(404, "the model is not served", "model_not_found");
    };
    let streams = wanted.get("stream") == Some(&json!(true));
    let verb = if streams {
        "streamGenerateContent?alt=sse"
    } else {
        "generateContent"
    };
    let url = format!(
        "{}/v1/projects/conformance/locations/us-central1/publishers/google/models/{model}:{verb}",
        gateway.upstream
    );
    let turns = wanted["messages"].as_array().cloned().unwrap_or_default();
    let last = turns.len().saturating_sub(1);
    let contents: Vec<Value> = turns
        .iter()
        .enumerate()
        .map(|(index, turn)| {
            content(
                turn,
                gateway.fault == Fault::DropsEarlierImages && index < last,
            )
        })
        .collect();
    let body = json!({ "contents": contents, "generationConfig": { "responseModalities": ["TEXT", "IMAGE"] } });
    let call = gateway
        .http
        .post(url)
        .bearer_auth(VERTEX_TOKEN)
        .header("content-type", "application/json");
    let sent = call.body(body.to_string()).send().await;
    if streams && sent.as_ref().is_ok_and(|answer| answer.status() == 200) {
        return stream(&gateway, name, sent.unwrap()).await;
    }
    match answered(&gateway, sent).await {
        Err(failed) => failed,
        Ok(answer) => completion(&gateway, name, &answer),
    }
}

/// A message as a turn of Google's.
fn content(message: &Value, without_images: bool) -> Value {
    let image = |part: &Value| {
        let url = part.pointer("/image_url/url")?.as_str()?;
        let (head, data) = url.strip_prefix("data:")?.split_once(";base64,")?;
        Some(json!({ "inlineData": { "mimeType": head, "data": data } }))
    };
    let mut parts = Vec::new();
    match &message["content"] {
        Value::String(text) => parts.push(json!({ "text": text })),
        Value::Array(items) => {
            parts.extend(items.iter().filter_map(|item| match item["text"].as_str() {
                Some(text) => Some(json!({ "text": text })),
                None => image(item),
            }));
        }
        _ => {}
    }
    for member in ["images", "content_blocks"] {
        parts.extend(
            message[member]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(image),
        );
    }
    parts.retain(|part| !(without_images && part.get("inlineData").is_some()));
    let role = if message["role"] == "assistant" {
        "model"
    } else {
        "user"
    };
    json!({ "role": role, "parts": parts })
}

/// Text, images as `data:` URLs, and why it ended.
fn pieces(answer: &Value) -> (String, Vec<String>, Option<String>) {
    let (mut text, mut images) = (String::new(), Vec::new());
    for part in answer["candidates"][0]["content"]["parts"]
        .as_array()
        .into_iter()
        .flatten()
    {
        text.push_str(part["text"].as_str().unwrap_or_default());
        if let Some(data) = part["inlineData"]["data"].as_str() {
            let kind = part["inlineData"]["mimeType"].as_str().unwrap();
            images.push(format!("data:{kind};base64,{data}"));
        }
    }
    let end = answer["candidates"][0]["finishReason"].as_str();
    let end = end.or_else(|| answer["promptFeedback"]["blockReason"].as_str());
    (text, images, end.map(str::to_owned))
}

fn usage(answer: &Value) -> Value {
    let count = |name: &str| answer["usageMetadata"][name].as_u64().unwrap_or_default();
    json!({ "prompt_tokens": count("promptTokenCount"), "completion_tokens": count("candidatesTokenCount"), "total_tokens": count("totalTokenCount") })
}

fn link(url: &String) -> Value {
    json!({ "type": "image_url", "image_url": { "url": url } })
}

/// Text and images in the router's form of a message.
fn formed(form: Form, text: &str, images: &[String]) -> Value {
    let links: Vec<Value> = images.iter().map(link).collect();
    let text_part = json!({ "type": "text", "text": text });
    match form {
        Form::Images if links.is_empty() => json!({ "content": text }),
        Form::Images => json!({ "content": text, "images": links }),
        Form::ContentBlocks => json!({ "content": text, "content_blocks": links }),
        Form::ContentArray => {
            let content = [vec![text_part], links].concat();
            json!({ "content": content })
        }
        Form::Markdown => {
            let pictures: String = images
                .iter()
                .map(|url| format!("![a picture]({url})"))
                .collect();
            json!({ "content": format!("{text}{pictures}") })
        }
    }
}

fn completion(gateway: &Gateway, model: &str, answer: &Value) -> Response {
    let (text, images, end) = pieces(answer);
    if images.is_empty() && end.as_deref() != Some("STOP") {
        let status = if gateway.fault == Fault::SafetyIs500 {
            500
        } else {
            400
        };
        return refusal(
            status,
            "the provider withheld the image",
            "content_policy_violation",
        );
    }
    let mut message = formed(gateway.form, &text, &images);
    message["role"] = json!("assistant");
    json_body(&json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1_795_000_000, "model": model, "usage": usage(answer),
        "choices": [{ "index": 0, "message": message, "finish_reason": "stop" }],
    }))
}

async fn stream(gateway: &Gateway, model: &str, answer: reqwest::Response) -> Response {
    let (form, model) = (gateway.form, model.to_owned());
    let mut reader = Reader::default();
    let end = futures_util::stream::once(async { None });
    let pieces = answer.bytes_stream().map(Some).chain(end);
    let chunks = pieces.map(move |piece| {
        let out = match piece {
            Some(Ok(piece)) => reader.read(&piece, form, &model),
            Some(Err(_)) => String::new(),
            None => reader.end(),
        };
        Ok::<_, std::io::Error>(out)
    });
    let kind = [(header::CONTENT_TYPE, "text/event-stream")];
    if gateway.fault == Fault::Buffers {
        let all: Vec<String> = chunks.map(Result::unwrap).collect().await;
        return (kind, all.concat()).into_response();
    }
    (kind, Body::from_stream(chunks)).into_response()
}

/// Reads Google's events, which may come in pieces and with comments, and writes the chunks of a chat.
#[derive(Default)]
struct Reader {
    buffer: Vec<u8>,
    /// Some event said why the answer ended.
    is_whole: bool,
}

impl Reader {
    fn read(&mut self, piece: &[u8], form: Form, model: &str) -> String {
        self.buffer.extend_from_slice(piece);
        let mut out = String::new();
        while let Some(at) = self.buffer.windows(4).position(|end| end == b"\r\n\r\n") {
            let rest = self.buffer.split_off(at + 4);
            let event = std::mem::replace(&mut self.buffer, rest);
            out += &self.event(&event, form, model);
        }
        out
    }

    fn event(&mut self, event: &[u8], form: Form, model: &str) -> String {
        let text = String::from_utf8_lossy(event);
        let data = text.lines().find_map(|line| line.strip_prefix("data: "));
        let Some(data) = data.and_then(|data| serde_json::from_str::<Value>(data).ok()) else {
            return String::new();
        };
        self.is_whole |= pieces(&data).2.is_some();
        chunk(form, model, &data)
    }

    /// Google's streams have no mark at their end: one that gave no reason was broken off.
    fn end(&self) -> String {
        if self.is_whole {
            return "data: [DONE]\n\n".to_owned();
        }
        let error = json!({ "error": { "message": "the provider broke off", "type": "api_error", "param": null, "code": null } });
        format!("data: {error}\n\n")
    }
}

fn chunk(form: Form, model: &str, data: &Value) -> String {
    let (text, images, end) = pieces(data);
    let mut delta = formed(form, &text, &images);
    delta["role"] = json!("assistant");
    let finish = end.map(|end| match end.as_str() {
        "STOP" => "stop",
        _ => "content_filter",
    });
    let mut chunk = json!({
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_795_000_000, "model": model,
        "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }],
    });
    if data.get("usageMetadata").is_some() {
        chunk["usage"] = usage(data);
    }
    format!("data: {chunk}\n\n")
}
