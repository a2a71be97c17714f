//! What all connections of a server share: the room to read into and to answer in, so that an idle one has none.

use std::sync::Arc;

use super::out::Out;
use super::totals::Totals;

/// The most bytes that one read gives to a conversation.
///
/// It is also what a peer that never reads can cost, as it is or as long as its answer. Half of it is a fifth slower
/// for one connection with much to say, twice as much is no faster (`bench tcp --only bulk`).
pub const MAX_READ: usize = 128 * 1024;

/// The room, the time and the totals.
#[derive(Debug)]
pub(super) struct Desk {
    /// What one read gives.
    pub(super) buffer: Box<[u8]>,
    /// What a conversation has to say, and when the events that are dealt with were told. It is cleared before the next
    /// is asked.
    pub(super) out: Out,
    /// What is counted.
    pub(super) totals: Arc<Totals>,
}

impl Desk {
    pub(super) fn new(totals: Arc<Totals>) -> Self {
        Self {
            buffer: vec![0; MAX_READ].into(),
            out: Out::new(MAX_READ),
            totals,
        }
    }
}
