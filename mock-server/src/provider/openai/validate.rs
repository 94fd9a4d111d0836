//! Judges a generations request as OpenAI does, in its order: unknown names, then types and listed values,
//! then the model and what depends on it.

use serde_json::{Map, Value};

use crate::image::Format;
use crate::provider::Call;
use crate::provider::openai::error::Refusal;
use crate::provider::openai::model::{Family, FreeSizes, Model, Models, edges};
use crate::settings::{Settings, Validation};

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
    let name = judge.text("model")?.filter(|name| !name.is_empty());
    let name = name.unwrap_or(models.defaults.model.as_str());
    let served = models.serving(name, "images.generations", settings);
    // Lenient: an unknown model is as good as the default one.
    let fallback = (!judge.strict).then(|| models.by_id(&models.defaults.model));
    let model = served.or_else(|| fallback.flatten());
    let family = model.map_or(Family::GptImage, |model| model.family);
    judge.names(family)?;
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
    fn names(&self, family: Family) -> Result<(), Refusal> {
        let Some(known) = self.models.parameters.get(&family).filter(|_| self.strict) else {
            return Ok(());
        };
        let stated = self.body.iter().filter(|(_, value)| !value.is_null());
        for (name, _) in stated {
            if !known.contains(name) {
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
        let size = draft.size.filter(|size| size != "auto");
        let size = size.unwrap_or_else(|| defaults.size.clone());
        let checked = size_of(&size, model).map(|()| edges(&size));
        let (width, height) = match checked {
            Ok(Some(pixels)) => pixels,
            Err(refusal) if self.strict => return Err(refusal),
            _ => edges(&defaults.size).unwrap_or((1024, 1024)),
        };
        let resolved = |value: Option<String>, default: &String| {
            let stated = value.filter(|value| value != "auto");
            stated.unwrap_or_else(|| default.clone())
        };
        let wanted = Wanted {
            model,
            n: draft.n,
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

/// Reading single members. A member that is `null` counts as absent; lenient reading drops what does not fit.
impl<'a> Judge<'a, '_> {
    fn member(&self, name: &str) -> Option<&'a Value> {
        self.body.get(name).filter(|value| !value.is_null())
    }

    fn text(&self, name: &'static str) -> Result<Option<&'a str>, Refusal> {
        match self.member(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => self.wrong_type(name, "a string", other),
        }
    }

    fn one_of(&self, name: &'static str, values: &[String]) -> Result<Option<String>, Refusal> {
        match self.text(name)? {
            Some(text) if values.iter().any(|value| value == text) => Ok(Some(text.to_owned())),
            Some(text) if self.strict => {
                let refused = [
                    ("param", name.to_owned()),
                    ("value", text.to_owned()),
                    ("values", enumerated(values)),
                ];
                Err(Refusal::new("invalid-value", refused))
            }
            _ => Ok(None),
        }
    }

    fn number(&self, name: &'static str, [least, most]: [i64; 2]) -> Result<Option<i64>, Refusal> {
        let Some(value) = self.member(name) else {
            return Ok(None);
        };
        let Some(number) = whole(value) else {
            return self.wrong_type(name, "an integer", value);
        };
        let (row, limit) = match number {
            _ if number < least => ("integer-too-small", least),
            _ if number > most => ("integer-too-large", most),
            _ => return Ok(Some(number)),
        };
        if !self.strict {
            return Ok(Some(limit));
        }
        let values = [
            ("param", name.to_owned()),
            ("limit", limit.to_string()),
            ("got", value.to_string()),
        ];
        Err(Refusal::new(row, values))
    }

    fn flag(&self, name: &'static str) -> Result<Option<bool>, Refusal> {
        match self.member(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(other) => self.wrong_type(name, "a boolean", other),
        }
    }

    fn wrong_type<R>(&self, name: &str, expected: &str, got: &Value) -> Result<Option<R>, Refusal> {
        if !self.strict {
            return Ok(None);
        }
        let got = match got {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(number) if number.is_f64() => "a decimal number",
            Value::Number(_) => "an integer",
            Value::String(_) => "a string",
            Value::Array(_) => "an array",
            Value::Object(_) => "an object",
        };
        let values = [
            ("param", name.to_owned()),
            ("expected", expected.to_owned()),
            ("got", got.to_owned()),
        ];
        Err(Refusal::new("invalid-type", values))
    }
}

/// A whole number; beyond the range of `i64` it is as large (or small) as can be, so that a limit refuses it.
fn whole(value: &Value) -> Option<i64> {
    let number = value.as_number()?;
    number
        .as_i64()
        .or_else(|| number.as_u64().map(|_| i64::MAX))
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

fn size_of(size: &str, model: &Model) -> Result<(), Refusal> {
    if model.sizes.named.iter().any(|named| named == size) {
        return Ok(());
    }
    let listed = || {
        let values = [
            ("value", size.to_owned()),
            ("values", and_list(model.sizes.named.iter().cloned())),
        ];
        Refusal::new("invalid-size", values)
    };
    let free = model.sizes.free.as_ref().ok_or_else(listed)?;
    let (width, height) = edges(size).ok_or_else(listed)?;
    match free.broken_rule(width, height) {
        None => Ok(()),
        Some((row, limit)) => {
            let values = [("value", size.to_owned()), ("limit", limit.to_string())];
            Err(Refusal::new(row, values))
        }
    }
}

impl FreeSizes {
    fn broken_rule(&self, width: u32, height: u32) -> Option<(&'static str, u64)> {
        let (long, short) = (width.max(height), width.min(height));
        let pixels = u64::from(width) * u64::from(height);
        let multiple = |edge: u32| edge > 0 && edge.is_multiple_of(self.multiple_of);
        let rules = [
            (
                multiple(width) && multiple(height),
                "size-not-multiple",
                self.multiple_of.into(),
            ),
            (
                long <= self.max_edge,
                "size-edge-too-long",
                self.max_edge.into(),
            ),
            (
                u64::from(long) <= u64::from(short) * u64::from(self.max_ratio),
                "size-aspect",
                self.max_ratio.into(),
            ),
            (
                pixels >= self.min_pixels,
                "size-too-few-pixels",
                self.min_pixels,
            ),
            (
                pixels <= self.max_pixels,
                "size-too-many-pixels",
                self.max_pixels,
            ),
        ];
        let broken = rules.into_iter().find(|(holds, ..)| !holds);
        broken.map(|(_, row, limit)| (row, limit))
    }
}

/// `'low', 'medium', and 'high'`
fn enumerated(values: &[String]) -> String {
    and_list(values.iter().map(|value| format!("'{value}'")))
}

fn and_list(values: impl Iterator<Item = String>) -> String {
    let mut values: Vec<_> = values.collect();
    match values.pop() {
        Some(last) if !values.is_empty() => format!("{}, and {last}", values.join(", ")),
        last => last.unwrap_or_default(),
    }
}
