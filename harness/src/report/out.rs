//! Where reports write: nothing leaves the harness without passing [`Out`], which takes out secrets and
//! whatever could command a terminal.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::path::Path;

use crate::redact::Redactor;

/// A place to write to.
pub struct Output {
    writer: Box<dyn Write + Send>,
    live: bool,
}

impl Output {
    /// Standard output; a status line is shown if it is a terminal.
    #[must_use]
    pub fn stdout() -> Self {
        let stdout = io::stdout();
        Self {
            live: stdout.is_terminal(),
            writer: Box::new(stdout),
        }
    }

    /// Standard error; a status line is shown if it is a terminal.
    #[must_use]
    pub fn stderr() -> Self {
        let stderr = io::stderr();
        Self {
            live: stderr.is_terminal(),
            writer: Box::new(stderr),
        }
    }

    /// A file, created or emptied at once, so that a path that cannot be written is known before the run.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn file(path: &Path) -> io::Result<Self> {
        Ok(Self::to(BufWriter::new(File::create(path)?)))
    }

    /// Anything else.
    pub fn to(writer: impl Write + Send + 'static) -> Self {
        Self {
            writer: Box::new(writer),
            live: false,
        }
    }
}

/// How characters are written in a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Inside of JSON strings.
    Json,
    /// As they are.
    Plain,
    /// Inside of XML.
    Xml,
}

/// Cleans and writes.
pub struct Out {
    output: Output,
    redactor: Redactor,
    encoding: Encoding,
}

impl Out {
    pub(super) fn new(output: Output, redactor: &Redactor, encoding: Encoding) -> Self {
        let redactor = match encoding {
            Encoding::Plain => redactor.clone(),
            Encoding::Json | Encoding::Xml => redactor.written_as(|text| encoding.escape(text)),
        };
        Self {
            output,
            redactor,
            encoding,
        }
    }

    /// Whether a line may be written anew.
    pub(super) fn is_live(&self) -> bool {
        self.output.live
    }

    /// Writes a text without secrets and control characters.
    pub(super) fn text(&mut self, text: &str) -> io::Result<()> {
        let clean = self.encoding.clean(&self.redactor, text);
        self.output.writer.write_all(clean.as_bytes())
    }

    /// Writes a command for the terminal; never anything that came from outside.
    pub(super) fn command(&mut self, command: &'static str) -> io::Result<()> {
        self.output.writer.write_all(command.as_bytes())
    }

    /// Hands everything to the system.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.output.writer.flush()
    }
}

impl Encoding {
    /// A text without secrets and control characters.
    pub(super) fn clean(self, redactor: &Redactor, text: &str) -> String {
        self.harmless(&redactor.text(text))
    }

    fn escape(self, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Json => {
                let quoted = serde_json::Value::from(text).to_string();
                quoted[1..quoted.len() - 1].to_owned()
            }
            Self::Xml => text
                .chars()
                .map(|letter| match letter {
                    '<' => "&lt;".to_owned(),
                    '>' => "&gt;".to_owned(),
                    '&' => "&amp;".to_owned(),
                    '"' => "&quot;".to_owned(),
                    other => other.to_string(),
                })
                .collect(),
        }
    }

    /// Control characters, and those that change the direction of writing, as visible text.
    pub(super) fn harmless(self, text: &str) -> String {
        if !text.chars().any(commands) {
            return text.to_owned();
        }
        let mut clean = String::with_capacity(text.len());
        for letter in text.chars() {
            match (letter, self) {
                (letter, _) if !commands(letter) => clean.push(letter),
                (letter, Self::Json) => clean.push_str(&format!("\\u{:04x}", u32::from(letter))),
                ('\r', _) => clean.push_str("\\r"),
                (letter, _) => clean.extend(letter.escape_unicode()),
            }
        }
        clean
    }
}

/// Whether a character does something to a terminal instead of being seen.
pub(super) fn commands(letter: char) -> bool {
    let hidden = matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    hidden || (letter.is_control() && !matches!(letter, '\n' | '\t'))
}

/// A text without line breaks, for places that have no room for more.
pub(crate) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_commands_the_terminal() {
        let text = "a\x1b[2J\r\u{9b}é\u{202e}\n\t";
        assert_eq!(
            Encoding::Plain.harmless(text),
            "a\\u{1b}[2J\\r\\u{9b}é\\u{202e}\n\t"
        );
        let json = Encoding::Json.harmless("\"\u{9b}\u{202e}\"");
        assert_eq!(
            serde_json::from_str::<String>(&json).unwrap(),
            "\u{9b}\u{202e}"
        );
    }
}
