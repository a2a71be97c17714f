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

/// In MiB, for 100,000 files.
const PEAK_OF_MANY: Target = Target::itself(Bound::AtMost, 32.0);

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
        (Part::Memory, PEAK),
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
        (Part::Memory, PEAK),
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
    files(Part::Files, &[by_name(RSYNC_TREE)], 3.0),
    files(Part::Files, &[by_name(TAR)], 5.0),
    files(Part::Files, &[by_name(SCP_TREE)], 35.0),
    files(Part::Files, &[by_name(CROC)], 100.0),
    files(Part::Again, &[by_name(RSYNC_TREE)], 2.0),
    memory(
        (Part::Many, PEAK_OF_MANY),
        "memory of the sender, MiB",
        reads(OURS, Run::sender_mib),
        &[reads(RSYNC_TREE, Run::sender_mib)],
    ),
    memory(
        (Part::Many, PEAK_OF_MANY),
        "memory of the receiver, MiB",
        reads(OURS, Run::receiver_mib),
        &[reads(RSYNC_TREE, Run::receiver_mib)],
    ),
    speed(Part::Changed, OURS_IN_PLACE, &[RSYNC_IN_PLACE], 3.0),
    speed(Part::Shifted, OURS_ANEW, &[RSYNC_ANEW], 1.5),
    Goal {
        part: Part::Shifted,
        figure: "network, % of the file",
        ours: reads(OURS_ANEW, Run::wire_percent),
        others: &[reads(RSYNC_ANEW, Run::wire_percent)],
        target: Target::itself(Bound::AtMost, 2.0),
    },
];

/// Who takes part without a goal, to be seen beside the others.
pub(crate) const SHOWN: &[(Part, Program)] = &[
    (Part::Changed, Program::Ours(Ours::Anew)),
    (Part::Changed, Program::Rsync(Rsync::Anew)),
];

const OURS: Series = rate(Program::Ours(Ours::Default));
const OURS_NO_SYNC: Series = rate(Program::Ours(Ours::NoSync));
const OURS_PLAIN: Series = rate(Program::Ours(Ours::Plain));
const OURS_CLASSIC: Series = rate(Program::Ours(Ours::Classic));
const OURS_NEVER: Series = rate(Program::Ours(Ours::NeverCompress));
const OURS_ANEW: Series = rate(Program::Ours(Ours::Anew));
const OURS_IN_PLACE: Series = rate(Program::Ours(Ours::InPlace));
const SCP: Series = rate(Program::Scp(Scp::Default));
const SCP_GCM: Series = rate(Program::Scp(Scp::Gcm));
const SCP_GCM_SYNCED: Series = rate(Program::Scp(Scp::GcmSynced));
const SCP_TREE: Series = rate(Program::Scp(Scp::Tree));
const TAR: Series = rate(Program::Tar);
const RSYNC: Series = rate(Program::Rsync(Rsync::Default));
const RSYNC_SYNCED: Series = rate(Program::Rsync(Rsync::Synced));
const RSYNC_Z: Series = rate(Program::Rsync(Rsync::Compressed));
const RSYNC_TREE: Series = rate(Program::Rsync(Rsync::Archive));
const RSYNC_ANEW: Series = rate(Program::Rsync(Rsync::Anew));
const RSYNC_IN_PLACE: Series = rate(Program::Rsync(Rsync::InPlace));
const NGINX: Series = rate(Program::Nginx);
const CROC: Series = rate(Program::Croc);
const WORMHOLE: Series = rate(Program::Wormhole);
const SOCAT: Series = rate(Program::Socat);
const NC: Series = rate(Program::Nc);

const fn rate(program: Program) -> Series {
    Series::of(program, program.label(), Run::megabytes_per_s)
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

const fn by_name(series: Series) -> Series {
    reads(series, Run::files_per_s)
}

const fn files(part: Part, others: &'static [Series], at_least: f64) -> Goal {
    Goal {
        part,
        figure: "files/s",
        ours: by_name(OURS),
        others,
        target: Target::ratio(Bound::AtLeast, at_least),
    }
}

const fn memory(
    (part, target): (Part, Target),
    figure: &'static str,
    ours: Series,
    others: &'static [Series],
) -> Goal {
    Goal {
        part,
        figure,
        ours,
        others,
        target,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_has_a_goal_and_a_place_in_the_report() {
        crate::goal::check_parts(GOALS, &Part::ALL);
    }

    /// Their goals, as they were set.
    #[test]
    fn trees_and_what_changed_have_every_goal() {
        let set = |part: Part| -> Vec<_> {
            let goals = GOALS.iter().filter(|goal| goal.part == part);
            goals
                .map(|goal| (goal.others[0].label, goal.target.value))
                .collect()
        };
        let rsync = Program::Rsync(Rsync::Archive).label();
        let files = [(rsync, 3.0), ("tar over ssh aes256-gcm", 5.0)];
        let slow = [("scp -r -p", 35.0), ("croc", 100.0)];
        assert_eq!(set(Part::Files), [files, slow].concat());
        assert_eq!(set(Part::Again), [(rsync, 2.0)]);
        assert_eq!(set(Part::Many), [(rsync, 32.0); 2]);
        let in_place = Program::Rsync(Rsync::InPlace).label();
        assert_eq!(set(Part::Changed), [(in_place, 3.0)]);
        let anew = Program::Rsync(Rsync::Anew).label();
        assert_eq!(set(Part::Shifted), [(anew, 1.5), (anew, 2.0)]);
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
