//! The report: which goals are reached, and by what figures; as tables and as JSON.

use std::fmt;

use anyhow::Result;
use serde::Serialize;

use super::folders::Folders;
use super::goals::{Filexfer, GOALS, SHOWN};
use super::network::{Link, Network};
use super::programs::Programs;
use super::transfer::Transfers;
use super::used::Used;
use super::{Args, Part};
use crate::goal::taking_part;
use crate::setup::Setup;
use crate::turns::Turns;
use crate::verdict::Section;

/// All that was measured.
#[derive(Serialize)]
pub(crate) struct Report {
    setup: Setup,
    size_mib: u64,
    disk_size_mib: u64,
    text_size_mib: u64,
    files: u64,
    delta_size_mib: u64,
    programs: Programs,
    sections: Vec<Compared>,
}

impl Report {
    /// Measures the parts that were asked for, or all.
    pub(crate) fn measure(args: &Args) -> Result<Self> {
        let network = Network::enter()?;
        let setup = Setup::of_whole_runs(&args.common);
        let setup = match args.unpinned {
            true => setup.unpinned(),
            false => setup,
        };
        let programs = Programs::find(args, network)?;
        let folders = Folders::make(args)?;
        let mut transfers = Transfers::new(args, &programs, &folders);
        let wanted = Part::ALL.into_iter().filter(|part| args.wants(*part));
        let sections = wanted
            .map(|part| compare(part, &mut transfers))
            .collect::<Result<_>>()?;
        Ok(Self {
            setup,
            size_mib: args.size,
            disk_size_mib: args.disk_size,
            text_size_mib: args.text_size,
            files: args.files,
            delta_size_mib: args.delta_size,
            programs,
            sections,
        })
    }
}

impl Args {
    fn wants(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }
}

/// What came out of one part.
#[derive(Serialize)]
struct Compared {
    #[serde(flatten)]
    section: Section,
    used: Used,
}

fn compare(part: Part, transfers: &mut Transfers<'_>) -> Result<Compared> {
    let (args, programs) = (transfers.args, transfers.programs);
    let _slow = match (part, programs.network) {
        (Part::Link, Network::Own) => Some(Link::slow()?),
        _ => None,
    };
    let goals: Vec<_> = GOALS.iter().filter(|goal| goal.part == part).collect();
    let mut wanted = taking_part(&goals);
    let shown = SHOWN.iter().filter(|(shown_in, _)| *shown_in == part);
    wanted.extend(shown.map(|(_, program)| program));
    let turns = Turns {
        title: part.title(),
        runs: args.common.runs,
        seconds_each: part.seconds(args),
    };
    let measured = turns.take::<Filexfer>(
        &wanted,
        |program| programs.missing(part, program),
        |program| transfers.run(part, program),
    );
    Ok(Compared {
        section: Section::of(turns.title, &goals, &measured),
        used: Used::by(&measured),
    })
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# Files from one side to the other\n\n{}", self.setup)?;
        writeln!(f, "{}.", self.programs.versions())?;
        let (size, disk, text) = (self.size_mib, self.disk_size_mib, self.text_size_mib);
        writeln!(
            f,
            "Files of {size} MiB to memory, {disk} MiB to the disk; text of {text} MiB."
        )?;
        let (files, delta) = (self.files, self.delta_size_mib);
        writeln!(f, "{files} files of 4 KiB; what changes is of {delta} MiB.")?;
        self.sections
            .iter()
            .try_for_each(|part| write!(f, "\n{}\n{}", part.section, part.used))
    }
}
