//! `POST /v1/images/edits`: a form with files, or JSON with data URLs; one answer or a stream.

use serde_json::Value;

use super::{Case, Operation, Work, digest, find_token, form, images, json};
use crate::provider::Call;
use crate::provider::openai::Data;
use crate::provider::openai::error::Refusal;
use crate::provider::openai::validate::{self, inputs};
use crate::settings::Validation;
use crate::wire::Request;

/// See the module.
pub(super) struct Edits;

impl Operation for Edits {
    fn id(&self) -> &'static str {
        "images.edits"
    }

    fn read(&self, request: &Request, data: &Data) -> Call {
        let mut call = if form::is_announced(request) {
            form::call(request)
        } else {
            let mut call = json::call(request);
            read_images(&mut call);
            call
        };
        find_token(&mut call);
        digest::images(self.id(), &mut call, data);
        call
    }

    fn judge<'a>(&self, case: &Case<'a>) -> Result<Work<'a>, Refusal> {
        let form = form::is_announced(case.request);
        let body = if form {
            let body = case.call.body.as_ref();
            body.ok_or_else(|| Refusal::new("malformed-form", []))?
        } else if case.request.media_type() == "application/json" {
            case.json()?
        } else {
            return Err(case.unsupported("multipart/form-data"));
        };
        let world = case.desk.world;
        if world.settings.validation == Validation::Strict && !form {
            inputs::members(body, &case.desk.data.models.inputs)?;
        }
        let wanted = validate::images(self.id(), body, case)?;
        Ok(images::work(wanted, *case))
    }
}

/// `images` and `mask` of the JSON form, as far as they can be read.
fn read_images(call: &mut Call) {
    let Some(body) = &call.body else {
        return;
    };
    let items = body.get("images").and_then(Value::as_array);
    let items = items.into_iter().flatten().enumerate();
    let found = items.filter_map(|(index, item)| {
        images::referred(&format!("images[{index}]"), item.as_object()?)
    });
    call.images = found.collect();
    let mask = body.get("mask").and_then(Value::as_object);
    call.mask = mask.and_then(|mask| images::referred("mask", mask));
}
