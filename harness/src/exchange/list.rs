//! Counts the elements of a JSON array while it grows: Google streams one where nobody asked for events.
//!
//! Nothing is kept, and each byte is looked at once; whether it is JSON is judged elsewhere.

/// Takes the bytes of a body in any pieces and counts the complete elements of the array that it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counter {
    begun: bool,
    over: bool,
    /// Brackets that are open; the array's own is the first.
    depth: usize,
    in_text: bool,
    escaped: bool,
    /// A number or a literal has begun, which only what follows it ends.
    in_scalar: bool,
    count: usize,
}

impl Counter {
    /// Takes some bytes; gives the number of elements that are complete so far. A body that is no array has none.
    pub fn push(&mut self, bytes: &[u8]) -> usize {
        let mut rest = bytes;
        while !self.over
            && let Some((byte, behind)) = rest.split_first()
        {
            rest = behind;
            if self.in_text {
                rest = self.inside(*byte, rest);
            } else if !byte.is_ascii_whitespace() {
                self.outside(*byte);
            }
        }
        self.count
    }

    /// Inside a text; gives what is left of the bytes behind this one.
    fn inside<'b>(&mut self, byte: u8, rest: &'b [u8]) -> &'b [u8] {
        match byte {
            _ if std::mem::take(&mut self.escaped) => rest,
            b'\\' => {
                self.escaped = true;
                rest
            }
            b'"' => {
                self.in_text = false;
                self.count += usize::from(self.depth == 1);
                rest
            }
            // Image data are one long text without either.
            _ => {
                let next = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'));
                &rest[next.unwrap_or(rest.len())..]
            }
        }
    }

    fn outside(&mut self, byte: u8) {
        if self.depth == 0 {
            self.over = self.begun || byte != b'[';
            (self.begun, self.depth) = (true, 1);
            return;
        }
        match byte {
            b'"' => self.in_text = true,
            b'[' | b'{' => self.depth += 1,
            b']' | b'}' => self.close(),
            b',' if self.depth == 1 => self.end_scalar(),
            _ if self.depth == 1 => self.in_scalar = true,
            _ => {}
        }
    }

    fn close(&mut self) {
        if self.depth == 1 {
            self.end_scalar();
            self.over = true;
        }
        self.depth -= 1;
        self.count += usize::from(self.depth == 1);
    }

    fn end_scalar(&mut self) {
        self.count += usize::from(std::mem::take(&mut self.in_scalar));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_counts_when_it_is_complete() {
        for (text, wanted) in [
            ("[{\"a\":[1,{}]}", 1),
            (" [ {} ,\r\n{\"a\":\"}]\\\"\"", 1),
            (" [ {} ,\r\n{\"a\":\"}]\\\"\"}", 2),
            ("[1, true,", 2),
            ("[1, true, null", 2),
            ("[1, true, null]", 3),
            ("[\"a\", [], \"b", 2),
            ("[]", 0),
            ("{\"a\":[1,2]}", 0),
            ("[{}] [{}]", 1),
        ] {
            assert_eq!(Counter::default().push(text.as_bytes()), wanted, "{text}");
        }
    }
}
