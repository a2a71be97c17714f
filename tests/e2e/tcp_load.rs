//! The load generator of TCP echoes, against small servers of the test's own.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;

use harness::{Finished, check_refusals, run};
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
    let done = run(
        "tcp-echo",
        &[&["load", &target, "--json"], args].concat(),
        "",
    );
    let json = serde_json::from_str(&done.stdout);
    (json.unwrap_or_else(|_| panic!("no JSON: {done:?}")), done)
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
            (&["load", &target], "start `tcp-echo serve`"),
            (&["load", &target, "-c", "0"], "0"),
            (&["load", &target, "-d", "0"], "0"),
        ],
    );
}
