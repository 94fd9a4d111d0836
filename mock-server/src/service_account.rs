//! A Google key file for clients that want one: a fixed throw-away key, which opens nothing.

use serde_json::{Map, Value};

use crate::catalogue::CatalogueError;

/// Where the key is kept, below `fixtures/`.
const PATH: &str = "credentials/service-account.json";

/// The key file; `token_uri` is where its reader will ask for tokens.
///
/// # Errors
/// The embedded file is missing or of another form.
pub fn key_file(token_uri: Option<&str>) -> Result<Map<String, Value>, CatalogueError> {
    let text = fixtures::text(PATH).ok_or_else(|| CatalogueError::Missing(PATH.into()))?;
    let form = |source| CatalogueError::Form {
        path: PATH.into(),
        source,
    };
    let mut file: Map<String, Value> = serde_json::from_str(text).map_err(form)?;
    if let Some(address) = token_uri {
        file.insert("token_uri".into(), address.into());
    }
    Ok(file)
}
