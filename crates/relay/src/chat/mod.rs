//! Talk to others, at a terminal or through a pipe.

mod command;
mod input;
mod screen;
mod talk;
mod written;

use anyhow::Context;
use proto::relay::native::Name;
use proto::relay::native::frames::To;
use proto::relay::native::handshake::Purpose;
use runtime::cli::Exit;

use crate::peer::{Inbox, Reach};
use crate::to;
use crate::who::Naming;
use input::Input;
use talk::Talk;

/// Talk to others, at a terminal
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  relay chat example.org --room lobby          in #lobby, by your user name
  relay chat example.org --name alice          as alice; /msg bob hello writes to bob
  echo done | relay chat example.org --room builds

/help says what can be typed. Messages between names are sealed: the relay cannot read them. When the connection is
lost, what is written waits and goes out when it is back.")]
pub(crate) struct Args {
    #[command(flatten)]
    reach: Reach,
    #[command(flatten)]
    naming: Naming,
    /// Be in this room, and write to it
    #[arg(long, value_name = "ROOM", value_parser = to::room)]
    room: Option<Name>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    let who = args.naming.settle_or(user(), &args.reach.target)?;
    let inbox = Inbox::new()?;
    let arrival = args.reach.connect(&who, Purpose::Hear, &inbox)?;
    let mut input = Input::new(args.room.map(To::Room))?;
    let printer = input.printer()?;
    let mut talk = Talk::new(who, arrival, input.is_terminal(), printer);
    talk.begin(args.room)?;
    input
        .start(inbox.teller())
        .context("cannot start a thread")?;
    talk.run(&inbox)?;
    talk.finish(&inbox)?;
    Ok(Exit::Success)
}

/// The user's name, as far as it is one here.
fn user() -> Name {
    let user = ["USER", "LOGNAME", "USERNAME"]
        .iter()
        .find_map(|variable| std::env::var(variable).ok());
    named(&user.unwrap_or_default())
}

fn named(user: &str) -> Name {
    let fine = |c: &char| c.is_ascii_alphanumeric() || "-_.".contains(*c);
    let text: String = user.chars().filter(fine).take(Name::MAX).collect();
    let text = text.trim_start_matches(['-', '_', '.']);
    text.parse()
        .or_else(|_| "guest".parse())
        .expect("\"guest\" is a name")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_a_name() {
        let table = [
            ("alice", "alice"),
            ("Alice Müller", "alicemller"),
            ("_www", "www"),
            ("", "guest"),
            ("日本", "guest"),
        ];
        for (user, expected) in table {
            assert_eq!(named(user).as_str(), expected);
        }
        assert_eq!(named(&"x".repeat(99)).as_str().len(), 32);
    }
}
