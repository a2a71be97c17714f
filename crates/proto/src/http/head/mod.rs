//! The head of a request: `httparse` finds its tokens, what they mean is decided here.

mod framing;
mod gathered;
mod host;
mod scan;

use std::mem::MaybeUninit;

pub(super) use self::framing::Framing;
use self::gathered::Gathered;
pub(super) use self::scan::{Looked, MAX_BLANK, MAX_METHOD, Scan, is_token};
use super::limits::Limits;
use super::refusal::Refusal;
use super::request::{Method, Request, Version};

/// The most header fields that any [`Limits`] can allow.
pub(super) const MOST_FIELDS: usize = 128;

/// A head that is whole.
#[derive(Debug)]
pub(super) struct Head<'a> {
    pub(super) request: Request<'a>,
    /// How its body is delimited.
    pub(super) framing: Framing,
    /// Whether its peer waits to be told that the body is welcome.
    pub(super) expects: bool,
    /// Where it ends, in bytes.
    pub(super) length: usize,
}

/// Reads the head at the beginning of `bytes`; `None` where it is not whole. What it takes, a [`Scan`] takes; which
/// refusal comes first only that one can tell.
#[inline]
pub(super) fn read<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Option<Head<'a>>, Refusal> {
    let mut fields = [const { MaybeUninit::uninit() }; MOST_FIELDS];
    let mut parsed = httparse::Request::new(&mut []);
    let length = match parsed.parse_with_uninit_headers(bytes, &mut fields) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(Refusal::Malformed("no request line and header fields")),
    };
    check_lines(&bytes[..length])?;
    check_lengths(&parsed, length, limits)?;
    let version = match parsed.version {
        Some(0) => Version::Http10,
        _ => Version::Http11,
    };
    let method_text = parsed.method.unwrap_or_default();
    let method = method(method_text)?;
    let mut gathered = Gathered::default();
    for field in parsed.headers.iter() {
        gathered.take(field.name, field.value)?;
    }
    let (target, host) = host::target(
        method,
        parsed.path.unwrap_or_default(),
        gathered.host(version)?,
    )?;
    Ok(Some(Head {
        framing: gathered.framing(version)?,
        expects: gathered.expects(version)?,
        request: Request {
            method,
            method_text,
            target,
            version,
            then: gathered.then(version),
            host,
            fields: gathered.fields,
        },
        length,
    }))
}

/// `httparse` takes LF for the end of a line, and any number of empty ones before it. Who else reads the same bytes may
/// not (RFC 9112, section 2.2).
fn check_lines(head: &[u8]) -> Result<(), Refusal> {
    let begins = matches!(head, [b'\r' | b'\n', ..]);
    let pairs = head.iter().zip(&head[1..]);
    let bare = pairs.fold(begins, |bare, (before, byte)| {
        bare | (*byte == b'\n') & (*before != b'\r')
    });
    match bare {
        true => Err(Refusal::Malformed("a line ends with CR and LF")),
        false => Ok(()),
    }
}

fn check_lengths(
    parsed: &httparse::Request<'_, '_>,
    length: usize,
    limits: &Limits,
) -> Result<(), Refusal> {
    if parsed.method.is_some_and(|text| text.len() > MAX_METHOD) {
        return Err(Refusal::Method);
    }
    if parsed.path.is_some_and(|text| text.len() > limits.target) {
        return Err(Refusal::TargetTooLong);
    }
    let mut fields = parsed.headers.iter();
    let too_large = length > limits.head
        || fields.len() > limits.fields
        || fields.any(|one| one.name.len() > limits.name || one.value.len() > limits.value);
    match too_large {
        true => Err(Refusal::HeadTooLarge),
        false => Ok(()),
    }
}

fn method(text: &str) -> Result<Method, Refusal> {
    match text {
        "GET" => Ok(Method::Get),
        "HEAD" => Ok(Method::Head),
        "OPTIONS" => Ok(Method::Options),
        // Its target is no path (RFC 9112, section 3.2.3).
        "CONNECT" => Err(Refusal::Method),
        _ => Ok(Method::Other),
    }
}

#[cfg(test)]
mod tests;
