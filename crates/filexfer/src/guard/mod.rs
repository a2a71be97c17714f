//! Who may try a key, and how many may use it: guesses are few, and peers that prove nothing hold nothing up.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use proto::filexfer::native::handshake::Refusal;
use runtime::limit::Network;
use runtime::peers::PeerTable;

/// The most peers that may be proving their key at a time.
const AT_ONCE: usize = 16;

/// The most wrong keys of a network, or for a code that was made here in all.
const WRONG: u32 = 5;

/// How long a network is refused that has tried so many.
const REFUSED: Duration = Duration::from_secs(60);

/// How long the next try waits after a wrong key; twice as long after each further one.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(8);

/// The most networks that are told apart.
const NETWORKS: usize = 4096;

/// What kind of key is guarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A code that was made here: it ends after a few wrong tries, from wherever.
    Code,
    /// A key that is in a file: it must not be ended from outside.
    File,
}

/// How many peers it is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Uses {
    /// One, until that one has all.
    One,
    /// Any number.
    Many,
}

/// How far the use of a key is that is good for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Free,
    Taken,
    Spent,
}

/// What a network has tried.
#[derive(Clone, Copy, Debug, Default)]
struct Tries {
    wrong: u32,
    /// When the next try may begin.
    next: Option<Instant>,
    refused_until: Option<Instant>,
}

impl Tries {
    fn check(&mut self, now: Instant) -> Result<(), Refusal> {
        match self.refused_until {
            Some(until) if now < until => Err(Refusal::TooMany),
            Some(_) => {
                *self = Self::default();
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn wait(&self) -> Duration {
        match self.wrong {
            0 => Duration::ZERO,
            wrong => (FIRST_WAIT * (1 << (wrong - 1).min(16))).min(LONGEST_WAIT),
        }
    }

    /// Tries that begin at once wait for each other.
    fn begin(&mut self, now: Instant) -> Result<Duration, Refusal> {
        self.check(now)?;
        let start = self.next.map_or(now, |next| next.max(now));
        let wait = start - now;
        if wait > LONGEST_WAIT {
            return Err(Refusal::TooMany);
        }
        self.next = Some(start + self.wait());
        Ok(wait)
    }

    fn was_wrong(&mut self, now: Instant) {
        self.wrong += 1;
        self.next = self.next.max(Some(now + self.wait()));
        if self.wrong >= WRONG {
            self.refused_until = Some(now + REFUSED);
        }
    }
}

/// Guards one key. Time is an argument.
#[derive(Debug)]
pub(crate) struct Guard {
    kind: Kind,
    uses: Uses,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    usage: Use,
    /// Wrong keys in all.
    wrong: u32,
    networks: PeerTable<Network, Tries>,
    /// Who is proving the key, the oldest first.
    proving: VecDeque<(u64, TcpStream)>,
    number: u64,
}

impl Guard {
    pub(crate) fn new(kind: Kind, uses: Uses) -> Arc<Self> {
        let state = State {
            usage: Use::Free,
            wrong: 0,
            networks: PeerTable::new(NETWORKS, REFUSED),
            proving: VecDeque::new(),
            number: 0,
        };
        Arc::new(Self {
            kind,
            uses,
            state: Mutex::new(state),
        })
    }

    /// Lets a peer in that is to prove the key. Where too many are there, the one that has been at it for longest is
    /// hung up on: a proof takes milliseconds, so that is one who has none.
    pub(crate) fn enter(self: &Arc<Self>, stream: &TcpStream) -> std::io::Result<Entered> {
        let stream = stream.try_clone()?;
        let mut state = self.state();
        if state.proving.len() >= AT_ONCE
            && let Some((_, oldest)) = state.proving.pop_front()
        {
            // It may have hung up itself.
            let _ = oldest.shutdown(Shutdown::Both);
        }
        state.number += 1;
        let number = state.number;
        state.proving.push_back((number, stream));
        drop(state);
        Ok(Entered {
            guard: Arc::clone(self),
            number,
        })
    }

    /// Whether a peer may try a key now, and how long it has to wait before.
    pub(crate) fn begin(&self, peer: IpAddr, now: Instant) -> Result<Duration, Refusal> {
        let mut state = self.state();
        self.check(&state)?;
        match state.networks.find(&network(peer), now) {
            Some(tries) => tries.begin(now),
            None => Ok(Duration::ZERO),
        }
    }

    /// Takes note of what a peer has proven, and lets it use the key where that is so.
    ///
    /// As long as too many wrong keys came before, the answer does not depend on what it has proven: many tries at once
    /// are worth no more guesses.
    pub(crate) fn admit(
        self: &Arc<Self>,
        peer: IpAddr,
        proven: Result<(), Refusal>,
        now: Instant,
    ) -> Result<Claim, Refusal> {
        let mut state = self.state();
        self.check(&state)?;
        if let Some(tries) = state.networks.find(&network(peer), now) {
            tries.check(now)?;
        }
        if let Err(refusal) = proven {
            state.networks.get(network(peer), now).was_wrong(now);
            state.wrong = state.wrong.saturating_add(1);
            self.check(&state)?;
            return Err(refusal);
        }
        if self.uses == Uses::One {
            state.usage = Use::Taken;
        }
        Ok(Claim {
            guard: Arc::clone(self),
        })
    }

    /// Whether nobody can use the key any more, and why.
    pub(crate) fn is_over(&self) -> Option<Refusal> {
        match self.check(&self.state()) {
            Err(over @ (Refusal::UsedUp | Refusal::Ended)) => Some(over),
            _ => None,
        }
    }

    fn check(&self, state: &State) -> Result<(), Refusal> {
        match state.usage {
            Use::Spent => Err(Refusal::UsedUp),
            _ if self.kind == Kind::Code && state.wrong >= WRONG => Err(Refusal::Ended),
            Use::Taken => Err(Refusal::Busy),
            Use::Free => Ok(()),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Programs on this machine are one network: a guesser may use any port.
fn network(peer: IpAddr) -> Network {
    Network::of(SocketAddr::new(peer.to_canonical(), 0))
}

/// A peer's place among those who are proving the key. It is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Entered {
    guard: Arc<Guard>,
    number: u64,
}

impl Drop for Entered {
    fn drop(&mut self) {
        let mut state = self.guard.state();
        state.proving.retain(|(number, _)| *number != self.number);
    }
}

/// A peer's use of the key. When it is dropped before its end, another may use the key, or the same again.
#[derive(Debug)]
pub(crate) struct Claim {
    guard: Arc<Guard>,
}

impl Claim {
    /// The peer has all: a key that is good for one is used up.
    pub(crate) fn finish(self) {
        if self.guard.uses == Uses::One {
            self.guard.state().usage = Use::Spent;
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut state = self.guard.state();
        if state.usage == Use::Taken {
            state.usage = Use::Free;
        }
    }
}
