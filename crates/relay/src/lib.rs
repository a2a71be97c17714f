//! Messages between processes, through a central relay.
//!
//! `proto::relay` says what the bytes mean and decides (its `hub` is the relay, its `native::Client` a client), `runtime`
//! has the sockets; here they are wired together.

mod args;
mod chat;
mod listen;
mod menu;
mod peer;
mod relays;
mod send;
mod serve;
mod status;
mod to;
mod who;
mod words;

use runtime::cli::Exit;

pub use args::Args;
use args::Command;

/// Does what the command line asks for.
///
/// # Errors
/// With a message for the user, the cure included where it is known.
pub fn run(args: Args) -> anyhow::Result<Exit> {
    args.verbosity.start_log_without(&["async_nats"]);
    match args.command {
        Command::Serve(args) => serve::run(&args),
        Command::Chat(args) => chat::run(&args),
        Command::Menu(args) => menu::run(&args),
        Command::Send(args) => send::run(&args),
        Command::Listen(args) => listen::run(&args),
        Command::Status(args) => status::run(&args),
    }
}
