//! A flood: as many packets as a path carries, or as many as were asked for, in one direction or there and back.
//!
//! It runs within a session of the native wire (see [`native`](super::native)). The client places an [`Order`]; the
//! server answers each with its [`State`], which is as long. What an order begins has a number, the run, which all
//! packets of it carry: late ones of an earlier run do not count.
//!
//! All numbers are big-endian; times are nanoseconds since the Unix epoch by the clock of whoever took them.
//!
//! | bytes | flood (kind 6, to the server; kind 7, to the client) |
//! |---|---|
//! | 0–3 | 0xFD, kind, 0, run |
//! | 4–11 | session |
//! | 12–19 | number, from 0 in each run |
//! | 20–27 | sent, by whoever sent it first: a packet that is returned keeps it |
//! | 28–35 | proof: the token or, with a key, a code over bytes 0 to 27; without a key 0 in kind 7 |
//! | 36– | padding |
//!
//! | bytes | order (kind 8) | state (kind 9) |
//! |---|---|---|
//! | 0–3 | 0xFD, kind, 0, run | the same |
//! | 4–11 | session | session |
//! | 12 | what: 0 look, 1 there, 2 echo, 3 back, 4 end | phase: 0 idle, 1 running, 2 ended, 3 busy, 4 refused |
//! | 13 | offload wanted: 1 sending, 2 receiving | offload used |
//! | 14, 15 | size of a packet | port of the flood; 0 for the one that was asked |
//! | 16–23 | sent by the client | the same |
//! | 24–31 | packets a second in thousandths, 0 for as many as can be (back) | packets received |
//! | 32–39 | how long to send, ns (back) | bytes received |
//! | 40–47 | 0 | one more than the highest number received |
//! | 48–55 | 0 | packets received again |
//! | 56–63 | 0 | packets received after one with a higher number |
//! | 64–71 | 0 | packets over the rate that the server allows |
//! | 72–79 | 0 | times that the socket had no room |
//! | 80–87 | 0 | first packet received at |
//! | 88–95 | 0 | last packet received at |
//! | 96–103 | 0 | packets sent (back, echo) |
//! | 104–111 | 0 | packets not sent in time (back) |
//! | 112–119 | 0 | processor time of the server's thread since the run began, ns |
//! | 120–127 | proof over all before it | the same; without a key 0 |

mod count;
mod host;
mod pacing;
mod search;
mod train;
mod wire;

pub use count::{Counter, Counts};
pub use host::{Called, Host, is_order};
pub use pacing::Pacing;
pub use search::{Passed, Search, Trial, Verdict};
pub(super) use train::PROOF_AT;
pub use train::{Sender, Train};
pub(super) use wire::SIZE_PROOF;
pub use wire::{Offload, Order, Phase, Rate, Run, RunId, SIZE, State, Way, What};

#[cfg(test)]
mod tests;
