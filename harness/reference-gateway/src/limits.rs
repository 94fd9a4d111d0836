//! The bounds of a gateway: nothing it takes, keeps or waits for is without one.

use std::time::Duration;

use crate::StartError;

/// Bounds on sizes, counts and times. The defaults fit image calls, which are large and slow.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Largest request body in bytes.
    pub request_body: usize,
    /// Largest upstream answer in bytes, after decoding.
    pub answer_body: usize,
    /// Largest single event of a stream in bytes.
    pub event: usize,
    /// Most connections at a time; further ones wait.
    pub connections: usize,
    /// How long a client may take to send its next piece of a request.
    pub client_idle: Duration,
    /// How long connecting to the upstream may take.
    pub connect: Duration,
    /// How long an upstream answer may take; in a stream, how long it may be silent.
    pub answer: Duration,
    /// How long open exchanges may go on after a shutdown began.
    pub shutdown: Duration,
    /// What hosted images may use together, in bytes; at least [`Limits::answer_body`].
    pub hosted_bytes: usize,
    /// Most hosted images.
    pub hosted_images: usize,
    /// How long an image is hosted.
    pub hosted_for: Duration,
}

impl Limits {
    /// Refuses what cannot work: times that would overflow a clock, and too little room for one answer.
    pub(crate) fn check(&self) -> Result<(), StartError> {
        const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

        let times = [
            self.client_idle,
            self.connect,
            self.answer,
            self.shutdown,
            self.hosted_for,
        ];
        if times.iter().any(|time| *time > LONGEST) {
            return Err(StartError::TimeTooLong);
        }
        if self.hosted_bytes < self.answer_body {
            return Err(StartError::HostingTooSmall);
        }
        Ok(())
    }
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        Self {
            request_body: 32 * MIB,
            answer_body: 128 * MIB,
            event: 64 * MIB,
            connections: 1024,
            client_idle: Duration::from_secs(30),
            connect: Duration::from_secs(10),
            answer: Duration::from_secs(300),
            shutdown: Duration::from_secs(10),
            hosted_bytes: 256 * MIB,
            hosted_images: 1000,
            hosted_for: Duration::from_secs(60 * 60),
        }
    }
}
