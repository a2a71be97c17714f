//! The lines of standard input, read as fast as they are sent.

use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use proto::relay::native::MAX_CONTENT;
use runtime::prompt::{Prompt, PromptError};

use crate::peer::{Happening, Teller};

/// How many bytes of lines may be read ahead.
const AHEAD: usize = 2 * MAX_CONTENT;

/// What a line takes beside its text.
const OVERHEAD: usize = 64;

/// What is read.
#[derive(Debug)]
pub(super) enum Line {
    Text(Vec<u8>),
    End(Result<(), PromptError>),
}

/// A thread that reads.
#[derive(Debug)]
pub(super) struct Lines {
    gate: Arc<Gate>,
}

impl Lines {
    pub(super) fn read(teller: Teller<Line>) -> io::Result<Self> {
        let gate = Arc::new(Gate::default());
        let passed = Arc::clone(&gate);
        let thread = thread::Builder::new().name("input".into());
        thread.spawn(move || {
            let ended = forward(&teller, &passed);
            teller.tell(Happening::Local(Line::End(ended)));
        })?;
        Ok(Self { gate })
    }

    /// A line of this length was taken.
    pub(super) fn release(&self, length: usize) {
        self.gate.release(length + OVERHEAD);
    }
}

fn forward(teller: &Teller<Line>, gate: &Gate) -> Result<(), PromptError> {
    let mut prompt = Prompt::new("", MAX_CONTENT)?;
    while let Some(line) = prompt.next_line()? {
        gate.pass(line.len() + OVERHEAD);
        if !teller.tell(Happening::Local(Line::Text(line))) {
            break;
        }
    }
    Ok(())
}

/// Holds back whoever is too far ahead.
#[derive(Debug, Default)]
struct Gate {
    ahead: Mutex<usize>,
    released: Condvar,
}

impl Gate {
    fn pass(&self, weight: usize) {
        let mut ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        while *ahead > AHEAD {
            let woken = self.released.wait(ahead);
            ahead = woken.unwrap_or_else(PoisonError::into_inner);
        }
        *ahead += weight;
    }

    fn release(&self, weight: usize) {
        let mut ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        *ahead = ahead.saturating_sub(weight);
        self.released.notify_one();
    }
}
