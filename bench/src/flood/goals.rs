//! What is read from the runs, beside whom, and what it ought to be.

use super::Part;
use super::load::Run;
use super::program::Program;
use crate::goal::{self, Bound, Target, Topic};

/// This topic.
pub(crate) struct Flood;

impl Topic for Flood {
    type Part = Part;
    type Program = Program;
    type Run = Run;
}

/// A figure, and the goal.
pub(crate) type Goal = goal::Goal<Flood>;

type Series = goal::Series<Flood>;
type Read = fn(&Run) -> Option<f64>;

/// All of them, in the order of the report.
pub(crate) const GOALS: &[Goal] = &[
    packets(Part::Small, &[iperf3(Run::packets_per_s)], 60.0),
    packets(Part::Small, &[iperf3_new(Run::packets_per_s)], 1.7),
    packets(Part::Large, &[iperf3(Run::packets_per_s)], 20.0),
    packets(Part::Large, &[iperf3_new(Run::packets_per_s)], 1.1),
    Goal {
        part: Part::Large,
        figure: "CPU of the receiver, s a GB",
        ours: ours(Run::server_cpu_per_gigabyte),
        others: &[iperf3_new(Run::server_cpu_per_gigabyte)],
        target: Target::ratio(Bound::AtMost, 0.6),
    },
    packets(
        Part::Plain,
        &[
            iperf3(Run::packets_per_s),
            Series::of(Program::Nuttcp, "nuttcp", Run::packets_per_s),
        ],
        1.15,
    ),
    packets(
        Part::Plain,
        &[Series::of(Program::Qperf, "qperf", Run::packets_per_s)],
        1.05,
    ),
    packets(
        Part::Echo,
        &[Series::of(
            Program::Sockperf,
            "sockperf under-load",
            Run::packets_per_s,
        )],
        1.4,
    ),
    packets(
        Part::EchoOffload,
        &[Series::of(Program::Irtt, "irtt", Run::packets_per_s)],
        20.0,
    ),
    Goal {
        part: Part::Search,
        figure: "Gbit/s found",
        ours: ours(Run::gigabits_per_s),
        others: &[Series::of(Program::Udpst, "udpst", Run::gigabits_per_s)],
        target: Target::ratio(Bound::AtLeast, 3.0),
    },
];

const fn packets(part: Part, others: &'static [Series], at_least: f64) -> Goal {
    let figure = match part {
        Part::Echo | Part::EchoOffload => "echoes/s",
        _ => "packets/s delivered",
    };
    Goal {
        part,
        figure,
        ours: ours(Run::packets_per_s),
        others,
        target: Target::ratio(Bound::AtLeast, at_least),
    }
}

const fn ours(read: Read) -> Series {
    Series::of(Program::Ours, "ours", read)
}

const fn iperf3(read: Read) -> Series {
    Series::of(Program::Iperf3, "iperf3", read)
}

const fn iperf3_new(read: Read) -> Series {
    Series::of(Program::Iperf3New, "iperf3 --gsro", read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_has_a_goal_and_a_place_in_the_report() {
        crate::goal::check_parts(GOALS, &Part::ALL);
    }
}
