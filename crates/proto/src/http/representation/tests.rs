//! What is answered to which request, as text that can be read.

use std::time::{Duration, UNIX_EPOCH};

use super::super::connection::{Connection, Heard};
use super::super::limits::Limits;
use super::super::path::Path;
use super::*;

/// Sun, 06 Nov 1994 08:49:37 GMT.
const CHANGED: u64 = 784_111_777;

const LETTERS: &[u8; 1000] = &{
    let mut letters = [0; 1000];
    let mut at = 0;
    while at < 1000 {
        letters[at] = b'a' + (at % 26) as u8;
        at += 1;
    }
    letters
};

fn time(second: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(second)
}

fn validators() -> Validators {
    Validators {
        etag: "\"v1\"".into(),
        modified: Some(time(CHANGED)),
    }
}

fn file(validators: &Validators) -> Representation<'_> {
    Representation {
        length: Some(1000),
        media: "text/plain; charset=utf-8",
        coding: Coding::Identity,
        validators: Some(validators),
        varies: Varies::No,
        more: b"",
    }
}

/// Calls `with` on the request of this method with these header lines, some of which the connection may not know.
fn asking<T>(method: Method, lines: &str, with: impl FnOnce(&Request<'_>) -> T) -> T {
    let mut fields = Fields::default();
    let mut version = Version::Http11;
    for (name, value) in lines.lines().filter_map(|line| line.split_once(": ")) {
        let value = Some(value.as_bytes().into());
        match name {
            "Range" => fields.range = value,
            "If-Range" => fields.if_range = value,
            "If-Match" => fields.if_match = value,
            "If-None-Match" => fields.if_none_match = value,
            "If-Modified-Since" => fields.if_modified_since = value,
            "If-Unmodified-Since" => fields.if_unmodified_since = value,
            _ => version = Version::Http10,
        }
    }
    with(&Request {
        method,
        method_text: "",
        target: "/letters",
        version,
        then: Then::Persist,
        host: Some("example"),
        fields,
    })
}

/// An answer as text, its body included; CR and LF as a line's end.
fn said(representation: &Representation<'_>, method: Method, lines: &str) -> String {
    let mut out = Vec::new();
    let (now, date) = (time(CHANGED + 60), Date::new(time(CHANGED + 60)));
    let answer = asking(method, lines, |request| {
        representation.answer(request, "BOUNDARY", now, &date, &mut out)
    });
    let head = out.len();
    send(&answer.content, &mut out);
    check_length(&out[..head], &answer, out.len() - head);
    let text = String::from_utf8(out).unwrap().replace("\r\n", "\n");
    let first = format!(
        "HTTP/1.1 {}\nDate: Sun, 06 Nov 1994 08:50:37 GMT\n",
        answer.status
    );
    text.strip_prefix(&first).unwrap().into()
}

fn send(content: &Content, out: &mut Vec<u8>) {
    let bytes = |part: &Range| &LETTERS[part.first as usize..=part.last as usize];
    match content {
        Content::Nothing => {}
        Content::Whole => out.extend_from_slice(LETTERS),
        Content::Part(part) => out.extend_from_slice(bytes(part)),
        Content::Parts(Parts { parts, end }) => {
            for (head, part) in parts {
                out.extend_from_slice(head);
                out.extend_from_slice(bytes(part));
            }
            out.extend_from_slice(end);
        }
    }
}

/// What is said to follow does follow.
fn check_length(head: &[u8], answer: &Answer, length: usize) {
    let head = String::from_utf8_lossy(head);
    let said = head.split("Content-Length: ").nth(1);
    let said = said.and_then(|rest| rest.lines().next()?.parse::<usize>().ok());
    if answer.content != Content::Nothing && said.is_some() {
        assert_eq!(said, Some(length), "{head}");
    }
}

#[test]
fn all_of_it() {
    let head = "Content-Type: text/plain; charset=utf-8
Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT
Accept-Ranges: bytes
ETag: \"v1\"
Content-Length: 1000

";
    let validators = validators();
    let letters = str::from_utf8(LETTERS).unwrap();
    let got = said(&file(&validators), Method::Get, "");
    assert_eq!(got, format!("{head}{letters}"));
    assert_eq!(said(&file(&validators), Method::Head, ""), head);
    // Ranges are a matter of GET.
    let got = said(&file(&validators), Method::Head, "Range: bytes=0-1");
    assert_eq!(got, head);
    let got = said(&file(&validators), Method::Get, "Range: lines=0-1");
    assert_eq!(got, format!("{head}{letters}"));
}

#[test]
fn a_part() {
    let validators = validators();
    assert_eq!(
        said(&file(&validators), Method::Get, "Range: bytes=26-31"),
        "Content-Type: text/plain; charset=utf-8
Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT
Accept-Ranges: bytes
ETag: \"v1\"
Content-Range: bytes 26-31/1000
Content-Length: 6

abcdef"
    );
}

#[test]
fn several_parts() {
    let validators = validators();
    assert_eq!(
        said(&file(&validators), Method::Get, "Range: bytes=-2,0-2"),
        "Content-Type: multipart/byteranges; boundary=BOUNDARY
Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT
Accept-Ranges: bytes
ETag: \"v1\"
Content-Length: 199

--BOUNDARY
Content-Type: text/plain; charset=utf-8
Content-Range: bytes 998-999/1000

kl
--BOUNDARY
Content-Type: text/plain; charset=utf-8
Content-Range: bytes 0-2/1000

abc
--BOUNDARY--
"
    );
}

#[test]
fn nothing_that_there_is() {
    let validators = validators();
    assert_eq!(
        said(&file(&validators), Method::Get, "Range: bytes=1000-"),
        "Content-Range: bytes */1000
ETag: \"v1\"
Content-Length: 0

"
    );
}

#[test]
fn what_the_peer_has_already() {
    let validators = validators();
    let representation = Representation {
        varies: Varies::ByCoding,
        more: b"Cache-Control: no-cache\r\n",
        ..file(&validators)
    };
    let expected = "ETag: \"v1\"
Vary: Accept-Encoding
Cache-Control: no-cache

";
    for method in [Method::Get, Method::Head] {
        let got = said(&representation, method, "If-None-Match: \"v1\"");
        assert_eq!(got, expected);
    }
    // A condition goes before a range.
    let lines = "If-None-Match: \"v1\"\nRange: bytes=0-1";
    assert_eq!(said(&representation, Method::Get, lines), expected);
}

#[test]
fn what_is_compressed_says_so() {
    let validators = validators();
    let representation = Representation {
        coding: Coding::Brotli,
        varies: Varies::ByCoding,
        more: b"X-Content-Type-Options: nosniff\r\n",
        ..file(&validators)
    };
    assert_eq!(
        said(&representation, Method::Head, ""),
        "Content-Type: text/plain; charset=utf-8
Content-Encoding: br
Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT
Accept-Ranges: bytes
ETag: \"v1\"
Vary: Accept-Encoding
X-Content-Type-Options: nosniff
Content-Length: 1000

"
    );
}

#[test]
fn what_is_made_while_it_is_sent_has_no_length() {
    let made = Representation {
        length: None,
        media: "text/html",
        coding: Coding::Gzip,
        validators: None,
        varies: Varies::ByCoding,
        more: b"",
    };
    let described = "Content-Type: text/html\nContent-Encoding: gzip\nVary: Accept-Encoding\n";
    for (lines, end) in [
        ("", "Transfer-Encoding: chunked\n\n"),
        ("Range: bytes=0-1", "Transfer-Encoding: chunked\n\n"),
        ("HTTP/1.0: ", "Connection: close\n\n"),
    ] {
        let got = said(&made, Method::Head, lines);
        assert_eq!(got, format!("{described}{end}"), "{lines}");
    }
}

#[test]
fn statuses() {
    let before = "Sun, 06 Nov 1994 08:49:36 GMT";
    let then = "Sun, 06 Nov 1994 08:49:37 GMT";
    let table = [
        (String::new(), 200),
        ("Range: bytes=0-0".into(), 206),
        ("Range: bytes=0-0,-1".into(), 206),
        ("Range: bytes=0-0,x".into(), 200),
        ("Range: bytes=1000-".into(), 416),
        ("Range: bytes=1000-\nIf-Range: \"v0\"".into(), 200),
        ("Range: bytes=1000-\nIf-Range: \"v1\"".into(), 416),
        ("Range: bytes=0-0\nIf-Range: \"v0\"".into(), 200),
        ("Range: bytes=0-0\nIf-Range: \"v1\"".into(), 206),
        ("Range: bytes=0-0\nIf-Range: W/\"v1\"".into(), 200),
        (format!("Range: bytes=0-0\nIf-Range: {then}"), 206),
        (format!("Range: bytes=0-0\nIf-Range: {before}"), 200),
        ("If-Range: \"v0\"".into(), 200),
        ("If-Match: \"v1\"".into(), 200),
        ("If-Match: \"v0\"".into(), 412),
        ("If-Match: \"v0\"\nRange: bytes=1000-".into(), 412),
        ("If-Match: \"v1\"\nRange: bytes=0-0".into(), 206),
        ("If-None-Match: \"v0\"".into(), 200),
        ("If-None-Match: \"v1\"".into(), 304),
        ("If-None-Match: *".into(), 304),
        (format!("If-Modified-Since: {then}"), 304),
        (format!("If-Modified-Since: {before}"), 200),
        (format!("If-Unmodified-Since: {then}"), 200),
        (format!("If-Unmodified-Since: {before}"), 412),
    ];
    let validators = validators();
    for (lines, expected) in &table {
        let mut out = Vec::new();
        let (now, date) = (time(CHANGED + 60), Date::new(time(CHANGED + 60)));
        let answer = asking(Method::Get, lines, |request| {
            file(&validators).answer(request, "B", now, &date, &mut out)
        });
        assert_eq!(answer.status.code(), *expected, "{lines}");
        assert!(out.starts_with(format!("HTTP/1.1 {expected} ").as_bytes()));
        assert!(out.ends_with(b"\r\n\r\n"));
    }
}

#[test]
fn what_nothing_is_known_of_matches_no_tag() {
    let page = Representation {
        validators: None,
        ..file(&NO_VALIDATORS)
    };
    for (lines, expected) in [
        ("If-None-Match: \"\"", 200),
        ("If-None-Match: *", 304),
        ("If-Match: \"\"", 412),
        ("If-Match: *", 200),
        ("If-Modified-Since: Sun, 06 Nov 2094 08:49:37 GMT", 200),
        ("Range: bytes=0-1", 206),
        ("Range: bytes=0-1\nIf-Range: \"\"", 200),
    ] {
        let (now, date) = (time(CHANGED), Date::new(time(CHANGED)));
        let answer = asking(Method::Get, lines, |request| {
            page.answer(request, "B", now, &date, &mut Vec::new())
        });
        assert_eq!(answer.status.code(), expected, "{lines}");
    }
}

#[test]
fn a_change_that_is_to_come_is_now() {
    let validators = Validators {
        modified: Some(time(CHANGED + 1_000_000)),
        ..validators()
    };
    let got = said(&file(&validators), Method::Head, "");
    assert!(got.contains("Last-Modified: Sun, 06 Nov 1994 08:50:37 GMT\n"));
    let prebuild = |second| file(&validators).prebuild(&Date::new(time(second)));
    assert_eq!(prebuild(CHANGED + 999_999), None);
    assert!(prebuild(CHANGED + 1_000_000).is_some());
}

#[test]
fn what_is_written_before_is_the_same() {
    let validators = validators();
    let (now, date) = (time(CHANGED + 60), Date::new(time(CHANGED + 60)));
    let prebuilt = file(&validators).prebuild(&date).unwrap();
    for (method, lines) in [
        (Method::Get, ""),
        (Method::Head, ""),
        (Method::Get, "HTTP/1.0: "),
        (Method::Get, "If-Range: \"v1\""),
    ] {
        let (mut built, mut written) = (Vec::new(), Vec::new());
        asking(method, lines, |request| {
            let expected = file(&validators).answer(request, "B", now, &date, &mut written);
            let answer = prebuilt.answer(request, &date, &mut built);
            assert_eq!(answer, Some(expected), "{lines}");
        });
        assert_eq!(built, written, "{lines}");
    }
    for lines in [
        "Range: bytes=0-1",
        "If-Match: *",
        "If-None-Match: \"x\"",
        "If-Modified-Since: x",
        "If-Unmodified-Since: x",
    ] {
        let mut out = Vec::new();
        let answer = asking(Method::Get, lines, |request| {
            prebuilt.answer(request, &date, &mut out)
        });
        assert_eq!((answer, out), (None, Vec::new()), "{lines}");
    }
    let lengthless = Representation {
        length: None,
        ..file(&validators)
    };
    assert_eq!(lengthless.prebuild(&date), None);
}

/// The classic wire: a request that is answered once, and the end of the connection.
#[test]
fn a_server_of_one_request() {
    let asked = b"GET /letters HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let limits = Limits::default();
    let mut connection = Connection::new(Duration::ZERO, &limits);
    let mut bytes = asked.as_slice();
    let mut out = Vec::new();
    {
        let heard = connection.next(&mut bytes, Duration::ZERO, &limits);
        let Heard::Request(request) = heard else {
            panic!("{heard:?}");
        };
        assert_eq!(Path::decode(request.target).unwrap().bytes(), b"letters");
        let (now, date) = (time(CHANGED), Date::new(time(CHANGED)));
        let validators = validators();
        let answer = file(&validators).answer(&request, "", now, &date, &mut out);
        send(&answer.content, &mut out);
    }
    let text = String::from_utf8(out).unwrap();
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n"));
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.ends_with("\r\nConnection: close"));
    assert_eq!(body.as_bytes(), LETTERS);
    let again = connection.next(&mut bytes, Duration::ZERO, &limits);
    assert_eq!(again, Heard::Over);
}
