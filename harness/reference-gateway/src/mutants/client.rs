//! The client's side of a mutated gateway.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use mutation::{Hook, Message, Rewriter, Seam, Side};
use serde_json::Value;
use tokio::sync::mpsc;

use super::{EXCHANGE, Exchange, Server, key_in, lock, measure};

/// Takes a request, mutated, to the gateway and its answer, mutated, back.
pub(super) async fn pass(
    State(server): State<Arc<Server>>,
    request: Request,
    next: Next,
) -> Response {
    let (mut head, body) = request.into_parts();
    // A body that breaks off ends here: the gateway is right about those.
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        return Response::default();
    };
    let mut message = Message {
        path: head.uri.to_string(),
        status: None,
        headers: head.headers.clone(),
        body: body.clone(),
    };
    let exchange = Arc::new(Exchange {
        server,
        headers: head.headers,
        asked: serde_json::from_slice(&body).ok(),
        provider: std::sync::Mutex::default(),
    });
    exchange.request(&mut message);
    if let Some(delay) = exchange.hook(&message, |hook| match hook {
        Hook::Delay(delay) => Some(delay),
        _ => None,
    }) {
        tokio::time::sleep(delay).await;
    }
    let cached = exchange.cached(&message);
    if let Some(answer) = cached
        .as_ref()
        .and_then(|key| lock(&exchange.server.answers).get(key).cloned())
    {
        return exchange.response(&message.path, written(answer)).await;
    }
    measure(&mut message.headers, &body, &message.body);
    head.headers = message.headers.clone();
    if let Ok(uri) = message.path.parse() {
        head.uri = uri;
    }
    let detached = exchange.hook(&message, |hook| (hook == Hook::Detach).then_some(()));
    let request = Request::from_parts(head, Body::from(message.body.clone()));
    let answering = EXCHANGE.scope(Arc::clone(&exchange), next.run(request));
    let response = match detached {
        None => answering.await,
        Some(()) => detach(answering).await,
    };
    let response = match cached {
        Some(key) => exchange.kept(key, response).await,
        None => response,
    };
    exchange.response(&message.path, response).await
}

impl Exchange {
    fn hook<T>(&self, message: &Message, wanted: impl Fn(Hook) -> Option<T>) -> Option<T> {
        let mutation = &self.server.mutation;
        mutation.hook(message, &self.around(&self.headers), wanted)
    }

    fn request(&self, message: &mut Message) {
        let around = self.around(&self.headers);
        let mutation = &self.server.mutation;
        mutation.change(Seam::ClientRequest, message, &around);
    }

    /// What makes a request the same as another, if answers are kept.
    fn cached(&self, message: &Message) -> Option<String> {
        let any_prompt = self.hook(message, |hook| match hook {
            Hook::SharedCache { any_prompt } => Some(any_prompt),
            _ => None,
        })?;
        let mut asked = self.asked.clone()?;
        if any_prompt && let Some(members) = asked.as_object_mut() {
            members.shift_remove("prompt");
        }
        Some(format!("{} {asked}", message.path))
    }

    /// Keeps a good answer.
    async fn kept(&self, key: String, response: Response) -> Response {
        let message = read("", response).await;
        if let Ok(message) = &message
            && message.status.is_some_and(|status| status.is_success())
        {
            lock(&self.server.answers).insert(key, message.clone());
        }
        message.map_or_else(|response| response, written)
    }

    /// The gateway's answer as the client gets it.
    async fn response(&self, path: &str, response: Response) -> Response {
        match read(path, response).await {
            Ok(message) => self.whole(message),
            Err(response) => self.stream(path, response).await,
        }
    }

    fn whole(&self, mut message: Message) -> Response {
        let before = message.body.clone();
        let (headers, key) = {
            let provider = lock(&self.provider);
            (provider.headers.clone(), provider.key.clone())
        };
        let around = self.around(&headers);
        let mutation = &self.server.mutation;
        let echoed = mutation.hook(&message, &around, |hook| match hook {
            Hook::EchoKey(Side::Client, coding) => Some((key_in(&self.headers)?, coding)),
            Hook::EchoKey(Side::Upstream, coding) => Some((key.clone()?, coding)),
            _ => None,
        });
        if let Some((key, coding)) = echoed {
            echo(&mut message, &coding.of(&key));
        }
        let is_other = |hook| (hook == Hook::OtherImage).then_some(());
        if mutation.hook(&message, &around, is_other).is_some() {
            self.exchange_images(&mut message);
        }
        mutation.change(Seam::ClientResponse, &mut message, &around);
        measure(&mut message.headers, &before, &message.body);
        let is_abort = |hook| (hook == Hook::Abort).then_some(());
        if mutation.hook(&message, &around, is_abort).is_some() {
            return aborted(message);
        }
        written(message)
    }

    /// Gives the images of the answer before, and keeps these for the next one.
    fn exchange_images(&self, message: &mut Message) {
        let Ok(mut json) = serde_json::from_slice::<Value>(&message.body) else {
            return;
        };
        let Some(images) = json.get_mut("data").or(None) else {
            return;
        };
        let mut last = lock(&self.server.last);
        if let Some(before) = last.replace(images.clone()) {
            *images = before;
            message.body = json.to_string().into();
        }
    }

    async fn stream(&self, path: &str, response: Response) -> Response {
        let (mut head, body) = response.into_parts();
        let mut message = Message {
            path: path.to_owned(),
            status: Some(head.status),
            headers: head.headers,
            body: Bytes::new(),
        };
        let headers = lock(&self.provider).headers.clone();
        let around = self.around(&headers);
        let mutation = &self.server.mutation;
        mutation.change(Seam::ClientResponse, &mut message, &around);
        let hook = |wanted: Hook| {
            let is = |hook| (hook == wanted).then_some(());
            mutation.hook(&message, &around, is).is_some()
        };
        let (buffers, aborts) = (hook(Hook::Buffer), hook(Hook::Abort));
        let rewriter = mutation.rewriter(&message, &around);
        head.status = message.status.unwrap_or(head.status);
        head.headers = message.headers;
        let body = match rewriter {
            Some(rewriter) => rewritten(body, rewriter),
            None => body,
        };
        let body = match (buffers, aborts) {
            (true, _) => Body::from(to_bytes(body, usize::MAX).await.unwrap_or_default()),
            (_, true) => broken_off(body),
            _ => body,
        };
        Response::from_parts(head, body)
    }
}

/// An answer as a plain value; the answer itself, if it is a stream.
async fn read(path: &str, response: Response) -> Result<Message, Response> {
    let is_stream = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream"));
    if is_stream {
        return Err(response);
    }
    let (head, body) = response.into_parts();
    Ok(Message {
        path: path.to_owned(),
        status: Some(head.status),
        headers: head.headers,
        body: to_bytes(body, usize::MAX).await.unwrap_or_default(),
    })
}

fn written(message: Message) -> Response {
    let mut response = Response::new(Body::from(message.body));
    *response.status_mut() = message.status.unwrap_or_default();
    *response.headers_mut() = message.headers;
    response
}

fn echo(message: &mut Message, key: &str) {
    let Ok(mut json) = serde_json::from_slice::<Value>(&message.body) else {
        return;
    };
    if let Some(Value::String(text)) = json.pointer_mut("/error/message") {
        text.push_str(&format!(" (key {key})"));
        message.body = json.to_string().into();
    }
}

/// Half of a body, and then the connection breaks.
fn aborted(message: Message) -> Response {
    let half = message.body.slice(..message.body.len() / 2);
    let pieces = [Ok(half), Err(std::io::Error::other("mutated"))];
    let mut response = written(message);
    *response.body_mut() = Body::from_stream(stream::iter(pieces));
    response
}

/// The first piece of a stream, and then the connection breaks.
fn broken_off(body: Body) -> Body {
    let pieces = body.into_data_stream().take(1);
    let pieces = pieces.map(|piece| piece.map_err(std::io::Error::other));
    let end = stream::iter([Err(std::io::Error::other("mutated"))]);
    Body::from_stream(pieces.chain(end))
}

/// A stream whose events are changed as they pass.
fn rewritten(body: Body, rewriter: Rewriter) -> Body {
    let pieces = body.into_data_stream();
    let state = (pieces, Some(rewriter));
    let changed = stream::unfold(state, async |(mut pieces, rewriter)| {
        let mut rewriter = rewriter?;
        let (out, rewriter) = match pieces.next().await {
            Some(Ok(piece)) => (rewriter.push(&piece), Some(rewriter)),
            _ => (rewriter.end(), None),
        };
        // What is cut is cut at once.
        let rewriter = rewriter.filter(|rewriter| !rewriter.is_over());
        Some((
            stream::iter(out.into_iter().map(Ok::<_, Infallible>)),
            (pieces, rewriter),
        ))
    });
    Body::from_stream(changed.flatten())
}

/// Answers in a task of its own, which goes on to the end of the body whether anybody reads it or not.
async fn detach(answering: impl Future<Output = Response> + Send + 'static) -> Response {
    let Ok(response) = tokio::spawn(answering).await else {
        return Response::default();
    };
    let (head, body) = response.into_parts();
    let (sender, mut receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut pieces = body.into_data_stream();
        while let Some(piece) = pieces.next().await {
            let _ = sender.send(piece);
        }
    });
    let pieces = stream::poll_fn(move |context| receiver.poll_recv(context));
    Response::from_parts(head, Body::from_stream(pieces))
}
