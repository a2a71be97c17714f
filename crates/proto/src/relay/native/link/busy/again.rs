//! What is to be sent again, and when.

use std::time::Duration;

use super::super::flight::Order;
use super::super::progress::State;
use super::super::round_trip::RoundTrip;
use super::super::sending::Probe;
use super::super::window::Window;
use super::Busy;

impl Busy {
    /// Finds what is to be sent again since later ones have come, and says whether the path is to be spared.
    pub(in super::super) fn find_lost(&mut self, round_trip: &RoundTrip, now: Duration) -> bool {
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
    pub(in super::super) fn expire(&mut self, now: Duration, window: &mut Window) -> Probe {
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

    /// Whether this packet is to be sent again.
    pub(super) fn is_lost(&self, number: u32) -> bool {
        let packet = self.packets.get((number - self.first) as usize);
        packet.is_some_and(|packet| packet.state == State::Lost)
    }
}
