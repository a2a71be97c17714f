//! The report: which goals are reached, and by what figures; as tables and as JSON.

use std::fmt;
use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

use super::goals::GOALS;
use super::program::{Programs, buffer};
use super::{Args, Part};
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
    /// What the others were told to ask for, in bytes.
    buffer: u64,
    sections: Vec<Section>,
}

impl Report {
    /// Measures the parts that were asked for, or all.
    pub(crate) fn measure(args: &Args) -> Result<Self> {
        let setup = Setup::of(&args.common, Duration::from_secs(args.seconds.into()));
        let programs = Programs::find(args)?;
        let wanted = Part::ALL.into_iter().filter(|part| args.wants(*part));
        let sections = wanted.map(|part| section(part, &programs, args)).collect();
        Ok(Self {
            setup,
            programs,
            buffer: buffer(),
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
        writeln!(f, "# Flooding over UDP\n\n{}", self.setup)?;
        writeln!(f, "{}.", self.programs.versions())?;
        let kib = self.buffer / 1024;
        writeln!(f, "The others with socket buffers of {kib} KiB.")?;
        self.sections
            .iter()
            .try_for_each(|section| write!(f, "\n{section}"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::load::{Load, Run};
    use super::super::program::{Delivered, Program};
    use super::*;
    use crate::turns::Outcome;

    fn run(packets_per_s: f64, cpu_ms: u64) -> Run {
        let load = Load::of(Part::Large, 1);
        Run {
            delivered: Delivered::packets(packets_per_s, &load, 1.0).unwrap(),
            server_cpu: Duration::from_millis(cpu_ms),
        }
    }

    #[test]
    fn each_goal_has_its_own_peer_and_cpu_is_told_for_each_byte() {
        let measured = vec![
            (Program::Ours, Ok(vec![run(30e6, 900)])),
            (Program::Iperf3, Ok(vec![run(1e6, 900)])),
            (Program::Iperf3New, Ok(vec![run(15e6, 900)])),
        ];
        let goals: Vec<_> = GOALS
            .iter()
            .filter(|goal| goal.part == Part::Large)
            .collect();
        let judged = Section::of("", &goals, &measured).goals;
        let verdicts: Vec<_> = judged
            .iter()
            .map(|goal| (goal.ratio, goal.reached))
            .collect();
        let expected = [
            (Some(30.0), Some(true)),
            (Some(2.0), Some(true)),
            (Some(0.5), Some(true)),
        ];
        assert_eq!(verdicts, expected);
    }

    #[test]
    fn without_a_peer_nobody_can_tell() {
        let missing = Err(Outcome::Missing("not here (see --udpst)"));
        let measured = vec![
            (Program::Ours, Ok(vec![run(30e6, 900)])),
            (Program::Udpst, missing),
        ];
        let goals: Vec<_> = GOALS
            .iter()
            .filter(|goal| goal.part == Part::Search)
            .collect();
        let text = Section::of("", &goals, &measured).to_string();
        assert!(text.contains("see --udpst") && text.contains("cannot tell"));
    }
}
