//! What was typed.

use clap::{Parser, Subcommand};
use runtime::log::Verbosity;

use crate::{chat, listen, menu, send, serve, status};

/// Messages between processes through a central relay, over UDP
#[derive(Debug, Parser)]
#[command(
    version,
    propagate_version = true,
    after_help = "Examples:
  relay serve                                  a relay on port 9000
  relay chat example.org --room lobby          talk to others
  relay send example.org --to alice hello      one message, and whether it was taken
  relay listen example.org --name alice        what comes for alice, for scripts
  relay status example.org                     how the relay is
  relay menu example.org                       the classic menu

Exit codes: 0 success, 1 failure, 2 usage, 4 some messages were taken and others were not."
)]
pub struct Args {
    #[command(flatten)]
    pub(crate) verbosity: Verbosity,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Serve(serve::Args),
    Chat(chat::Args),
    Menu(menu::Args),
    Send(send::Args),
    Listen(listen::Args),
    Status(status::Args),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }
}
