//! What a sink has of a file that was taken.

use std::fs::File;
use std::io::Write;
use std::rc::Rc;

use proto::filexfer::native::blocks::FileHash;
use proto::filexfer::native::message::{Entry, Finish, FromBasis};

use super::bases::Base;
use super::patching::Patching;
use super::saving::{ANOTHER_HASH, Care, Saving, Spot};
use super::settle::How;
use super::small::Small;
use super::target::Target;
use crate::transfer::{Event, TransferError, Watch};

/// So many zeros are written at once.
const ZEROS: usize = 1 << 20;

/// A file that was taken.
pub(super) struct Slot {
    /// Whether its begin was told.
    pub(super) begun: bool,
    /// Whether it was open when it was taken.
    pub(super) early: bool,
    /// What is here that it may be made of.
    pub(super) base: Option<Rc<Base>>,
    pub(super) state: State,
}

pub(super) enum State {
    /// It is opened when its bytes come.
    Waiting(Spot),
    Open(Box<Saving>),
    /// All of it came in one piece, and is written.
    Small(Small),
    /// It is made of what is here, as far as that is the same.
    Patching(Box<Patching>),
    /// It goes to standard output.
    Stream(Box<FileHash>),
    /// Its bytes are read and dropped, for this reason.
    Failed(String),
}

impl Slot {
    /// Says that it begins, once.
    pub(super) fn tell(&mut self, entry: &Entry, from: u64, watch: &mut dyn Watch) {
        if !std::mem::replace(&mut self.begun, true) {
            let (name, size) = (&entry.name, entry.size());
            watch.tell(Event::Begun { name, size, from });
        }
    }

    /// Makes it of these bytes, if they are all of it and nothing of it is there; otherwise it is to be opened.
    pub(super) fn make(&mut self, entry: &Entry, bytes: &[u8], care: Care) {
        if let State::Waiting(spot) = &self.state
            && entry.size() == Some(bytes.len() as u64)
            && let Some(made) = Small::make(spot, entry, bytes, care.preserve)
        {
            self.state = match made {
                Ok(small) => State::Small(small),
                Err(error) => State::Failed(error.to_string()),
            };
        }
    }

    /// Opens it if it is not yet.
    pub(super) fn open(&mut self, entry: &Entry, care: Care, alive: &mut dyn FnMut()) {
        if let State::Waiting(spot) = &self.state {
            self.state = match Saving::begin(spot, entry, care, alive) {
                Ok(saving) => State::Open(Box::new(saving)),
                Err(error) => State::Failed(error.to_string()),
            };
        }
    }

    pub(super) fn write(
        &mut self,
        bytes: &[u8],
        target: &Target,
        alive: &mut dyn FnMut(),
    ) -> Result<(), TransferError> {
        match &mut self.state {
            State::Open(saving) => {
                if let Err(error) = saving.write(bytes, alive) {
                    self.fail(error.to_string());
                }
            }
            State::Patching(patching) => {
                let written = patching.write(bytes, alive);
                self.note(written);
            }
            State::Stream(hash) => {
                hash.update(bytes, |_| ());
                if let Target::Stdout(stdout) = target {
                    stream(stdout, bytes)?;
                }
            }
            State::Waiting(_) | State::Small(_) | State::Failed(_) => {}
        }
        Ok(())
    }

    /// It cannot go on, and what is there of it is kept.
    fn fail(&mut self, reason: String) {
        if let State::Open(saving) = std::mem::replace(&mut self.state, State::Failed(reason)) {
            saving.keep();
        }
    }

    /// Adds bytes that are in the basis already.
    pub(super) fn from_basis(&mut self, piece: FromBasis, alive: &mut dyn FnMut()) {
        if let State::Patching(patching) = &mut self.state {
            let copied = patching.from_basis(piece, alive);
            self.note(copied);
        }
    }

    fn note(&mut self, done: std::io::Result<()>) {
        if let Err(error) = done
            && let State::Patching(patching) = &mut self.state
        {
            let state = State::Failed(patching.failed(&error.to_string()));
            if let State::Patching(patching) = std::mem::replace(&mut self.state, state) {
                patching.keep();
            }
        }
    }

    /// Adds zeros, without room for them where the file system can.
    pub(super) fn hole(
        &mut self,
        length: u64,
        target: &Target,
        alive: &mut dyn FnMut(),
    ) -> Result<(), TransferError> {
        match &mut self.state {
            State::Open(saving) => {
                let made = saving.hole(length, alive);
                if let Err(error) = made {
                    self.fail(error.to_string());
                }
                return Ok(());
            }
            State::Patching(patching) => {
                let made = patching.hole(length, alive);
                self.note(made);
                return Ok(());
            }
            State::Waiting(_) | State::Small(_) | State::Stream(_) | State::Failed(_) => {}
        }
        let zeros = vec![0; ZEROS];
        let mut left = length;
        while left > 0 {
            let now = left.min(ZEROS as u64);
            self.write(&zeros[..now as usize], target, alive)?;
            left -= now;
        }
        Ok(())
    }

    pub(super) fn finish(self, entry: &Entry, finish: &Finish, alive: &mut dyn FnMut()) -> How {
        let failed = match finish {
            Finish::Whole(hash) => return self.whole(entry, *hash, alive),
            Finish::Changed => "it changed while it was read".to_owned(),
            Finish::Failed(reason) => reason.as_str().to_owned(),
        };
        match self.state {
            State::Open(saving) => saving.discard(),
            State::Patching(patching) => return How::Failed(patching.discard(&failed)),
            _ => {}
        }
        How::Failed(failed)
    }

    fn whole(self, entry: &Entry, expected: [u8; 32], alive: &mut dyn FnMut()) -> How {
        match self.state {
            State::Open(saving) => match saving.complete(entry, expected, alive) {
                Ok(complete) => How::Complete(complete, expected),
                Err(error) => How::Failed(error.to_string()),
            },
            State::Small(small) if small.has(expected) => How::Small(small, expected),
            State::Small(_) => How::Failed(ANOTHER_HASH.into()),
            State::Patching(patching) => patching.complete(entry, expected, alive),
            State::Stream(hash) if hash.clone().finish() == expected => How::Streamed(expected),
            State::Stream(_) => How::Failed(ANOTHER_HASH.into()),
            State::Waiting(_) => How::Failed("expected it to be open".into()),
            State::Failed(reason) => How::Failed(reason),
        }
    }
}

fn stream(mut stdout: &File, bytes: &[u8]) -> Result<(), TransferError> {
    let written = stdout.write_all(bytes);
    written.map_err(|reason| TransferError::Here {
        what: "cannot write to standard output".into(),
        reason,
    })
}
