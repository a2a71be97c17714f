//! As much of HTTP/1.1 (RFC 9112) as it takes to be asked for one page: one request, one answer, and the end.

use std::fmt::Write;

/// The longest request in bytes, its headers included. A body is not read.
pub(super) const LONGEST: usize = 8 * 1024;

/// The most headers of a request.
const HEADERS: usize = 64;

/// Where the page is.
const PATH: &str = "/metrics";

/// What has been asked, as far as it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// More is to come.
    Incomplete,
    /// The page.
    Page(Wants),
    /// Something that is answered with an error.
    Wrong(Refusal),
}

/// How much of the page is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wants {
    /// All of it: GET.
    All,
    /// What is said before it: HEAD.
    Head,
}

/// Why there is no page (RFC 9110, section 15.5; RFC 6585, section 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Malformed,
    NotFound,
    Method,
    TooSlow,
    TooLong,
}

impl Asked {
    /// What these bytes ask for, which came so far.
    pub(super) fn read(bytes: &[u8]) -> Self {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        match request.parse(bytes) {
            Ok(httparse::Status::Complete(_)) => Self::of(&request),
            Ok(httparse::Status::Partial) if bytes.len() < LONGEST => Self::Incomplete,
            Ok(httparse::Status::Partial) | Err(httparse::Error::TooManyHeaders) => {
                Self::Wrong(Refusal::TooLong)
            }
            Err(_) => Self::Wrong(Refusal::Malformed),
        }
    }

    fn of(request: &httparse::Request<'_, '_>) -> Self {
        let target = request.path.unwrap_or_default();
        let path = target.split_once('?').map_or(target, |(path, _)| path);
        match request.method {
            _ if path != PATH => Self::Wrong(Refusal::NotFound),
            Some("GET") => Self::Page(Wants::All),
            Some("HEAD") => Self::Page(Wants::Head),
            _ => Self::Wrong(Refusal::Method),
        }
    }
}

impl Refusal {
    fn status(self) -> &'static str {
        match self {
            Self::Malformed => "400 Bad Request",
            Self::NotFound => "404 Not Found",
            Self::Method => "405 Method Not Allowed",
            Self::TooSlow => "408 Request Timeout",
            Self::TooLong => "431 Request Header Fields Too Large",
        }
    }

    fn why(self) -> &'static str {
        match self {
            Self::Malformed => "expected a request of HTTP/1.1\n",
            Self::NotFound => "expected GET /metrics\n",
            Self::Method => "expected GET or HEAD\n",
            Self::TooSlow => "expected a whole request sooner\n",
            Self::TooLong => "expected a shorter request\n",
        }
    }

    /// The whole answer.
    pub(super) fn answer(self) -> Vec<u8> {
        let allow = match self {
            Self::Method => "Allow: GET, HEAD\r\n",
            _ => "",
        };
        answer(
            self.status(),
            "text/plain; charset=utf-8",
            allow,
            self.why(),
            Wants::All,
        )
    }
}

/// The whole answer that has this page.
pub(super) fn page(text: &str, wants: Wants) -> Vec<u8> {
    answer(
        "200 OK",
        "text/plain; version=0.0.4; charset=utf-8",
        "",
        text,
        wants,
    )
}

fn answer(status: &str, kind: &str, more: &str, body: &str, wants: Wants) -> Vec<u8> {
    let mut answer = format!("HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n{more}");
    let length = body.len();
    // Writing to a string does not fail.
    let _ = write!(
        answer,
        "Content-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    if wants == Wants::All {
        answer += body;
    }
    answer.into_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_asked() {
        use Refusal::{Malformed, Method, NotFound, TooLong};
        let many = "a: b\r\n".repeat(HEADERS + 1);
        let table = [
            (
                "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
                Asked::Page(Wants::All),
            ),
            ("GET /metrics HTTP/1.0\r\n\r\n", Asked::Page(Wants::All)),
            (
                "GET /metrics?a=b HTTP/1.1\r\n\r\nrest",
                Asked::Page(Wants::All),
            ),
            ("HEAD /metrics HTTP/1.1\r\n\r\n", Asked::Page(Wants::Head)),
            ("GET / HTTP/1.1\r\n\r\n", Asked::Wrong(NotFound)),
            ("GET /metrics/ HTTP/1.1\r\n\r\n", Asked::Wrong(NotFound)),
            ("POST / HTTP/1.1\r\n\r\n", Asked::Wrong(NotFound)),
            ("POST /metrics HTTP/1.1\r\n\r\n", Asked::Wrong(Method)),
            ("get /metrics HTTP/1.1\r\n\r\n", Asked::Wrong(Method)),
            ("GET /metrics\r\n\r\n", Asked::Wrong(Malformed)),
            ("GET /metrics HTTP/2.0\r\n\r\n", Asked::Wrong(Malformed)),
            ("\u{16}\u{3}\u{1}", Asked::Wrong(Malformed)),
            (
                &format!("GET / HTTP/1.1\r\n{many}\r\n"),
                Asked::Wrong(TooLong),
            ),
            ("GET /metrics HTTP/1.1\r\nHost: x\r\n", Asked::Incomplete),
            ("", Asked::Incomplete),
        ];
        for (text, asked) in table {
            assert_eq!(Asked::read(text.as_bytes()), asked, "{text:?}");
        }
    }

    #[test]
    fn a_request_that_does_not_end_is_refused() {
        let endless = format!("GET /metrics HTTP/1.1\r\na: {}", "b".repeat(LONGEST));
        let bytes = endless.as_bytes();
        assert_eq!(Asked::read(&bytes[..LONGEST - 1]), Asked::Incomplete);
        assert_eq!(
            Asked::read(&bytes[..LONGEST]),
            Asked::Wrong(Refusal::TooLong)
        );
    }

    #[test]
    fn answers_say_how_long_they_are() {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let expected = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n\
                        Content-Length: 4\r\nConnection: close\r\n\r\n";
        assert_eq!(text(page("a 1\n", Wants::All)), format!("{expected}a 1\n"));
        assert_eq!(text(page("a 1\n", Wants::Head)), expected);
        let refused = text(Refusal::Method.answer());
        assert!(refused.starts_with("HTTP/1.1 405 Method Not Allowed\r\n"));
        assert!(refused.contains("\r\nAllow: GET, HEAD\r\n"), "{refused}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken(bytes: Vec<u8>) {
            Asked::read(&bytes);
            Asked::read(&[b"GET /metrics HTTP/1.1\r\n", &bytes[..]].concat());
        }
    }
}
