//! What is read from the runs of programs, beside whom, and what it ought to be.

use serde::Serialize;

/// A topic that compares a program of ours with others: what its goals are made of.
pub(crate) trait Topic: 'static {
    /// A part of the report, as its user names it.
    type Part;
    /// Who takes part.
    type Program: Copy + PartialEq;
    /// One run of one program.
    type Run;
}

/// A figure of our own program, the same of others, and the goal.
pub(crate) struct Goal<T: Topic> {
    pub(crate) part: T::Part,
    pub(crate) figure: &'static str,
    pub(crate) ours: Series<T>,
    pub(crate) others: &'static [Series<T>],
    pub(crate) target: Target,
}

impl<T: Topic> Goal<T> {
    fn series(&self) -> impl Iterator<Item = &Series<T>> {
        std::iter::once(&self.ours).chain(self.others)
    }
}

/// A figure of each run of a program.
pub(crate) struct Series<T: Topic> {
    pub(crate) program: T::Program,
    pub(crate) label: &'static str,
    pub(crate) read: fn(&T::Run) -> Option<f64>,
}

impl<T: Topic> Series<T> {
    pub(crate) const fn of(
        program: T::Program,
        label: &'static str,
        read: fn(&T::Run) -> Option<f64>,
    ) -> Self {
        Self {
            program,
            label,
            read,
        }
    }
}

/// The programs that these goals read figures of, each once.
pub(crate) fn taking_part<T: Topic>(goals: &[&Goal<T>]) -> Vec<T::Program> {
    let mut programs = Vec::new();
    for series in goals.iter().flat_map(|goal| goal.series()) {
        if !programs.contains(&series.program) {
            programs.push(series.program);
        }
    }
    programs
}

/// Checks that every part of a topic has a goal, and a place in the report.
#[cfg(test)]
pub(crate) fn check_parts<T: Topic>(goals: &[Goal<T>], in_report: &[T::Part])
where
    T::Part: clap::ValueEnum + PartialEq + std::fmt::Debug,
{
    for part in clap::ValueEnum::value_variants() {
        assert!(goals.iter().any(|goal| goal.part == *part), "{part:?}");
        assert!(in_report.contains(part), "{part:?}");
    }
}

/// What a figure ought to be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Target {
    pub(crate) bound: Bound,
    pub(crate) value: f64,
    pub(crate) of: Of,
}

impl Target {
    /// Our figure by the best of the others' ought to be on this side of the value.
    pub(crate) const fn ratio(bound: Bound, value: f64) -> Self {
        Self {
            bound,
            value,
            of: Of::Ratio,
        }
    }

    /// Our figure itself ought to be on this side of the value.
    pub(crate) const fn itself(bound: Bound, value: f64) -> Self {
        Self {
            bound,
            value,
            of: Of::Figure,
        }
    }
}

/// On which side of the value it ought to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Bound {
    AtMost,
    AtLeast,
}

/// What the value is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Of {
    /// Our figure by the best of the others'.
    Ratio,
    /// Our figure itself.
    Figure,
}

impl Bound {
    /// Whether a value is on the right side.
    pub(crate) fn holds(self, value: f64, limit: f64) -> bool {
        match self {
            Self::AtMost => value <= limit,
            Self::AtLeast => value >= limit,
        }
    }

    /// The best of some values; where less is wanted, that is the least.
    pub(crate) fn best(self, values: impl Iterator<Item = f64>) -> Option<f64> {
        values.reduce(match self {
            Self::AtMost => f64::min,
            Self::AtLeast => f64::max,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_know_what_is_best() {
        assert_eq!(Bound::AtMost.best([3.0, 1.0].into_iter()), Some(1.0));
        assert_eq!(Bound::AtLeast.best([3.0, 1.0].into_iter()), Some(3.0));
        assert!(Bound::AtMost.holds(0.02, 0.02) && !Bound::AtMost.holds(0.03, 0.02));
        assert!(Bound::AtLeast.holds(1.1, 1.1) && !Bound::AtLeast.holds(1.0, 1.1));
    }
}
