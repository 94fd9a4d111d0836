//! Bytes of a stream, read at once and in pieces: the same events, and nothing is lost or made up.
//!
//! The first byte of the input says how long the pieces are.

#![no_main]

use harness::exchange::sse::{Reader, StreamEvent};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((length, bytes)) = input.split_first() else {
        return;
    };
    let whole = read([bytes]);
    let pieces = bytes.chunks(usize::from(*length).max(1));
    assert_eq!(whole, read(pieces), "pieces of {length}");
    let data: usize = whole.0.iter().map(|event| event.data.len()).sum();
    // A byte that is no UTF-8 becomes a sign of three.
    assert!(data <= 3 * bytes.len());
    for event in &whole.0 {
        let _ = (event.kind(), event.is_done());
    }
});

fn read<'b>(pieces: impl IntoIterator<Item = &'b [u8]>) -> (Vec<StreamEvent>, bool) {
    let mut reader = Reader::default();
    let mut events = Vec::new();
    for piece in pieces {
        // Inputs are far below the bound of an event.
        events.extend(reader.push(piece).expect("an event within the bound"));
    }
    (events, reader.has_rest())
}
