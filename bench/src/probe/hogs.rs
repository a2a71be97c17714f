//! Programs that do nothing but burn a core.

use std::hint::black_box;

use anyhow::{Result, ensure};

use crate::child::{self, Process};
use crate::pin::Core;

/// Burns a core until it is killed.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The core
    core: Core,
}

/// Burns; only an error ends it.
pub(crate) fn run(args: &Args) -> Result<()> {
    child::tie()?;
    args.core.pin_this_thread()?;
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

/// A process on each of some cores that burns it, until this is dropped.
pub(crate) struct Hogs(Vec<Process>);

impl Hogs {
    /// Starts them.
    pub(crate) fn start(cores: &[Core]) -> Result<Self> {
        let start =
            |core: &Core| Process::start(&mut child::this_program(&["hog", &core.to_string()])?);
        cores.iter().map(start).collect::<Result<_>>().map(Self)
    }

    /// Makes sure that they burn still.
    pub(crate) fn check(&mut self) -> Result<()> {
        let all = self.0.iter_mut().all(Process::runs);
        ensure!(all, "a program that was to burn a core has ended");
        Ok(())
    }
}
