//! The body of a request, which is read and dropped: where it ends is what matters.

use crate::http::head::{Framing, Looked, Scan, is_token};
use crate::http::limits::Limits;
use crate::http::refusal::Refusal;

/// The most digits of a chunk's length.
const MAX_DIGITS: u8 = 16;

/// What is still to come of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Body {
    at: At,
    /// How many bytes have still to come of the body, or of the chunk.
    left: u64,
    /// How many bytes the chunks had so far.
    total: u64,
    /// How many bytes what was said beside them had.
    beside: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// A body of a known length.
    Plain,
    /// The length of a chunk: so many digits have come.
    Size(u8),
    /// White space after it, which only an extension may follow.
    AfterSize,
    /// The name of an extension, of which nothing has come.
    ExtensionName,
    Extension,
    SizeEnd,
    Data,
    DataReturn,
    DataEnd,
    Trailers(Scan),
}

impl Body {
    /// A body of which nothing has come.
    ///
    /// # Errors
    /// When it is known to be too long.
    pub(super) fn new(framing: Framing, limits: &Limits) -> Result<Self, Refusal> {
        let (at, left) = match framing {
            Framing::Length(length) if length > limits.body => return Err(Refusal::BodyTooLarge),
            Framing::Length(length) => (At::Plain, length),
            Framing::Chunked => (At::Size(0), 0),
        };
        Ok(Self {
            at,
            left,
            total: 0,
            beside: 0,
        })
    }

    /// Drops what is of it, and says how many bytes were the last of it.
    pub(super) fn look(&mut self, bytes: &[u8], limits: &Limits) -> Result<Looked, Refusal> {
        let mut rest = bytes;
        loop {
            if self.at == At::Plain && self.left == 0 {
                return Ok(Looked::Whole(bytes.len() - rest.len()));
            }
            let [byte, after @ ..] = rest else {
                return Ok(Looked::Pending);
            };
            match &mut self.at {
                At::Plain => rest = self.drop_data(rest),
                At::Data => {
                    rest = self.drop_data(rest);
                    if self.left == 0 {
                        self.at = At::DataReturn;
                    }
                }
                At::Trailers(scan) => {
                    let before = bytes.len() - rest.len();
                    return Ok(match scan.look(rest, limits)? {
                        Looked::Pending => Looked::Pending,
                        Looked::Whole(length) => Looked::Whole(before + length),
                    });
                }
                _ => {
                    self.at = self.step(*byte, limits)?;
                    rest = after;
                }
            }
        }
    }

    fn drop_data<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let length = self.left.min(bytes.len() as u64);
        self.left -= length;
        &bytes[length as usize..]
    }

    /// What is between the data of chunks (RFC 9112, section 7.1).
    fn step(&mut self, byte: u8, limits: &Limits) -> Result<At, Refusal> {
        const NO_SIZE: Refusal = Refusal::Malformed("a chunk begins with its length");
        Ok(match (self.at, byte) {
            (At::Size(digits), _) if byte.is_ascii_hexdigit() => {
                self.digit(digits, byte, limits)?
            }
            (At::Size(1..), b'\r') => At::SizeEnd,
            (At::Size(1..) | At::AfterSize, b';') => At::ExtensionName,
            (At::Size(1..) | At::AfterSize, b' ' | b'\t') => self.beside(At::AfterSize, limits)?,
            (At::ExtensionName, b' ' | b'\t') => self.beside(At::ExtensionName, limits)?,
            (At::ExtensionName, _) if is_token(byte) => self.beside(At::Extension, limits)?,
            (At::Extension, b'\r') => At::SizeEnd,
            (At::Extension, b'\t' | b' '..=b'~' | 0x80..) => self.beside(At::Extension, limits)?,
            (At::SizeEnd, b'\n') if self.left == 0 => At::Trailers(Scan::trailers()),
            (At::SizeEnd, b'\n') => {
                self.total += self.left;
                At::Data
            }
            (At::DataReturn, b'\r') => At::DataEnd,
            (At::DataEnd, b'\n') => At::Size(0),
            (At::DataReturn | At::DataEnd, _) => {
                return Err(Refusal::Malformed("a chunk is as long as it says"));
            }
            _ => return Err(NO_SIZE),
        })
    }

    fn digit(&mut self, digits: u8, byte: u8, limits: &Limits) -> Result<At, Refusal> {
        if digits == MAX_DIGITS {
            return Err(Refusal::Malformed("the length of a chunk has few digits"));
        }
        let value = char::from(byte).to_digit(16).unwrap_or_default();
        let before = if digits == 0 { 0 } else { self.left };
        self.left = before << 4 | u64::from(value);
        if self.left > limits.body.saturating_sub(self.total) {
            return Err(Refusal::BodyTooLarge);
        }
        Ok(At::Size(digits + 1))
    }

    /// Extensions mean nothing here, and must not be long.
    fn beside(&mut self, at: At, limits: &Limits) -> Result<At, Refusal> {
        self.beside += 1;
        match self.beside > limits.value as u64 {
            true => Err(Refusal::HeadTooLarge),
            false => Ok(at),
        }
    }
}
