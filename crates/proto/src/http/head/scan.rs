//! Where a head ends, and its first fault, byte by byte: what came in pieces is looked at once, and is judged as if it had
//! come whole.
//!
//! `httparse` begins anew with each piece, and cannot tell what is too long from what is not whole.

use super::MOST_FIELDS;
use crate::http::limits::Limits;
use crate::http::refusal::Refusal;

/// The longest method: longer ones are known to nobody.
pub(in crate::http) const MAX_METHOD: usize = 32;

/// How many empty lines may come before a head (RFC 9112, section 2.2: at least one is to be ignored).
pub(in crate::http) const MAX_BLANK: usize = 4;

/// The first byte of a TLS connection.
const TLS_HANDSHAKE: u8 = 22;

/// A look at the bytes of a head as they come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) struct Scan {
    at: At,
    /// How many bytes of empty lines came before.
    blank: u32,
    /// How many bytes have come since.
    total: u32,
    /// How many of them are of what is being read.
    length: u32,
    fields: u32,
}

/// What the next byte is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// What comes before a head.
    Start,
    StartEnd,
    Method,
    Target,
    Version,
    VersionEnd,
    /// The beginning of a line: a field, or the end.
    Line,
    Name,
    /// White space before a value.
    Before,
    /// White space in a value, or after it: so many bytes of it.
    Within(u32),
    Value,
    ValueEnd,
    End,
    Over,
}

/// What a look amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Looked {
    /// More has to come.
    Pending,
    /// So many bytes are the last of the head.
    Whole(usize),
}

impl Scan {
    /// A look at a head.
    pub(in crate::http) fn new() -> Self {
        Self::at(At::Start)
    }

    /// A look at the fields that come after a body (RFC 9112, section 7.1.2).
    pub(in crate::http) fn trailers() -> Self {
        Self::at(At::Line)
    }

    fn at(at: At) -> Self {
        Self {
            at,
            blank: 0,
            total: 0,
            length: 0,
            fields: 0,
        }
    }

    /// How many bytes of empty lines came before the head.
    pub(in crate::http) fn blank(&self) -> usize {
        self.blank as usize
    }

    /// Whether anything but empty lines has come.
    pub(in crate::http) fn has_begun(&self) -> bool {
        self.total > 0
    }

    /// Looks at what comes next.
    pub(in crate::http) fn look(
        &mut self,
        bytes: &[u8],
        limits: &Limits,
    ) -> Result<Looked, Refusal> {
        for (index, byte) in bytes.iter().enumerate() {
            self.step(*byte, limits)?;
            if self.at == At::Over {
                return Ok(Looked::Whole(index + 1));
            }
        }
        Ok(Looked::Pending)
    }

    fn step(&mut self, byte: u8, limits: &Limits) -> Result<(), Refusal> {
        if let At::Start | At::StartEnd = self.at
            && self.before(byte)?
        {
            return Ok(());
        }
        self.total += 1;
        within(self.total, limits.head, Refusal::HeadTooLarge)?;
        match self.at {
            At::Start | At::StartEnd | At::Method => self.method(byte),
            At::Target => self.target(byte, limits),
            At::Version | At::VersionEnd => self.version(byte),
            At::Line | At::Name => self.name(byte, limits),
            At::Before | At::Within(_) | At::Value => self.value(byte, limits),
            At::ValueEnd => self.expect_end(byte, At::Line),
            At::End | At::Over => self.expect_end(byte, At::Over),
        }
    }

    /// Whether it is of an empty line before the head.
    fn before(&mut self, byte: u8) -> Result<bool, Refusal> {
        self.at = match (self.at, byte) {
            (At::Start, b'\r') => At::StartEnd,
            (At::StartEnd, b'\n') => At::Start,
            (At::StartEnd, _) | (_, b'\n') => {
                return Err(Refusal::Malformed("a line ends with CR and LF"));
            }
            _ => return Ok(false),
        };
        self.blank += 1;
        let most = Refusal::Malformed("a request does not begin with many empty lines");
        within(self.blank, 2 * MAX_BLANK, most)?;
        Ok(true)
    }

    fn expect_end(&mut self, byte: u8, then: At) -> Result<(), Refusal> {
        if byte != b'\n' {
            return Err(Refusal::Malformed("no CR is without LF"));
        }
        self.enter(then);
        Ok(())
    }

    fn enter(&mut self, at: At) {
        self.at = at;
        self.length = 0;
    }

    fn method(&mut self, byte: u8) -> Result<(), Refusal> {
        match byte {
            b' ' if self.at == At::Method => self.enter(At::Target),
            _ if is_token(byte) => {
                self.at = At::Method;
                self.length += 1;
                within(self.length, MAX_METHOD, Refusal::Method)?;
            }
            TLS_HANDSHAKE if self.at == At::Start => {
                return Err(Refusal::Malformed("this is TLS, which is not spoken here"));
            }
            _ => return Err(Refusal::Malformed("a method is a word")),
        }
        Ok(())
    }

    fn target(&mut self, byte: u8, limits: &Limits) -> Result<(), Refusal> {
        match byte {
            b' ' if self.length > 0 => self.enter(At::Version),
            b'\r' | b'\n' => return Err(Refusal::Malformed("the version follows the target")),
            0..=b' ' | 0x7F => return Err(Refusal::Malformed("a target has no white space")),
            _ => {
                self.length += 1;
                within(self.length, limits.target, Refusal::TargetTooLong)?;
            }
        }
        Ok(())
    }

    fn version(&mut self, byte: u8) -> Result<(), Refusal> {
        const NO_VERSION: Refusal =
            Refusal::Malformed("HTTP/1.1 and the end of line follow the target");
        if self.at == At::VersionEnd {
            return self.expect_end(byte, At::Line);
        }
        match (self.length, byte) {
            (place @ 0..=4, _) if byte == b"HTTP/"[place as usize] => {}
            (5, b'1') | (6, b'.') | (7, b'0' | b'1') => {}
            (5 | 7, b'0'..=b'9') => return Err(Refusal::Version),
            (8, b'\r') => self.at = At::VersionEnd,
            _ => return Err(NO_VERSION),
        }
        self.length += 1;
        Ok(())
    }

    fn name(&mut self, byte: u8, limits: &Limits) -> Result<(), Refusal> {
        match (self.at, byte) {
            (At::Line, b'\r') => self.enter(At::End),
            (At::Name, b':') => self.enter(At::Before),
            _ if is_token(byte) => {
                if self.at == At::Line {
                    self.fields += 1;
                    let most = limits.fields.min(MOST_FIELDS);
                    within(self.fields, most, Refusal::HeadTooLarge)?;
                    self.enter(At::Name);
                }
                self.length += 1;
                within(self.length, limits.name, Refusal::HeadTooLarge)?;
            }
            (At::Line, b' ' | b'\t') => return Err(Refusal::Malformed("no field is folded")),
            (_, b' ' | b'\t') => {
                return Err(Refusal::Malformed(
                    "a colon follows the name of a field at once",
                ));
            }
            (_, b'\n') => return Err(Refusal::Malformed("a line ends with CR and LF")),
            _ => {
                return Err(Refusal::Malformed(
                    "a field is a word, a colon and its value",
                ));
            }
        }
        Ok(())
    }

    fn value(&mut self, byte: u8, limits: &Limits) -> Result<(), Refusal> {
        self.at = match (self.at, byte) {
            (_, b'\r') => At::ValueEnd,
            (_, b'\n') => return Err(Refusal::Malformed("a line ends with CR and LF")),
            (At::Before, b' ' | b'\t') => At::Before,
            (At::Within(length), b' ' | b'\t') => At::Within(length + 1),
            (_, b' ' | b'\t') => At::Within(1),
            (_, 0..b' ' | 0x7F) => {
                return Err(Refusal::Malformed("a value has no control characters"));
            }
            (At::Within(length), _) => self.more_of_value(length + 1, limits)?,
            _ => self.more_of_value(1, limits)?,
        };
        Ok(())
    }

    fn more_of_value(&mut self, length: u32, limits: &Limits) -> Result<At, Refusal> {
        self.length += length;
        within(self.length, limits.value, Refusal::HeadTooLarge)?;
        Ok(At::Value)
    }
}

fn within(length: u32, limit: usize, else_refused: Refusal) -> Result<(), Refusal> {
    match length as usize > limit {
        true => Err(else_refused),
        false => Ok(()),
    }
}

/// Whether a token may have it (RFC 9110, section 5.6.2).
pub(in crate::http) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
