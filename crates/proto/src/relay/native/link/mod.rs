//! One side of a session's reliability: what is said arrives once and in order, whatever the path does.
//!
//! Each numbered packet holds whole frames and is kept until it is acknowledged. It is sent again as it lies, with a new
//! head, when one that was sent three later has come, or one later and a round trip ago (RFC 9002, section 6.1): the
//! other side tells the newest count that came, so that it is known which sending of a packet that was. When nothing comes
//! for longer than answers take (RFC 6298), the oldest is sent again, then all, ever more slowly. As many packets are on
//! their way as the path is seen to carry (RFC 5681) and the other side takes.

mod busy;
mod flight;
mod progress;
mod receiving;
mod round_trip;
mod sending;
mod store;
mod window;

#[cfg(test)]
mod tests;

use std::time::Duration;

use super::Token;
use super::packet::{HEAD, Head, MAX_MORE};
use receiving::{Map, Receiving, Turn};
use sending::{Came, Probe, Sending};

/// One side of a session. Frames go in by [`push`](Self::push), packets go out by [`transmit`](Self::transmit); packets
/// come in by [`receive`](Self::receive), which hands out what they say in order.
///
/// An idle one is small: what only a busy one needs is made anew each second, and given back by the first
/// [`transmit`](Self::transmit) after that second which finds that nothing waits.
#[derive(Debug)]
pub struct Link {
    token: Token,
    sending: Sending,
    receiving: Receiving,
    due: Due,
}

/// Whether a head is to be sent, if nothing else is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    /// No.
    Nothing,
    /// One that says what has come.
    Answer,
    /// One that asks for an answer.
    Question,
}

/// What a packet was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received<'a> {
    /// The next one: these are its frames. Take [what waited for it](Link::next_waiting) after them.
    Next(&'a [u8]),
    /// Nothing to be read now: it was received before, comes before its turn, or says no more than its head.
    Nothing,
    /// It is none of this session.
    Foreign,
}

impl Link {
    /// A session that has just begun.
    pub fn new(token: Token) -> Self {
        Self {
            token,
            sending: Sending::new(),
            receiving: Receiving::new(),
            due: Due::Nothing,
        }
    }

    /// What stands in its packets.
    pub fn token(&self) -> Token {
        self.token
    }

    /// Appends a whole frame to what is to be sent, and says in the packet of which number it goes. It has 1 to
    /// [`MAX_FRAME`](super::packet::MAX_FRAME) bytes; another length is dropped.
    ///
    /// The last number there is, 2^32 - 1, says that the frame was dropped: the session [is lost](Self::is_lost).
    #[inline]
    pub fn push(&mut self, frame: &[u8]) -> u32 {
        self.sending.push(frame)
    }

    /// Asks the other side for an answer: the next [`transmit`](Self::transmit) sends a head that does.
    pub fn ask(&mut self) {
        self.due = Due::Question;
    }

    /// Takes a packet that came, and what it acknowledges.
    pub fn receive<'a>(&mut self, datagram: &'a [u8], now: Duration) -> Received<'a> {
        let (head, rest) = match Head::decode(datagram) {
            Some((head, rest)) if head.token == self.token => (head, rest),
            _ => return Received::Foreign,
        };
        let more = if head.number.is_some() { &[] } else { rest };
        self.sending.acknowledge(&Came { head: &head, more }, now);
        if head.asks || head.number.is_some() {
            self.due = self.due.max(Due::Answer);
        }
        match head.number {
            Some(number) if self.receiving.take(number, head.serial, rest) == Turn::Now => {
                Received::Next(rest)
            }
            _ => Received::Nothing,
        }
    }

    /// The frames of the next packet that came before its turn.
    pub fn next_waiting(&mut self) -> Option<Vec<u8>> {
        self.receiving.next_waiting()
    }

    /// How many bytes came before their turn and are kept.
    pub fn kept(&self) -> usize {
        self.receiving.kept()
    }

    /// Takes at most so many packets from the one on whose turn it is, of which all but that one are kept: 1024 unless
    /// told otherwise, and never more. With 0 nothing is taken at all.
    pub fn set_window(&mut self, packets: u16) {
        if packets > self.receiving.window() {
            self.due = self.due.max(Due::Answer);
        }
        self.receiving.set_window(packets);
    }

    /// The other side has all packets below this number.
    pub fn acknowledged(&self) -> u32 {
        self.sending.acknowledged()
    }

    /// How many bytes of frames wait to be sent or acknowledged.
    #[inline]
    pub fn backlog(&self) -> usize {
        self.sending.backlog()
    }

    /// Hands out the frames that are not acknowledged, packet by packet, for a session that goes on where this one ends.
    pub fn unacknowledged(&mut self, take: impl FnMut(&[u8])) {
        self.sending.unacknowledged(take);
    }

    /// Whether the other side took something since this moment, or nothing waits.
    pub fn moved_since(&self, moment: Duration) -> bool {
        self.sending.moved_since(moment)
    }

    /// Hands out the packets that are to be sent now, acknowledgements with them; call it after each batch of what came
    /// or was pushed, and at the [`deadline`](Self::deadline).
    pub fn transmit(&mut self, now: Duration, mut send: impl FnMut(&[u8])) {
        let map = self.receiving.map();
        let head = self.head(&map);
        let (any, probe) = self.sending.transmit(head, now, &mut send);
        if probe == Probe::Ask {
            self.due = Due::Question;
        }
        let says_all = any && map.more().is_empty() && self.due != Due::Question;
        if self.due != Due::Nothing && !says_all {
            let asks = self.due == Due::Question;
            send_head(
                Head {
                    asks,
                    is_partial: false,
                    ..head
                },
                &map,
                &mut send,
            );
        }
        self.due = Due::Nothing;
    }

    fn head(&self, map: &Map) -> Head {
        Head {
            token: self.token,
            number: None,
            serial: 0,
            seen: self.receiving.seen(),
            asks: false,
            is_partial: !map.more().is_empty(),
            expected: self.receiving.expected(),
            beyond: map.first(),
            window: self.receiving.window(),
        }
    }

    /// How many packets were sent again since the session began.
    pub fn resent(&self) -> u64 {
        self.sending.resent()
    }

    /// When something is to be sent again, if nothing comes until then.
    #[inline]
    pub fn deadline(&self) -> Option<Duration> {
        self.sending.deadline()
    }

    /// Whether the other side has not answered for so long that it is to be given up: 10 s while something waits, or the
    /// numbers are used up.
    pub fn is_lost(&self, now: Duration) -> bool {
        self.sending.is_lost(now)
    }
}

fn send_head(head: Head, map: &Map, send: &mut impl FnMut(&[u8])) {
    let mut packet = [0; HEAD + MAX_MORE];
    packet[..HEAD].copy_from_slice(&head.encode());
    let words = packet[HEAD..].chunks_exact_mut(8).zip(map.more());
    for (place, word) in words {
        place.copy_from_slice(&word.to_be_bytes());
    }
    send(&packet[..HEAD + 8 * map.more().len()]);
}
