//! Whether a server's memory stays as it is, whatever is sent to it.

use std::net::UdpSocket;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::ValueEnum;
use fastrand::Rng;
use proto::measure::SessionId;
use runtime::units;

use super::attack::Payload;
use super::client::{Session, socket};
use super::sessions::say;
use super::{Goal, start_for, udp_echo};
use crate::child::Server;

/// How many datagrams come from one address before the next takes over.
const FROM_ONE: u32 = 500;

/// How many of them are sent before an answer is waited for, so that the server's queue does not overflow all the time.
const AT_ONCE: u32 = 50;

/// Addresses that come in turns, each with a new port every time.
const ADDRESSES: u32 = 60_000;

/// Sends random datagrams to a measurement server for a time, and shows how much memory it has meanwhile.
///
/// They come from many addresses and ports in turns: random bytes, packets of every wire that look right, and packets of
/// true sessions with some bytes changed. udp-echo has to be built first, and is taken from where this program lies.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How long, such as 30s or 10m
    #[arg(long = "for", value_name = "TIME", default_value = "30s", value_parser = units::positive_time)]
    length: Duration,

    /// How often memory is shown; the first is what the last is compared with
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = units::positive_time)]
    every: Duration,

    /// The udp-echo to measure [default: the one beside this program]
    #[arg(long, value_name = "FILE")]
    udp_echo: Option<PathBuf>,
}

/// Measures and prints.
pub(crate) fn run(args: &Args) -> Result<()> {
    const GRACE: Duration = Duration::from_secs(60);
    let server = start_for(&udp_echo(args.udp_echo.as_ref())?, args.length + GRACE)?;
    let begin = Instant::now();
    let mut attack = Attack::new();
    let mut first = None;
    say(&format!("      0 s: {}\n", server.memory()?))?;
    loop {
        let until = begin + args.length.min(begin.elapsed() + args.every);
        while Instant::now() < until {
            attack.send_from_next_address(&server)?;
        }
        let (memory, elapsed) = (server.memory()?, begin.elapsed().as_secs());
        let Attack { sent, answers, .. } = attack;
        say(&format!(
            "{elapsed:>7} s: {memory}, {sent} datagrams, {answers} answers\n"
        ))?;
        let before = *first.get_or_insert(memory.now);
        if begin.elapsed() >= args.length {
            let goal = Goal {
                figure: "memory more than at the first look, MB",
                value: (memory.now as f64 - before as f64) / 1e6,
                below: 1.0,
            };
            return say(&goal.to_string());
        }
    }
}

/// What has been sent so far.
struct Attack {
    random: Rng,
    address: u32,
    sent: u64,
    answers: u64,
}

impl Attack {
    fn new() -> Self {
        Self {
            random: Rng::new(),
            address: 0,
            sent: 0,
            answers: 0,
        }
    }

    /// All datagrams of one address, some of them in a session that is truly open.
    fn send_from_next_address(&mut self, server: &Server) -> Result<()> {
        self.address = (self.address + 1) % ADDRESSES;
        let socket = socket(self.address, server.address())?;
        let id = SessionId(self.random.u64(..));
        let mut session = Session::open(&socket, id)?;
        session.is_echoed(&socket)?;
        for _ in 0..FROM_ONE / AT_ONCE {
            for _ in 0..AT_ONCE {
                // What is refused for a while, such as a full queue, is left out.
                let sent = socket.send(&self.datagram(&mut session));
                self.sent += u64::from(sent.is_ok());
            }
            self.hear(&socket)?;
        }
        Ok(())
    }

    fn datagram(&mut self, session: &mut Session) -> Vec<u8> {
        let mut packet = Vec::new();
        let kinds = Payload::value_variants();
        let kind = kinds.get(self.random.usize(..kinds.len() * 2));
        match kind {
            Some(kind) => kind.fill(&mut self.random, &mut packet),
            None => packet = session.probe(),
        }
        if kind.is_none() || self.random.bool() {
            self.change(&mut packet);
        }
        packet
    }

    /// Changes, cuts or lengthens a packet at some places.
    fn change(&mut self, packet: &mut Vec<u8>) {
        for _ in 0..self.random.usize(..4) {
            if let Some(byte) = self.random.choice(&mut *packet) {
                *byte = self.random.u8(..);
            }
        }
        if self.random.u8(..) < 32 {
            packet.resize(self.random.usize(..1500), 0x5A);
        }
    }

    /// Takes the answers that have come, one of which is waited for.
    fn hear(&mut self, socket: &UdpSocket) -> Result<()> {
        let mut buffer = [0; 2048];
        socket.set_nonblocking(false)?;
        socket.set_read_timeout(Some(Duration::from_millis(1)))?;
        while socket.recv(&mut buffer).is_ok() {
            self.answers += 1;
            socket.set_nonblocking(true)?;
        }
        socket.set_nonblocking(false)?;
        Ok(())
    }
}
