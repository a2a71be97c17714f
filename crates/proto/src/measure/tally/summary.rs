//! What a measurement comes to.

use std::time::Duration;

use super::super::clock::{ClockFit, Fit};
use super::super::confidence::wilson;
use super::super::histogram::{Distribution, Histogram};
use super::super::jitter::Jitter;
use super::super::native::{Echo, Report};
use super::packet::Packet;
use super::{ServerTotals, State};

/// The result of a measurement. `sent` = `answered` + `late` + `lost` + `waiting`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// Probes that were sent, or could not be for want of room in this machine.
    pub sent: u64,
    /// Probes answered within the time-out.
    pub answered: u64,
    /// Probes answered after the time-out.
    pub late: u64,
    /// Probes without an answer whose time-out has passed.
    pub lost: u64,
    /// Probes without an answer that may still come in time, where the measurement ended early.
    pub waiting: u64,
    /// Further answers to probes that had been answered, as long as they were within twice the time-out.
    pub duplicates: u64,
    /// Answers, late ones included, that came after the answer to a later probe.
    pub reordered: u64,
    /// Answers to probes that were given up before.
    pub strays: u64,
    /// Where probes were lost; together `lost`.
    pub losses: Losses,
    /// How losses follow each other.
    pub bursts: Bursts,
    /// Round-trip times by the program's clock, of the probes answered on time.
    pub application: Option<Times>,
    /// Round-trip times of the network alone: from the time at which the probe left this machine to the one at which its
    /// answer came, less the server's stay by the server's stamps.
    pub network: Option<Times>,
    /// The way there, by the fitted clocks.
    pub there: Option<Times>,
    /// The way back, by the fitted clocks.
    pub back: Option<Times>,
    /// How the server's clock runs.
    pub clocks: Option<Clocks>,
    /// Probes that the server received more than once.
    pub server_duplicates: u64,
    /// How often the server had forgotten the session.
    pub server_restarts: u64,
}

/// Where probes were lost. On the classic wire all are `unknown`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// In a buffer of this machine: before they left, or where their answers found no room.
    pub local: u64,
    /// On the way there: the server did not receive them.
    pub there: u64,
    /// By the loss that the server emulates.
    pub emulated: u64,
    /// On the way back: the server received them, and this machine no answer.
    pub back: u64,
    /// It is not known where.
    pub unknown: u64,
    /// Not lost: still waiting when the measurement was ended.
    pub(super) waiting: u64,
}

impl Losses {
    /// How many probes were lost in all.
    pub fn lost(&self) -> u64 {
        self.local + self.there + self.emulated + self.back + self.unknown
    }

    pub(super) fn add(&mut self, packet: &Packet, stamps: bool) {
        let place = match packet.at_server {
            _ if packet.state == State::NotSent => &mut self.local,
            Some(true) => &mut self.back,
            _ if stamps && packet.left.is_none() => &mut self.local,
            Some(false) => &mut self.there,
            None => &mut self.unknown,
        };
        *place += 1;
    }

    /// Gives a place to so many of those that have none. What was answered after all had one by mistake.
    pub(super) fn place(&mut self, unplaced: Ways) {
        let there = self.unknown.min(unplaced.there);
        let back = (self.unknown - there).min(unplaced.back);
        self.there += there;
        self.back += back;
        self.unknown -= there + back;
    }
}

/// Probes lost on either way.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ways {
    pub(super) there: u64,
    pub(super) back: u64,
}

/// How losses follow each other: a burst is a run of lost probes with consecutive numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bursts {
    /// How many bursts there were, of one probe and more.
    pub count: u64,
    /// The probes of the longest.
    pub longest: u64,
    current: u64,
}

impl Bursts {
    pub(super) fn add(&mut self, packet: &Packet) {
        if !packet.is_lost() {
            self.current = 0;
            return;
        }
        self.count += u64::from(self.current == 0);
        self.current += 1;
        self.longest = self.longest.max(self.current);
    }
}

/// A series of times.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Times {
    /// How they are distributed.
    pub distribution: Distribution,
    /// How they vary.
    pub jitter: JitterSummary,
}

/// Jitter by its three usual definitions; see [`Jitter`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct JitterSummary {
    /// The running estimate of RFC 3550, section 6.4.1.
    pub rfc3550: Option<Duration>,
    /// From each packet to the next, without its sign (RFC 3393; IPDV in RFC 5481).
    pub ipdv: Option<Distribution>,
    /// Above the least (PDV in RFC 5481).
    pub pdv: Option<Distribution>,
}

impl Times {
    pub(super) fn of(times: &Histogram, jitter: &Jitter) -> Option<Self> {
        Some(Self {
            distribution: times.distribution()?,
            jitter: JitterSummary {
                rfc3550: jitter.rfc3550(),
                ipdv: jitter.ipdv(),
                pdv: jitter.pdv(),
            },
        })
    }
}

/// The server's clock beside the client's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clocks {
    /// The line that was fitted since the last step.
    pub fit: Fit,
    /// How often the server's clock was set.
    pub steps: u64,
    /// By how much it was set last, in nanoseconds.
    pub last_step: Option<i64>,
}

impl Clocks {
    pub(super) fn of(clock: &ClockFit) -> Option<Self> {
        Some(Self {
            fit: clock.fit()?,
            steps: clock.steps(),
            last_step: clock.last_step(),
        })
    }
}

impl Summary {
    /// Probes whose fate is decided.
    fn decided(&self) -> u64 {
        self.sent - self.waiting
    }

    /// Lost probes in percent of those sent, 0 to 100, the ones still waiting left aside; 0 where there is none.
    pub fn loss_percent(&self) -> f64 {
        match self.decided() {
            0 => 0.0,
            decided => self.lost as f64 / decided as f64 * 100.0,
        }
    }

    /// The interval in which the path's share of loss is with 95 % confidence, in percent (Wilson); `None` where no
    /// probe's fate is decided.
    pub fn loss_interval(&self) -> Option<(f64, f64)> {
        let (low, high) = wilson(self.lost, self.decided())?;
        Some((low * 100.0, high * 100.0))
    }
}

/// What happened in a part of a measurement.
#[derive(Clone, Debug, Default)]
pub struct Recent {
    /// Probes sent.
    pub sent: u64,
    /// Probes whose time-out passed.
    pub lost: u64,
    /// Round-trip times by the program's clock, of the answers that came on time.
    pub application: Histogram,
    /// Round-trip times of the network, as they became known.
    pub network: Histogram,
}

impl Recent {
    pub(super) fn answered(&mut self, time: Duration) {
        self.application.record(time);
    }

    pub(super) fn network(&mut self, time: Duration) {
        self.network.record(time);
    }
}

impl ServerTotals {
    /// Takes what an echo says; they may come in any order, and their counts are modulo 2³².
    pub(super) fn note(&mut self, echo: &Echo) {
        let ahead = |known: u64, said: u32| {
            let ahead = said.wrapping_sub(known as u32).cast_signed();
            known.saturating_add_signed(i64::from(ahead.max(0)))
        };
        self.received = ahead(self.received, echo.count);
        self.emulated = ahead(self.emulated, echo.emulated);
    }

    pub(super) fn end(&mut self, report: &Report) {
        self.is_final = true;
        self.received = report.received.max(self.received);
        self.emulated = report.emulated.max(self.emulated);
        self.duplicates = self.ended_duplicates.saturating_add(report.duplicates);
    }

    /// What the server counted is gone with its session; what it had said by then is kept.
    pub(super) fn restart(&mut self) {
        *self = Self {
            ended_received: self.ended_received.saturating_add(self.received),
            ended_emulated: self.ended_emulated.saturating_add(self.emulated),
            ended_duplicates: self.duplicates,
            duplicates: self.duplicates,
            restarts: self.restarts + 1,
            ..Self::default()
        };
    }

    /// Tells emulated loss and that of this machine's buffer from the path's, and where those were lost of which no
    /// echo spoke.
    pub(super) fn split(&self, mut losses: Losses, replied: u64, dropped_here: u64) -> Losses {
        let received = self.ended_received.saturating_add(self.received);
        if self.is_final && self.restarts == 0 {
            let silent = received.saturating_sub(replied + losses.back);
            let back = losses.unknown.min(silent);
            losses.back += back;
            losses.there += losses.unknown - back;
            losses.unknown = 0;
        }
        let emulated = self.ended_emulated.saturating_add(self.emulated);
        losses.emulated = emulated.min(losses.back);
        losses.back -= losses.emulated;
        let here = dropped_here.min(losses.back);
        losses.back -= here;
        losses.local += here;
        losses
    }
}
