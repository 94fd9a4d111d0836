//! The `curl` line that repeats a request without the harness: keys as `$VARIABLE`, the fault of the case's
//! script as a directive in the prompt, no case token.

mod form;

use mock_server::playbook::ScriptText;
use serde_json::Value;

use crate::case::Step;
use crate::exchange::{Exchange, Sent};
use crate::redact::{Piece, Redactor};
use crate::report::out::commands;

/// A longer body is not written into the line.
const LONGEST_BODY: usize = 48 << 10;

/// The line for one exchange of a step.
pub(super) fn curl(redactor: &Redactor, step: &Step, exchange: &Exchange) -> String {
    let sent = &exchange.sent;
    let parts = step.request.multipart.as_deref();
    let body = sent
        .body
        .as_ref()
        .map(|body| with_fault(body, &exchange.token, step.upstream.as_ref()));
    let mut words = vec!["curl".to_owned(), "-i".to_owned()];
    if is_stream(sent)
        || exchange
            .answer()
            .is_some_and(crate::exchange::Received::is_stream)
    {
        words.push("-N".to_owned());
    }
    let implied = if body.is_some() { "POST" } else { "GET" };
    if sent.method != implied {
        words.extend(["-X".to_owned(), quoted(redactor, &sent.method)]);
    }
    if sent.url.contains(['[', ']', '{', '}']) {
        words.push("-g".to_owned());
    }
    words.push(quoted(redactor, &sent.url));
    // curl writes a form with a boundary of its own.
    let stated = headers(sent).into_iter();
    for (name, value) in stated.filter(|(name, _)| parts.is_none() || *name != "content-type") {
        // `name;` is how curl takes a header without a value, `name:` would leave it out.
        let header = if value.is_empty() {
            format!("{name};")
        } else {
            format!("{name}: {value}")
        };
        words.extend(["-H".to_owned(), quoted(redactor, &header)]);
    }
    if body.is_some() && !sent.headers.iter().any(|(name, _)| name == "content-type") {
        words.push("-H 'content-type:'".to_owned());
    }
    if let Some(parts) = parts {
        return form::with_parts(redactor, words, parts, |text| {
            let text = with_fault(text.as_bytes(), &exchange.token, step.upstream.as_ref());
            String::from_utf8_lossy(&text).into_owned()
        });
    }
    match body {
        None => words.join(" "),
        Some(body) => with_body(redactor, words, &body),
    }
}

fn headers(sent: &Sent) -> Vec<(&str, &str)> {
    let stated = sent
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let chunked = sent.chunked.then_some(("transfer-encoding", "chunked"));
    stated.chain(chunked).collect()
}

fn is_stream(sent: &Sent) -> bool {
    let body: Option<Value> = sent
        .body
        .as_ref()
        .and_then(|body| serde_json::from_slice(body).ok());
    body.is_some_and(|body| body.get("stream") == Some(&Value::Bool(true)))
}

fn with_body(redactor: &Redactor, mut words: Vec<String>, body: &[u8]) -> String {
    words.push("--data-binary".to_owned());
    if body.len() > LONGEST_BODY {
        words.push(format!(
            "@body.bin  # body.bin: the {} bytes of the body, which are too many for this line",
            body.len()
        ));
        return words.join(" ");
    }
    match std::str::from_utf8(body) {
        Ok(text) if !text.chars().any(commands) && !text.starts_with('@') => {
            words.push(quoted(redactor, text));
            words.join(" ")
        }
        // What is no text, or no text that can be shown, goes through printf.
        _ => format!("printf '{}' | {} @-", octal(body), words.join(" ")),
    }
}

/// The format string of a POSIX `printf` that prints these bytes.
fn octal(body: &[u8]) -> String {
    let written = body.iter().map(|byte| match byte {
        b'\\' => "\\\\".to_owned(),
        b'%' => "%%".to_owned(),
        b'\'' => "\\047".to_owned(),
        b'\n' => "\\n".to_owned(),
        b' '..=b'~' => char::from(*byte).to_string(),
        _ => format!("\\{byte:03o}"),
    });
    written.collect()
}

/// A word for a POSIX shell: single-quoted, but names of variables that hold secrets stand in double quotes.
pub(super) fn quoted(redactor: &Redactor, text: &str) -> String {
    let pieces = redactor.pieces(text);
    let expands = |piece: &Piece<'_>| matches!(piece, Piece::Secret(name) if name.starts_with('$'));
    if pieces.iter().any(expands) {
        let inner = pieces.iter().map(|piece| match piece {
            Piece::Secret(name) if name.starts_with('$') => format!("${{{}}}", &name[1..]),
            Piece::Plain(text) | Piece::Secret(text) => in_double_quotes(text),
        });
        return format!("\"{}\"", unbraced(&inner.collect::<String>()));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    let text = redactor.text(text);
    if !text.is_empty() && text.chars().all(plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// `${VAR}` at the very end needs no braces, and reads better without.
fn unbraced(text: &str) -> String {
    match text
        .strip_suffix('}')
        .and_then(|text| text.rsplit_once("${"))
    {
        Some((before, name)) if !name.contains(['}', '\\']) => format!("{before}${name}"),
        _ => text.to_owned(),
    }
}

fn in_double_quotes(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    for letter in text.chars() {
        if "\\\"$`".contains(letter) {
            quoted.push('\\');
        }
        quoted.push(letter);
    }
    quoted
}

/// The body without the mark of the case; where the script makes the provider fail, with the directive that
/// does the same. Bytes that need no change stay as they are.
fn with_fault(body: &[u8], token: &str, script: Option<&ScriptText>) -> Vec<u8> {
    let directive = script.and_then(directive);
    let Ok(text) = std::str::from_utf8(body) else {
        return body.to_vec();
    };
    let mark = format!("[[case:{token}]]");
    let parsed: Option<Value> = serde_json::from_str(text).ok();
    let prompt = parsed
        .as_ref()
        .and_then(|body| body.get("prompt")?.as_str());
    // The text of a form, or a body that has its prompt elsewhere: a conversation.
    let elsewhere = match &parsed {
        Some(body) => body.get("prompt").is_none() && body.is_object(),
        None => !text.trim_start().starts_with(['{', '[']),
    };
    let Some(prompt) = prompt.or_else(|| {
        elsewhere
            .then_some(text)
            .filter(|text| text.contains(&mark))
    }) else {
        return body.to_vec();
    };
    let bare = prompt.trim() == mark;
    let wanted = match &directive {
        Some(directive) if prompt.contains(&mark) => format!("[[mock:{directive}]]"),
        Some(directive) => return appended(parsed.as_ref(), prompt, directive),
        // An empty prompt would be another request.
        None if bare => return body.to_vec(),
        None => String::new(),
    };
    let spaced = format!(" {mark}");
    if wanted.is_empty() && text.contains(&spaced) {
        return text.replace(&spaced, "").into_bytes();
    }
    text.replace(&mark, &wanted).into_bytes()
}

fn appended(body: Option<&Value>, prompt: &str, directive: &str) -> Vec<u8> {
    let mut body = body.cloned().unwrap_or_default();
    body["prompt"] = format!("{prompt} [[mock:{directive}]]").into();
    body.to_string().into_bytes()
}

/// A script as one directive, none if its first answer is plainly good. A directive without a count stands for
/// every call, an item of a script for one: so counts are written out. Answers that differ from the first one
/// cannot be said in a prompt.
fn directive(script: &ScriptText) -> Option<String> {
    let first = script.answers.first()?;
    if first.directive.split(['*', ';']).next() == Some("ok") {
        return None;
    }
    let same = script
        .answers
        .iter()
        .take_while(|answer| answer.directive == first.directive)
        .count();
    let counted = first
        .directive
        .split(',')
        .map(|part| match part.contains('*') {
            true => part.trim().to_owned(),
            false => format!("{}*{same}", part.trim()),
        });
    let directive = counted.collect::<Vec<_>>().join(",");
    // Anything else would have to be escaped, and no directive needs it.
    directive
        .chars()
        .all(|c| c.is_ascii_graphic() && !"\"\\[]".contains(c))
        .then_some(directive)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::Secret;
    use serde_json::json;

    fn script(answers: &Value) -> ScriptText {
        serde_json::from_value(json!({ "answers": answers })).unwrap()
    }

    fn fault(body: &str, answers: &Value) -> String {
        String::from_utf8(with_fault(
            body.as_bytes(),
            "abcdefgh23",
            Some(&script(answers)),
        ))
        .unwrap()
    }

    #[test]
    fn the_script_becomes_a_directive() {
        let text = |answers: &Value| directive(&script(answers));
        assert_eq!(text(&json!(["ok", "rate-limit"])), None);
        assert_eq!(
            text(&json!([{"do": "ok", "hold": [{"before_event": 1}]}])),
            None
        );
        assert_eq!(
            text(&json!(["rate-limit;retry-after=7"])).as_deref(),
            Some("rate-limit;retry-after=7*1")
        );
        assert_eq!(
            text(&json!(["reset", "reset", "ok"])).as_deref(),
            Some("reset*2")
        );
        assert_eq!(
            text(&json!(["delay=1s,server-error*all"])).as_deref(),
            Some("delay=1s*1,server-error*all")
        );
    }

    #[test]
    fn the_token_goes_and_the_fault_comes() {
        let body = r#"{"prompt":"a fox [[case:abcdefgh23]]","n":1.0}"#;
        assert_eq!(fault(body, &json!(["ok"])), r#"{"prompt":"a fox","n":1.0}"#);
        assert_eq!(
            fault(body, &json!(["reset"])),
            r#"{"prompt":"a fox [[mock:reset*1]]","n":1.0}"#
        );
        assert_eq!(
            fault(r#"{"prompt":"a fox"}"#, &json!(["reset"])),
            r#"{"prompt":"a fox [[mock:reset*1]]"}"#
        );
        for kept in [
            r#"{"prompt":"[[case:abcdefgh23]]"}"#,
            r#"{"prompt":["a"]}"#,
            "{broken [[case:abcdefgh23]]",
        ] {
            assert_eq!(fault(kept, &json!(["ok"])), kept);
        }
    }

    #[test]
    fn words_survive_the_shell() {
        let secret = |value: &str, shown: &str| Secret {
            value: value.into(),
            shown: shown.into(),
        };
        let redactor = Redactor::new(&[
            secret("sk-secret-key-0001", "$API_KEY"),
            secret("other-key-000002", "<upstream key 1>"),
        ]);
        assert_eq!(quoted(&redactor, "plain/word"), "plain/word");
        assert_eq!(quoted(&redactor, "it's $HOME"), r"'it'\''s $HOME'");
        assert_eq!(
            quoted(&redactor, "authorization: Bearer sk-secret-key-0001"),
            "\"authorization: Bearer $API_KEY\""
        );
        assert_eq!(
            quoted(&redactor, "a$b sk-secret-key-0001x`"),
            "\"a\\$b ${API_KEY}x\\`\""
        );
        assert_eq!(
            quoted(&redactor, "k: other-key-000002"),
            "'k: <upstream key 1>'"
        );
        assert_eq!(quoted(&redactor, ""), "''");
    }

    /// What a shell makes of a line, with a `curl` that prints its arguments and what is piped into it.
    #[cfg(unix)]
    fn in_shell(line: &str) -> Vec<u8> {
        let script =
            format!("curl() {{ printf '<%s>' \"$@\"; case \"$*\" in *@-) cat;; esac; }}; {line}");
        let mut shell = std::process::Command::new("sh");
        shell
            .args(["-c", &script])
            .env("API_KEY", "from the environment");
        shell.output().unwrap().stdout
    }

    #[cfg(unix)]
    #[test]
    fn a_shell_reads_what_was_meant() {
        let secret = Secret {
            value: "sk-secret-key-0001".into(),
            shown: "$API_KEY".into(),
        };
        let redactor = Redactor::new([&secret]);
        let word = |text: &str| in_shell(&format!("curl {}", quoted(&redactor, text)));
        for text in ["it's $HOME `x` \\ \"q\"\n!", "", "-", "a b", "*", "~", "é"] {
            assert_eq!(String::from_utf8(word(text)).unwrap(), format!("<{text}>"));
        }
        let shown = word("$HOME \"`\\ Bearer sk-secret-key-0001-x it's");
        assert_eq!(
            String::from_utf8(shown).unwrap(),
            "<$HOME \"`\\ Bearer from the environment-x it's>"
        );
        let body: Vec<u8> = (0..=255).collect();
        let mut wanted = b"<--data-binary><@->".to_vec();
        wanted.extend(&body);
        assert_eq!(
            in_shell(&with_body(&redactor, vec!["curl".into()], &body)),
            wanted
        );
    }

    #[test]
    fn bytes_go_through_printf() {
        let line = with_body(&Redactor::default(), vec!["curl".into()], b"\x1b\xff'%\n\\");
        assert_eq!(line, r"printf '\033\377\047%%\n\\' | curl --data-binary @-");
        let line = with_body(
            &Redactor::default(),
            vec!["curl".into()],
            &vec![b'x'; LONGEST_BODY + 1],
        );
        assert!(line.len() < 200, "{line}");
    }
}
