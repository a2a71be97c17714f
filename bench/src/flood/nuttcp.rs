//! nuttcp, by its parsable line.

use std::net::SocketAddrV4;

use anyhow::{Context, Result};

use super::load::Load;
use super::program::{Delivered, Tool, buffer};
use crate::child::client::tail;
use crate::child::{Listens, free, words};

/// nuttcp, whose server has to be told its port, and whose packets go to another.
pub(crate) struct Nuttcp {
    control: SocketAddrV4,
    data: SocketAddrV4,
}

impl Nuttcp {
    /// For one run.
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            control: free::tcp()?,
            data: free::udp()?,
        })
    }
}

impl Tool for Nuttcp {
    /// It would leave the foreground unless told not to.
    fn server(&self) -> (Vec<String>, Listens) {
        let arguments = words(&format!("-S --nofork -P {}", self.control.port()));
        (arguments, Listens::Tcp(self.control))
    }

    /// Without a limit of its own it would send 1 Mbit/s.
    fn client(&self, load: &Load, server: SocketAddrV4) -> Vec<String> {
        words(&format!(
            "-t -u -l{} -R0 -T{} -w{} -P {} -p {} -fparse {}",
            load.size,
            load.seconds,
            buffer() / 1024,
            server.port(),
            self.data.port(),
            server.ip()
        ))
    }

    fn read(&self, load: &Load, stdout: &str) -> Result<Delivered> {
        let value = |name| value(stdout, name);
        let (rate, seconds) = value("rate_Mbps=")
            .zip(value("real_seconds="))
            .with_context(|| format!("no result{}", tail(stdout)))?;
        Delivered::bits(rate * 1e6, load, seconds)
    }
}

fn value(line: &str, name: &str) -> Option<f64> {
    let mut words = line.split_whitespace();
    words.find_map(|word| word.strip_prefix(name))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::Part;
    use super::*;

    fn read(stdout: &str) -> Result<Delivered> {
        let nuttcp = Nuttcp::new().unwrap();
        nuttcp.read(&Load::of(Part::Plain, 2), stdout)
    }

    #[test]
    fn a_result_is_read() {
        let delivered = read(include_str!("fixtures/nuttcp.txt")).unwrap();
        assert_eq!(delivered.seconds, 2.0);
        // It told 1,165,717 packets.
        let received = delivered.packets_per_s.unwrap() * delivered.seconds;
        assert!((received - 1_165_717.0).abs() < 100.0, "{received}");
    }

    #[test]
    fn a_failure_is_told() {
        let error = read("nuttcp-t: Error: connection refused\n").unwrap_err();
        assert!(error.to_string().contains("connection refused"), "{error}");
    }
}
