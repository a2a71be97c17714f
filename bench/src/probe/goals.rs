//! What is read from the runs, beside whom, and what it ought to be.

use serde::Serialize;

use super::Part;
use super::program::Program;
use super::workload::{Run, Workload};

/// A figure of our own program, the same of others, and the goal.
pub(crate) struct Goal {
    pub(crate) part: Part,
    pub(crate) workload: Workload,
    pub(crate) figure: &'static str,
    pub(crate) ours: Series,
    pub(crate) others: &'static [Series],
    pub(crate) target: Target,
}

impl Goal {
    /// All the figures that it reads.
    pub(crate) fn series(&self) -> impl Iterator<Item = &Series> {
        std::iter::once(&self.ours).chain(self.others)
    }
}

/// A figure of each run of a program.
pub(crate) struct Series {
    pub(crate) program: Program,
    pub(crate) label: &'static str,
    pub(crate) read: fn(&Run) -> Option<f64>,
}

/// What a figure ought to be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Target {
    pub(crate) bound: Bound,
    pub(crate) value: f64,
    pub(crate) of: Of,
}

/// On which side of the value it ought to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Bound {
    AtMost,
    AtLeast,
}

/// What the value is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Of {
    /// Our figure by the best of the others'.
    Ratio,
    /// Our figure itself.
    Figure,
}

impl Bound {
    /// Whether a value is on the right side.
    pub(crate) fn holds(self, value: f64, limit: f64) -> bool {
        match self {
            Self::AtMost => value <= limit,
            Self::AtLeast => value >= limit,
        }
    }

    /// The best of some values; where less is wanted, that is the least.
    pub(crate) fn best(self, values: impl Iterator<Item = f64>) -> Option<f64> {
        values.reduce(match self {
            Self::AtMost => f64::min,
            Self::AtLeast => f64::max,
        })
    }
}

/// All of them, in the order of the report.
pub(crate) const GOALS: &[Goal] = &[
    Goal {
        part: Part::Network,
        workload: Workload::Paced,
        figure: "RTT, p50, µs",
        ours: ours_by_network(|run| Some(run.said.network?.p50)),
        others: &[
            irtt(|run| Some(run.said.application?.p50)),
            under_load(|run| Some(run.said.application?.p50)),
        ],
        target: ratio(Bound::AtMost, 1.0 / 50.0),
    },
    Goal {
        part: Part::Network,
        workload: Workload::Paced,
        figure: "RTT, max, µs",
        ours: ours_by_network(|run| Some(run.said.network?.max)),
        others: &[
            irtt(|run| Some(run.said.application?.max)),
            under_load(|run| Some(run.said.application?.max)),
        ],
        target: ratio(Bound::AtMost, 1.0 / 100.0),
    },
    Goal {
        part: Part::Schedule,
        workload: Workload::Paced,
        figure: "mean interval, error in ppm",
        ours: series(Program::Ours, "ours, by slots", Run::interval_error_ppm),
        others: &[
            series(
                Program::Irtt,
                "irtt, between packets",
                Run::interval_error_ppm,
            ),
            under_load(Run::interval_error_ppm),
        ],
        target: itself(Bound::AtMost, 10.0),
    },
    Goal {
        part: Part::Schedule,
        workload: Workload::Paced,
        figure: "slots sent, %",
        ours: ours(|run| Some(run.slots_sent_percent())),
        others: &[
            irtt(|run| Some(run.slots_sent_percent())),
            under_load(|run| Some(run.slots_sent_percent())),
        ],
        target: itself(Bound::AtLeast, 99.9),
    },
    Goal {
        part: Part::Schedule,
        workload: Workload::Paced,
        figure: "CPU of the client, cores",
        ours: ours(|run| Some(run.client_cores())),
        others: &[
            irtt(|run| Some(run.client_cores())),
            under_load(|run| Some(run.client_cores())),
        ],
        target: itself(Bound::AtMost, 0.08),
    },
    Goal {
        part: Part::Reflector,
        workload: Workload::Paced,
        figure: "CPU of the server, µs a packet",
        ours: ours(Run::server_cpu_us),
        others: &[irtt(Run::server_cpu_us)],
        target: ratio(Bound::AtMost, 0.3),
    },
    Goal {
        part: Part::Hogs,
        workload: Workload::Hogs,
        figure: "RTT, p99, µs",
        ours: ours_by_network(|run| Some(run.said.network?.p99)),
        others: &[ours_by_application(|run| Some(run.said.application?.p99))],
        target: ratio(Bound::AtMost, 1.0 / 200.0),
    },
    Goal {
        part: Part::Unpinned,
        workload: Workload::Unpinned,
        figure: "RTT, p50, µs",
        ours: ours_by_application(|run| Some(run.said.application?.p50)),
        others: &[irtt(|run| Some(run.said.application?.p50))],
        target: ratio(Bound::AtMost, 0.25),
    },
    Goal {
        part: Part::Spinning,
        workload: Workload::Spinning,
        figure: "round trips/s",
        ours: ours(round_trips),
        others: &[ping_pong("sockperf ping-pong --nonblocked")],
        target: ratio(Bound::AtLeast, 1.1),
    },
    Goal {
        part: Part::Blocking,
        workload: Workload::Blocking,
        figure: "round trips/s",
        ours: ours(round_trips),
        others: &[ping_pong("sockperf ping-pong")],
        target: ratio(Bound::AtLeast, 1.0),
    },
];

type Read = fn(&Run) -> Option<f64>;

fn round_trips(run: &Run) -> Option<f64> {
    run.said.round_trips_per_s
}

const fn ours(read: Read) -> Series {
    series(Program::Ours, "ours", read)
}

const fn ours_by_network(read: Read) -> Series {
    series(Program::Ours, "ours, network", read)
}

const fn ours_by_application(read: Read) -> Series {
    series(Program::Ours, "ours, application", read)
}

const fn irtt(read: Read) -> Series {
    series(Program::Irtt, "irtt", read)
}

const fn under_load(read: Read) -> Series {
    series(Program::Sockperf, "sockperf under-load", read)
}

const fn ping_pong(label: &'static str) -> Series {
    series(Program::Sockperf, label, round_trips)
}

const fn series(program: Program, label: &'static str, read: Read) -> Series {
    Series {
        program,
        label,
        read,
    }
}

const fn ratio(bound: Bound, value: f64) -> Target {
    Target {
        bound,
        value,
        of: Of::Ratio,
    }
}

const fn itself(bound: Bound, value: f64) -> Target {
    Target {
        bound,
        value,
        of: Of::Figure,
    }
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

    #[test]
    fn bounds_know_what_is_best() {
        assert_eq!(Bound::AtMost.best([3.0, 1.0].into_iter()), Some(1.0));
        assert_eq!(Bound::AtLeast.best([3.0, 1.0].into_iter()), Some(3.0));
        assert!(Bound::AtMost.holds(0.02, 0.02) && !Bound::AtMost.holds(0.03, 0.02));
        assert!(Bound::AtLeast.holds(1.1, 1.1) && !Bound::AtLeast.holds(1.0, 1.1));
    }
}
