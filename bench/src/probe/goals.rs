//! What is read from the runs, beside whom, and what it ought to be.

use super::Part;
use super::program::Program;
use super::workload::Run;
use crate::goal::{self, Bound, Target, Topic};

/// This topic.
pub(crate) struct Probe;

impl Topic for Probe {
    type Part = Part;
    type Program = Program;
    type Run = Run;
}

/// A figure, and the goal.
pub(crate) type Goal = goal::Goal<Probe>;

type Series = goal::Series<Probe>;

/// All of them, in the order of the report.
pub(crate) const GOALS: &[Goal] = &[
    Goal {
        part: Part::Network,
        figure: "RTT, p50, µs",
        ours: ours_by_network(|run| Some(run.said.network?.p50)),
        others: &[
            irtt(|run| Some(run.said.application?.p50)),
            under_load(|run| Some(run.said.application?.p50)),
        ],
        target: Target::ratio(Bound::AtMost, 1.0 / 50.0),
    },
    Goal {
        part: Part::Network,
        figure: "RTT, max, µs",
        ours: ours_by_network(|run| Some(run.said.network?.max)),
        others: &[
            irtt(|run| Some(run.said.application?.max)),
            under_load(|run| Some(run.said.application?.max)),
        ],
        target: Target::ratio(Bound::AtMost, 1.0 / 100.0),
    },
    Goal {
        part: Part::Schedule,
        figure: "mean interval, error in ppm",
        ours: Series::of(Program::Ours, "ours, by slots", Run::interval_error_ppm),
        others: &[
            Series::of(
                Program::Irtt,
                "irtt, between packets",
                Run::interval_error_ppm,
            ),
            under_load(Run::interval_error_ppm),
        ],
        target: Target::itself(Bound::AtMost, 10.0),
    },
    Goal {
        part: Part::Schedule,
        figure: "slots sent, %",
        ours: ours(|run| Some(run.slots_sent_percent())),
        others: &[
            irtt(|run| Some(run.slots_sent_percent())),
            under_load(|run| Some(run.slots_sent_percent())),
        ],
        target: Target::itself(Bound::AtLeast, 99.9),
    },
    Goal {
        part: Part::Schedule,
        figure: "CPU of the client, cores",
        ours: ours(|run| Some(run.client_cores())),
        others: &[
            irtt(|run| Some(run.client_cores())),
            under_load(|run| Some(run.client_cores())),
        ],
        target: Target::itself(Bound::AtMost, 0.08),
    },
    Goal {
        part: Part::Reflector,
        figure: "CPU of the server, µs a packet",
        ours: ours(Run::server_cpu_us),
        others: &[irtt(Run::server_cpu_us)],
        target: Target::ratio(Bound::AtMost, 0.3),
    },
    Goal {
        part: Part::Hogs,
        figure: "RTT, p99, µs",
        ours: ours_by_network(|run| Some(run.said.network?.p99)),
        others: &[ours_by_application(|run| Some(run.said.application?.p99))],
        target: Target::ratio(Bound::AtMost, 1.0 / 200.0),
    },
    Goal {
        part: Part::Unpinned,
        figure: "RTT, p50, µs",
        ours: ours_by_application(|run| Some(run.said.application?.p50)),
        others: &[irtt(|run| Some(run.said.application?.p50))],
        target: Target::ratio(Bound::AtMost, 0.25),
    },
    Goal {
        part: Part::Spinning,
        figure: "round trips/s",
        ours: ours(round_trips),
        others: &[ping_pong("sockperf ping-pong --nonblocked")],
        target: Target::ratio(Bound::AtLeast, 1.1),
    },
    Goal {
        part: Part::Blocking,
        figure: "round trips/s",
        ours: ours(round_trips),
        others: &[ping_pong("sockperf ping-pong")],
        target: Target::ratio(Bound::AtLeast, 1.0),
    },
];

type Read = fn(&Run) -> Option<f64>;

fn round_trips(run: &Run) -> Option<f64> {
    run.said.round_trips_per_s
}

const fn ours(read: Read) -> Series {
    Series::of(Program::Ours, "ours", read)
}

const fn ours_by_network(read: Read) -> Series {
    Series::of(Program::Ours, "ours, network", read)
}

const fn ours_by_application(read: Read) -> Series {
    Series::of(Program::Ours, "ours, application", read)
}

const fn irtt(read: Read) -> Series {
    Series::of(Program::Irtt, "irtt", read)
}

const fn under_load(read: Read) -> Series {
    Series::of(Program::Sockperf, "sockperf under-load", read)
}

const fn ping_pong(label: &'static str) -> Series {
    Series::of(Program::Sockperf, label, round_trips)
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn every_part_has_a_goal() {
        for part in Part::value_variants() {
            assert!(GOALS.iter().any(|goal| goal.part == *part), "{part:?}");
        }
    }
}
