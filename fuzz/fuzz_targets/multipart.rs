//! A content type in the first line, a body behind it: parts that are slices of the body, in order, or an error.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use mock_server::wire::multipart::parts;

fuzz_target!(|input: &[u8]| {
    let at = input.iter().position(|byte| *byte == b'\n');
    let (kind, body) = input.split_at(at.unwrap_or(input.len()));
    let Ok(kind) = std::str::from_utf8(kind) else {
        return;
    };
    let body = Bytes::copy_from_slice(body.get(1..).unwrap_or_default());
    let Ok(found) = parts(kind, &body) else {
        return;
    };
    let mut end = body.as_ptr() as usize;
    for part in &found {
        let content = part.content.as_ptr_range();
        assert!(part.content.is_empty() || content.start as usize >= end);
        end = end.max(content.end as usize);
        assert!(part.content.is_empty() || end <= body.as_ptr_range().end as usize);
    }
    // What was read can be read again, and from a body with a preamble, too.
    let again = [b"preamble\r\n", &body[..]].concat();
    assert_eq!(parts(kind, &Bytes::from(again)).as_ref(), Ok(&found));
});
