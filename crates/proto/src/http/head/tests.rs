use super::*;
use crate::http::Then;

fn read_all(head: &str) -> Result<Head<'_>, Refusal> {
    let head = read(head.as_bytes(), &Limits::default())?;
    Ok(head.expect("a head that is whole"))
}

fn with(fields: &str) -> String {
    format!("GET /a HTTP/1.1\r\nHost: a\r\n{fields}\r\n")
}

fn refused(head: &str) -> Refusal {
    match read_all(head) {
        Err(refusal) => refusal,
        Ok(head) => panic!("{head:?}"),
    }
}

#[test]
fn a_request_of_a_browser() {
    let head = "GET /a%20b?c HTTP/1.1\r\nHost: localhost:8000\r\nConnection: keep-alive\r\nUser-Agent: M/5.0 (X)\r\n\
                aCCEPT:text/html, */*;q=0.8  \r\nAccept-Encoding:\t gzip, zstd\r\nRange: bytes=0-\r\nAccept: x/y\r\n\r\nrest";
    let head = read_all(head).expect("a request");
    let request = head.request;
    assert_eq!(head.length, 185);
    assert_eq!((request.method, request.method_text), (Method::Get, "GET"));
    assert_eq!(request.target, "/a%20b?c");
    assert_eq!(request.version, Version::Http11);
    assert_eq!(request.then, Then::Persist);
    assert_eq!(request.host, Some("localhost:8000"));
    let fields = request.fields;
    assert_eq!(
        fields.accept.as_deref(),
        Some(&b"text/html, */*;q=0.8, x/y"[..])
    );
    assert_eq!(fields.accept_encoding.as_deref(), Some(&b"gzip, zstd"[..]));
    assert_eq!(fields.range.as_deref(), Some(&b"bytes=0-"[..]));
    assert_eq!(fields.user_agent.as_deref(), Some(&b"M/5.0 (X)"[..]));
    assert_eq!(fields.if_range, None);
    assert_eq!((head.framing, head.expects), (Framing::NONE, false));
}

#[test]
fn every_field_that_matters_is_found() {
    let head = with(
        "Authorization: 1\r\nIf-Match: 2\r\nIf-None-Match: 3\r\nIf-Modified-Since: 4\r\nIf-Unmodified-Since: 5\r\n\
         If-Range: 6\r\nOrigin: 7\r\nAccess-Control-Request-Method: 8\r\nReferer: 9\r\n",
    );
    let fields = read_all(&head).expect("a request").request.fields;
    let found = [
        fields.authorization,
        fields.if_match,
        fields.if_none_match,
        fields.if_modified_since,
        fields.if_unmodified_since,
        fields.if_range,
        fields.origin,
        fields.access_control_request_method,
        fields.referer,
    ];
    let found: Vec<u8> = found
        .iter()
        .flatten()
        .flat_map(|one| one.to_vec())
        .collect();
    assert_eq!(found, b"123456789");
}

#[test]
fn what_becomes_of_the_connection() {
    for (version, fields, expected) in [
        ("1.1", "", Then::Persist),
        ("1.1", "Connection: close\r\n", Then::Close),
        ("1.1", "connection: Foo , CLOSE\r\n", Then::Close),
        (
            "1.1",
            "Connection: foo\r\nConnection: close\r\n",
            Then::Close,
        ),
        ("1.1", "Connection: close, keep-alive\r\n", Then::Close),
        ("1.1", "Connection: closed\r\n", Then::Persist),
        ("1.0", "", Then::Close),
        ("1.0", "Connection: keep-alive\r\n", Then::Persist),
        ("1.0", "Connection: Keep-Alive, close\r\n", Then::Close),
        ("1.0", "Proxy-Connection: keep-alive\r\n", Then::Close),
    ] {
        let head = format!("GET / HTTP/{version}\r\nHost: a\r\n{fields}\r\n");
        let then = read_all(&head).expect("a request").request.then;
        assert_eq!(then, expected, "{head}");
    }
}

#[test]
fn the_forms_of_a_target() {
    for (method, written, target, host) in [
        ("GET", "/", "/", "a"),
        ("GET", "//b/c", "//b/c", "a"),
        ("GET", "/ü", "/ü", "a"),
        ("GET", "http://b:80/c?d", "/c?d", "b:80"),
        ("GET", "HTTPS://b", "/", "b"),
        ("GET", "http://b?c", "/", "b"),
        ("OPTIONS", "*", "*", "a"),
        ("OPTIONS", "http://b", "*", "b"),
        ("OPTIONS", "http://b/", "/", "b"),
    ] {
        let head = format!("{method} {written} HTTP/1.1\r\nHost: a\r\n\r\n");
        let request = read_all(&head).expect("a request").request;
        assert_eq!(
            (request.target, request.host),
            (target, Some(host)),
            "{head}"
        );
    }
    for (method, written) in [
        ("GET", "*"),
        ("GET", "a/b"),
        ("GET", "b:80"),
        ("GET", "ftp://b/"),
        ("GET", "http://"),
        ("GET", "http:///c"),
        ("GET", "http://u@b/"),
        ("GET", "http://b c/"),
        ("GET", "/a#b"),
        ("POST", "*"),
        ("GET", "\\"),
    ] {
        let refused = refused(&format!("{method} {written} HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert!(
            matches!(refused, Refusal::Malformed(_)),
            "{written}: {refused}"
        );
    }
    assert_eq!(
        refused("CONNECT b:80 HTTP/1.1\r\nHost: b:80\r\n\r\n"),
        Refusal::Method
    );
}

#[test]
fn a_host_comes_once_and_is_one() {
    for host in [
        "",
        "a",
        "a:",
        "a:80",
        "127.0.0.1:8000",
        "[::1]",
        "[::1]:8000",
        "xn--a_b.c%20d",
        "[fe80::1%25en0]",
    ] {
        let head = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
        assert_eq!(read_all(&head).expect("a request").request.host, Some(host));
    }
    assert_eq!(
        read_all("GET / HTTP/1.0\r\n\r\n")
            .expect("a request")
            .request
            .host,
        None
    );
    for fields in [
        "",
        "Host: a\r\nHost: a\r\n",
        "Host: a\r\nhOST: b\r\n",
        "Host: a, b\r\n",
        "Host: a,b\r\n",
        "Host: a/b\r\n",
        "Host: http://a\r\n",
        "Host: u@a\r\n",
        "Host: a:b\r\n",
        "Host: a:80:80\r\n",
        "Host: ::1\r\n",
        "Host: [::1\r\n",
        "Host: []\r\n",
        "Host: [::1]a\r\n",
        "Host: a b\r\n",
        "Host: a\\b\r\n",
        "Host: <a>\r\n",
        "Host: ü\r\n",
    ] {
        let refused = refused(&format!("GET / HTTP/1.1\r\n{fields}\r\n"));
        assert!(
            matches!(refused, Refusal::Malformed(_)),
            "{fields}: {refused}"
        );
    }
}

#[test]
fn where_a_body_ends_is_certain() {
    for (fields, framing) in [
        ("Content-Length: 0\r\n", Framing::NONE),
        ("Content-Length: 0005\r\n", Framing::Length(5)),
        ("Transfer-Encoding: chunked\r\n", Framing::Chunked),
        ("Transfer-Encoding: \tCHUNKED \r\n", Framing::Chunked),
    ] {
        assert_eq!(read_all(&with(fields)).expect("a request").framing, framing);
    }
    for fields in [
        "Content-Length: \r\n",
        "Content-Length: +5\r\n",
        "Content-Length: -5\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length: 5 5\r\n",
        "Content-Length: 5, 5\r\n",
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5.0\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n",
        "Transfer-Encoding: \r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding: chunked, gzip\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "Transfer-Encoding: chunked;q=1\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: chunked,\r\n",
        "Transfer-Encoding: \"chunked\"\r\n",
    ] {
        let refused = refused(&with(fields));
        assert!(
            matches!(refused, Refusal::Malformed(_)),
            "{fields}: {refused}"
        );
    }
    let old = "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert!(matches!(refused(old), Refusal::Malformed(_)));
    assert_eq!(
        refused(&with("Transfer-Encoding: gzip, chunked\r\n")),
        Refusal::Coding
    );
    let long = "Content-Length: 99999999999999999999999999\r\n";
    assert_eq!(refused(&with(long)), Refusal::BodyTooLarge);
}

#[test]
fn what_is_expected() {
    assert!(
        read_all(&with("Expect: 100-Continue\r\n"))
            .expect("a request")
            .expects
    );
    assert_eq!(refused(&with("Expect: tea\r\n")), Refusal::Expectation);
    assert_eq!(
        refused(&with("Expect: 100-continue\r\nExpect: tea\r\n")),
        Refusal::Expectation
    );
    let old = "GET / HTTP/1.0\r\nExpect: tea\r\n\r\n";
    assert!(!read_all(old).expect("a request").expects);
}

#[test]
fn what_is_no_list_comes_once() {
    for name in [
        "Range",
        "If-Range",
        "Origin",
        "Authorization",
        "If-Modified-Since",
        "If-Unmodified-Since",
        "Access-Control-Request-Method",
    ] {
        let refused = refused(&with(&format!("{name}: a\r\n{name}: a\r\n")));
        assert!(matches!(refused, Refusal::Malformed(_)), "{name}");
    }
    let head = with("Referer: a\r\nReferer: b\r\nUser-Agent: c\r\nUser-Agent: d\r\n");
    let fields = read_all(&head).expect("a request").request.fields;
    assert_eq!(fields.referer.as_deref(), Some(&b"a"[..]));
    assert_eq!(fields.user_agent.as_deref(), Some(&b"c"[..]));
}
