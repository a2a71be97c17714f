//! Programs that take turns at one load, and what became of each.

use anyhow::Result;
use serde::Serialize;

use crate::goal::Topic;
use crate::setup::progress;
use crate::stats::{Spread, alternate};

/// How often programs take their turns at one load, and how long that lasts.
pub(crate) struct Turns {
    pub(crate) title: &'static str,
    pub(crate) runs: u32,
    /// What a run takes, about.
    pub(crate) seconds_each: f64,
}

/// The runs of a program, or why there are none.
pub(crate) type Runs<R> = Result<Vec<R>, Outcome>;

/// Programs with their runs.
pub(crate) type Measured<T> = Vec<(<T as Topic>::Program, Runs<<T as Topic>::Run>)>;

impl Turns {
    /// Lets all the programs run that `missing` has no reason against.
    pub(crate) fn take<T: Topic>(
        &self,
        wanted: &[T::Program],
        missing: impl Fn(T::Program) -> Option<&'static str>,
        mut run: impl FnMut(T::Program) -> Result<T::Run>,
    ) -> Measured<T> {
        let is_there = |program: &&T::Program| missing(**program).is_none();
        let there: Vec<_> = wanted.iter().filter(is_there).copied().collect();
        self.announce(there.len());
        let mut all: Measured<T> = Vec::new();
        for (program, runs) in alternate(self.runs, &there, &mut run) {
            let runs = runs.into_iter().collect::<Result<Vec<_>>>();
            all.push((
                program,
                runs.map_err(|error| Outcome::Failed(format!("{error:#}"))),
            ));
        }
        let reasons = wanted
            .iter()
            .filter_map(|program| Some((*program, Err(Outcome::Missing(missing(*program)?)))));
        all.extend(reasons);
        all
    }

    fn announce(&self, programs: usize) {
        let runs = programs * self.runs as usize;
        let seconds = runs as f64 * self.seconds_each;
        progress(&format!(
            "{} ({runs} runs, about {seconds:.0} s)",
            self.title
        ));
    }
}

/// What became of a program in one workload.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// All its runs went well.
    Measured(Spread),
    /// It is not there; this is how to get it.
    Missing(&'static str),
    /// A run failed for this reason.
    Failed(String),
}

impl Outcome {
    /// The median of its runs, if there are any.
    pub(crate) fn median(&self) -> Option<f64> {
        match self {
            Self::Measured(spread) => Some(spread.median),
            Self::Missing(_) | Self::Failed(_) => None,
        }
    }
}
