//! The hidden subcommand that becomes another program.
//!
//! It ties the process to its parent and puts it on a core, then executes the program in its own place: both outlive
//! that. So a foreign program needs to know of neither, and nothing has to be done between fork and exec.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::{LIFETIME, this_program, tie_for};
use crate::pin::Core;

/// Becomes another program, tied to the parent process.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The core to stay on
    #[arg(long)]
    core: Option<Core>,

    /// Seconds for which it may run
    #[arg(long)]
    lifetime: u64,

    program: OsString,

    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// Becomes the program; returns only if that fails.
pub(crate) fn run(args: &Args) -> Result<()> {
    tie_for(Duration::from_secs(args.lifetime))?;
    if let Some(core) = args.core {
        core.pin_this_thread()?;
    }
    let error = Command::new(&args.program).args(&args.arguments).exec();
    Err(error).with_context(|| format!("cannot start {}", args.program.display()))
}

/// A command that runs `program` in this way; without a core it may run on all that this process may use.
pub(crate) fn command(core: Option<Core>, program: &Path, arguments: &[String]) -> Result<Command> {
    command_for(LIFETIME, core, program, arguments)
}

/// The same, for another time than [`LIFETIME`] at the most.
pub(crate) fn command_for(
    lifetime: Duration,
    core: Option<Core>,
    program: &Path,
    arguments: &[String],
) -> Result<Command> {
    let lifetime = lifetime.as_secs().to_string();
    let mut command = this_program(&["launch", "--lifetime", &lifetime])?;
    if let Some(core) = core {
        command.args(["--core", &core.to_string()]);
    }
    command.arg("--").arg(program).args(arguments);
    Ok(command)
}
