//! The report: which goals are reached, and by what figures; as tables and as JSON.

use std::fmt;
use std::time::Duration;

use anyhow::Result;
use runtime::descriptors;
use serde::Serialize;

use super::goals::GOALS;
use super::load::Course;
use super::program::Programs;
use super::site::Site;
use super::{Args, Part};
use crate::setup::Setup;
use crate::turns::Turns;
use crate::verdict::Section;

/// What a run takes beside the seconds asked for, about, in seconds.
const OVERHEAD: f64 = 0.5;

/// All that was measured.
#[derive(Serialize)]
pub(super) struct Report {
    setup: Setup,
    programs: Programs,
    sections: Vec<Section>,
}

impl Report {
    /// Measures the parts that were asked for, or all.
    pub(super) fn measure(args: &Args) -> Result<Self> {
        // The servers get it from here.
        descriptors::raise_limit();
        let setup = Setup::of(&args.common, Duration::from_secs(args.seconds.into()));
        let (programs, site) = (Programs::find(args)?, Site::make()?);
        let course = Course {
            programs: &programs,
            site: &site,
            args,
        };
        let wanted = Part::ALL.into_iter().filter(|part| args.wants(*part));
        let sections = wanted.map(|part| section(part, &course)).collect();
        Ok(Self {
            setup,
            programs,
            sections,
        })
    }
}

fn section(part: Part, course: &Course<'_>) -> Section {
    let goals = GOALS.iter().filter(|goal| goal.part == part);
    let turns = Turns {
        title: part.title(),
        runs: course.args.common.runs,
        seconds_each: f64::from(course.args.seconds) + OVERHEAD,
    };
    Section::measure(
        &turns,
        &goals.collect::<Vec<_>>(),
        |program| course.programs.path(program).err(),
        |program| course.run(part, program),
    )
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# Pages\n\n{}", self.setup)?;
        writeln!(f, "{}.", self.programs.versions())?;
        self.sections
            .iter()
            .try_for_each(|section| write!(f, "\n{section}"))
    }
}
