//! What came out of comparing programs: their figures, which goals are reached, and the table of both.

use std::fmt;

use anyhow::Result;
use serde::Serialize;

use crate::goal::{Bound, Goal, Of, Series, Target, Topic, taking_part};
use crate::stats::Spread;
use crate::table::Table;
use crate::turns::{Measured, Outcome, Turns};

/// What came out of one workload.
#[derive(Serialize)]
pub(crate) struct Section {
    workload: &'static str,
    pub(crate) goals: Vec<Judged>,
}

/// A goal, and what became of it.
#[derive(Serialize)]
pub(crate) struct Judged {
    figure: &'static str,
    target: Target,
    ours: Row,
    others: Vec<Row>,
    /// Our figure by the best of the others'.
    pub(crate) ratio: Option<f64>,
    /// `None` where something to tell it by is missing.
    pub(crate) reached: Option<bool>,
}

/// A program's figure.
#[derive(Serialize)]
struct Row {
    program: &'static str,
    #[serde(flatten)]
    outcome: Outcome,
}

impl Section {
    /// Lets the programs of these goals take turns, all that `missing` has no reason against, and judges what comes of it.
    pub(crate) fn measure<T: Topic>(
        turns: &Turns,
        goals: &[&Goal<T>],
        missing: impl Fn(T::Program) -> Option<&'static str>,
        run: impl FnMut(T::Program) -> Result<T::Run>,
    ) -> Self {
        let measured = turns.take::<T>(&taking_part(goals), missing, run);
        Self::of(turns.title, goals, &measured)
    }

    /// What became of these goals.
    pub(crate) fn of<T: Topic>(
        workload: &'static str,
        goals: &[&Goal<T>],
        measured: &Measured<T>,
    ) -> Self {
        Self {
            workload,
            goals: goals
                .iter()
                .map(|goal| Judged::of(goal, measured))
                .collect(),
        }
    }
}

impl Judged {
    fn of<T: Topic>(goal: &Goal<T>, measured: &Measured<T>) -> Self {
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
    fn of<T: Topic>(series: &Series<T>, measured: &Measured<T>) -> Self {
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

fn figure<R>(runs: &[R], read: fn(&R) -> Option<f64>) -> Outcome {
    let figures: Option<Vec<f64>> = runs.iter().map(read).collect();
    match figures {
        Some(figures) => Outcome::Measured(Spread::of(figures.into_iter())),
        None => Outcome::Failed("not every run has this figure".to_owned()),
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
    use super::*;
    use crate::turns::Runs;

    /// A topic of one figure, which each run is.
    struct Speed;

    impl Topic for Speed {
        type Part = ();
        type Program = &'static str;
        type Run = f64;
    }

    const fn series(program: &'static str) -> Series<Speed> {
        Series {
            program,
            label: program,
            read: |run| Some(*run),
        }
    }

    const FASTER: Goal<Speed> = Goal {
        part: (),
        figure: "packets/s",
        ours: series("ours"),
        others: &[series("one"), series("another")],
        target: Target::ratio(Bound::AtLeast, 1.1),
    };

    fn section(ours: Runs<f64>, one: Runs<f64>, another: Runs<f64>) -> Section {
        let measured = vec![("ours", ours), ("one", one), ("another", another)];
        Section::of("A race", &[&FASTER, &FASTER], &measured)
    }

    #[test]
    fn the_best_of_the_others_decides() {
        let ours = || Ok(vec![100.0, 120.0, 500.0]);
        let section = section(ours(), Ok(vec![80.0]), Ok(vec![100.0]));
        let judged = &section.goals[0];
        assert_eq!((judged.ratio, judged.reached), (Some(1.2), Some(true)));
    }

    #[test]
    fn what_is_missing_or_failed_is_said() {
        let failed = Err(Outcome::Failed("it broke".to_owned()));
        let missing = Err(Outcome::Missing("not installed"));
        let text = section(failed, missing, Ok(vec![40.0])).to_string();
        for part in ["failed", "not installed", "cannot tell", "40.00"] {
            assert!(text.contains(part), "{part:?} in {text}");
        }
        assert_eq!(text.matches("ours: it broke").count(), 1);
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
