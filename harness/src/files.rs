//! The images that cases send: built in, and the user's own from `--cases DIR`.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;

/// The folder of a set of cases.
const FOLDER: &str = "images";

/// Files by name.
#[derive(Clone, Debug, Default)]
pub struct Files(BTreeMap<String, Bytes>);

impl Files {
    /// Those that are built in.
    #[must_use]
    pub fn builtin() -> Self {
        let files = fixtures::files(FOLDER).into_iter();
        Self(
            files
                .map(|(name, bytes)| (name.to_owned(), Bytes::from_static(bytes)))
                .collect(),
        )
    }

    /// Adds the files of a user's folder; one of the same name takes the place of a built-in one.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn add(&mut self, cases: &Path) -> std::io::Result<()> {
        let folder = cases.join(FOLDER);
        if !folder.is_dir() {
            return Ok(());
        }
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            if let Some(name) = path.file_name().filter(|_| path.is_file()) {
                let bytes = std::fs::read(&path)?;
                self.0
                    .insert(name.to_string_lossy().into_owned(), bytes.into());
            }
        }
        Ok(())
    }

    /// The names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The bytes of a file by its name, or of a `data:` URL that a step has saved.
    ///
    /// # Errors
    /// No file has this name; the URL is none.
    pub fn bytes(&self, name: &str) -> Result<Bytes, String> {
        if let Some(url) = name.strip_prefix("data:") {
            let payload = url.split_once(";base64,").map(|(_, payload)| payload);
            let decoded = payload.and_then(|payload| BASE64_STANDARD.decode(payload).ok());
            return decoded
                .map(Bytes::from)
                .ok_or_else(|| "a saved value is no data URL".to_owned());
        }
        self.0
            .get(name)
            .cloned()
            .ok_or_else(|| format!("no file of images/ is called '{name}'"))
    }

    /// The file as base64.
    ///
    /// # Errors
    /// As [`bytes`](Self::bytes).
    pub fn base64(&self, name: &str) -> Result<String, String> {
        Ok(BASE64_STANDARD.encode(self.bytes(name)?))
    }
}

/// The media type of a file by its name's ending, or of a `data:` URL.
#[must_use]
pub fn media_type(name: &str) -> &str {
    if let Some(url) = name.strip_prefix("data:") {
        return url.split([';', ',']).next().unwrap_or_default();
    }
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("webp") => "image/webp",
        Some("txt") => "text/plain",
        _ => "application/octet-stream",
    }
}
