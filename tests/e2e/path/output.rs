//! What a measurement prints and writes, for programs.

use std::fs;

use harness::{Folder, Server, run};
use serde_json::Value;

use super::{clean_ack, impaired, number, probe, sent};

#[test]
fn every_packet_has_its_line_in_order() {
    let server = impaired(&["--loss", "20%", "--delay", "0..3ms", "--seed", "7"]);
    let (folder, target) = (Folder::new(), server.target());
    let csv = folder.file("packets.csv");
    let (json, _) = probe(&[
        &target, "-n", "100", "-i", "1ms", "-t", "200ms", "--csv", &csv,
    ]);
    let text = fs::read_to_string(csv).unwrap();
    let rows: Vec<Vec<_>> = text.lines().map(|row| row.split(',').collect()).collect();
    let (names, rows) = rows.split_first().unwrap();
    assert_eq!(rows.len() as u64, sent(&json), "{text}");
    let mut times = Vec::new();
    for (place, row) in rows.iter().enumerate() {
        assert_eq!(
            (row.len(), row[0]),
            (names.len(), &*(place + 1).to_string())
        );
        times.push(row[2].parse::<u64>().unwrap());
    }
    assert!(times.is_sorted(), "{text}");
    for (state, count) in [("on_time", "/answered"), ("lost", "/lost")] {
        let rows = rows.iter().filter(|row| row[1] == state).count();
        assert_eq!(rows as u64, number(&json, count), "{state}: {text}");
    }
}

#[test]
fn lines_are_json_and_add_up_to_the_result() {
    let server = clean_ack();
    let target = server.target();
    let args = [
        "-d",
        "400ms",
        "-i",
        "2ms",
        "--json-lines",
        "--every",
        "100ms",
    ];
    let done = run("udp-echo", &[&["probe", &target], &args[..]].concat(), "");
    assert_eq!(done.code(), Some(0), "{done:?}");
    let lines = done
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let lines: Vec<Value> = lines.collect();
    let (result, before) = lines.split_last().unwrap();
    assert_eq!(
        (&result["type"], &before[0]["type"]),
        (&"result".into(), &"start".into())
    );
    assert_eq!(result["schema"], before[0]["schema"]);
    let periods = || before.iter().filter(|line| line["type"] == "period");
    let told: u64 = periods().map(|period| number(period, "/sent")).sum();
    assert!(periods().count() >= 2 && told <= sent(result), "{done:?}");
    assert!(told * 2 > sent(result), "{done:?}");
}

#[test]
fn two_results_are_compared() {
    let slow = impaired(&["--loss", "0", "--delay", "5ms"]);
    let (fast, folder) = (clean_ack(), Folder::new());
    let result = |name: &str, server: &Server| {
        let (_, done) = probe(&[&server.target(), "-n", "40", "-i", "2ms"]);
        folder.write(name, &done.stdout)
    };
    let (before, after) = (result("before", &fast), result("after", &slow));
    let done = run("udp-echo", &["compare", &before, &after, "--json"], "");
    assert_eq!(done.code(), Some(0), "{done:?}");
    let json: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(json["schema"], "plumbline/compare/1");
    let slower = json["application_rtt_ns"]["mean"]["difference"].as_i64();
    assert!(slower.is_some_and(|by| by > 2_000_000), "{json}");
    assert_eq!(
        json["application_rtt_ns"]["mean_overlap_95"], false,
        "{json}"
    );
    let words = run("udp-echo", &["compare", &before, &after], "");
    assert!(words.stdout.contains("application RTT"), "{words:?}");
}
