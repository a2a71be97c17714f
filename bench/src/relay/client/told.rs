//! What a load tells, as it is written and read.

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::stats::Durations;

/// What came of a load.
#[derive(Debug, PartialEq, Deserialize, Serialize)]
pub(crate) struct Told {
    /// Messages that were sent.
    pub(crate) sent: u64,
    /// Messages that did not arrive everywhere, or were not answered.
    pub(crate) lost: u64,
    /// Deliveries of the others: of each, one to every receiver.
    pub(crate) delivered: u64,
    /// From the first message to the last delivery or answer.
    pub(crate) seconds: f64,
    /// Of one in flight, or of verdicts.
    pub(crate) latency: Option<Latency>,
    /// The CPU time of the clients meanwhile, where it is told.
    pub(crate) cpu_seconds: Option<f64>,
}

/// From before a message is sent until it is received, or its sender knows that it is kept, in µs.
#[derive(Debug, PartialEq, Deserialize, Serialize)]
pub(crate) struct Latency {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

impl Latency {
    pub(super) fn of(durations: Durations) -> Self {
        let [p50, p99] = durations.percentiles_us([50.0, 99.0]);
        Self { p50, p99 }
    }
}

impl Told {
    /// Reads what a load wrote to stdout.
    pub(crate) fn read(stdout: &str) -> Result<Self> {
        let told: Self = serde_json::from_str(stdout).context("this is not what a load tells")?;
        ensure!(
            told.delivered > 0 && told.seconds > 0.0,
            "nothing was delivered"
        );
        Ok(told)
    }

    /// Deliveries each second.
    pub(crate) fn per_s(&self) -> f64 {
        self.delivered as f64 / self.seconds
    }

    /// Of what was sent.
    pub(crate) fn lost_percent(&self) -> f64 {
        100.0 * self.lost as f64 / self.sent.max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_it_was_written() {
        let told = Told {
            sent: 400,
            lost: 1,
            delivered: 399,
            seconds: 2.0,
            latency: Some(Latency { p50: 1.5, p99: 2.5 }),
            cpu_seconds: Some(1.5),
        };
        let text = serde_json::to_string(&told).unwrap();
        assert_eq!(Told::read(&text).unwrap(), told);
        assert_eq!((told.per_s(), told.lost_percent()), (199.5, 0.25));
        let nothing = text.replace("399", "0");
        assert!(Told::read(&nothing).is_err());
    }
}
