//! What a load generator tells: `tcp-echo load --json`, and the bare client in the same words.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

const SCHEMA: &str = "plumbline/load/1";

/// What is needed of the result.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Answered {
    schema: String,
    /// Requests that were answered, those too whose answers came after the time.
    pub(crate) answered: u64,
    /// Answers that came in time, each second of it.
    pub(crate) requests_per_s: f64,
    /// From sending a request to having its answer, in nanoseconds; absent where there was none.
    #[serde(rename = "latency_from_send_ns")]
    pub(crate) latency: Option<Latency>,
    /// By reason.
    failed_connections: BTreeMap<String, u64>,
}

#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Latency {
    pub(crate) mean: f64,
    pub(crate) p50: f64,
}

impl Answered {
    /// So many in this time, and no connection that failed.
    pub(crate) fn new(answered: usize, seconds: f64, latency: Latency) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            answered: answered as u64,
            requests_per_s: answered as f64 / seconds,
            latency: Some(latency),
            failed_connections: BTreeMap::new(),
        }
    }

    /// Reads what a load generator wrote to stdout; it is no result where nothing was answered, or a connection failed.
    pub(crate) fn read(stdout: &str) -> Result<Self> {
        let answered: Self =
            serde_json::from_str(stdout).context("this is not a result of tcp-echo load")?;
        let schema = &answered.schema;
        ensure!(
            schema == SCHEMA,
            "expected a result of schema {SCHEMA}, got {schema:?}"
        );
        let mut failed = answered.failed_connections.clone();
        failed.retain(|_, count| *count > 0);
        ensure!(failed.is_empty(), "connections failed: {failed:?}");
        ensure!(answered.answered > 0, "nothing was answered");
        Ok(answered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESULT: &str = r#"{
        "schema": "plumbline/load/1", "something_new": [1], "server": "127.0.0.1:7", "mode": "closed",
        "sent": 610064, "answered": 610064, "answered_in_time": 610000, "unanswered": 0, "unsent": 0,
        "requests_per_s": 203333.25, "payload_bits_per_s": 104106624.0, "cpu_ns": 2900000000,
        "latency_from_send_ns": {"count": 610064, "min": 9000, "mean": 313000, "p50": 301000, "p90": 1},
        "latency_from_due_ns": null,
        "failed_connections": {"refused": 0, "timed_out": 0, "reset": 0, "wrong_answer": 0}
    }"#;

    #[test]
    fn a_result_is_read() {
        let answered = Answered::read(RESULT).unwrap();
        assert_eq!(answered.answered, 610_064);
        assert_eq!(answered.requests_per_s, 203_333.25);
        let Latency { mean, p50 } = answered.latency.unwrap();
        assert_eq!((mean, p50), (313_000.0, 301_000.0));
    }

    #[test]
    fn a_failure_is_told() {
        for (from, to, reason) in [
            ("load/1", "load/2", "expected a result of schema"),
            (
                "\"answered\": 610064",
                "\"answered\": 0",
                "nothing was answered",
            ),
            ("\"reset\": 0", "\"reset\": 3", "{\"reset\": 3}"),
            ("\"schema\"", "", "not a result"),
        ] {
            let error = Answered::read(&RESULT.replace(from, to)).unwrap_err();
            assert!(format!("{error:#}").contains(reason), "{error:#}");
        }
    }

    #[test]
    fn the_bare_client_says_it_in_the_same_words() {
        let latency = Latency {
            mean: 2.0,
            p50: 1.0,
        };
        let told = serde_json::to_string(&Answered::new(600, 2.0, latency)).unwrap();
        let answered = Answered::read(&told).unwrap();
        assert_eq!((answered.answered, answered.requests_per_s), (600, 300.0));
    }
}
