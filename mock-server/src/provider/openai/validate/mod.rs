//! Judges a generations request as OpenAI does, in its order: unknown names, then types and listed values,
//! then the model and what depends on it.

mod member;
mod size;

use serde_json::{Map, Value};

use crate::image::Format;
use crate::provider::Call;
use crate::provider::openai::error::Refusal;
use crate::provider::openai::model::{Family, Model, Models, edges};
use crate::settings::{Settings, Validation};
use size::size_of;

/// A request that the provider takes, with everything resolved.
#[derive(Clone, Debug)]
pub(super) struct Wanted<'m> {
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
    pub(super) as_url: bool,
}

/// Judges the body of a call.
///
/// # Errors
/// The refusal of the provider.
pub(super) fn generations<'m>(
    body: &Map<String, Value>,
    call: &Call,
    models: &'m Models,
    settings: &Settings,
) -> Result<Wanted<'m>, Refusal> {
    let judge = Judge {
        body,
        models,
        strict: settings.validation == Validation::Strict,
    };
    let stated = body.get("model").and_then(Value::as_str);
    let name = stated.filter(|name| !name.is_empty());
    let name = name.unwrap_or(models.defaults.model.as_str());
    let served = models.serving(name, "images.generations", settings);
    // Lenient: an unknown model is as good as the default one.
    let fallback = (!judge.strict).then(|| models.by_id(&models.defaults.model));
    let model = served.or_else(|| fallback.flatten());
    judge.names(model)?;
    judge.text("model")?;
    judge.prompt()?;
    let draft = judge.members(model)?;
    let model =
        model.ok_or_else(|| Refusal::new("model-not-found", [("model", name.to_owned())]))?;
    judge.with_model(draft, model, call)
}

struct Judge<'a, 'm> {
    body: &'a Map<String, Value>,
    models: &'m Models,
    strict: bool,
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
    as_url: bool,
}

impl Judge<'_, '_> {
    fn names(&self, model: Option<&Model>) -> Result<(), Refusal> {
        let family = model.map_or(Family::GptImage, |model| model.family);
        // dall-e-2 has but one quality and does not know the name (recorded in 2026-03).
        let one_quality = model.is_some_and(|model| model.qualities.is_empty());
        let Some(known) = self.models.parameters.get(&family).filter(|_| self.strict) else {
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
        let fallback = self.models.by_id(&self.models.defaults.model);
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
            as_url: dall_e && response_format.as_deref() != Some("b64_json"),
        })
    }

    fn with_model<'m>(
        &self,
        draft: Draft,
        model: &'m Model,
        call: &Call,
    ) -> Result<Wanted<'m>, Refusal> {
        let defaults = &self.models.defaults;
        self.prompt_length(model, call)?;
        let (width, height) = self.pixels(draft.size.as_deref(), model)?;
        let resolved = |value: Option<String>, default: &String| {
            let stated = value.filter(|value| value != "auto");
            stated.unwrap_or_else(|| default.clone())
        };
        let wanted = Wanted {
            model,
            // Only lenient validation lets a stream of more than one image through.
            n: if draft.stream && !self.strict {
                1
            } else {
                draft.n
            },
            width,
            height,
            quality: resolved(draft.quality, &defaults.quality),
            background: resolved(draft.background, &defaults.background),
            format: draft.format,
            compression: draft.compression,
            stream: draft.stream,
            partial_images: draft.partial_images,
            as_url: draft.as_url,
        };
        if self.strict {
            wanted.fits_together()
        } else {
            Ok(wanted)
        }
    }

    /// Width and height; what is no size by itself (`auto`, or nothing) is the default one.
    fn pixels(&self, size: Option<&str>, model: &Model) -> Result<(u32, u32), Refusal> {
        let judged = size.map_or(Ok(()), |size| size_of(size, model));
        let stated = match judged {
            Ok(()) => size.and_then(edges),
            Err(refusal) if self.strict => return Err(refusal),
            Err(_) => None,
        };
        let default = || edges(&self.models.defaults.size);
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
