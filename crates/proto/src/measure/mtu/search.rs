//! The machine of a search for an MTU.

use std::collections::VecDeque;
use std::time::Duration;

use super::burst::Burst;
use super::ladder::{Ladder, Target};
use super::record::{Record, Way};
use super::{
    End, Family, Finding, GAP, Heard, Limit, MAX_PACKETS, Mtu, Progress, Reach, Shape, State, Step,
};

/// The most packets of one size that are under way together: what decides comes in two bursts, so that no short outage
/// does.
const BURST: u32 = 4;

/// Control packets that follow where echoes get lost.
const CONTROLS: usize = 3;

/// How often control packets are sent again without an echo of any before the server is given up.
const SILENCES: u32 = 8;

/// The shortest time that an echo is waited for, unless less was asked for.
const LEAST_TIMEOUT: Duration = Duration::from_millis(300);

/// Hints that are remembered: a path has few narrow places, and one who forges has many.
const HINTS: usize = 8;

/// A search for the MTU of both ways of a path.
///
/// Call [`next`](Self::next) and do what it says, again and again; tell it in between what came, by
/// [`heard`](Self::heard), [`refused`](Self::refused) and [`hint`](Self::hint). Times are since any one moment and never
/// go back. It ends after [`MAX_PACKETS`] at the latest, and answers that are made up can make it wrong, not endless.
#[derive(Debug)]
pub struct Search {
    family: Family,
    timeout: Duration,
    record: Record,
    way: Way,
    /// The longest that this machine sends, and whether that is only what it has not refused yet.
    ceiling: Mtu,
    is_ceiling_guessed: bool,
    interface: Option<Mtu>,
    /// What hosts on the path said, and of the way back what fragments show; the last comes first.
    hints: VecDeque<Mtu>,
    cuts: VecDeque<Mtu>,
    burst: Burst,
    silences: u32,
    end: End,
}

impl Search {
    /// A search that waits for an echo no longer than `timeout`.
    pub fn new(family: Family, timeout: Duration) -> Self {
        Self {
            family,
            timeout,
            record: Record::default(),
            way: Way::There,
            ceiling: family.longest(),
            is_ceiling_guessed: false,
            interface: None,
            hints: VecDeque::new(),
            cuts: VecDeque::new(),
            burst: Burst::new(family.shortest(), 0, 0, Duration::ZERO),
            silences: 0,
            end: End::Early,
        }
    }

    /// What is to be done now.
    pub fn next(&mut self, now: Duration) -> Step {
        if self.end == End::Early {
            self.settle(now);
        }
        let is_over = self.burst.queue.is_empty() && now >= self.burst.deadline;
        if self.end == End::Early && is_over {
            self.nudge();
        }
        if self.end != End::Early {
            return Step::Done;
        }
        if self.burst.queue.is_empty() {
            return Step::Wait(self.burst.deadline);
        }
        if now < self.burst.due {
            return Step::Wait(self.burst.due);
        }
        self.send(now)
    }

    fn send(&mut self, now: Duration) -> Step {
        if self.record.len() == MAX_PACKETS {
            self.end = End::TooMany;
            return Step::Done;
        }
        let size = self.burst.queue.pop_front().unwrap_or(self.burst.size);
        self.burst.due = now + GAP;
        self.burst.deadline = now + self.patience();
        let number = self.record.sent(size, now);
        Step::Send { number, size }
    }

    /// The echo of a probe came.
    pub fn heard(&mut self, heard: Heard, now: Duration) {
        if !self.record.heard(heard, now) {
            return;
        }
        self.burst.is_heard = true;
        self.silences = 0;
        if let Shape::Cut(longest) = heard.shape {
            // All fragments but the last are as long as multiples of eight allow (RFC 791, section 3.2; RFC 8200, 4.5).
            remember(&mut self.cuts, Mtu(longest.0.saturating_add(8)));
            remember(&mut self.cuts, longest);
        }
    }

    /// This machine did not send the packet of this number, since it is longer than the interface takes: `known` where
    /// the system says.
    pub fn refused(&mut self, number: u64, known: Option<Mtu>) {
        let Some(size) = self.record.refused(number) else {
            return;
        };
        let longest = Mtu(size.0 - 1);
        let known = known.filter(|known| (self.family.shortest()..=longest).contains(known));
        self.interface = known.or(self.interface);
        self.is_ceiling_guessed = known.is_none();
        self.ceiling = self.ceiling.min(known.unwrap_or(longest));
    }

    /// A host on the path says that it takes packets up to this length. It is not believed, but tried; whether it can be
    /// about a packet of this search is what the answer says.
    pub fn hint(&mut self, mtu: Mtu) -> bool {
        let is_plausible = mtu >= self.family.shortest() && self.record.has_sent_above(mtu);
        if is_plausible {
            remember(&mut self.hints, mtu);
        }
        is_plausible
    }

    /// What is known by now.
    pub fn progress(&self) -> Progress {
        Progress {
            state: self.state(),
            proven: self.reach(self.way),
            tried: self.burst.size,
            sent: self.record.count_sent(),
        }
    }

    fn state(&self) -> State {
        let there = self.record.proven(Way::There);
        if self.end != End::Early {
            State::Complete
        } else if there.is_some_and(|proven| proven >= Mtu::BASE.min(self.ceiling)) {
            State::Search
        } else if self.burst.size < Mtu::BASE.min(self.ceiling) && self.record.len() > 0 {
            State::Error
        } else {
            State::Base
        }
    }

    /// What was found, so far or at the end.
    pub fn finding(&self) -> Finding {
        let there = self.reach_there();
        Finding {
            there,
            back: self.reach_back(there.mtu),
            interface: self.interface,
            sent: self.record.count_sent(),
            answered: self.record.count_answered(),
            end: self.end,
        }
    }

    fn reach(&self, way: Way) -> Mtu {
        self.record.proven(way).unwrap_or(self.family.shortest())
    }

    fn reach_there(&self) -> Reach {
        let mtu = self.reach(Way::There);
        let limit = if mtu == self.family.longest() {
            Limit::Longest
        } else if mtu == self.ceiling {
            Limit::Interface
        } else if self.way == Way::There {
            Limit::Open
        } else if self.hints.contains(&mtu) {
            Limit::Told
        } else {
            Limit::Silent
        };
        Reach { mtu, limit }
    }

    fn reach_back(&self, there: Mtu) -> Reach {
        let mtu = self.reach(Way::Back);
        let limit = if mtu >= there {
            Limit::There
        } else if self.end != End::Complete {
            Limit::Open
        } else if self.record.was_cut_above(mtu) {
            Limit::Cut
        } else {
            Limit::Silent
        };
        Reach { mtu, limit }
    }

    /// How long an echo is waited for: what was asked for, or less where all come much sooner.
    fn patience(&self) -> Duration {
        match self.record.longest_round_trip() {
            Some(longest) => self.timeout.min((longest * 3).max(LEAST_TIMEOUT)),
            None => self.timeout,
        }
    }

    /// Turns to what is to be tried next, if that has changed. What comes late may open the way there again.
    fn settle(&mut self, now: Duration) {
        for way in [Way::There, Way::Back] {
            self.way = way;
            if let Some(target) = self.target(now) {
                return self.turn_to(target, now);
            }
        }
        self.end = End::Complete;
    }

    fn target(&self, now: Duration) -> Option<Target> {
        let (ceiling, hints) = match self.way {
            Way::There => (self.ceiling, &self.hints),
            Way::Back => (self.reach(Way::There), &self.cuts),
        };
        let is_guess = self.way == Way::There && self.is_ceiling_guessed;
        let ladder = Ladder {
            floor: self.family.shortest(),
            ceiling,
            likely_top: (!is_guess).then_some(ceiling),
            hints,
            evidence: self.record.evidence(self.way, now, self.patience()),
        };
        ladder.target()
    }

    fn turn_to(&mut self, target: Target, now: Duration) {
        let is_same = target.size == self.burst.size && self.record.len() > 0;
        if is_same && !self.is_decided(now) {
            return;
        }
        // Losses that keep time with the bursts must not decide for ever.
        let again = if is_same { self.burst.probes + 1 } else { 1 };
        let first = self.record.len() as u64;
        let probes = target.probes.max(again).min(BURST);
        self.burst = Burst::new(target.size, first, probes, self.burst.due.max(now));
        let controls = if self.record.loses_echoes(self.timeout) {
            CONTROLS
        } else {
            1
        };
        self.add_controls(controls);
    }

    fn add_controls(&mut self, count: usize) {
        let size = self.record.echoed().unwrap_or(self.family.shortest());
        self.burst.queue.extend(std::iter::repeat_n(size, count));
    }

    /// Whether the fate of every packet of the burst is known.
    fn is_decided(&self, now: Duration) -> bool {
        let burst = &self.burst;
        burst.queue.is_empty()
            && self
                .record
                .is_decided(burst.first, burst.size, self.way, now, self.patience())
    }

    /// No control packet came back in time: others are sent.
    fn nudge(&mut self) {
        if !std::mem::take(&mut self.burst.is_heard) {
            self.silences += 1;
        }
        if self.silences == SILENCES {
            self.end = End::Silent;
            return;
        }
        self.add_controls(CONTROLS + self.silences as usize);
    }
}

/// Puts a hint first, once, and forgets the oldest where there are too many.
fn remember(hints: &mut VecDeque<Mtu>, hint: Mtu) {
    hints.retain(|known| *known != hint);
    hints.push_front(hint);
    hints.truncate(HINTS);
}
