//! The interactive client of the upper-case echo.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use proto::echo::{self, Request};
use runtime::cli::{self, Exit};
use runtime::escape::Escaped;
use runtime::prompt::{Prompt, PromptError};
use runtime::udp::{self, ClientError};

use crate::args;

/// What a classic client prints when its conversation is over.
const CLOSED: &str = "CONNECTION CLOSED";

pub(crate) fn run(args: &args::Client) -> anyhow::Result<Exit> {
    let mut prompt = Prompt::new("> ", echo::MAX_REQUEST)?;
    let mut conversation = Conversation {
        client: udp::Client::connect(&args.target, echo::DEFAULT_PORT)?,
        timeout: args.timeout,
        unanswered: Vec::new(),
    };
    if prompt.is_terminal() {
        let mut out = io::stdout().lock();
        writeln!(
            out,
            "udp://{} answers in upper case; \"quit\" ends",
            args.target
        )?;
    }
    loop {
        let line = match prompt.next_line() {
            Ok(Some(line)) => line,
            Ok(None) => return Ok(Exit::Success),
            Err(error @ PromptError::TooLong { .. }) if prompt.is_terminal() => {
                cli::complain(&error.to_string());
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let request = Request::new(&line)?;
        match conversation.ask(request) {
            Ok(answer) => print(&answer)?,
            Err(error) if prompt.is_terminal() => cli::complain(&error.to_string()),
            Err(error) => return Err(error.into()),
        }
        if request.is_quit() {
            writeln!(io::stdout().lock(), "{CLOSED}")?;
            return Ok(Exit::Success);
        }
    }
}

/// A terminal gets text that cannot harm it, anything else the bytes as they came.
fn print(answer: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if out.is_terminal() {
        writeln!(out, "{}", Escaped(answer))?;
    } else {
        out.write_all(answer)?;
        out.write_all(b"\n")?;
    }
    out.flush()
}

struct Conversation {
    client: udp::Client,
    timeout: Duration,
    /// Requests that were given up: their answers may still come.
    unanswered: Vec<Vec<u8>>,
}

impl Conversation {
    /// How many given-up requests are remembered.
    const REMEMBERED: usize = 16;

    /// The answer to this request. One that belongs to an earlier request is told apart by what it says.
    fn ask(&mut self, request: Request<'_>) -> Result<Vec<u8>, ClientError> {
        let deadline = Instant::now() + self.timeout;
        let mut answered = self.client.request(request.as_bytes(), self.timeout);
        while let Ok(answer) = &answered
            && !request.is_answered_by(answer)
            && let Some(place) = self
                .unanswered
                .iter()
                .position(|earlier| Request::decode(earlier).is_answered_by(answer))
        {
            let earlier = self.unanswered.remove(place);
            tracing::warn!("late answer to \"{}\"", Escaped(&earlier));
            answered = self.client.receive_until(deadline).and_then(|answer| {
                answer.ok_or(ClientError::Silent {
                    addr: self.client.server_addr(),
                    timeout: self.timeout,
                })
            });
        }
        if let Err(ClientError::Silent { .. }) = answered {
            if self.unanswered.len() == Self::REMEMBERED {
                self.unanswered.remove(0);
            }
            self.unanswered.push(request.as_bytes().to_vec());
        }
        answered
    }
}
