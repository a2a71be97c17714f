//! What is to be sent, put together so that the system can be handed many datagrams at once.

use std::net::SocketAddr;

/// Where a datagram came in, and so where answers and deliveries to its sender go out: a number of the owner's choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Via(pub u16);

/// A run in an [`Outbox`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunId(pub u32);

/// Datagrams to one receiver, one behind the other.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// Who it is for.
    pub to: SocketAddr,
    /// Where it goes out.
    pub via: Via,
    /// The size of each, but for the last, which may be shorter.
    pub size: usize,
    /// The datagrams.
    pub datagrams: &'a [u8],
}

/// What is to be sent: runs of datagrams of one size to one receiver. The runs to one receiver are in order.
#[derive(Debug, Default)]
pub struct Outbox {
    runs: Vec<Filled>,
}

#[derive(Debug)]
struct Filled {
    to: SocketAddr,
    via: Via,
    size: usize,
    datagrams: Vec<u8>,
    failed: bool,
}

impl Outbox {
    /// The most bytes of a run: what the system takes at once.
    pub const MAX_RUN: usize = 65_000;

    /// The most datagrams of a run.
    pub const MAX_DATAGRAMS: usize = 64;

    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a datagram of `length` bytes, which `write` appends to what it is given, and says to which run.
    pub fn push(
        &mut self,
        to: SocketAddr,
        via: Via,
        length: usize,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> RunId {
        let mut datagrams = Vec::with_capacity(length);
        write(&mut datagrams);
        let run = RunId(self.runs.len() as u32);
        self.runs.push(Filled {
            to,
            via,
            size: length,
            datagrams,
            failed: false,
        });
        run
    }

    /// The runs, in the order in which they are to be sent.
    pub fn runs(&self) -> impl ExactSizeIterator<Item = Run<'_>> {
        self.runs.iter().map(|run| Run {
            to: run.to,
            via: run.via,
            size: run.size,
            datagrams: &run.datagrams,
        })
    }

    /// The system did not send this run.
    pub fn fail(&mut self, run: RunId) {
        if let Some(run) = self.runs.get_mut(run.0 as usize) {
            run.failed = true;
        }
    }

    /// Whether it was [said](Self::fail) that this run was not sent.
    pub fn has_failed(&self, run: RunId) -> bool {
        self.runs.get(run.0 as usize).is_some_and(|run| run.failed)
    }

    /// Takes everything out.
    pub fn clear(&mut self) {
        self.runs.clear();
    }
}
