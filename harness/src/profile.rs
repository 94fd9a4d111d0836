//! Profiles: what a kind of target promises, and what its clients may see of each condition.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use crate::case::{Matcher, Status};
use crate::operation::{Operation, Protocol};

/// What a kind of target promises, with everything that it extends.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The schema of the file; not used by the reader.
    #[serde(rename = "$schema")]
    pub schema: String,
    /// The name of the file.
    pub id: String,
    /// In half a sentence.
    pub summary: String,
    /// The profile that this one adds to.
    pub extends: Option<String>,
    /// Ids of requirements, or patterns with a `*` at the end.
    pub requirements: Vec<String>,
    /// What is taken out of those, with the reason.
    #[serde(default)]
    pub except: Vec<Exception>,
    /// What such a target can do.
    #[serde(default)]
    pub features: BTreeSet<String>,
    /// How much of it.
    #[serde(default)]
    pub limits: BTreeMap<String, i64>,
    /// Operation → path, in which `{model}` stands for the model of the request.
    #[serde(default)]
    pub paths: BTreeMap<Operation, String>,
    /// Operation → method, where it is not `POST`.
    #[serde(default)]
    pub methods: BTreeMap<Operation, String>,
    /// Operation → the form of its errors, where it is not that of its protocol.
    #[serde(default)]
    pub envelopes: BTreeMap<Operation, Envelope>,
    /// Where the credential goes.
    pub auth: Option<Auth>,
    /// Key → model.
    #[serde(default)]
    pub models: BTreeMap<String, Model>,
    /// The good case that tells whether a target is well.
    pub sentinel: Option<String>,
    /// Where an answer may differ from the one that the provider gives straight to the same request.
    #[serde(default)]
    pub differs: Vec<LegalDifference>,
    /// Condition → the error forms that a client may see of it.
    #[serde(default)]
    pub conditions: BTreeMap<String, Vec<AllowedError>>,
}

/// The form of errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Envelope {
    /// `google.rpc.Status` as `error`, in a list of one where the answer would be a list.
    Google,
    /// An object `error` with `message` and `type`.
    OpenAi,
}

/// A requirement that a profile does not promise.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    /// The id, or a pattern with a `*` at the end.
    pub requirement: String,
    /// Why not.
    pub reason: String,
}

/// A place in which answers may differ.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LegalDifference {
    /// A JSON pointer, in which `*` stands for one segment.
    pub pointer: String,
    /// Why that is no fault.
    pub reason: String,
}

/// Where the credential goes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    /// The lower-case header name.
    pub header: String,
    /// What stands before the credential, for example `Bearer`.
    pub scheme: Option<String>,
}

/// A model as the target names it, and what must arrive upstream for it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// The name that clients use.
    pub name: String,
    /// What it can be used for.
    pub operations: Vec<Operation>,
    /// What it is upstream.
    pub upstream: Upstream,
    /// Another name of the same model for fault cases, so that faults do not hurt good cases.
    pub fault_name: Option<String>,
}

/// A model upstream.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Upstream {
    /// The provider.
    pub provider: String,
    /// The provider's name of the model.
    pub model: String,
    /// Other names under which the same model may arrive: a preview was renamed, a gateway maps it.
    #[serde(default)]
    pub also: Vec<String>,
}

/// One form of an error that a client may see; a member that is not stated may be anything.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AllowedError {
    /// The accepted statuses.
    pub status: Status,
    /// `type` of the error object.
    #[serde(rename = "type")]
    pub kind: Option<Matcher>,
    /// `code` of the error object.
    pub code: Option<Matcher>,
    /// `param` of the error object.
    pub param: Option<Matcher>,
    /// `status` of Google's error object.
    pub grpc_status: Option<Matcher>,
}

impl Profile {
    /// Reads a profile file; what it extends is merged by [`merge`](Self::merge).
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn read(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// Adds everything of the parent that this one does not say itself.
    #[must_use]
    pub fn merge(mut self, parent: &Self) -> Self {
        let own = std::mem::take(&mut self.requirements);
        self.requirements = parent.requirements.iter().cloned().chain(own).collect();
        self.except.extend(parent.except.iter().cloned());
        self.differs.extend(parent.differs.iter().cloned());
        self.features.extend(parent.features.iter().cloned());
        self.limits = merged(&parent.limits, self.limits);
        self.paths = merged(&parent.paths, self.paths);
        self.methods = merged(&parent.methods, self.methods);
        self.envelopes = merged(&parent.envelopes, self.envelopes);
        self.models = merged(&parent.models, self.models);
        self.conditions = merged(&parent.conditions, self.conditions);
        self.auth = self.auth.or_else(|| parent.auth.clone());
        self.sentinel = self.sentinel.or_else(|| parent.sentinel.clone());
        self
    }

    /// The form of an operation's errors.
    #[must_use]
    pub fn envelope(&self, operation: Operation) -> Envelope {
        let usual = match operation.protocol() {
            Protocol::Content | Protocol::Predict => Envelope::Google,
            _ => Envelope::OpenAi,
        };
        self.envelopes.get(&operation).copied().unwrap_or(usual)
    }

    /// Whether the profile promises a requirement.
    #[must_use]
    pub fn promises(&self, requirement: &str) -> bool {
        let listed = self
            .requirements
            .iter()
            .any(|pattern| covers(pattern, requirement));
        let excepted = self
            .except
            .iter()
            .any(|exception| covers(&exception.requirement, requirement));
        listed && !excepted
    }
}

fn merged<K: Clone + Ord, V: Clone>(
    parent: &BTreeMap<K, V>,
    own: BTreeMap<K, V>,
) -> BTreeMap<K, V> {
    let mut all = parent.clone();
    all.extend(own);
    all
}

fn covers(pattern: &str, id: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => id.starts_with(prefix),
        None => pattern == id,
    }
}

impl AllowedError {
    /// Whether status and error object have this form.
    #[must_use]
    pub fn allows(&self, status: u16, error: Option<&Value>) -> bool {
        let member = |name: &str| error.and_then(|error| error.get(name));
        let holds = |matcher: &Option<Matcher>, name: &str| {
            matcher
                .as_ref()
                .is_none_or(|matcher| matcher.matches(member(name)))
        };
        self.status.accepts(status)
            && holds(&self.kind, "type")
            && holds(&self.code, "code")
            && holds(&self.param, "param")
            && holds(&self.grpc_status, "status")
    }

    /// The same form with this status alone; none if it is not accepted.
    #[must_use]
    pub fn with_status(&self, status: u16) -> Option<Self> {
        let status = self.status.accepts(status).then(|| Status::of(status))?;
        Some(Self {
            status,
            ..self.clone()
        })
    }

    /// The form in one line, for messages.
    #[must_use]
    pub fn describe(&self) -> String {
        let members = [
            ("type", &self.kind),
            ("code", &self.code),
            ("param", &self.param),
            ("status", &self.grpc_status),
        ];
        let members = members.into_iter().filter_map(|(name, matcher)| {
            Some(format!(", {name} {}", matcher.as_ref()?.to_value()))
        });
        format!("status {}{}", self.status, members.collect::<String>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_child_adds_and_excepts() {
        let read = |value: serde_json::Value| Profile::read(&value.to_string()).unwrap();
        let parent = read(
            json!({"$schema": "", "id": "p", "summary": "", "requirements": ["a.*"],
            "paths": {"responses": "/1"}, "features": ["f"]}),
        );
        let child = read(
            json!({"$schema": "", "id": "c", "summary": "", "extends": "p", "requirements": ["b.one"],
            "except": [{"requirement": "a.two", "reason": "no"}], "paths": {"responses": "/2"}}),
        );
        let child = child.merge(&parent);
        assert!(child.promises("a.one") && child.promises("b.one"));
        assert!(!child.promises("a.two") && !child.promises("b.two"));
        assert_eq!(child.paths[&Operation::Responses], "/2");
        assert!(child.features.contains("f"));
    }

    #[test]
    fn an_allowed_error_judges_what_it_states() {
        let allowed: AllowedError = serde_json::from_value(
            json!({"status": [429, "5xx"], "code": {"$one_of": ["x", null]}}),
        )
        .unwrap();
        assert!(allowed.allows(429, Some(&json!({"code": "x"}))));
        assert!(allowed.allows(503, Some(&json!({"type": "any"}))));
        assert!(!allowed.allows(400, Some(&json!({"code": "x"}))));
        assert!(!allowed.allows(429, Some(&json!({"code": "y"}))));
    }
}
