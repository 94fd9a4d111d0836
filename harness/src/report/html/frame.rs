//! The frame of every HTML file: one file, no network. Its policy allows no script but ours, no image but those
//! inside of it, and nothing from anywhere else.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest as _, Sha256};

use crate::report::markdown::text::is_web;
use crate::report::out::Encoding;

const STYLE: &str = include_str!("report.css");

/// A whole page; title and body are HTML already. The script is ours alone: nothing is ever written into it.
pub(in crate::report) fn frame(title: &str, body: &str, script: Option<&'static str>) -> String {
    let allowed = script.map_or_else(
        || "'none'".to_owned(),
        |script| {
            let hash = BASE64_STANDARD.encode(Sha256::digest(script));
            format!("'sha256-{hash}'")
        },
    );
    let script = script.map_or_else(String::new, |script| format!("<script>{script}</script>\n"));
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; \
         style-src 'unsafe-inline'; script-src {allowed}; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{body}{script}</body>\n</html>\n"
    )
}

/// A text between tags, or inside of double quotes.
pub(in crate::report) fn escaped(text: &str) -> String {
    Encoding::Xml.escape(text)
}

/// A text that leads to an address, if that is one of the web.
pub(in crate::report) fn linked(url: &str, text: &str) -> String {
    let text = escaped(text);
    if is_web(url) {
        format!("<a href=\"{}\">{text}</a>", escaped(url))
    } else {
        text
    }
}
