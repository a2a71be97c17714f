//! The packets of a side that has something to send.

use std::collections::VecDeque;
use std::time::Duration;

use super::super::packet::{HEAD, Head, more};
use super::flight::{Flight, Order};
use super::progress::{Packet, Progress, State};
use super::round_trip::RoundTrip;
use super::sending::{Came, Probe};
use super::store::Store;
use super::window::Window;

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

    /// Finds what is to be sent again since later ones have come, and says whether the path is to be spared.
    pub(super) fn find_lost(&mut self, round_trip: &RoundTrip, now: Duration) -> bool {
        let mut is_news = false;
        while let Some((order, sent)) = self.flight.oldest() {
            if self.flies(sent.number, order) {
                let newest = self.flight.newest();
                let is_late = order.0 + self.reordered <= newest.0
                    || order < newest && sent.at + round_trip.patience(0) <= now;
                if !is_late {
                    break;
                }
                self.lose(sent.number);
                is_news |= order >= self.halved;
            }
            self.flight.pop();
        }
        if is_news {
            self.halved = self.flight.next();
        }
        is_news
    }

    fn flies(&self, number: u32, order: Order) -> bool {
        let index = number.checked_sub(self.first);
        let packet = index.and_then(|index| self.packets.get(index as usize));
        packet.is_some_and(|packet| packet.state == State::Flies(order))
    }

    fn lose(&mut self, number: u32) {
        if let Some(packet) = self.packets.get_mut((number - self.first) as usize) {
            packet.state = State::Lost;
            self.in_flight -= 1;
            self.lost.push_back(number);
        }
    }

    /// Where the time for an answer is over: the oldest packet is sent again, whatever the window says, since its answer
    /// tells what became of all others; when that was in vain, all of them.
    pub(super) fn expire(&mut self, now: Duration, window: &mut Window) -> Probe {
        if self.alarm.is_none_or(|alarm| alarm > now) {
            return Probe::No;
        }
        self.alarm = None;
        self.in_vain += 1;
        if self.in_flight == 0 {
            return Probe::Ask;
        }
        match self.in_vain {
            1 => self.lose_oldest(),
            _ => self.lose_all(),
        }
        if self.in_vain == 2 {
            window.restart();
        }
        Probe::No
    }

    fn lose_oldest(&mut self) {
        self.spare = true;
        if let Some(packet) = self.packets.front_mut()
            && matches!(packet.state, State::Flies(_))
        {
            packet.state = State::Lost;
            self.in_flight -= 1;
            self.lost.push_front(self.first);
        }
    }

    fn lose_all(&mut self) {
        self.flight.clear();
        self.in_flight = 0;
        self.lost.clear();
        let sent = (self.unsent - self.first) as usize;
        for (packet, number) in self.packets.iter_mut().take(sent).zip(self.first..) {
            if packet.state != State::Came {
                packet.state = State::Lost;
                self.lost.push_back(number);
            }
        }
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

    fn is_lost(&self, number: u32) -> bool {
        let packet = self.packets.get((number - self.first) as usize);
        packet.is_some_and(|packet| packet.state == State::Lost)
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
