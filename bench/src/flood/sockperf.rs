//! sockperf, which prints of a flood what it prints of a probe.

use std::net::SocketAddrV4;

use anyhow::{Context, Result};

use super::load::Load;
use super::program::{Delivered, Tool, buffer};
use crate::child::client::tail;
use crate::child::{Listens, free, words};
use crate::probe::sockperf;

/// sockperf, whose server has to be told its port.
pub(crate) struct Sockperf {
    address: SocketAddrV4,
}

impl Sockperf {
    /// For one run.
    pub(crate) fn new() -> Result<Self> {
        let address = free::udp()?;
        Ok(Self { address })
    }
}

impl Tool for Sockperf {
    fn server(&self) -> (Vec<String>, Listens) {
        let arguments = format!("server {} {}", sockperf::endpoint(self.address), buffers());
        (words(&arguments), Listens::At(self.address))
    }

    /// It would keep the times of one packet in a hundred only, unless told otherwise.
    fn client(&self, load: &Load, server: SocketAddrV4) -> Vec<String> {
        words(&format!(
            "under-load {} -m {} -t {} --mps max --reply-every 1 --full-rtt {}",
            sockperf::endpoint(server),
            load.size,
            load.seconds,
            buffers()
        ))
    }

    fn read(&self, load: &Load, stdout: &str) -> Result<Delivered> {
        let no_result = || format!("no result{}", tail(stdout));
        let said = sockperf::read(stdout).with_context(no_result)?;
        let per_s = said.round_trips_per_s.with_context(no_result)?;
        Delivered::packets(per_s, load, load.seconds.into())
    }
}

fn buffers() -> String {
    format!("--buffer-size {}", buffer())
}

#[cfg(test)]
mod tests {
    use super::super::Part;
    use super::*;

    #[test]
    fn a_result_is_read() {
        let load = Load::of(Part::Echo, 2);
        let text = include_str!("fixtures/sockperf.txt");
        let delivered = Sockperf::new().unwrap().read(&load, text).unwrap();
        assert_eq!(delivered.packets_per_s, Some(196_910.0 / 1.6));
    }

    #[test]
    fn every_packet_is_to_come_back() {
        let load = Load::of(Part::Echo, 3);
        let sockperf = Sockperf::new().unwrap();
        let client = sockperf.client(&load, "127.0.0.1:7".parse().unwrap());
        let client = client.join(" ");
        assert!(client.starts_with("under-load -i 127.0.0.1 -p 7 -m 64 -t 3 --mps max"));
        assert!(client.contains("--reply-every 1 --full-rtt"), "{client}");
    }
}
