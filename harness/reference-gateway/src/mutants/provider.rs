//! The provider's side of a mutated gateway.

use std::sync::Arc;

use axum::http;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use mutation::{After, Around, Hook, Message, Seam};
use reqwest::{Body, Client, Error, Request, Response};

use super::{EXCHANGE, Exchange, key_in, lock, measure};

/// Sends a call, mutated, and gives its answer, mutated.
pub(crate) async fn send(client: &Client, request: Request) -> Result<Response, Error> {
    match EXCHANGE.try_with(Arc::clone) {
        Ok(exchange) => exchange.send(client, request).await,
        Err(_) => client.execute(request).await,
    }
}

/// How often a call is made before the one whose answer counts.
#[derive(Clone, Copy, Debug)]
enum Again {
    /// So often, and the first answer counts.
    First(u32),
    /// At most so often, after such an answer.
    After(u32, After),
}

impl Exchange {
    async fn send(&self, client: &Client, mut request: Request) -> Result<Response, Error> {
        let message = self.call(&mut request);
        lock(&self.provider).key = key_in(request.headers());
        let response = match self.again(&message) {
            Some(again) => self.repeated(client, request, again).await?,
            None => client.execute(request).await?,
        };
        Ok(self.answered(&message.path, response).await)
    }

    /// Changes a call; gives it as a plain value.
    fn call(&self, request: &mut Request) -> Message {
        let url = request.url();
        let query = url.query().map(|query| format!("?{query}"));
        let body = request.body().and_then(Body::as_bytes);
        let before = Bytes::copy_from_slice(body.unwrap_or_default());
        let mut message = Message {
            path: format!("{}{}", url.path(), query.unwrap_or_default()),
            status: None,
            headers: request.headers().clone(),
            body: before.clone(),
        };
        let around = self.around(&self.headers);
        let mutation = &self.server.mutation;
        mutation.change(Seam::UpstreamRequest, &mut message, &around);
        let (path, query) = message.path.split_once('?').unzip();
        request.url_mut().set_path(path.unwrap_or(&message.path));
        request.url_mut().set_query(query);
        if before != message.body {
            *request.body_mut() = Some(message.body.clone().into());
        }
        measure(&mut message.headers, &before, &message.body);
        request.headers_mut().clone_from(&message.headers);
        message
    }

    fn again(&self, message: &Message) -> Option<Again> {
        let around = self.around(&self.headers);
        let images = self
            .asked
            .as_ref()
            .and_then(|asked| asked.get("n")?.as_u64());
        let more = u32::try_from(images.unwrap_or(1))
            .unwrap_or(1)
            .saturating_sub(1);
        self.server
            .mutation
            .hook(message, &around, |hook| match hook {
                Hook::FanOut => Some(Again::First(more)),
                Hook::Retry(times, after) => Some(Again::After(times, after)),
                _ => None,
            })
    }

    async fn repeated(
        &self,
        client: &Client,
        request: Request,
        again: Again,
    ) -> Result<Response, Error> {
        let copy = || {
            request
                .try_clone()
                .unwrap_or_else(|| Request::new(request.method().clone(), request.url().clone()))
        };
        let (mut left, after, keeps_first) = match again {
            Again::First(times) => (times, After::Any, true),
            Again::After(times, after) => (times, after, false),
        };
        let call = async || Ok::<_, Error>(whole(client.execute(copy()).await?).await);
        let mut answer = call().await;
        while left > 0 && is_followed(after, answer.as_ref().ok()) {
            left -= 1;
            let next = call().await;
            if !keeps_first {
                answer = next;
            }
        }
        answer.map(written)
    }

    async fn answered(&self, path: &str, response: Response) -> Response {
        lock(&self.provider).headers.clone_from(response.headers());
        let around = Around {
            asked: self.asked.as_ref(),
            other: None,
        };
        let mutation = &self.server.mutation;
        let mut message = Message {
            path: path.to_owned(),
            status: Some(response.status()),
            headers: response.headers().clone(),
            body: Bytes::new(),
        };
        let is_swallow = |hook| (hook == Hook::SwallowCut).then_some(());
        if mutation.hook(&message, &around, is_swallow).is_some() {
            return without_cut(response);
        }
        if !mutation.acts_at(Seam::UpstreamResponse) || message.is_stream() {
            return response;
        }
        let answer = whole(response).await;
        message.body = answer.body.clone();
        mutation.change(Seam::UpstreamResponse, &mut message, &around);
        measure(&mut message.headers, &answer.body, &message.body);
        written(Whole {
            status: message.status.unwrap_or_default(),
            headers: message.headers,
            body: message.body,
            is_broken: answer.is_broken,
        })
    }
}

/// An answer that was read to its end, good or bad.
struct Whole {
    status: http::StatusCode,
    headers: http::HeaderMap,
    body: Bytes,
    is_broken: bool,
}

async fn whole(mut response: Response) -> Whole {
    let mut body = Vec::new();
    let is_broken = loop {
        match response.chunk().await {
            Ok(Some(piece)) => body.extend_from_slice(&piece),
            Ok(None) => break false,
            Err(_) => break true,
        }
    };
    Whole {
        status: response.status(),
        headers: response.headers().clone(),
        body: body.into(),
        is_broken,
    }
}

/// Whether another call follows an answer, or none.
fn is_followed(after: After, answer: Option<&Whole>) -> bool {
    match after {
        After::Any => true,
        After::Broken => answer.is_some_and(|answer| answer.is_broken),
        After::Failed => {
            answer.is_none_or(|answer| answer.is_broken || answer.status.is_server_error())
        }
    }
}

fn written(answer: Whole) -> Response {
    let end = answer
        .is_broken
        .then(|| Err(std::io::Error::other("it broke off")));
    let pieces = [Ok(answer.body)].into_iter().chain(end);
    let mut response = http::Response::new(Body::wrap_stream(stream::iter(pieces)));
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    response.into()
}

/// An answer that ends properly where it broke off.
fn without_cut(response: Response) -> Response {
    let (status, headers) = (response.status(), response.headers().clone());
    let pieces = response
        .bytes_stream()
        .take_while(|piece| std::future::ready(piece.is_ok()));
    let mut response = http::Response::new(Body::wrap_stream(pieces));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response.into()
}
