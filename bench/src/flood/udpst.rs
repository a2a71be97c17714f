//! udpst (OB-UDPST, by the Broadband Forum), by its JSON.

use std::net::SocketAddrV4;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::load::Load;
use super::program::{Delivered, Tool};
use crate::child::{Listens, free, words};

/// Its shortest test.
const SHORTEST_S: u32 = 5;

/// IPv4 and UDP, in bytes, which its rate has in it.
const HEADERS: u32 = 28;

/// udpst, whose server has to be told its port.
pub(crate) struct Udpst {
    address: SocketAddrV4,
}

impl Udpst {
    /// For one run.
    pub(crate) fn new() -> Result<Self> {
        let address = free::udp()?;
        Ok(Self { address })
    }
}

impl Tool for Udpst {
    fn server(&self) -> (Vec<String>, Listens) {
        let (ip, port) = (self.address.ip(), self.address.port());
        let arguments = words(&format!("-p {port} {ip}"));
        (arguments, Listens::At(self.address))
    }

    /// By that of its algorithms which rises fast: a few seconds are too short for the other.
    fn client(&self, load: &Load, server: SocketAddrV4) -> Vec<String> {
        let (ip, port) = (server.ip(), server.port());
        let seconds = load.seconds.max(SHORTEST_S);
        words(&format!("-u -p {port} -t {seconds} -A C -f json -s {ip}"))
    }

    /// The rate of its best second, as it is its way to tell one.
    fn read(&self, load: &Load, stdout: &str) -> Result<Delivered> {
        let outcome: Outcome =
            serde_json::from_str(stdout).context("this is not a result of udpst")?;
        ensure!(
            outcome.error_status >= 0,
            "udpst says {:?}",
            outcome.error_message
        );
        let found = outcome.output.and_then(|output| output.at_max);
        let found = found.context("udpst does not tell a rate that it found")?;
        let payload = f64::from(load.size) / f64::from(load.size + HEADERS);
        let bits_per_s = found.max_ip_layer_capacity * 1e6 * payload;
        Delivered::bits(bits_per_s, load, load.seconds.into())
    }
}

/// What is needed of the result.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Outcome {
    output: Option<Output>,
    /// Below 0 where there is no result.
    error_status: i64,
    error_message: String,
}

#[derive(Deserialize)]
struct Output {
    #[serde(rename = "AtMax")]
    at_max: Option<AtMax>,
}

#[derive(Deserialize)]
struct AtMax {
    /// In Mbit/s, with the headers of IP and UDP.
    #[serde(rename = "MaxIPLayerCapacity")]
    max_ip_layer_capacity: f64,
}

#[cfg(test)]
mod tests {
    use super::super::Part;
    use super::*;

    /// Laid out as its documentation has it (release 8).
    const RESULT: &str = r#"{
        "IPLayerMaxConnections": 1,
        "IPLayerCapSupported": {"SoftwareVersion": "8.2.0", "Metrics": "IPLR,Sampled_RTT,IPDV,IPRR,RIPR"},
        "Input": {"Role": "Sender", "UDPPayloadMax": 8972, "TestType": "Search"},
        "Output": {
            "Summary": {"DeliveredPercent": 99.5, "IPLayerCapacitySummary": 18000.5},
            "AtMax": {"Mode": 1, "Intervals": 5, "DeliveredPercent": 99.9, "MaxIPLayerCapacity": 22500.00},
            "Status": "Complete"
        },
        "ErrorStatus": 0, "ErrorMessage": ""
    }"#;

    fn read(stdout: &str) -> Result<Delivered> {
        let udpst = Udpst::new().unwrap();
        udpst.read(&Load::of(Part::Search, 3), stdout)
    }

    #[test]
    fn a_result_is_read() {
        let delivered = read(RESULT).unwrap();
        let expected = 22.5e9 * 8972.0 / 9000.0;
        assert!((delivered.bits_per_s - expected).abs() < 1.0);
    }

    #[test]
    fn a_failure_is_told() {
        let failed = r#"{"ErrorStatus": -1, "ErrorMessage": "ERROR: no answer"}"#;
        let searching = r#"{"Output": {}, "ErrorStatus": 1, "ErrorMessage": ""}"#;
        for (text, reason) in [
            (failed, "no answer"),
            (searching, "does not tell a rate"),
            ("udpst: error", "not a result"),
        ] {
            let error = read(text).unwrap_err();
            assert!(format!("{error:#}").contains(reason), "{error:#}");
        }
    }

    #[test]
    fn a_test_is_never_too_short_for_it() {
        let client = |seconds| {
            let server = "127.0.0.1:7".parse().unwrap();
            let udpst = Udpst::new().unwrap();
            udpst
                .client(&Load::of(Part::Search, seconds), server)
                .join(" ")
        };
        assert_eq!(client(3), "-u -p 7 -t 5 -A C -f json -s 127.0.0.1");
        assert!(client(9).contains("-t 9 "));
    }
}
