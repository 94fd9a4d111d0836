//! `POST /v1/images/variations`: dall-e-2 alone made them. Today it is refused like any model that is gone; with
//! `--legacy-models` it answers as it did.

use super::{Case, Operation, Work, digest, find_token, form, images};
use crate::provider::Call;
use crate::provider::openai::Data;
use crate::provider::openai::error::Refusal;
use crate::provider::openai::validate;
use crate::wire::Request;

/// See the module.
pub(super) struct Variations;

impl Operation for Variations {
    fn id(&self) -> &'static str {
        "images.variations"
    }

    fn read(&self, request: &Request, data: &Data) -> Call {
        if !form::is_announced(request) {
            return Call::default();
        }
        let mut call = form::call(request);
        find_token(&mut call);
        digest::images(self.id(), &mut call, data);
        // There is no prompt to paint, so what is varied is named.
        if let Some(image) = call.images.first() {
            call.prompt = format!(
                "variation of {}",
                &image.sha256[..12.min(image.sha256.len())]
            );
        }
        call
    }

    fn judge<'a>(&self, case: &Case<'a>) -> Result<Work<'a>, Refusal> {
        if !form::is_announced(case.request) {
            return Err(case.unsupported("multipart/form-data"));
        }
        let body = case.call.body.as_ref();
        let body = body.ok_or_else(|| Refusal::new("malformed-form", []))?;
        let wanted = validate::images(self.id(), body, case)?;
        Ok(images::work(wanted, *case))
    }
}
