//! The report: which goals are reached, and by what figures; as tables and as JSON.

use std::fmt;
use std::time::Duration;

use anyhow::Result;
use runtime::descriptors;
use serde::Serialize;

use super::goals::{GOALS, Relay, SHOWN};
use super::program::Programs;
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
    programs: Programs,
    sections: Vec<Compared>,
}

/// What came out of one part.
#[derive(Serialize)]
struct Compared {
    #[serde(flatten)]
    section: Section,
    used: Used,
}

impl Report {
    /// Measures the parts that were asked for, or all.
    pub(crate) fn measure(args: &Args) -> Result<Self> {
        // The servers get it from here.
        descriptors::raise_limit();
        let setup = Setup::of(&args.common, Duration::from_secs(args.seconds.into()));
        let programs = Programs::find(args)?;
        let wanted = Part::ALL.into_iter().filter(|part| args.wants(*part));
        let sections = wanted.map(|part| compare(part, &programs, args)).collect();
        Ok(Self {
            setup,
            programs,
            sections,
        })
    }
}

fn compare(part: Part, programs: &Programs, args: &Args) -> Compared {
    let goals: Vec<_> = GOALS.iter().filter(|goal| goal.part == part).collect();
    let mut wanted = taking_part(&goals);
    let shown = SHOWN.iter().filter(|(shown_in, _)| *shown_in == part);
    wanted.extend(shown.map(|(_, program)| program));
    let turns = Turns {
        title: part.title(),
        runs: part.runs(args),
        seconds_each: part.seconds(args),
    };
    let measured = turns.take::<Relay>(
        &wanted,
        |program| programs.path(program).err(),
        |program| part.run(program, programs, args),
    );
    Compared {
        section: Section::of(turns.title, &goals, &measured),
        used: Used::by(&measured),
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# Messages through a relay\n\n{}", self.setup)?;
        writeln!(f, "{}.", self.programs.versions())?;
        self.sections
            .iter()
            .try_for_each(|part| write!(f, "\n{}\n{}", part.section, part.used))
    }
}
