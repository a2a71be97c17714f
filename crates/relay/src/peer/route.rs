//! Which address of which relay is spoken to, and when it is time for the next one.

use std::time::{Duration, Instant};

use proto::relay::native::client::Round;

use crate::relays::Way;

/// How long an address is tried while it gives no session, if there are others.
const TRIAL: Duration = Duration::from_millis(1500);

/// The ways to the relays, tried in turn and round again.
#[derive(Debug)]
pub(super) struct Route {
    /// At least one.
    ways: Vec<Way>,
    at: usize,
    /// When the one that is tried has had its time.
    trial: Option<Instant>,
    /// How often it went on to another since there was a session.
    steps: usize,
}

impl Route {
    /// Begins with the first of these ways, of which there is at least one.
    pub(super) fn new(ways: Vec<Way>) -> Self {
        Self {
            ways,
            at: 0,
            trial: None,
            steps: 0,
        }
    }

    /// The one that is tried or taken.
    pub(super) fn way(&self) -> Way {
        self.ways[self.at]
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.ways.len()
    }

    /// Something was said there without a session.
    pub(super) fn spoke(&mut self, now: Instant) {
        if self.ways.len() > 1 {
            self.trial.get_or_insert(now + TRIAL);
        }
    }

    /// There is a session: of the addresses of this relay it is this one.
    pub(super) fn arrived(&mut self) {
        (self.trial, self.steps) = (None, 0);
        let here = self.way();
        if self.ways.len() > 1 {
            self.ways
                .retain(|way| way.relay != here.relay || *way == here);
            let place = self.ways.iter().position(|way| *way == here);
            self.at = place.unwrap_or(0);
        }
    }

    /// When it is time for the next one, if no session comes until then.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.trial
    }

    /// Whether it is.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.trial.is_some_and(|at| at <= now)
    }

    /// Whether all others were tried since there was a session.
    pub(super) fn is_last(&self) -> bool {
        self.steps + 1 >= self.ways.len()
    }

    /// Goes on to the next one; `None` where there is no other.
    pub(super) fn go_on(&mut self) -> Option<(Way, Round)> {
        if self.ways.len() < 2 {
            return None;
        }
        self.steps += 1;
        self.trial = None;
        self.at = (self.at + 1) % self.ways.len();
        let round = if self.steps < self.ways.len() {
            Round::First
        } else {
            Round::Later
        };
        Some((self.way(), round))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(relay: usize, port: u16) -> Way {
        let addr = ([192, 0, 2, 1], port).into();
        Way { relay, addr }
    }

    #[test]
    fn it_goes_round() {
        let mut route = Route::new(vec![way(0, 1), way(1, 2), way(2, 3)]);
        let rounds: Vec<_> = (0..5)
            .map(|_| {
                let is_last = route.is_last();
                let (way, round) = route.go_on().unwrap();
                (is_last, way.relay, round)
            })
            .collect();
        let expected = [
            (false, 1, Round::First),
            (false, 2, Round::First),
            (true, 0, Round::Later),
            (true, 1, Round::Later),
            (true, 2, Round::Later),
        ];
        assert_eq!(rounds, expected);
        route.arrived();
        assert_eq!(route.go_on(), Some((way(0, 1), Round::First)));
    }

    #[test]
    fn a_relay_that_has_answered_has_one_address() {
        let mut route = Route::new(vec![way(0, 1), way(0, 2), way(1, 3), way(1, 4)]);
        route.go_on();
        route.arrived();
        assert_eq!((route.way(), route.len()), (way(0, 2), 3));
        route.go_on();
        route.arrived();
        assert_eq!((route.way(), route.len()), (way(1, 3), 2));
    }

    #[test]
    fn an_address_has_its_time_from_the_first_word_on() {
        let mut route = Route::new(vec![way(0, 1), way(1, 2)]);
        let began = Instant::now();
        assert!(!route.is_over(began + TRIAL));
        route.spoke(began);
        route.spoke(began + TRIAL / 2);
        assert_eq!(route.deadline(), Some(began + TRIAL));
        assert!(route.is_over(began + TRIAL));
        route.go_on();
        assert_eq!(route.deadline(), None);
    }

    #[test]
    fn one_alone_is_not_left() {
        let mut route = Route::new(vec![way(0, 1)]);
        route.spoke(Instant::now());
        assert_eq!((route.deadline(), route.go_on()), (None, None));
        assert!(route.is_last());
    }
}
