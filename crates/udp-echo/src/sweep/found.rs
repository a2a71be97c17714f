//! What a sweep found: its steps with what this machine kept of them, and the limit of the path.

use std::time::Duration;

use proto::measure::{Falling, Step, Summary, knee};

use super::collect::{Collected, Moment};
use crate::probe::{MAX_SOCKETS, Pace, Plan, Wire};

/// Neighbouring steps with fewer slots than this are taken together when it is asked whether this machine kept up.
const ENOUGH: u64 = 20;

/// The least share of its slots that a step must have used to be judged.
const KEPT: f64 = 0.9;

/// How a sweep was asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Asked {
    pub(super) interval: Duration,
    pub(super) shrink: f64,
    pub(super) packets: u64,
    pub(super) until: Duration,
}

/// The result of a sweep.
pub(super) struct Found {
    pub(super) asked: Asked,
    pub(super) sweep: Falling,
    pub(super) plan: Plan,
    pub(super) wire: Wire,
    pub(super) summary: Summary,
    pub(super) pace: Pace,
    pub(super) interrupted: bool,
    pub(super) notes: Vec<String>,
    /// When it began by this machine's clock, in nanoseconds since the Unix epoch.
    pub(super) began: u64,
    pub(super) seconds: Vec<Moment>,
    pub(super) rungs: Vec<Rung>,
    pub(super) limit: Limit,
}

/// A step, and how it was carried out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rung {
    pub(super) step: Step,
    /// Slots that came.
    pub(super) slots: u64,
    /// Answers that came before the interval of their packet had passed.
    pub(super) in_time: u64,
    /// Packets that were waited for when the sweep was ended, in no other figure.
    pub(super) waiting: u64,
    /// The share of the slots, of this step or of it and its neighbours, in which a packet was sent.
    pub(super) kept: f64,
    /// The share of packets lost, of this step or of it and its neighbours, 0 to 1.
    pub(super) loss_near: f64,
    pub(super) doubt: Option<Doubt>,
}

/// Why a step says nothing of the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// This machine missed too many slots.
    Missed,
    /// A port of the classic wire was used again before answers have come, and these look alike.
    Ports,
}

/// What the path carries. Steps are told by their place.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Limit {
    /// The last step without loss beyond the path's own; where no loss set in, the fastest that was judged.
    pub(super) without_loss: Option<usize>,
    /// The next one, where loss set in.
    pub(super) loss_begins: Option<usize>,
    /// The share that the path loses below, 0 to 1.
    pub(super) own_loss: Option<f64>,
    pub(super) delay_climbs: Option<usize>,
    /// Packets a second that are answered where loss has set in: what the path carries when its queues are full.
    pub(super) comes_through: Option<f64>,
}

impl Rung {
    /// Slots in which no packet was sent.
    pub(super) fn missed(&self) -> u64 {
        self.slots.saturating_sub(self.step.sent + self.waiting)
    }

    /// Packets a second as they were sent.
    pub(super) fn rate(&self) -> f64 {
        self.step.rate() * self.kept
    }

    /// 0 to 1.
    pub(super) fn loss(&self) -> f64 {
        self.step.lost as f64 / self.step.sent.max(1) as f64
    }

    pub(super) fn is_judged(&self) -> bool {
        self.doubt.is_none() && self.step.sent > 0
    }
}

impl Found {
    pub(super) fn rung(&self, place: Option<usize>) -> Option<&Rung> {
        self.rungs.get(place?)
    }

    /// The rungs at which this machine missed too many slots, or whose answers cannot be told apart.
    pub(super) fn doubtful(&self, doubt: Doubt) -> impl Iterator<Item = &Rung> {
        let rungs = self.rungs.iter();
        rungs.filter(move |rung| rung.doubt == Some(doubt))
    }
}

/// The steps with what was kept of them; `slots` of the sweep came, `packets` for each step.
pub(super) fn rungs(collected: &Collected, packets: u64, slots: u64, wire: Wire) -> Vec<Rung> {
    let steps = (0..).zip(&collected.steps).zip(&collected.beside);
    let mut rungs: Vec<Rung> = steps
        .map(|((place, step), beside)| Rung {
            step: *step,
            slots: slots
                .saturating_sub(packets.saturating_mul(place))
                .min(packets),
            in_time: beside.in_time,
            waiting: beside.waiting,
            kept: 1.0,
            loss_near: 0.0,
            doubt: None,
        })
        .collect();
    judge_groups(&mut rungs);
    if matches!(wire, Wire::Classic(_)) && slots > MAX_SOCKETS {
        doubt_where_ports_come_again(&mut rungs);
    }
    rungs
}

/// Takes steps together where they have few packets.
fn judge_groups(rungs: &mut [Rung]) {
    let mut begin = 0;
    while begin < rungs.len() {
        let (mut end, mut slots) = (begin, 0);
        while end < rungs.len() && slots < ENOUGH {
            slots += rungs[end].slots;
            end += 1;
        }
        let group = &rungs[begin..end];
        let total = |count: fn(&Rung) -> u64| group.iter().map(count).sum::<u64>() as f64;
        let kept = 1.0 - total(Rung::missed) / total(|rung| rung.slots).max(1.0);
        let loss_near = total(|rung| rung.step.lost) / total(|rung| rung.step.sent).max(1.0);
        for rung in &mut rungs[begin..end] {
            rung.kept = kept;
            rung.loss_near = loss_near;
            rung.doubt = (kept < KEPT).then_some(Doubt::Missed);
        }
        begin = end;
    }
}

fn doubt_where_ports_come_again(rungs: &mut [Rung]) {
    let mut longest = Duration::ZERO;
    for rung in rungs {
        if rung.step.interval.saturating_mul(MAX_SOCKETS as u32) < longest {
            rung.doubt = rung.doubt.or(Some(Doubt::Ports));
            continue;
        }
        let p99 = rung
            .step
            .round_trips
            .map_or(Duration::ZERO, |times| times.p99);
        longest = longest.max(p99);
    }
}

/// Where the path stops to carry more, by the steps that can be judged.
pub(super) fn limit(rungs: &[Rung]) -> Limit {
    let judged = (0..rungs.len()).filter(|place| rungs[*place].is_judged());
    let judged: Vec<usize> = judged.collect();
    let steps: Vec<Step> = judged.iter().map(|place| rungs[*place].step).collect();
    let found = knee(&steps);
    let last = found.without_loss.and_then(|place| judged.get(place));
    let loss_begins = found
        .without_loss
        .and_then(|place| judged.get(place + 1).copied());
    let by_rate = |one: &&usize, other: &&usize| {
        let rates = [one, other].map(|place| rungs[**place].rate());
        rates[0].total_cmp(&rates[1])
    };
    let fastest = judged.iter().max_by(by_rate);
    Limit {
        without_loss: last
            .and_then(|last| loss_begins.map_or(fastest, |_| Some(last)))
            .copied(),
        loss_begins,
        own_loss: found.own_loss,
        delay_climbs: delay_climbs(&steps).map(|place| judged[place]),
        comes_through: loss_begins.and_then(|begin| comes_through(&rungs[begin..])),
    }
}

/// Answers a second in the second half of the steps that lose: in the first ones queues still fill.
fn comes_through(rungs: &[Rung]) -> Option<f64> {
    let rungs: Vec<&Rung> = rungs.iter().filter(|rung| rung.is_judged()).collect();
    let late = &rungs[rungs.len() / 2..];
    let answered: u64 = late.iter().map(|rung| rung.step.answered).sum();
    let time = |rung: &&Rung| rung.slots as f64 * rung.step.interval.as_secs_f64();
    let time: f64 = late.iter().map(time).sum();
    (time > 0.0).then(|| answered as f64 / time)
}

/// From where on round trips are longer, for good: three in four of the steps from there on must have them. On an idle
/// machine they are longer for a while at one rate or another.
fn delay_climbs(steps: &[Step]) -> Option<usize> {
    let mut left: Vec<usize> = (0..steps.len()).collect();
    let judge = |places: &[usize]| {
        let steps: Vec<Step> = places.iter().map(|place| steps[*place]).collect();
        knee(&steps).delay_climbs
    };
    loop {
        let begin = judge(&left)?;
        let later = short_one(steps, &left[begin..])?;
        // As if it had gone on with this step alone, often enough to be judged.
        let mut later = vec![later; 3 * ENOUGH as usize];
        later.splice(0..0, left[..begin].iter().copied());
        if judge(&later) == Some(begin) {
            return Some(left[begin]);
        }
        left.remove(begin);
    }
}

/// The one of these steps that has longer round trips than a quarter of them, at the median.
fn short_one(steps: &[Step], places: &[usize]) -> Option<usize> {
    let median = |place: &usize| Some((steps[*place].round_trips?.median, *place));
    let mut medians: Vec<_> = places.iter().filter_map(median).collect();
    medians.sort_unstable();
    medians.get(medians.len() / 4).map(|(_, place)| *place)
}
