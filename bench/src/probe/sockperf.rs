//! sockperf, by the text that it prints and, for the times of its packets, by its log.

use std::fs::File;
use std::io;
use std::net::SocketAddrV4;
use std::os::fd::AsRawFd;

use anyhow::{Context, Result};
use nix::sys::memfd::{MFdFlags, memfd_create};

use super::program::{INTERVAL, Load, PACKET_SIZE, Rtt, Said, Tool, Waiting};
use crate::child::client::tail;
use crate::child::{Listens, free, words};

/// sockperf, with a file for its log that lies in memory: nothing of it stays, however this program ends.
pub(crate) struct Sockperf {
    log: File,
}

impl Sockperf {
    /// For one run.
    pub(crate) fn new() -> Result<Self> {
        let log = memfd_create("sockperf", MFdFlags::MFD_CLOEXEC);
        let log = log.context("cannot create a file for sockperf's log")?;
        Ok(Self { log: log.into() })
    }

    /// Where sockperf, another process, can open the log.
    fn log_path(&self) -> String {
        let (process, descriptor) = (std::process::id(), self.log.as_raw_fd());
        format!("/proc/{process}/fd/{descriptor}")
    }
}

impl Tool for Sockperf {
    /// Its server cannot choose a port by itself, so a free one is looked for.
    fn server(&self, load: Load) -> Result<(Vec<String>, Listens)> {
        let address = free::udp()?;
        let arguments = format!("server {} {}", endpoint(address), waiting(load));
        Ok((words(&arguments), Listens::At(address)))
    }

    /// It would give half of the round trip, and of one in a hundred packets only, unless told otherwise.
    fn client(&self, load: Load, server: SocketAddrV4, seconds: u32) -> Vec<String> {
        let common = format!(
            "{} -m {PACKET_SIZE} -t {seconds} --full-rtt {}",
            endpoint(server),
            waiting(load)
        );
        match load {
            Load::Paced => {
                let rate = 1.0 / INTERVAL.as_secs_f64();
                let log = self.log_path();
                words(&format!(
                    "under-load {common} --mps {rate} --reply-every 1 --full-log {log}"
                ))
            }
            Load::OneInFlight(_) => words(&format!("ping-pong {common}")),
        }
    }

    fn read(&self, load: Load, stdout: &str, _: u32) -> Result<Said> {
        let mut said = read(stdout).with_context(|| format!("no result{}", tail(stdout)))?;
        if load == Load::Paced {
            let log = io::read_to_string(&self.log).context("cannot read sockperf's log")?;
            said.interval_ns = mean_interval(&log);
        }
        Ok(said)
    }
}

/// The options by which server and client are told where the server is.
pub(crate) fn endpoint(address: SocketAddrV4) -> String {
    format!("-i {} -p {}", address.ip(), address.port())
}

fn waiting(load: Load) -> &'static str {
    match load {
        Load::OneInFlight(Waiting::Spinning) => "--nonblocked",
        Load::OneInFlight(Waiting::Blocking) | Load::Paced => "",
    }
}

/// Reads what it prints.
///
/// Its rate and its round-trip times are those of the "valid duration", which it begins 0.4 s after its start and ends
/// shortly before its end.
pub(crate) fn read(stdout: &str) -> Option<Said> {
    let line = |start: &str| stdout.lines().find_map(|line| line.split_once(start));
    let total = line("[Total Run] ")?.1;
    let valid = line("[Valid Duration] ")?.1;
    let time = |name: &str| number(line(name)?.1.trim_start().strip_prefix('=')?);
    Some(Said {
        sent: field(total, "SentMessages=")? as u64,
        round_trips_per_s: Some(field(valid, "ReceivedMessages=")? / field(valid, "RunTime=")?),
        interval_ns: None,
        network: None,
        application: Some(Rtt {
            p50: time("percentile 50.000")?,
            p99: time("percentile 99.000")?,
            max: time("<MAX> observation")?,
        }),
    })
}

fn field(line: &str, name: &str) -> Option<f64> {
    number(line.split_once(name)?.1)
}

/// The number that a text begins with.
fn number(text: &str) -> Option<f64> {
    let text = text.trim_start();
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    text[..end].parse().ok()
}

/// The mean time between packets by the log.
///
/// That has a row for each packet that came back, and numbers the rows, not the packets: where one is missing, it does
/// not tell.
fn mean_interval(log: &str) -> Option<f64> {
    let valid = log.split_once("[Valid Duration] ")?.1;
    let rows = log.lines().filter_map(sent_at).count();
    let mut times = log.lines().filter_map(sent_at);
    let (first, last) = (times.next()?, times.next_back()?);
    let complete = field(valid, "SentMessages=")? == rows as f64;
    complete.then(|| (last - first) * 1e9 / (rows - 1) as f64)
}

/// In seconds since some time; `None` if the line is no row.
fn sent_at(line: &str) -> Option<f64> {
    let cells: Vec<&str> = line.split(", ").collect();
    match cells[..] {
        [_, sent_at, _, _] => sent_at.trim().parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINTED: &str = include_str!("fixtures/sockperf.txt");
    const LOG: &str = include_str!("fixtures/sockperf.csv");

    #[test]
    fn a_result_is_read() {
        let said = read(PRINTED).unwrap();
        let expected = Said {
            sent: 2001,
            round_trips_per_s: Some(1550.0 / 1.549),
            interval_ns: None,
            network: None,
            application: Some(Rtt {
                p50: 70.077,
                p99: 231.361,
                max: 1303.986,
            }),
        };
        assert_eq!(said, expected);
    }

    #[test]
    fn a_run_without_answers_has_no_result() {
        let silent = "sockperf: Test ended\n\
                      sockperf: No messages were received from the server. Is the server down?\n";
        assert_eq!(read(silent), None);
    }

    #[test]
    fn a_log_has_the_interval_if_it_is_complete() {
        let interval = mean_interval(LOG).unwrap();
        assert!((interval - 999_999.0).abs() < 0.1, "{interval}");
        let missing = LOG.replace("SentMessages=4", "SentMessages=5");
        assert_eq!(mean_interval(&missing), None);
        assert_eq!(mean_interval(""), None);
    }

    #[test]
    fn the_log_can_be_written_by_its_path() {
        let sockperf = Sockperf::new().unwrap();
        std::fs::write(sockperf.log_path(), LOG).unwrap();
        let said = sockperf.read(Load::Paced, PRINTED, 2).unwrap();
        assert!(said.interval_ns.is_some());
    }
}
