//! What a server tells of itself: figures for Prometheus, lines on standard error.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::TcpStream;

use harness::{PATIENCE, Server, ask, check_refusals};

use super::path::forged::made_up;
use super::udp_echo::{CLEAN_ACK, probe, sent};

/// A server that is watched, and where.
struct Watched {
    server: Server,
    metrics: String,
}

impl Watched {
    fn start(args: &[&str]) -> Self {
        let metrics = ["--metrics", "127.0.0.1:0"];
        let mut server = Server::start("udp-echo", &[args, &metrics].concat());
        let line = server.next_line();
        let addr = line.strip_prefix("listening on http://");
        let addr = addr.and_then(|rest| rest.strip_suffix("/metrics"));
        let metrics = addr.unwrap_or_else(|| panic!("{line}")).to_owned();
        Self { server, metrics }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.metrics).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// What the endpoint answers to this.
    fn say(&self, request: &str) -> String {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).unwrap();
        read(stream)
    }

    /// The figures, by name and labels.
    fn figures(&self) -> HashMap<String, f64> {
        let answer = self.say("GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n");
        let (head, page) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert!(
            head.contains("\r\nContent-Type: text/plain; version=0.0.4"),
            "{head}"
        );
        assert!(head.contains(&format!("\r\nContent-Length: {}\r\n", page.len())));
        let samples = page.lines().filter(|line| !line.starts_with('#'));
        samples
            .map(|line| line.rsplit_once(' ').unwrap())
            .map(|(name, value)| (name.to_owned(), value.parse().unwrap()))
            .collect()
    }
}

fn read(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

fn check(figures: &HashMap<String, f64>, expected: &[(&str, u64)]) {
    for (name, value) in expected {
        assert_eq!(figures[*name], *value as f64, "{name}: {figures:#?}");
    }
}

#[test]
fn the_figures_of_an_upper_case_echo() {
    let watched = Watched::start(&["serve", "--bind", "127.0.0.1:0"]);
    let client = watched.server.connect();
    assert_eq!(ask(&client, "straße"), "STRASSE");
    // In upper case it fits no datagram.
    client.send("\u{390}".repeat(30_000).as_bytes()).unwrap();
    assert_eq!(ask(&client, "end"), "END");
    let figures = watched.figures();
    check(
        &figures,
        &[
            ("udp_echo_received_datagrams_total{service=\"upper\"}", 3),
            ("udp_echo_received_bytes_total{service=\"upper\"}", 60_010),
            (
                "udp_echo_unanswered_datagrams_total{service=\"upper\",reason=\"nothing_to_say\"}",
                1,
            ),
            (
                "udp_echo_unanswered_datagrams_total{service=\"upper\",reason=\"over_rate\"}",
                0,
            ),
            (
                "udp_echo_queue_dropped_datagrams_total{service=\"upper\"}",
                0,
            ),
        ],
    );
    // The last reply is counted once it has been sent, which may be after it was received.
    let replies = figures["udp_echo_sent_datagrams_total{service=\"upper\"}"];
    assert!((1.0..=2.0).contains(&replies), "{figures:#?}");
}

#[test]
fn the_figures_of_a_measurement() {
    let watched = Watched::start(&[CLEAN_ACK, &["--exit", "never"]].concat());
    let (json, _) = probe(&[&watched.server.target(), "-n", "50", "-i", "2ms"]);
    let client = watched.server.connect();
    assert_eq!(ask(&client, "exit"), "Not Stopping the Server.");
    assert_eq!(ask(&client, "C 64"), "Buffer Size Calibrated at Server.");
    client.send(&made_up(1, 64)).unwrap();
    client.recv(&mut [0; 100]).unwrap();
    let figures = watched.figures();
    check(
        &figures,
        &[
            ("udp_echo_sessions", 1),
            ("udp_echo_sessions_begun_total", 1),
            ("udp_echo_sessions_expired_total", 0),
            ("udp_echo_sessions_displaced_total", 0),
            ("udp_echo_unknown_sessions_total", 1),
            ("udp_echo_wrong_proofs_total", 0),
            ("udp_echo_exits_refused_total", 1),
            ("udp_echo_calibrations_total{wire=\"native\"}", 1),
            ("udp_echo_calibrations_total{wire=\"classic\"}", 1),
            ("udp_echo_requests_total{wire=\"classic\"}", 3),
        ],
    );
    // Beside the probes there are questions for the session's totals, and the packet that was made up.
    let native = figures["udp_echo_requests_total{wire=\"native\"}"];
    let probes = sent(&json) as f64;
    assert!(
        (probes + 1.0..=probes + 10.0).contains(&native),
        "{figures:#?}"
    );
    let received = figures["udp_echo_received_datagrams_total{service=\"ack\"}"];
    assert_eq!(received, native + 3.0, "{figures:#?}");
    if cfg!(target_os = "linux") {
        let memory = figures["process_resident_memory_bytes"];
        assert!((1e6..1e8).contains(&memory), "{memory}");
    }
}

#[test]
fn what_is_no_request_for_figures_is_refused() {
    let watched = Watched::start(&["serve", "--bind", "127.0.0.1:0"]);
    let table = [
        ("GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 404 Not Found\r\n"),
        (
            "PUT /metrics HTTP/1.1\r\n\r\n",
            "HTTP/1.1 405 Method Not Allowed\r\n",
        ),
        ("\0\0\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n"),
    ];
    for (request, status) in table {
        let answer = watched.say(request);
        assert!(answer.starts_with(status), "{request:?}: {answer}");
    }
    watched.figures();
}

#[test]
fn slow_readers_of_figures_hold_up_neither_others_nor_the_echo() {
    let watched = Watched::start(&["serve", "--bind", "127.0.0.1:0"]);
    let slow: Vec<_> = (0..100).map(|_| watched.connect()).collect();
    let mut slowest = watched.connect();
    slowest.write_all(b"GET /metrics HTTP/1.1\r\n").unwrap();
    watched.figures();
    assert_eq!(ask(&watched.server.connect(), "hello"), "HELLO");
    let answer = read(slowest);
    assert!(
        answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"),
        "{answer}"
    );
    drop(slow);
}

#[cfg(unix)]
#[test]
fn lines_of_figures_come_every_period() {
    let args = [CLEAN_ACK, &["--stats", "10ms", "--metrics", "127.0.0.1:0"]].concat();
    let mut server = Server::start("udp-echo", &args);
    server.next_line();
    let (json, _) = probe(&[&server.target(), "-n", "20", "-i", "10ms"]);
    assert_eq!(json["answered"].as_u64().unwrap(), sent(&json), "{json}");
    let (status, messages) = server.terminate();
    assert_eq!(status.code(), Some(0), "{messages}");
    let rows = rows(&messages);
    let any = |column: usize| rows.iter().any(|row| row[column] > 0.0);
    assert!(any(1) && any(2) && any(3) && any(4), "{messages}");
    assert_eq!(rows.last().unwrap()[5], 1.0, "{messages}");
    assert!(
        rows.is_sorted_by(|one, next| one[0] <= next[0]),
        "{messages}"
    );
}

#[cfg(unix)]
#[test]
fn a_signal_asks_for_a_line() {
    let mut server = Server::start("udp-echo", CLEAN_ACK);
    let (json, _) = probe(&[&server.target(), "-n", "10", "-i", "5ms"]);
    assert!(sent(&json) > 0);
    server.signal(harness::Signal::SIGUSR1);
    assert!(server.next_message().contains("packets/s"));
    assert!(server.next_message().contains("over rate"));
    let row = rows(&server.next_message()).remove(0);
    assert!(row[1] > 0.0 && row[5] == 1.0, "{row:?}");
    let (status, _) = server.terminate();
    assert_eq!(status.code(), Some(0));
}

/// The lines that hold figures alone.
#[cfg(unix)]
fn rows(messages: &str) -> Vec<Vec<f64>> {
    let row = |line: &str| {
        line.split_whitespace()
            .map(|field| field.parse().ok())
            .collect()
    };
    messages
        .lines()
        .filter(|line| !line.is_empty())
        .filter_map(row)
        .collect()
}

#[test]
fn what_cannot_be_watched_is_explained() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let serve = ["serve", "--bind", "127.0.0.1:0"];
    let table: [(&[&str], &str); 3] = [
        (&["--metrics", "nowhere"], "expected a host"),
        (&["--metrics", "192.0.2.7"], "--metrics"),
        (&["--stats", "0"], "expected"),
    ];
    let table = table.map(|(args, words)| ([&serve, args].concat(), words));
    for (args, words) in &table {
        check_refusals("udp-echo", &[(args, words)]);
    }
    let args = [&serve[..], &["--metrics", &taken]].concat();
    check_refusals("udp-echo", &[(&args, "--metrics")]);
}
