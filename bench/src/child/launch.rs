//! The hidden subcommand that becomes another program.
//!
//! It ties the process to its parent and puts it on a core, then executes the program in its own place: both outlive
//! that. So a foreign program needs to know of neither, and nothing has to be done between fork and exec.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::{this_program, tie};
use crate::pin::Core;

/// Becomes another program, tied to the parent process.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The core to stay on
    #[arg(long)]
    core: Option<Core>,

    program: OsString,

    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// Becomes the program; returns only if that fails.
pub(crate) fn run(args: &Args) -> Result<()> {
    tie()?;
    if let Some(core) = args.core {
        core.pin_this_thread()?;
    }
    let error = Command::new(&args.program).args(&args.arguments).exec();
    Err(error).with_context(|| format!("cannot start {}", args.program.display()))
}

/// A command that runs `program` in this way; without a core it may run on all that this process may use.
pub(crate) fn command(core: Option<Core>, program: &Path, arguments: &[String]) -> Result<Command> {
    let mut command = this_program(&["launch"])?;
    if let Some(core) = core {
        command.args(["--core", &core.to_string()]);
    }
    command.arg("--").arg(program).args(arguments);
    Ok(command)
}
