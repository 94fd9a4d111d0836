//! Counters for Prometheus. Labels are ids of ours and status codes, so their number is bounded.

use std::sync::atomic::AtomicI64;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::provider::Call;
use crate::scenario::Element;
use crate::wire::Answer;

/// See the module.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    images: Family<ProviderLabels, Counter>,
    faults: Family<FaultLabels, Counter>,
    sent: Counter,
    open: Gauge<i64, AtomicI64>,
    entries: Gauge<i64, AtomicI64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    provider: &'static str,
    operation: &'static str,
    status: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ProviderLabels {
    provider: &'static str,
    operation: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FaultLabels {
    fault: String,
}

/// The content type of [`Metrics::text`].
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("image_mock");
        let (requests, images, faults) = (Family::default(), Family::default(), Family::default());
        let (sent, open, entries) = (Counter::default(), Gauge::default(), Gauge::default());
        let registered = &mut registry;
        registered.register("requests", "Requests that were decided", requests.clone());
        registered.register("images", "Whole images that were made", images.clone());
        registered.register("faults", "Faults that were played", faults.clone());
        registered.register("sent_bytes", "Bytes that connections took", sent.clone());
        registered.register("open_connections", "Open connections", open.clone());
        registered.register("journal_entries", "Journal entries kept", entries.clone());
        Self {
            registry,
            requests,
            images,
            faults,
            sent,
            open,
            entries,
        }
    }

    /// Counts a decided answer and the faults in it.
    pub(crate) fn decided(&self, call: &Call, answer: &Answer, faults: &[Element]) {
        let (provider, operation) = (call.provider, call.operation.unwrap_or("none"));
        let labels = RequestLabels {
            provider,
            operation,
            status: answer.status.into(),
        };
        self.requests.get_or_create(&labels).inc();
        let made = answer.summary.images.len() as u64;
        let labels = ProviderLabels {
            provider,
            operation,
        };
        self.images.get_or_create(&labels).inc_by(made);
        for element in faults {
            let fault = element.name.clone();
            self.faults.get_or_create(&FaultLabels { fault }).inc();
        }
    }

    /// Counts bytes that a connection took.
    pub(crate) fn sent(&self, bytes: u64) {
        self.sent.inc_by(bytes);
    }

    /// A connection is open while this lives.
    pub(crate) fn connection(&self) -> OpenConnection {
        self.open.inc();
        OpenConnection(self.open.clone())
    }

    /// Everything, in Prometheus' text form.
    pub(crate) fn text(&self, entries: usize) -> String {
        self.entries.set(i64::try_from(entries).unwrap_or(i64::MAX));
        let mut out = String::new();
        // Writing into a text cannot fail.
        let _ = text::encode(&mut out, &self.registry);
        out
    }
}

/// See [`Metrics::connection`].
pub(crate) struct OpenConnection(Gauge<i64, AtomicI64>);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.dec();
    }
}
