//! Where something was observed, and what the case had arranged there.

use crate::case::{ResponseExpectation, Step};
use crate::check::{Mismatch, Site};
use crate::exchange::{Outcome, Received};
use crate::operation::{Operation, Protocol};
use crate::target::{MalformedPolicy, Target};

/// Faults after which a whole answer cannot be expected of anybody; `reset` and `stall` are part of the names of others.
const DAMAGE: &[&str] = &[
    "bad-chunk",
    "cut-after",
    "hang",
    "malformed-json",
    "reset",
    "stall",
    "truncate",
    "wrong-content-length",
];

impl<'e> Site<'e> {
    /// The expectations that describe this answer: one that allows a success and a refusal describes the success.
    pub(super) fn described(&self) -> impl Iterator<Item = &'e ResponseExpectation> + use<'e> {
        let status = self.exchange.answer().map(|answer| answer.status);
        let expected = self.step_of_copy().expect.response.iter();
        expected.filter(move |expected| status.is_none_or(|status| expected.describes(status)))
    }

    /// The step, as this copy ran it: parallel copies have tokens of their own.
    pub(super) fn step_of_copy(&self) -> &'e Step {
        let others = &self.evidence.others;
        let other = self.copy.checked_sub(1).and_then(|at| others.get(at));
        other.unwrap_or(&self.evidence.step)
    }

    /// The answer, if it streams: as events, or as the list that Google streams where nobody asked for events.
    pub(super) fn streamed(&self) -> Option<&'e Received> {
        let request = &self.step_of_copy().request;
        let may_list = request.operation == Some(Operation::StreamGenerateContent)
            && !asks_for_events(&self.exchange.sent.url);
        let answer = self.exchange.answer()?;
        let is_list = may_list && answer.is_success() && answer.is_list();
        (answer.is_stream() || is_list).then_some(answer)
    }

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
        let request = &self.step_of_copy().request;
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
        let script = self.step_of_copy().upstream.iter();
        let answers = script.flat_map(|script| &script.answers);
        answers.map(|answer| answer.directive.as_str())
    }
}

/// Whether an address of Google's says that the stream comes as events.
fn asks_for_events(url: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(url) else {
        return false;
    };
    url.query_pairs()
        .any(|(name, value)| matches!(&*name, "alt" | "$alt") && value == "sse")
}
