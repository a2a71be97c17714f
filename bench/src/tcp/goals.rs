//! What is read from the runs, beside whom, and what it ought to be.

use super::load::{REFERENCE, Run};
use super::program::{Host, Program};
use super::server::Bare;
use super::{Generator, Part};
use crate::goal::{self, Bound, Target, Topic};

/// This topic.
pub(crate) struct Tcp;

impl Topic for Tcp {
    type Part = Part;
    type Program = Program;
    type Run = Run;
}

/// A figure, and the goal.
pub(crate) type Goal = goal::Goal<Tcp>;

type Series = goal::Series<Tcp>;
type Read = fn(&Run) -> Option<f64>;

const OFF: Target = Target::itself(Bound::AtMost, 1.0);

/// All of them, in the order of the report.
pub(crate) const GOALS: &[Goal] = &[
    requests(Part::Few, &[reference(Run::requests_per_s)], 0.98),
    requests(Part::Pages, &[reference(Run::requests_per_s)], 0.96),
    requests(Part::Many, &[reference(Run::requests_per_s)], 0.95),
    requests(
        Part::Threads,
        &[host(
            Host::Bare(Bare::Threads),
            "a thread each",
            Run::requests_per_s,
        )],
        2.5,
    ),
    requests(
        Part::Peers,
        &[host(Host::Socat, "socat, fork", Run::requests_per_s)],
        4.2,
    ),
    requests(
        Part::Peers,
        &[host(Host::Ncat, "ncat --exec cat", Run::requests_per_s)],
        4.5,
    ),
    Goal {
        part: Part::One,
        figure: "p50, µs",
        ours: host(Host::Ours, "ours", Run::p50_us),
        others: &[reference(Run::p50_us)],
        target: Target::ratio(Bound::AtMost, 1.03),
    },
    Goal {
        part: Part::One,
        figure: "p50, µs",
        ours: host(Host::OursBusy, "ours --busy-poll", Run::p50_us),
        others: &[reference(Run::p50_us)],
        target: Target::ratio(Bound::AtMost, 0.45),
    },
    Goal {
        part: Part::Bulk,
        figure: "MB/s echoed",
        ours: host(Host::Ours, "ours", Run::megabytes_per_s),
        others: &[host(Host::Socat, "socat, fork", Run::megabytes_per_s)],
        target: Target::ratio(Bound::AtLeast, 2.0),
    },
    Goal {
        part: Part::Load,
        figure: "requests/s",
        ours: load(Run::requests_per_s),
        others: &[bare(Run::requests_per_s)],
        target: Target::ratio(Bound::AtLeast, 0.95),
    },
    Goal {
        part: Part::Load,
        figure: "count off the server's, %",
        ours: load(Run::count_off_percent),
        others: &[bare(Run::count_off_percent)],
        target: OFF,
    },
    Goal {
        part: Part::Latency,
        figure: "mean or p50 off the server's, %",
        ours: load(Run::latency_off_percent),
        others: &[bare(Run::latency_off_percent)],
        target: OFF,
    },
    Goal {
        part: Part::Idle,
        figure: "user memory each, KB",
        ours: host(Host::Ours, "ours", Run::kilobytes_each),
        others: &[reference(Run::kilobytes_each)],
        target: Target::itself(Bound::AtMost, 1.1),
    },
];

const fn requests(part: Part, others: &'static [Series], at_least: f64) -> Goal {
    Goal {
        part,
        figure: "requests/s",
        ours: host(Host::Ours, "ours", Run::requests_per_s),
        others,
        target: Target::ratio(Bound::AtLeast, at_least),
    }
}

const fn reference(read: Read) -> Series {
    host(REFERENCE, "bare epoll", read)
}

const fn host(host: Host, label: &'static str, read: Read) -> Series {
    Series::of(Program::Serves(host), label, read)
}

const fn load(read: Read) -> Series {
    Series::of(Program::Loads(Generator::Load), "ours", read)
}

const fn bare(read: Read) -> Series {
    Series::of(Program::Loads(Generator::Bare), "bare epoll", read)
}

#[cfg(test)]
mod tests {
    use super::super::client::Expect;
    use super::*;

    #[test]
    fn every_part_has_a_goal_and_a_place_in_the_report() {
        crate::goal::check_parts(GOALS, &Part::ALL);
    }

    #[test]
    fn no_upper_case_is_expected_of_those_that_know_none() {
        for goal in GOALS {
            let knows_none = |series: &Series| {
                let program = series.program;
                [Host::Socat, Host::Ncat]
                    .map(Program::Serves)
                    .contains(&program)
            };
            if goal.others.iter().any(knows_none) {
                assert_eq!(goal.part.expect(), Expect::Anything, "{:?}", goal.part);
            }
        }
    }
}
