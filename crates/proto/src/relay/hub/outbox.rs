//! What is to be sent, put together so that the system can be handed many datagrams at once.

use std::net::{IpAddr, SocketAddr};

#[cfg(test)]
mod tests;

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
///
/// Its buffers are used again after [`clear`](Self::clear), up to [`KEPT`](Self::KEPT) bytes of them.
#[derive(Debug)]
pub struct Outbox {
    /// The first `used` are what is to be sent, the others only keep their room.
    runs: Vec<Filled>,
    used: usize,
    /// The room of all runs, as it was when each was last cleared.
    kept: usize,
    /// The last run to each receiver, by a hash of its address: one that another receiver has taken the place of grows
    /// no more. What is left of an earlier filling cannot be taken for the last run to somebody, since the first run to
    /// them takes the place.
    last: Box<[u32; PLACES]>,
}

const PLACES: usize = 256;

#[derive(Debug)]
struct Filled {
    to: SocketAddr,
    via: Via,
    size: usize,
    count: usize,
    datagrams: Vec<u8>,
    /// What [`Outbox::kept`] has of it.
    kept: usize,
    end: End,
    fate: Fate,
}

/// Whether a run grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Open,
    Closed,
}

/// What the system made of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Unknown,
    Failed,
}

impl Outbox {
    /// The most bytes of a run: what the system takes at once.
    pub const MAX_RUN: usize = 65_000;

    /// The most datagrams of a run.
    pub const MAX_DATAGRAMS: usize = 128;

    /// The most bytes of room that are kept for later.
    pub const KEPT: usize = 8 * 1024 * 1024;

    const KEPT_RUNS: usize = 4096;

    /// An empty one.
    pub fn new() -> Self {
        Self {
            runs: Vec::new(),
            used: 0,
            kept: 0,
            last: Box::new([0; PLACES]),
        }
    }

    /// Appends a datagram of `length` bytes, which `write` appends to what it is given, and says to which run.
    #[inline]
    pub fn push(
        &mut self,
        to: SocketAddr,
        via: Via,
        length: usize,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> RunId {
        let place = place(&to);
        let mut at = self.last[place] as usize;
        if !self.takes(at, &to, via, length) {
            at = self.begin(to, via, length);
            self.last[place] = at as u32;
        }
        let run = &mut self.runs[at];
        run.count += 1;
        if length < run.size {
            run.end = End::Closed;
        }
        write(&mut run.datagrams);
        debug_assert_eq!(
            run.datagrams.len(),
            run.size * (run.count - 1) + length,
            "the length was another"
        );
        RunId(at as u32)
    }

    /// The runs, in the order in which they are to be sent.
    pub fn runs(&self) -> impl ExactSizeIterator<Item = Run<'_>> {
        self.runs[..self.used].iter().map(|run| Run {
            to: run.to,
            via: run.via,
            size: run.size,
            datagrams: &run.datagrams,
        })
    }

    /// Whether there is nothing to be sent.
    pub fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// The system did not send this run.
    pub fn fail(&mut self, run: RunId) {
        if let Some(run) = self.runs.get_mut(run.0 as usize) {
            run.fate = Fate::Failed;
        }
    }

    /// Whether it was [said](Self::fail) that this run was not sent.
    pub fn has_failed(&self, run: RunId) -> bool {
        self.runs
            .get(run.0 as usize)
            .is_some_and(|run| run.fate == Fate::Failed)
    }

    /// Takes everything out.
    pub fn clear(&mut self) {
        for run in &mut self.runs[..self.used] {
            run.datagrams.clear();
            self.kept = self.kept - run.kept + run.datagrams.capacity();
            if self.kept > Self::KEPT {
                self.kept -= run.datagrams.capacity();
                run.datagrams = Vec::new();
            }
            run.kept = run.datagrams.capacity();
        }
        self.used = 0;
        for run in self.runs.drain(Self::KEPT_RUNS.min(self.runs.len())..) {
            self.kept -= run.kept;
        }
    }

    #[inline]
    fn takes(&self, at: usize, to: &SocketAddr, via: Via, length: usize) -> bool {
        self.runs[..self.used].get(at).is_some_and(|run| {
            run.end == End::Open
                && (1..=run.size).contains(&length)
                && run.count < Self::MAX_DATAGRAMS
                && run.datagrams.len() + length <= Self::MAX_RUN
                && run.via == via
                && run.to == *to
        })
    }

    #[inline(never)]
    fn begin(&mut self, to: SocketAddr, via: Via, size: usize) -> usize {
        let at = self.used;
        self.used += 1;
        if at == self.runs.len() {
            self.runs.push(Filled::new(to));
        }
        let run = &mut self.runs[at];
        (run.to, run.via, run.size, run.count) = (to, via, size, 0);
        (run.end, run.fate) = (End::Open, Fate::Unknown);
        at
    }
}

impl Default for Outbox {
    fn default() -> Self {
        Self::new()
    }
}

impl Filled {
    fn new(to: SocketAddr) -> Self {
        Self {
            to,
            via: Via::default(),
            size: 0,
            count: 0,
            datagrams: Vec::new(),
            kept: 0,
            end: End::Open,
            fate: Fate::Unknown,
        }
    }
}

/// Receivers that share a place only make each other's runs shorter: it need not be a secret which those are.
#[inline]
fn place(to: &SocketAddr) -> usize {
    const ODD: u64 = 0x9E37_79B9_7F4A_7C15;
    let ip = match to.ip() {
        IpAddr::V4(ip) => u64::from(ip.to_bits()),
        IpAddr::V6(ip) => (ip.to_bits() >> 64) as u64 ^ ip.to_bits() as u64,
    };
    let mixed = (ip ^ (u64::from(to.port()) << 40)).wrapping_mul(ODD);
    (mixed >> 56) as usize % PLACES
}
