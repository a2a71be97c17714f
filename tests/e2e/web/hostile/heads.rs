//! Heads that are none, or that two readers would read differently.

use super::{Case, Target};

pub(super) const CASES: &[Case<'_>] = &[
    // No HTTP.
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "400"),
    (b"\x00\x00\x00\x00", "400"),
    (b"\xff\xfe\xfd", "400"),
    (b"SSH-2.0-OpenSSH_9.2\r\n", "400"),
    (b"EHLO example.com\r\n", "400"),
    (b"{\"a\": 1}\r\n", "400"),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505"),
    (b"GET /a.txt\r\n", "400"),
    (b"GET\r\n\r\n", "400"),
    (b"GET \r\n\r\n", "400"),
    (b" GET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
    (b"\tGET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
    (
        b"\r\n\r\n\r\n\r\n\r\n\r\n\r\nGET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n",
        "400",
    ),
    // The request line.
    (b"GET  /a.txt HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
    (b"GET /a.txt  HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
    (b"GET\t/a.txt\tHTTP/1.1\r\nHost: a\r\n\r\n", "400"),
    (b"GET /a.txt HTTP/1.1 \r\nHost: a\r\n\r\n", "400"),
    (b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
    (b"GET /a\0 HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
    (b"GET /a\x0b HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
    (b"GET /a\x7f HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
    (b"GET /\xff\xfe HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
    (b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
    (b"GET a.txt HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
    (b"GET * HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
    (b"GET ? HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
    (b"GET ../secret.txt HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
    (b"GET file:///etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
    (b"GET http:///etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
    (b"GET http://u:p@a/a.txt HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
    (
        b"GET http://a/../secret.txt HTTP/1.1\r\nHost: a\r\n\r\n",
        "400|404",
    ),
    (b"GET http://a\\b/ HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
    (b"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", "501"),
    (b"G(T /a.txt HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
    (b"GET\0 /a.txt HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
    (b"get /a.txt HTTP/1.1\r\nHost: a\r\n\r\n", "405|501"),
    (b"TRACE /a.txt HTTP/1.1\r\nHost: a\r\n\r\n", "405|501"),
    (b"DELETE /a.txt HTTP/1.1\r\nHost: a\r\n\r\n", "405"),
    (
        b"PUT /a.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx",
        "405",
    ),
    (
        b"POST /../secret.txt HTTP/1.1\r\nHost: a\r\n\r\n",
        "400|404|405",
    ),
    // The version.
    (b"GET /a.txt HTTP/2.0\r\nHost: a\r\n\r\n", "505"),
    (b"GET /a.txt HTTP/0.9\r\nHost: a\r\n\r\n", "505"),
    (b"GET /a.txt HTTP/1.2\r\nHost: a\r\n\r\n", "505"),
    (b"GET /a.txt HTTP/1.10\r\nHost: a\r\n\r\n", "400"),
    (b"GET /a.txt HTTP/01.1\r\nHost: a\r\n\r\n", "400|505"),
    (b"GET /a.txt HTTP/1.\r\nHost: a\r\n\r\n", "400"),
    (b"GET /a.txt http/1.1\r\nHost: a\r\n\r\n", "400"),
    (b"GET /a.txt HTTPS/1.1\r\nHost: a\r\n\r\n", "400"),
    (b"GET /a.txt HTTP/1.1\rX\r\nHost: a\r\n\r\n", "400"),
    // The ends of lines.
    (b"GET /a.txt HTTP/1.1\nHost: a\n\n", "400"),
    (b"GET /a.txt HTTP/1.1\r\nHost: a\n\r\n", "400"),
    (b"GET /a.txt HTTP/1.1\r\nHost: a\r\n\n", "400"),
    (b"GET /a.txt HTTP/1.1\r\nHost: a\r\r\n\r\n", "400"),
    (b"GET /a.txt HTTP/1.1\rHost: a\r\r", "400"),
    (
        b"GET /a.txt HTTP/1.1\r\nHost: a\r\nA: b\rC: d\r\n\r\n",
        "400",
    ),
    (
        b"GET /a.txt HTTP/1.1\r\nHost: a\r\nA: b\nContent-Length: 5\r\n\r\n",
        "400",
    ),
    (b"\nGET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
    // Fields.
    (b"GET /a.txt HTTP/1.1\r\n Host: a\r\n\r\n", "400"),
    (b"GET /a.txt HTTP/1.1\r\nHost : a\r\n\r\n", "400"),
    (b"GET /a.txt HTTP/1.1\r\nHost\t: a\r\n\r\n", "400"),
    (b"GET /a.txt HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", "400"),
    (
        b"GET /a.txt HTTP/1.1\r\nHost: a\r\nA:\r\n\tb\r\n\r\n",
        "400",
    ),
    (b"GET /a.txt HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", "400"),
    (b"GET /a.txt HTTP/1.1\r\nHost: a\r\nA\r\n\r\n", "400"),
    (b"GET /a.txt HTTP/1.1\r\nHost: a\r\nA B: c\r\n\r\n", "400"),
    (b"GET /a.txt HTTP/1.1\r\nHost: a\r\nA(B): c\r\n\r\n", "400"),
    (
        b"GET /a.txt HTTP/1.1\r\nHost: a\r\nA\xc3\xa4: c\r\n\r\n",
        "400",
    ),
    (b"GET /a.txt HTTP/1.1\r\nHost: a\r\nA\0: c\r\n\r\n", "400"),
    (b"GET /a.txt HTTP/1.1\r\nHost: a\r\nA: c\0d\r\n\r\n", "400"),
    (
        b"GET /a.txt HTTP/1.1\r\nHost: a\r\nA: c\x08d\r\n\r\n",
        "400",
    ),
    (b"GET /a.txt HTTP/1.1\r\nHost: a\r\nA: c\x7f\r\n\r\n", "400"),
    // Host.
    (b"GET /a.txt HTTP/1.1\r\n\r\n", "400"),
    (b"GET http://a/a.txt HTTP/1.1\r\n\r\n", "400"),
    (b"GET /a.txt HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "400"),
    (b"GET /a.txt HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n", "400"),
    (b"GET /a.txt HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", "400"),
    (b"GET /a.txt HTTP/1.1\r\nHost: a, b\r\n\r\n", "400"),
    (b"GET /a.txt HTTP/1.1\r\nHost: a/b\r\n\r\n", "400"),
    (b"GET /a.txt HTTP/1.1\r\nHost: u@a\r\n\r\n", "400"),
    (b"GET /a.txt HTTP/1.1\r\nHost: a:b\r\n\r\n", "400"),
    (b"GET /a.txt HTTP/1.1\r\nHost: [::1\r\n\r\n", "400"),
    (b"GET /a.txt HTTP/1.1\r\nHost: a b\r\n\r\n", "400"),
    (b"GET /a.txt HTTP/1.1\r\nHost: a\xff\r\n\r\n", "400"),
    // What is no fault, lest all were refused.
    (
        b"GET /a.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "200",
    ),
    (b"\r\nGET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n", "200"),
    (b"GET http://b/a.txt HTTP/1.1\r\nHost: a\r\n\r\n", "200"),
    (b"GET /a.txt HTTP/1.0\r\n\r\n", "200"),
    (b"GET /a.txt HTTP/1.1\r\nHost:\r\n\r\n", "200"),
    (
        b"GET /a.txt HTTP/1.1\r\nhOsT:a\r\nA: \xff\xe4\r\n\r\n",
        "200",
    ),
];

#[test]
fn what_is_no_head_is_refused() {
    let mut target = Target::new(&[]);
    target.check_all(CASES.iter().copied());
}

/// Whatever is refused, nothing that comes after it is heard.
#[test]
fn what_follows_a_refusal_is_not_heard() {
    let mut target = Target::new(&[]);
    let refused = CASES.iter().filter(|(_, status)| *status == "400");
    let said: Vec<_> = refused
        .map(|(says, _)| [says, &b"\r\n\r\nGET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n"[..]].concat())
        .collect();
    target.check_all(said.iter().map(|says| (&says[..], "400")));
}
