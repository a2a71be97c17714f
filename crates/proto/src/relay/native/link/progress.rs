//! What becomes of packets, and what an acknowledgement brings.

use super::flight::Order;
use super::store::Place;

/// A packet that is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet {
    /// Where it lies.
    pub(super) place: Place,
    /// What became of it.
    pub(super) state: State,
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Never sent.
    Waits,
    /// On its way.
    Flies(Order),
    /// To be sent again.
    Lost,
    /// The other side has it.
    Came,
}

/// What an acknowledgement brought.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Progress {
    /// How many packets it told of first.
    pub(super) came: u32,
    /// Whether one of them had been thought lost.
    pub(super) is_reordered: bool,
    /// The newest sending that has come, where that is known.
    pub(super) newest: Option<Order>,
}

impl Progress {
    /// A packet of this state has come: says how many fewer are on their way.
    #[inline]
    pub(super) fn note(&mut self, state: State) -> u32 {
        self.came += u32::from(state != State::Came);
        match state {
            State::Waits | State::Came => 0,
            State::Lost => {
                self.is_reordered = true;
                0
            }
            State::Flies(order) => {
                // What was sent again is still on its way: this is what was sent before.
                self.is_reordered |= self.newest.is_some_and(|newest| order > newest);
                1
            }
        }
    }
}
