//! The client of the upper-case echo: a prompt for a person, a filter for a pipe.

mod filter;
mod output;
mod talk;

use proto::echo;
use runtime::cli::Exit;
use runtime::prompt::Prompt;

use crate::args::Client;
use crate::reach;

/// The longest line of the prompt, in bytes. It and its upper case fit into the buffers of any connection, so that to
/// send all of it never waits for somebody to read the answer.
const MAX_LINE: usize = 4096;

pub(crate) fn run(args: &Client) -> anyhow::Result<Exit> {
    let prompt = Prompt::new("> ", MAX_LINE)?;
    let port = echo::DEFAULT_PORT;
    let server = reach::connect(&args.target, port, args.timeout, "tcp-echo serve")?;
    if prompt.is_terminal() {
        talk::run(args, prompt, server)
    } else {
        filter::run(server)
    }
}
