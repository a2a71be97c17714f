//! What is sent of a resource: one place decides from a request and what is known of a representation.

use std::time::SystemTime;

use super::coding::Coding;
use super::range::Range;
use super::request::{Method, Request};
use super::response::{Date, Head};
use super::status::Status;
use super::validators::Validators;

/// What is known of a representation before its bytes are looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Representation<'a> {
    /// How long it is in bytes; `None` where it is made while it is sent, in chunks.
    pub length: Option<u64>,
    /// Its media type.
    pub media: &'a str,
    /// How it is compressed.
    pub coding: Coding,
    /// What tells it from other states, where something does.
    pub validators: Option<&'a Validators>,
    /// Whether others may be sent to other peers, by what codings they take: `Vary`.
    pub varies: Varies,
    /// What else is said of it: whole header lines, each with its end.
    pub more: &'a [u8],
}

/// Whether what is sent depends on `Accept-Encoding`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Varies {
    /// It does not.
    No,
    /// It does.
    ByCoding,
}

/// What follows the head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Nothing.
    Nothing,
    /// All of it.
    Whole,
    /// A part.
    Part(Range),
    /// Several, each with a head of its own (RFC 9110, section 14.6).
    Parts(Parts),
}

/// Several parts: what stands before each, and after the last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    /// What is said before a part, and the part.
    pub parts: Vec<(Vec<u8>, Range)>,
    /// What is said after the last.
    pub end: Vec<u8>,
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// As what.
    pub status: Status,
    /// What follows.
    pub content: Content,
}

impl Representation<'_> {
    /// Answers a GET or HEAD: conditions, then ranges. Appends the head to `out`, and says what has to follow. `boundary`
    /// stands between several parts: letters and digits that no content has.
    pub fn answer(
        &self,
        request: &Request<'_>,
        _boundary: &str,
        _now: SystemTime,
        date: &Date,
        out: &mut Vec<u8>,
    ) -> Answer {
        let status = Status::Ok;
        let mut head = Head::new(status, date, out);
        head.field("Content-Type", self.media);
        if let Some(length) = self.length {
            head.field("Content-Length", length.to_string());
        }
        head.end_for(request);
        let content = match request.method {
            Method::Get => Content::Whole,
            _ => Content::Nothing,
        };
        Answer { status, content }
    }
}
