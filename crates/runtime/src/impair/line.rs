//! Parcels that wait, and the thread that sends them.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::hash::Hash;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use super::Profile;
use crate::timing;

/// Parcels that wait for their time, each on its own, and the thread that sends them.
///
/// `K` tells the peers apart for reordering. At most [`CAPACITY`](Self::CAPACITY) parcels wait; one more is refused.
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

/// The parcels, without thread or clock.
#[derive(Debug)]
struct Waiting<K, P> {
    queue: BinaryHeap<Reverse<Entry<K, P>>>,
    /// For each peer the parcel that is held, and the order of the entry that releases it.
    held: HashMap<K, (u64, P)>,
    entered: u64,
    ends: Option<Instant>,
}

#[derive(Debug)]
struct Entry<K, P> {
    due: Instant,
    order: u64,
    what: What<K, P>,
}

#[derive(Debug)]
enum What<K, P> {
    Send(P),
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
            entered: 0,
            ends: None,
        }
    }

    fn len(&self) -> usize {
        self.queue.len() + self.held.len()
    }

    fn enter(&mut self, due: Instant, what: What<K, P>) {
        self.entered += 1;
        let order = self.entered;
        self.queue.push(Reverse(Entry { due, order, what }));
    }

    /// A parcel for `peer`, and after it the one that was held for that peer.
    fn push(&mut self, peer: K, due: Instant, parcel: P) {
        self.enter(due, What::Send(parcel));
        if let Some((_, held)) = self.held.remove(&peer) {
            self.enter(due, What::Send(held));
        }
    }

    /// Holds a parcel until the next for `peer` has gone, or until `latest`. One at a time is held for a peer.
    fn hold(&mut self, peer: K, due: Instant, latest: Instant, parcel: P) {
        if self.held.contains_key(&peer) {
            return self.push(peer, due, parcel);
        }
        self.enter(latest, What::Release(peer));
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
                What::Send(parcel) => return Ok(parcel),
                What::Release(peer) => {
                    let held = self.held.get(&peer);
                    if held.is_some_and(|(order, _)| *order == entry.order)
                        && let Some((_, parcel)) = self.held.remove(&peer)
                    {
                        return Ok(parcel);
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
    pub const CAPACITY: usize = 65_536;

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

    /// Lets a parcel wait until `due`, and where `held` until the next for the same peer has gone as well (for
    /// [`Profile::LONGEST_HOLD`] at the most). `false` if there is no room: it is dropped.
    #[must_use]
    pub fn push(&self, peer: K, due: Instant, held: bool, parcel: P) -> bool {
        let mut waiting = self.shared.lock();
        if waiting.len() >= Self::CAPACITY {
            return false;
        }
        if held {
            waiting.hold(peer, due, due + Profile::LONGEST_HOLD, parcel);
        } else {
            waiting.push(peer, due, parcel);
        }
        drop(waiting);
        self.shared.changed.notify_one();
        true
    }

    /// Sends what waits when it is due, but nothing after `deadline`, and ends the thread.
    pub fn finish(mut self, deadline: Instant) {
        self.end(deadline);
    }

    fn end(&mut self, deadline: Instant) {
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
                None => self.changed.wait(waiting),
                Some(next) => self
                    .changed
                    .wait_timeout(waiting, next - now)
                    .map(|(waiting, _)| waiting)
                    .map_err(|poisoned| PoisonError::new(poisoned.into_inner().0)),
            }
            .unwrap_or_else(PoisonError::into_inner);
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
        waiting.push(1, start + ms(500), "slow");
        waiting.push(2, start + ms(1), "other peer");
        waiting.push(1, start + ms(2), "same peer");
        assert_eq!(
            sent(waiting, start),
            [(1, "other peer"), (2, "same peer"), (500, "slow")]
        );
    }

    #[test]
    fn one_that_is_held_goes_after_the_next_of_its_peer() {
        let start = Instant::now();
        let mut waiting = Waiting::new();
        waiting.hold(1, start, start + ms(50), "first");
        waiting.push(2, start + ms(3), "other peer");
        waiting.push(1, start + ms(10), "second");
        waiting.push(1, start + ms(20), "third");
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
        waiting.hold(1, start, start + ms(50), "first");
        assert_eq!(sent(waiting, start), [(50, "first")]);
        let mut waiting = Waiting::new();
        waiting.hold(1, start, start + ms(50), "first");
        waiting.hold(1, start + ms(1), start + ms(51), "second");
        waiting.hold(1, start + ms(2), start + ms(52), "third");
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
            assert!(line.push(0, start + ms(millis), false, parcel));
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
    fn a_full_line_refuses() {
        let line = DelayLine::<u8, u8>::start(|_| ()).unwrap();
        let later = Instant::now() + Duration::from_secs(3600);
        let taken = (0..70_000)
            .filter(|_| line.push(0, later, false, 0))
            .count();
        assert_eq!(taken, DelayLine::<u8, u8>::CAPACITY);
    }
}
