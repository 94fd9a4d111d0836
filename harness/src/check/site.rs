//! Where something was observed, and what the case had arranged there.

use crate::case::ResponseExpectation;
use crate::check::{Mismatch, Site};
use crate::exchange::Outcome;
use crate::operation::{Operation, Protocol};
use crate::target::{MalformedPolicy, Target};

/// Faults after which a whole answer cannot be expected of anybody.
const DAMAGE: &[&str] = &[
    "hang",
    "malformed-json",
    "reset",
    "stream-reset",
    "truncate",
    "wrong-content-length",
];

impl<'e> Site<'e> {
    /// The expectations that describe this answer: one that allows a success and a refusal describes the success.
    pub(super) fn described(&self) -> impl Iterator<Item = &'e ResponseExpectation> + use<'e> {
        let status = self.exchange.answer().map(|answer| answer.status);
        let expected = self.evidence.step.expect.response.iter();
        expected.filter(move |expected| status.is_none_or(|status| expected.describes(status)))
    }
}

impl Site<'_> {
    /// Whether the script tells the provider to do anything but succeed.
    pub(super) fn is_scripted(&self) -> bool {
        self.directives()
            .any(|directive| !directive.starts_with("ok"))
    }

    /// Whether the script has this condition or fault.
    pub(super) fn is_scripted_with(&self, name: &str) -> bool {
        self.directives().any(|directive| directive.contains(name))
    }

    /// Whether the answer may be broken JSON: the provider's is, and the target says that it relays such.
    pub(super) fn may_be_malformed(&self, target: &Target) -> bool {
        target.policies.malformed == MalformedPolicy::Relay
            && self.is_scripted_with("malformed-json")
    }

    /// Whether the provider's own answer comes damaged.
    pub(super) fn is_damaged_upstream(&self) -> bool {
        DAMAGE.iter().any(|fault| self.is_scripted_with(fault))
    }

    /// Whether the exchange broke off because the provider's did: for a cut upstream a transport error is as
    /// good as a server error.
    pub(super) fn passes_a_cut_on(&self) -> bool {
        let broken = match &self.exchange.outcome {
            Outcome::Answer(answer) => {
                answer.is_broken_off() && !(400..500).contains(&answer.status)
            }
            Outcome::NoAnswer(_) => true,
            Outcome::HungUp | Outcome::TimedOut => false,
        };
        broken && self.is_damaged_upstream()
    }

    /// The protocol of the request; none where it is no operation, or an operation with a method of the case's own.
    pub(super) fn protocol(&self) -> Option<Protocol> {
        let request = &self.evidence.step.request;
        let method = request.method.as_deref();
        let usual = method.is_none_or(|method| method == "POST");
        request.operation.filter(|_| usual).map(Operation::protocol)
    }

    /// The protocol of a request that may have images made.
    pub(super) fn image_protocol(&self) -> Option<Protocol> {
        self.protocol().filter(|protocol| protocol.makes_images())
    }

    /// Why there is no answer to judge, as a mismatch.
    pub(super) fn no_answer(&self) -> Mismatch {
        match &self.exchange.outcome {
            Outcome::NoAnswer(reason) => {
                Mismatch::of("no answer came", "an answer", reason.clone())
            }
            Outcome::TimedOut => Mismatch::of(
                "no answer came in time",
                "an answer",
                "nothing within the time limit",
            ),
            Outcome::HungUp => {
                Mismatch::new("the harness had hung up before the answer").untestable()
            }
            Outcome::Answer(_) => Mismatch::new("an answer came"),
        }
    }

    fn directives(&self) -> impl Iterator<Item = &str> {
        let script = self.evidence.step.upstream.iter();
        let answers = script.flat_map(|script| &script.answers);
        answers.map(|answer| answer.directive.as_str())
    }
}
