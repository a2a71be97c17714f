//! Packets of a search for an MTU that are sent together.

use std::collections::VecDeque;
use std::time::Duration;

use super::Mtu;

/// Packets of one size, and the controls behind them.
#[derive(Debug)]
pub(super) struct Burst {
    pub(super) size: Mtu,
    /// The number of its first packet.
    pub(super) first: u64,
    /// How many packets of the size it has.
    pub(super) probes: u32,
    /// What is still to be sent.
    pub(super) queue: VecDeque<Mtu>,
    /// When the next may go.
    pub(super) due: Duration,
    /// Until when echoes are waited for once all are sent.
    pub(super) deadline: Duration,
    /// Whether an echo has come since it began.
    pub(super) is_heard: bool,
}

impl Burst {
    pub(super) fn new(size: Mtu, first: u64, probes: u32, due: Duration) -> Self {
        Self {
            size,
            first,
            probes,
            queue: std::iter::repeat_n(size, probes as usize).collect(),
            due,
            deadline: due,
            is_heard: false,
        }
    }
}
