//! How the body of a request is delimited (RFC 9112, section 6). Where two readers could differ it is refused.

use crate::http::refusal::Refusal;
use crate::http::request::{Value, Version};

/// How the body of a request is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Framing {
    /// It is so long; none is 0 bytes long.
    Length(u64),
    /// It comes in chunks.
    Chunked,
}

impl Framing {
    /// There is no body.
    pub(in crate::http) const NONE: Self = Self::Length(0);
}

/// What a head says of its body.
pub(super) fn framing(
    length: Option<&[u8]>,
    coding: &Value<'_>,
    version: Version,
) -> Result<Framing, Refusal> {
    match (length, coding) {
        (None, None) => Ok(Framing::NONE),
        (Some(length), None) => Ok(Framing::Length(content_length(length)?)),
        (Some(_), Some(_)) => Err(Refusal::Malformed(
            "Content-Length and Transfer-Encoding exclude each other",
        )),
        (None, Some(_)) if version == Version::Http10 => {
            Err(Refusal::Malformed("HTTP/1.0 has no Transfer-Encoding"))
        }
        (None, Some(codings)) => chunked(codings),
    }
}

fn content_length(value: &[u8]) -> Result<u64, Refusal> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Err(Refusal::Malformed("Content-Length is a number"));
    }
    let text = std::str::from_utf8(value).unwrap_or_default();
    text.parse().map_err(|_| Refusal::BodyTooLarge)
}

/// `chunked` and nothing else; what else there is before it is not known here.
fn chunked(codings: &[u8]) -> Result<Framing, Refusal> {
    const NOT_LAST: Refusal =
        Refusal::Malformed("chunked is the last of the transfer codings, once");
    let mut names = codings.split(|byte| *byte == b',').rev();
    let is_chunked = |name: &[u8]| name.trim_ascii().eq_ignore_ascii_case(b"chunked");
    if !names.next().is_some_and(is_chunked) {
        return Err(NOT_LAST);
    }
    let mut others = names.peekable();
    if others.peek().is_none() {
        return Ok(Framing::Chunked);
    }
    match others.any(is_chunked) {
        true => Err(NOT_LAST),
        false => Err(Refusal::Coding),
    }
}
