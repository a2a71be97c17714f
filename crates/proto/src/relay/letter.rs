//! A message on its own: as it is kept for somebody who is away, and as it goes from one relay to another.

use serde::{Deserialize, Serialize};

use super::native::frames::{Body, Origin, Wants};
use super::native::{MAX_CONTENT, MessageId, Name};
use crate::frame::Message;

/// A whole message to a name; its content is the bulk of its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// Who sent it.
    pub from: Origin,
    /// Whom it is for.
    pub to: Name,
    /// Its sender's number.
    pub id: MessageId,
    /// Of what the sender wants to hear.
    pub wants: Wants,
    /// What the content is.
    pub body: Body,
}

/// The place of a letter among those that wait for the same name: a later one has a greater place. 0 is before all.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Place(pub u64);

/// A letter that was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Where it is among those for its receiver.
    pub place: Place,
    /// For how many seconds it has waited.
    pub waited: u32,
    /// What it is.
    pub letter: Letter,
    /// Its content.
    pub content: Vec<u8>,
}

impl Message for Letter {
    const KIND: u8 = 40;
    const MAX_HEADER: u32 = 120;
    const MAX_BULK: u32 = MAX_CONTENT as u32;
}
