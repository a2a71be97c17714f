//! The head of a request: `httparse` finds its tokens, what they mean is decided here.

use std::mem::MaybeUninit;

use super::limits::Limits;
use super::refusal::Refusal;
use super::request::{Fields, Method, Request, Then, Version};

/// The most header fields that any [`Limits`] can allow.
const MOST_FIELDS: usize = 128;

/// How the body of a request is delimited (RFC 9112, section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// It is so long.
    Length(u64),
    /// It comes in chunks.
    Chunked,
}

/// A head that is whole.
#[derive(Debug)]
pub(super) struct Head<'a> {
    pub(super) request: Request<'a>,
    #[expect(dead_code, reason = "the skeleton")]
    pub(super) framing: Framing,
    /// Where it ends, in bytes.
    pub(super) length: usize,
}

/// Reads the head at the beginning of `bytes`; `None` where it is not whole.
pub(super) fn read<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Option<Head<'a>>, Refusal> {
    let mut fields = [const { MaybeUninit::uninit() }; MOST_FIELDS];
    let mut parsed = httparse::Request::new(&mut []);
    let length = match parsed.parse_with_uninit_headers(bytes, &mut fields) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) if bytes.len() < limits.head => return Ok(None),
        Ok(httparse::Status::Partial) => return Err(Refusal::HeadTooLarge),
        Err(_) => return Err(Refusal::Malformed("no request line and header fields")),
    };
    let method_text = parsed.method.unwrap_or_default();
    let mut request = Request {
        method: match method_text {
            "GET" => Method::Get,
            "HEAD" => Method::Head,
            "OPTIONS" => Method::Options,
            _ => Method::Other,
        },
        method_text,
        target: parsed.path.unwrap_or_default(),
        version: match parsed.version {
            Some(0) => Version::Http10,
            _ => Version::Http11,
        },
        then: Then::Persist,
        host: None,
        fields: Fields::default(),
    };
    for field in parsed.headers.iter() {
        if field.name.eq_ignore_ascii_case("host") {
            request.host = std::str::from_utf8(field.value).ok();
        } else if field.name.eq_ignore_ascii_case("connection")
            && field.value.eq_ignore_ascii_case(b"close")
        {
            request.then = Then::Close;
        } else if field.name.eq_ignore_ascii_case("accept-encoding") {
            request.fields.accept_encoding = Some(field.value.into());
        } else if field.name.eq_ignore_ascii_case("range") {
            request.fields.range = Some(field.value.into());
        }
    }
    Ok(Some(Head {
        request,
        framing: Framing::Length(0),
        length,
    }))
}
