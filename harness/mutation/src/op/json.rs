//! Changes of a JSON document, at every place that a pointer names.

use serde_json::{Map, Value, json};

use crate::pointer::{holder, places};
use crate::row::{Arguments, RowError};

/// A change of a JSON document.
#[derive(Clone, Debug)]
pub(crate) struct JsonChange {
    at: String,
    how: How,
}

#[derive(Clone, Debug)]
enum How {
    Add(f64),
    Copy(String),
    Limit(usize),
    Remove,
    Rename(String),
    Repeat,
    Reverse,
    Scale(f64),
    Set(Value),
    Stringify,
    Swap(String),
    Wrap(Option<String>),
}

impl JsonChange {
    pub(crate) fn parse(name: &str, arguments: &mut Arguments) -> Result<Option<Self>, RowError> {
        let at = arguments.at()?;
        let how = match name {
            "add" => How::Add(factor(arguments)?),
            "copy" => How::Copy(arguments.to()?),
            "limit" => How::Limit(usize::try_from(arguments.number()?).unwrap_or_default()),
            "remove" => How::Remove,
            "rename" => How::Rename(arguments.to()?),
            "repeat" => How::Repeat,
            "reverse" => How::Reverse,
            "scale" => How::Scale(factor(arguments)?),
            "set" => How::Set(arguments.value()?),
            "stringify" => How::Stringify,
            "swap" => How::Swap(arguments.to()?),
            "wrap" => How::Wrap(
                arguments
                    .value
                    .is_some()
                    .then(|| arguments.text())
                    .transpose()?,
            ),
            _ => return Ok(None),
        };
        Ok(Some(Self { at, how }))
    }

    pub(crate) fn apply(&self, json: &mut Value) {
        let mut found = places(json, &self.at);
        // Elements that are taken out move those behind them.
        found.reverse();
        for place in found {
            self.how.apply(json, &place);
        }
    }
}

fn factor(arguments: &mut Arguments) -> Result<f64, RowError> {
    let number = arguments.value()?.as_f64();
    number.ok_or(RowError::Missing("value", "a number"))
}

impl How {
    fn apply(&self, json: &mut Value, place: &str) {
        match self {
            Self::Copy(to) => {
                if let Some(value) = json.pointer(place).cloned() {
                    put(json, to, value);
                }
            }
            Self::Remove => remove(json, place),
            Self::Rename(to) => rename(json, place, to),
            Self::Set(value) => put(json, place, value.clone()),
            Self::Swap(to) => {
                let pair = json.pointer(place).cloned().zip(json.pointer(to).cloned());
                if let Some((here, there)) = pair {
                    put(json, place, there);
                    put(json, to, here);
                }
            }
            _ => {
                if let Some(value) = json.pointer_mut(place) {
                    self.change(value);
                }
            }
        }
    }

    /// Changes that need to know the value only.
    fn change(&self, value: &mut Value) {
        match self {
            Self::Add(more) => number(value, |number| number + more),
            Self::Scale(factor) => number(value, |number| number * factor),
            Self::Stringify => *value = Value::String(value.to_string()),
            Self::Wrap(Some(name)) => {
                *value = Value::Object(Map::from_iter([(name.clone(), value.take())]));
            }
            Self::Wrap(None) => *value = json!([value.take()]),
            _ => {
                if let Some(list) = value.as_array_mut() {
                    self.change_list(list);
                }
            }
        }
    }

    fn change_list(&self, list: &mut Vec<Value>) {
        match self {
            Self::Limit(most) => list.truncate(*most),
            Self::Repeat => list.extend(list.last().cloned()),
            Self::Reverse => list.reverse(),
            _ => {}
        }
    }
}

/// Whole numbers stay whole.
fn number(value: &mut Value, change: impl Fn(f64) -> f64) {
    let Some(changed) = value.as_f64().map(change) else {
        return;
    };
    *value = match changed.fract() == 0.0 && changed.abs() < 1e15 {
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and small")]
        true => json!(changed as i64),
        false => json!(changed),
    };
}

fn put(json: &mut Value, place: &str, value: Value) {
    if place.is_empty() {
        *json = value;
        return;
    }
    match holder(json, place) {
        Some((Value::Object(members), name)) => drop(members.insert(name, value)),
        Some((Value::Array(list), name)) => match name.parse::<usize>() {
            Ok(at) if at < list.len() => list[at] = value,
            _ => list.push(value),
        },
        _ => {}
    }
}

fn remove(json: &mut Value, place: &str) {
    match holder(json, place) {
        Some((Value::Object(members), name)) => drop(members.shift_remove(&name)),
        Some((Value::Array(list), name)) => {
            if let Ok(at) = name.parse::<usize>()
                && at < list.len()
            {
                list.remove(at);
            }
        }
        _ => {}
    }
}

fn rename(json: &mut Value, place: &str, to: &str) {
    let Some((Value::Object(members), name)) = holder(json, place) else {
        return;
    };
    let renamed = std::mem::take(members).into_iter().map(|(key, value)| {
        let key = if key == name { to.to_owned() } else { key };
        (key, value)
    });
    *members = renamed.collect();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(op: &str, at: &str, value: Option<Value>, to: Option<&str>) -> Value {
        let mut arguments = Arguments {
            at: Some(at.to_owned()),
            value,
            to: to.map(str::to_owned),
        };
        let change = JsonChange::parse(op, &mut arguments).unwrap().unwrap();
        let mut json = json!({ "a": 2, "b": [{ "c": "x" }, { "c": "y" }], "d": "z" });
        change.apply(&mut json);
        json
    }

    #[test]
    fn each_change_does_what_it_says() {
        let list = |list: Value| json!({ "a": 2, "b": list, "d": "z" });
        assert_eq!(
            changed("remove", "/b/*/c", None, None),
            list(json!([{}, {}]))
        );
        assert_eq!(changed("remove", "/b/*", None, None), list(json!([])));
        assert_eq!(
            changed("limit", "/b", Some(json!(1)), None),
            list(json!([{ "c": "x" }]))
        );
        assert_eq!(
            changed("set", "/b/*/c", Some(json!(null)), None),
            list(json!([{ "c": null }, { "c": null }]))
        );
        assert_eq!(changed("scale", "/a", Some(json!(1000)), None)["a"], 2000);
        assert_eq!(changed("add", "/a", Some(json!(-1)), None)["a"], 1);
        assert_eq!(changed("wrap", "/a", None, None)["a"], json!([2]));
        assert_eq!(
            changed("wrap", "/a", Some(json!("w")), None)["a"],
            json!({ "w": 2 })
        );
        assert_eq!(changed("stringify", "/a", None, None)["a"], "2");
        let swapped = changed("swap", "/a", None, Some("/d"));
        assert_eq!((&swapped["a"], &swapped["d"]), (&json!("z"), &json!(2)));
        let renamed = changed("rename", "/b", None, Some("e"));
        assert_eq!(
            renamed.as_object().unwrap().keys().collect::<Vec<_>>(),
            ["a", "e", "d"]
        );
        assert_eq!(
            changed("copy", "/b/0", None, Some("/b/1"))["b"][1]["c"],
            "x"
        );
        assert_eq!(
            changed("repeat", "/b", None, None)["b"]
                .as_array()
                .unwrap()
                .len(),
            3
        );
    }
}
