//! irtt (Isochronous Round-Trip Tester), by its JSON.

use std::net::SocketAddrV4;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use super::program::{INTERVAL, Load, PACKET_SIZE, Rtt, Said, Tool};
use crate::child::{Listens, words};
use crate::stats::Durations;

/// irtt, which has a schedule only.
pub(crate) struct Irtt;

impl Tool for Irtt {
    /// Its server allows no interval below 10 ms unless told so.
    fn server(&self, load: Load) -> Result<(Vec<String>, Listens)> {
        match load {
            Load::Paced => Ok((
                words("server -b 127.0.0.1:0 -i 0"),
                Listens::Announced("listener on "),
            )),
            Load::OneInFlight(_) => bail!("irtt has no load of one packet in flight"),
        }
    }

    fn client(&self, _: Load, server: SocketAddrV4, seconds: u32) -> Vec<String> {
        let interval = INTERVAL.as_millis();
        words(&format!(
            "client -i {interval}ms -d {seconds}s -l {PACKET_SIZE} -Q -o - {server}"
        ))
    }

    fn read(&self, _: Load, stdout: &str, _: u32) -> Result<Said> {
        let result: Outcome =
            serde_json::from_str(stdout).context("this is not a result of irtt")?;
        let trips = &result.round_trips;
        let mut times = Durations::default();
        for rtt in trips.iter().filter_map(|trip| trip.delay.rtt) {
            times.push(Duration::from_nanos(rtt));
        }
        ensure!(times.len() > 0, "no answer came");
        Ok(Said {
            sent: result.stats.packets_sent,
            round_trips_per_s: None,
            interval_ns: mean_interval(trips),
            network: None,
            application: Some(Rtt::of(times)),
        })
    }
}

/// Between packets, whatever their slots: it skips those that it is late for, and its numbers do not tell which.
fn mean_interval(trips: &[RoundTrip]) -> Option<f64> {
    let sent_at = |trip: &RoundTrip| trip.timestamps.client.send.monotonic;
    let first = sent_at(trips.first()?);
    let last = sent_at(trips.last()?);
    (trips.len() > 1).then(|| (last - first) / (trips.len() - 1) as f64)
}

/// What is needed of the result.
#[derive(Deserialize)]
struct Outcome {
    stats: Stats,
    round_trips: Vec<RoundTrip>,
}

#[derive(Deserialize)]
struct Stats {
    packets_sent: u64,
}

#[derive(Deserialize)]
struct RoundTrip {
    timestamps: Timestamps,
    delay: Delay,
}

#[derive(Deserialize)]
struct Timestamps {
    client: Client,
}

#[derive(Deserialize)]
struct Client {
    send: Stamp,
}

#[derive(Deserialize)]
struct Stamp {
    /// In ns since the start of the client.
    monotonic: f64,
}

/// All of it is absent if the packet was lost.
#[derive(Deserialize)]
struct Delay {
    /// In ns, without the time that the server took.
    rtt: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_read() {
        let said = Irtt
            .read(Load::Paced, include_str!("fixtures/irtt.json"), 1)
            .unwrap();
        let expected = Said {
            sent: 3,
            round_trips_per_s: None,
            interval_ns: Some(1_181_941.5),
            network: None,
            application: Some(Rtt {
                p50: 66.532,
                p99: 102.925,
                max: 102.925,
            }),
        };
        assert_eq!(said, expected);
    }

    #[test]
    fn a_result_without_answers_is_refused() {
        let lost = r#"{"stats": {"packets_sent": 1}, "round_trips": [
            {"timestamps": {"client": {"receive": {}, "send": {"monotonic": 5}}}, "delay": {}}
        ]}"#;
        let error = Irtt.read(Load::Paced, lost, 1).unwrap_err();
        assert!(error.to_string().contains("no answer"), "{error}");
    }
}
