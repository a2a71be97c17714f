//! What is sent of a resource: one place decides from a request and what is known of a representation.

use std::time::SystemTime;

use super::coding::Coding;
use super::range::{self, Range, Wanted};
use super::request::{Fields, Method, Request, Then, Version};
use super::response::{Date, Head};
use super::status::Status;
use super::validators::{Validators, Verdict};

/// What is known of a representation before its bytes are looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Representation<'a> {
    /// How long it is in bytes; `None` where it is made while it is sent, in chunks. Of such a one no ranges are sent; a
    /// peer of HTTP/1.0, which knows no chunks, is told that it ends with the connection: close it then.
    pub length: Option<u64>,
    /// Its media type.
    pub media: &'a str,
    /// How it is compressed.
    pub coding: Coding,
    /// What tells it from other states, where something does.
    pub validators: Option<&'a Validators>,
    /// Whether others may be sent to other peers, by what codings they take: `Vary`.
    pub varies: Varies,
    /// What else is said of it: whole header lines, each with its end. A 304 says them too, so that there should be
    /// nothing among them but what is about caches and policies (RFC 9110, section 15.4.5).
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

/// The header lines of an answer that sends all of a representation, written once for many answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prebuilt {
    lines: Box<[u8]>,
}

/// Those of a representation that nobody can tell from another.
static NO_VALIDATORS: Validators = Validators {
    etag: String::new(),
    modified: None,
};

impl Representation<'_> {
    /// Answers a GET or HEAD: conditions, then ranges. Appends the head to `out`, and says what has to follow. `boundary`
    /// stands between several parts: letters and digits that no content has. `now` tells whether a date that a condition
    /// names is over.
    pub fn answer(
        &self,
        request: &Request<'_>,
        boundary: &str,
        now: SystemTime,
        date: &Date,
        out: &mut Vec<u8>,
    ) -> Answer {
        let validators = self.validators.unwrap_or(&NO_VALIDATORS);
        let answering = Answering {
            of: self,
            request,
            date,
            out,
        };
        match validators.judge(request) {
            Verdict::NotModified => answering.not_modified(),
            Verdict::Failed => answering.failed(),
            Verdict::Proceed => match self.wanted(validators, request, now) {
                Wanted::Whole => answering.whole(),
                Wanted::Part(part) => answering.part(part),
                Wanted::Parts(parts) => answering.several(self.parts(&parts, boundary), boundary),
                Wanted::Nothing => answering.out_of_range(),
            },
        }
    }

    /// What answers that send all of it have in common, from this date on; `None` where its length is not known, and where
    /// its last change is still to come, so that not even that is the same in all of them.
    pub fn prebuild(&self, date: &Date) -> Option<Prebuilt> {
        let length = self.length?;
        if self.modified().is_some_and(|time| date.is_before(time)) {
            return None;
        }
        let mut lines = Vec::with_capacity(256);
        let mut head = Head::going_on(&mut lines);
        self.describe(self.media, date, &mut head);
        head.length(length);
        Some(Prebuilt {
            lines: lines.into(),
        })
    }

    /// What of it is wanted. Only a GET has ranges (RFC 9110, section 14.2).
    fn wanted(&self, validators: &Validators, request: &Request<'_>, now: SystemTime) -> Wanted {
        match (request.method, &request.fields.range, self.length) {
            (Method::Get, Some(value), Some(length)) if validators.allows_ranges(request, now) => {
                range::wanted(value, length)
            }
            _ => Wanted::Whole,
        }
    }

    fn parts(&self, ranges: &[Range], boundary: &str) -> Parts {
        let head = |(place, range): (usize, &Range)| {
            let line_end = if place == 0 { "" } else { "\r\n" };
            let (media, content_range) = (self.media, self.content_range(*range));
            let head = format!(
                "{line_end}--{boundary}\r\nContent-Type: {media}\r\nContent-Range: {content_range}\r\n\r\n"
            );
            (head.into_bytes(), *range)
        };
        Parts {
            parts: ranges.iter().enumerate().map(head).collect(),
            end: format!("\r\n--{boundary}--\r\n").into_bytes(),
        }
    }

    /// What is said with all of it and with parts of it.
    fn describe(&self, media: &str, date: &Date, head: &mut Head<'_>) {
        head.field("Content-Type", media);
        if let Some(coding) = self.coding.name() {
            head.field("Content-Encoding", coding);
        }
        match self.modified() {
            // Never later than the answer itself (RFC 9110, section 8.8.2.1).
            Some(time) if date.is_before(time) => _ = head.field("Last-Modified", date),
            Some(time) => _ = head.field("Last-Modified", Date::new(time)),
            None => {}
        }
        if self.length.is_some() {
            head.lines(b"Accept-Ranges: bytes\r\n");
        }
        self.identify(head);
    }

    fn modified(&self) -> Option<SystemTime> {
        self.validators?.modified
    }

    /// What is said with every answer.
    fn identify(&self, head: &mut Head<'_>) {
        if let Some(validators) = self.validators {
            head.field("ETag", &validators.etag);
        }
        if self.varies == Varies::ByCoding {
            head.lines(b"Vary: Accept-Encoding\r\n");
        }
        head.lines(self.more);
    }

    fn content_range(&self, part: Range) -> String {
        let length = self.length.unwrap_or_default();
        format!("bytes {}-{}/{length}", part.first, part.last)
    }
}

/// An answer that is being written.
struct Answering<'a> {
    of: &'a Representation<'a>,
    request: &'a Request<'a>,
    date: &'a Date,
    out: &'a mut Vec<u8>,
}

impl Answering<'_> {
    fn whole(self) -> Answer {
        let mut head = Head::new(Status::Ok, self.date, self.out);
        self.of.describe(self.of.media, self.date, &mut head);
        match (self.of.length, self.request.version) {
            (Some(length), _) => {
                head.length(length);
                head.end_for(self.request);
            }
            (None, Version::Http11) => {
                head.field("Transfer-Encoding", "chunked");
                head.end_for(self.request);
            }
            // It ends with the connection (RFC 9112, section 6.3).
            (None, Version::Http10) => head.end(Version::Http10, Then::Close),
        }
        Answer::whole(self.request)
    }

    fn part(self, part: Range) -> Answer {
        let mut head = Head::new(Status::PartialContent, self.date, self.out);
        self.of.describe(self.of.media, self.date, &mut head);
        head.field("Content-Range", self.of.content_range(part));
        head.length(part.len());
        head.end_for(self.request);
        Answer {
            status: Status::PartialContent,
            content: Content::Part(part),
        }
    }

    fn several(self, parts: Parts, boundary: &str) -> Answer {
        let media = format!("multipart/byteranges; boundary={boundary}");
        let mut head = Head::new(Status::PartialContent, self.date, self.out);
        self.of.describe(&media, self.date, &mut head);
        head.length(parts.length());
        head.end_for(self.request);
        Answer {
            status: Status::PartialContent,
            content: Content::Parts(parts),
        }
    }

    /// What was said with a 200 and tells caches what they have (RFC 9110, section 15.4.5).
    fn not_modified(self) -> Answer {
        let mut head = Head::new(Status::NotModified, self.date, self.out);
        self.of.identify(&mut head);
        head.end_for(self.request);
        Answer::empty(Status::NotModified)
    }

    fn failed(self) -> Answer {
        self.nothing(Status::PreconditionFailed, None)
    }

    /// How long it is, for who asks for what is beyond (RFC 9110, section 15.5.17).
    fn out_of_range(self) -> Answer {
        let length = self.of.length.unwrap_or_default();
        self.nothing(
            Status::RangeNotSatisfiable,
            Some(format!("bytes */{length}")),
        )
    }

    fn nothing(self, status: Status, content_range: Option<String>) -> Answer {
        let mut head = Head::new(status, self.date, self.out);
        if let Some(content_range) = content_range {
            head.field("Content-Range", content_range);
        }
        self.of.identify(&mut head);
        head.length(0);
        head.end_for(self.request);
        Answer::empty(status)
    }
}

impl Answer {
    fn whole(request: &Request<'_>) -> Self {
        let content = match request.method {
            Method::Get => Content::Whole,
            _ => Content::Nothing,
        };
        Self {
            status: Status::Ok,
            content,
        }
    }

    fn empty(status: Status) -> Self {
        Self {
            status,
            content: Content::Nothing,
        }
    }
}

impl Parts {
    /// How long all of it is, in bytes.
    pub fn length(&self) -> u64 {
        let parts = self.parts.iter().map(|(head, range)| {
            let head = head.len() as u64;
            range.len().saturating_add(head)
        });
        parts.fold(self.end.len() as u64, u64::saturating_add)
    }
}

impl Prebuilt {
    /// Answers as [`Representation::answer`] does; `None` where the request has conditions or ranges, about which that
    /// decides.
    pub fn answer(&self, request: &Request<'_>, date: &Date, out: &mut Vec<u8>) -> Option<Answer> {
        if !is_plain(&request.fields) {
            return None;
        }
        let mut head = Head::new(Status::Ok, date, out);
        head.lines(&self.lines);
        head.end_for(request);
        Some(Answer::whole(request))
    }
}

/// Whether a request has neither conditions nor ranges.
fn is_plain(fields: &Fields<'_>) -> bool {
    fields.range.is_none()
        && fields.if_none_match.is_none()
        && fields.if_modified_since.is_none()
        && fields.if_match.is_none()
        && fields.if_unmodified_since.is_none()
}

#[cfg(test)]
mod tests;
