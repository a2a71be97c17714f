//! `udp-echo serve --reply ack` and `udp-echo probe --json`.

use std::net::SocketAddrV4;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::program::{INTERVAL, Load, PACKET_SIZE, Rtt, Said, Tool, Waiting};
use crate::child::{Listens, words};

const SCHEMA: &str = "plumbline/probe/2";

/// Our own program.
pub(crate) struct Ours;

impl Tool for Ours {
    fn server(&self, load: Load) -> Result<(Vec<String>, Listens)> {
        let arguments = format!(
            "serve --reply ack --loss 0 --delay 0 --bind 127.0.0.1:0 {}",
            spin(load)
        );
        Ok((words(&arguments), Listens::Announced("listening on udp://")))
    }

    fn client(&self, load: Load, server: SocketAddrV4, seconds: u32) -> Vec<String> {
        let interval = match load {
            Load::Paced => format!("{}ms", INTERVAL.as_millis()),
            Load::OneInFlight(_) => "0".to_owned(),
        };
        let spin = spin(load);
        words(&format!(
            "probe {server} -i {interval} -d {seconds}s -s {PACKET_SIZE} --json {spin}"
        ))
    }

    fn read(&self, _: Load, stdout: &str, seconds: u32) -> Result<Said> {
        let result: Outcome =
            serde_json::from_str(stdout).context("this is not a result of udp-echo probe")?;
        ensure!(
            result.schema == SCHEMA,
            "expected a result of schema {SCHEMA}, got {:?}",
            result.schema
        );
        ensure!(result.answered > 0, "no answer came");
        Ok(Said {
            sent: result.sent,
            round_trips_per_s: Some(result.answered as f64 / f64::from(seconds)),
            interval_ns: result.interval_mean_ns,
            network: result.network_rtt_ns.map(Rtt::from),
            application: result.application_rtt_ns.map(Rtt::from),
        })
    }
}

fn spin(load: Load) -> &'static str {
    match load {
        Load::OneInFlight(Waiting::Spinning) => "--spin",
        Load::OneInFlight(Waiting::Blocking) | Load::Paced => "",
    }
}

/// What is needed of the result.
#[derive(Deserialize)]
struct Outcome {
    schema: String,
    sent: u64,
    answered: u64,
    interval_mean_ns: Option<f64>,
    network_rtt_ns: Option<Times>,
    application_rtt_ns: Option<Times>,
}

#[derive(Deserialize)]
struct Times {
    median: f64,
    p99: f64,
    max: f64,
}

impl From<Times> for Rtt {
    fn from(ns: Times) -> Self {
        Self {
            p50: ns.median / 1e3,
            p99: ns.p99 / 1e3,
            max: ns.max / 1e3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESULT: &str = r#"{
        "schema": "plumbline/probe/2", "something_new": [1],
        "slots": 3000, "missed": 13, "sent": 2987, "answered": 2986, "lost": 1,
        "interval_mean_ns": 1000000.5, "interval_error_ppm": 0.5,
        "network_rtt_ns": {
            "count": 2986, "min": 1220, "mean": 2880, "median": 2230, "p90": 4710, "p95": 5000, "p99": 9480,
            "p99_9": 22220, "p99_99": 22220, "max": 22220, "stddev": 1850
        },
        "application_rtt_ns": null
    }"#;

    #[test]
    fn a_result_is_read() {
        let said = Ours.read(Load::Paced, RESULT, 2).unwrap();
        let expected = Said {
            sent: 2987,
            round_trips_per_s: Some(1493.0),
            interval_ns: Some(1_000_000.5),
            network: Some(Rtt {
                p50: 2.23,
                p99: 9.48,
                max: 22.22,
            }),
            application: None,
        };
        assert_eq!(said, expected);
    }

    #[test]
    fn other_results_are_refused() {
        let older = RESULT.replace("probe/2", "probe/1");
        let silent = RESULT.replace("\"answered\": 2986", "\"answered\": 0");
        for (text, reason) in [
            ("{}", "not a result"),
            (&older, "plumbline/probe/1"),
            (&silent, "no answer"),
        ] {
            let error = Ours.read(Load::Paced, text, 2).unwrap_err();
            assert!(format!("{error:#}").contains(reason), "{error:#}");
        }
    }

    #[test]
    fn only_the_spinning_load_spins() {
        let server = "127.0.0.1:7".parse().unwrap();
        let spinning = Load::OneInFlight(Waiting::Spinning);
        let client = Ours.client(spinning, server, 5).join(" ");
        assert_eq!(client, "probe 127.0.0.1:7 -i 0 -d 5s -s 64 --json --spin");
        let client = Ours.client(Load::Paced, server, 5).join(" ");
        assert_eq!(client, "probe 127.0.0.1:7 -i 1ms -d 5s -s 64 --json");
    }
}
