//! Server-sent events and growing lists: whatever the bytes and wherever they are cut, the same events come.

use harness::exchange::list::Counter;
use harness::exchange::sse::{Reader, StreamEvent};
use proptest::prelude::*;

use crate::any_json;

/// Texts that look like streams, with bytes that do not.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => prop::sample::select(vec![
            "data:", "data: ", "data", "event:", "event: a", "id: 1", "retry", ":", " ", "\n", "\r", "\r\n", "\n\n",
            "\u{feff}", "é", "{\"a\":1}", "[DONE]", "x",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..4),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// Bytes in pieces whose lengths come from a list, over and over.
fn pieces<'b>(bytes: &'b [u8], lengths: &[usize]) -> Vec<&'b [u8]> {
    let mut lengths = lengths.iter().cycle();
    let mut rest = bytes;
    let mut found = Vec::new();
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(rest.len().min(*lengths.next().unwrap()));
        found.push(piece);
        rest = behind;
    }
    found
}

fn read(pieces: &[&[u8]]) -> (Vec<StreamEvent>, bool) {
    let mut reader = Reader::default();
    let events = pieces.iter().flat_map(|piece| reader.push(piece).unwrap());
    let events = events.collect();
    (events, reader.has_rest())
}

/// The same by the whole text at once: line ends made alike, blocks between empty lines, fields of each block.
fn model(bytes: &[u8]) -> (Vec<StreamEvent>, bool) {
    let text = String::from_utf8_lossy(bytes);
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let (lines, rest) = text.rsplit_once('\n').unwrap_or(("", &text));
    let lines = lines.strip_prefix('\u{feff}').unwrap_or(lines);
    // What stands behind the last empty line was never dispatched.
    let mut blocks: Vec<Vec<&str>> = vec![Vec::new()];
    for line in lines.split('\n') {
        match line {
            "" => blocks.push(Vec::new()),
            line => blocks.last_mut().unwrap().push(line),
        }
    }
    let open = blocks.pop().unwrap();
    let field = |block: &[&str], wanted: &str| -> Vec<String> {
        let values = block
            .iter()
            .filter_map(|line| match line.strip_prefix(wanted)? {
                "" => Some(String::new()),
                rest => {
                    let value = rest.strip_prefix(':')?;
                    Some(value.strip_prefix(' ').unwrap_or(value).to_owned())
                }
            });
        values.collect()
    };
    let events = blocks.iter().filter_map(|block| {
        let data = field(block, "data");
        let name = field(block, "event").pop();
        (!data.is_empty()).then(|| StreamEvent {
            name,
            data: data.join("\n"),
        })
    });
    let has_rest = !rest.is_empty() || !field(&open, "data").is_empty();
    (events.collect(), has_rest)
}

proptest! {
    #[test]
    fn events_are_those_of_the_model_wherever_the_stream_is_cut(
        bytes in stream(),
        lengths in prop::collection::vec(1_usize..9, 1..4),
    ) {
        let wanted = model(&bytes);
        prop_assert_eq!(&read(&[&bytes]), &wanted);
        prop_assert_eq!(&read(&pieces(&bytes, &lengths)), &wanted);
    }

    #[test]
    fn any_bytes_are_read_in_any_pieces(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        lengths in prop::collection::vec(1_usize..9, 1..4),
    ) {
        prop_assert_eq!(read(&[&bytes]), read(&pieces(&bytes, &lengths)));
        let mut counter = Counter::default();
        let counts: Vec<_> = pieces(&bytes, &lengths).iter().map(|piece| counter.push(piece)).collect();
        prop_assert_eq!(counts.last().copied().unwrap_or_default(), Counter::default().push(&bytes));
        prop_assert!(counts.is_sorted());
    }

    #[test]
    fn a_list_has_as_many_elements_as_a_parser_finds(
        items in prop::collection::vec(any_json(), 0..6),
        pretty in any::<bool>(),
        lengths in prop::collection::vec(1_usize..9, 1..4),
    ) {
        let count = items.len();
        let list = serde_json::Value::from(items);
        let text = if pretty { serde_json::to_string_pretty(&list).unwrap() } else { list.to_string() };
        let mut counter = Counter::default();
        let counts = pieces(text.as_bytes(), &lengths).into_iter().map(|piece| counter.push(piece));
        prop_assert_eq!(counts.last(), Some(count));
        // All but the last are complete as soon as the comma behind them is there.
        if let Some(last) = list.as_array().unwrap().last().filter(|_| !pretty) {
            let before = text.len() - last.to_string().len() - 1;
            prop_assert_eq!(Counter::default().push(&text.as_bytes()[..before]), count - 1);
        }
        // What is no list has no elements.
        prop_assert_eq!(Counter::default().push(format!("{{\"a\":{text}}}").as_bytes()), 0);
    }
}
