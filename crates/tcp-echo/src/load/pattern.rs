//! What is sent, and what has to come back: a stream of letters as if drawn at random, the same in each load.
//!
//! Requests are slices of it, each connection from a place of its own. So an answer that is shifted, short or another
//! connection's is found by comparing bytes (a single byte tells in 25 of 26 cases, eight as good as always), and
//! nothing is made or copied for a request.

use std::mem;

/// After so many bytes the stream begins anew: a prime, so that requests of no size fall on the same bytes each time.
pub(super) const PERIOD: usize = 65_521;

/// A place in the stream, less than [`PERIOD`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place(usize);

impl Place {
    /// Where a connection begins: each of the first 65,521 elsewhere.
    pub(super) fn of_connection(number: usize) -> Self {
        Self(number % PERIOD * 7919 % PERIOD)
    }

    /// So many bytes later.
    pub(super) fn after(self, bytes: usize) -> Self {
        Self((self.0 + bytes) % PERIOD)
    }
}

/// The stream, twice in a row, so that up to [`PERIOD`] bytes from any place lie side by side.
pub(super) struct Pattern {
    requests: Box<[u8]>,
    answers: Box<[u8]>,
}

impl Pattern {
    pub(super) fn new() -> Self {
        let mut state = 0x2545_f491;
        let period: Vec<u8> = (0..PERIOD).map(|_| letter(&mut state)).collect();
        let requests = period.repeat(2);
        let answers = requests.to_ascii_uppercase();
        Self {
            requests: requests.into(),
            answers: answers.into(),
        }
    }

    /// What is sent from this place on: `bytes` of it, at most [`PERIOD`].
    pub(super) fn request(&self, from: Place, bytes: usize) -> &[u8] {
        &self.requests[from.0..][..bytes.min(PERIOD)]
    }

    /// Whether this, at most [`PERIOD`] bytes, is what has to come from this place on.
    pub(super) fn is_answer(&self, from: Place, bytes: &[u8]) -> bool {
        self.answers[from.0..].starts_with(bytes)
    }
}

/// The next letter, a to z, by xorshift (Marsaglia, "Xorshift RNGs", 2003).
fn letter(state: &mut u32) -> u8 {
    let mut next = mem::take(state);
    next ^= next << 13;
    next ^= next >> 17;
    next ^= next << 5;
    *state = next;
    b'a' + (next >> 8) as u8 % 26
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proto::echo::{Case, Upper};

    use super::*;

    #[test]
    fn answers_are_what_a_server_makes_of_requests() {
        let pattern = Pattern::new();
        for case in [Case::Unicode, Case::Ascii] {
            let (mut upper, mut answer) = (Upper::new(case), Vec::new());
            upper.push(pattern.request(Place(5), PERIOD), &mut answer);
            assert_eq!(answer.len(), PERIOD);
            assert!(pattern.is_answer(Place(5), &answer));
        }
    }

    #[test]
    fn all_places_are_far_from_the_end() {
        let pattern = Pattern::new();
        let last = Place(0).after(PERIOD - 1);
        assert_eq!(pattern.request(last, 1 << 20).len(), PERIOD);
        assert_eq!(last.after(1), Place(0));
    }

    proptest! {
        #[test]
        fn shifted_answers_are_found(from in 0..PERIOD, shift in 1..PERIOD) {
            let pattern = Pattern::new();
            let shifted = pattern.request(Place(from).after(shift), 64).to_ascii_uppercase();
            prop_assert!(!pattern.is_answer(Place(from), &shifted));
        }

        #[test]
        fn connections_begin_elsewhere(one in 0..PERIOD, other in 0..PERIOD) {
            let place = Place::of_connection;
            prop_assert_eq!(place(one) == place(other), one == other);
        }
    }
}
