//! Peers that take their time: each costs a connection for a bounded while, and nobody else anything.

use std::time::{Duration, Instant};

use harness::PATIENCE;

use super::{Line, Target, request};

/// How a peer begins, what it says then, a byte at a time and over again, and what it is told.
const CASES: &[(&str, &str, &str)] = &[
    ("G", "", "408"),
    ("GET /a.txt HTTP/1.1\r\nHost: a\r\n", "", "408"),
    ("GET /a.txt HTTP/1.1\r\nHost: a\r\n\r", "", "408"),
    // slowloris: field after field.
    ("GET /a.txt HTTP/1.1\r\nHost: a\r\n", "X-A: b\r\n", "408"),
    (
        "",
        "GET /a.txt HTTP/1.1\r\nHost: abcdefghijklmnopqrstuvwxyz\r\n",
        "408",
    ),
    ("GET /", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "408"),
    // R.U.D.Y.: a body byte by byte.
    (
        "POST /a.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n",
        "a",
        "408",
    ),
    (
        "GET /a.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nx",
        "",
        "408",
    ),
    (
        "POST /a.txt HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        "1\r\na\r\n",
        "408",
    ),
    (
        "GET /a.txt HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
        "A: b\r\n",
        "408",
    ),
    // The second request is slow.
    (
        "GET /a.txt HTTP/1.1\r\nHost: a\r\n\r\nGET /a.txt HT",
        "",
        "200 408",
    ),
    // Nothing is begun: nothing is said.
    ("", "", "-"),
    ("\r\n", "", "-"),
    ("GET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n", "", "200"),
];

pub(super) const COUNT: usize = CASES.len();

const PACE: Duration = Duration::from_millis(20);

#[test]
fn who_is_slow_is_let_go_and_costs_nobody_anything() {
    let mut target = Target::new(&["--head-timeout", "300ms", "--idle-timeout", "300ms"]);
    let addr = target.server.addr();
    let peers: Vec<_> = CASES
        .iter()
        .map(|(begins, goes_on, _)| {
            std::thread::spawn(move || heard(Line::to(addr), begins, goes_on))
        })
        .collect();
    for _ in 0..50 {
        assert_eq!(Line::to(addr).get("/a.txt").text(), "good");
    }
    for (peer, (begins, goes_on, expected)) in peers.into_iter().zip(CASES) {
        let statuses = super::statuses(&peer.join().unwrap());
        let expected: Vec<_> = expected.split(' ').filter(|one| *one != "-").collect();
        assert_eq!(statuses, expected, "{begins:?} {goes_on:?}");
    }
    target.good = Line::to(addr);
    target.check_good();
}

/// All that such a peer hears.
fn heard(line: Line, begins: &str, goes_on: &str) -> Vec<u8> {
    let mut saying = line.try_clone();
    let mut line = line;
    let hearing = std::thread::spawn(move || line.rest_or_reset());
    saying.say_what_can_be_said(begins.as_bytes());
    let end = Instant::now() + PATIENCE;
    for byte in goes_on.bytes().cycle() {
        if hearing.is_finished() || Instant::now() > end || !saying.say_what_can_be_said(&[byte]) {
            break;
        }
        // The pace is the attack.
        std::thread::sleep(PACE);
    }
    hearing.join().unwrap()
}

/// More of them than there is room for: they make room for others.
#[test]
fn many_slow_ones_do_not_lock_anybody_out() {
    let target = Target::new(&["--max-connections", "30", "--threads", "1"]);
    let addr = target.server.addr();
    let mut slow = Vec::new();
    for _ in 0..3 {
        for begins in ["", "G", "GET /a.txt HTTP/1.1\r\nHost: a\r\nX-A"].repeat(10) {
            let mut line = Line::to(addr);
            line.say_what_can_be_said(begins.as_bytes());
            slow.push(line);
        }
        let mut good = Line::to(addr);
        good.say(request("GET", "/a.txt", "Connection: close\r\n"));
        assert_eq!(good.hear().text(), "good");
    }
}
