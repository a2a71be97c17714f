//! What is read from the runs, beside whom, and what it ought to be.

use super::Part;
use super::program::{Ours, Program, Rsync, Scp};
use super::transfer::Run;
use crate::goal::{self, Bound, Target, Topic};

/// This topic.
pub(crate) struct Filexfer;

impl Topic for Filexfer {
    type Part = Part;
    type Program = Program;
    type Run = Run;
}

/// A figure, and the goal.
pub(crate) type Goal = goal::Goal<Filexfer>;

type Series = goal::Series<Filexfer>;
type Read = fn(&Run) -> Option<f64>;

/// In MiB, whatever the size of the file.
const PEAK: Target = Target::itself(Bound::AtMost, 16.0);

/// All of them, in the order of the report.
pub(crate) const GOALS: &[Goal] = &[
    speed(Part::Memory, OURS, &[SCP_GCM], 2.0),
    speed(Part::Memory, OURS, &[SCP], 2.7),
    speed(Part::Memory, OURS, &[RSYNC], 1.25),
    speed(Part::Memory, OURS, &[NGINX], 1.5),
    speed(Part::Memory, OURS, &[CROC], 3.0),
    speed(Part::Memory, OURS, &[WORMHOLE], 4.5),
    speed(Part::Memory, OURS, &[SOCAT], 0.7),
    Goal {
        part: Part::Memory,
        figure: "CPU of both, s/GiB",
        ours: reads(OURS, Run::cpu_per_gib),
        others: &[reads(SCP_GCM, Run::cpu_per_gib)],
        target: Target::ratio(Bound::AtMost, 0.5),
    },
    memory(
        "memory of the sender, MiB",
        reads(OURS, Run::sender_mib),
        &[
            reads(SCP_GCM, Run::sender_mib),
            reads(RSYNC, Run::sender_mib),
            reads(CROC, Run::sender_mib),
            reads(WORMHOLE, Run::sender_mib),
        ],
    ),
    memory(
        "memory of the receiver, MiB",
        reads(OURS, Run::receiver_mib),
        &[
            reads(SCP_GCM, Run::receiver_mib),
            reads(RSYNC, Run::receiver_mib),
            reads(CROC, Run::receiver_mib),
            reads(WORMHOLE, Run::receiver_mib),
        ],
    ),
    speed(Part::Disk, OURS, &[SCP_GCM_SYNCED], 2.0),
    speed(Part::Disk, OURS, &[RSYNC_SYNCED], 1.2),
    speed(Part::Unsynced, OURS_NO_SYNC, &[SCP_GCM], 3.0),
    speed(Part::Unsynced, OURS_NO_SYNC, &[RSYNC], 1.35),
    speed(Part::Plain, OURS_PLAIN, &[SOCAT], 0.75),
    speed(Part::Plain, OURS_PLAIN, &[NC], 1.4),
    speed(Part::Classic, OURS_CLASSIC, &[NC], 1.5),
    speed(Part::Classic, OURS_CLASSIC, &[SOCAT], 0.95),
    Goal {
        part: Part::Small,
        figure: "ms",
        ours: reads(OURS, Run::milliseconds),
        others: &[reads(SCP, Run::milliseconds)],
        target: Target::itself(Bound::AtMost, 15.0),
    },
    Goal {
        part: Part::Small,
        figure: "ms",
        ours: reads(OURS, Run::milliseconds),
        others: &[reads(CROC, Run::milliseconds)],
        target: Target::ratio(Bound::AtMost, 0.1),
    },
    speed(Part::Link, OURS, &[RSYNC_Z], 1.5),
    speed(Part::Link, OURS, &[OURS_NEVER], 1.0),
    // As good as the same, by what chance does to single runs.
    speed(Part::Text, OURS, &[OURS_NEVER], 0.97),
];

const OURS: Series = rate(Program::Ours(Ours::Default), "ours");
const OURS_NO_SYNC: Series = rate(Program::Ours(Ours::NoSync), "ours --no-sync");
const OURS_PLAIN: Series = rate(Program::Ours(Ours::Plain), "ours --plain");
const OURS_CLASSIC: Series = rate(Program::Ours(Ours::Classic), "ours --classic");
const OURS_NEVER: Series = rate(Program::Ours(Ours::NeverCompress), "ours --compress never");
const SCP: Series = rate(Program::Scp(Scp::Default), "scp");
const SCP_GCM: Series = rate(Program::Scp(Scp::Gcm), "scp aes256-gcm");
const SCP_GCM_SYNCED: Series = rate(Program::Scp(Scp::GcmSynced), "scp aes256-gcm, sync");
const RSYNC: Series = rate(Program::Rsync(Rsync::Default), "rsync daemon");
const RSYNC_SYNCED: Series = rate(Program::Rsync(Rsync::Synced), "rsync daemon, --fsync");
const RSYNC_Z: Series = rate(Program::Rsync(Rsync::Compressed), "rsync daemon, -z");
const NGINX: Series = rate(Program::Nginx, "nginx with TLS, curl");
const CROC: Series = rate(Program::Croc, "croc");
const WORMHOLE: Series = rate(Program::Wormhole, "magic-wormhole");
const SOCAT: Series = rate(Program::Socat, "socat -b 1048576");
const NC: Series = rate(Program::Nc, "nc");

const fn rate(program: Program, label: &'static str) -> Series {
    Series::of(program, label, Run::megabytes_per_s)
}

const fn reads(series: Series, read: Read) -> Series {
    Series { read, ..series }
}

const fn speed(part: Part, ours: Series, others: &'static [Series], at_least: f64) -> Goal {
    Goal {
        part,
        figure: "MB/s",
        ours,
        others,
        target: Target::ratio(Bound::AtLeast, at_least),
    }
}

const fn memory(figure: &'static str, ours: Series, others: &'static [Series]) -> Goal {
    Goal {
        part: Part::Memory,
        figure,
        ours,
        others,
        target: PEAK,
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn every_part_has_a_goal_and_a_place_in_the_report() {
        for part in Part::value_variants() {
            assert!(GOALS.iter().any(|goal| goal.part == *part), "{part:?}");
            assert!(Part::ALL.contains(part), "{part:?}");
        }
    }

    #[test]
    fn what_is_synced_is_compared_with_what_is_synced() {
        for goal in GOALS.iter().filter(|goal| goal.part == Part::Disk) {
            for series in goal.others {
                let synced = [Program::Scp(Scp::GcmSynced), Program::Rsync(Rsync::Synced)];
                assert!(synced.contains(&series.program), "{}", series.label);
            }
        }
    }
}
