//! The programs that are measured, and what is common to them.

use std::fs;
use std::net::SocketAddrV4;
use std::path::Path;

use anyhow::{Result, ensure};
use serde::Serialize;

use super::Args;
use super::iperf3::{Iperf3, Segmentation};
use super::irtt::Irtt;
use super::load::Load;
use super::nuttcp::Nuttcp;
use super::ours::Ours;
use super::qperf::Qperf;
use super::sockperf::Sockperf;
use super::udpst::Udpst;
use crate::child::Listens;
use crate::installed::{self, Installed};

/// A program that floods, with its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    Ours,
    Iperf3,
    /// iperf3 with its option for offload, which older ones have not.
    Iperf3New,
    Nuttcp,
    Qperf,
    Sockperf,
    Irtt,
    Udpst,
}

impl Program {
    /// How it is called and read, for one run.
    pub(crate) fn tool(self) -> Result<Box<dyn Tool>> {
        Ok(match self {
            Self::Ours => Box::new(Ours),
            Self::Iperf3 => Box::new(Iperf3::new(Segmentation::Software)?),
            Self::Iperf3New => Box::new(Iperf3::new(Segmentation::Offloaded)?),
            Self::Nuttcp => Box::new(Nuttcp::new()?),
            Self::Qperf => Box::new(Qperf::new()?),
            Self::Sockperf => Box::new(Sockperf::new()?),
            Self::Irtt => Box::new(Irtt),
            Self::Udpst => Box::new(Udpst::new()?),
        })
    }
}

/// How a program is called, and how what it prints is read.
pub(crate) trait Tool {
    /// The arguments of its server, and how it is known that it listens.
    fn server(&self) -> (Vec<String>, Listens);

    /// The arguments of its client.
    fn client(&self, load: &Load, server: SocketAddrV4) -> Vec<String>;

    /// What arrived, from what its client wrote to stdout.
    fn read(&self, load: &Load, stdout: &str) -> Result<Delivered>;
}

/// What arrived: at the server, or of an echo at the client.
#[derive(Debug, PartialEq)]
pub(crate) struct Delivered {
    /// `None` where a program tells bits only.
    pub(crate) packets_per_s: Option<f64>,
    /// Of UDP payload.
    pub(crate) bits_per_s: f64,
    /// For how long it was received.
    pub(crate) seconds: f64,
}

impl Delivered {
    /// So many packets a second, of this size.
    pub(crate) fn packets(per_s: f64, load: &Load, seconds: f64) -> Result<Self> {
        ensure!(per_s > 0.0 && seconds > 0.0, "nothing arrived");
        Ok(Self {
            packets_per_s: Some(per_s),
            bits_per_s: per_s * f64::from(load.size) * 8.0,
            seconds,
        })
    }

    /// So many bits of payload a second, in packets of this size.
    pub(crate) fn bits(per_s: f64, load: &Load, seconds: f64) -> Result<Self> {
        Self::packets(per_s / f64::from(load.size) / 8.0, load, seconds)
    }

    /// All that was received, in bytes of UDP payload.
    pub(crate) fn bytes(&self) -> f64 {
        self.bits_per_s * self.seconds / 8.0
    }
}

/// The socket buffers that the others are told to ask for, in bytes: what the kernel grants, up to 4 MiB.
///
/// Beyond what it grants, some give up. With the kernel's default they lost up to half of what they sent.
pub(crate) fn buffer() -> u64 {
    const MOST: u64 = 4 << 20;
    const USUAL: u64 = 212_992;
    let granted = |path| {
        let text = fs::read_to_string(path).ok()?;
        text.trim().parse().ok()
    };
    ["/proc/sys/net/core/rmem_max", "/proc/sys/net/core/wmem_max"]
        .into_iter()
        .map(|path| granted(path).unwrap_or(USUAL))
        .fold(MOST, u64::min)
}

/// Where the programs lie, and which are there at all.
#[derive(Serialize)]
pub(crate) struct Programs {
    ours: Installed,
    iperf3: Option<Installed>,
    iperf3_new: Option<Installed>,
    nuttcp: Option<Installed>,
    qperf: Option<Installed>,
    sockperf: Option<Installed>,
    irtt: Option<Installed>,
    udpst: Option<Installed>,
}

impl Programs {
    /// Looks for all of them; only ours has to be there.
    pub(crate) fn find(args: &Args) -> Result<Self> {
        let find = |name: &str, version| Installed::find(Path::new(name), version);
        let newer = Installed::find(&args.iperf3_new, "--version")?;
        Ok(Self {
            ours: Installed::udp_echo(args.udp_echo.as_deref())?,
            iperf3: find("iperf3", "--version")?,
            iperf3_new: newer.filter(|iperf3| iperf3.says("GSO/GRO")),
            nuttcp: find("nuttcp", "-V")?,
            qperf: find("qperf", "--version")?,
            sockperf: find("sockperf", "--version")?,
            irtt: find("irtt", "version")?,
            udpst: Installed::find(&args.udpst, "-?")?,
        })
    }

    /// Where the program lies, or what the report says if it is not there.
    pub(crate) fn path(&self, program: Program) -> Result<&Path, &'static str> {
        let (installed, missing) = match program {
            Program::Ours => return Ok(self.ours.path()),
            Program::Iperf3 => (&self.iperf3, "not installed (apt install iperf3)"),
            Program::Iperf3New => (
                &self.iperf3_new,
                "not here (iperf3 3.21 or later, see --iperf3-new)",
            ),
            Program::Nuttcp => (&self.nuttcp, "not installed (apt install nuttcp)"),
            Program::Qperf => (&self.qperf, "not installed (apt install qperf)"),
            Program::Sockperf => (&self.sockperf, "not installed (apt install sockperf)"),
            Program::Irtt => (&self.irtt, "not installed (apt install irtt)"),
            Program::Udpst => (
                &self.udpst,
                "not here (build OB-UDPST from source, see --udpst)",
            ),
        };
        let installed = installed.as_ref().ok_or(missing)?;
        Ok(installed.path())
    }

    /// The versions of those that are there.
    pub(crate) fn versions(&self) -> String {
        installed::versions([
            Some(&self.ours),
            self.iperf3.as_ref(),
            self.iperf3_new.as_ref(),
            self.nuttcp.as_ref(),
            self.qperf.as_ref(),
            self.sockperf.as_ref(),
            self.irtt.as_ref(),
            self.udpst.as_ref(),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::super::Part;
    use super::*;

    #[test]
    fn what_arrived_is_told_in_packets_and_bits() {
        let load = Load::of(Part::Small, 3);
        let packets = Delivered::packets(1000.0, &load, 2.0).unwrap();
        assert_eq!(packets.bits_per_s, 512_000.0);
        assert_eq!(packets.bytes(), 128_000.0);
        let bits = Delivered::bits(512_000.0, &load, 2.0).unwrap();
        assert_eq!(bits, packets);
    }

    #[test]
    fn nothing_is_no_result() {
        let load = Load::of(Part::Small, 3);
        for (per_s, seconds) in [(0.0, 1.0), (1.0, 0.0), (f64::NAN, 1.0)] {
            assert!(Delivered::packets(per_s, &load, seconds).is_err());
        }
    }

    #[test]
    fn the_buffer_is_one_that_the_kernel_grants() {
        assert!((1..=4 << 20).contains(&buffer()));
    }

    #[test]
    fn what_is_missing_is_told_with_its_cure() {
        let programs = Programs {
            ours: Installed::of("udp-echo", "udp-echo 1"),
            iperf3: Some(Installed::of("iperf3", "iperf 3.12")),
            iperf3_new: None,
            nuttcp: None,
            qperf: None,
            sockperf: None,
            irtt: None,
            udpst: None,
        };
        for (program, cure) in [
            (Program::Iperf3New, "--iperf3-new"),
            (Program::Nuttcp, "apt install nuttcp"),
            (Program::Qperf, "apt install qperf"),
            (Program::Sockperf, "apt install sockperf"),
            (Program::Irtt, "apt install irtt"),
            (Program::Udpst, "--udpst"),
        ] {
            let missing = programs.path(program).unwrap_err();
            assert!(missing.contains(cure), "{missing}");
        }
        assert_eq!(programs.path(Program::Iperf3), Ok(Path::new("iperf3")));
        assert_eq!(programs.versions(), "udp-echo 1; iperf 3.12");
    }
}
