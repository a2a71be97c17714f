//! What was typed.

use clap::{Parser, Subcommand};
use runtime::log::Verbosity;

use crate::{chat, listen, menu, send, serve, status};

/// Messages between processes through a central relay, over UDP
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
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
