//! Files from one machine to another, behind a key.
//!
//! `proto` says what the bytes mean, `runtime` has the sockets and the folders; here they are wired together.

mod args;
mod guard;
mod key;
mod session;
mod sink;
mod source;
mod transfer;

use runtime::cli::Exit;

pub use args::Args;
use args::Command;

/// Does what the command line asks for.
///
/// # Errors
/// With a message for the user, the cure included where it is known.
pub fn run(args: Args) -> anyhow::Result<Exit> {
    args.verbosity.start_log();
    match args.command {
        Command::Serve(_) => anyhow::bail!("not yet"),
        Command::Get(_) => anyhow::bail!("not yet"),
        Command::List(_) => anyhow::bail!("not yet"),
        Command::Receive(_) => anyhow::bail!("not yet"),
        Command::Send(_) => anyhow::bail!("not yet"),
    }
}
