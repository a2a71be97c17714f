//! The lines that a person types, or a pipe brings, and whom they are for.

use std::io;
use std::thread;

use proto::relay::native::MAX_CONTENT;
use proto::relay::native::frames::To;
use runtime::prompt::{Printer, Prompt, PromptError};

use super::command::{self, Command};
use crate::peer::{Happening, Teller};
use crate::to::Recipient;

/// What is typed.
#[derive(Debug)]
pub(super) enum Typed {
    Command(Command),
    /// The input has ended, well or not.
    End(Result<(), PromptError>),
}

/// A prompt, and who plain lines are for.
#[derive(Debug)]
pub(super) struct Input {
    prompt: Prompt,
    current: Option<To>,
}

impl Input {
    pub(super) fn new(current: Option<To>) -> Result<Self, PromptError> {
        let prompt = Prompt::new(&shown(current), MAX_CONTENT)?;
        Ok(Self { prompt, current })
    }

    pub(super) fn is_terminal(&self) -> bool {
        self.prompt.is_terminal()
    }

    pub(super) fn printer(&mut self) -> Result<Printer, PromptError> {
        self.prompt.printer()
    }

    /// Reads on a thread of its own until the end.
    pub(super) fn start(mut self, teller: Teller<Typed>) -> io::Result<()> {
        let thread = thread::Builder::new().name("input".into());
        thread.spawn(move || {
            let ended = self.forward(&teller);
            // The terminal is let go before the end is told: who prints then prints there.
            drop(self);
            teller.tell(Happening::Local(Typed::End(ended)));
        })?;
        Ok(())
    }

    fn forward(&mut self, teller: &Teller<Typed>) -> Result<(), PromptError> {
        loop {
            let command = match self.prompt.next_line() {
                Ok(None) => return Ok(()),
                Ok(Some(line)) => command::read(&line, self.current),
                Err(error @ PromptError::TooLong { .. }) => Command::Wrong(error.to_string()),
                Err(error) => return Err(error),
            };
            if command == Command::Quit {
                return Ok(());
            }
            self.turn(&command);
            if !teller.tell(Happening::Local(Typed::Command(command))) {
                return Ok(());
            }
        }
    }

    fn turn(&mut self, command: &Command) {
        match command {
            Command::Turn(to) => self.current = Some(*to),
            Command::Join(room) => self.current = Some(To::Room(*room)),
            Command::Leave(room) if self.current == Some(To::Room(*room)) => self.current = None,
            _ => return,
        }
        self.prompt.set_prompt(shown(self.current));
    }
}

fn shown(current: Option<To>) -> String {
    let current = current.map(|to| Recipient(to).to_string());
    format!("{}> ", current.unwrap_or_default())
}
