//! Fields whose values mean harm: the file comes, or a refusal, and never much more than was asked for.

use super::Target;

pub(super) const FIELDS: &[(&str, &str)] = &[
    ("Range: bytes=0-99999999999999999999999999", "200|206"),
    ("Range: bytes=99999999999999999999999999-", "200|416"),
    ("Range: bytes=18446744073709551615-", "416"),
    ("Range: bytes=0-18446744073709551615", "206"),
    ("Range: bytes=-18446744073709551615", "206"),
    ("Range: bytes=-0", "200|416"),
    ("Range: bytes=3-2", "200|400|416"),
    ("Range: bytes=-", "200|400|416"),
    ("Range: bytes=--1", "200|400|416"),
    ("Range: bytes=0x0-1", "200|400|416"),
    ("Range: bytes=", "200|400|416"),
    ("Range: bytes", "200|400"),
    ("Range: lines=0-1", "200"),
    (
        "Range: bytes=0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0",
        "200|206|416",
    ),
    (
        "Range: bytes=0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-",
        "200|206|416",
    ),
    ("Range: bytes=,,,,,,,,,,,,,,,,,,", "200|400|416"),
    ("Range: bytes=0-1\r\nRange: bytes=2-3", "400"),
    ("If-Range: bytes=0-1\r\nRange: bytes=0-1", "200|400"),
    ("If-Modified-Since: Thu, 99 Foo 9999 99:99:99 GMT", "200"),
    (
        "If-Modified-Since: Sat, 31 Dec 9999 23:59:59 GMT",
        "200|304",
    ),
    ("If-Modified-Since: Fri, 31 Dec 99999 23:59:59 GMT", "200"),
    ("If-Modified-Since: \u{e4}", "200"),
    ("If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT", "412"),
    ("If-None-Match: \"", "200|400"),
    ("If-None-Match: W/", "200|400"),
    ("If-None-Match: \"a\" \"b", "200|400"),
    ("If-None-Match: *, *", "200|304|400"),
    ("If-Match: \"a", "400|412"),
    ("If-Match: \"a\"", "412"),
    (
        "Accept-Encoding: gzip;q=0, br;q=0, zstd;q=0, identity;q=0, *;q=0",
        "200|406",
    ),
    ("Accept-Encoding: gzip;q=99999999999999999999", "200|400"),
    ("Accept-Encoding: ;;;;,,,,=", "200"),
    ("Accept: text/html;q=-1", "200"),
    ("Authorization: Basic \u{e4}", "200"),
    (
        "Authorization: Basic AAAA\r\nAuthorization: Basic BBBB",
        "400",
    ),
    ("Origin: null\r\nOrigin: http://b", "400"),
    ("Referer: \u{1b}[2J", "400"),
    ("User-Agent: () { :; }; /bin/cat /etc/passwd", "200"),
    (
        "X-Forwarded-For: 127.0.0.1\r\nX-Original-URL: /.env\r\nX-Rewrite-URL: /../secret.txt",
        "200",
    ),
    ("X-HTTP-Method-Override: DELETE", "200"),
    ("X-Sendfile: /etc/passwd", "200"),
    ("Cookie: a=../../secret.txt", "200"),
];

#[test]
fn fields_do_no_harm() {
    let mut target = Target::new(&[]);
    let said: Vec<_> = FIELDS
        .iter()
        .map(|(lines, _)| format!("GET /a.txt HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\n"))
        .collect();
    let expected = FIELDS.iter().map(|(_, expected)| *expected);
    target.check_all(said.iter().map(String::as_bytes).zip(expected));
}

/// Ranges that overlap, as many as fit: the answer is no longer than the file and what is said about it.
#[test]
fn many_ranges_are_no_lever() {
    let mut target = Target::new(&[]);
    let ranges = vec!["0-"; 5_000].join(",");
    let says = format!("GET /a.txt HTTP/1.1\r\nHost: a\r\nRange: bytes={ranges}\r\n\r\n");
    let all = target.answers(says.as_bytes());
    assert!(all.len() < 2_000, "{} bytes", all.len());
    target.check_good();
}
