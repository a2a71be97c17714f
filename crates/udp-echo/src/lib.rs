//! Upper-case echo over UDP, and the measurement of a path.
//!
//! `proto` says what the datagrams mean, `runtime` sends and receives them; here the two are wired together.

mod args;
mod client;
mod compare;
mod flood;
mod key;
mod pictures;
mod probe;
mod pump;
mod reach;
mod serve;
mod sweep;

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
        Command::Serve(args) => serve::run(&args),
        Command::Client(args) => client::run(&args),
        Command::Probe(args) => probe::run(&args),
        Command::Compare(args) => compare::run(&args),
        Command::Sweep(args) => sweep::run(&args),
        Command::Flood(args) => flood::run(&args),
    }
}
