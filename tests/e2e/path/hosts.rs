//! Two hosts with a router between them, behind which packets may be of 1,000 bytes alone.

use std::fs;

use harness::{Finished, Folder, Namespaces, Server, finish};
use serde_json::Value;

use super::{CABLED, CLEAN_ACK, ROUTED, number, places, sent};

const NARROW: &[&str] = &[
    "ip -n {b} link set {c} mtu 1000",
    "ip -n {c} link set {c} mtu 1000",
];

const SERVER: &str = "10.213.8.1:8080";

struct Hosts {
    _server: Server,
    namespaces: Namespaces,
}

impl Hosts {
    /// `None`, after saying so, where this process may not have them.
    fn new() -> Option<Self> {
        let namespaces = Namespaces::new(3, &[CABLED, NARROW, ROUTED].concat())?;
        let mut args = CLEAN_ACK.to_vec();
        *args.last_mut().unwrap() = SERVER;
        let server = Server::of(namespaces.command('c', "udp-echo", &args), 1);
        Some(Self {
            _server: server,
            namespaces,
        })
    }

    fn run(&self, args: &[&str]) -> Finished {
        let args = [&["probe", SERVER, "-i", "5ms", "-t", "300ms"], args].concat();
        finish(self.namespaces.command('a', "udp-echo", &args), "")
    }

    fn probe(&self, args: &[&str]) -> (Value, Finished) {
        let done = self.run(&[&["--json"], args].concat());
        let json = serde_json::from_str(&done.stdout);
        (json.unwrap_or_else(|_| panic!("no JSON: {done:?}")), done)
    }
}

#[test]
fn a_routed_path_is_measured_within_its_mtu() {
    let Some(hosts) = Hosts::new() else { return };
    let (json, done) = hosts.probe(&["-n", "40", "-s", "972", "--df"]);
    assert_eq!(done.code(), Some(0), "{done:?}");
    assert_eq!(number(&json, "/answered"), sent(&json), "{json}");
    assert!(number(&json, "/network_rtt_ns/count") > 0, "{json}");
    places(&json);
}

#[test]
fn packets_that_the_path_does_not_take_whole_are_explained() {
    let Some(hosts) = Hosts::new() else { return };
    let (json, done) = hosts.probe(&["-n", "20", "-s", "1400", "--df"]);
    assert_eq!(done.code(), Some(1), "{done:?}");
    assert_eq!(number(&json, "/answered"), 0, "{json}");
    assert!(number(&json, "/losses/local") > 0, "{json}");
    places(&json);
    let notes = json["notes"].to_string();
    assert!(notes.contains("use -s 972"), "{done:?}");
    let (json, done) = hosts.probe(&["-n", "20", "-s", "1400"]);
    assert_eq!(done.code(), Some(0), "in fragments: {done:?}");
    assert!(number(&json, "/answered") >= sent(&json) - 1, "{json}");
}

#[test]
fn the_server_sees_the_code_point() {
    let Some(hosts) = Hosts::new() else { return };
    let folder = Folder::new();
    let csv = folder.file("packets.csv");
    let (json, done) = hosts.probe(&["-n", "10", "--dscp", "EF", "--csv", &csv]);
    assert_eq!(done.code(), Some(0), "{done:?}");
    let text = fs::read_to_string(csv).unwrap();
    let rows: Vec<Vec<_>> = text.lines().map(|row| row.split(',').collect()).collect();
    let column = rows[0].iter().position(|name| *name == "dscp").unwrap();
    let seen = rows[1..].iter().filter(|row| row[column] == "46").count();
    assert_eq!(seen as u64, number(&json, "/answered"), "{text}");
}

#[test]
fn packets_come_from_the_address_that_was_asked_for() {
    let Some(hosts) = Hosts::new() else { return };
    let (json, _) = hosts.probe(&["-n", "5", "--source", "10.213.7.1"]);
    assert_eq!(number(&json, "/answered"), sent(&json), "{json}");
    let refused = hosts.run(&["-n", "5", "--source", "10.213.7.9"]);
    assert_eq!((refused.code(), refused.stdout.as_str()), (Some(1), ""));
    assert_eq!(refused.stderr.lines().count(), 1, "{refused:?}");
    assert!(refused.stderr.contains("--source"), "{refused:?}");
}
