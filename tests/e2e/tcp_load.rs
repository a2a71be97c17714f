//! The load generator of TCP echoes: against small servers of the test's own, the real one, and the one it starts.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;

#[cfg(unix)]
use harness::total;
use harness::{Finished, Server, check_refusals, run};
use serde_json::Value;

/// An echo that hands what it reads through `answer`, and counts the bytes it read.
fn server(answer: fn(&[u8]) -> Vec<u8>) -> (SocketAddr, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (addr, read) = (listener.local_addr().unwrap(), Arc::default());
    let counter = Arc::clone(&read);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, counter) = (stream.unwrap(), Arc::clone(&counter));
            thread::spawn(move || serve(stream, answer, &counter));
        }
    });
    (addr, read)
}

fn serve(mut stream: TcpStream, answer: fn(&[u8]) -> Vec<u8>, counter: &AtomicU64) {
    let mut buffer = [0; 4096];
    stream.set_nodelay(true).unwrap();
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        counter.fetch_add(length as u64, Relaxed);
        if stream.write_all(&answer(&buffer[..length])).is_err() {
            return;
        }
    }
}

fn load(addr: SocketAddr, args: &[&str]) -> (Value, Finished) {
    let target = addr.to_string();
    json(&[&["load", &target], args].concat())
}

/// The object that this prints with `--json`.
fn json(args: &[&str]) -> (Value, Finished) {
    let done = run("tcp-echo", &[args, &["--json"]].concat(), "");
    let json = serde_json::from_str(&done.stdout);
    (json.unwrap_or_else(|_| panic!("no JSON: {done:?}")), done)
}

/// Checks that so many requests were sent, each was answered, and nothing failed.
fn check_all_answered(json: &Value, requests: u64) {
    let count = |name: &str| json[name].as_u64().unwrap();
    let counts = ["sent", "answered", "unanswered", "unsent"].map(count);
    assert_eq!(counts, [requests, requests, 0, 0], "{json}");
    assert_eq!(json["latency_from_send_ns"]["count"], requests, "{json}");
    let failures = json["failed_connections"].as_object().unwrap();
    assert!(failures.values().all(|count| *count == 0), "{json}");
}

/// Text with its paragraphs on one line: they may break between any two words.
fn unbroken(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn what_the_load_counts_is_what_the_server_served() {
    for (args, mode) in [
        (
            &["-c", "8", "-s", "100", "-d", "200ms", "--pipeline", "3"][..],
            "closed",
        ),
        (
            &["-c", "8", "-s", "100", "-d", "200ms", "--rate", "2000"],
            "open",
        ),
    ] {
        let (addr, read) = server(<[u8]>::to_ascii_uppercase);
        let (json, done) = load(addr, args);
        assert_eq!(done.code(), Some(0), "{done:?}");
        assert_eq!(json["schema"], "plumbline/load/1");
        assert_eq!(json["mode"], mode);
        assert_eq!(json["connections_opened"], 8);
        let count = |name: &str| json[name].as_u64().unwrap();
        let (sent, unanswered) = (count("sent"), count("unanswered"));
        assert_eq!(sent, count("answered") + unanswered, "{json}");
        let served = read.load(Relaxed) / 100;
        assert!(
            served <= sent && served >= count("answered"),
            "{served}: {json}"
        );
        assert!(json["requests_per_s"].as_f64() > Some(0.0), "{json}");
        assert_eq!(
            json["latency_from_send_ns"]["count"], json["answered"],
            "{json}"
        );
        if mode == "open" {
            assert_eq!(sent + count("unsent"), 400, "{json}");
            assert_eq!(json["sent_late_ns"]["count"], json["sent"]);
        }
    }
}

#[test]
fn a_number_of_requests_in_words() {
    let (addr, read) = server(<[u8]>::to_ascii_uppercase);
    let target = addr.to_string();
    let done = run("tcp-echo", &["load", &target, "-c", "4", "-n", "500"], "");
    assert_eq!((done.code(), done.stderr.as_str()), (Some(0), ""));
    assert!(
        done.stdout.contains("500 sent, 500 answered, 0 unanswered"),
        "{done:?}"
    );
    assert_eq!(read.load(Relaxed), 500 * 64);
}

#[test]
fn without_a_target_it_loads_a_server_of_its_own() {
    const WORDS: &str = "no TARGET: loading a server started here on ";
    let args = ["load", "-c", "4", "-n", "500"];
    let (json, done) = json(&args);
    assert_eq!(done.code(), Some(0), "{done:?}");
    check_all_answered(&json, 500);
    assert_eq!(json["connections_opened"], 4, "{json}");
    assert_eq!(json["on_loopback"], true, "{json}");
    let server = json["server"].as_str().unwrap();
    assert_eq!(done.stderr, format!("{WORDS}tcp://{server}\n"));

    let done = run("tcp-echo", &args, "");
    assert_eq!(done.code(), Some(0), "{done:?}");
    let server = done.stderr.strip_prefix(WORDS).unwrap().trim_end();
    assert!(server.starts_with("tcp://127.0.0.1:"), "{done:?}");
    let text = unbroken(&done.stdout);
    for words in [
        format!("loading {server}: 4 connections, requests of 64 bytes"),
        format!("--- {server} ---"),
        "500 sent, 500 answered, 0 unanswered".to_owned(),
    ] {
        assert!(text.contains(&words), "{words}: {text}");
    }
}

#[cfg(unix)]
#[test]
fn the_server_logs_what_the_load_counted() {
    let table: [(&str, &[&str]); 3] = [
        ("closed", &["-s", "100"]),
        ("closed", &["-s", "1000", "--pipeline", "16"]),
        ("open", &["-s", "100", "--rate", "5000"]),
    ];
    for bind in ["127.0.0.1:0", "[::1]:0"] {
        for (mode, args) in table {
            let server = Server::start("tcp-echo", &["serve", "--bind", bind]);
            let usual = ["-c", "8", "-n", "1000"];
            let (json, done) = load(server.addr(), &[&usual, args].concat());
            assert_eq!((done.code(), done.stderr.as_str()), (Some(0), ""));
            assert_eq!(json["mode"], mode, "{json}");
            assert_eq!(json["server"], server.target(), "{json}");
            check_all_answered(&json, 1_000);
            let (status, messages) = server.terminate();
            assert_eq!(status.code(), Some(0), "{messages}");
            let bytes = 1_000 * json["size_bytes"].as_u64().unwrap();
            for (what, logged) in [
                ("connections", 8),
                ("bytes received", bytes),
                ("bytes sent", bytes),
                ("connections reset or failed", 0),
            ] {
                assert_eq!(total(&messages, what), logged, "{what}: {messages}");
            }
        }
    }
}

#[test]
fn an_acknowledgement_is_told_as_a_wrong_answer() {
    let serve = ["serve", "--reply", "ack", "--bind", "127.0.0.1:0"];
    let server = Server::start("tcp-echo", &serve);
    let args = ["-c", "3", "-d", "60s"];
    let (json, done) = load(server.addr(), &args);
    assert_eq!((done.code(), done.stderr.as_str()), (Some(1), ""));
    assert_eq!(json["failed_connections"]["wrong_answer"], 3, "{json}");
    assert_eq!((&json["sent"], &json["answered"]), (&3.into(), &0.into()));

    let target = server.target();
    let done = run("tcp-echo", &[&["load", &target], &args[..]].concat(), "");
    assert_eq!(done.code(), Some(1), "{done:?}");
    let text = unbroken(&done.stdout);
    for words in [
        "3 sent, 0 answered, 3 unanswered",
        "3 connections with a wrong answer, closed: expected the upper case of the request, as `tcp-echo serve` sends it without --reply ack",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[test]
fn answers_that_are_no_upper_case_are_found() {
    let (addr, _) = server(<[u8]>::to_vec);
    let (json, done) = load(addr, &["-c", "3", "-d", "60s"]);
    assert_eq!(done.code(), Some(1));
    assert_eq!(json["failed_connections"]["wrong_answer"], 3, "{json}");
    assert_eq!(json["answered"], 0, "{json}");
}

#[test]
fn what_cannot_be_done_is_said() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = closed.local_addr().unwrap().to_string();
    drop(closed);
    check_refusals(
        "tcp-echo",
        &[
            (&["load", &target], "nothing listens on tcp://127.0.0.1:"),
            (&["load", &target], "(`tcp-echo serve`)"),
            (&["load", &target, "-c", "0"], "0"),
            (&["load", &target, "-d", "0"], "0"),
        ],
    );
}
