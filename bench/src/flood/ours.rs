//! `udp-echo serve --reply ack` and `udp-echo flood --json`.

use std::net::SocketAddrV4;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::load::{Load, Offload, Way};
use super::program::{Delivered, Tool};
use crate::child::{Listens, words};

const SCHEMA: &str = "plumbline/flood/1";

/// Our own program.
pub(crate) struct Ours;

impl Tool for Ours {
    fn server(&self) -> (Vec<String>, Listens) {
        let arguments = words("serve --reply ack --loss 0 --delay 0 --bind 127.0.0.1:0");
        (arguments, Listens::Announced("listening on udp://"))
    }

    fn client(&self, load: &Load, server: SocketAddrV4) -> Vec<String> {
        let offload = match load.offload {
            Offload::Allowed => "",
            Offload::Forbidden => "--no-gso --no-gro",
        };
        let search = match load.way {
            Way::Search => "--search --max-loss 0.1%",
            Way::There | Way::Echo => "",
        };
        words(&format!(
            "flood {server} --way {} -s {} -d {}s {offload} {search} --json",
            way(load.way),
            load.size,
            load.seconds
        ))
    }

    fn read(&self, load: &Load, stdout: &str) -> Result<Delivered> {
        let outcome: Outcome =
            serde_json::from_str(stdout).context("this is not a result of udp-echo flood")?;
        ensure!(
            outcome.schema == SCHEMA,
            "expected a result of schema {SCHEMA}, got {:?}",
            outcome.schema
        );
        match load.way {
            Way::Search => outcome.found(load),
            Way::There | Way::Echo => outcome.delivered(load),
        }
    }
}

fn way(way: Way) -> &'static str {
    match way {
        Way::There | Way::Search => "there",
        Way::Echo => "echo",
    }
}

/// What is needed of the result.
#[derive(Deserialize)]
struct Outcome {
    schema: String,
    ways: Vec<Figures>,
    search: Option<Found>,
}

#[derive(Deserialize)]
struct Figures {
    way: String,
    seconds: f64,
    packets_per_s: f64,
}

#[derive(Deserialize)]
struct Found {
    bits_per_s: f64,
}

impl Outcome {
    fn delivered(&self, load: &Load) -> Result<Delivered> {
        let way = way(load.way);
        let figures = self.ways.iter().find(|figures| figures.way == way);
        let figures = figures.with_context(|| format!("the result has no way {way:?}"))?;
        Delivered::packets(figures.packets_per_s, load, figures.seconds)
    }

    fn found(&self, load: &Load) -> Result<Delivered> {
        let found = self.search.as_ref().context("the result has no search")?;
        Delivered::bits(found.bits_per_s, load, load.seconds.into())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Part;
    use super::*;

    const RESULT: &str = r#"{
        "schema": "plumbline/flood/1", "something_new": [1],
        "ways": [{
            "way": "there", "seconds": 3.0, "sent": 120000000, "received": 111000000, "lost": 9000000,
            "packets_per_s": 37000000.0, "bits_per_s": 18944000000.0,
            "sender": {"cpu_s": 3.0, "gso": true}, "receiver": {"cpu_s": 2.9, "gro": true}
        }, {
            "way": "echo", "seconds": 2.5, "packets_per_s": 1000000.0, "bits_per_s": 512000000.0
        }],
        "search": {"packets_per_s": 1000000.0, "bits_per_s": 71776000000.0, "loss_percent": 0.04}
    }"#;

    #[test]
    fn results_are_read() {
        let table = [
            (Part::Small, 18_944_000_000.0, 3.0),
            (Part::Echo, 512_000_000.0, 2.5),
            (Part::Search, 71_776_000_000.0, 3.0),
        ];
        for (part, bits_per_s, seconds) in table {
            let load = Load::of(part, 3);
            let expected = Delivered::bits(bits_per_s, &load, seconds).unwrap();
            assert_eq!(Ours.read(&load, RESULT).unwrap(), expected, "{part:?}");
        }
    }

    #[test]
    fn other_results_are_refused() {
        let later = RESULT.replace("flood/1", "flood/2");
        let other = RESULT.replace("\"there\"", "\"back\"");
        let silent = RESULT.replace("37000000.0", "0");
        for (text, reason) in [
            ("{}", "not a result"),
            (&later, "plumbline/flood/2"),
            (&other, "no way \"there\""),
            (&silent, "nothing arrived"),
        ] {
            let error = Ours.read(&Load::of(Part::Small, 3), text).unwrap_err();
            assert!(format!("{error:#}").contains(reason), "{error:#}");
        }
    }

    #[test]
    fn the_load_is_said_in_options() {
        let server = "127.0.0.1:7".parse().unwrap();
        let client = |part| Ours.client(&Load::of(part, 3), server).join(" ");
        for (part, expected) in [
            (Part::Small, "--way there -s 64 -d 3s --json"),
            (Part::Large, "--way there -s 1400 -d 3s --json"),
            (
                Part::Plain,
                "--way there -s 64 -d 3s --no-gso --no-gro --json",
            ),
            (
                Part::Echo,
                "--way echo -s 64 -d 3s --no-gso --no-gro --json",
            ),
            (Part::EchoOffload, "--way echo -s 64 -d 3s --json"),
            (
                Part::Search,
                "--way there -s 8972 -d 3s --search --max-loss 0.1% --json",
            ),
        ] {
            assert_eq!(client(part), format!("flood 127.0.0.1:7 {expected}"));
        }
    }
}
