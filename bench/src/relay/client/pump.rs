//! The load itself: as many messages as may be in flight, or one after the other.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::told::{Latency, Told};
use crate::stats::Durations;

/// How long nothing may come before datagrams in flight are lost.
pub(super) const PATIENCE: Duration = Duration::from_millis(200);

/// The same of streams, which lose nothing, and of one message alone.
pub(super) const LONG_PATIENCE: Duration = Duration::from_secs(10);

/// Who sends and who receives, in one thread.
pub(super) trait Pair {
    /// Hands so many messages to the system, or fewer; says how many.
    fn send(&mut self, count: u64) -> Result<u64>;

    /// Takes what has come. It may wait for what is asked for, [`PATIENCE`] or [`LONG_PATIENCE`] at most, and need
    /// not look for anything else then.
    fn receive(&mut self, wait: Wait) -> Result<Came>;

    /// Whether the sender hears of each message what became of it.
    fn is_answered(&self) -> bool;

    /// How many receive each message.
    fn members(&self) -> u64 {
        1
    }
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    Delivery,
    Answer,
    /// Nothing: only what is there is taken.
    No,
}

/// What has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Came {
    pub(super) deliveries: u64,
    pub(super) answers: u64,
}

/// How many messages may be in flight, and how many are sent at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) messages: u64,
    pub(super) at_once: u64,
}

/// What was sent and has not come yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct InFlight {
    deliveries: u64,
    answers: u64,
    members: u64,
}

impl InFlight {
    fn add(&mut self, messages: u64, answered: bool) {
        self.deliveries += messages * self.members;
        self.answers += messages * u64::from(answered);
    }

    fn take(&mut self, came: Came) {
        self.deliveries = self.deliveries.saturating_sub(came.deliveries);
        self.answers = self.answers.saturating_sub(came.answers);
    }

    fn messages(self) -> u64 {
        self.deliveries.div_ceil(self.members).max(self.answers)
    }

    /// What is behind: so neither is waited for while the other could go on.
    fn slower(self) -> Wait {
        match self.deliveries.div_ceil(self.members) >= self.answers {
            true => Wait::Delivery,
            false => Wait::Answer,
        }
    }

    fn is_none(self) -> bool {
        self.deliveries == 0 && self.answers == 0
    }
}

/// Keeps messages in flight for this long, then waits for the last of them. Those that do not come are lost.
pub(super) fn pump(pair: &mut dyn Pair, window: Window, length: Duration) -> Result<Told> {
    let members = pair.members();
    let mut flight = InFlight {
        members,
        ..InFlight::default()
    };
    let (mut sent, mut lost, mut lost_deliveries) = (0, 0, 0);
    let began = Instant::now();
    let mut last = began;
    loop {
        let goes_on = last.duration_since(began) < length;
        if !goes_on && flight.is_none() {
            break;
        }
        let room = window.messages.saturating_sub(flight.messages());
        let mut wait = flight.slower();
        if goes_on && room >= window.at_once {
            let count = pair.send(window.at_once)?;
            flight.add(count, pair.is_answered());
            sent += count;
            wait = Wait::No;
        }
        let came = pair.receive(wait)?;
        if came == Came::default() && wait != Wait::No {
            lost += flight.messages();
            lost_deliveries += flight.deliveries;
            (flight.deliveries, flight.answers) = (0, 0);
            ensure!(sent > lost, "nothing arrives");
            continue;
        }
        flight.take(came);
        last = Instant::now();
    }
    Ok(Told {
        sent,
        lost,
        delivered: sent * members - lost_deliveries,
        seconds: last.duration_since(began).as_secs_f64(),
        latency: None,
        cpu_seconds: None,
    })
}

/// Sends one message after the other, each when the one before has come and is answered; after a tenth as many more that
/// do not count. One that is lost is an error.
pub(super) fn one_by_one(pair: &mut dyn Pair, messages: u64) -> Result<Told> {
    for _ in 0..messages / 10 {
        round(pair)?;
    }
    let mut durations = Durations::default();
    let began = Instant::now();
    for _ in 0..messages {
        durations.push(round(pair)?);
    }
    Ok(Told {
        sent: messages,
        lost: 0,
        delivered: messages,
        seconds: began.elapsed().as_secs_f64(),
        latency: Some(Latency::of(durations)),
        cpu_seconds: None,
    })
}

/// How long a message takes from before it is sent until its receiver has it.
fn round(pair: &mut dyn Pair) -> Result<Duration> {
    let began = Instant::now();
    ensure!(pair.send(1)? == 1, "a single message cannot be sent");
    let mut came = Came::default();
    while came.deliveries == 0 {
        came = with_more(came, pair.receive(Wait::Delivery)?, began)?;
    }
    let took = began.elapsed();
    while pair.is_answered() && came.answers == 0 {
        came = with_more(came, pair.receive(Wait::Answer)?, began)?;
    }
    Ok(took)
}

fn with_more(came: Came, more: Came, began: Instant) -> Result<Came> {
    let is_something = more != Came::default();
    ensure!(
        is_something || began.elapsed() < LONG_PATIENCE,
        "a message is lost"
    );
    Ok(Came {
        deliveries: came.deliveries + more.deliveries,
        answers: came.answers + more.answers,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands out what was sent, deliveries first, and loses some messages.
    #[derive(Default)]
    struct Fake {
        waiting: Came,
        sent: u64,
        to_lose: u64,
        members: u64,
        most: u64,
    }

    impl Pair for Fake {
        fn send(&mut self, count: u64) -> Result<u64> {
            let lost = self.to_lose.min(count);
            self.to_lose -= lost;
            self.sent += count;
            self.waiting.deliveries += (count - lost) * self.members;
            self.waiting.answers += count;
            self.most = self.most.max(self.waiting.answers);
            Ok(count)
        }

        fn receive(&mut self, wait: Wait) -> Result<Came> {
            let all = self.waiting;
            let came = match wait {
                Wait::No => Came::default(),
                Wait::Delivery => Came { answers: 0, ..all },
                Wait::Answer => Came {
                    deliveries: 0,
                    ..all
                },
            };
            self.waiting.deliveries -= came.deliveries;
            self.waiting.answers -= came.answers;
            Ok(came)
        }

        fn is_answered(&self) -> bool {
            true
        }

        fn members(&self) -> u64 {
            self.members
        }
    }

    const WINDOW: Window = Window {
        messages: 100,
        at_once: 30,
    };

    #[test]
    fn what_is_sent_is_delivered_or_lost() {
        for (members, to_lose) in [(1, 0), (1, 7), (5, 7)] {
            let mut fake = Fake {
                to_lose,
                members,
                ..Fake::default()
            };
            let told = pump(&mut fake, WINDOW, Duration::from_millis(5)).unwrap();
            assert_eq!((told.sent, told.lost), (fake.sent, to_lose));
            assert_eq!(told.delivered, (fake.sent - to_lose) * members);
            assert!(fake.most <= WINDOW.messages, "{}", fake.most);
        }
    }

    #[test]
    fn one_by_one_is_one_in_flight() {
        let mut fake = Fake {
            members: 1,
            ..Fake::default()
        };
        let told = one_by_one(&mut fake, 20).unwrap();
        assert_eq!((told.delivered, fake.sent, fake.most), (20, 22, 1));
        assert!(told.latency.is_some());
    }

    #[test]
    fn what_never_arrives_is_an_error() {
        let mut fake = Fake {
            to_lose: u64::MAX,
            members: 1,
            ..Fake::default()
        };
        assert!(pump(&mut fake, WINDOW, Duration::from_millis(5)).is_err());
    }
}
