//! Cases: what a client sends, what the provider answers, what both must see. Parsed, not validated: a
//! [`Case`] that exists can be run.

mod expand;
mod id;
mod load;
mod matcher;
mod names;
mod poll;
mod reading;
mod status;
mod step;
mod upstream;
mod vars;

pub use expand::{Instance, StepError};
pub use id::{CaseId, Pattern, PatternError, step_check_id};
pub(crate) use load::variables;
pub use load::{CaseError, Issue, Loader};
pub use matcher::{Matcher, kind_of};
pub use poll::{Poll, Unmet, Until};
pub use reading::{Disconnect, DisconnectAfter, ReadStep};
pub use status::Status;
pub use step::{
    Bounds, ClientHas, Credential, ErrorExpectation, ErrorForm, Expect, ImagesExpectation,
    PartStep, RequestStep, ResponseExpectation, Step, StreamEnd, StreamExpectation,
};
pub use upstream::{Calls, FileRef, PartExpectation, UpstreamExpectation};
pub(crate) use vars::escape;
pub use vars::{Scope, VarError};

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::operation::Operation;

/// One case, before its matrix is expanded.
#[derive(Clone, Debug)]
pub struct Case {
    /// Where it lies, and its name.
    pub id: CaseId,
    /// What the target has to do, in half a sentence.
    pub summary: String,
    /// Name → values, in the order of the file.
    pub matrix: Vec<(String, Vec<Value>)>,
    /// What target and profile must have.
    pub needs: Vec<Need>,
    /// The case runs once for each model that matches.
    pub model: Option<ModelNeed>,
    /// If one of these did not pass, this one is blocked.
    pub depends_on: Vec<String>,
    /// Threads about gateways that broke this.
    pub bugs: Vec<String>,
    /// Runs alone.
    pub quiet: bool,
    /// Runs only when asked for.
    pub slow: bool,
    /// The steps as written: variables are filled in when a step is about to run.
    pub steps: Vec<Value>,
}

/// Which models a case runs with.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelNeed {
    /// The operation that the model must serve.
    pub operation: Operation,
    /// The provider that it must belong to.
    pub provider: Option<String>,
}

/// Something that target and profile must have for a case to apply.
#[derive(Clone, Debug, PartialEq)]
pub enum Need {
    /// The target has a credential of this role.
    Credential(Credential),
    /// The profile or target has this feature.
    Feature(String),
    /// A limit is at least so high; the value may hold variables.
    Limit {
        /// Its name.
        name: String,
        /// The least value.
        at_least: Value,
    },
}

impl Case {
    /// Whether any step tells the provider what to answer, looks at what arrived there, or waits for it.
    #[must_use]
    pub fn needs_upstream(&self) -> bool {
        self.steps.iter().any(|step| {
            step.get("upstream").is_some()
                || step.pointer("/expect/upstream").is_some()
                || step.pointer("/disconnect/after") == Some(&Value::from("upstream"))
                || step
                    .pointer("/expect/stream")
                    .is_some_and(|stream| stream.to_string().contains("\"held\""))
        })
    }

    /// The roles of the credentials that the steps use.
    #[must_use]
    pub fn credentials(&self) -> Vec<Credential> {
        let roles = self
            .steps
            .iter()
            .map(|step| step.pointer("/request/credential"));
        let roles = roles.map(|role| role.cloned().map(serde_json::from_value));
        roles
            .map(|role| role.and_then(Result::ok).unwrap_or_default())
            .collect()
    }

    /// The names of the files that it sends or expects, with where each stands; not those that a step saves.
    #[must_use]
    pub fn files(&self) -> Vec<&str> {
        let mut found = Vec::new();
        for step in &self.steps {
            let parts = step.pointer("/request/multipart");
            let upstream = step.pointer("/expect/upstream").and_then(Value::as_array);
            let upstream = upstream.into_iter().flatten();
            let lists = upstream.flat_map(|one| [one.get("parts"), one.get("input_images")]);
            let items = lists.chain([parts]).flatten().filter_map(Value::as_array);
            found.extend(items.flatten().filter_map(|item| {
                let name = item.get("file").unwrap_or(item).as_str()?;
                (!name.contains("${")).then_some(name)
            }));
        }
        found
    }

    /// The ids of all requirements that its expectations name.
    #[must_use]
    pub fn requirements(&self) -> Vec<&str> {
        let mut found = Vec::new();
        for step in &self.steps {
            collect_requirements(step.get("expect"), &mut found);
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

fn collect_requirements<'v>(value: Option<&'v Value>, found: &mut Vec<&'v str>) {
    match value {
        Some(Value::Object(members)) => {
            found.extend(members.get("requirement").and_then(Value::as_str));
            for name in ["response", "stream", "upstream"] {
                collect_requirements(members.get(name), found);
            }
        }
        Some(Value::Array(items)) => {
            for item in items {
                collect_requirements(Some(item), found);
            }
        }
        _ => {}
    }
}

/// The members of a case file that are read as they stand.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseFile {
    #[serde(rename = "$schema")]
    _schema: Option<String>,
    summary: String,
    #[serde(default)]
    matrix: Map<String, Value>,
    #[serde(default)]
    needs: Vec<Map<String, Value>>,
    model: Option<ModelNeed>,
    #[serde(default)]
    depends_on: Vec<String>,
    #[serde(default)]
    bugs: Vec<String>,
    #[serde(default)]
    quiet: bool,
    #[serde(default)]
    slow: bool,
    steps: Option<Vec<Value>>,
    request: Option<Value>,
    upstream: Option<Value>,
    expect: Option<Value>,
    save: Option<Value>,
    disconnect: Option<Value>,
    read: Option<Value>,
    poll: Option<Value>,
    parallel: Option<Value>,
}
