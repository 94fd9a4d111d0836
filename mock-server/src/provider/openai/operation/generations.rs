//! `POST /v1/images/generations`, JSON and stream.

use super::{Case, Operation, Work, digest, find_token, images, json};
use crate::provider::Call;
use crate::provider::openai::Data;
use crate::provider::openai::error::Refusal;
use crate::provider::openai::validate;
use crate::wire::Request;

/// See the module.
pub(super) struct Generations;

impl Operation for Generations {
    fn id(&self) -> &'static str {
        "images.generations"
    }

    fn read(&self, request: &Request, data: &Data) -> Call {
        let mut call = json::call(request);
        find_token(&mut call);
        digest::images(self.id(), &mut call, data);
        call
    }

    fn judge<'a>(&self, case: &Case<'a>) -> Result<Work<'a>, Refusal> {
        let body = case.json()?;
        let wanted = validate::images(self.id(), body, case)?;
        Ok(images::work(wanted, *case))
    }
}
