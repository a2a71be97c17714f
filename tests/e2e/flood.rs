//! How much a path carries: floods each way, by whom they may be had, and what comes of those that go wrong.

use std::process::Command;
use std::thread;

use harness::{Finished, Folder, Server, Signal, check_refusals, program, run};
use serde_json::Value;

use super::all_processors;
use super::udp_echo::{CLEAN_ACK, clean_ack, probe, sent};

fn flood(args: &[&str]) -> (Value, Finished) {
    let done = run("udp-echo", &[&["flood", "--json"], args].concat(), "");
    let json = serde_json::from_str(&done.stdout);
    (json.unwrap_or_else(|_| panic!("no JSON: {done:?}")), done)
}

fn number(json: &Value, path: &str) -> f64 {
    let value = json.pointer(path).and_then(Value::as_f64);
    value.unwrap_or_else(|| panic!("no number at {path}: {json}"))
}

fn clean_ack_with(args: &[&str]) -> Server {
    Server::start("udp-echo", &[CLEAN_ACK, args].concat())
}

/// What every flood must fulfil.
fn check(json: &Value, ways: &[&str]) {
    assert_eq!(json["schema"], "plumbline/flood/1");
    let names: Vec<_> = json["ways"].as_array().unwrap().iter().collect();
    assert_eq!(names.len(), ways.len(), "{json}");
    for (way, name) in names.into_iter().zip(ways) {
        assert_eq!(way["way"], *name);
        let count = |name| number(way, name);
        assert!(count("/received") > 0.0, "{way}");
        assert_eq!(count("/received") + count("/lost"), count("/sent"), "{way}");
        assert!(
            count("/packets_per_s") > 0.0 && count("/bits_per_s") > 0.0,
            "{way}"
        );
    }
}

const SLOW: &[&str] = &["--rate", "2kpps", "-s", "200", "-d", "250ms"];

#[test]
fn a_slow_flood_arrives_each_way() {
    let server = clean_ack();
    let (json, done) = flood(&[&[server.target().as_str()], SLOW].concat());
    assert_eq!(done.code(), Some(0), "{done:?}");
    check(&json, &["there", "back"]);
    for way in json["ways"].as_array().unwrap() {
        // 500 slots; a machine that is busy for a while at the end has fewer of them, or more.
        let all = number(way, "/sent") + number(way, "/not_sent_in_time");
        assert!((100.0..=2500.0).contains(&all), "{way}");
        assert!(
            number(way, "/received") >= 0.9 * number(way, "/sent"),
            "{way}"
        );
        let bits = number(way, "/bits_per_s") / number(way, "/packets_per_s");
        assert!((bits - 1600.0).abs() < 1.0, "{way}");
    }
}

#[test]
fn as_fast_as_can_be_with_and_without_offload() {
    let _all = all_processors();
    let server = clean_ack();
    let target = server.target();
    let single: &[&str] = &["--no-gso", "--no-gro"];
    for (way, size, more) in [
        ("there", "64", &[][..]),
        ("back", "1400", &[]),
        ("there", "1400", single),
        ("back", "64", single),
        ("echo", "64", &[]),
        ("echo", "1400", single),
        ("echo", "200", &["--rate", "5kpps"]),
    ] {
        let args = [
            &target, "--way", way, "-s", size, "-d", "200ms", "--flows", "2",
        ];
        let (json, _) = flood(&[&args[..], more].concat());
        check(&json, &[way]);
        let offloads = cfg!(target_os = "linux") && more != single;
        assert_eq!(json["ways"][0]["sender"]["gso"], offloads, "{json}");
        assert_eq!(json["ways"][0]["receiver"]["gro"], offloads, "{json}");
        if way == "echo" {
            let returned = number(&json, "/ways/0/received");
            let timed = number(&json, "/ways/0/rtt_ns/count");
            assert!(timed >= returned, "every packet has its time: {json}");
            assert!(number(&json, "/ways/0/lost_there") <= number(&json, "/ways/0/lost"));
        }
    }
}

#[test]
fn a_limit_of_the_server_is_found_and_seen() {
    let _all = all_processors();
    let server = clean_ack_with(&["--rate-limit", "20000"]);
    let target = server.target();
    let (json, _) = flood(&[&target, "--way", "there", "-s", "64", "-d", "300ms"]);
    check(&json, &["there"]);
    assert!(number(&json, "/ways/0/over_rate") > 0.0, "{json}");
    let (json, done) = flood(&[
        &target,
        "--search",
        "-s",
        "64",
        "-d",
        "200ms",
        "--max-loss",
        "1%",
    ]);
    assert_eq!(done.code(), Some(0), "{done:?}");
    // A machine that is busy loses packets of its own, so that less may be found, but never more: 1 % is allowed, 1 %
    // the resolution, and 5 % a burst in so short a trial.
    let found = number(&json, "/search/packets_per_s");
    assert!((1_000.0..21_500.0).contains(&found), "{json}");
}

#[test]
fn floods_are_sent_to_whom_the_server_trusts() {
    let server = clean_ack_with(&["--flood-to", "never"]);
    let target = server.target();
    let check_refused = |args: &[&str]| {
        let done = run("udp-echo", &[&["flood", &target], args].concat(), "");
        let words = "the server sends no floods to strangers: use --way there";
        assert!(
            done.code() == Some(1) && done.stderr.contains(words),
            "{done:?}"
        );
    };
    check_refused(&["--way", "back", "-d", "100ms"]);
    let (json, _) = flood(&[&[target.as_str(), "--way", "there"], SLOW].concat());
    check(&json, &["there"]);
    // One that went there does not open the way back.
    check_refused(SLOW);
}

#[test]
fn a_key_proves_every_packet() {
    let folder = Folder::new();
    let key = folder.write("key", "0123456789abcdef");
    let server = clean_ack_with(&["--key-file", &key]);
    let target = server.target();
    for way in ["each", "echo"] {
        let args = [target.as_str(), "--key-file", &key, "--way", way];
        let (json, done) = flood(&[&args[..], SLOW].concat());
        assert_eq!(done.code(), Some(0), "{done:?}");
        let ways: &[&str] = if way == "each" {
            &["there", "back"]
        } else {
            &["echo"]
        };
        check(&json, ways);
    }
    let without = ["flood", &target, "-d", "100ms"];
    check_refusals("udp-echo", &[(&without, "the server wants a key")]);
}

#[test]
fn every_address_of_the_server_can_be_flooded() {
    let every = [&CLEAN_ACK[..CLEAN_ACK.len() - 1], &["0.0.0.0:0"]].concat();
    let server = Server::start("udp-echo", &every);
    let port = server.addr().port();
    // The way back from the second does not begin there by itself: the flood has a port of its own.
    for ip in ["127.0.0.1", "127.0.0.2"] {
        let target = format!("{ip}:{port}");
        let (json, done) = flood(&[&[target.as_str()], SLOW].concat());
        assert_eq!(done.code(), Some(0), "{done:?}");
        check(&json, &["there", "back"]);
    }
}

#[test]
fn others_measure_beside_a_flood() {
    let _all = all_processors();
    let server = clean_ack();
    let target = server.target();
    let flooding = {
        let target = target.clone();
        thread::spawn(move || flood(&[&target, "--way", "there", "-d", "1s"]))
    };
    let (json, done) = probe(&[&target, "-n", "100", "-i", "5ms"]);
    assert_eq!(done.code(), Some(0), "{done:?}");
    let answered = json["answered"].as_u64().unwrap();
    assert!(answered >= sent(&json) * 9 / 10, "{json}");
    check(&flooding.join().unwrap().0, &["there"]);
}

#[cfg(unix)]
#[test]
fn a_server_that_goes_is_said_to_be_gone() {
    for way in ["there", "back", "echo"] {
        let server = clean_ack();
        let mut command = Command::new(program("udp-echo"));
        command.args([
            "flood",
            &server.target(),
            "--way",
            way,
            "-d",
            "1h",
            "--rate",
            "1kpps",
        ]);
        let mut client = Server::of(command, 0);
        assert!(client.next_line().starts_with("flooding udp://"));
        server.signal(Signal::SIGKILL);
        let (status, messages) = client.wait();
        assert_eq!(status.code(), Some(1), "{way}: {messages}");
        assert!(messages.contains("error: udp://127.0.0.1:"), "{messages}");
    }
}

#[test]
fn what_cannot_be_is_refused_with_the_cure() {
    let server = clean_ack();
    let target = server.target();
    let table: &[(&[&str], &str)] = &[
        (&["flood", &target, "-s", "63"], "use -s 64"),
        (&["flood", &target, "-6"], "no IPv6 address"),
        (
            &["flood", "127.0.0.1:9"],
            "is the server running, and on this port?",
        ),
    ];
    check_refusals("udp-echo", table);
    let upper = Server::start("udp-echo", &["serve", "--bind", "127.0.0.1:0"]);
    let upper = ["flood", &upper.target()];
    check_refusals("udp-echo", &[(&upper, "expected a measurement server")]);
}
