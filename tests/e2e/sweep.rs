//! Sweeps: the rate rises until the path no longer carries it.

use std::fs;

use harness::{Folder, Namespaces, Server, check_refusals, classic, finish, run, skip};
use serde_json::Value;

const CLEAN: &[&str] = &[
    "serve", "--reply", "ack", "--loss", "0", "--delay", "0", "--bind",
];

/// About a second: 11 steps of 50 packets from 200 to 1,863 packets/s.
const SHORT: &[&str] = &[
    "-i",
    "5ms",
    "--until",
    "500us",
    "--shrink",
    "0.8",
    "--packets",
    "50",
];

fn sweep(target: &str, args: &[&str]) -> Value {
    let done = run("udp-echo", &[&["sweep", target], args].concat(), "");
    assert_eq!(done.code(), Some(0), "{done:?}");
    serde_json::from_str(&done.stdout).unwrap_or_else(|_| panic!("no JSON: {done:?}"))
}

fn number(value: &Value) -> u64 {
    value
        .as_u64()
        .unwrap_or_else(|| panic!("no count: {value}"))
}

fn sum(rows: &Value, field: &str) -> u64 {
    let rows = rows.as_array().unwrap();
    rows.iter().map(|row| number(&row[field])).sum()
}

/// Checks what must be so of any sweep that was not interrupted.
fn check_sums(json: &Value) {
    assert_eq!(json["schema"], "plumbline/sweep/1");
    let (steps, seconds) = (&json["steps"], &json["seconds"]);
    for field in ["sent", "answered", "in_time"] {
        assert_eq!(
            sum(steps, field),
            number(&json[field]),
            "{field} of the steps"
        );
        assert_eq!(
            sum(seconds, field),
            number(&json[field]),
            "{field} of the seconds"
        );
    }
    let (sent, lost) = (number(&json["sent"]), number(&json["lost"]));
    assert_eq!(number(&json["answered"]) + lost, sent);
    assert_eq!(number(&json["missed"]) + sent, number(&json["slots"]));
    let planned = number(&json["planned_steps"]) * number(&json["packets_per_step"]);
    assert_eq!(number(&json["slots"]), planned);
    for second in seconds.as_array().unwrap() {
        let bits = number(&second["in_time"]) * number(&json["size_bytes"]) * 16;
        assert_eq!(second["throughput_bps"].as_f64().unwrap(), bits as f64);
        let is_silent = number(&second["in_time"]) == 0;
        assert_eq!(number(&second["delay_ns"]) == 0, is_silent, "{second}");
    }
}

fn ours() -> Server {
    Server::start("udp-echo", &[CLEAN, &["127.0.0.1:0"]].concat())
}

#[test]
fn a_sweep_of_our_server_adds_up() {
    let (server, folder) = (ours(), Folder::new());
    let [csv, svg, html] = ["a.csv", "a.svg", "a.html"].map(|name| folder.file(name));
    let files = ["--json", "--csv", &csv, "--plot", &svg, "--html", &html];
    let json = sweep(&server.target(), &[SHORT, &files].concat());
    check_sums(&json);
    assert_eq!(
        (&json["server"], &json["wire"]),
        (&"plumbline".into(), &"native".into())
    );
    assert_eq!(json["planned_steps"], 11);
    assert!(number(&json["answered"]) > 0, "{json}");
    let first = &json["steps"][0];
    assert_eq!(first["interval_ns"], 5_000_000);
    assert!(number(&first["rtt_ns"]["min"]) <= number(&first["rtt_ns"]["p99"]));
    let lines = fs::read_to_string(csv).unwrap().lines().count();
    assert_eq!(lines, 1 + json["steps"].as_array().unwrap().len());
    for (file, begin) in [
        (&svg, "<svg"),
        (&folder.file("a-2.svg"), "<svg"),
        (&html, "<!DOCTYPE"),
    ] {
        assert!(
            fs::read_to_string(file).unwrap().starts_with(begin),
            "{file}"
        );
    }
}

#[test]
fn seconds_are_told_line_by_line_and_the_result_last() {
    let server = ours();
    let target = server.target();
    let args = [&["sweep", &target, "--json-lines"], SHORT].concat();
    let done = run("udp-echo", &args, "");
    let lines: Vec<Value> = done
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let (result, seconds) = lines.split_last().unwrap();
    check_sums(result);
    let told: u64 = seconds.iter().map(|second| number(&second["sent"])).sum();
    assert_eq!(told, number(&result["sent"]), "{done:?}");
    assert!(
        seconds
            .iter()
            .all(|second| second["schema"] == "plumbline/sweep-second/1")
    );
}

#[test]
fn a_sweep_for_people_ends_with_the_limit_in_words() {
    let server = ours();
    let done = run(
        "udp-echo",
        &[&["sweep", &server.target()], SHORT].concat(),
        "",
    );
    for words in [
        "11 steps of 50 packets from 200 to 1,860 packets/s",
        "throughput",
        "mean delay",
        "packets/s",
    ] {
        assert!(done.stdout.contains(words), "{words}: {done:?}");
    }
    // On a machine that is too busy to send, that is the word.
    let limits = ["without loss", "no limit can be found"];
    let said = limits.iter().filter(|limit| done.stdout.contains(**limit));
    assert_eq!(said.count(), 1, "{done:?}");
    assert_eq!(done.stderr, "");
}

#[test]
fn a_classic_server_is_swept_as_the_classic_client_does() {
    let Some(mut python) = classic("measure_server.py") else {
        return;
    };
    python.args(["0.2", "0.005"]);
    let server = Server::of(python, 1);
    let args = [
        "-i",
        "100ms",
        "--until",
        "20ms",
        "--packets",
        "1",
        "-s",
        "1000",
        "--json",
        "--stop-server",
    ];
    let json = sweep(&server.target(), &args);
    check_sums(&json);
    assert_eq!(
        (&json["server"], &json["wire"]),
        (&"classic".into(), &"classic".into())
    );
    // 100 ms · 0.95^n ≥ 20 ms: n from 0 to 31.
    assert_eq!(json["planned_steps"], 32);
    assert_eq!(json["lost_at"]["unknown"], json["lost"]);
    let (status, messages) = server.wait();
    assert!(status.success(), "{messages}");
}

#[test]
fn what_cannot_be_swept_is_refused_with_the_cure() {
    let refuse = |args: &[&'static str]| [&["sweep", "127.0.0.1:9"], args].concat();
    let table = [
        (refuse(&["--shrink", "1"]), "--shrink such as 0.95"),
        (refuse(&["--shrink", "-1"]), "--shrink such as 0.95"),
        (refuse(&["--shrink", "often"]), "invalid float"),
        (refuse(&["--packets", "0"]), "from 1 to"),
        (refuse(&["--until", "1s"]), "longer --interval"),
        (refuse(&["--shrink", "0.9999"]), "smaller --shrink"),
        (refuse(&["--plot", "/nowhere/a.svg"]), "cannot write"),
        (refuse(&["--csv", "/"]), "cannot write"),
    ];
    let table: Vec<_> = table
        .iter()
        .map(|(args, words)| (&args[..], *words))
        .collect();
    check_refusals("udp-echo", &table);
}

/// Says so where the machine could not send when it was time to: then it is its own limit that would be found.
fn stood_still(json: &Value) -> Option<String> {
    let (missed, slots) = (number(&json["missed"]), number(&json["slots"]));
    let is_much = missed * 50 > slots;
    is_much.then(|| format!("this machine missed {missed} of {slots} slots"))
}

/// Two hosts with a narrow cable between them.
const CABLE: &[&str] = &[
    "ip link add {a} netns {a} type veth peer name {b} netns {b}",
    "ip -n {a} addr add 10.213.7.1/24 dev {a}",
    "ip -n {b} addr add 10.213.7.2/24 dev {b}",
    "ip -n {a} link set {a} up",
    "ip -n {b} link set {b} up",
    "tc -n {a} qdisc add dev {a} root tbf rate 10mbit burst 4k latency 20ms",
];

#[test]
fn the_limit_of_a_narrow_path_is_found() {
    let Some(hosts) = Namespaces::new(2, CABLE) else {
        return;
    };
    let bind = "10.213.7.2:8080";
    let serve = hosts.command('b', "udp-echo", &[CLEAN, &[bind]].concat());
    let _server = Server::of(serve, 1);
    let args = [
        "sweep",
        bind,
        "-s",
        "1000",
        "-i",
        "2ms",
        "--until",
        "400us",
        "--shrink",
        "0.9",
        "--packets",
        "200",
        "--json",
    ];
    let done = finish(hosts.command('a', "udp-echo", &args), "");
    let json: Value = serde_json::from_str(&done.stdout).unwrap_or_else(|_| panic!("{done:?}"));
    check_sums(&json);
    if let Some(missed) = stood_still(&json) {
        return skip(&missed);
    }
    // With 42 bytes of headers.
    let carried = 10e6 / 8.0 / 1042.0;
    let knee = &json["knee"];
    for place in ["without_loss", "delay_climbs"] {
        let rate = knee[place]["packets_per_second"].as_f64();
        let share = rate.unwrap_or_default() / carried;
        assert!((0.5..1.3).contains(&share), "{place}: {share} in {knee}");
    }
    assert!(knee["loss_begins"].is_object(), "{knee}");
    let through = knee["comes_through"]["packets_per_second"].as_f64();
    let share = through.unwrap_or_default() / carried;
    assert!((0.8..1.2).contains(&share), "{share} in {knee}");
    let last = json["steps"].as_array().unwrap().last().unwrap();
    assert!(last["loss_percent"].as_f64().unwrap() > 20.0, "{last}");
}
