//! The report: which goals are reached, and by what figures; as tables and as JSON.

use std::fmt;

use anyhow::Result;
use serde::Serialize;

use super::Args;
use super::goals::{GOALS, Goal};
use super::program::Programs;
use super::workload::Workload;
use crate::setup::Setup;
use crate::turns::Turns;
use crate::verdict::Section;

/// What a run takes beside the seconds asked for, about, in seconds.
const OVERHEAD: f64 = 1.0;

/// All that was measured.
#[derive(Serialize)]
pub(crate) struct Report {
    setup: Setup,
    programs: Programs,
    sections: Vec<Section>,
}

impl Report {
    /// Measures the parts that were asked for, or all.
    pub(crate) fn measure(args: &Args) -> Result<Self> {
        let setup = Setup::of(&args.common, args.seconds());
        let programs = Programs::find(args.udp_echo.as_deref())?;
        let sections = Workload::ALL
            .into_iter()
            .filter_map(|workload| section(workload, &programs, args))
            .collect();
        Ok(Self {
            setup,
            programs,
            sections,
        })
    }
}

/// `None` if none of its goals was asked for.
fn section(workload: Workload, programs: &Programs, args: &Args) -> Option<Section> {
    let goals = goals(workload).filter(|goal| args.wants(goal.part));
    let goals: Vec<_> = goals.collect();
    if goals.is_empty() {
        return None;
    }
    let turns = Turns {
        title: workload.title(),
        runs: args.common.runs,
        seconds_each: args.seconds().as_secs_f64() + OVERHEAD,
    };
    Some(Section::measure(
        &turns,
        &goals,
        |program| programs.path(program).err(),
        |program| workload.run(program, programs, args),
    ))
}

fn goals(workload: Workload) -> impl Iterator<Item = &'static Goal> {
    GOALS
        .iter()
        .filter(move |goal| goal.part.workload() == workload)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# Measuring over UDP\n\n{}", self.setup)?;
        writeln!(f, "{}.", self.programs.versions())?;
        self.sections
            .iter()
            .try_for_each(|section| write!(f, "\n{section}"))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::goals::Probe;
    use super::super::program::{Program, Rtt, Said};
    use super::super::workload::Run;
    use super::*;
    use crate::turns::Measured;

    fn run(p50: f64) -> Run {
        let times = Rtt {
            p50,
            p99: 2.0 * p50,
            max: 3.0 * p50,
        };
        Run {
            said: Said {
                sent: 1000,
                round_trips_per_s: Some(p50),
                interval_ns: Some(1e6),
                network: Some(times),
                application: Some(times),
            },
            seconds: 1.0,
            client_cpu: Duration::from_millis(90),
            server_cpu: Duration::from_millis(10),
        }
    }

    fn judged(workload: Workload, measured: &Measured<Probe>) -> Section {
        let goals: Vec<_> = goals(workload).collect();
        Section::of(workload.title(), &goals, measured)
    }

    #[test]
    fn the_best_of_the_others_decides() {
        let measured = vec![
            (Program::Ours, Ok(vec![run(1.0), run(1.5), run(0.5)])),
            (Program::Irtt, Ok(vec![run(60.0)])),
            (Program::Sockperf, Ok(vec![run(40.0)])),
        ];
        let judged = judged(Workload::Paced, &measured).goals;
        let verdicts: Vec<_> = judged.iter().map(|goal| goal.reached).collect();
        let [p50, max, interval, slots, client, server] = verdicts[..] else {
            panic!("other goals: {verdicts:?}");
        };
        assert_eq!(judged[0].ratio, Some(1.0 / 40.0));
        assert_eq!((p50, max), (Some(false), Some(false)));
        assert_eq!((interval, slots), (Some(true), Some(true)));
        assert_eq!((client, server), (Some(false), Some(false)));
    }
}
