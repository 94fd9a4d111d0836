//! Judges the members of an image request as OpenAI does, in its order: unknown names, then types and listed values,
//! then the model and what depends on it.

pub(super) mod inputs;
mod member;
mod size;
pub(super) mod text;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::image::Format;
use crate::provider::Call;
use crate::provider::openai::Desk;
use crate::provider::openai::error::Refusal;
use crate::provider::openai::model::{Family, Model, Models, edges};
use crate::provider::openai::operation::Case;
use crate::settings::Validation;
use size::size_of;

/// A request that the provider takes, with everything resolved.
#[derive(Clone, Debug)]
pub(super) struct Wanted<'m> {
    /// What the names of events begin with.
    pub(super) events: &'static str,
    /// The number of input images.
    pub(super) inputs: u64,
    pub(super) model: &'m Model,
    pub(super) n: u64,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) quality: String,
    pub(super) background: String,
    pub(super) format: Format,
    pub(super) compression: Option<u8>,
    pub(super) stream: bool,
    pub(super) partial_images: u8,
    /// Who it is for, as the answer tells it again.
    pub(super) safety_identifier: Option<String>,
    pub(super) as_url: bool,
}

/// Judges the members of a call of the Images API.
///
/// # Errors
/// The refusal of the provider.
pub(super) fn images<'a>(
    operation: &'static str,
    body: &Map<String, Value>,
    case: &Case<'a>,
) -> Result<Wanted<'a>, Refusal> {
    let judge = Judge::new(operation, body, case.desk);
    let (name, model) = judge.model(case.desk);
    judge.names(model)?;
    judge.text("model")?;
    if operation != "images.variations" {
        judge.prompt()?;
    }
    let draft = judge.members(model)?;
    let takes_images = operation != "images.generations";
    if takes_images && judge.strict {
        let place = if case.call.shown.is_some() {
            "image"
        } else {
            "images"
        };
        inputs::uploaded(case.call, place, &judge.models.inputs)?;
    }
    let model = model.ok_or_else(|| judge.no_model(name))?;
    if takes_images && judge.strict {
        inputs::fitting(case.call, model, &judge.models.inputs)?;
    }
    judge.with_model(draft, model, case)
}

/// Judges the image generation tool of the Responses API.
///
/// # Errors
/// The refusal of the provider, about a member of the tool.
pub(super) fn tool<'a>(tool: &Map<String, Value>, case: &Case<'a>) -> Result<Wanted<'a>, Refusal> {
    let judge = Judge::new("responses", tool, case.desk);
    let (name, model) = judge.model(case.desk);
    judge.names(model)?;
    judge.text("model")?;
    judge.one_of("action", &judge.models.values.action)?;
    let draft = judge.members(model)?;
    let model = model.ok_or_else(|| judge.no_model(name))?;
    judge.with_model(draft, model, case)
}

struct Judge<'b, 'm> {
    operation: &'static str,
    body: &'b Map<String, Value>,
    models: &'m Models,
    strict: bool,
}

impl<'b, 'm> Judge<'b, 'm> {
    fn new(operation: &'static str, body: &'b Map<String, Value>, desk: &Desk<'m>) -> Self {
        Self {
            operation,
            body,
            models: &desk.data.models,
            strict: desk.world.settings.validation == Validation::Strict,
        }
    }

    /// The model by its name, and what serves it, if anything does.
    fn model(&self, desk: &Desk<'m>) -> (&'b str, Option<&'m Model>)
    where
        'm: 'b,
    {
        let stated = self.body.get("model").and_then(Value::as_str);
        let default = self.models.default_model(self.operation);
        let name = stated.filter(|name| !name.is_empty()).unwrap_or(default);
        // The tool is served by what serves generations.
        let served_as = match self.operation {
            "responses" => "images.generations",
            operation => operation,
        };
        let served = self.models.serving(name, served_as, &desk.world.settings);
        // Lenient: an unknown model is as good as the default one.
        let fallback = (!self.strict).then(|| self.models.by_id(default));
        (name, served.or_else(|| fallback.flatten()))
    }

    /// Why a model does not serve this operation.
    fn no_model(&self, name: &str) -> Refusal {
        let only = &self.models.defaults.variation_model;
        if self.operation == "images.variations" && name != only {
            let values = [("value", name.to_owned()), ("values", only.clone())];
            return Refusal::new("model-value", values);
        }
        Refusal::new("model-not-found", [("model", name.to_owned())])
    }
}

/// The members, each good by itself.
struct Draft {
    n: u64,
    size: Option<String>,
    quality: Option<String>,
    background: Option<String>,
    format: Format,
    compression: Option<u8>,
    stream: bool,
    partial_images: u8,
    fidelity: bool,
    safety_identifier: Option<String>,
    as_url: bool,
}

impl Judge<'_, '_> {
    fn names(&self, model: Option<&Model>) -> Result<(), Refusal> {
        let family = model.map_or(Family::GptImage, |model| model.family);
        // dall-e-2 has but one quality and does not know the name (recorded in 2026-03).
        let one_quality = model.is_some_and(|model| model.qualities.is_empty());
        let Some(known) = self.known(family) else {
            return Ok(());
        };
        let stated = self.body.iter().filter(|(_, value)| !value.is_null());
        for (name, _) in stated {
            if !known.contains(name) || (one_quality && name == "quality") {
                return Err(Refusal::new("unknown-parameter", [("param", name.clone())]));
            }
        }
        Ok(())
    }

    /// The members that are known, if that is looked at.
    fn known(&self, family: Family) -> Option<&Vec<String>> {
        let known = self.models.parameters.get(self.operation)?.get(&family);
        known.filter(|_| self.strict)
    }

    fn prompt(&self) -> Result<(), Refusal> {
        let prompt = self.text("prompt")?;
        let param = || [("param", "prompt".to_owned())];
        match prompt {
            None if self.strict => Err(Refusal::new("missing-parameter", param())),
            Some("") if self.strict => Err(Refusal::new("empty-string", param())),
            _ => Ok(()),
        }
    }

    fn members(&self, model: Option<&Model>) -> Result<Draft, Refusal> {
        let fallback = self.models.by_id(self.models.default_model(self.operation));
        let lists = model.or(fallback);
        let list = |of: fn(&Model) -> &Vec<String>| lists.map(of).cloned().unwrap_or_default();
        let n = self.number("n", [1, lists.map_or(10, |model| model.n_max)])?;
        let size = self.text("size")?.map(str::to_owned);
        let quality = self.one_of("quality", &list(|model| &model.qualities))?;
        let background = self.one_of("background", &list(|model| &model.backgrounds))?;
        let values = &self.models.values;
        self.one_of("moderation", &values.moderation)?;
        let format = self.one_of("output_format", &list(|model| &model.formats))?;
        let compression = self.number("output_compression", values.output_compression)?;
        let stream = self.flag("stream")?;
        let partial_images = self.number("partial_images", values.partial_images)?;
        self.one_of("style", &values.style)?;
        self.one_of("complexity", &values.complexity)?;
        self.without_format(&values.needs_format)?;
        let safety = self.text("safety_identifier")?;
        let user = self.text("user")?;
        let fidelity = self.one_of("input_fidelity", &values.input_fidelity)?;
        let response_format = self.one_of("response_format", &values.response_format)?;
        let dall_e = model.is_some_and(|model| model.family == Family::DallE);
        Ok(Draft {
            n: n.and_then(|n| n.try_into().ok()).unwrap_or(1),
            size,
            quality,
            background,
            format: format
                .and_then(|name| name.parse().ok())
                .unwrap_or(Format::Png),
            compression: compression.and_then(|value| value.try_into().ok()),
            stream: stream.unwrap_or(false),
            partial_images: partial_images.and_then(|n| n.try_into().ok()).unwrap_or(0),
            fidelity: fidelity.is_some(),
            safety_identifier: [safety, user]
                .into_iter()
                .flatten()
                .find(|id| !id.is_empty())
                .map(str::to_owned),
            as_url: dall_e && response_format.as_deref() != Some("b64_json"),
        })
    }

    /// Refuses members of output formats that nobody is given.
    fn without_format(&self, needs: &BTreeMap<String, String>) -> Result<(), Refusal> {
        let stated = |name: &String| self.body.get(name).is_some_and(|value| !value.is_null());
        match needs.iter().find(|(name, _)| self.strict && stated(name)) {
            None => Ok(()),
            Some((name, format)) => {
                let values = [("param", name.clone()), ("limit", format.clone())];
                Err(Refusal::new("needs-format", values))
            }
        }
    }

    fn with_model<'m>(
        &self,
        draft: Draft,
        model: &'m Model,
        case: &Case<'_>,
    ) -> Result<Wanted<'m>, Refusal> {
        let defaults = &self.models.defaults;
        let wished = |name: &str| case.order.success.get(name);
        self.prompt_length(model, case.call)?;
        if draft.fidelity && self.strict && !model.input_fidelity {
            let name = [("model", model.id.clone())];
            return Err(Refusal::new("input-fidelity", name));
        }
        let (width, height) = self.pixels(draft.size.as_deref(), wished("size"), model)?;
        let resolved = |value: Option<String>, default: &String| {
            let stated = value.filter(|value| value != "auto");
            stated.unwrap_or_else(|| default.clone())
        };
        let wanted = Wanted {
            events: match self.operation {
                "images.edits" => "image_edit",
                _ => "image_generation",
            },
            inputs: case.call.images.len() as u64,
            model,
            // Only lenient validation lets a stream of more than one image through.
            n: if draft.stream && !self.strict {
                1
            } else {
                draft.n
            },
            width,
            height,
            quality: resolved(
                draft.quality,
                wished("quality").unwrap_or(&defaults.quality),
            ),
            background: resolved(draft.background, &defaults.background),
            format: draft.format,
            compression: draft.compression,
            stream: draft.stream,
            partial_images: draft.partial_images,
            safety_identifier: draft.safety_identifier,
            as_url: draft.as_url,
        };
        if !self.strict {
            return Ok(wanted);
        }
        if wanted.background == "transparent" && model.is_opaque(&case.desk.world.settings) {
            return Err(Refusal::new("transparent-model", []));
        }
        wanted.fits_together()
    }

    /// Width and height; what is no size by itself (`auto`, or nothing) is the one that the scenario wishes, or the
    /// default one.
    fn pixels(
        &self,
        size: Option<&str>,
        wished: Option<&String>,
        model: &Model,
    ) -> Result<(u32, u32), Refusal> {
        let judged = size.map_or(Ok(()), |size| size_of(size, model));
        let stated = match judged {
            Ok(()) => size.and_then(edges),
            Err(refusal) if self.strict => return Err(refusal),
            Err(_) => None,
        };
        let legal = |size: &&String| size_of(size, model).is_ok();
        let default = wished.filter(legal).unwrap_or(&self.models.defaults.size);
        let default = || edges(default);
        Ok(stated.or_else(default).unwrap_or((1024, 1024)))
    }

    fn prompt_length(&self, model: &Model, call: &Call) -> Result<(), Refusal> {
        let got = call.prompt.chars().count();
        if !self.strict || got <= model.prompt_max {
            return Ok(());
        }
        Err(Refusal::new(
            "string-too-long",
            [
                ("param", "prompt".to_owned()),
                ("limit", model.prompt_max.to_string()),
                ("got", got.to_string()),
            ],
        ))
    }
}

impl Wanted<'_> {
    fn fits_together(self) -> Result<Self, Refusal> {
        let transparent = self.background == "transparent";
        if transparent && self.format == Format::Jpeg {
            return Err(Refusal::new("transparent-jpeg", []));
        }
        if self.compression.is_some_and(|value| value < 100) && self.format == Format::Png {
            return Err(Refusal::new("compression-format", []));
        }
        if self.stream && self.n > 1 {
            return Err(Refusal::new("stream-n", []));
        }
        Ok(self)
    }
}

/// `a and b`; `a, b, and c`
fn and_list(values: impl Iterator<Item = String>) -> String {
    let mut values: Vec<_> = values.collect();
    let last = values.pop().unwrap_or_default();
    match values.as_slice() {
        [] => last,
        [first] => format!("{first} and {last}"),
        _ => format!("{}, and {last}", values.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::and_list;

    #[test]
    fn lists_read_as_the_provider_writes_them() {
        let list = |names: &[&str]| and_list(names.iter().map(|name| (*name).to_owned()));
        assert_eq!(list(&["a"]), "a");
        assert_eq!(list(&["a", "b"]), "a and b");
        assert_eq!(list(&["a", "b", "c"]), "a, b, and c");
    }
}
