//! What a search for an MTU finds.

use super::Mtu;

/// How far a search is (RFC 8899, section 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Whether the base size gets through is not known yet.
    Base,
    /// It does not: shorter ones are tried.
    Error,
    /// Longer ones are tried.
    Search,
    /// It is over.
    Complete,
}

/// Why nothing longer gets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// There is nothing longer that a probe could be.
    Longest,
    /// This machine's own interface takes nothing longer.
    Interface,
    /// A host on the path said so, and it is true.
    Told,
    /// Longer packets vanish without a word: a black hole.
    Silent,
    /// Of the way back: longer echoes come in fragments.
    Cut,
    /// Of the way back: longer ones do not get there.
    There,
    /// It is not known: the search ended before.
    Open,
}

/// The longest packet that gets through one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// Its length.
    pub mtu: Mtu,
    /// Why nothing longer does.
    pub limit: Limit,
}

/// How a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Both ways are known to the byte.
    Complete,
    /// The server answers no more.
    Silent,
    /// After [`MAX_PACKETS`](super::MAX_PACKETS).
    TooMany,
    /// It has not ended.
    Early,
}

/// What a search has found, so far or at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// To the server.
    pub there: Reach,
    /// From the server, as far as echoes tell.
    pub back: Reach,
    /// The MTU of this machine's interface; `None` where it takes the longest probe, or was not asked.
    pub interface: Option<Mtu>,
    /// Packets sent.
    pub sent: u64,
    /// Those that the server echoed.
    pub answered: u64,
    /// How it ended.
    pub end: End,
}

/// What is known at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Where the search stands.
    pub state: State,
    /// Packets of this length get through.
    pub proven: Mtu,
    /// Which length is tried.
    pub tried: Mtu,
    /// Packets sent.
    pub sent: u64,
}
