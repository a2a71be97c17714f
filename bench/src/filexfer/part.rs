//! The parts of the report, and what is sent in each.

use std::time::Duration;

use super::content::{Content, Kind};
use super::folders::Place;
use super::{Args, Part};

const MIB: u64 = 1 << 20;

/// What starting and ending both sides takes beside the transfer, about, in seconds.
const OVERHEAD: f64 = 0.7;

impl Part {
    /// In the order of the report.
    pub(crate) const ALL: [Self; 8] = [
        Self::Memory,
        Self::Disk,
        Self::Unsynced,
        Self::Plain,
        Self::Classic,
        Self::Small,
        Self::Link,
        Self::Text,
    ];

    /// What the report calls it.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Memory => "one file from memory to memory, encrypted and verified by ours",
            Self::Disk => "one file from memory to the disk, synced",
            Self::Unsynced => "one file from memory to the disk, not synced",
            Self::Plain => "one file from memory to memory, in clear, verified by ours",
            Self::Classic => "one file from memory to memory, on the classic wire",
            Self::Small => "a file of 1 KiB, from the start of the receiver to its end",
            Self::Link => "text over a link of 1 Gbit/s",
            Self::Text => "text from memory to memory, where compressing it does not pay",
        }
    }

    /// What is sent.
    pub(crate) fn content(self, args: &Args) -> Content {
        let (kind, size) = match self {
            Self::Memory | Self::Plain | Self::Classic => (Kind::Random, args.size * MIB),
            Self::Disk | Self::Unsynced => (Kind::Random, args.disk_size * MIB),
            Self::Small => (Kind::Random, 1024),
            Self::Link | Self::Text => (Kind::Text, args.text_size * MIB),
        };
        Content { kind, size }
    }

    /// Where it arrives.
    pub(crate) fn place(self) -> Place {
        match self {
            Self::Disk | Self::Unsynced => Place::Disk,
            _ => Place::Memory,
        }
    }

    /// What a run takes, about, in seconds.
    pub(crate) fn seconds(self, args: &Args) -> f64 {
        let rate = match self {
            Self::Link => 0.15e9,
            _ => 0.5e9,
        };
        self.content(args).size as f64 / rate + OVERHEAD
    }

    /// How long a transfer may take.
    pub(crate) fn limit(self, args: &Args) -> Duration {
        const SLOWEST: u64 = 20_000_000;
        Duration::from_secs(60 + self.content(args).size / SLOWEST)
    }
}
