//! qperf, by the lines that it prints.

use std::net::SocketAddrV4;

use anyhow::{Context, Result};

use super::load::Load;
use super::program::{Delivered, Tool, buffer};
use crate::child::client::tail;
use crate::child::{Listens, free, words};

/// qperf, whose server has to be told its port.
pub(crate) struct Qperf {
    address: SocketAddrV4,
}

impl Qperf {
    /// For one run.
    pub(crate) fn new() -> Result<Self> {
        let address = free::tcp()?;
        Ok(Self { address })
    }
}

impl Tool for Qperf {
    fn server(&self) -> (Vec<String>, Listens) {
        let arguments = words(&format!("-lp {}", self.address.port()));
        (arguments, Listens::Tcp(self.address))
    }

    fn client(&self, load: &Load, server: SocketAddrV4) -> Vec<String> {
        words(&format!(
            "{} -lp {} -m {} -t {} -sb {} -uu -e 9 -vvs udp_bw",
            server.ip(),
            server.port(),
            load.size,
            load.seconds,
            buffer()
        ))
    }

    /// The rate of its receiver is over the time for which it was to send, whatever that took.
    fn read(&self, load: &Load, stdout: &str) -> Result<Delivered> {
        let bytes_per_s = received(stdout).with_context(|| format!("no result{}", tail(stdout)))?;
        Delivered::bits(bytes_per_s * 8.0, load, load.seconds.into())
    }
}

fn received(stdout: &str) -> Option<f64> {
    let lines = stdout.lines().filter_map(|line| line.split_once('='));
    let mut values = lines.filter(|(name, _)| name.trim() == "recv_bw");
    let (_, value) = values.next()?;
    value.trim().strip_suffix("bytes/sec")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::Part;
    use super::*;

    fn read(stdout: &str) -> Result<Delivered> {
        let qperf = Qperf::new().unwrap();
        qperf.read(&Load::of(Part::Plain, 2), stdout)
    }

    #[test]
    fn a_result_is_read() {
        let delivered = read(include_str!("fixtures/qperf.txt")).unwrap();
        assert_eq!(delivered.packets_per_s, Some(1_396_799.0 / 2.0));
        assert_eq!(delivered.seconds, 2.0);
    }

    #[test]
    fn a_failure_is_told() {
        let error = read("udp_bw:\nfailed to connect\n").unwrap_err();
        assert!(error.to_string().contains("failed to connect"), "{error}");
        assert!(read("recv_bw = 5 MB/sec\n").is_err());
    }
}
