//! The upper-case echo and the measurement of a path.

use std::net::UdpSocket;
use std::thread;
use std::time::Duration;

use harness::{Finished, Folder, Server, ask, classic, finish, hear, loopback_socket, run};

const HERE: &str = "127.0.0.1:0";

/// A measurement server without impairment.
pub(super) const CLEAN_ACK: &[&str] = &[
    "serve", "--reply", "ack", "--loss", "0", "--delay", "0", "--bind", HERE,
];

fn serve(args: &[&str]) -> Server {
    Server::start("udp-echo", &[&["serve", "--bind", HERE], args].concat())
}

pub(super) fn clean_ack() -> Server {
    Server::start("udp-echo", CLEAN_ACK)
}

fn host_and_port(server: &Server) -> [String; 2] {
    [
        server.addr().ip().to_string(),
        server.addr().port().to_string(),
    ]
}

pub(super) fn probe(args: &[&str]) -> (serde_json::Value, Finished) {
    let done = run("udp-echo", &[&["probe", "--json"], args].concat(), "");
    let json = serde_json::from_str(&done.stdout);
    (json.unwrap_or_else(|_| panic!("no JSON: {done:?}")), done)
}

/// The packets that were sent: all that were asked for, but for those whose slot passed while this machine was busy.
pub(super) fn sent(json: &serde_json::Value) -> u64 {
    let count = |name: &str| json[name].as_u64().unwrap();
    assert_eq!(count("slots"), count("requested"), "{json}");
    assert_eq!(count("sent"), count("slots") - count("missed"), "{json}");
    assert!(count("sent") > 0, "{json}");
    count("sent")
}

#[test]
fn datagrams_come_back_in_upper_case() {
    let server = serve(&[]);
    let client = server.connect();
    let table = [
        ("hello", "HELLO"),
        ("straße", "STRASSE"),
        ("\u{149}", "\u{2bc}N"),
        ("ALREADY 123 .,-", "ALREADY 123 .,-"),
        ("", ""),
        ("QuIt", "QUIT"),
        ("after quit", "AFTER QUIT"),
    ];
    for (request, reply) in table {
        assert_eq!(ask(&client, request), reply);
    }
    let long = "x".repeat(60_000);
    assert_eq!(ask(&client, &long), long.to_uppercase());
    client.send(b"abc\xff\xe9z").unwrap();
    let mut raw = [0; 16];
    assert_eq!(client.recv(&mut raw).unwrap(), 6);
    assert_eq!(&raw[..6], b"ABC\xff\xe9Z");
    let ascii = serve(&["--ascii"]);
    assert_eq!(ask(&ascii.connect(), "straße"), "STRAßE");
}

#[cfg(unix)]
#[test]
fn a_reply_that_fits_no_datagram_is_logged_and_the_server_goes_on() {
    let server = serve(&[]);
    let client = server.connect();
    client.send("\u{390}".repeat(30_000).as_bytes()).unwrap();
    assert_eq!(ask(&client, "still here"), "STILL HERE");
    let (_, messages) = server.terminate();
    assert!(messages.contains("at most 65507 bytes"), "{messages}");
    assert!(!messages.contains("ERROR"), "{messages}");
}

#[test]
fn every_socket_has_its_line() {
    let binds = ["--bind", HERE, "--bind", HERE];
    let server = Server::start("udp-echo", &[&["serve"], &binds[..]].concat());
    assert_eq!(server.addrs.len(), 2);
    for addr in &server.addrs {
        assert_ne!(addr.port(), 0);
        let client = loopback_socket();
        client.connect(addr).unwrap();
        assert_eq!(ask(&client, "hello"), "HELLO");
    }
}

#[test]
fn every_interface_is_bound_and_the_machine_named() {
    let mut server = Server::start("udp-echo", &["serve", "--bind", ":0"]);
    assert!(server.addr().ip().is_unspecified());
    let port = server.addr().port();
    let mut line = server.next_line();
    if line.starts_with("listening on udp://[::]") {
        assert_eq!(line, format!("listening on udp://[::]:{port}"));
        line = server.next_line();
        let client = UdpSocket::bind("[::1]:0").unwrap();
        client.set_read_timeout(Some(harness::PATIENCE)).unwrap();
        client.connect(("::1", port)).unwrap();
        assert_eq!(ask(&client, "over IPv6"), "OVER IPV6");
    }
    assert!(line.starts_with("this machine is "), "{line}");
    let client = loopback_socket();
    client.connect(("127.0.0.1", port)).unwrap();
    assert_eq!(ask(&client, "over IPv4"), "OVER IPV4");
}

#[test]
fn a_server_outlives_the_readers_of_what_it_says() {
    let free = loopback_socket().local_addr().unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = std::process::Command::new(harness::program("udp-echo"));
    command.args(["serve", "--bind", &free.to_string()]);
    let server = Server::silent(command, free, writer);
    assert_eq!(harness::ask_again(&server, "quit"), "QUIT"); // which it logs
    assert_eq!(ask(&server.connect(), "hello"), "HELLO");
}

#[test]
fn a_classic_client_talks_to_our_echo() {
    let server = serve(&[]);
    let Some(mut client) = classic("upper_client.py") else {
        return;
    };
    client.args(host_and_port(&server));
    let talked = finish(client, "hello\nStraße\n\n123\nquit\n");
    let expected = "HELLO\nSTRASSE\n\n123\nQUIT\nCONNECTION CLOSED\n";
    assert_eq!(talked.stdout, expected, "{}", talked.stderr);
}

#[test]
fn our_client_talks_to_a_classic_echo() {
    let Some(server) = classic("upper_server.py") else {
        return;
    };
    let server = Server::of(server, 1);
    let talked = run(
        "udp-echo",
        &["client", &server.target()],
        "hello\nStraße\n\nquit\nunread\n",
    );
    let expected = "HELLO\nSTRASSE\n\nQUIT\nCONNECTION CLOSED\n";
    assert_eq!((talked.stdout.as_str(), talked.code()), (expected, Some(0)));
    let without_end = run("udp-echo", &["client", &server.target()], "no quit");
    assert_eq!(
        (without_end.stdout.as_str(), without_end.code()),
        ("NO QUIT\n", Some(0))
    );
}

#[test]
fn a_classic_client_measures_ours() {
    let server = clean_ack();
    let Some(mut client) = classic("measure_client.py") else {
        return;
    };
    client.args(host_and_port(&server)).args(["5", "0.5", "64"]);
    let measured = finish(client, "");
    let lines: Vec<_> = measured.stdout.lines().collect();
    assert_eq!(
        lines[0], "Buffer Size Calibrated at Server.",
        "{}",
        measured.stderr
    );
    assert!(
        lines[1..6]
            .iter()
            .all(|line| line.starts_with("Packet Acknowledged RTT "))
    );
    assert_eq!(lines[6..], ["Stopping the Server.", "answered 5 loss 0.0"]);
    let (status, messages) = server.wait();
    assert_eq!(status.code(), Some(0), "{messages}");
}

#[test]
fn a_classic_client_measures_the_documented_impairment() {
    let server = Server::start(
        "udp-echo",
        &["serve", "--reply", "ack", "--bind", HERE, "--seed", "1"],
    );
    let Some(mut client) = classic("measure_client.py") else {
        return;
    };
    client.args(host_and_port(&server)).args(["5", "0.6", "64"]);
    let measured = finish(client, "");
    let last = measured
        .stdout
        .lines()
        .last()
        .unwrap_or_default()
        .to_owned();
    assert!(last.starts_with("answered "), "{measured:?}");
    assert_eq!(server.wait().0.code(), Some(0));
}

#[test]
fn ours_measures_a_classic_server() {
    let Some(mut server) = classic("measure_server.py") else {
        return;
    };
    server.args(["0", "0"]);
    let server = Server::of(server, 1);
    let args = [
        &server.target(),
        "-n",
        "20",
        "-i",
        "5ms",
        "-s",
        "200",
        "--stop-server",
    ];
    let (json, done) = probe(&args);
    assert_eq!(json["server"], "classic", "{}", done.stderr);
    assert_eq!(json["answered"].as_u64(), Some(sent(&json)), "{json}");
    assert_eq!(server.wait().0.code(), Some(0), "it was asked to stop");
}

#[test]
fn ours_measures_a_classic_server_that_loses_and_delays() {
    let Some(mut server) = classic("measure_server.py") else {
        return;
    };
    server.args(["0.3", "0.002"]);
    let server = Server::of(server, 1);
    let (json, done) = probe(&[&server.target(), "-n", "60", "-i", "10ms", "-t", "200ms"]);
    let count = |name: &str| json[name].as_u64().unwrap();
    let all = sent(&json);
    assert_eq!(count("answered") + count("late") + count("lost"), all);
    assert!((1..all).contains(&count("lost")), "{}", done.stdout);
}

#[test]
fn a_probe_without_a_target_measures_a_server_of_its_own() {
    let done = run("udp-echo", &["probe", "-n", "8", "-i", "60ms"], "");
    assert_eq!(done.code(), Some(0), "{done:?}");
    assert!(
        done.stderr
            .contains("which emulates loss 10 %, delay 100 µs to 500 ms")
    );
    let packets = done
        .stdout
        .lines()
        .filter(|line| line.starts_with("packet "));
    // A machine that stands still for a moment misses some.
    let sent = packets.count();
    assert!((1..=8).contains(&sent), "{}", done.stdout);
    for part in [
        &*format!("{sent} sent, "),
        "times in ms",
        "application RTT",
        "95 % interval",
        "pace: ",
    ] {
        assert!(done.stdout.contains(part), "{part}: {}", done.stdout);
    }
}

#[test]
fn ours_measures_ours_and_knows_it() {
    let server = clean_ack();
    let (json, _) = probe(&[&server.target(), "-n", "50", "-i", "2ms", "-s", "1400"]);
    assert_eq!(json["server"], "plumbline");
    assert_eq!(json["answered"].as_u64(), Some(sent(&json)), "{json}");
    assert!(
        json["application_rtt_ns"]["min"].as_u64() <= json["application_rtt_ns"]["median"].as_u64()
    );
}

#[test]
fn results_go_to_files_and_can_be_compared() {
    let server = clean_ack();
    let folder = Folder::new();
    let [csv, svg, html] = ["packets.csv", "chart.svg", "page.html"].map(|name| folder.file(name));
    let (target, count) = (server.target(), "30");
    let args = ["-i", "2ms", "--csv", &csv, "--plot", &svg, "--html", &html];
    let (json, done) = probe(&[&[&target, "-n", count][..], &args].concat());
    assert_eq!(done.code(), Some(0), "{done:?}");
    let read = |path: &str| std::fs::read_to_string(path).unwrap();
    let rows = read(&csv);
    assert_eq!(
        rows.lines().count() as u64,
        json["sent"].as_u64().unwrap() + 1,
        "{rows}"
    );
    assert!(
        rows.starts_with("packet,state,sent_ns,") && rows.contains("\n1,on_time,"),
        "{rows}"
    );
    assert!(read(&svg).starts_with("<svg") && read(&html).contains("application RTT"));
    let [one, other] = ["one.json", "other.json"].map(|name| folder.write(name, &done.stdout));
    let same = run("udp-echo", &["compare", &one, &other], "");
    assert_eq!(same.code(), Some(0), "{same:?}");
    assert!(same.stdout.contains("they overlap"), "{}", same.stdout);
    let page = run("udp-echo", &["compare", &one, &html], "");
    assert_eq!(page.code(), Some(1));
    assert!(page.stderr.contains("is no result of"), "{}", page.stderr);
}

#[test]
fn json_lines_begin_and_end() {
    let server = clean_ack();
    let args = [
        "-d",
        "300ms",
        "-i",
        "5ms",
        "--json-lines",
        "--every",
        "100ms",
    ];
    let done = run(
        "udp-echo",
        &[&["probe", &server.target()][..], &args].concat(),
        "",
    );
    let lines = done
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let lines: Vec<serde_json::Value> = lines.collect();
    let kinds: Vec<_> = lines
        .iter()
        .map(|line| line["type"].as_str().unwrap())
        .collect();
    assert_eq!((kinds[0], kinds[1]), ("start", "period"), "{}", done.stdout);
    assert_eq!(kinds.last(), Some(&"result"));
    assert_eq!(lines.last().unwrap()["schema"], "plumbline/probe/2");
}

/// A measurement server played by the test: `answer` says for each packet, from 0, after how long and how often.
fn played(answer: fn(u32) -> Vec<Duration>) -> String {
    let server = loopback_socket();
    let addr = server.local_addr().unwrap().to_string();
    thread::spawn(move || {
        let mut packets = 0;
        let mut buffer = [0; 2048];
        while let Ok((length, client)) = server.recv_from(&mut buffer) {
            if buffer[..length].starts_with(b"C ") {
                server
                    .send_to(b"Buffer Size Calibrated at Server.", client)
                    .unwrap();
                continue;
            }
            for delay in answer(packets) {
                let server = server.try_clone().unwrap();
                thread::spawn(move || {
                    thread::sleep(delay);
                    server.send_to(b"Packet Acknowledged", client).unwrap();
                });
            }
            packets += 1;
        }
    });
    addr
}

#[test]
fn late_is_told_from_lost_and_twice() {
    const MS: fn(u64) -> Duration = Duration::from_millis;
    let addr = played(|packet| match packet {
        1 => vec![],
        2 => vec![MS(700)],
        3 => vec![MS(0), MS(50)],
        5 => vec![MS(300)],
        _ => vec![MS(0)],
    });
    let (json, done) = probe(&[&addr, "-n", "12", "-i", "100ms", "-t", "500ms"]);
    let counts = [
        "sent",
        "answered",
        "late",
        "lost",
        "duplicates",
        "reordered",
    ]
    .map(|name| json[name].as_u64().unwrap());
    assert_eq!(counts, [12, 10, 1, 1, 1, 2], "{}", done.stdout);
}

#[test]
fn no_answer_at_all_is_a_failure() {
    let addr = played(|_| vec![]);
    let (json, done) = probe(&[&addr, "-n", "3", "-i", "10ms", "-t", "50ms"]);
    assert_eq!((json["lost"].as_u64(), done.code()), (Some(3), Some(1)));
    assert!(json["application_rtt_ns"].is_null());
}

#[test]
fn something_else_that_answers_is_no_measurement_server() {
    let server = serve(&[]);
    let failed = run("udp-echo", &["probe", &server.target()], "");
    assert_eq!(failed.code(), Some(1));
    assert!(
        failed.stderr.contains("expected a measurement server"),
        "{}",
        failed.stderr
    );
    assert!(
        failed.stderr.contains("C 64 PLUMBLINE/1"),
        "{}",
        failed.stderr
    );
}

#[test]
fn exit_is_obeyed_or_refused_but_always_answered() {
    let refusing = Server::start("udp-echo", &[CLEAN_ACK, &["--exit", "never"]].concat());
    let client = refusing.connect();
    assert_eq!(ask(&client, "exit"), "Not Stopping the Server.");
    assert_eq!(ask(&client, "still there?"), "Packet Acknowledged");
    let refused = run(
        "udp-echo",
        &["probe", &refusing.target(), "-n", "1", "--stop-server"],
        "",
    );
    assert_eq!(refused.code(), Some(1));
    assert!(
        refused.stderr.contains("refused to stop"),
        "{}",
        refused.stderr
    );
    let obeying = Server::start("udp-echo", &[CLEAN_ACK, &["--exit", "any"]].concat());
    let client = obeying.connect();
    assert_eq!(ask(&client, "exit"), "Stopping the Server.");
    assert_eq!(obeying.wait().0.code(), Some(0));
}

#[test]
fn calibration_and_exit_are_neither_lost_nor_delayed() {
    let args = ["--reply", "ack", "--loss", "100", "--delay", "1h"];
    let server = serve(&args);
    let client = server.connect();
    client.send(b"lost").unwrap();
    assert_eq!(
        ask(&client, "C 64 further words"),
        "Buffer Size Calibrated at Server."
    );
    assert_eq!(ask(&client, "exit"), "Stopping the Server.");
    assert_eq!(server.wait().0.code(), Some(0));
}

#[test]
fn one_delayed_reply_holds_up_no_other() {
    // The fate of each probe is drawn in turn: with this seed the first waits longer than the second.
    let server = serve(&[
        "--reply", "ack", "--loss", "0", "--delay", "0..400ms", "--seed", "3",
    ]);
    let (target, mut json) = (server.target(), Vec::new());
    thread::scope(|scope| {
        let probes: Vec<_> = (0..3)
            .map(|_| scope.spawn(|| probe(&[&target, "-n", "20", "-i", "10ms"]).0))
            .collect();
        json.extend(probes.into_iter().map(|probe| probe.join().unwrap()));
    });
    for json in json {
        // Twenty probes within 200 ms whose delays average 200 ms: one after the other they would take 4 s.
        assert_eq!(json["answered"].as_u64(), Some(sent(&json)), "{json}");
        assert!(json["reordered"].as_u64() > Some(0), "{json}");
        assert!(
            json["application_rtt_ns"]["max"].as_u64() < Some(900_000_000),
            "{json}"
        );
    }
}

#[cfg(unix)]
#[test]
fn what_was_asked_before_the_signal_is_answered() {
    let server = serve(&["--delay", "300ms"]);
    let client = server.connect();
    client.send(b"not lost").unwrap();
    let stopping = thread::spawn(move || server.terminate());
    assert_eq!(hear(&client), "NOT LOST");
    assert_eq!(stopping.join().unwrap().0.code(), Some(0));
}

#[test]
fn what_goes_wrong_is_said_in_one_line() {
    let taken = loopback_socket();
    let taken_addr = taken.local_addr().unwrap().to_string();
    let closed = loopback_socket().local_addr().unwrap().to_string();
    let table: &[(&[&str], &str)] = &[
        (&["probe", "-s", "0"], "from 1 to 65507 bytes"),
        (&["probe", "-s", "65508"], "from 1 to 65507 bytes"),
        (&["probe", "-t", "0"], "expected a time above 0"),
        (&["probe", "--csv", "-", "--json"], "give --csv a file"),
        (
            &["compare", "no.such.file", "b"],
            "cannot read no.such.file",
        ),
        (&["probe", "-n", "0"], "expected a number of packets"),
        (
            &["probe", "no.such.host.invalid"],
            "cannot resolve 'no.such.host.invalid'",
        ),
        (&["probe", &closed], "port unreachable"),
        (&["client", &closed], "port unreachable"),
        (&["client", &taken_addr, "-t", "50ms"], "within 50 ms"),
        (&["serve", "--bind", &taken_addr], "choose another port"),
        (&["serve", "--delay", "5ms..1ms"], "MIN not above MAX"),
        (&["serve", "--delay", "soon"], "such as 10ms"),
        (&["serve", "--loss", "101"], "from 0 to 100 %"),
        (
            &["serve", "--bind", "127.0.0.1:99999"],
            "a port from 0 to 65535",
        ),
    ];
    harness::check_refusals("udp-echo", table);
    for args in [&["serve", "--nonsense"][..], &[], &["probe", "a", "b"]] {
        assert_eq!(run("udp-echo", args, "").code(), Some(2), "{args:?}");
    }
}

#[test]
fn a_line_too_long_for_the_wire_is_refused() {
    let server = serve(&[]);
    let long = "x".repeat(2049);
    let failed = run("udp-echo", &["client", &server.target()], &long);
    assert_eq!(failed.code(), Some(1));
    assert!(
        failed.stderr.contains("at most 2048 bytes"),
        "{}",
        failed.stderr
    );
}

#[cfg(unix)]
#[test]
fn an_interrupted_probe_reports_what_it_has() {
    let server = clean_ack();
    let target = server.target();
    let mut command = std::process::Command::new(harness::program("udp-echo"));
    command.args(["probe", &target, "-n", "100000", "-i", "5ms", "--json"]);
    let mut probing = Server::of(command, 0);
    let watched = server.connect();
    assert_eq!(ask(&watched, "hello"), "Packet Acknowledged");
    thread::sleep(Duration::from_millis(300)); // long enough for some of the 100,000 packets
    probing.signal(harness::Signal::SIGINT);
    let mut text = String::new();
    while !text.ends_with("}\n") {
        text += &probing.next_line();
        text += "\n";
    }
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let sent = json["sent"].as_u64().unwrap();
    assert!(0 < sent && sent < 100_000, "{text}");
    assert_eq!(probing.wait().0.code(), Some(0));
}
