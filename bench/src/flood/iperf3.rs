//! iperf3, by its JSON.

use std::net::SocketAddrV4;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::load::Load;
use super::program::{Delivered, Tool, buffer};
use crate::child::{Listens, free, words};

/// iperf3, whose server has to be told its port.
pub(crate) struct Iperf3 {
    address: SocketAddrV4,
    segmentation: Segmentation,
}

/// Who cuts what it sends into packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Segmentation {
    /// iperf3 itself: a call for each.
    Software,
    /// The kernel or the card (`--gsro`, since 3.21).
    Offloaded,
}

impl Iperf3 {
    /// For one run.
    pub(crate) fn new(segmentation: Segmentation) -> Result<Self> {
        Ok(Self {
            address: free::tcp()?,
            segmentation,
        })
    }
}

impl Tool for Iperf3 {
    fn server(&self) -> (Vec<String>, Listens) {
        let (ip, port) = (self.address.ip(), self.address.port());
        let arguments = words(&format!("-s -B {ip} -p {port}"));
        (arguments, Listens::Tcp(self.address))
    }

    /// Without a limit of its own it would send 1 Mbit/s.
    fn client(&self, load: &Load, server: SocketAddrV4) -> Vec<String> {
        let (ip, port) = (server.ip(), server.port());
        let gsro = match self.segmentation {
            Segmentation::Software => "",
            Segmentation::Offloaded => "--gsro",
        };
        words(&format!(
            "-c {ip} -p {port} -u -b 0 -l {} -t {} -w {} --json {gsro}",
            load.size,
            load.seconds,
            buffer()
        ))
    }

    /// Its exit code does not tell of a failure once JSON is asked for.
    fn read(&self, load: &Load, stdout: &str) -> Result<Delivered> {
        let outcome: Outcome =
            serde_json::from_str(stdout).context("this is not a result of iperf3")?;
        if let Some(error) = outcome.error {
            bail!("iperf3 says {error:?}");
        }
        let received = outcome.end.sum_received;
        let received = received.context("iperf3 does not tell what its server received")?;
        let bits_per_s = received.bytes * 8.0 / received.seconds;
        Delivered::bits(bits_per_s, load, received.seconds)
    }
}

/// What is needed of the result.
#[derive(Deserialize)]
struct Outcome {
    error: Option<String>,
    end: End,
}

#[derive(Deserialize)]
struct End {
    /// What the server received, by its own count.
    sum_received: Option<Sum>,
}

#[derive(Deserialize)]
struct Sum {
    seconds: f64,
    bytes: f64,
}

#[cfg(test)]
mod tests {
    use super::super::Part;
    use super::*;

    const RESULT: &str = include_str!("fixtures/iperf3.json");
    const OFFLOADED: &str = include_str!("fixtures/iperf3-gsro.json");

    fn read(part: Part, stdout: &str) -> Result<Delivered> {
        let iperf3 = Iperf3::new(Segmentation::Software).unwrap();
        iperf3.read(&Load::of(part, 1), stdout)
    }

    #[test]
    fn results_are_read() {
        for (part, result, packets, seconds) in [
            (Part::Small, RESULT, 563_514.0, 1.000_039),
            (Part::Large, OFFLOADED, 4_701_384.0 - 21_206.0, 1.001_485),
        ] {
            let delivered = read(part, result).unwrap();
            let received = delivered.packets_per_s.unwrap() * delivered.seconds;
            assert!((received - packets).abs() < 1.0, "{received} of {packets}");
            assert_eq!(delivered.seconds, seconds);
        }
    }

    #[test]
    fn a_failure_is_told() {
        let refused = r#"{"start": {}, "intervals": [], "end": {},
            "error": "unable to connect to server: Connection refused"}"#;
        for (text, reason) in [
            (refused, "Connection refused"),
            (r#"{"end": {}}"#, "what its server received"),
            ("iperf3: error", "not a result"),
        ] {
            let error = read(Part::Small, text).unwrap_err();
            assert!(format!("{error:#}").contains(reason), "{error:#}");
        }
    }

    #[test]
    fn only_the_newer_one_is_asked_for_offload() {
        let client = |segmentation| {
            let iperf3 = Iperf3::new(segmentation).unwrap();
            let server = "127.0.0.1:7".parse().unwrap();
            iperf3.client(&Load::of(Part::Large, 3), server).join(" ")
        };
        let software = client(Segmentation::Software);
        assert!(software.starts_with("-c 127.0.0.1 -p 7 -u -b 0 -l 1400 -t 3 -w "));
        assert!(software.ends_with(" --json"));
        assert_eq!(
            client(Segmentation::Offloaded),
            format!("{software} --gsro")
        );
    }
}
