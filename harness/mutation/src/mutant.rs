//! A mutant: what is wrong, where, and what must notice it.

use serde::Deserialize;

use crate::op::Op;
use crate::row::{Arguments, File, Row, RowError};
use crate::when::When;

/// A server that is right except for one thing.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Row")]
pub struct Mutant {
    /// Kebab-case, unique.
    pub id: String,
    /// What it does wrong.
    pub summary: String,
    /// What is mutated.
    pub on: On,
    /// The harness's profile that it is run with.
    pub profile: String,
    /// The hop at which it acts.
    pub seam: Seam,
    /// When it acts.
    pub when: When,
    /// What must fail: ids of checks or requirements.
    pub kills: Vec<String>,
    /// What may fail beside.
    pub may: Vec<String>,
    /// Patterns of the cases that are run; empty: all that judge what it kills.
    pub cases: Vec<String>,
    /// Known bugs of gateways that it shows.
    pub bugs: Vec<String>,
    pub(crate) op: Op,
}

/// What is mutated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum On {
    /// The reference gateway.
    #[default]
    Gateway,
    /// The mock, as a target of its own.
    Mock,
}

/// A hop of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Seam {
    /// What the client sent, before the server reads it.
    ClientRequest,
    /// What the client gets.
    ClientResponse,
    /// Each event of a stream that the client gets.
    Event,
    /// What is sent to the provider.
    UpstreamRequest,
    /// What the provider answered, before the gateway reads it.
    UpstreamResponse,
}

impl Seam {
    /// Whether an answer passes here, and no request.
    pub(crate) fn is_answer(self) -> bool {
        !matches!(self, Self::ClientRequest | Self::UpstreamRequest)
    }
}

impl TryFrom<Row> for Mutant {
    type Error = RowError;

    fn try_from(row: Row) -> Result<Self, RowError> {
        let arguments = Arguments {
            at: row.at,
            value: row.value,
            to: row.to,
        };
        Ok(Self {
            op: Op::parse(&row.op, row.seam, arguments)?,
            id: row.id,
            summary: row.summary,
            on: row.on,
            profile: row.profile,
            seam: row.seam,
            when: row.when,
            kills: row.kills,
            may: row.may,
            cases: row.cases,
            bugs: row.bugs,
        })
    }
}

/// A mutant cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file of `fixtures/mutants` cannot be used.
    #[error("mutants/{path}: {error}")]
    File {
        /// Which.
        path: &'static str,
        /// Why.
        error: serde_json::Error,
    },
    /// Two rows have this id.
    #[error("two mutants are called '{0}'")]
    Twice(String),
    /// No row has this id.
    #[error("there is no mutant '{0}' in fixtures/mutants")]
    Unknown(String),
}

/// Every mutant of `fixtures/mutants`, in the order of files and rows.
///
/// # Errors
/// A file cannot be used, or an id is there twice.
pub fn builtin() -> Result<Vec<Mutant>, LoadError> {
    let mut all: Vec<Mutant> = Vec::new();
    for (path, text) in fixtures::folder("mutants") {
        let file: File =
            serde_json::from_str(text).map_err(|error| LoadError::File { path, error })?;
        for mutant in file.mutants {
            if all.iter().any(|other| other.id == mutant.id) {
                return Err(LoadError::Twice(mutant.id));
            }
            all.push(mutant);
        }
    }
    Ok(all)
}

/// The mutant of `fixtures/mutants` with this id.
///
/// # Errors
/// There is none, or the files cannot be used.
pub fn named(id: &str) -> Result<Mutant, LoadError> {
    let mut all = builtin()?.into_iter();
    all.find(|mutant| mutant.id == id)
        .ok_or_else(|| LoadError::Unknown(id.to_owned()))
}
