//! The mutants of one server, with what they remember.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::event::Rewriter;
use crate::message::{Around, Message};
use crate::mutant::{Mutant, Seam};
use crate::op::Op;
use crate::op::hook::Hook;

/// The mutants of one server; none by default.
#[derive(Clone, Debug, Default)]
pub struct Mutation {
    mutants: Vec<Arc<Armed>>,
}

/// A mutant that counts.
#[derive(Debug)]
pub(crate) struct Armed {
    pub(crate) mutant: Mutant,
    seen: AtomicUsize,
}

impl Armed {
    /// Counts one more message for which its conditions hold; whether that is the one that it waits for.
    pub(crate) fn is_due(&self) -> bool {
        let number = self.seen.fetch_add(1, Ordering::Relaxed) + 1;
        self.mutant.when.nth.is_none_or(|nth| nth == number)
    }

    fn acts(&self, message: &Message, around: &Around<'_>) -> bool {
        let status = message.status.map(|status| status.as_u16());
        let when = &self.mutant.when;
        when.head(&message.path, status, around)
            && (message.is_stream() || when.body(|| message.json()))
            && self.is_due()
    }
}

impl Mutation {
    /// These mutants, in this order.
    pub fn of(mutants: impl IntoIterator<Item = Mutant>) -> Self {
        let armed = mutants.into_iter().map(|mutant| {
            Arc::new(Armed {
                mutant,
                seen: AtomicUsize::new(0),
            })
        });
        Self {
            mutants: armed.collect(),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.mutants.is_empty()
    }

    /// Whether one of them acts at this hop on whole messages.
    #[must_use]
    pub fn acts_at(&self, seam: Seam) -> bool {
        self.mutants.iter().any(|armed| armed.mutant.seam == seam)
    }

    /// Does to a message what the mutants of its hop do. Of a stream it is the head; its body is empty.
    pub fn change(&self, seam: Seam, message: &mut Message, around: &Around<'_>) {
        for armed in &self.mutants {
            let is_head = matches!(armed.mutant.op, Op::Head(_));
            let fits = armed.mutant.seam == seam
                && (is_head || !message.is_stream() || seam == Seam::UpstreamRequest);
            let is_hook = matches!(armed.mutant.op, Op::Hook(_));
            if fits && !is_hook && armed.acts(message, around) {
                armed.mutant.op.change(message, around);
            }
        }
    }

    /// The first hook that is wanted and acts on this message.
    pub fn hook<T>(
        &self,
        message: &Message,
        around: &Around<'_>,
        wanted: impl Fn(Hook) -> Option<T>,
    ) -> Option<T> {
        self.mutants.iter().find_map(|armed| match armed.mutant.op {
            Op::Hook(hook) => wanted(hook).filter(|_| armed.acts(message, around)),
            _ => None,
        })
    }

    /// Whether there is a hook that is wanted, whenever it acts.
    pub fn has_hook(&self, wanted: impl Fn(Hook) -> bool) -> bool {
        self.mutants
            .iter()
            .any(|armed| matches!(armed.mutant.op, Op::Hook(hook) if wanted(hook)))
    }

    /// What changes the events of an answer with this head; none if nothing does.
    #[must_use]
    pub fn rewriter(&self, head: &Message, around: &Around<'_>) -> Option<Rewriter> {
        let mutants = self.mutants.iter();
        let mutants: Vec<_> = mutants
            .filter(|armed| armed.mutant.seam == Seam::Event)
            .map(Arc::clone)
            .collect();
        let status = head.status.map(|status| status.as_u16());
        (!mutants.is_empty()).then(|| Rewriter::new(mutants, &head.path, status, around))
    }
}
