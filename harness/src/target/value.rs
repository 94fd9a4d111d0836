//! Values of `[start]`, `[reset]` and `[stop]`: `${upstream}`, `${target}` and `${port}` are filled in when the run
//! knows them, `$NAME` is read from the environment, `$$` is a dollar.

use crate::target::Secret;

/// What may stand between `${` and `}`.
const KNOWN: &[&str] = &["port", "target", "upstream"];

/// What a run knows.
#[derive(Clone, Copy)]
pub struct Known<'k> {
    /// The mock as the target sees it; none with a real provider behind the target.
    pub upstream: Option<&'k str>,
    /// The target's address.
    pub target: &'k str,
    /// The port of that address.
    pub port: u16,
    /// Reads environment variables.
    pub env: &'k (dyn Fn(&str) -> Option<String> + Sync),
}

/// A piece of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece<'t> {
    Text(&'t str),
    /// `${name}`.
    Filled(&'t str),
    /// `$NAME`.
    Environment(&'t str),
}

impl Known<'_> {
    /// A value with everything filled in.
    ///
    /// # Errors
    /// What there is not, in one sentence.
    pub fn fill(&self, text: &str) -> Result<String, String> {
        let mut out = String::new();
        for piece in pieces(text)? {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Filled("port") => out.push_str(&self.port.to_string()),
                Piece::Filled("target") => out.push_str(self.target),
                Piece::Filled(_) => out.push_str(self.upstream.ok_or(
                    "${upstream} is the mock, and there is none: the run was told that a real provider is behind the target",
                )?),
                Piece::Environment(name) => {
                    let value = (self.env)(name);
                    out.push_str(&value.ok_or_else(|| format!("the variable {name} is not set"))?);
                }
            }
        }
        Ok(out)
    }
}

/// Whether a value holds `${name}`.
#[must_use]
pub fn mentions(text: &str, name: &str) -> bool {
    pieces(text).is_ok_and(|pieces| pieces.contains(&Piece::Filled(name)))
}

/// Says whether a value can be filled in at all.
///
/// # Errors
/// A `${…}` that there is not, or that is not closed.
pub fn check(text: &str) -> Result<(), String> {
    pieces(text).map(|_| ())
}

/// What a value takes from the environment, as far as it is set: it must never be shown.
pub fn secrets(text: &str, env: &dyn Fn(&str) -> Option<String>) -> Vec<Secret> {
    let pieces = pieces(text).unwrap_or_default().into_iter();
    let named = pieces.filter_map(|piece| match piece {
        Piece::Environment(name) => Some(Secret {
            value: env(name).filter(|value| !value.is_empty())?,
            shown: format!("${name}"),
        }),
        _ => None,
    });
    named.collect()
}

fn pieces(text: &str) -> Result<Vec<Piece<'_>>, String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        found.push(Piece::Text(&rest[..at]));
        let after = &rest[at + 1..];
        let name_ends = after
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(after.len());
        if let Some(tail) = after.strip_prefix('$') {
            found.push(Piece::Text("$"));
            rest = tail;
        } else if let Some(tail) = after.strip_prefix('{') {
            let (name, tail) = tail
                .split_once('}')
                .ok_or_else(|| format!("'{text}' has a ${{ without its }}"))?;
            if !KNOWN.contains(&name) {
                return Err(format!(
                    "unknown ${{{name}}}: known are ${{port}}, ${{target}} and ${{upstream}}; a variable of the environment is written $NAME, a dollar $$"
                ));
            }
            found.push(Piece::Filled(name));
            rest = tail;
        } else if name_ends > 0 && !after.starts_with(|c: char| c.is_ascii_digit()) {
            found.push(Piece::Environment(&after[..name_ends]));
            rest = &after[name_ends..];
        } else {
            found.push(Piece::Text("$"));
            rest = after;
        }
    }
    found.push(Piece::Text(rest));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str) -> Result<String, String> {
        let env = |name: &str| (name == "KEY").then(|| "sk-1".to_owned());
        let known = Known {
            upstream: Some("http://127.0.0.1:9100"),
            target: "http://127.0.0.1:4000",
            port: 4000,
            env: &env,
        };
        known.fill(text)
    }

    #[test]
    fn values_are_filled_in() {
        for (text, wanted) in [
            ("${upstream}/v1", "http://127.0.0.1:9100/v1"),
            ("--port=${port}", "--port=4000"),
            ("Bearer $KEY!", "Bearer sk-1!"),
            ("a$$KEY$", "a$KEY$"),
            ("$1 is cheap", "$1 is cheap"),
        ] {
            assert_eq!(filled(text).as_deref(), Ok(wanted));
        }
        assert!(filled("$NONE").unwrap_err().contains("NONE is not set"));
        assert!(filled("${pot}").unwrap_err().contains("known are ${port}"));
        assert!(filled("${port").is_err());
    }

    #[test]
    fn what_comes_from_the_environment_is_secret() {
        let env = |_: &str| Some("hush".to_owned());
        let found = secrets("x $KEY ${port} $$NO", &env);
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].value.as_str(), found[0].shown.as_str()),
            ("hush", "$KEY")
        );
        assert!(mentions("${upstream}/v1", "upstream") && !mentions("$upstream", "upstream"));
    }
}
