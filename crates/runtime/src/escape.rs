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

fn is_harmless(character: char) -> bool {
    !character.is_control()
        && !matches!(character,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

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
