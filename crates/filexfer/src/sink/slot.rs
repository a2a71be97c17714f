//! What a sink has of a file that was taken.

use std::fs::File;
use std::io::Write;
use std::rc::Rc;

use proto::filexfer::native::blocks::{FileHash, zeros};
use proto::filexfer::native::message::{Entry, Finish, FromBasis};

use super::bases::Base;
use super::patching::Patching;
use super::saving::{ANOTHER_HASH, Care, Saving, Spot};
use super::settle::How;
use super::small::Small;
use super::target::Target;
use crate::transfer::{Event, TransferError, Watch};

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
        let written = match &mut self.state {
            State::Open(saving) => saving.write(bytes, alive),
            State::Patching(patching) => patching.write(bytes, alive),
            State::Stream(hash) => {
                hash.update(bytes, |_| ());
                return match target {
                    Target::Stdout(stdout) => stream(stdout, bytes),
                    Target::Folder(_) | Target::Nowhere | Target::File(_) => Ok(()),
                };
            }
            State::Waiting(_) | State::Small(_) | State::Failed(_) => Ok(()),
        };
        self.note(written);
        Ok(())
    }

    /// Adds bytes that are in the basis already.
    pub(super) fn reuse(&mut self, piece: FromBasis, alive: &mut dyn FnMut()) {
        if let State::Patching(patching) = &mut self.state {
            let copied = patching.reuse(piece, alive);
            self.note(copied);
        }
    }

    /// Adds zeros, without room for them where the file system can.
    pub(super) fn hole(
        &mut self,
        length: u64,
        target: &Target,
        alive: &mut dyn FnMut(),
    ) -> Result<(), TransferError> {
        let made = match &mut self.state {
            State::Open(saving) => saving.hole(length, alive),
            State::Patching(patching) => patching.hole(length, alive),
            State::Waiting(_) | State::Small(_) | State::Stream(_) | State::Failed(_) => {
                return zeros(0..length).try_for_each(|bytes| self.write(bytes, target, alive));
            }
        };
        self.note(made);
        Ok(())
    }

    /// After an error it cannot go on, and what is there of it is kept.
    fn note(&mut self, done: std::io::Result<()>) {
        let Err(error) = done else {
            return;
        };
        let reason = error.to_string();
        let reason = match &self.state {
            State::Patching(patching) => patching.failed(&reason),
            _ => reason,
        };
        match std::mem::replace(&mut self.state, State::Failed(reason)) {
            State::Open(saving) => saving.keep(),
            State::Patching(patching) => patching.keep(),
            _ => {}
        }
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
