//! What is read from the runs, beside whom, and what it ought to be.

use super::Part;
use super::load::Run;
use super::program::{Clients, InFlight, Program};
use crate::goal::{self, Bound, Target, Topic};

/// This topic.
pub(crate) struct Relay;

impl Topic for Relay {
    type Part = Part;
    type Program = Program;
    type Run = Run;
}

/// A figure, and the goal.
pub(crate) type Goal = goal::Goal<Relay>;

type Series = goal::Series<Relay>;
type Read = fn(&Run) -> Option<f64>;

const CLASSIC: Program = Program::Ours(Clients::Classic);
const NATIVE: Program = Program::Ours(Clients::Nameless);
const NAMED: Program = Program::Ours(Clients::Named);
const STORE: Program = Program::Store(InFlight::Few);
const JETSTREAM: Program = Program::JetStream(InFlight::Few);

/// All of them, in the order of the report.
pub(crate) const GOALS: &[Goal] = &[
    messages(Part::Small, CLASSIC, &[rate(Program::Nats)], 1.1),
    messages(Part::Medium, CLASSIC, &[rate(Program::Nats)], 1.3),
    messages(Part::Medium, CLASSIC, &[rate(Program::MosquittoQos0)], 50.0),
    messages(Part::Medium, CLASSIC, &[rate(Program::Coturn)], 8.0),
    messages(Part::Large, CLASSIC, &[rate(Program::Nats)], 2.0),
    messages(Part::Single, CLASSIC, &[rate(Program::Bare)], 0.9),
    messages(Part::Single, CLASSIC, &[rate(Program::MosquittoQos0)], 1.25),
    messages(Part::Single, CLASSIC, &[rate(Program::MosquittoQos1)], 2.2),
    latency(
        "p50, µs",
        Run::p50_us,
        &[of(Program::Nats, Run::p50_us)],
        0.85,
    ),
    latency(
        "p99, µs",
        Run::p99_us,
        &[of(Program::Nats, Run::p99_us)],
        0.75,
    ),
    messages(Part::Native, NATIVE, &[rate(Program::AsyncNats)], 1.3),
    messages(Part::Room, NATIVE, &[rate(Program::MosquittoQos0)], 1.6),
    messages(Part::Room, NATIVE, &[rate(Program::Nats)], 0.6),
    memory(CLASSIC),
    memory(NATIVE),
    memory(NAMED),
    messages(Part::Mail, STORE, &[rate(JETSTREAM)], 1.0),
    messages(Part::Drain, STORE, &[rate(JETSTREAM)], 1.5),
    Goal {
        part: Part::Fleet,
        figure: "p50, µs",
        ours: of(Program::Fleet, Run::p50_us),
        others: &[of(Program::AsyncNats, Run::p50_us)],
        target: Target::ratio(Bound::AtMost, 1.5),
    },
    waiting(Part::Waiting),
    waiting(Part::WaitingEach),
];

/// Who takes part beside them, to be shown.
pub(crate) const SHOWN: &[(Part, Program)] = &[
    (Part::One, Program::OursBusy),
    (Part::One, Program::Bare),
    (Part::One, Program::MosquittoQos0),
    (Part::Native, Program::Nats),
    (Part::Idle, Program::Nats),
    (Part::Idle, Program::MosquittoQos0),
    (Part::Mail, Program::Store(InFlight::Many)),
    (Part::Mail, Program::JetStream(InFlight::Many)),
    (Part::Mail, Program::Fleet),
    (Part::Drain, Program::Fleet),
    (Part::Waiting, JETSTREAM),
    (Part::Waiting, Program::Fleet),
    (Part::WaitingEach, JETSTREAM),
];

const fn messages(part: Part, ours: Program, others: &'static [Series], at_least: f64) -> Goal {
    let figure = match part {
        Part::Room => "deliveries/s",
        _ => "messages/s",
    };
    Goal {
        part,
        figure,
        ours: rate(ours),
        others,
        target: Target::ratio(Bound::AtLeast, at_least),
    }
}

const fn latency(
    figure: &'static str,
    read: Read,
    others: &'static [Series],
    at_most: f64,
) -> Goal {
    Goal {
        part: Part::One,
        figure,
        ours: of(CLASSIC, read),
        others,
        target: Target::ratio(Bound::AtMost, at_most),
    }
}

const fn memory(ours: Program) -> Goal {
    Goal {
        part: Part::Idle,
        figure: "memory each, B",
        ours: of(ours, Run::bytes_each),
        others: &[],
        target: Target::itself(Bound::AtMost, 400.0),
    }
}

const fn waiting(part: Part) -> Goal {
    Goal {
        part,
        figure: "memory, MB",
        ours: of(STORE, Run::waiting_mb),
        others: &[],
        target: Target::itself(Bound::AtMost, 64.0),
    }
}

const fn rate(program: Program) -> Series {
    of(program, Run::per_s)
}

const fn of(program: Program, read: Read) -> Series {
    Series::of(program, program.label(), read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_has_a_goal_and_a_place_in_the_report() {
        crate::goal::check_parts(GOALS, &Part::ALL);
    }

    #[test]
    fn who_is_shown_has_no_goal_there() {
        for (part, program) in SHOWN {
            let here = GOALS.iter().filter(|goal| goal.part == *part);
            let taking_part = goal::taking_part(&here.collect::<Vec<_>>());
            assert!(!taking_part.contains(program), "{part:?} {program:?}");
        }
    }
}
