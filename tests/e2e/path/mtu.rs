//! The longest packet that a path takes whole: through a router that says what it does not take, and through a cable that
//! does not.

use std::process::Command;

use harness::{Finished, Folder, Namespaces, Server, classic, finish, program, run};
use serde_json::Value;

use super::{CABLED, ROUTED, clean_ack, impaired, number};

/// Both ways through a router, whose cable to the server has these MTUs at its ends: what is too long for the near one
/// is told, what is too long for the far one vanishes. (A virtual cable takes four bytes more, as for a VLAN's tag.)
fn cables(near: u32, far: u32) -> Vec<String> {
    // Addresses of the link itself are to hold at once, too.
    let at_once = ["{a}", "{b}", "{c}"].map(|host| {
        format!("ip netns exec {host} sysctl -q -w net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0")
    });
    let addrs = [
        "ip -n {a} addr add fd00:7::1/64 dev {a} nodad",
        "ip -n {b} addr add fd00:7::2/64 dev {a} nodad",
        "ip -n {b} addr add fd00:8::2/64 dev {c} nodad",
        "ip -n {c} addr add fd00:8::1/64 dev {c} nodad",
    ];
    let mtus = [
        format!("ip -n {{b}} link set {{c}} mtu {near}"),
        format!("ip -n {{c}} link set {{c}} mtu {far}"),
    ];
    let routes = [
        "ip -n {a} -6 route add default via fd00:7::2",
        "ip -n {c} -6 route add default via fd00:8::2",
        "ip netns exec {b} sysctl -q -w net.ipv6.conf.all.forwarding=1",
    ];
    let owned = |steps: &[&str]| steps.iter().map(ToString::to_string).collect::<Vec<_>>();
    [
        at_once.to_vec(),
        owned(CABLED),
        owned(&addrs),
        mtus.to_vec(),
        owned(ROUTED),
        owned(&routes),
    ]
    .concat()
}

const V4: &str = "10.213.8.1:8080";
const V6: &str = "[fd00:8::1]:8080";

struct Hosts {
    _server: Server,
    namespaces: Namespaces,
}

impl Hosts {
    /// `None`, after saying so, where this process may not have them.
    fn new(steps: &[String], addrs: &[&str], args: &[&str]) -> Option<Self> {
        let steps: Vec<_> = steps.iter().map(String::as_str).collect();
        let namespaces = Namespaces::new(3, &steps)?;
        let binds = addrs.iter().flat_map(|addr| ["--bind", *addr]);
        let serve: Vec<_> = ["serve", "--reply", "ack"]
            .into_iter()
            .chain(binds)
            .collect();
        let serve = [&serve, args].concat();
        let server = namespaces.command('c', "udp-echo", &serve);
        Some(Self {
            _server: Server::of(server, addrs.len()),
            namespaces,
        })
    }

    fn run(&self, args: &[&str]) -> Finished {
        let args = [&["probe", "--mtu"], args].concat();
        finish(self.namespaces.command('a', "udp-echo", &args), "")
    }

    fn found(&self, args: &[&str]) -> Value {
        let done = self.run(&[&["--json"], args].concat());
        assert_eq!(done.code(), Some(0), "{done:?}");
        let json: Value = serde_json::from_str(&done.stdout).unwrap();
        assert_eq!(
            (&json["schema"], &json["end"]),
            (&"plumbline/mtu/1".into(), &"complete".into()),
            "{json}"
        );
        json
    }
}

const CLEAN: &[&str] = &["--loss", "0", "--delay", "0"];

/// The length there and its limit, the length back and its limit.
fn ways(json: &Value) -> [(u64, &str); 2] {
    let limit = |way: &str| json[way]["limit"].as_str();
    ["there", "back"].map(|way| {
        let mtu = number(json, &format!("/{way}/mtu_bytes"));
        (mtu, limit(way).unwrap())
    })
}

#[test]
fn what_a_router_says_is_found_to_be_true() {
    let Some(hosts) = Hosts::new(&cables(1411, 1411), &[V4, V6], CLEAN) else {
        return;
    };
    for (target, headers, router) in [(V4, 28, "10.213.7.2"), (V6, 48, "fd00:7::2")] {
        let json = hosts.found(&[target]);
        assert_eq!(ways(&json), [(1411, "icmp"), (1411, "there")], "{json}");
        assert_eq!(number(&json, "/path_mtu_bytes"), 1411);
        assert_eq!(number(&json, "/udp_payload_bytes"), 1411 - headers);
        assert_eq!(number(&json, "/interface_mtu_bytes"), 1500);
        let word = &json["icmp"][0];
        assert_eq!(
            (&word["from"], &word["mtu_bytes"], &word["confirmed"]),
            (&router.into(), &1411.into(), &true.into())
        );
        assert_eq!(json["black_hole"], false);
    }
    // The system knows by now, which changes nothing.
    let json = hosts.found(&[V4, "--source", "10.213.7.1", "--dscp", "EF"]);
    assert_eq!(ways(&json)[0], (1411, "icmp"), "{json}");
    let text = hosts.run(&[V4]).stdout;
    let first = "path MTU to udp://10.213.8.1:8080: 1411 bytes (IPv4; 1383 bytes of UDP payload)";
    assert!(text.contains(first), "{text}");
}

#[test]
fn a_path_narrower_than_the_base_is_found() {
    let Some(hosts) = Hosts::new(&cables(1281, 1281), &[V4, V6], CLEAN) else {
        return;
    };
    assert_eq!(ways(&hosts.found(&[V6]))[0], (1281, "icmp"));
    drop(hosts);
    let narrow = ["a", "b"].map(|name| format!("ip -n {{{name}}} link set {{a}} mtu 601"));
    let mut steps = cables(1500, 1500);
    steps.extend(narrow);
    // Without IPv6, which takes no such cable.
    steps.retain(|step| !step.contains("fd00"));
    let Some(hosts) = Hosts::new(&steps, &[V4], CLEAN) else {
        return;
    };
    let json = hosts.found(&[V4]);
    assert_eq!(ways(&json), [(601, "interface"), (601, "there")], "{json}");
}

#[test]
fn a_black_hole_is_found_and_has_a_cure() {
    let Some(hosts) = Hosts::new(&cables(1500, 1396), &[V4, V6], CLEAN) else {
        return;
    };
    for target in [V4, V6] {
        let json = hosts.found(&[target]);
        let ways = ways(&json);
        assert_eq!(ways, [(1400, "black_hole"), (1396, "fragments")], "{json}");
        assert_eq!(json["icmp"], Value::Array(Vec::new()), "{json}");
        assert_eq!(json["black_hole"], true);
    }
    let text = hosts.run(&[V4]).stdout;
    assert!(text.contains("a black hole"), "{text}");
    assert!(
        text.replace("\n ", "").contains("the MSS of TCP to 1356"),
        "{text}"
    );
}

#[test]
fn loss_and_long_delays_are_told_from_length() {
    let folder = Folder::new();
    let key = folder.write("key", "0123456789abcdef");
    let args = ["--seed", "7", "--key-file", &key];
    let Some(hosts) = Hosts::new(&cables(1500, 1396), &[V4, V6], &args) else {
        return;
    };
    for target in [V4, V6] {
        let json = hosts.found(&[target, "--key-file", &key]);
        let ways = ways(&json);
        assert_eq!(ways, [(1400, "black_hole"), (1396, "fragments")], "{json}");
        assert_eq!(json["keyed"], true);
    }
}

#[test]
fn a_host_on_the_way_back_tells_the_server() {
    let mut steps = cables(1500, 1500);
    steps.push("ip -n {b} link set {a} mtu 1396".to_owned());
    let Some(hosts) = Hosts::new(&steps, &[V4, V6], CLEAN) else {
        return;
    };
    for target in [V4, V6] {
        let json = hosts.found(&[target]);
        let ways = ways(&json);
        assert_eq!(ways, [(1400, "black_hole"), (1396, "fragments")], "{json}");
    }
}

#[test]
fn loopback_takes_the_longest_packet() {
    let server = clean_ack();
    let done = run(
        "udp-echo",
        &["probe", "--mtu", "--json", &server.target()],
        "",
    );
    assert_eq!(done.code(), Some(0), "{done:?}");
    let json: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(ways(&json)[0], (65_535, "longest_packet"), "{json}");
    assert!(json["interface_mtu_bytes"].is_null(), "{json}");
}

#[test]
fn who_cannot_be_asked_is_named() {
    let lossy = impaired(&["--loss", "100%", "--delay", "0"]);
    let upper = Server::start("udp-echo", &["serve", "--bind", "127.0.0.1:0"]);
    let (lossy, upper) = (lossy.target(), upper.target());
    let table: &[(&[&str], &str)] = &[
        (&["probe", "--mtu", &lossy, "-t", "50ms"], "answers no more"),
        (&["probe", "--mtu", &upper], "expected a measurement server"),
    ];
    for (args, words) in table {
        let refused = run("udp-echo", args, "");
        assert_eq!(refused.code(), Some(1), "{refused:?}");
        assert!(refused.stderr.contains(words), "{refused:?}");
    }
    let Some(mut server) = classic("measure_server.py") else {
        return;
    };
    server.args(["0", "0"]);
    let server = Server::of(server, 1);
    let refused = run("udp-echo", &["probe", "--mtu", &server.target()], "");
    assert_eq!((refused.code(), refused.stdout.as_str()), (Some(1), ""));
    assert!(refused.stderr.contains("classic wire alone"), "{refused:?}");
    let still_there = harness::ask(&server.connect(), "C 64");
    assert_eq!(still_there, "Buffer Size Calibrated at Server.");
}

#[test]
fn what_makes_no_sense_together_is_refused() {
    for option in [
        "-n 5",
        "-s 100",
        "--df",
        "--classic",
        "--json-lines",
        "--spin",
    ] {
        let words = option.split(' ');
        let args: Vec<_> = ["probe", "--mtu", "127.0.0.1:1"]
            .into_iter()
            .chain(words)
            .collect();
        let refused = run("udp-echo", &args, "");
        assert_eq!(refused.code(), Some(2), "{option}: {refused:?}");
        assert!(
            refused.stderr.contains("cannot be used with"),
            "{refused:?}"
        );
    }
}

#[test]
fn an_interrupted_search_says_what_it_knows() {
    let slow = impaired(&["--loss", "0", "--delay", "60s"]);
    let mut command = Command::new(program("udp-echo"));
    command.args(["probe", "--mtu", "-t", "1h", &slow.target()]);
    let mut search = Server::of(command, 0);
    assert!(search.next_line().starts_with("looking for the MTU"));
    search.signal(harness::Signal::SIGINT);
    let line = search.next_line();
    assert!(line.contains("at least 92 bytes"), "{line}");
    let (status, messages) = search.wait();
    assert_eq!(status.code(), Some(1), "{messages}");
}
