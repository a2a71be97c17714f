//! The report: which goals are reached, and by what figures; as tables and as JSON.

use std::fmt;

use anyhow::Result;
use serde::Serialize;

use super::Args;
use super::goals::{Bound, GOALS, Goal, Of, Series, Target};
use super::program::{Program, Programs};
use super::workload::{Run, Workload};
use crate::setup::{Setup, progress};
use crate::stats::{Spread, alternate};
use crate::table::Table;

/// What a run takes beside the seconds asked for, about, in seconds.
const OVERHEAD: f64 = 1.0;

/// All that was measured.
#[derive(Serialize)]
pub(crate) struct Report {
    setup: Setup,
    programs: Programs,
    sections: Vec<Section>,
}

/// What came out of one workload.
#[derive(Serialize)]
struct Section {
    workload: &'static str,
    goals: Vec<Judged>,
}

/// A goal, and what became of it.
#[derive(Serialize)]
struct Judged {
    figure: &'static str,
    target: Target,
    ours: Row,
    others: Vec<Row>,
    /// Our figure by the best of the others'.
    ratio: Option<f64>,
    /// `None` where something to tell it by is missing.
    reached: Option<bool>,
}

/// A program's figure.
#[derive(Serialize)]
struct Row {
    program: &'static str,
    #[serde(flatten)]
    outcome: Outcome,
}

/// What became of a program in one workload.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    /// All its runs went well.
    Measured(Spread),
    /// It is not there; this is how to get it.
    Missing(&'static str),
    /// A run failed for this reason.
    Failed(String),
}

impl Outcome {
    fn median(&self) -> Option<f64> {
        match self {
            Self::Measured(spread) => Some(spread.median),
            Self::Missing(_) | Self::Failed(_) => None,
        }
    }
}

/// The runs of a program, or why there are none.
type Runs = Result<Vec<Run>, Outcome>;

impl Report {
    /// Measures the parts that were asked for, or all.
    pub(crate) fn measure(args: &Args) -> Result<Self> {
        let setup = Setup::of(&args.common, args.seconds());
        let programs = Programs::find(args.udp_echo.as_deref())?;
        let sections = Workload::ALL
            .into_iter()
            .filter_map(|workload| Section::measure(workload, &programs, args))
            .collect();
        Ok(Self {
            setup,
            programs,
            sections,
        })
    }
}

impl Section {
    /// `None` if none of its goals was asked for.
    fn measure(workload: Workload, programs: &Programs, args: &Args) -> Option<Self> {
        let of_workload = GOALS.iter().filter(|goal| goal.workload == workload);
        let goals: Vec<_> = of_workload.filter(|goal| args.wants(goal.part)).collect();
        if goals.is_empty() {
            return None;
        }
        let measured = measure(workload, &taking_part(&goals), programs, args);
        let judge = |goal: &&Goal| Judged::of(goal, &measured);
        Some(Self {
            workload: workload.title(),
            goals: goals.iter().map(judge).collect(),
        })
    }
}

/// The programs that these goals read figures of.
fn taking_part(goals: &[&Goal]) -> Vec<Program> {
    let mut programs = Vec::new();
    for series in goals.iter().flat_map(|goal| goal.series()) {
        if !programs.contains(&series.program) {
            programs.push(series.program);
        }
    }
    programs
}

/// Puts all the programs that are there through the workload, in turns.
fn measure(
    workload: Workload,
    wanted: &[Program],
    programs: &Programs,
    args: &Args,
) -> Vec<(Program, Runs)> {
    let (there, missing): (Vec<_>, Vec<_>) = wanted
        .iter()
        .partition(|program| programs.path(**program).is_ok());
    let runs = there.len() * args.common.runs as usize;
    let seconds = runs as f64 * (args.seconds().as_secs_f64() + OVERHEAD);
    let title = workload.title();
    progress(&format!("{title} ({runs} runs, about {seconds:.0} s)"));
    let measured = alternate(args.common.runs, &there, |program| {
        workload.run(program, programs, args)
    });
    let mut all: Vec<(Program, Runs)> = Vec::new();
    for (program, runs) in measured {
        let runs = runs.into_iter().collect::<Result<Vec<_>>>();
        all.push((
            program,
            runs.map_err(|error| Outcome::Failed(format!("{error:#}"))),
        ));
    }
    for program in missing {
        let reason = programs.path(program).err().unwrap_or_default();
        all.push((program, Err(Outcome::Missing(reason))));
    }
    all
}

impl Judged {
    fn of(goal: &Goal, measured: &[(Program, Runs)]) -> Self {
        let ours = Row::of(&goal.ours, measured);
        let others: Vec<_> = goal
            .others
            .iter()
            .map(|one| Row::of(one, measured))
            .collect();
        let Target { bound, value, of } = goal.target;
        let best = bound.best(others.iter().filter_map(|row| row.outcome.median()));
        let ratio = ours.ratio_to(best);
        let judged = match of {
            Of::Ratio => ratio,
            Of::Figure => ours.outcome.median(),
        };
        Self {
            figure: goal.figure,
            target: goal.target,
            ours,
            others,
            ratio,
            reached: judged.map(|judged| bound.holds(judged, value)),
        }
    }

    fn verdict(&self) -> &'static str {
        match self.reached {
            Some(true) => "reached",
            Some(false) => "not reached",
            None => "cannot tell",
        }
    }
}

impl Row {
    fn of(series: &Series, measured: &[(Program, Runs)]) -> Self {
        let runs = measured
            .iter()
            .find(|(program, _)| *program == series.program);
        let outcome = match runs {
            Some((_, Ok(runs))) => figure(runs, series.read),
            Some((_, Err(outcome))) => outcome.clone(),
            None => Outcome::Failed("it did not take part".to_owned()),
        };
        Self {
            program: series.label,
            outcome,
        }
    }

    fn ratio_to(&self, other: Option<f64>) -> Option<f64> {
        let other = other.filter(|other| *other > 0.0)?;
        Some(self.outcome.median()? / other)
    }
}

fn figure(runs: &[Run], read: fn(&Run) -> Option<f64>) -> Outcome {
    let figures: Option<Vec<f64>> = runs.iter().map(read).collect();
    match figures {
        Some(figures) => Outcome::Measured(Spread::of(figures.into_iter())),
        None => Outcome::Failed("not every run has this figure".to_owned()),
    }
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

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new([
            "figure",
            "program",
            "median",
            "runs",
            "ours/theirs",
            "goal",
            "",
        ])
        .text_columns(2);
        for goal in &self.goals {
            goal.add_to(&mut table);
        }
        write!(f, "## {}\n\n{table}", self.workload)?;
        self.failures()
            .iter()
            .try_for_each(|failure| writeln!(f, "\n{failure}"))
    }
}

impl Section {
    /// Each once, though it may be the reason why several figures are missing.
    fn failures(&self) -> Vec<String> {
        let mut failures = Vec::new();
        for row in self.goals.iter().flat_map(Judged::rows) {
            if let Outcome::Failed(reason) = &row.outcome {
                let failure = format!("{}: {reason}", row.program);
                if !failures.contains(&failure) {
                    failures.push(failure);
                }
            }
        }
        failures
    }
}

impl Judged {
    fn rows(&self) -> impl Iterator<Item = &Row> {
        std::iter::once(&self.ours).chain(&self.others)
    }

    fn add_to(&self, table: &mut Table) {
        let ratio = match self.target.of {
            Of::Ratio => self.ratio.map(rounded).unwrap_or_default(),
            Of::Figure => String::new(),
        };
        let goal = self.target.to_string();
        let last = [ratio, goal, self.verdict().to_owned()];
        table.row(
            [self.figure.to_owned()]
                .into_iter()
                .chain(self.ours.cells())
                .chain(last),
        );
        for other in &self.others {
            let ratio = self.ours.ratio_to(other.outcome.median());
            let ratio = ratio.map(rounded).unwrap_or_default();
            table.row(
                [String::new()]
                    .into_iter()
                    .chain(other.cells())
                    .chain([ratio]),
            );
        }
    }
}

impl Row {
    /// The program, the median of its runs, and their spread.
    fn cells(&self) -> [String; 3] {
        let (median, runs) = match &self.outcome {
            Outcome::Measured(spread) => {
                let [lowest, highest] = [spread.lowest, spread.highest].map(rounded);
                (rounded(spread.median), format!("{lowest}–{highest}"))
            }
            Outcome::Missing(how) => (String::new(), (*how).to_owned()),
            Outcome::Failed(_) => ("failed".to_owned(), String::new()),
        };
        [self.program.to_owned(), median, runs]
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bound = match self.bound {
            Bound::AtMost => "at most",
            Bound::AtLeast => "at least",
        };
        let of = match self.of {
            Of::Ratio => " of the best",
            Of::Figure => "",
        };
        write!(f, "{bound} {}{of}", self.value)
    }
}

/// To about four digits.
fn rounded(value: f64) -> String {
    let decimals = match value.abs() {
        1000.0.. => 0,
        100.0.. => 1,
        10.0.. => 2,
        1.0.. => 3,
        0.1.. => 4,
        _ => 5,
    };
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::program::{Rtt, Said};
    use super::*;

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

    fn section(workload: Workload, measured: &[(Program, Runs)]) -> Section {
        let goals = GOALS.iter().filter(|goal| goal.workload == workload);
        Section {
            workload: workload.title(),
            goals: goals.map(|goal| Judged::of(goal, measured)).collect(),
        }
    }

    #[test]
    fn the_best_of_the_others_decides() {
        let measured = [
            (Program::Ours, Ok(vec![run(1.0), run(1.5), run(0.5)])),
            (Program::Irtt, Ok(vec![run(60.0)])),
            (Program::Sockperf, Ok(vec![run(40.0)])),
        ];
        let judged = section(Workload::Paced, &measured).goals;
        let verdicts: Vec<_> = judged.iter().map(|goal| goal.reached).collect();
        let [p50, max, interval, slots, client, server] = verdicts[..] else {
            panic!("other goals: {verdicts:?}");
        };
        assert_eq!(judged[0].ratio, Some(1.0 / 40.0));
        assert_eq!((p50, max), (Some(false), Some(false)));
        assert_eq!((interval, slots), (Some(true), Some(true)));
        assert_eq!((client, server), (Some(false), Some(false)));
    }

    #[test]
    fn more_is_better_for_rates() {
        let measured = [
            (Program::Ours, Ok(vec![run(120.0)])),
            (Program::Sockperf, Ok(vec![run(100.0)])),
        ];
        let judged = &section(Workload::Spinning, &measured).goals[0];
        assert_eq!((judged.ratio, judged.reached), (Some(1.2), Some(true)));
    }

    #[test]
    fn what_is_missing_or_failed_is_said() {
        let measured = [
            (Program::Ours, Err(Outcome::Failed("it broke".to_owned()))),
            (Program::Irtt, Err(Outcome::Missing("not installed"))),
            (Program::Sockperf, Ok(vec![run(40.0)])),
        ];
        let text = section(Workload::Paced, &measured).to_string();
        for part in ["failed", "not installed", "cannot tell", "40.00"] {
            assert!(text.contains(part), "{part:?} in {text}");
        }
        assert_eq!(text.matches("ours, network: it broke").count(), 1);
    }

    #[test]
    fn figures_have_about_four_digits() {
        let table = [
            (17_600.4, "17600"),
            (123.45, "123.5"),
            (59.131, "59.13"),
            (0.5803, "0.5803"),
            (0.00412, "0.00412"),
            (0.0, "0.00000"),
        ];
        for (value, expected) in table {
            assert_eq!(rounded(value), expected);
        }
    }
}
