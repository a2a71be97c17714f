//! Reading a result from a file, whatever is in it.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use runtime::escape::Escaped;
use serde::Deserialize;

use crate::probe::{SCHEMA, SeriesView};

/// The longest file that is read, in bytes: many times what the histograms of a result can take.
const LONGEST: u64 = 64 << 20;

/// What a comparison needs of a result.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Found {
    pub(super) target: String,
    pub(super) wire: String,
    pub(super) clock: String,
    pub(super) size_bytes: u64,
    pub(super) interval_ns: Option<u64>,
    pub(super) timeout_ns: u64,
    pub(super) sent: u64,
    pub(super) loss_percent: f64,
    pub(super) loss_percent_95: Option<[f64; 2]>,
    pub(super) network_rtt_ns: Option<SeriesView>,
    pub(super) application_rtt_ns: Option<SeriesView>,
    pub(super) there_ns: Option<SeriesView>,
    pub(super) back_ns: Option<SeriesView>,
    pub(super) interrupted: bool,
}

/// Says what a file holds.
#[derive(Deserialize)]
struct Kind {
    schema: Option<String>,
}

/// The result in this file.
pub(super) fn read(path: &Path) -> anyhow::Result<Found> {
    let name = Escaped(path.as_os_str().as_encoded_bytes()).to_string();
    let file = File::open(path).with_context(|| format!("cannot read {name}"))?;
    let mut bytes = Vec::new();
    let read = file.take(LONGEST + 1).read_to_end(&mut bytes);
    read.with_context(|| format!("cannot read {name}"))?;
    ensure!(
        bytes.len() as u64 <= LONGEST,
        "{name} is no result of `udp-echo probe --json`: it is longer than {} MiB",
        LONGEST >> 20
    );
    parse(&bytes).with_context(|| format!("{name} is no result of `udp-echo probe --json`"))
}

fn parse(bytes: &[u8]) -> anyhow::Result<Found> {
    let kind: Kind = serde_json::from_slice(bytes).context("expected one JSON object")?;
    match kind.schema.as_deref() {
        Some(SCHEMA) => {}
        Some(other) => {
            let shown: String = other.chars().take(60).collect();
            bail!("expected the schema {SCHEMA}, got {shown}; measure again with this version")
        }
        None => bail!("expected the schema {SCHEMA}, got an object without one"),
    }
    let found: Found = serde_json::from_slice(bytes)?;
    let loss = [found.loss_percent]
        .into_iter()
        .chain(found.loss_percent_95.into_iter().flatten());
    ensure!(
        loss.into_iter().all(|share| (0.0..=100.0).contains(&share)),
        "expected a loss from 0 to 100 %"
    );
    Ok(found)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A result; the round trips take this many percent of the usual times.
    pub(in crate::compare) fn result(percent: u64, lost: [f64; 3]) -> String {
        let time = |nanos: u64| nanos * percent / 100;
        let series = serde_json::json!({
            "count": 1000, "min": time(50_000), "mean": time(60_000), "median": time(58_000), "p90": time(70_000),
            "p95": time(75_000), "p99": time(90_000), "p99_9": time(120_000), "p99_99": time(150_000),
            "max": time(150_000), "stddev": time(9_000), "mean_95": [time(59_000), time(61_000)],
            "jitter": {"rfc3550": time(7_000), "ipdv_mean": time(8_000), "ipdv_p99": time(30_000),
                "pdv_mean": time(10_000), "pdv_p99": time(40_000)},
        });
        serde_json::json!({
            "schema": SCHEMA, "target": "127.0.0.1:8080", "server": "plumbline", "wire": "native",
            "clock": "kernel", "size_bytes": 64, "interval_ns": 1_000_000, "timeout_ns": 1_000_000_000,
            "sent": 1000, "loss_percent": lost[0], "loss_percent_95": [lost[1], lost[2]],
            "network_rtt_ns": series, "application_rtt_ns": series, "there_ns": series, "back_ns": null,
            "interrupted": false, "keys": "of a later version are no matter",
        })
        .to_string()
    }

    pub(in crate::compare) fn found(percent: u64, lost: [f64; 3]) -> Found {
        parse(result(percent, lost).as_bytes()).unwrap()
    }

    #[test]
    fn what_is_no_result_is_refused_with_a_reason() {
        let good = result(100, [1.0, 0.5, 2.0]);
        let deep = "[".repeat(100_000);
        let table = [
            ("", "expected one JSON object"),
            ("[1, 2]", "expected one JSON object"),
            ("\u{0}\u{1b}[2J", "expected one JSON object"),
            (&deep, "expected one JSON object"),
            (&format!("{good}{good}"), "expected one JSON object"),
            ("{}", "an object without one"),
            (
                r#"{"schema": "plumbline/probe/1"}"#,
                "got plumbline/probe/1",
            ),
            (r#"{"schema": "plumbline/probe/2"}"#, "missing field"),
            (&good.replace("1000000000,", "-1,"), "-1"),
            (&good.replace("58000", "1e300"), "floating point"),
            (
                &good.replace("\"loss_percent\":1.0", "\"loss_percent\":101.0"),
                "0 to 100 %",
            ),
        ];
        for (text, reason) in table {
            let error = format!("{:#}", parse(text.as_bytes()).unwrap_err());
            assert!(error.contains(reason), "{error}: {reason}");
        }
    }

    #[test]
    fn endless_files_are_not_read_to_their_end() {
        let path = Path::new("/dev/zero");
        if path.exists() {
            let error = read(path).unwrap_err().to_string();
            assert!(error.contains("longer than 64 MiB"), "{error}");
        }
    }
}
