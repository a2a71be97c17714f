//! Keeping a thread, and what it starts, on one core.

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

use serde::Serialize;

/// A processor core by the kernel's number for it, from 0.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Core(usize);

impl Core {
    /// Keeps the calling thread on this core; threads and processes that it starts later inherit that.
    #[cfg(target_os = "linux")]
    pub(crate) fn pin_this_thread(self) -> anyhow::Result<()> {
        use anyhow::Context;
        use nix::sched::{CpuSet, sched_setaffinity};
        use nix::unistd::Pid;

        let mut set = CpuSet::new();
        set.set(self.0)
            .and_then(|()| sched_setaffinity(Pid::from_raw(0), &set))
            .with_context(|| format!("cannot run on core {self}: is there one of that number?"))
    }
}

impl FromStr for Core {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl fmt::Display for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
