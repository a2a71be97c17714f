//! A person's lines and the server's answers.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use anyhow::anyhow;
use proto::echo::{self, Answers, Awaited};
use runtime::cli::{self, Exit};
use runtime::escape::Escaped;
use runtime::prompt::{Prompt, PromptError};
use runtime::tcp::{self, ClientError};

use crate::args;

/// How long an answer that is no upper case may pause before it is taken to be whole.
const PAUSE: Duration = Duration::from_millis(200);

/// The most that is taken as one answer, in bytes.
const MAX_ANSWER: usize = 64 * 1024;

pub(super) fn run(
    args: &args::Client,
    mut prompt: Prompt,
    server: tcp::Client,
) -> anyhow::Result<Exit> {
    let mut out = io::stdout();
    writeln!(
        out,
        "tcp://{} answers in upper case; Ctrl-D ends",
        args.target
    )?;
    let mut conversation = Conversation::new(args, server);
    loop {
        match prompt.next_line() {
            Ok(Some(line)) if line.is_empty() => {}
            Ok(Some(line)) => {
                let mut answer = Vec::new();
                let answered = conversation.ask(&line, &mut answer);
                if !answer.is_empty() {
                    writeln!(out, "{}", Escaped(&answer))?;
                }
                if let Err(error) = answered {
                    cli::complain(&error.to_string());
                }
            }
            Ok(None) => return Ok(Exit::Success),
            Err(error @ PromptError::TooLong { .. }) => cli::complain(&error.to_string()),
            Err(error) => return Err(error.into()),
        }
    }
}

struct Conversation<'a> {
    args: &'a args::Client,
    /// `None` after the connection has ended.
    line: Option<Line>,
    buffer: Vec<u8>,
    closing_was_said: bool,
}

/// A connection, and what is due on it.
struct Line {
    server: tcp::Client,
    answers: Answers,
}

impl Line {
    fn new(server: tcp::Client) -> Self {
        Self {
            server,
            answers: Answers::default(),
        }
    }
}

impl<'a> Conversation<'a> {
    fn new(args: &'a args::Client, server: tcp::Client) -> Self {
        Self {
            args,
            line: Some(Line::new(server)),
            buffer: vec![0; MAX_ANSWER],
            closing_was_said: false,
        }
    }

    /// Appends the answer, or what came of it before an error; an earlier answer that comes late is before it.
    ///
    /// A server may have closed a connection since its last answer, as classic ones do after each: another is made then.
    fn ask(&mut self, request: &[u8], answer: &mut Vec<u8>) -> anyhow::Result<()> {
        let was_open = self.line.is_some();
        let asked = match self.try_ask(request, answer) {
            Err(error) if was_open && error.is_end() => self.try_ask(request, answer),
            asked => asked,
        };
        asked.map_err(|error| match answer.len() {
            0 => error.into(),
            came => anyhow!("expected more than these {came} bytes of answer: {error}"),
        })
    }

    fn try_ask(&mut self, request: &[u8], answer: &mut Vec<u8>) -> Result<(), ClientError> {
        let timeout = self.args.timeout;
        let mut line = match self.line.take() {
            Some(line) => line,
            None => {
                let (target, port) = (&self.args.target, echo::DEFAULT_PORT);
                Line::new(tcp::Client::connect(target, port, timeout)?)
            }
        };
        match line.ask(request, timeout, &mut self.buffer, answer) {
            Err(error) if error.is_end() => {
                if answer.is_empty() {
                    return Err(error);
                }
                self.say_closing(&error);
                Ok(())
            }
            asked => {
                self.line = Some(line);
                asked
            }
        }
    }

    fn say_closing(&mut self, error: &ClientError) {
        if !std::mem::replace(&mut self.closing_was_said, true) {
            tracing::warn!(
                "{error} after its answer, as classic servers do: each line gets one of its own"
            );
        }
    }
}

impl Line {
    fn ask(
        &mut self,
        request: &[u8],
        timeout: Duration,
        buffer: &mut [u8],
        answer: &mut Vec<u8>,
    ) -> Result<(), ClientError> {
        let deadline = Instant::now() + timeout;
        self.server.send(request, timeout)?;
        self.answers.sent(request);
        while self.answers.awaited() != Awaited::Nothing && answer.len() < MAX_ANSWER {
            let may_be_whole = self.answers.awaited() == Awaited::Unknown && !answer.is_empty();
            let until = match may_be_whole {
                true => deadline.min(Instant::now() + PAUSE),
                false => deadline,
            };
            match self.server.receive_until(until, timeout, buffer) {
                Ok(bytes) => {
                    self.answers.received(bytes);
                    answer.extend_from_slice(bytes);
                }
                Err(ClientError::Silent { .. }) if may_be_whole => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
