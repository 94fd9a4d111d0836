//! Where reports write: nothing leaves the harness without passing [`Out`], which takes out secrets and
//! whatever could command a terminal.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::path::Path;

use anstyle::{AnsiColor, Style};

use crate::redact::Redactor;
use crate::verdict::Verdict;

/// A place to write to.
pub struct Output {
    writer: Box<dyn Write + Send>,
    live: bool,
    coloured: bool,
}

/// How a line is shown where colours are: they never say what the text does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// Broken.
    Bad,
    /// As it should be.
    Good,
    /// Like everything else.
    Plain,
    /// A heading.
    Strong,
    /// Worth a look.
    Warn,
}

impl Tone {
    /// The tone of a verdict.
    pub(super) fn of(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Pass => Self::Good,
            _ if verdict.is_failure() => Self::Bad,
            _ => Self::Warn,
        }
    }

    fn style(self) -> Style {
        let colour = |colour: AnsiColor| Style::new().fg_color(Some(colour.into()));
        match self {
            Self::Bad => colour(AnsiColor::Red),
            Self::Good => colour(AnsiColor::Green),
            Self::Plain => Style::new(),
            Self::Strong => Style::new().bold(),
            Self::Warn => colour(AnsiColor::Yellow),
        }
    }
}

impl Output {
    /// Standard output; a status line is shown if it is a terminal.
    #[must_use]
    pub fn stdout() -> Self {
        let stdout = io::stdout();
        Self {
            live: stdout.is_terminal(),
            writer: Box::new(stdout),
            coloured: false,
        }
    }

    /// Standard error; a status line is shown if it is a terminal.
    #[must_use]
    pub fn stderr() -> Self {
        let stderr = io::stderr();
        Self {
            live: stderr.is_terminal(),
            writer: Box::new(stderr),
            coloured: false,
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
            coloured: false,
        }
    }

    /// With colours if it is a terminal and they are wanted.
    #[must_use]
    pub fn coloured(self, wanted: bool) -> Self {
        Self {
            coloured: self.live && wanted,
            ..self
        }
    }
}

/// How characters are written in a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
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
    /// For the product of a command: a file, or standard output. There are no secrets in it: what is read from
    /// reports has none.
    ///
    /// # Errors
    /// The file cannot be created.
    pub(crate) fn product(path: Option<&Path>, encoding: Encoding) -> io::Result<Self> {
        let output = match path {
            None => Output::stdout(),
            Some(path) => Output::file(path).map_err(|error| {
                io::Error::new(
                    error.kind(),
                    format!("cannot write {}: {error}", path.display()),
                )
            })?,
        };
        Ok(Self::new(output, &Redactor::default(), encoding))
    }

    /// Writes a whole text and hands it to the system.
    pub(crate) fn finish(mut self, text: &str) -> io::Result<()> {
        self.text(text)?;
        self.flush()
    }

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

    /// Writes a line in its colour.
    pub(super) fn toned(&mut self, tone: Tone, line: &str) -> io::Result<()> {
        if !self.output.coloured || tone == Tone::Plain {
            return self.text(line);
        }
        let style = tone.style();
        write!(self.output.writer, "{}", style.render())?;
        self.text(line)?;
        write!(self.output.writer, "{}", style.render_reset())
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

    pub(super) fn escape(self, text: &str) -> String {
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
    fn colours_are_for_terminals_only() {
        let written = |live: bool, wanted: bool| {
            let path = tempfile::NamedTempFile::new().unwrap();
            let output = Output {
                live,
                ..Output::file(path.path()).unwrap()
            };
            let mut out = Out::new(
                output.coloured(wanted),
                &Redactor::default(),
                Encoding::Plain,
            );
            out.toned(Tone::Bad, "a\x1b[2J").unwrap();
            out.flush().unwrap();
            std::fs::read_to_string(path.path()).unwrap()
        };
        assert_eq!(written(true, true), "\x1b[31ma\\u{1b}[2J\x1b[0m");
        assert_eq!(written(true, false), "a\\u{1b}[2J");
        assert_eq!(written(false, true), "a\\u{1b}[2J");
    }

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
