//! The month service: the smallest program of the workspace, and the example to copy.
//!
//! `proto::months` says what the datagrams mean, `runtime` sends and receives them; here the two are wired together.
//! "How to add a protocol" in `ARCHITECTURE.md` walks through it.

mod ask;
mod serve;

use std::time::Duration;

use clap::{Parser, Subcommand};
use proto::months::Month;
use runtime::addr::{Bind, Target};
use runtime::cli::Exit;
use runtime::log::Verbosity;
use runtime::units;

/// The names of the months, over UDP
#[derive(Debug, Parser)]
#[command(
    version,
    propagate_version = true,
    after_help = "Examples:
  months serve                      on this machine, port 8091
  months serve --bind :8091         on every interface
  months ask 2 7                    February and July
  months ask example.org 12         of another server
  months ask                        a prompt

Exit codes: 0 success, 1 failure, 2 usage."
)]
pub struct Args {
    #[command(flatten)]
    verbosity: Verbosity,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(Serve),
    Ask(Ask),
}

/// Serve the names of the months
#[derive(Debug, clap::Args)]
struct Serve {
    /// Address and port to listen on, such as 127.0.0.1:0 or :8091 for every interface (repeatable)
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8091")]
    bind: Vec<Bind>,
}

/// Ask for the names of months, at a prompt where no number is given
#[derive(Debug, clap::Args)]
struct Ask {
    /// Server (HOST, HOST:PORT or [V6]:PORT; 127.0.0.1:8091 unless given), then the numbers 1 to 12
    #[arg(value_name = "[TARGET] [N]...")]
    words: Vec<String>,
    /// How long to wait for each answer, such as 500ms or 2 (seconds)
    #[arg(short, long, value_name = "T", default_value = "2s", value_parser = units::positive_time)]
    timeout: Duration,
}

impl Ask {
    /// A first word that is no number is the server.
    fn parse(&self) -> anyhow::Result<(Target, Vec<Month>)> {
        let (target, numbers) = match self.words.split_first() {
            Some((first, rest)) if first.parse::<i64>().is_err() => (first.as_str(), rest),
            _ => ("127.0.0.1:8091", self.words.as_slice()),
        };
        let months = numbers.iter().map(|number| {
            let month = number.parse().ok().and_then(Month::new);
            month.ok_or_else(|| anyhow::anyhow!("expected numbers from 1 to 12, got '{number}'"))
        });
        Ok((target.parse()?, months.collect::<anyhow::Result<_>>()?))
    }
}

/// Does what the command line asks for.
///
/// # Errors
/// With a message for the user, the cure included where it is known.
pub fn run(args: Args) -> anyhow::Result<Exit> {
    args.verbosity.start_log();
    match args.command {
        Command::Serve(args) => serve::run(&args.bind),
        Command::Ask(args) => {
            let (target, months) = args.parse()?;
            ask::run(&target, &months, args.timeout)
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    fn asked(words: &[&str]) -> anyhow::Result<(String, Vec<u8>)> {
        let ask = Ask {
            words: words.iter().map(ToString::to_string).collect(),
            timeout: Duration::from_secs(1),
        };
        let (target, months) = ask.parse()?;
        let numbers = months.into_iter().map(Month::number).collect();
        Ok((target.to_string(), numbers))
    }

    #[test]
    fn a_target_is_told_from_numbers() {
        let here = "127.0.0.1:8091".to_owned();
        assert_eq!(asked(&[]).unwrap(), (here.clone(), vec![]));
        assert_eq!(asked(&["2", "12"]).unwrap(), (here, vec![2, 12]));
        let there = "example.org".to_owned();
        assert_eq!(asked(&["example.org", "1"]).unwrap(), (there, vec![1]));
        for wrong in [&["13"][..], &["0"], &["1", "x"], &["-1"], &["a b", "1"]] {
            assert!(asked(wrong).is_err(), "{wrong:?}");
        }
    }
}
