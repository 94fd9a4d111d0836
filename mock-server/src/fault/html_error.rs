//! `html-error[=status]`: a page of a proxy on the way instead of the provider's answer.

use bytes::Bytes;
use http::StatusCode;

use crate::fault::{Fault, Site};
use crate::scenario::Element;
use crate::vocabulary::Vocabulary;
use crate::wire::{Answer, Step};

/// See the module.
pub(super) struct HtmlError;

impl Fault for HtmlError {
    fn name(&self) -> &'static str {
        "html-error"
    }

    fn summary(&self) -> &'static str {
        "answers with the HTML page of a proxy (502 without a value)"
    }

    fn check(&self, value: Option<&str>, _: &Vocabulary) -> Result<(), String> {
        status(value).map(drop)
    }

    fn apply(&self, answer: &mut Answer, element: &Element, _: &Site<'_>) {
        let status = status(element.value.as_deref()).unwrap_or(502);
        let reason = StatusCode::from_u16(status).ok();
        let reason = reason.and_then(|status| status.canonical_reason());
        let title = format!("{status} {}", reason.unwrap_or("Error"));
        let page = format!(
            "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n<hr><center>cloudflare</center>\r\n</body>\r\n</html>\r\n"
        );
        let headers = vec![("content-type".to_owned(), "text/html".to_owned())];
        let head = |step: &Step| matches!(step, Step::Head);
        let at = answer.steps.iter().position(head).unwrap_or_default();
        let mut steps: Vec<_> = answer.steps.drain(..at).collect();
        let mut page = Answer::whole(status, headers, vec![Bytes::from(page)]);
        steps.append(&mut page.steps);
        page.summary.condition = self.name().to_owned();
        *answer = Answer { steps, ..page };
    }
}

fn status(value: Option<&str>) -> Result<u16, String> {
    let parsed = value.map_or(Ok(502), str::parse);
    let status = parsed.ok().filter(|status| (400..600).contains(status));
    status.ok_or_else(|| "a status from 400 to 599".to_owned())
}
