//! Variables in cases: `${name}` as a whole string takes the value's JSON type, inside text it is spliced,
//! `$${` is literal.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// The variables that a step may use.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    values: BTreeMap<String, Value>,
}

impl Scope {
    /// Adds a variable; a later one replaces an earlier one of the same name.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        self.values.insert(name.into(), value.into());
    }

    /// The value of a variable.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }

    /// Fills every variable of a value in.
    ///
    /// # Errors
    /// The JSON pointer of an unknown variable, with the known ones; or of a `${` that is never closed.
    pub fn fill(&self, value: &Value) -> Result<Value, VarError> {
        self.fill_at(value, "")
    }

    fn fill_at(&self, value: &Value, pointer: &str) -> Result<Value, VarError> {
        match value {
            Value::String(text) => self.fill_text(text, pointer),
            Value::Array(items) => {
                let filled = items.iter().enumerate();
                let filled =
                    filled.map(|(index, item)| self.fill_at(item, &format!("{pointer}/{index}")));
                filled.collect::<Result<Vec<_>, _>>().map(Value::Array)
            }
            Value::Object(members) => {
                let filled = members.iter().map(|(name, member)| {
                    let pointer = format!("{pointer}/{}", escape(name));
                    Ok((name.clone(), self.fill_at(member, &pointer)?))
                });
                filled.collect::<Result<Map<_, _>, _>>().map(Value::Object)
            }
            other => Ok(other.clone()),
        }
    }

    fn fill_text(&self, text: &str, pointer: &str) -> Result<Value, VarError> {
        let mut pieces = parse(text).map_err(|()| VarError {
            pointer: pointer.to_owned(),
            problem: format!("'{text}' has a ${{ without its }}"),
        })?;
        if let [Piece::Variable(name)] = pieces.as_slice() {
            return self.lookup(name, pointer).cloned();
        }
        let mut out = String::new();
        for piece in pieces.drain(..) {
            match piece {
                Piece::Text(text) => out.push_str(&text),
                Piece::Variable(name) => match self.lookup(&name, pointer)? {
                    Value::String(text) => out.push_str(text),
                    other => out.push_str(&other.to_string()),
                },
            }
        }
        Ok(Value::String(out))
    }

    fn lookup(&self, name: &str, pointer: &str) -> Result<&Value, VarError> {
        self.values.get(name).ok_or_else(|| {
            let known: Vec<_> = self.values.keys().map(String::as_str).collect();
            VarError {
                pointer: pointer.to_owned(),
                problem: format!(
                    "unknown variable ${{{name}}}: known are {}",
                    known.join(", ")
                ),
            }
        })
    }
}

enum Piece {
    Text(String),
    Variable(String),
}

fn parse(text: &str) -> Result<Vec<Piece>, ()> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, after) = rest.split_at(at);
        if let Some(before) = before.strip_suffix('$') {
            literal.push_str(before);
            literal.push_str("${");
            rest = &after[2..];
            continue;
        }
        literal.push_str(before);
        let (name, tail) = after[2..].split_once('}').ok_or(())?;
        if !literal.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut literal)));
        }
        pieces.push(Piece::Variable(name.to_owned()));
        rest = tail;
    }
    literal.push_str(rest);
    if !literal.is_empty() || pieces.is_empty() {
        pieces.push(Piece::Text(literal));
    }
    Ok(pieces)
}

/// Escapes a member name for a JSON pointer.
pub(crate) fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// A variable that cannot be filled in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at {pointer}: {problem}")]
pub struct VarError {
    /// Where in the value.
    pub pointer: String,
    /// What is wrong, and what is known.
    pub problem: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn scope() -> Scope {
        let mut scope = Scope::default();
        scope.set("n", 2);
        scope.set("size", "1024x1024");
        scope
    }

    #[test]
    fn whole_variables_keep_their_type_and_text_is_spliced() {
        let filled = scope()
            .fill(&json!({"n": "${n}", "t": "n=${n}, ${size}", "l": "$${n}"}))
            .unwrap();
        assert_eq!(filled, json!({"n": 2, "t": "n=2, 1024x1024", "l": "${n}"}));
    }

    #[test]
    fn an_unknown_variable_is_located() {
        let error = scope().fill(&json!({"a/b": ["${m}"]})).unwrap_err();
        assert_eq!(
            error.to_string(),
            "at /a~1b/0: unknown variable ${m}: known are n, size"
        );
        assert!(scope().fill(&json!("${n")).is_err());
    }
}
