//! Text from a peer or a file name, made harmless for a terminal or a log.

use std::fmt;

/// Shows bytes as text in which nothing can steer a terminal or reorder a line: control characters and the characters
/// that change the direction of text come out as `\n`, `\t`, `\u{1b}` and the like, bytes that are not UTF-8 as `\xff`.
/// Everything else, in any language, comes out as it is.
#[derive(Clone, Copy, Debug)]
pub struct Escaped<'a>(pub &'a [u8]);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for character in chunk.valid().chars() {
                if is_harmless(character) {
                    write!(f, "{character}")?;
                } else {
                    write!(f, "{}", character.escape_default())?;
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

/// Escapes a stream in pieces of any size, so that its lines stay lines: as [`Escaped`], but for line feeds and tabs.
///
/// A character whose last bytes have not come yet waits for the next piece.
#[derive(Clone, Debug, Default)]
pub struct EscapedStream {
    /// At most three bytes.
    held: Vec<u8>,
}

impl EscapedStream {
    /// Appends the next piece of the stream.
    pub fn push(&mut self, piece: &[u8], out: &mut String) {
        self.held.extend_from_slice(piece);
        let bytes = std::mem::take(&mut self.held);
        let (complete, begun) = bytes.split_at(bytes.len() - begun_character(&bytes));
        escape_lines(complete, out);
        self.held.extend_from_slice(begun);
    }

    /// Appends what was begun and never completed. A next stream may begin.
    pub fn finish(&mut self, out: &mut String) {
        escape_lines(&std::mem::take(&mut self.held), out);
    }
}

/// How many bytes at the end may be the beginning of a character.
fn begun_character(bytes: &[u8]) -> usize {
    let last = bytes.utf8_chunks().last();
    let begun = last.map_or(&[][..], |chunk| chunk.invalid());
    match std::str::from_utf8(begun) {
        Err(error) if error.error_len().is_none() => begun.len(),
        _ => 0,
    }
}

fn escape_lines(bytes: &[u8], out: &mut String) {
    for part in bytes.split_inclusive(|byte| b"\n\t".contains(byte)) {
        let (text, end) = match part.split_last() {
            Some((b'\n', text)) => (text, "\n"),
            Some((b'\t', text)) => (text, "\t"),
            _ => (part, ""),
        };
        out.push_str(&Escaped(text).to_string());
        out.push_str(end);
    }
}

/// Whether a character neither steers a terminal nor changes the direction of text.
pub fn is_harmless(character: char) -> bool {
    !character.is_control()
        && !matches!(character,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn streamed<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> String {
        let (mut stream, mut out) = (EscapedStream::default(), String::new());
        for piece in pieces {
            stream.push(piece, &mut out);
        }
        stream.finish(&mut out);
        out
    }

    #[test]
    fn the_lines_of_a_stream_stay_lines() {
        let table: &[(&[u8], &str)] = &[
            (b"one\n\ttwo\r\n", "one\n\ttwo\\r\n"),
            ("Grüße\n漢".as_bytes(), "Grüße\n漢"),
            (b"\x1b[2J\n\xff\n\xe6\xbc", "\\u{1b}[2J\n\\xff\n\\xe6\\xbc"),
        ];
        for (bytes, shown) in table {
            assert_eq!(streamed([*bytes]), *shown);
        }
    }

    proptest! {
        #[test]
        fn cuts_change_nothing(bytes: Vec<u8>, text: String, size in 1usize..9) {
            let all = [&bytes[..], text.as_bytes()].concat();
            let whole = streamed([&all[..]]);
            prop_assert_eq!(streamed(all.chunks(size)), whole.clone());
            prop_assert!(whole.chars().all(|c| is_harmless(c) || "\n\t".contains(c)));
        }
    }

    #[test]
    fn what_a_terminal_gets_to_see() {
        let table: &[(&[u8], &str)] = &[
            ("Grüße, 漢字 🙂".as_bytes(), "Grüße, 漢字 🙂"),
            (b"\x1b]0;owned\x07", "\\u{1b}]0;owned\\u{7}"),
            (b"two\r\nlines\t", "two\\r\\nlines\\t"),
            ("\u{9b}31m".as_bytes(), "\\u{9b}31m"),
            ("ab\u{202e}cd".as_bytes(), "ab\\u{202e}cd"),
            (b"\xff\x80ok\x7f", "\\xff\\x80ok\\u{7f}"),
        ];
        for (bytes, shown) in table {
            assert_eq!(Escaped(bytes).to_string(), *shown);
        }
    }
}
