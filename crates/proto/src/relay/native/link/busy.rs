//! The packets of a side that has something to send.

mod again;

use std::collections::VecDeque;
use std::time::Duration;

use super::super::packet::{HEAD, Head, more};
use super::flight::{Flight, Order};
use super::progress::{Packet, Progress, State};
use super::round_trip::RoundTrip;
use super::sending::Came;
use super::store::Store;

/// A packet is lost when one that was sent so many later has come.
const REORDERED: u64 = 3;

/// The same on a path that is seen to reorder.
const MOST_REORDERED: u64 = 256;

/// What a side needs while something waits or is on its way.
#[derive(Debug)]
pub(super) struct Busy {
    first: u32,
    unsent: u32,
    packets: VecDeque<Packet>,
    store: Store,
    bytes: usize,
    flight: Flight,
    in_flight: u32,
    lost: VecDeque<u32>,
    halved: Order,
    reordered: u64,
    alarm: Option<Duration>,
    in_vain: u32,
    spare: bool,
    held_back: bool,
    moved: Option<Duration>,
    made: Option<Duration>,
}

impl Busy {
    /// Nothing waits yet; these are the next packet's number and order.
    pub(super) fn new(next: u32, order: Order) -> Self {
        Self {
            first: next,
            unsent: next,
            packets: VecDeque::new(),
            store: Store::default(),
            bytes: 0,
            flight: Flight::new(order),
            in_flight: 0,
            lost: VecDeque::new(),
            halved: order,
            reordered: REORDERED,
            alarm: None,
            in_vain: 0,
            spare: false,
            held_back: false,
            moved: None,
            made: None,
        }
    }

    pub(super) fn first(&self) -> u32 {
        self.first
    }

    /// The lowest number that was never sent.
    pub(super) fn unsent(&self) -> u32 {
        self.unsent
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn order(&self) -> Order {
        self.flight.next()
    }

    pub(super) fn alarm(&self) -> Option<Duration> {
        self.alarm
    }

    /// Whether more would have been sent at the last time, had the window been larger.
    pub(super) fn is_held_back(&self) -> bool {
        self.held_back
    }

    /// Whether an acknowledgement up to this number is news, or can be.
    pub(super) fn knows(&self, expected: u32) -> bool {
        (self.first..=self.unsent).contains(&expected)
    }

    /// Since when something waits and nothing was acknowledged.
    pub(super) fn stands_since(&self) -> Option<Duration> {
        self.moved.filter(|_| !self.packets.is_empty())
    }

    /// Whether nothing waits and nothing has moved after this moment.
    pub(super) fn is_idle_since(&self, moment: Duration) -> bool {
        self.packets.is_empty() && self.moved.is_some_and(|moved| moved <= moment)
    }

    /// Whether nothing waits, and this was made before that moment.
    pub(super) fn is_older_than(&self, moment: Duration) -> bool {
        self.packets.is_empty() && self.made.is_some_and(|made| made <= moment)
    }

    #[inline]
    fn number_after(&self) -> u32 {
        self.first + self.packets.len() as u32
    }

    /// Appends a frame to the open packet, or to a new one, and says to which.
    #[inline]
    pub(super) fn push(&mut self, frame: &[u8]) -> u32 {
        self.bytes += frame.len();
        let after = self.number_after();
        if self.unsent < after
            && let Some(open) = self.packets.back_mut()
            && self.store.append(&mut open.place, frame)
        {
            return after - 1;
        }
        if self.packets.is_empty() {
            self.moved = None;
        }
        let place = self.store.open(frame);
        let state = State::Waits;
        self.packets.push_back(Packet { place, state });
        after
    }

    /// Takes what the other side says has come.
    pub(super) fn acknowledge(
        &mut self,
        came: &Came<'_>,
        round_trip: &mut RoundTrip,
        now: Duration,
    ) -> Progress {
        let mut progress = Progress::default();
        if !came.head.is_partial {
            if let Some(sent) = self.flight.came(came.head.seen) {
                round_trip.measured(now.saturating_sub(sent));
            }
            progress.newest = Some(self.flight.newest());
        }
        let before = self.first;
        self.all_came_below(came.head.expected, &mut progress);
        let words = std::iter::once(came.head.beyond).chain(more(came.more));
        for (word, at) in words.zip((u64::from(came.head.expected) + 1..).step_by(64)) {
            self.these_came(word, at, &mut progress);
        }
        if self.first > before {
            self.let_go();
        }
        if progress.is_reordered {
            self.reordered = (2 * self.reordered).min(MOST_REORDERED);
        }
        progress
    }

    #[inline]
    fn all_came_below(&mut self, expected: u32, progress: &mut Progress) {
        while self.first < expected
            && let Some(packet) = self.packets.pop_front()
        {
            self.in_flight -= progress.note(packet.state);
            self.bytes -= packet.place.frames();
            self.first += 1;
        }
    }

    fn these_came(&mut self, mut word: u64, at: u64, progress: &mut Progress) {
        while word != 0 {
            let number = at + u64::from(word.trailing_zeros());
            word &= word - 1;
            if number >= u64::from(self.unsent) {
                return;
            }
            let index = (number - u64::from(self.first)) as usize;
            if let Some(packet) = self.packets.get_mut(index) {
                self.in_flight -= progress.note(packet.state);
                packet.state = State::Came;
            }
        }
    }

    fn let_go(&mut self) {
        match self.packets.front() {
            Some(packet) => self.store.keep_from(packet.place),
            None => {
                self.store.clear();
                self.flight.clear();
                self.lost.clear();
            }
        }
    }

    /// Something has come: whoever waits has hope again.
    pub(super) fn moved(&mut self, now: Duration, round_trip: &RoundTrip) {
        self.moved = Some(now);
        self.in_vain = 0;
        let waits = self.in_flight > 0;
        self.alarm = waits.then(|| now + round_trip.patience(0));
    }

    /// Sends the next packet, if one may be sent.
    pub(super) fn send_next(
        &mut self,
        window: u32,
        taken: u16,
        head: Head,
        now: Duration,
        send: &mut impl FnMut(&[u8]),
    ) -> bool {
        let Some(number) = self.next_number(window, taken) else {
            return false;
        };
        let order = self.flight.next();
        let Some(packet) = self.packets.get_mut((number - self.first) as usize) else {
            return false;
        };
        packet.state = State::Flies(order);
        self.in_flight += 1;
        self.flight.push(number, now);
        let head = Head {
            number: Some(number),
            serial: order.serial(),
            ..head
        };
        if let Some(bytes) = self.store.packet(packet.place) {
            bytes[..HEAD].copy_from_slice(&head.encode());
            send(bytes);
        }
        true
    }

    pub(super) fn unacknowledged(&mut self, mut take: impl FnMut(&[u8])) {
        for packet in &self.packets {
            if let Some(bytes) = self.store.packet(packet.place) {
                take(&bytes[HEAD..]);
            }
        }
    }

    fn next_number(&mut self, window: u32, taken: u16) -> Option<u32> {
        self.held_back = self.in_flight >= window;
        if self.held_back && !std::mem::take(&mut self.spare) {
            return None;
        }
        let end = self.first.saturating_add(u32::from(taken));
        while let Some(&number) = self.lost.front() {
            let is_lost = number >= self.first && self.is_lost(number);
            if is_lost && number >= end {
                return None;
            }
            self.lost.pop_front();
            if is_lost {
                return Some(number);
            }
        }
        let may = self.unsent < self.number_after().min(end);
        may.then(|| {
            self.unsent += 1;
            self.unsent - 1
        })
    }

    /// Sees to it that an answer is not waited for in vain.
    pub(super) fn wind_up(&mut self, now: Duration, round_trip: &RoundTrip) {
        self.spare = false;
        if self.packets.is_empty() {
            self.alarm = None;
        } else if self.alarm.is_none() {
            self.alarm = Some(now + round_trip.patience(self.in_vain));
        }
        self.moved.get_or_insert(now);
        self.made.get_or_insert(now);
    }
}
