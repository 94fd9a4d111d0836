//! A JSON answer with images: whether it is one, where its image data lie, and the same answer with links instead.

use std::borrow::Cow;
use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::error::{ApiError, row};
use crate::hosting::{Format, Store};
use crate::json::Members;

/// An answer that was found to hold at least one image, and nothing but images in `data`.
#[derive(Debug)]
pub(super) struct Answer<'a> {
    body: &'a [u8],
    items: Vec<Item<'a>>,
}

#[derive(Debug, Deserialize)]
struct Item<'a> {
    #[serde(borrow, default)]
    b64_json: Option<&'a RawValue>,
    #[serde(borrow, default)]
    url: Option<&'a RawValue>,
}

impl<'a> Answer<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Fields<'a> {
            #[serde(borrow)]
            data: Vec<Item<'a>>,
        }

        let Fields { data: items } = serde_json::from_slice(body).ok()?;
        let are_images = items
            .iter()
            .all(|item| is_filled(item.b64_json) || is_filled(item.url));
        (are_images && !items.is_empty()).then_some(Self { body, items })
    }

    /// Where in the body the base64 is.
    pub(super) fn image_data(&self) -> Vec<Range<usize>> {
        self.items
            .iter()
            .filter_map(|item| item.b64_json)
            .map(|data| place(self.body, data))
            .collect()
    }

    /// The answer with every image moved into the store and a link in its place; all else stays as it is.
    pub(super) fn hosted(&self, store: &Store) -> Result<Vec<u8>, ApiError> {
        // All are decoded before any is stored: an answer is hosted as a whole or not at all.
        let images: Vec<Option<(Format, Bytes)>> = self
            .items
            .iter()
            .map(|item| item.b64_json.filter(|data| is_filled(Some(data))))
            .map(|data| data.map(decode).transpose())
            .collect::<Result<_, _>>()?;
        let unusable = |_| row::UPSTREAM_UNUSABLE;
        let mut answer: Members<'_> = serde_json::from_slice(self.body).map_err(unusable)?;
        let data = answer.text("data").unwrap_or_default();
        let mut items: Vec<Members<'_>> = serde_json::from_str(data).map_err(unusable)?;
        let mut with_links = Vec::with_capacity(items.len());
        for (mut item, image) in items.drain(..).zip(images) {
            if let Some((format, image)) = image {
                let url = to_raw_value(&store.put(format, image)?).map_err(unusable)?;
                item.retain(|name, _| name != "url");
                item.replace("b64_json", "url", Cow::Owned(url));
            }
            with_links.push(item);
        }
        let data = to_raw_value(&with_links).map_err(unusable)?;
        drop(with_links);
        answer.replace("data", "data", Cow::Owned(data));
        serde_json::to_vec(&answer).map_err(|_| row::UPSTREAM_UNUSABLE.into())
    }
}

/// Whether a member is a string with something in it.
pub(super) fn is_filled(value: Option<&RawValue>) -> bool {
    value.is_some_and(|value| value.get().starts_with('"') && value.get() != "\"\"")
}

/// Where in `body` a value that was borrowed from it is.
pub(crate) fn place(body: &[u8], value: &RawValue) -> Range<usize> {
    let start = value.get().as_ptr().addr() - body.as_ptr().addr();
    start..start + value.get().len()
}

fn decode(data: &RawValue) -> Result<(Format, Bytes), ApiError> {
    let base64: Cow<'_, str> =
        serde_json::from_str(data.get()).map_err(|_| row::UPSTREAM_UNUSABLE)?;
    let image = STANDARD
        .decode(base64.as_bytes())
        .map_err(|_| row::UPSTREAM_UNUSABLE)?;
    let format = Format::of(&image).ok_or(row::UPSTREAM_UNUSABLE)?;
    Ok((format, image.into()))
}
