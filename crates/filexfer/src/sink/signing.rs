//! Telling the source what is in the files that are here, piece by piece, while nothing else comes.

use super::slot::Slot;
use crate::session::Sending;
use crate::transfer::TransferError;

/// What is still to be told.
#[derive(Default)]
pub(super) struct Signing {}

impl Signing {
    /// Whether the source waits for something.
    pub(super) fn has_work(&self) -> bool {
        false
    }

    /// The source wants to know the chunks of the basis of this file.
    pub(super) fn chunks(&mut self, slot: &Slot) {
        let _ = slot;
    }

    /// Reads, hashes and tells one more piece.
    pub(super) fn step(&mut self, sending: &mut Sending) -> Result<(), TransferError> {
        let _ = sending;
        Ok(())
    }
}
