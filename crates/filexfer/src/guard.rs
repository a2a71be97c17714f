//! Who may try a key, and how many may use it: guesses are few, and peers that prove nothing hold nothing up.

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

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::TcpListener;

    use super::*;

    const WRONG_KEY: Result<(), Refusal> = Err(Refusal::WrongKey);

    fn peer(address: &str) -> IpAddr {
        address.parse().unwrap()
    }

    fn seconds(number: u64) -> Duration {
        Duration::from_secs(number)
    }

    #[test]
    fn the_next_try_waits() {
        let guard = Guard::new(Kind::File, Uses::Many);
        let mut now = Instant::now();
        let guesser = peer("192.0.2.7");
        for wait in [0, 1, 2, 4, 8] {
            assert_eq!(guard.begin(guesser, now), Ok(seconds(wait)));
            now += seconds(wait);
            let refused = guard.admit(guesser, WRONG_KEY, now).map(|_| ());
            assert_eq!(refused, WRONG_KEY);
        }
        for other_of_its_network in [guesser, peer("192.0.2.200")] {
            let begun = guard.begin(other_of_its_network, now + seconds(59));
            assert_eq!(begun, Err(Refusal::TooMany));
        }
        assert_eq!(guard.begin(peer("192.0.3.7"), now), Ok(Duration::ZERO));
        assert_eq!(guard.begin(guesser, now + REFUSED), Ok(Duration::ZERO));
        assert_eq!(guard.is_over(), None);
    }

    #[test]
    fn tries_at_once_wait_for_each_other() {
        let guard = Guard::new(Kind::File, Uses::Many);
        let now = Instant::now();
        let guesser = peer("127.0.0.1");
        guard.admit(guesser, WRONG_KEY, now).unwrap_err();
        guard.admit(guesser, WRONG_KEY, now).unwrap_err();
        let waits: Vec<_> = (0..6).map(|_| guard.begin(guesser, now)).collect();
        let expected = [2, 4, 6, 8].map(|wait| Ok(seconds(wait)));
        assert_eq!(waits[..4], expected);
        assert_eq!(waits[4..], [Err(Refusal::TooMany); 2]);
    }

    #[test]
    fn many_tries_at_once_are_five_guesses() {
        for kind in [Kind::Code, Kind::File] {
            let guard = Guard::new(kind, Uses::Many);
            let now = Instant::now();
            let guesser = peer("2001:db8::7");
            for _ in 0..WRONG {
                guard.admit(guesser, WRONG_KEY, now).unwrap_err();
            }
            let right = guard.admit(guesser, Ok(()), now).map(|_| ()).unwrap_err();
            let expected = match kind {
                Kind::Code => Refusal::Ended,
                Kind::File => Refusal::TooMany,
            };
            assert_eq!(right, expected);
        }
    }

    #[test]
    fn a_code_ends_by_wrong_keys_from_anywhere() {
        let guard = Guard::new(Kind::Code, Uses::Many);
        let now = Instant::now();
        for host in 1..WRONG {
            let peer = peer(&format!("192.0.{host}.1"));
            let refused = guard.admit(peer, WRONG_KEY, now).map(|_| ());
            assert_eq!(refused, WRONG_KEY);
            assert_eq!(guard.is_over(), None);
        }
        let last = guard.admit(peer("198.51.100.1"), WRONG_KEY, now);
        assert_eq!(last.map(|_| ()), Err(Refusal::Ended));
        assert_eq!(guard.is_over(), Some(Refusal::Ended));
        assert_eq!(guard.begin(peer("203.0.113.1"), now), Err(Refusal::Ended));
    }

    #[test]
    fn a_key_for_one() {
        let guard = Guard::new(Kind::Code, Uses::One);
        let (now, peer) = (Instant::now(), peer("192.0.2.7"));
        let broken_off = guard.admit(peer, Ok(()), now).unwrap();
        assert_eq!(guard.begin(peer, now), Err(Refusal::Busy));
        let other = guard.admit(peer, Ok(()), now).map(|_| ());
        assert_eq!(other, Err(Refusal::Busy));
        assert_eq!(guard.is_over(), None);
        drop(broken_off);
        guard.admit(peer, Ok(()), now).unwrap().finish();
        assert_eq!(guard.begin(peer, now), Err(Refusal::UsedUp));
        assert_eq!(guard.is_over(), Some(Refusal::UsedUp));
    }

    #[test]
    fn a_key_for_many() {
        let guard = Guard::new(Kind::File, Uses::Many);
        let (now, peer) = (Instant::now(), peer("192.0.2.7"));
        let claims = [(); 3].map(|()| guard.admit(peer, Ok(()), now).unwrap());
        claims.into_iter().for_each(Claim::finish);
        assert_eq!(guard.begin(peer, now), Ok(Duration::ZERO));
    }

    #[test]
    fn who_proves_nothing_makes_room() {
        let guard = Guard::new(Kind::File, Uses::Many);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let connect = || {
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (server, _) = listener.accept().unwrap();
            let entered = guard.enter(&server).unwrap();
            (client, server, entered)
        };
        let mut all: Vec<_> = (0..AT_ONCE).map(|_| connect()).collect();
        drop(all.pop());
        all.push(connect());
        all[0].0.set_nonblocking(true).unwrap();
        let kind = all[0].0.read(&mut [0]).unwrap_err().kind();
        assert_eq!(kind, std::io::ErrorKind::WouldBlock, "there was a place");
        all.push(connect());
        all[0].0.set_nonblocking(false).unwrap();
        assert_eq!(all[0].0.read(&mut [0]).unwrap(), 0);
        all[1].0.set_nonblocking(true).unwrap();
        assert!(all[1].0.read(&mut [0]).is_err());
    }
}
