//! The report: which goals are reached, and by what figures; as tables and as JSON.

use std::fmt;
use std::time::Duration;

use anyhow::Result;
use runtime::descriptors;
use serde::Serialize;

use super::goals::GOALS;
use super::program::Programs;
use super::{Args, Generator, Part};
use crate::setup::Setup;
use crate::turns::Turns;
use crate::verdict::Section;

/// What a run takes beside the seconds asked for, about, in seconds.
const OVERHEAD: f64 = 0.5;

/// All that was measured.
#[derive(Serialize)]
pub(crate) struct Report {
    setup: Setup,
    programs: Programs,
    /// What loaded the servers, where nothing else is said.
    driver: &'static str,
    sections: Vec<Section>,
}

impl Report {
    /// Measures the parts that were asked for, or all.
    pub(crate) fn measure(args: &Args) -> Result<Self> {
        // The servers get it from here.
        descriptors::raise_limit();
        let setup = Setup::of(&args.common, Duration::from_secs(args.seconds.into()));
        let programs = Programs::find(args)?;
        let wanted = Part::ALL.into_iter().filter(|part| args.wants(*part));
        let sections = wanted.map(|part| section(part, &programs, args)).collect();
        Ok(Self {
            setup,
            programs,
            driver: match args.driver {
                Generator::Load => "tcp-echo load",
                Generator::Bare => "the bare client",
            },
            sections,
        })
    }
}

fn section(part: Part, programs: &Programs, args: &Args) -> Section {
    let goals = GOALS.iter().filter(|goal| goal.part == part);
    let turns = Turns {
        title: part.title(),
        runs: args.common.runs,
        seconds_each: f64::from(args.seconds) + OVERHEAD,
    };
    Section::measure(
        &turns,
        &goals.collect::<Vec<_>>(),
        |program| programs.path(program).err(),
        |program| part.run(program, programs, args),
    )
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# Echo over TCP\n\n{}", self.setup)?;
        writeln!(f, "{}.", self.programs.versions())?;
        writeln!(
            f,
            "Servers loaded by {}; beside socat and ncat, which know no upper case, by the bare client.",
            self.driver
        )?;
        self.sections
            .iter()
            .try_for_each(|section| write!(f, "\n{section}"))
    }
}
