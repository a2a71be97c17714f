//! The head of an answer, written.

use std::io::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::request::{Request, Then, Version};
use super::status::Status;
use super::validators::seconds;

/// The methods that are answered, as `Allow` says them (RFC 9110, section 10.2.1).
pub const ALLOW: &str = "GET, HEAD, OPTIONS";

/// What ends a body that comes in chunks (RFC 9112, section 7.1).
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// Writes the head of an answer to the end of a buffer; [`end`](Self::end) is the last of it.
#[derive(Debug)]
pub struct Head<'a> {
    out: &'a mut Vec<u8>,
}

/// The time in each answer (RFC 9110, section 6.6.1), written once a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Date {
    text: [u8; 29],
    /// Since 1970.
    second: u64,
}

impl Date {
    /// How HTTP writes a time (RFC 9110, section 5.6.7). What it cannot tell is told as near as it can: it begins with
    /// 1970 and ends with the year 9999.
    pub fn new(time: SystemTime) -> Self {
        let second = seconds(time);
        let whole = UNIX_EPOCH + Duration::from_secs(second);
        let mut text = *b"Thu, 01 Jan 1970 00:00:00 GMT";
        // It has room for every date.
        let _ = write!(text.as_mut_slice(), "{}", httpdate::HttpDate::from(whole));
        Self { text, second }
    }

    /// Whether it is before the second that this time lies in.
    pub(super) fn is_before(&self, time: SystemTime) -> bool {
        self.second < seconds(time)
    }

    /// The 29 characters.
    pub fn as_bytes(&self) -> &[u8] {
        &self.text
    }
}

impl AsRef<[u8]> for Date {
    fn as_ref(&self) -> &[u8] {
        &self.text
    }
}

impl<'a> Head<'a> {
    /// Begins with status and date.
    pub fn new(status: Status, date: &Date, out: &'a mut Vec<u8>) -> Self {
        match status {
            Status::Ok => out.extend_from_slice(b"HTTP/1.1 200 OK\r\nDate: "),
            status => {
                out.extend_from_slice(b"HTTP/1.1 ");
                number(u64::from(status.code()), out);
                out.push(b' ');
                out.extend_from_slice(status.reason().as_bytes());
                out.extend_from_slice(b"\r\nDate: ");
            }
        }
        out.extend_from_slice(date.as_bytes());
        out.extend_from_slice(b"\r\n");
        Self { out }
    }

    /// Goes on with a head whose status line is written elsewhere.
    pub(super) fn going_on(out: &'a mut Vec<u8>) -> Self {
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

    /// `Content-Length`, in bytes.
    pub fn length(&mut self, length: u64) -> &mut Self {
        self.out.extend_from_slice(b"Content-Length: ");
        number(length, self.out);
        self.out.extend_from_slice(b"\r\n");
        self
    }

    /// Header lines that are written already, each with its end.
    pub fn lines(&mut self, lines: &[u8]) -> &mut Self {
        self.out.extend_from_slice(lines);
        self
    }

    /// What becomes of the connection, as far as it has to be said (RFC 9112, section 9.3), and the empty line.
    pub fn end(self, version: Version, then: Then) {
        let last: &[u8] = match (version, then) {
            (_, Then::Close) => b"Connection: close\r\n\r\n",
            (Version::Http10, Then::Persist) => b"Connection: keep-alive\r\n\r\n",
            (Version::Http11, Then::Persist) => b"\r\n",
        };
        self.out.extend_from_slice(last);
    }

    /// The same, for the answer to this request.
    pub fn end_for(self, request: &Request<'_>) {
        self.end(request.version, request.then);
    }
}

/// What a method is answered with that is not [allowed](ALLOW): 405 where it is one of RFC 9110 or RFC 5789, or of
/// WebDAV's (RFC 4918), and 501 where nobody knows it (RFC 9110, section 9.1).
pub fn refused_method(method: &str) -> Status {
    const KNOWN: [&str; 13] = [
        "POST",
        "PUT",
        "DELETE",
        "CONNECT",
        "TRACE",
        "PATCH",
        "PROPFIND",
        "PROPPATCH",
        "MKCOL",
        "COPY",
        "MOVE",
        "LOCK",
        "UNLOCK",
    ];
    match KNOWN.contains(&method) {
        true => Status::MethodNotAllowed,
        false => Status::NotImplemented,
    }
}

/// Appends a chunk of a body (RFC 9112, section 7.1); nothing where there are no bytes, since an empty one ends a body.
pub fn chunk(bytes: &[u8], out: &mut Vec<u8>) {
    if bytes.is_empty() {
        return;
    }
    // A vector takes all that is written to it.
    let _ = write!(out, "{:x}\r\n", bytes.len());
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

/// The number in decimal digits.
fn number(mut value: u64, out: &mut Vec<u8>) {
    let mut digits = [b'0'; 20];
    let mut begin = digits.len() - 1;
    for (place, digit) in digits.iter_mut().enumerate().rev() {
        *digit += (value % 10) as u8;
        value /= 10;
        begin = place;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[begin..]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn date() -> Date {
        Date::new(UNIX_EPOCH + Duration::from_secs(784_111_777))
    }

    #[test]
    fn golden_heads() {
        let table = [
            (
                Status::Ok,
                Version::Http11,
                Then::Persist,
                "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nA: b\r\nContent-Length: 0\r\n\r\n",
            ),
            (
                Status::NotFound,
                Version::Http11,
                Then::Close,
                "HTTP/1.1 404 Not Found\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nA: b\r\n\
                 Content-Length: 0\r\nConnection: close\r\n\r\n",
            ),
            (
                Status::VersionNotSupported,
                Version::Http10,
                Then::Persist,
                "HTTP/1.1 505 HTTP Version Not Supported\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nA: b\r\n\
                 Content-Length: 0\r\nConnection: keep-alive\r\n\r\n",
            ),
        ];
        for (status, version, then, expected) in table {
            let mut out = Vec::new();
            let mut head = Head::new(status, &date(), &mut out);
            head.lines(b"A: b\r\n").length(0);
            head.end(version, then);
            assert_eq!(String::from_utf8_lossy(&out), expected);
        }
    }

    #[test]
    fn dates_are_told_as_near_as_http_can() {
        let table = [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
            (253_402_300_800, "Fri, 31 Dec 9999 23:59:59 GMT"),
        ];
        for (second, expected) in table {
            let date = Date::new(UNIX_EPOCH + Duration::from_secs(second));
            assert_eq!(date.as_bytes(), expected.as_bytes());
        }
        let early = Date::new(UNIX_EPOCH - Duration::from_secs(1));
        assert_eq!(early, Date::new(UNIX_EPOCH));
    }

    #[test]
    fn methods_that_are_refused() {
        for (method, expected) in [
            ("POST", 405),
            ("TRACE", 405),
            ("PROPFIND", 405),
            ("post", 501),
            ("BREW", 501),
            ("", 501),
        ] {
            assert_eq!(refused_method(method).code(), expected, "{method}");
        }
    }

    #[test]
    fn chunks_are_golden() {
        let mut out = Vec::new();
        chunk(b"0123456789abcdef", &mut out);
        chunk(b"", &mut out);
        out.extend_from_slice(LAST_CHUNK);
        assert_eq!(out, b"10\r\n0123456789abcdef\r\n0\r\n\r\n");
    }

    proptest! {
        #[test]
        fn numbers_are_written_as_everywhere(value: u64, small in 0_u64..1000) {
            for value in [value, small, u64::MAX] {
                let mut out = Vec::new();
                number(value, &mut out);
                prop_assert_eq!(out, value.to_string().into_bytes());
            }
        }
    }
}
