//! What came of each program in a part, beside what its goals are about.

use std::fmt;

use serde::Serialize;

use super::goals::Relay;
use super::load::Run;
use crate::stats::median;
use crate::table::Table;
use crate::turns::Measured;

/// Those of a part whose runs went well.
#[derive(Serialize)]
pub(crate) struct Used(Vec<Row>);

/// Medians of a program's runs; absent what they do not have.
#[derive(Serialize)]
struct Row {
    program: &'static str,
    deliveries_per_s: Option<f64>,
    server_cpu_us: Option<f64>,
    lost_percent: Option<f64>,
    p50_us: Option<f64>,
    p99_us: Option<f64>,
    bytes_each: Option<f64>,
}

impl Used {
    /// By all that was measured.
    pub(crate) fn by(measured: &Measured<Relay>) -> Self {
        let rows = measured.iter().filter_map(|(program, runs)| {
            let runs = runs.as_ref().ok()?;
            Some(Row::of(program.label(), runs))
        });
        Self(rows.collect())
    }
}

impl Row {
    fn of(program: &'static str, runs: &[Run]) -> Self {
        let of = |read: fn(&Run) -> Option<f64>| {
            let figures: Option<Vec<_>> = runs.iter().map(read).collect();
            figures.map(median)
        };
        Self {
            program,
            deliveries_per_s: of(Run::per_s),
            server_cpu_us: of(Run::cpu_us),
            lost_percent: of(Run::lost_percent),
            p50_us: of(Run::p50_us),
            p99_us: of(Run::p99_us),
            bytes_each: of(Run::bytes_each),
        }
    }

    fn cells(&self) -> [String; 7] {
        let text = |figure: Option<f64>, decimals: usize| {
            figure
                .map(|figure| format!("{figure:.decimals$}"))
                .unwrap_or_default()
        };
        [
            self.program.to_owned(),
            text(self.deliveries_per_s, 0),
            text(self.server_cpu_us, 3),
            text(self.lost_percent, 3),
            text(self.p50_us, 1),
            text(self.p99_us, 1),
            text(self.bytes_each, 0),
        ]
    }
}

impl fmt::Display for Used {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new([
            "medians",
            "deliveries/s",
            "server's CPU for each, µs",
            "lost, %",
            "p50, µs",
            "p99, µs",
            "memory each, B",
        ]);
        for row in &self.0 {
            table.row(row.cells());
        }
        write!(f, "{table}")
    }
}
