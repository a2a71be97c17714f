//! Files from one machine to another, behind a key.
//!
//! `proto` says what the bytes mean, `runtime` has the sockets and the folders; here they are wired together.

mod args;
mod classic;
mod connect;
mod deadline;
mod discover;
mod filter;
mod get;
mod guard;
mod key;
mod line;
mod list;
mod listen;
mod qr;
mod receive;
mod retry;
mod send;
mod serve;
mod session;
mod show;
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
        Command::Serve(serve) => serve::run(&serve, args.verbosity),
        Command::Get(get) => get::run(&get, args.verbosity),
        Command::List(list) => list::run(&list),
        Command::Receive(receive) => receive::run(&receive, args.verbosity),
        Command::Send(send) => send::run(&send, args.verbosity),
    }
}
