//! What a request asks for, in whatever form it was sent.

use serde_json::{Map, Value};

use crate::case::RequestStep;
use crate::exchange::Sent;
use crate::operation::Protocol;

/// So many images Imagen makes for a request that does not say how many.
const IMAGEN_DEFAULT: u64 = 4;

/// No provider makes as many for one request.
const MOST_ASKED: u64 = 100;

/// The members of a request: of its JSON object, or the text fields of its form.
#[must_use]
pub fn members(step: &RequestStep, sent: &Sent) -> Option<Map<String, Value>> {
    if let Some(parts) = &step.multipart {
        let texts = parts.iter().filter_map(|part| {
            let text = part.text.clone()?;
            Some((part.name.clone(), Value::String(text)))
        });
        return Some(texts.collect());
    }
    serde_json::from_slice(sent.body.as_ref()?).ok()
}

/// How many images a request asks for; of a conversation, how many answers.
#[must_use]
pub fn images(step: &RequestStep, sent: &Sent) -> u64 {
    let protocol = step.operation.map(crate::operation::Operation::protocol);
    let Some(members) = members(step, sent) else {
        return 0;
    };
    let stated = match protocol {
        Some(Protocol::Models) => return 0,
        Some(Protocol::Content) => nested(&members, "generationConfig", "candidateCount"),
        Some(Protocol::Predict) => {
            return nested(&members, "parameters", "sampleCount").unwrap_or(IMAGEN_DEFAULT);
        }
        _ => members.get("n").and_then(number),
    };
    // A number that nobody makes is refused: the money line shall not speak of it.
    stated.filter(|n| *n <= MOST_ASKED).unwrap_or(1)
}

fn nested(members: &Map<String, Value>, outer: &str, inner: &str) -> Option<u64> {
    members.get(outer)?.get(inner).and_then(number)
}

/// A number, however it is written (2.0 is 2), or the text of one: forms have nothing else.
fn number(value: &Value) -> Option<u64> {
    let whole = || {
        let number = value.as_f64().filter(|number| number.fract() == 0.0)?;
        format!("{number:.0}").parse().ok()
    };
    value
        .as_u64()
        .or_else(whole)
        .or_else(|| value.as_str()?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_number_is_read_however_it_is_written() {
        for (value, expected) in [
            (json!(3), Some(3)),
            (json!(2.0), Some(2)),
            (json!(1e1), Some(10)),
            (json!(" 4 "), Some(4)),
            (json!(1.5), None),
            (json!(-1), None),
            (json!("two"), None),
            (json!(true), None),
        ] {
            assert_eq!(number(&value), expected, "{value}");
        }
    }
}
