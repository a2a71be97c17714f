//! What each program used in a part, beside what its goals are about.

use std::fmt;

use serde::Serialize;

use super::goals::Filexfer;
use super::transfer::Run;
use crate::stats::median;
use crate::table::Table;
use crate::turns::Measured;

/// What all programs of a part used, those whose runs went well.
#[derive(Serialize)]
pub(crate) struct Used(Vec<Row>);

/// Medians of a program's runs.
#[derive(Serialize)]
struct Row {
    program: &'static str,
    /// From the start of the receiver to its end.
    seconds: f64,
    sender_cpu_s: f64,
    receiver_cpu_s: f64,
    sender_mib: f64,
    receiver_mib: f64,
    /// With all headers; absent where others use the network too.
    #[serde(skip_serializing_if = "Option::is_none")]
    network_mb: Option<f64>,
}

impl Used {
    /// By all that was measured.
    pub(crate) fn by(measured: &Measured<Filexfer>) -> Self {
        let rows = measured.iter().filter_map(|(program, runs)| {
            let runs = runs.as_ref().ok()?;
            Row::of(program.label(), runs)
        });
        Self(rows.collect())
    }
}

impl Row {
    fn of(program: &'static str, runs: &[Run]) -> Option<Self> {
        let of = |read: fn(&Run) -> Option<f64>| {
            let figures: Option<Vec<_>> = runs.iter().map(read).collect();
            figures.map(median)
        };
        Some(Self {
            program,
            seconds: of(Run::seconds)?,
            sender_cpu_s: of(Run::sender_cpu)?,
            receiver_cpu_s: of(Run::receiver_cpu)?,
            sender_mib: of(Run::sender_mib)?,
            receiver_mib: of(Run::receiver_mib)?,
            network_mb: of(Run::wire_megabytes),
        })
    }

    fn cells(&self) -> [String; 7] {
        [
            self.program.to_owned(),
            format!("{:.3}", self.seconds),
            format!("{:.3}", self.sender_cpu_s),
            format!("{:.3}", self.receiver_cpu_s),
            format!("{:.1}", self.sender_mib),
            format!("{:.1}", self.receiver_mib),
            self.network_mb
                .map(|megabytes| format!("{megabytes:.2}"))
                .unwrap_or_default(),
        ]
    }
}

impl fmt::Display for Used {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new([
            "medians",
            "s",
            "CPU of the sender, s",
            "of the receiver, s",
            "memory of the sender, MiB",
            "of the receiver, MiB",
            "network, MB",
        ]);
        for row in &self.0 {
            table.row(row.cells());
        }
        write!(f, "{table}")
    }
}
