//! What was measured on, and how; and what whoever waits is told meanwhile.

use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;

use crate::options::Common;
use crate::pin::Core;

/// What it was measured on, and how.
#[derive(Serialize)]
pub(crate) struct Setup {
    kernel: String,
    /// As the kernel lists them: a range, or ranges.
    cores: String,
    /// Runnable threads in the minute before, by the kernel: above 0.5 something else took part.
    load_before: String,
    runs: u32,
    /// Absent where a run takes as long as what it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds_per_run: Option<f64>,
    /// Absent where programs may use all cores, as the next.
    #[serde(skip_serializing_if = "Option::is_none")]
    server_core: Option<Core>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_core: Option<Core>,
    /// Whether this is a build for speed; the figures of another mean little.
    optimised: bool,
}

impl Setup {
    /// The machine as it is now.
    pub(crate) fn of(options: &Common, length: Duration) -> Self {
        Self {
            seconds_per_run: Some(length.as_secs_f64()),
            ..Self::of_whole_runs(options)
        }
    }

    /// The same for runs that take as long as what they do.
    pub(crate) fn of_whole_runs(options: &Common) -> Self {
        let first_word = |path| {
            let text = fs::read_to_string(path).unwrap_or_default();
            text.split_whitespace().next().unwrap_or("?").to_owned()
        };
        Self {
            kernel: first_word("/proc/sys/kernel/osrelease"),
            cores: first_word("/sys/devices/system/cpu/online"),
            load_before: first_word("/proc/loadavg"),
            runs: options.runs,
            seconds_per_run: None,
            server_core: Some(options.server_core),
            client_core: Some(options.client_core),
            optimised: !cfg!(debug_assertions),
        }
    }

    /// The same for programs that may use all cores.
    pub(crate) fn unpinned(self) -> Self {
        Self {
            server_core: None,
            client_core: None,
            ..self
        }
    }
}

impl fmt::Display for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "Linux {}, cores {}, load before {}.",
            self.kernel, self.cores, self.load_before
        )?;
        if let (Some(server), Some(client)) = (self.server_core, self.client_core) {
            write!(f, "Server on core {server}, client on core {client}. ")?;
        } else {
            write!(f, "Server and client on all cores. ")?;
        }
        write!(f, "Medians of {} alternating runs", self.runs)?;
        match self.seconds_per_run {
            Some(seconds) => writeln!(f, " of {seconds} s.")?,
            None => writeln!(f, ".")?,
        }
        if !self.optimised {
            writeln!(f, "A debug build: build with --release for figures.")?;
        }
        Ok(())
    }
}

/// Tells whoever waits what is being measured; on stderr, for stdout is for the report.
pub(crate) fn progress(title: &str) {
    // Not worth failing for.
    let _ = writeln!(io::stderr().lock(), "measuring: {title}");
}
