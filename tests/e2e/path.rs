//! The measurement of a path on its native wire, and how it goes where there is none.

pub(super) mod forged;
mod hosts;
mod keys;
#[cfg(target_os = "linux")]
mod mtu;
#[cfg(unix)]
mod outages;
mod output;

use std::time::Duration;

use harness::{Server, ask, classic, run};
use serde_json::Value;

use super::udp_echo::{CLEAN_ACK, clean_ack, probe, sent};

/// Hosts `a` and `c`, each on a cable to `b`, with their addresses.
const CABLED: &[&str] = &[
    "ip link add {a} netns {a} type veth peer name {a} netns {b}",
    "ip link add {c} netns {b} type veth peer name {c} netns {c}",
    "ip -n {a} addr add 10.213.7.1/24 dev {a}",
    "ip -n {b} addr add 10.213.7.2/24 dev {a}",
    "ip -n {b} addr add 10.213.8.2/24 dev {c}",
    "ip -n {c} addr add 10.213.8.1/24 dev {c}",
];

/// Their cables carry, and `b` is the router between them.
const ROUTED: &[&str] = &[
    "ip -n {a} link set {a} up",
    "ip -n {b} link set {a} up",
    "ip -n {b} link set {c} up",
    "ip -n {c} link set {c} up",
    "ip -n {a} route add default via 10.213.7.2",
    "ip -n {c} route add default via 10.213.8.2",
    "ip netns exec {b} sysctl -q -w net.ipv4.ip_forward=1",
];

/// A measurement server that impairs what it answers.
fn impaired(args: &[&str]) -> Server {
    let serve = ["serve", "--reply", "ack", "--bind", "127.0.0.1:0"];
    Server::start("udp-echo", &[&serve, args].concat())
}

fn number(json: &Value, path: &str) -> u64 {
    let value = json.pointer(path).and_then(Value::as_u64);
    value.unwrap_or_else(|| panic!("no count at {path}: {json}"))
}

/// The places of losses, which together are all of them.
fn places(json: &Value) -> [u64; 5] {
    let places = ["local", "there", "emulated", "back", "unknown"];
    let places = places.map(|place| number(json, &format!("/losses/{place}")));
    assert_eq!(places.iter().sum::<u64>(), number(json, "/lost"), "{json}");
    places
}

#[test]
fn the_times_of_a_clean_path() {
    let server = clean_ack();
    let (json, done) = probe(&[&server.target(), "-n", "200", "-i", "2ms"]);
    assert_eq!(done.code(), Some(0), "{done:?}");
    assert_eq!(json["schema"], "plumbline/probe/2");
    assert_eq!(
        (&json["server"], &json["wire"], &json["keyed"]),
        (&"plumbline".into(), &"native".into(), &false.into())
    );
    let answered = number(&json, "/answered");
    assert_eq!((sent(&json), places(&json)), (answered, [0; 5]), "{json}");
    let few = answered - answered / 5;
    for series in ["application_rtt_ns", "there_ns", "back_ns"] {
        assert!(number(&json[series], "/count") >= few, "{series}: {json}");
    }
    assert!(json["clocks"]["offset_ns"].is_i64(), "{json}");
    if cfg!(target_os = "linux") {
        assert_eq!(json["clock"], "kernel");
        assert!(number(&json, "/network_rtt_ns/count") >= few, "{json}");
        for figure in ["min", "median"] {
            let [network, application] = ["network_rtt_ns", "application_rtt_ns"]
                .map(|series| number(&json[series], &format!("/{figure}")));
            assert!(network <= application, "{figure}: {json}");
        }
        // One machine has one clock.
        let offset = json["clocks"]["offset_ns"].as_i64().unwrap();
        let error = number(&json, "/clocks/error_ns");
        assert!(offset.unsigned_abs() <= error, "{json}");
    }
}

#[test]
fn emulated_loss_and_delay_are_told_from_the_paths() {
    let server = impaired(&["--loss", "20%", "--delay", "1ms..5ms", "--seed", "7"]);
    let (json, done) = probe(&[&server.target(), "-n", "300", "-i", "2ms"]);
    assert_eq!(done.code(), Some(0), "{done:?}");
    let (all, lost) = (sent(&json), number(&json, "/lost"));
    assert!((all / 10..all * 3 / 10).contains(&lost), "{json}");
    let [local, there, emulated, back, unknown] = places(&json);
    assert_eq!([there, back, unknown], [0; 3], "{json}");
    assert!(emulated >= lost * 9 / 10, "{local} lost here: {json}");
    // A busy machine adds to it.
    let rtt = |figure: &str| number(&json, &format!("/application_rtt_ns/{figure}"));
    assert!(rtt("mean") >= 2_000_000, "{json}");
    assert!((1_000_000..5_000_000).contains(&rtt("min")), "{json}");
}

#[test]
fn answers_that_come_twice_are_counted_once() {
    let server = impaired(&["--loss", "0", "--delay", "0", "--duplicate", "20%"]);
    let (json, _) = probe(&[&server.target(), "-n", "200", "-i", "1ms"]);
    let all = sent(&json);
    assert_eq!(number(&json, "/answered"), all, "{json}");
    // The second answer to the last packet may come after the end.
    let twice = number(&json, "/duplicates");
    assert!((all / 10..all * 3 / 10).contains(&twice), "{json}");
    assert_eq!(number(&json, "/server_duplicates"), 0, "{json}");
}

#[test]
fn answers_that_overtake_each_other_are_counted() {
    let server = impaired(&["--loss", "0", "--delay", "0", "--reorder", "20%"]);
    let (json, _) = probe(&[&server.target(), "-n", "200", "-i", "1ms"]);
    assert_eq!(number(&json, "/answered"), sent(&json), "{json}");
    assert!(number(&json, "/reordered") > 0, "{json}");
    assert_eq!(number(&json, "/duplicates"), 0, "{json}");
}

#[test]
fn ours_is_measured_on_the_classic_wire_if_asked() {
    let server = clean_ack();
    let args = [&server.target(), "--classic", "-n", "20", "-i", "5ms"];
    let (json, _) = probe(&args);
    assert_eq!(
        (&json["server"], &json["wire"], &json["clock"]),
        (&"plumbline".into(), &"classic".into(), &"program".into())
    );
    assert_eq!(number(&json, "/answered"), sent(&json), "{json}");
    for unknown in ["network_rtt_ns", "there_ns", "back_ns", "clocks"] {
        assert!(json[unknown].is_null(), "{unknown}: {json}");
    }
}

#[test]
fn a_classic_server_survives_packets_of_every_size() {
    for size in ["1", "2", "3", "64", "1400"] {
        let Some(mut server) = classic("measure_server.py") else {
            return;
        };
        server.args(["0", "0"]);
        let server = Server::of(server, 1);
        let target = server.target();
        let (json, done) = probe(&[&target, "-s", size, "-n", "10", "-i", "5ms"]);
        assert_eq!(done.code(), Some(0), "{size}: {done:?}");
        assert_eq!(
            (&json["server"], &json["wire"]),
            (&"classic".into(), &"classic".into())
        );
        assert_eq!(number(&json, "/answered"), sent(&json), "{size}: {json}");
        let still_there = ask(&server.connect(), "C 64");
        assert_eq!(still_there, "Buffer Size Calibrated at Server.", "{size}");
    }
}

#[test]
fn one_packet_in_flight_as_fast_as_it_goes() {
    let server = clean_ack();
    let (json, done) = probe(&[&server.target(), "-i", "0", "-d", "300ms"]);
    assert_eq!(done.code(), Some(0), "{done:?}");
    let (all, answered) = (number(&json, "/sent"), number(&json, "/answered"));
    assert!(all > 20 && json["wire"] == "native", "{json}");
    assert_eq!(number(&json, "/missed"), 0, "{json}");
    assert_eq!(answered + number(&json, "/lost"), all, "{json}");
    assert_eq!(number(&json, "/reordered"), 0, "{json}");
    // Each went out after the answer to the one before, so that together they fit into the time.
    let rtt = Duration::from_nanos(number(&json, "/application_rtt_ns/mean") * answered);
    assert!(rtt <= Duration::from_millis(600), "{rtt:?}: {json}");
}

#[test]
fn the_classic_wire_takes_no_packets_one_after_the_other() {
    let server = clean_ack();
    let table: &[(&[&str], &str)] = &[(
        &["probe", &server.target(), "--classic", "-i", "0"],
        "give an interval, such as -i 10ms",
    )];
    harness::check_refusals("udp-echo", table);
}

#[test]
fn a_condition_decides_the_exit_code_and_says_why() {
    let server = clean_ack();
    let target = server.target();
    let judged = |conditions: &[&str]| {
        let fail_if = conditions.iter().flat_map(|text| ["--fail-if", *text]);
        let args = ["probe", &target, "-n", "5", "-i", "5ms"];
        let args: Vec<_> = args.into_iter().chain(fail_if).collect();
        let done = run("udp-echo", &args, "");
        (done.code(), done.stderr)
    };
    let (code, said) = judged(&["loss>=0%"]);
    assert!(said.contains("loss>=0%: it is 0.000 %"), "{said}");
    assert_eq!(code, Some(3));
    assert_eq!(judged(&["app.p50>10s", "loss>50%"]).0, Some(0));
    let (code, said) = judged(&["app.p50>10s", "app.max>=0.001ms"]);
    assert_eq!((code, said.lines().count()), (Some(3), 1), "{said}");
}
