//! irtt, by the summary that it prints.
//!
//! Its JSON has a record for each packet, which is too much of a flood: a kilobyte each.

use std::net::SocketAddrV4;

use anyhow::{Context, Result};

use super::load::Load;
use super::program::{Delivered, Tool};
use crate::child::client::tail;
use crate::child::{Listens, words};

/// Its interval. It misses most slots of one as short as this, and so sends as fast as it can without losing much: of one
/// of 0.1 µs most packets were lost.
const INTERVAL: &str = "1us";

/// irtt.
pub(crate) struct Irtt;

impl Tool for Irtt {
    /// It allows no interval below 10 ms unless told so.
    fn server(&self) -> (Vec<String>, Listens) {
        let arguments = words("server -b 127.0.0.1:0 -i 0");
        (arguments, Listens::Announced("listener on "))
    }

    fn client(&self, load: &Load, server: SocketAddrV4) -> Vec<String> {
        words(&format!(
            "client -i {INTERVAL} -d {}s -l {} -q {server}",
            load.seconds, load.size
        ))
    }

    /// Over the time for which it sent, without that for which it waited for what was late.
    fn read(&self, load: &Load, stdout: &str) -> Result<Delivered> {
        let received = received(stdout).with_context(|| format!("no result{}", tail(stdout)))?;
        let seconds = f64::from(load.seconds);
        Delivered::packets(received / seconds, load, seconds)
    }
}

fn received(stdout: &str) -> Option<f64> {
    const LINE: &str = "packets sent/received: ";
    let counts = stdout
        .lines()
        .find_map(|line| line.trim_start().strip_prefix(LINE))?;
    let (_, received) = counts.split_whitespace().next()?.split_once('/')?;
    received.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::Part;
    use super::*;

    #[test]
    fn a_result_is_read() {
        let load = Load::of(Part::EchoOffload, 2);
        let delivered = Irtt.read(&load, include_str!("fixtures/irtt.txt")).unwrap();
        assert_eq!(delivered.packets_per_s, Some(246_473.0 / 2.0));
    }

    #[test]
    fn a_failure_is_told() {
        let load = Load::of(Part::EchoOffload, 2);
        for (text, reason) in [
            ("[Connecting] connecting to 127.0.0.1:1\n", "connecting to"),
            ("packets sent/received: 9/0 (100.00% loss)\n", "nothing"),
        ] {
            let error = Irtt.read(&load, text).unwrap_err();
            assert!(error.to_string().contains(reason), "{error}");
        }
    }
}
