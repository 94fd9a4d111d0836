//! Images that the gateway hosts itself, for clients that ask for links: kept in memory, bounded in bytes, number and
//! time. When there is no room the oldest go first.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;

use crate::error::{ApiError, row};
use crate::gateway::Gateway;
use crate::limits::Limits;
use crate::random;

/// A format that is recognised by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Png,
    Jpeg,
    Webp,
}

impl Format {
    pub(crate) fn of(image: &[u8]) -> Option<Self> {
        if image.starts_with(b"\x89PNG\r\n\x1a\n") {
            Some(Self::Png)
        } else if image.starts_with(b"\xff\xd8\xff") {
            Some(Self::Jpeg)
        } else if image.starts_with(b"RIFF") && image.get(8..12) == Some(b"WEBP") {
            Some(Self::Webp)
        } else {
            None
        }
    }

    fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpeg",
            Self::Webp => "webp",
        }
    }

    fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Webp => "image/webp",
        }
    }
}

/// The hosted files.
#[derive(Debug)]
pub(crate) struct Store {
    public_url: String,
    max_bytes: usize,
    max_files: usize,
    keep: Duration,
    shelf: Mutex<Shelf>,
}

#[derive(Debug, Default)]
struct Shelf {
    files: HashMap<String, File>,
    /// Names with their times, oldest first.
    ages: VecDeque<(Instant, String)>,
    bytes: usize,
}

#[derive(Clone, Debug)]
struct File {
    format: Format,
    image: Bytes,
}

impl Store {
    pub(crate) fn new(public_url: String, limits: &Limits) -> Self {
        Self {
            public_url,
            max_bytes: limits.hosted_bytes,
            max_files: limits.hosted_images,
            keep: limits.hosted_for,
            shelf: Mutex::default(),
        }
    }

    /// Keeps an image and returns the link to it.
    pub(crate) fn put(&self, format: Format, image: Bytes) -> Result<String, ApiError> {
        let name = format!("{}.{}", random::id()?, format.extension());
        let link = format!("{}/files/{name}", self.public_url);
        let now = Instant::now();
        let mut shelf = self.shelf();
        shelf.bytes += image.len();
        shelf.files.insert(name.clone(), File { format, image });
        shelf.ages.push_back((now, name));
        while shelf.bytes > self.max_bytes || shelf.files.len() > self.max_files {
            shelf.drop_oldest();
        }
        Ok(link)
    }

    fn find(&self, name: &str) -> Option<File> {
        self.shelf().files.get(name).cloned()
    }

    /// The image behind a link of this gateway's, if it is one, with its media type.
    pub(crate) fn behind(&self, link: &str) -> Option<(&'static str, Bytes)> {
        let below = link.strip_prefix(&self.public_url)?;
        let file = self.find(below.strip_prefix("/files/")?)?;
        Some((file.format.media_type(), file.image))
    }

    /// The shelf without what is too old.
    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        while shelf
            .ages
            .front()
            .is_some_and(|(since, _)| since.elapsed() >= self.keep)
        {
            shelf.drop_oldest();
        }
        shelf
    }
}

impl Shelf {
    fn drop_oldest(&mut self) {
        if let Some(file) = self
            .ages
            .pop_front()
            .and_then(|(_, name)| self.files.remove(&name))
        {
            self.bytes -= file.image.len();
        }
    }
}

/// `GET /files/{name}`: no credentials, because the name cannot be guessed.
pub(crate) async fn serve(
    State(gateway): State<Arc<Gateway>>,
    name: Result<Path<String>, PathRejection>,
) -> Result<Response, ApiError> {
    let Path(name) = name.map_err(|_| row::NO_FILE)?;
    let file = gateway.store.find(&name).ok_or(row::NO_FILE)?;
    let mut response = Response::new(Body::from(file.image));
    for (name, value) in [
        (header::CONTENT_TYPE, file.format.media_type()),
        (header::CACHE_CONTROL, "private, max-age=3600, immutable"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(limits: &Limits) -> (Store, impl Fn(&Store, usize) -> String + use<>) {
        let put = |store: &Store, size: usize| {
            let link = store.put(Format::Png, vec![0; size].into()).unwrap();
            link.strip_prefix("http://g/files/").unwrap().to_owned()
        };
        (Store::new("http://g".to_owned(), limits), put)
    }

    #[test]
    fn the_oldest_go_when_bytes_or_places_are_short() {
        let (store, put) = store(&Limits {
            hosted_bytes: 10,
            hosted_images: 3,
            ..Limits::default()
        });
        let names: Vec<_> = [4, 4, 4].map(|size| put(&store, size)).into();
        assert!(store.find(&names[0]).is_none());
        assert!(store.find(&names[1]).is_some());
        let small: Vec<_> = [1, 1].map(|size| put(&store, size)).into();
        assert!(store.find(&names[1]).is_none());
        assert!(store.find(&names[2]).is_some());
        assert!(small.iter().all(|name| store.find(name).is_some()));
    }

    #[test]
    fn nothing_is_kept_after_its_time() {
        let (store, put) = store(&Limits {
            hosted_for: Duration::ZERO,
            ..Limits::default()
        });
        let name = put(&store, 1);
        assert!(store.find(&name).is_none());
        assert_eq!(store.shelf().bytes, 0);
    }
}
