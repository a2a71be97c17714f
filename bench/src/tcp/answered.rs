//! What a load generator tells: `tcp-echo load --json`, and the bare client in the same words.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

const SCHEMA: &str = "plumbline/load/1";

/// What is needed of the result.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Answered {
    schema: String,
    /// Requests that were answered.
    pub(crate) requests: u64,
    /// The same, each second.
    pub(crate) requests_per_s: f64,
    /// How many of each kind there were.
    #[serde(default)]
    errors: BTreeMap<String, u64>,
    /// From sending a request to having its answer, in nanoseconds.
    pub(crate) latency_ns: Latency,
}

#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Latency {
    pub(crate) mean: f64,
    pub(crate) p50: f64,
}

impl Answered {
    /// So many in this time, without an error.
    pub(crate) fn new(requests: usize, seconds: f64, latency_ns: Latency) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            requests: requests as u64,
            requests_per_s: requests as f64 / seconds,
            errors: BTreeMap::new(),
            latency_ns,
        }
    }

    /// Reads what a load generator wrote to stdout; it is no result where nothing was answered, or not all was right.
    pub(crate) fn read(stdout: &str) -> Result<Self> {
        let answered: Self =
            serde_json::from_str(stdout).context("this is not a result of tcp-echo load")?;
        let schema = &answered.schema;
        ensure!(
            schema == SCHEMA,
            "expected a result of schema {SCHEMA}, got {schema:?}"
        );
        ensure!(answered.requests > 0, "nothing was answered");
        let errors: Vec<_> = answered
            .errors
            .iter()
            .filter(|(_, count)| **count > 0)
            .collect();
        ensure!(errors.is_empty(), "there were errors: {errors:?}");
        Ok(answered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESULT: &str = r#"{
        "schema": "plumbline/load/1", "something_new": [1], "target": "127.0.0.1:7", "connections": 64,
        "requests": 610000, "requests_per_s": 203333.25, "bytes_per_s": 13013333.0,
        "errors": {"connect": 0, "refused": 0, "reset": 0, "wrong": 0},
        "latency_ns": {"min": 9000, "mean": 313000.5, "p50": 301000, "p90": 1, "p99": 1, "p99_9": 1, "max": 1}
    }"#;

    #[test]
    fn a_result_is_read() {
        let answered = Answered::read(RESULT).unwrap();
        assert_eq!(answered.requests, 610_000);
        assert_eq!(answered.requests_per_s, 203_333.25);
        let Latency { mean, p50 } = answered.latency_ns;
        assert_eq!((mean, p50), (313_000.5, 301_000.0));
    }

    #[test]
    fn a_failure_is_told() {
        for (from, to, reason) in [
            ("load/1", "load/2", "expected a result of schema"),
            ("610000", "0", "nothing was answered"),
            ("\"wrong\": 0", "\"wrong\": 3", "wrong"),
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
        assert_eq!((answered.requests, answered.requests_per_s), (600, 300.0));
    }
}
