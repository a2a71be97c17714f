//! The sender's side of a session: which packet a reply answers, and what the reflector's numbers say of those that were
//! lost.

use std::ops::Range;

use super::packet::{Reply, Request};
use super::time::{ErrorEstimate, Timestamp};

/// How a reflector numbers its replies (RFC 8762, section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbering {
    /// It counts them, for each session: the stateful mode.
    Counts,
    /// It copies the numbers of the requests, or does neither: the stateless mode.
    Copies,
}

impl Numbering {
    /// How these two replies, to requests with a number between them that was left out, are numbered.
    pub fn of(first: &Reply, second: &Reply) -> Self {
        let asked = second.asked.sequence.wrapping_sub(first.asked.sequence);
        let said = second.sequence.wrapping_sub(first.sequence);
        if (1..asked).contains(&said) {
            Self::Counts
        } else {
            Self::Copies
        }
    }
}

/// What a sender gives to all packets of a session, and what it knows their replies by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sender {
    ssid: u16,
}

impl Sender {
    /// A session of this number among those of its sender: one that nobody can guess keeps strangers out, and 0 is none.
    pub fn new(ssid: u16) -> Self {
        Self { ssid }
    }

    /// The request of this number, sent at this time in nanoseconds since the Unix epoch.
    pub fn request(self, sequence: u32, sent: u64) -> Request {
        let error = ErrorEstimate::OURS;
        Request {
            sequence,
            sent: Timestamp::of_unix(sent, error.format()),
            error,
            ssid: self.ssid,
        }
    }

    /// Whether this reply is to a request of the session: not to another's, and no request that came back as it was. A
    /// reflector that knows of no SSID says 0.
    pub fn asked(self, reply: &Reply) -> bool {
        reply.asked.error == ErrorEstimate::OURS && [self.ssid, 0].contains(&reply.asked.ssid)
    }
}

/// Which of `sent` requests, the first of which had the number `first`, has this number; `None` where none has.
pub fn place(sequence: u32, first: u32, sent: u64) -> Option<u64> {
    let ahead = (sequence.wrapping_sub(first))
        .wrapping_sub(sent as u32)
        .cast_signed();
    let place = sent.checked_add_signed(ahead.into())?;
    (place < sent).then_some(place)
}

/// Requests between two that were answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Their places in the measurement, from 0.
    pub places: Range<u64>,
    /// How many of them the reflector received.
    pub received: u64,
}

/// Follows the numbers of a reflector that [counts](Numbering::Counts).
#[derive(Clone, Copy, Debug)]
pub struct Ledger {
    /// The place after that of the last request that was answered, and the number of its reply.
    next: u64,
    counted: u32,
}

impl Ledger {
    /// Begins where the request just before the measurement's first had a reply of this number.
    pub fn after(reply: u32) -> Self {
        Self {
            next: 0,
            counted: reply,
        }
    }

    /// Takes the number of a reply to the request at this place, and says what was lost between it and the last before
    /// it. `None` where nothing was, or where the numbers do not agree: the reflector was started anew, or packets
    /// overtook each other.
    pub fn answered(&mut self, place: u64, reply: u32) -> Option<Gap> {
        let between = place.checked_sub(self.next)?;
        let received = reply.wrapping_sub(self.counted).checked_sub(1);
        let places = self.next..place;
        *self = Self {
            next: place.saturating_add(1),
            counted: reply,
        };
        let received = u64::from(received?);
        (between > 0 && received <= between).then_some(Gap { places, received })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reply(asked: u32, said: u32) -> Reply {
        Reply {
            sequence: said,
            sent: Timestamp::default(),
            received: Timestamp::default(),
            error: ErrorEstimate::default(),
            asked: Sender::new(7).request(asked, 0),
            ttl: 255,
        }
    }

    #[test]
    fn numberings_of_the_table() {
        let table = [
            ((0, 0), (2, 1), Numbering::Counts),
            ((0, 0), (2, 2), Numbering::Copies),
            ((1, 0), (4, 2), Numbering::Counts),
            ((u32::MAX, 9), (1, 10), Numbering::Counts),
            ((0, u32::MAX), (2, 0), Numbering::Counts),
            ((0, 5), (2, 5), Numbering::Copies),
            ((0, 5), (2, 900), Numbering::Copies),
        ];
        for (first, second, expected) in table {
            let found = Numbering::of(&reply(first.0, first.1), &reply(second.0, second.1));
            assert_eq!(found, expected, "{first:?} {second:?}");
        }
    }

    #[test]
    fn replies_are_known_by_their_session() {
        let sender = Sender::new(7);
        let mut own = reply(0, 0);
        assert!(sender.asked(&own));
        own.asked.ssid = 0;
        assert!(sender.asked(&own), "the reflector knows of no SSID");
        own.asked.ssid = 8;
        assert!(!sender.asked(&own));
        own.asked = Request {
            error: ErrorEstimate::default(),
            ..reply(0, 0).asked
        };
        assert!(!sender.asked(&own), "a request that came back");
    }

    #[test]
    fn losses_are_placed_by_the_reflectors_count() {
        let mut ledger = Ledger::after(3);
        let gap = |places, received| Some(Gap { places, received });
        let table = [
            ((0, 4), None),
            ((1, 5), None),
            ((3, 6), gap(2..3, 0)),  // lost there
            ((5, 8), gap(4..5, 1)),  // lost back
            ((9, 10), gap(6..9, 1)), // one of three
            ((8, 9), None),          // late: counted as lost until it came
            ((11, 12), gap(10..11, 1)),
            ((13, 0), None), // started anew
            ((15, 1), gap(14..15, 0)),
            ((17, 9), None), // more than was sent
            ((19, 10), gap(18..19, 0)),
        ];
        for ((request, reply), expected) in table {
            assert_eq!(ledger.answered(request, reply), expected, "{request}");
        }
    }

    #[test]
    fn numbers_have_their_places() {
        let table = [
            (5, 5, 1, Some(0)),
            (9, 5, 5, Some(4)),
            (10, 5, 5, None),
            (4, 5, 5, None),
            (1, u32::MAX, 3, Some(2)),
            (u32::MAX, 0, 1 << 32, Some(u64::from(u32::MAX))),
            (3, 0, (1 << 32) + 5, Some((1 << 32) + 3)),
        ];
        for (sequence, first, sent, expected) in table {
            assert_eq!(place(sequence, first, sent), expected, "{sequence}");
        }
    }

    proptest! {
        /// On a path that keeps the order, all that is lost before the last answer has its place.
        #[test]
        fn all_losses_are_placed(fates in proptest::collection::vec(0..3u8, 1..200), first: u32) {
            let (mut ledger, mut count) = (Ledger::after(first), first);
            let (mut there, mut back) = (0, 0);
            // One that is answered, at the end.
            for (number, fate) in (0..).zip(fates.iter().copied().chain([0])) {
                if fate == 1 {
                    continue; // lost there
                }
                count = count.wrapping_add(1);
                if fate == 0 && let Some(gap) = ledger.answered(number, count) {
                    back += gap.received;
                    there += gap.places.end - gap.places.start - gap.received;
                }
            }
            let lost = |place| fates.iter().filter(|fate| **fate == place).count() as u64;
            prop_assert_eq!((there, back), (lost(1), lost(2)));
        }

        #[test]
        fn any_numbers_are_taken(numbers: Vec<(u64, u32)>) {
            let mut ledger = Ledger::after(0);
            for (request, reply) in numbers {
                place(reply, 7, request);
                if let Some(gap) = ledger.answered(request, reply) {
                    prop_assert!(gap.received <= gap.places.end - gap.places.start);
                }
            }
        }
    }
}
