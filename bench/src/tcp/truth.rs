//! What a server knows of a load, to hold what the load generator says against.
//!
//! The servers kept here count for themselves, and tell it to whoever sends [`ENQUIRY`] alone.

use std::io::{Read, Write};
use std::net::{SocketAddrV4, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::client::ANSWER_TIMEOUT;
use crate::stats::Durations;

/// A request of this byte alone (ENQ) is answered with the truth so far, after which the server closes the connection.
pub(crate) const ENQUIRY: u8 = 5;

/// What a server has done so far.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Truth {
    /// What it answered, in bytes.
    pub(crate) bytes: u64,
    /// The time for which requests were held, from the instant each was there to that in which its answer left; both 0
    /// where none was held on purpose.
    pub(crate) held_mean_us: f64,
    /// The median of it.
    pub(crate) held_p50_us: f64,
}

impl Truth {
    /// Asks a server.
    pub(crate) fn of(server: SocketAddrV4) -> Result<Self> {
        let ask = || {
            let mut stream = TcpStream::connect_timeout(&server.into(), ANSWER_TIMEOUT)?;
            stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
            stream.write_all(&[ENQUIRY])?;
            let mut told = Vec::new();
            stream.read_to_end(&mut told)?;
            anyhow::Ok(serde_json::from_slice(&told)?)
        };
        ask().context("the server does not tell what it served")
    }
}

/// The count that a server keeps, whatever thread answers.
#[derive(Default)]
pub(crate) struct Tally {
    bytes: AtomicU64,
    held: Mutex<Durations>,
}

impl Tally {
    /// Counts bytes of answers.
    pub(crate) fn answered(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Counts a request that was held on purpose for this long.
    pub(crate) fn held(&self, duration: Duration) {
        let mut held = self.held.lock().unwrap_or_else(|held| held.into_inner());
        held.push(duration);
    }

    /// The answer to an enquiry; the times of what was held are told once, and forgotten.
    pub(crate) fn tell(&self) -> Vec<u8> {
        let mut held = self.held.lock().unwrap_or_else(|held| held.into_inner());
        let held = std::mem::take(&mut *held);
        let truth = Truth {
            bytes: self.bytes.load(Ordering::Relaxed),
            held_mean_us: held.mean_us(),
            held_p50_us: held.percentiles_us([50.0])[0],
        };
        // Numbers alone: this cannot fail.
        serde_json::to_vec(&truth).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_told() {
        let tally = Tally::default();
        tally.answered(64);
        tally.answered(1);
        for millis in [1, 2, 6] {
            tally.held(Duration::from_millis(millis));
        }
        let truth: Truth = serde_json::from_slice(&tally.tell()).unwrap();
        assert_eq!(truth.bytes, 65);
        assert_eq!((truth.held_mean_us, truth.held_p50_us), (3000.0, 2000.0));
    }
}
