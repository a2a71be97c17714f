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

/// Addresses of strangers that come in turns, each with a new port every time.
const ADDRESSES: u32 = 60_000;

/// Sessions that are truly open, all the time.
const SESSIONS: u32 = 256;

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
    let mut attack = Attack::new(&server)?;
    let mut first = None;
    let memory = server.memory()?;
    say(&format!("      0 s: {memory}, {SESSIONS} sessions\n"))?;
    loop {
        let until = begin + args.length.min(begin.elapsed() + args.every);
        while Instant::now() < until {
            attack.go_on(&server)?;
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
    members: Vec<(UdpSocket, Session)>,
    turn: u32,
    sent: u64,
    answers: u64,
}

impl Attack {
    fn new(server: &Server) -> Result<Self> {
        let mut random = Rng::new();
        let member = |number| {
            let socket = socket(ADDRESSES + number, server.address())?;
            let session = Session::open(&socket, SessionId(random.u64(..)))?;
            Ok((socket, session))
        };
        Ok(Self {
            members: (0..SESSIONS).map(member).collect::<Result<_>>()?,
            random,
            turn: 0,
            sent: 0,
            answers: 0,
        })
    }

    /// A stranger's turn, and then that of one whose session is open, who changes what he sends.
    fn go_on(&mut self, server: &Server) -> Result<()> {
        self.turn += 1;
        let stranger = socket(self.turn % ADDRESSES, server.address())?;
        let member = (self.turn % SESSIONS) as usize;
        for _ in 0..FROM_ONE / AT_ONCE {
            for _ in 0..AT_ONCE {
                let packet = self.strange();
                self.send(&stranger, &packet);
                self.send_changed(member);
            }
            self.hear(&stranger)?;
        }
        Ok(())
    }
    fn send_changed(&mut self, member: usize) {
        let (_, session) = &mut self.members[member];
        let mut packet = session.probe();
        self.change(&mut packet);
        let (socket, _) = &self.members[member];
        self.sent += u64::from(socket.send(&packet).is_ok());
    }

    /// What is refused for a while, such as a full queue, is left out.
    fn send(&mut self, socket: &UdpSocket, packet: &[u8]) {
        self.sent += u64::from(socket.send(packet).is_ok());
    }

    /// What a stranger sends: any bytes, or a packet that looks right, or did.
    fn strange(&mut self) -> Vec<u8> {
        let mut packet = Vec::new();
        if let Some(kind) = self.random.choice(Payload::value_variants()) {
            kind.fill(&mut self.random, &mut packet);
        }
        if self.random.bool() {
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
