//! Messages that were said in a world, and what is to be true of them.

use std::collections::BTreeSet;
use std::time::Duration;

use proto::relay::native::Name;
use proto::relay::native::frames::{Stage, Wants};

/// Whom a message was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum For {
    Peer(usize),
    Room(Name),
    Classic,
}

/// One run of a client's program: which peer, and how often it was started before.
pub(crate) type Life = (usize, u32);

/// A message.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) from: Life,
    pub(crate) to: For,
    pub(crate) at: Duration,
    pub(crate) length: usize,
    pub(crate) wants: Wants,
    pub(crate) verdict: Option<(Duration, Stage)>,
    /// At which peers, in which of their lives and stays in the room.
    pub(crate) arrived: BTreeSet<(usize, u32, usize)>,
    /// Whether its receiver has said that it was read.
    pub(crate) read: bool,
}

/// The content of the message with this number: the number, then bytes that follow from it.
pub(crate) fn content(number: usize, length: usize) -> Vec<u8> {
    let mut content = (number as u64).to_le_bytes().to_vec();
    content.extend((0..length).map(|at| (at * 7 + number) as u8));
    content
}

/// Which message this is.
pub(crate) fn number(content: &[u8]) -> usize {
    let (number, _) = content.split_first_chunk().expect("a number at the start");
    u64::from_le_bytes(*number) as usize
}
