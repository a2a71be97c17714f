//! Finding out whether there is a reflector, whether it counts, and whether stamps come.

use std::io;
use std::time::Instant;

use proto::measure::PacketSize;
use proto::stamp::{Mode, Numbering, Reply, Sender};
use runtime::cpu::Companion;
use runtime::udp::{Batch, ClientError, Outbox, Socket, StampClock};
use runtime::{random, timing};

use super::super::calibrate::{Error, RETRY_AFTER, TRIES, shown};
use super::super::count::is_refusal;
use super::super::native::PATIENCE;
use super::super::plan::{Plan, Wire};
use super::Session;

/// Asks the reflector twice, and sets the size of the plan to one that its packets can have.
///
/// The number between the two is left out, as if that packet were lost: a reflector that counts does not miss it, one that
/// copies leaves it out as well.
pub(crate) fn hello(plan: &mut Plan, mode: Mode) -> Result<(Session, Wire), Error> {
    let least = PacketSize::new(mode.base() as u64);
    plan.size = least.map_or(plan.size, |least| plan.size.max(least));
    let failed = |error| failed(plan, error);
    let socket = Socket::connect(plan.server, &plan.options).map_err(failed)?;
    socket.set_patience(Some(PATIENCE)).map_err(failed)?;
    let mut asking = Asking {
        plan,
        socket,
        keyed: matches!(mode, Mode::Keyed(_)),
        mode,
        sender: Sender::new(ssid().map_err(failed)?),
        next: 0,
        outbox: Outbox::default(),
        stamps: false,
    };
    let first = asking.ask(Out::Plain)?.ok_or_else(|| asking.silent())?;
    asking.next += 1;
    let second = asking.ask(Out::Stamped)?;
    Ok(asking.session(&first, second.as_ref()))
}

/// A number that nobody can guess, and not 0.
fn ssid() -> io::Result<u16> {
    Ok(u16::from_be_bytes(random::bytes()?).max(1))
}

fn failed(plan: &Plan, error: io::Error) -> Error {
    Error::Client(ClientError::new(plan.server, error))
}

/// How a packet goes out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Out {
    /// So that a port that is closed is told.
    Plain,
    /// So that it is seen whether stamps come.
    Stamped,
}

/// A session that is about to begin.
struct Asking<'a> {
    plan: &'a Plan,
    socket: Socket,
    mode: Mode,
    keyed: bool,
    sender: Sender,
    next: u32,
    outbox: Outbox<u64>,
    stamps: bool,
}

impl Asking<'_> {
    /// Asks until there is a reply. What else was answered is an error once there is none.
    fn ask(&mut self, out: Out) -> Result<Option<Reply>, Error> {
        let (from, mut batch, mut other) = (self.next, Batch::new(), None);
        for _ in 0..TRIES {
            self.send(out).map_err(|error| failed(self.plan, error))?;
            let deadline = Instant::now() + RETRY_AFTER;
            while Instant::now() < deadline {
                let count = batch.receive(&self.socket);
                let count = count.map_err(|error| failed(self.plan, error))?;
                for datagram in (0..count).filter_map(|place| batch.get(place)) {
                    match self.reply(datagram.payload, from) {
                        Some(reply) => {
                            let left = self.outbox.collect(&self.socket).is_some();
                            self.stamps = left && datagram.came().is_some();
                            return Ok(Some(reply));
                        }
                        None => other = Some(self.no_reply(datagram.payload)),
                    }
                }
            }
        }
        match other {
            Some(error) if from == 0 => Err(error),
            _ => Ok(None),
        }
    }

    fn send(&mut self, out: Out) -> io::Result<()> {
        let (mut packet, size) = (Vec::new(), self.plan.size.bytes());
        let request = self.sender.request(self.next, timing::unix_nanos());
        request.encode(size, &self.mode, &mut packet);
        self.next += 1;
        let sent = match out {
            Out::Stamped if self.socket.clock() != StampClock::Program => {
                self.outbox.send(&self.socket, &packet, None, None, 0)
            }
            _ => self.socket.send_on(&packet),
        };
        match sent {
            // The second time it is a word about the first.
            Err(error) if out == Out::Stamped && is_refusal(&error) => Ok(()),
            sent => sent,
        }
    }

    /// Reads a reply to one of the packets from this number on.
    fn reply(&self, payload: &[u8], from: u32) -> Option<Reply> {
        let reply = Reply::decode(payload, &self.mode)?;
        let is_ours =
            self.sender.asked(&reply) && (from..self.next).contains(&reply.asked.sequence);
        is_ours.then_some(reply)
    }

    /// What else came.
    fn no_reply(&self, payload: &[u8]) -> Error {
        match Reply::decode(payload, &Mode::Open) {
            Some(reply) if self.keyed && reply.asked.sequence < self.next => {
                Error::ReflectorHasNoKey
            }
            _ => Error::NotAReflector(shown(payload)),
        }
    }

    fn silent(&self) -> Error {
        Error::Client(ClientError::Silent {
            addr: self.plan.server,
            timeout: RETRY_AFTER * TRIES,
        })
    }

    fn session(self, first: &Reply, second: Option<&Reply>) -> (Session, Wire) {
        let numbering = second.map_or(Numbering::Copies, |second| Numbering::of(first, second));
        let session = Session {
            socket: self.socket,
            mode: self.mode,
            sender: self.sender,
            first: self.next,
            numbering,
            counted: second.unwrap_or(first).sequence,
            stamps: self.stamps,
            outbox: self.outbox,
            companion: Companion::default(),
        };
        let wire = Wire::Stamp {
            keyed: self.keyed,
            clock: session.clock(),
            numbering,
        };
        (session, wire)
    }
}
