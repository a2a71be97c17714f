//! STAMP and TWAMP Light: ours with ours, and with Python programs that were written from the RFC alone.

use std::io;
use std::process::Command;
use std::time::Duration;

use harness::{Finished, Folder, Server, classic, finish, program, run};
use serde_json::Value;

use super::udp_echo::{CLEAN_ACK, probe, sent};

const KEY: &str = "0123456789abcdef";

/// A measurement server with a reflector; its address is the reflector's.
pub(super) fn reflector(args: &[&str]) -> Server {
    let mut command = Command::new(program("udp-echo"));
    command.args(CLEAN_ACK).args(["--stamp", "127.0.0.1:0"]);
    command.args(args);
    let mut server = Server::of(command, 0);
    for scheme in ["udp", "stamp"] {
        let line = server.next_line();
        let addr = line.strip_prefix(&format!("listening on {scheme}://"));
        let addr = addr.unwrap_or_else(|| panic!("{line}"));
        server.addrs.insert(0, addr.parse().unwrap());
    }
    server
}

/// The key in a file, and the option that names it.
struct KeyFile {
    _folder: Folder,
    args: Vec<String>,
}

impl KeyFile {
    fn new(key: &str) -> Self {
        let folder = Folder::new();
        let args = match key {
            "" => Vec::new(),
            key => vec!["--stamp-key-file".to_owned(), folder.write("key", key)],
        };
        Self {
            _folder: folder,
            args,
        }
    }

    fn args(&self) -> Vec<&str> {
        self.args.iter().map(String::as_str).collect()
    }
}

fn number(json: &Value, path: &str) -> u64 {
    let value = json.pointer(path).and_then(Value::as_u64);
    value.unwrap_or_else(|| panic!("no count at {path}: {json}"))
}

fn measured(target: &str, args: &[&str]) -> (Value, Finished) {
    let path = [target, "--stamp", "-i", "2ms"];
    probe(&[&path, args].concat())
}

#[test]
fn ours_is_measured_by_ours_in_both_modes() {
    for key in ["", KEY] {
        let key_file = KeyFile::new(key);
        let server = reflector(&key_file.args());
        let args = [&["-n", "200"], &key_file.args()[..]].concat();
        let (json, done) = measured(&server.target(), &args);
        assert_eq!(done.code(), Some(0), "{done:?}");
        assert_eq!(
            (&json["server"], &json["wire"], &json["keyed"]),
            (
                &"reflector".into(),
                &"stamp".into(),
                &(!key.is_empty()).into()
            )
        );
        let size = if key.is_empty() { 64 } else { 112 };
        assert_eq!(json["size_bytes"], size);
        let answered = number(&json, "/answered");
        assert_eq!(sent(&json), answered, "{json}");
        let few = answered - answered / 5;
        for series in ["application_rtt_ns", "there_ns", "back_ns"] {
            assert!(number(&json[series], "/count") >= few, "{series}: {json}");
        }
        if cfg!(target_os = "linux") {
            assert_eq!(json["clock"], "kernel");
            assert!(number(&json, "/network_rtt_ns/count") >= few, "{json}");
            // One machine has one clock.
            let offset = json["clocks"]["offset_ns"].as_i64().unwrap();
            let error = number(&json, "/clocks/error_ns");
            assert!(offset.unsigned_abs() <= error, "{json}");
        }
    }
}

#[test]
fn one_packet_in_flight() {
    let server = reflector(&[]);
    let target = server.target();
    let (json, done) = probe(&[&target, "--stamp", "-i", "0", "-d", "300ms"]);
    assert_eq!(done.code(), Some(0), "{done:?}");
    assert!(number(&json, "/sent") > 20, "{json}");
    let counted = number(&json, "/answered") + number(&json, "/lost");
    assert_eq!(counted, number(&json, "/sent"), "{json}");
    assert_eq!(number(&json, "/reordered"), 0, "{json}");
}

#[test]
fn it_stands_beside_either_server_and_ends_with_it() {
    let here = ["--bind", "127.0.0.1:0", "--stamp", "127.0.0.1:0"];
    let mut command = Command::new(program("udp-echo"));
    command.arg("serve").args(here);
    let mut server = Server::of(command, 0);
    let line = server.next_line();
    let addr = line.strip_prefix("listening on udp://").unwrap();
    server.addrs.push(addr.parse().unwrap());
    assert!(server.next_line().starts_with("listening on stamp://127"));
    assert_eq!(harness::ask(&server.connect(), "hello"), "HELLO");
    #[cfg(unix)]
    {
        let (status, messages) = server.terminate();
        assert_eq!(status.code(), Some(0));
        assert!(
            messages.contains("reflector stopped: 0 received"),
            "{messages}"
        );
    }
}

/// Python's reflector, which loses one packet of so many on each way.
fn pythons(numbering: &str, key: &str, clock: &str, lost: [u64; 2]) -> Option<Server> {
    let mut python = classic("stamp_reflector.py")?;
    let lost = lost.map(|one_in| one_in.to_string());
    python.args([numbering, key, clock]).args(lost);
    Some(Server::of(python, 1))
}

#[test]
fn pythons_reflector_is_measured_in_both_modes() {
    for (numbering, key, clock) in [
        ("counts", "", "ntp"),
        ("copies", "", "ptp"),
        ("counts", KEY, "ptp"),
        ("copies", KEY, "ntp"),
    ] {
        let Some(server) = pythons(numbering, key, clock, [0, 0]) else {
            return;
        };
        let key_file = KeyFile::new(key);
        let args = [&["-n", "50"], &key_file.args()[..]].concat();
        let (json, done) = measured(&server.target(), &args);
        assert_eq!(done.code(), Some(0), "{done:?}");
        let answered = number(&json, "/answered");
        assert_eq!(sent(&json), answered, "{numbering} {clock}: {json}");
        let few = answered - answered / 5;
        assert!(number(&json, "/there_ns/count") >= few, "{json}");
        let offset = json["clocks"]["offset_ns"].as_i64().unwrap();
        let error = number(&json, "/clocks/error_ns");
        assert!(offset.unsigned_abs() <= error, "{clock}: {json}");
    }
}

#[test]
fn pythons_sender_is_answered_in_both_modes() {
    for (key, size, kind) in [
        ("", "44", "stamp"),
        ("", "700", "stamp"),
        ("", "41", "twamp"),
        ("", "43", "twamp"),
        ("", "300", "twamp"),
        (KEY, "112", "stamp"),
        (KEY, "700", "stamp"),
    ] {
        let Some(mut sender) = classic("stamp_sender.py") else {
            return;
        };
        let key_file = KeyFile::new(key);
        let server = reflector(&key_file.args());
        let port = server.addr().port().to_string();
        sender.args(["127.0.0.1", &port, key, size, kind, "20"]);
        let done = finish(sender, "");
        assert_eq!(done.stdout, "20 answered\n", "{kind} {size}: {done:?}");
    }
}

/// What is lost on each way of `sent` packets, and after the last answer, by a reflector that has answered two before.
fn lost_on_each_way(sent: u64, [one_there, one_back]: [u64; 2]) -> [u64; 3] {
    let (mut came, mut counted) = (2, 2);
    let (mut ways, mut since) = ([0, 0], [0, 0]);
    for _ in 0..sent {
        came += 1;
        if came % one_there == 0 {
            since[0] += 1;
            continue;
        }
        counted += 1;
        if counted % one_back == 0 {
            since[1] += 1;
            continue;
        }
        ways = [ways[0] + since[0], ways[1] + since[1]];
        since = [0, 0];
    }
    [ways[0], ways[1], since[0] + since[1]]
}

#[test]
fn losses_are_placed_by_the_reflectors_count() {
    for lost in [[5, 7], [3, 4]] {
        let Some(server) = pythons("counts", "", "ntp", lost) else {
            return;
        };
        let (json, done) = measured(&server.target(), &["-n", "150", "-t", "2s"]);
        assert_eq!(done.code(), Some(0), "{done:?}");
        let places = ["there", "back", "unknown"];
        let found = places.map(|place| number(&json, &format!("/losses/{place}")));
        assert_eq!(found, lost_on_each_way(sent(&json), lost), "{json}");
    }
}

#[test]
fn a_reflector_that_copies_places_no_loss() {
    let Some(server) = pythons("copies", "", "ntp", [5, 7]) else {
        return;
    };
    let args = [
        "probe",
        &server.target(),
        "--stamp",
        "-n",
        "50",
        "-i",
        "2ms",
    ];
    let done = run("udp-echo", &args, "");
    assert_eq!(done.code(), Some(0), "{done:?}");
    assert!(done.stdout.contains("(a STAMP reflector, "), "{done:?}");
    assert!(done.stdout.contains("it is not known where"), "{done:?}");
    let text = done.stdout.replace("\n  ", " ");
    assert!(text.contains("It does not number its replies"), "{text}");
}

#[test]
fn nobody_is_answered_with_more_than_he_sent() {
    let server = reflector(&[]);
    let client = server.connect();
    let mut buffer = [0; 2048];
    for size in [0, 1, 13, 14, 40] {
        client.send(&vec![0; size]).unwrap();
    }
    // Were one of them answered, its answer would come first.
    for size in [41, 42, 44, 45, 1400] {
        client.send(&vec![0; size]).unwrap();
        assert_eq!(client.recv(&mut buffer).unwrap(), size);
    }
    let reply = buffer[..1400].to_vec();
    client.send(&reply).unwrap();
    client.send(&[0; 50]).unwrap();
    assert_eq!(
        client.recv(&mut buffer).unwrap(),
        50,
        "no reply is answered"
    );
}

#[test]
fn keys_must_agree() {
    let key_file = KeyFile::new(KEY);
    let server = reflector(&key_file.args());
    let client = server.connect();
    for size in [44, 112, 200] {
        client.send(&vec![0; size]).unwrap();
    }
    let target = server.target();
    for other in ["", "0123456789abcdeF"] {
        let other = KeyFile::new(other);
        let args = [&["probe", &target, "--stamp"], &other.args()[..]].concat();
        let done = run("udp-echo", &args, "");
        assert_eq!(done.code(), Some(1), "{done:?}");
        assert!(done.stderr.contains("no answer"), "{done:?}");
    }
    client
        .set_read_timeout(Some(Duration::from_millis(1)))
        .unwrap();
    let nothing = client.recv(&mut [0; 256]).unwrap_err();
    assert!(
        [io::ErrorKind::WouldBlock, io::ErrorKind::TimedOut].contains(&nothing.kind()),
        "{nothing}"
    );
}

#[test]
fn what_cannot_be_is_refused_with_the_cure() {
    let server = reflector(&[]);
    let (taken, ack) = (server.target(), server.addrs[1].to_string());
    let folder = Folder::new();
    let (short, key) = (folder.write("short", "short"), folder.write("key", KEY));
    harness::check_refusals(
        "udp-echo",
        &[
            (
                &["serve", "--bind", "127.0.0.1:0", "--stamp", &taken],
                "choose another port with --stamp",
            ),
            (
                &[
                    "serve",
                    "--stamp",
                    "127.0.0.1:0",
                    "--stamp-key-file",
                    &short,
                ],
                "expected a key of 16 to 4096 bytes",
            ),
            (&["probe", &ack, "--stamp"], "expected a reflector of STAMP"),
            (
                &["probe", &taken, "--stamp", "--stamp-key-file", &key],
                "the reflector answers without the key",
            ),
            (
                &[
                    "probe",
                    &taken,
                    "--stamp",
                    "--stamp-key-file",
                    "no such file",
                ],
                "cannot use the key file",
            ),
        ],
    );
    for args in [
        &["probe", "--stamp"][..],
        &["probe", &taken, "--stamp", "--classic"],
        &["probe", &taken, "--stamp-key-file", &short],
        &["serve", "--stamp-key-file", &short],
    ] {
        assert_eq!(run("udp-echo", args, "").code(), Some(2), "{args:?}");
    }
}
