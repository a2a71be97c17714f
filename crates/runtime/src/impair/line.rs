//! Parcels that wait, and the thread that sends them.

use std::cmp::Reverse;
use std::collections::hash_map;
use std::collections::{BinaryHeap, HashMap};
use std::hash::Hash;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use super::Profile;
use crate::limit::Source;
use crate::timing;

/// Parcels that wait for their time, each on its own, and the thread that sends them.
///
/// `K` tells the peers apart for reordering. At most [`CAPACITY`](Self::CAPACITY) parcels of [`MAX_BYTES`](Self::MAX_BYTES)
/// together wait, one eighth of that for one source, so that no source takes the others' room; one more is refused.
/// Dropping the line drops what waits; [`finish`](Self::finish) sends it first.
#[derive(Debug)]
pub struct DelayLine<K, P> {
    shared: Arc<Shared<K, P>>,
    sender: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared<K, P> {
    waiting: Mutex<Waiting<K, P>>,
    changed: Condvar,
}

/// How a parcel is to wait.
#[derive(Clone, Copy, Debug)]
pub struct Ticket<K> {
    /// Who it goes to.
    pub peer: K,
    /// Whose room it takes.
    pub source: Source,
    /// How much room it takes, in bytes.
    pub bytes: usize,
    /// When it goes.
    pub due: Instant,
    /// Whether it waits for the next for the same peer instead, for [`Profile::LONGEST_HOLD`] after `due` at the most.
    pub held: bool,
}

/// How much waits.
#[derive(Clone, Copy, Debug, Default)]
struct Load {
    parcels: usize,
    bytes: usize,
}

impl Load {
    fn fits(self, bytes: usize, parts: usize) -> bool {
        self.parcels < CAPACITY / parts && self.bytes + bytes <= MAX_BYTES / parts
    }

    fn add(&mut self, bytes: usize) {
        self.parcels += 1;
        self.bytes += bytes;
    }

    fn remove(&mut self, bytes: usize) {
        self.parcels -= 1;
        self.bytes -= bytes;
    }
}

const CAPACITY: usize = 65_536;
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// One source has this part of the room.
const SHARES: usize = 8;

/// The parcels, without thread or clock.
#[derive(Debug)]
struct Waiting<K, P> {
    queue: BinaryHeap<Reverse<Entry<K, P>>>,
    /// For each peer the parcel that is held, and the order of the entry that releases it.
    held: HashMap<K, (u64, Parcel<P>)>,
    all: Load,
    of_source: HashMap<Source, Load>,
    entered: u64,
    ends: Option<Instant>,
}

/// What waits, and whose room it takes.
#[derive(Debug)]
struct Parcel<P> {
    source: Source,
    bytes: usize,
    content: P,
}

#[derive(Debug)]
struct Entry<K, P> {
    due: Instant,
    order: u64,
    what: What<K, P>,
}

#[derive(Debug)]
enum What<K, P> {
    Send(Parcel<P>),
    /// Whoever is held for this peer, if it is still the one that entered under this order.
    Release(K),
}

impl<K, P> PartialEq for Entry<K, P> {
    fn eq(&self, other: &Self) -> bool {
        (self.due, self.order) == (other.due, other.order)
    }
}

impl<K, P> Eq for Entry<K, P> {}

impl<K, P> PartialOrd for Entry<K, P> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<K, P> Ord for Entry<K, P> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.due, self.order).cmp(&(other.due, other.order))
    }
}

impl<K: Copy + Eq + Hash, P> Waiting<K, P> {
    fn new() -> Self {
        Self {
            queue: BinaryHeap::new(),
            held: HashMap::new(),
            all: Load::default(),
            of_source: HashMap::new(),
            entered: 0,
            ends: None,
        }
    }

    /// Lets a parcel wait; `false` where there is no room for it.
    fn take(&mut self, ticket: Ticket<K>, content: P) -> bool {
        let Ticket { source, bytes, .. } = ticket;
        let of_source = self.of_source.get(&source).copied().unwrap_or_default();
        // A parcel that was held may leave behind, for a while, the entry that would have released it.
        let room = self.queue.len() < 2 * CAPACITY;
        if !(room && self.all.fits(bytes, 1) && of_source.fits(bytes, SHARES)) {
            return false;
        }
        self.all.add(bytes);
        self.of_source.entry(source).or_default().add(bytes);
        let parcel = Parcel {
            source,
            bytes,
            content,
        };
        if ticket.held {
            self.hold(ticket.peer, ticket.due, parcel);
        } else {
            self.push(ticket.peer, ticket.due, parcel);
        }
        true
    }

    /// Makes room again.
    fn release(&mut self, parcel: Parcel<P>) -> P {
        self.all.remove(parcel.bytes);
        if let hash_map::Entry::Occupied(mut load) = self.of_source.entry(parcel.source) {
            load.get_mut().remove(parcel.bytes);
            if load.get().parcels == 0 {
                load.remove();
            }
        }
        parcel.content
    }

    fn enter(&mut self, due: Instant, what: What<K, P>) {
        self.entered += 1;
        let order = self.entered;
        self.queue.push(Reverse(Entry { due, order, what }));
    }

    /// A parcel for `peer`, and after it the one that was held for that peer.
    fn push(&mut self, peer: K, due: Instant, parcel: Parcel<P>) {
        self.enter(due, What::Send(parcel));
        if let Some((_, held)) = self.held.remove(&peer) {
            self.enter(due, What::Send(held));
        }
    }

    /// Holds a parcel until the next for `peer` has gone. One at a time is held for a peer.
    fn hold(&mut self, peer: K, due: Instant, parcel: Parcel<P>) {
        if self.held.contains_key(&peer) {
            return self.push(peer, due, parcel);
        }
        self.enter(due + Profile::LONGEST_HOLD, What::Release(peer));
        self.held.insert(peer, (self.entered, parcel));
    }

    /// A parcel that is due, or else when the next one is.
    fn pop(&mut self, now: Instant) -> Result<P, Option<Instant>> {
        loop {
            let due = self.queue.peek().map(|Reverse(next)| next.due);
            if due.is_none_or(|due| due > now) {
                return Err(due);
            }
            let Some(Reverse(entry)) = self.queue.pop() else {
                return Err(None);
            };
            match entry.what {
                What::Send(parcel) => return Ok(self.release(parcel)),
                What::Release(peer) => {
                    let held = self.held.get(&peer);
                    if held.is_some_and(|(order, _)| *order == entry.order)
                        && let Some((_, parcel)) = self.held.remove(&peer)
                    {
                        return Ok(self.release(parcel));
                    }
                }
            }
        }
    }
}

impl<K, P> DelayLine<K, P>
where
    K: Copy + Eq + Hash + Send + 'static,
    P: Send + 'static,
{
    /// The most parcels that wait at once.
    pub const CAPACITY: usize = CAPACITY;

    /// The most bytes that wait at once.
    pub const MAX_BYTES: usize = MAX_BYTES;

    /// Starts the thread, which calls `send` with each parcel when it is due.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn start(mut send: impl FnMut(P) + Send + 'static) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            waiting: Mutex::new(Waiting::new()),
            changed: Condvar::new(),
        });
        let theirs = Arc::clone(&shared);
        let sender = thread::Builder::new()
            .name("delay line".into())
            .spawn(move || theirs.run(&mut send))?;
        Ok(Self {
            shared,
            sender: Some(sender),
        })
    }

    /// Lets a parcel wait. `false` if there is no room: it is dropped.
    #[must_use]
    pub fn push(&self, ticket: Ticket<K>, parcel: P) -> bool {
        let taken = self.shared.lock().take(ticket, parcel);
        if taken {
            self.shared.changed.notify_one();
        }
        taken
    }

    /// Sends what waits when it is due, but nothing after `deadline`, and ends the thread.
    pub fn finish(mut self, deadline: Instant) {
        self.shared.lock().ends = Some(deadline);
        self.shared.changed.notify_one();
        if let Some(sender) = self.sender.take() {
            // A panic of the sender was printed when it happened.
            let _ = sender.join();
        }
    }
}

impl<K, P> Drop for DelayLine<K, P> {
    fn drop(&mut self) {
        self.shared.lock().ends = Some(Instant::now());
        self.shared.changed.notify_one();
    }
}

impl<K, P> Shared<K, P> {
    fn lock(&self) -> MutexGuard<'_, Waiting<K, P>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Copy + Eq + Hash, P> Shared<K, P> {
    fn run(&self, send: &mut impl FnMut(P)) {
        timing::wake_precisely();
        let mut waiting = self.lock();
        loop {
            let now = Instant::now();
            let next = match waiting.pop(now) {
                Ok(parcel) => {
                    drop(waiting);
                    send(parcel);
                    waiting = self.lock();
                    continue;
                }
                Err(next) => next,
            };
            let ended = waiting
                .ends
                .is_some_and(|ends| next.is_none_or(|next| next > ends));
            if ended {
                return;
            }
            waiting = match next {
                None => {
                    let woken = self.changed.wait(waiting);
                    woken.unwrap_or_else(PoisonError::into_inner)
                }
                Some(next) => {
                    let woken = self.changed.wait_timeout(waiting, next - now);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn ticket(peer: u8, due: Instant, held: bool) -> Ticket<u8> {
        let addr = std::net::SocketAddr::from(([192, 0, 2, peer], 1));
        Ticket {
            peer,
            source: Source::of(addr),
            bytes: 10,
            due,
            held,
        }
    }

    /// What is sent, and when, in milliseconds after the start.
    fn sent(mut waiting: Waiting<u8, &'static str>, start: Instant) -> Vec<(u64, &'static str)> {
        let mut sent = Vec::new();
        for millis in 0..1000 {
            while let Ok(parcel) = waiting.pop(start + ms(millis)) {
                sent.push((millis, parcel));
            }
        }
        sent
    }

    #[test]
    fn each_waits_on_its_own() {
        let start = Instant::now();
        let mut waiting = Waiting::new();
        assert!(waiting.take(ticket(1, start + ms(500), false), "slow"));
        assert!(waiting.take(ticket(2, start + ms(1), false), "other peer"));
        assert!(waiting.take(ticket(1, start + ms(2), false), "same peer"));
        assert_eq!(
            sent(waiting, start),
            [(1, "other peer"), (2, "same peer"), (500, "slow")]
        );
    }

    #[test]
    fn one_that_is_held_goes_after_the_next_of_its_peer() {
        let start = Instant::now();
        let mut waiting = Waiting::new();
        assert!(waiting.take(ticket(1, start, true), "first"));
        assert!(waiting.take(ticket(2, start + ms(3), false), "other peer"));
        assert!(waiting.take(ticket(1, start + ms(10), false), "second"));
        assert!(waiting.take(ticket(1, start + ms(20), false), "third"));
        assert_eq!(
            sent(waiting, start),
            [
                (3, "other peer"),
                (10, "second"),
                (10, "first"),
                (20, "third")
            ]
        );
    }

    #[test]
    fn one_that_is_held_does_not_wait_for_ever() {
        let start = Instant::now();
        let mut waiting = Waiting::new();
        assert!(waiting.take(ticket(1, start, true), "first"));
        assert_eq!(sent(waiting, start), [(50, "first")]);
        let mut waiting = Waiting::new();
        assert!(waiting.take(ticket(1, start, true), "first"));
        assert!(waiting.take(ticket(1, start + ms(1), true), "second"));
        assert!(waiting.take(ticket(1, start + ms(2), true), "third"));
        assert_eq!(
            sent(waiting, start),
            [(1, "second"), (1, "first"), (52, "third")]
        );
    }

    #[test]
    fn the_thread_sends_what_is_due_and_finishes() {
        let (out, sent) = mpsc::channel();
        let line = DelayLine::start(move |parcel| out.send((Instant::now(), parcel)).unwrap());
        let line = line.unwrap();
        let start = Instant::now();
        for (millis, parcel) in [(20, "c"), (1, "a"), (10, "b"), (3_600_000, "never")] {
            assert!(line.push(ticket(0, start + ms(millis), false), parcel));
        }
        line.finish(start + ms(30));
        let sent: Vec<_> = sent.iter().collect();
        let order: Vec<_> = sent.iter().map(|(_, parcel)| *parcel).collect();
        assert_eq!(order, ["a", "b", "c"]);
        let on_time = sent.iter().zip([1, 10, 20]);
        assert!(
            on_time
                .into_iter()
                .all(|((at, _), due)| *at >= start + ms(due))
        );
    }

    #[test]
    fn a_full_line_refuses_and_no_source_takes_the_others_room() {
        let mut waiting = Waiting::new();
        let start = Instant::now();
        let mut taken = |peer, bytes| {
            let ticket = Ticket {
                bytes,
                ..ticket(peer, start, false)
            };
            (0..70_000).filter(|_| waiting.take(ticket, "")).count()
        };
        assert_eq!(taken(1, 10), CAPACITY / SHARES);
        assert_eq!(taken(2, 64 * 1024), MAX_BYTES / SHARES / (64 * 1024));
        let others: usize = (3..=20).map(|peer| taken(peer, 10)).sum();
        assert_eq!(others, CAPACITY - CAPACITY / SHARES - 128);
        while waiting.pop(start).is_ok() {}
        assert_eq!((waiting.all.parcels, waiting.all.bytes), (0, 0));
        assert!(waiting.of_source.is_empty());
    }
}
