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
    client_cpu_us: Option<f64>,
    flushes_per_1000: Option<f64>,
    waiting_mb: Option<f64>,
    waiting_peak_mb: Option<f64>,
}

type Read = fn(&Row) -> Option<f64>;

/// What is shown of each: its title, how many decimals it has, and where it is.
const COLUMNS: [(&str, usize, Read); 10] = [
    ("deliveries/s", 0, |row| row.deliveries_per_s),
    ("server's CPU for each, µs", 3, |row| row.server_cpu_us),
    ("clients', µs", 3, |row| row.client_cpu_us),
    ("lost, %", 3, |row| row.lost_percent),
    ("p50, µs", 1, |row| row.p50_us),
    ("p99, µs", 1, |row| row.p99_us),
    ("flushes of the disk for 1000", 2, |row| {
        row.flushes_per_1000
    }),
    ("memory each, B", 0, |row| row.bytes_each),
    ("memory, MB", 1, |row| row.waiting_mb),
    ("its peak, MB", 1, |row| row.waiting_peak_mb),
];

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
            client_cpu_us: of(Run::client_cpu_us),
            flushes_per_1000: of(Run::flushes_per_1000),
            waiting_mb: of(Run::waiting_mb),
            waiting_peak_mb: of(Run::waiting_peak_mb),
        }
    }
}

impl fmt::Display for Used {
    /// Without the columns that say nothing here.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let says = |read: Read| self.0.iter().any(|row| read(row).is_some());
        let columns: Vec<_> = COLUMNS.iter().filter(|(_, _, read)| says(*read)).collect();
        let titles = columns.iter().map(|(title, ..)| *title);
        let mut table = Table::with_titles(std::iter::once("medians").chain(titles));
        for row in &self.0 {
            let cells = columns.iter().map(|(_, decimals, read)| {
                let figure = read(row).map(|figure| format!("{figure:.decimals$}"));
                figure.unwrap_or_default()
            });
            table.row(std::iter::once(row.program.to_owned()).chain(cells));
        }
        write!(f, "{table}")
    }
}
