//! Requests that hide another one: where a body ends, one reader must not see what another does not.

use super::{Case, Target};

/// A request line, fields and what follows. `GET /sub/b.txt` in it is the one that is hidden: it is answered where it is
/// a request for every reader.
pub(super) const CASES: &[Case<'_>] = &[
    // Both ways to say it.
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG", "400"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\nGET /sub/b.txt HTTP/1.1\r\n", "400"),
    (b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n", "400"),
    (b"POST / HTTP/1.1\r\nHost: a\r\ncontent-length: 0\r\ntransfer-encoding: identity\r\n\r\n", "400"),
    // Two lengths.
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\nHELLO", "400"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\ncontent-length: 0\r\n\r\nHELLO", "400"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nHELLO", "400"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5,6\r\n\r\nHELLO", "400"),
    (b"POST / HTTP/1.0\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\nHELLO", "400"),
    // Lengths that are none.
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nHELLO", "400"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\nHELLO", "400"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\nHELLO", "400"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5 5\r\n\r\nHELLO", "400"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5;a\r\n\r\nHELLO", "400"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5.0\r\n\r\nHELLO", "400"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5e0\r\n\r\nHELLO", "400"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1_0\r\n\r\nHELLO", "400"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \"5\"\r\n\r\nHELLO", "400"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\nHELLO", "400"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: five\r\n\r\nHELLO", "400"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \xb2\r\n\r\nHE", "400"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 5\r\n\r\nHELLO", "400"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n 6\r\n\r\nHELLO", "400"),
    (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551616\r\n\r\n", "400|413"),
    (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551621\r\n\r\nHELLO", "400|413"),
    (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999999999999999999999999999999\r\n\r\n", "400|413"),
    // Codings.
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n", "400"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n", "400"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "400"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunkedx\r\n\r\n0\r\n\r\n", "400"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: 'chunked'\r\n\r\n0\r\n\r\n", "400"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", "400"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked;a=b\r\n\r\n0\r\n\r\n", "400"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", "400"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", "400"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-encoding: x\r\n\r\n0\r\n\r\n", "400"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x\r\nTransfer-encoding: chunked\r\n\r\n0\r\n\r\n", "400|501"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "501"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: ,\r\n\r\n0\r\n\r\n", "400"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\x0b\r\n\r\n0\r\n\r\n", "400"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x00chunked\r\n\r\n0\r\n\r\n", "400"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", "400"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", "400"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nFoo: bar\r\n\tTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"),
    (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"),
    (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"),
    // A name that some read as that of another field is not that of this one: then there is no body.
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer_Encoding: chunked\r\n\r\n0\r\n\r\n", "405 400"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nX-Content-Length: 5\r\n\r\n\0", "405 400"),
    // A body is none of the next request, and a request behind a body is one.
    (b"GET /a.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 44\r\n\r\nGET /sub/b.txt HTTP/1.1\r\nHost: localhost\r\n\r\n.", "200"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 005\r\n\r\nHELLOGET /sub/b.txt HTTP/1.1\r\nHost: a\r\n\r\n", "405 200"),
    (b"GET /a.txt HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nGET\r\n0\r\n\r\nGET /sub/b.txt HTTP/1.1\r\nHost: a\r\n\r\n", "200 200"),
    (b"GET /a.txt HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: CHUNKED\r\n\r\n0\r\nHost: b\r\nContent-Length: 9\r\n\r\nGET /sub/b.txt HTTP/1.1\r\nHost: a\r\n\r\n", "200 200"),
    (b"GET /a.txt HTTP/1.1\r\nHost: a\r\nConnection: Content-Length\r\nContent-Length: 5\r\n\r\nHELLOGET /sub/b.txt HTTP/1.1\r\nHost: a\r\n\r\n", "200 200"),
    // What may come or not ends the connection.
    (b"PUT /a.txt HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nGET /sub/b.txt HTTP/1.1\r\nHost: a\r\n\r\n", "405"),
    (b"GET /a.txt HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\nGET /sub/b.txt HTTP/1.1\r\nHost: a\r\n\r\n", "200"),
    (b"GET /a.txt HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n", "417"),
    (b"GET /a.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /sub/b.txt HTTP/1.1\r\nHost: a\r\n\r\n", "200"),
    (b"GET /a.txt HTTP/1.0\r\n\r\nGET /sub/b.txt HTTP/1.0\r\n\r\n", "200"),
    (b"GET /a.txt HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "200 505"),
];

/// What follows `Transfer-Encoding: chunked`.
pub(super) const CHUNKS: &[Case<'_>] = &[
    (b"\r\n", "400"),
    (b";\r\n", "400"),
    (b" 0\r\n\r\n", "400"),
    (b"0 \r\n\r\n", "400"),
    (b"0x0\r\n\r\n", "400"),
    (b"+0\r\n\r\n", "400"),
    (b"-1\r\n\r\n", "400"),
    (b"g\r\n", "400"),
    (b"\xb2\r\n", "400"),
    (b"0\n\n", "400"),
    (b"0\r\n\n", "400"),
    (b"0\r\r\n", "400"),
    (b"1\nX\r\n0\r\n\r\n", "400"),
    (b"1\r\nX0\r\n\r\n", "400"),
    (b"1\r\nX\n0\r\n\r\n", "400"),
    (b"1\r\nXX\r\n0\r\n\r\n", "400"),
    (b"2\r\nX\r\n0\r\n\r\n", "400"),
    (b"1;\r\nX\r\n0\r\n\r\n", "400"),
    (b"1;a\nX\r\n0\r\n\r\n", "400"),
    (b"1;a\rX\r\n0\r\n\r\n", "400"),
    (b"1;a\0\r\nX\r\n0\r\n\r\n", "400"),
    (b"1 1\r\nX\r\n0\r\n\r\n", "400"),
    (b"00000000000000001\r\nX\r\n0\r\n\r\n", "400"),
    (b"10000000000000000\r\nX", "400|413"),
    (b"ffffffffffffffff\r\nX", "413"),
    (b"7fffffffffffffff\r\nX", "413"),
    (b"100001\r\nX", "413"),
    (b"0\r\n : b\r\n\r\n", "400"),
    (b"0\r\nGET /sub/b.txt HTTP/1.1\r\n\r\n", "400"),
    (b"0\r\nA\0: b\r\n\r\n", "400"),
    (b"0\r\nA: b\n\r\n", "400"),
    (b"1;a=\"b\";c \t ; d\r\nX\r\n000\r\nA: b\r\n\r\n", "200"),
];

#[test]
fn nothing_is_smuggled() {
    let mut target = Target::new(&[]);
    target.check_all(CASES.iter().copied());
}

#[test]
fn chunks_are_what_they_say() {
    let mut target = Target::new(&[]);
    let head = b"GET /a.txt HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let said: Vec<_> = CHUNKS
        .iter()
        .map(|(body, _)| [&head[..], body].concat())
        .collect();
    let expected = CHUNKS.iter().map(|(_, expected)| *expected);
    target.check_all(said.iter().map(Vec::as_slice).zip(expected));
}
