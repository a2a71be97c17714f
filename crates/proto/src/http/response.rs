//! The head of an answer, written.

use std::time::SystemTime;

use super::request::{Request, Then, Version};
use super::status::Status;

/// Writes the head of an answer to the end of a buffer; [`end`](Self::end) is the last of it.
#[derive(Debug)]
pub struct Head<'a> {
    out: &'a mut Vec<u8>,
}

/// The time in each answer (RFC 9110, section 6.6.1), written once a second.
#[derive(Clone, Debug)]
pub struct Date {
    text: [u8; 29],
}

impl Date {
    /// How HTTP writes a time (RFC 9110, section 5.6.7).
    pub fn new(time: SystemTime) -> Self {
        let text = httpdate::fmt_http_date(time);
        let mut date = Self {
            text: *b"Thu, 01 Jan 1970 00:00:00 GMT",
        };
        if text.len() == date.text.len() {
            date.text.copy_from_slice(text.as_bytes());
        }
        date
    }

    /// The 29 characters.
    pub fn as_bytes(&self) -> &[u8] {
        &self.text
    }
}

impl<'a> Head<'a> {
    /// Begins with status and date.
    pub fn new(status: Status, date: &Date, out: &'a mut Vec<u8>) -> Self {
        out.extend_from_slice(b"HTTP/1.1 ");
        out.extend_from_slice(status.to_string().as_bytes());
        out.extend_from_slice(b"\r\nDate: ");
        out.extend_from_slice(date.as_bytes());
        out.extend_from_slice(b"\r\n");
        Self { out }
    }

    /// A header field. The value must have no control characters: it is ours.
    pub fn field(&mut self, name: &str, value: impl AsRef<[u8]>) -> &mut Self {
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b": ");
        self.out.extend_from_slice(value.as_ref());
        self.out.extend_from_slice(b"\r\n");
        self
    }

    /// What becomes of the connection, as far as it has to be said (RFC 9112, section 9.3), and the empty line.
    pub fn end(self, version: Version, then: Then) {
        match (version, then) {
            (_, Then::Close) => self.out.extend_from_slice(b"Connection: close\r\n"),
            (Version::Http10, Then::Persist) => {
                self.out.extend_from_slice(b"Connection: keep-alive\r\n");
            }
            (Version::Http11, Then::Persist) => {}
        }
        self.out.extend_from_slice(b"\r\n");
    }

    /// The same, for the answer to this request.
    pub fn end_for(self, request: &Request<'_>) {
        self.end(request.version, request.then);
    }
}
