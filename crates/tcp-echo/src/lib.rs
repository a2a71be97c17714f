//! Upper-case and acknowledging echo over TCP, and the load that shows how much of it a server bears.
//!
//! `proto` says what the bytes mean, `runtime` has the sockets; here the two are wired together.

mod args;
mod client;
mod greet;
mod load;
mod reach;
mod serve;

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
        Command::Greet(args) => greet::run(&args),
        Command::Load(args) => load::run(&args),
    }
}
