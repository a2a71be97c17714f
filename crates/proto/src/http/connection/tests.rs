use proptest::prelude::*;

use super::*;
use crate::http::Version;

const START: Duration = Duration::from_secs(1000);

/// What is heard, as a line of text.
fn told(heard: &Heard<'_>) -> String {
    match heard {
        Heard::Request(request) => format!(
            "{} {} {:?}",
            request.method_text, request.target, request.then
        ),
        Heard::Pending => "pending".into(),
        Heard::Refused(refusal) => format!("{}", refusal.status().code()),
        Heard::Over => "over".into(),
    }
}

/// What is heard of these reads, up to the end or until more has to come.
fn heard_of<'a>(limits: &Limits, reads: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
    let mut connection = Connection::new(START, limits);
    let mut all = Vec::new();
    for mut read in reads {
        loop {
            let heard = connection.next(&mut read, START, limits);
            if heard == Heard::Pending {
                assert!(read.is_empty());
                break;
            }
            all.push(match &heard {
                Heard::Request(request) => format!("{request:?}"),
                other => told(other),
            });
            if !matches!(heard, Heard::Request(_)) {
                return all;
            }
        }
    }
    all
}

fn heard(bytes: impl AsRef<[u8]>) -> Vec<String> {
    let limits = Limits::default();
    let mut connection = Connection::new(START, &limits);
    let mut rest = bytes.as_ref();
    let mut all = Vec::new();
    loop {
        let heard = connection.next(&mut rest, START, &limits);
        all.push(told(&heard));
        if !matches!(heard, Heard::Request(_)) {
            return all;
        }
    }
}

/// That is refused, with this status, whether it comes at once or byte by byte.
fn check_refused(bytes: impl AsRef<[u8]>, status: u16) {
    let bytes = bytes.as_ref();
    let text = bytes[..bytes.len().min(200)].escape_ascii();
    assert_eq!(heard(bytes), [status.to_string()], "{text}");
    let pieces = heard_of(&Limits::default(), bytes.chunks(1));
    assert_eq!(pieces, [status.to_string()], "{text}, byte by byte");
}

#[test]
fn requests_come_one_after_the_other() {
    let one = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n";
    let two = "\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nHELLO";
    let three = "PUT /3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
                 5;a=\"b\"\r\nGET /\r\n0a \t; c\r\n0123456789\r\n000\r\nTrailer: yes\r\n\r\n";
    let four = "HEAD /4 HTTP/1.0\r\n\r\nGET /not HTTP/1.1\r\n\r\n";
    let all = [one, two, three, four].concat();
    let expected = [
        "GET /1 Persist",
        "POST /2 Persist",
        "PUT /3 Persist",
        "HEAD /4 Close",
        "over",
    ];
    assert_eq!(heard(&all), expected);
}

#[test]
fn what_is_kept_comes_later() {
    let limits = Limits::default();
    let mut connection = Connection::new(START, &limits);
    let all =
        "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3 HT".as_bytes();
    let mut rest = all;
    assert_eq!(
        told(&connection.next(&mut rest, START, &limits)),
        "GET /1 Persist"
    );
    connection.keep(rest);
    assert!(connection.has_more());
    assert!(!connection.is_idle());
    let mut none: &[u8] = &[];
    assert_eq!(
        told(&connection.next(&mut none, START, &limits)),
        "GET /2 Persist"
    );
    assert_eq!(connection.next(&mut none, START, &limits), Heard::Pending);
    assert!(connection.is_idle());
    let mut end: &[u8] = b"TP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(
        told(&connection.next(&mut end, START, &limits)),
        "GET /3 Persist"
    );
    assert_eq!(connection.next(&mut none, START, &limits), Heard::Pending);
    assert_eq!(connection.held.capacity(), 0);
}

#[test]
fn a_connection_is_small() {
    let size = size_of::<Connection>();
    assert!(size <= 160, "{size}");
}

#[test]
fn lines_end_as_they_should() {
    let request = "GET / HTTP/1.1\r\nHost: a\r\nB: c\r\n\r\n";
    let lines = request.match_indices("\r\n").map(|(at, _)| at);
    for at in lines {
        let (before, after) = (&request[..at], &request[at + 2..]);
        for end in ["\n", "\r", "\r\r\n", "\n\r\n", "\0\r\n", "\x0b\r\n"] {
            // One empty line more ends the head: what is left is another's beginning.
            if end == "\n\r\n" && after.starts_with("\r\n") {
                continue;
            }
            check_refused(format!("{before}{end}{after}X"), 400);
        }
    }
    check_refused("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    check_refused("\r\n\r\n\r\n\r\n\r\n", 400);
    check_refused("\r\r\n", 400);
}

#[test]
fn what_is_no_head_is_refused() {
    for head in [
        "\x16\x03\x01\x02",
        " GET / HTTP/1.1\r\n",
        "GET",
        "GET  / HTTP/1.1\r\n",
        "GET /\r\n",
        "GET / \r\n",
        "GET /  HTTP/1.1\r\n",
        "GET\t/ HTTP/1.1\r\n",
        "GET / HTTP/1.1 \r\n",
        "GET / HTTP/1.10\r\n",
        "GET / http/1.1\r\n",
        "GET / HTTP/1\r\n",
        "GET / HTP/1.1\r\n",
        "GET / HTTP/one\r\n",
        "GET /a\0b HTTP/1.1\r\n",
        "GET /\x7f HTTP/1.1\r\n",
        "G\u{e4}T / HTTP/1.1\r\n",
        "GET / HTTP/1.1\r\n Host: a\r\n",
        "GET / HTTP/1.1\r\n: a\r\n",
        "GET / HTTP/1.1\r\nHost : a\r\n",
        "GET / HTTP/1.1\r\nHost\t: a\r\n",
        "GET / HTTP/1.1\r\nHost\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n b\r\n",
        "GET / HTTP/1.1\r\nHost: a\0\r\n",
        "GET / HTTP/1.1\r\nHo\u{e4}st: a\r\n",
        "GET / HTTP/1.1\r\nA: b\x01\r\n",
        "GET / HTTP/1.1\r\nA: b\x7f\r\n",
        "GET / HTTP/1.1\r\n(a): b\r\n",
    ] {
        if head == "GET" {
            assert_eq!(heard(head), ["pending"]);
            continue;
        }
        check_refused(head, 400);
    }
    for version in ["2.0", "0.9", "1.2", "1.9", "3.0"] {
        check_refused(format!("GET / HTTP/{version}\r\n\r\n"), 505);
    }
    check_refused(b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    check_refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505);
    check_refused("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 501);
    check_refused("GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n", 417);
}

#[test]
fn everything_has_its_limit_and_its_status() {
    let Limits {
        target,
        fields,
        name,
        value,
        head,
        ..
    } = Limits::default();
    let long = |length: usize| "x".repeat(length);
    let with = |fields: &str| format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
    let just: [String; 5] = [
        format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", long(target - 1)),
        with(&"A: b\r\n".repeat(fields - 1)),
        with(&format!("{}: b\r\n", long(name))),
        with(&format!("A:\t {} \t\r\n", long(value))),
        format!("{} / HTTP/1.1\r\nHost: a\r\n\r\n", long(32)),
    ];
    for request in just {
        let whole = heard(&request);
        assert_eq!((whole.len(), &*whole[1]), (2, "pending"), "{whole:?}");
    }
    // The verdict does not wait for the end.
    check_refused(format!("GET /{}", long(target)), 414);
    check_refused(with(&"A: b\r\n".repeat(fields)), 431);
    check_refused(
        format!("GET / HTTP/1.1\r\nHost: a\r\n{}", long(name + 1)),
        431,
    );
    check_refused(with(&format!("{}: b\r\n", long(64 * 1024))), 431);
    check_refused(format!("GET / HTTP/1.1\r\nA: {}", long(value + 1)), 431);
    check_refused(
        format!("GET / HTTP/1.1\r\nA: b{}c\r\n\r\n", " ".repeat(value)),
        431,
    );
    check_refused(format!("GET / HTTP/1.1\r\nA: {}", " ".repeat(head)), 431);
    check_refused(with(&format!("A: {}\r\n", long(value)).repeat(4)), 431);
    check_refused(format!("{} / HTTP/1.1\r\n", long(33)), 501);
}

#[test]
fn bodies_end_where_they_say() {
    let chunked = |body: &str| {
        format!("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}")
    };
    for body in [
        "0\r\n\r\n",
        "1\r\n\r\r\n0;a\r\n\r\n",
        "A\r\n0123456789\r\n0\r\nA: b\r\nC: d\r\n\r\n",
    ] {
        let all = chunked(body) + "GET /next HTTP/1.1\r\nHost: a\r\n\r\n";
        assert_eq!(
            heard(all),
            ["GET / Persist", "GET /next Persist", "pending"],
            "{body}"
        );
    }
    for body in [
        "\r\n",
        ";\r\n",
        "g\r\n",
        "-1\r\n",
        "+1\r\n",
        "0x1\r\n",
        " 1\r\n",
        "1 \r\n",
        "1 2\r\n",
        "1\n",
        "1\rx",
        "1;\r\n",
        "1; ;\r\n",
        "1;a\n",
        "1;a\0\r\n",
        "1\r\nab",
        "1\r\na\n",
        "1\r\na\rx",
        "00000000000000000",
        "0\r\nA : b\r\n",
        "0\r\n a\r\n",
        "0\r\n\n",
        "0\r\nGET / HTTP/1.1\r\n",
    ] {
        check_refused(chunked(body), 400);
    }
    check_refused(chunked("fffffffffffffff"), 413);
    check_refused(chunked("100001"), 413);
    check_refused(chunked(&format!("1;{}", "x".repeat(20_000))), 431);
    check_refused(chunked(&format!("0\r\nA: {}", "x".repeat(20_000))), 431);
    check_refused(
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1048577\r\n\r\n",
        413,
    );
}

#[test]
fn what_is_too_much_in_all_is_refused() {
    let limits = Limits {
        body: 100,
        ..Limits::default()
    };
    let head = "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunk = "32\r\n01234567890123456789012345678901234567890123456789\r\n";
    let fits = format!("{head}{chunk}{chunk}0\r\n\r\n");
    assert_eq!(heard_of(&limits, [fits.as_bytes()]).len(), 1);
    let too_much = format!("{head}{chunk}{chunk}1");
    assert_eq!(heard_of(&limits, [too_much.as_bytes()]), ["413"]);
}

#[test]
fn a_body_that_nobody_waits_for_ends_the_connection() {
    let waiting = "PUT /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
    assert_eq!(heard(waiting), ["PUT /1 Close", "over"]);
    let long = "PUT /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 5000000\r\n\r\n";
    assert_eq!(heard(long), ["PUT /2 Close", "over"]);
    let empty = "GET /3 HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n";
    assert_eq!(heard(empty), ["GET /3 Persist", "pending"]);
}

#[test]
fn a_long_body_is_dropped_as_it_comes() {
    let limits = Limits::default();
    let mut connection = Connection::new(START, &limits);
    let mut head: &[u8] = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n";
    assert_eq!(connection.next(&mut head, START, &limits), Heard::Pending);
    for _ in 0..9 {
        let mut piece: &[u8] = &[b'x'; 100_000];
        assert_eq!(connection.next(&mut piece, START, &limits), Heard::Pending);
        assert!(piece.is_empty() && connection.is_idle());
    }
    assert!(connection.held.len() < 100);
    let last = [
        b"x".repeat(100_000),
        b"GET /2 HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(),
    ]
    .concat();
    let mut last: &[u8] = &last;
    assert_eq!(
        told(&connection.next(&mut last, START, &limits)),
        "POST / Persist"
    );
    assert_eq!(
        told(&connection.next(&mut last, START, &limits)),
        "GET /2 Persist"
    );
}

#[test]
fn who_is_slow_is_told_so() {
    let limits = Limits::default();
    let at = |seconds| START + Duration::from_secs(seconds);
    let mut connection = Connection::new(START, &limits);
    let hear = |connection: &mut Connection, bytes: &str, seconds| {
        told(&connection.next(&mut bytes.as_bytes(), at(seconds), &limits))
    };
    assert_eq!(connection.due(), at(60));
    // Empty lines are no beginning.
    assert_eq!(hear(&mut connection, "\r\n", 20), "pending");
    assert_eq!(connection.due(), at(60));
    // From the first byte on it is the time of the head, however often something comes.
    assert_eq!(hear(&mut connection, "G", 30), "pending");
    assert_eq!(hear(&mut connection, "ET / HTTP/1.1\r\n", 38), "pending");
    assert_eq!(connection.due(), at(40));
    assert_eq!(
        hear(&mut connection, "Host: a\r\nContent-Length: 2\r\n\r\n1", 39),
        "pending"
    );
    assert_eq!(connection.due(), at(49));
    assert_eq!(hear(&mut connection, "2", 45), "GET / Persist");
    assert_eq!(connection.due(), at(105));
    // The answer took its time: only then the peer is awaited.
    assert_eq!(hear(&mut connection, "", 300), "pending");
    assert_eq!(connection.due(), at(360));
    assert_eq!(
        hear(&mut connection, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 310),
        "GET / Persist"
    );
    assert_eq!(connection.overdue(), None);
    assert_eq!(
        hear(&mut connection, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 320),
        "over"
    );

    for begun in [
        "GET",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n1",
    ] {
        let mut connection = Connection::new(START, &limits);
        assert_eq!(hear(&mut connection, begun, 0), "pending");
        assert_eq!(connection.overdue(), Some(Refusal::TooSlow));
        assert_eq!(connection.overdue(), None);
    }
}

/// Bytes that are nearly requests.
fn nearly() -> impl Strategy<Value = Vec<u8>> {
    let words = prop::sample::select(vec![
        "GET / HTTP/1.1\r\nHost: a\r\n",
        "HEAD /b HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET ",
        "HEAD ",
        "POST ",
        "OPTIONS * ",
        "/",
        "/a?b",
        "http://a/b",
        "HTTP/1.1",
        "HTTP/1.0",
        "HTTP/1.1\r\n",
        "HTTP/1.0\r\n",
        "\r\n",
        "\r\n\r\n",
        "\r",
        "\n",
        " ",
        "\t",
        ":",
        "\0",
        "Host: a\r\n",
        "Host: ",
        "A: b\r\n",
        "Content-Length: 3\r\n\r\n",
        "Content-Length: ",
        "Transfer-Encoding: chunked\r\n\r\n",
        "Connection: close\r\n",
        "Connection: keep-alive\r\n",
        "Expect: 100-continue\r\n",
        "3\r\nabc\r\n",
        "3;x=y\r\nabc\r\n",
        "0\r\n\r\n",
        "0",
        "a",
        "abc",
        "ä",
        "Accept: x\r\n",
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    ]);
    let word = prop_oneof![
        20 => words.prop_map(|word| word.as_bytes().to_vec()),
        1 => any::<u8>().prop_map(|byte| vec![byte]),
    ];
    prop::collection::vec(word, 0..24).prop_map(|words| words.concat())
}

/// Limits that a short request reaches.
fn tight() -> Limits {
    Limits {
        target: 20,
        fields: 4,
        name: 20,
        value: 24,
        head: 120,
        body: 10,
        ..Limits::default()
    }
}

/// The reads that these lengths cut the bytes into, again and again.
fn cut<'a>(mut bytes: &'a [u8], lengths: &'a [usize]) -> Vec<&'a [u8]> {
    let mut reads = Vec::new();
    for length in lengths.iter().cycle() {
        if bytes.is_empty() {
            break;
        }
        let (read, rest) = bytes.split_at((*length).min(bytes.len()));
        reads.push(read);
        bytes = rest;
    }
    reads
}

/// What is heard when each answer makes the rest wait.
fn heard_kept(limits: &Limits, reads: &[&[u8]]) -> Vec<String> {
    let mut connection = Connection::new(START, limits);
    let mut all = Vec::new();
    for read in reads {
        let mut rest: &[u8] = read;
        loop {
            let heard = connection.next(&mut rest, START, limits);
            match &heard {
                Heard::Pending => break,
                Heard::Request(request) => all.push(format!("{request:?}")),
                other => {
                    all.push(told(other));
                    return all;
                }
            }
            connection.keep(rest);
            rest = &[];
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn however_it_is_cut_the_same_is_heard(
        bytes in nearly(),
        lengths in prop::collection::vec(1..40_usize, 1..6),
        tightly in any::<bool>(),
    ) {
        let limits = if tightly { tight() } else { Limits::default() };
        let whole = heard_of(&limits, [&bytes[..]]);
        let reads = cut(&bytes, &lengths);
        prop_assert_eq!(&heard_of(&limits, reads.iter().copied()), &whole);
        prop_assert_eq!(&heard_of(&limits, bytes.chunks(1)), &whole);
        prop_assert_eq!(&heard_kept(&limits, &reads), &whole);
    }

    #[test]
    fn any_bytes_are_taken(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        heard_of(&Limits::default(), [&bytes[..]]);
    }

    #[test]
    fn a_request_points_to_what_was_said(bytes in nearly()) {
        let limits = Limits::default();
        let mut connection = Connection::new(START, &limits);
        let mut rest = &bytes[..];
        while let Heard::Request(request) = connection.next(&mut rest, START, &limits) {
            prop_assert!(request.target.starts_with('/') || request.target == "*");
            prop_assert!(request.host.is_some() || request.version == Version::Http10);
            prop_assert!(bytes.windows(request.target.len()).any(|one| one == request.target.as_bytes()));
        }
    }
}
