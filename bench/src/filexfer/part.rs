//! The parts of the report, and what is sent in each.

use std::time::Duration;

use super::content::{Content, Kind};
use super::folders::Place;
use super::older::Older;
use super::source::{Before, Source};
use super::tree::Tree;
use super::{Args, Part};

const MIB: u64 = 1 << 20;

/// So many files that what is kept for each can be seen.
const MANY: u64 = 100_000;

/// What starting and ending both sides takes beside the transfer, about, in seconds.
const OVERHEAD: f64 = 0.7;

impl Part {
    /// In the order of the report.
    pub(crate) const ALL: [Self; 13] = [
        Self::Memory,
        Self::Disk,
        Self::Unsynced,
        Self::Plain,
        Self::Classic,
        Self::Small,
        Self::Link,
        Self::Text,
        Self::Files,
        Self::Again,
        Self::Many,
        Self::Changed,
        Self::Shifted,
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
            Self::Files => {
                "many files of 4 KiB, with times and modes, encrypted and verified by ours"
            }
            Self::Again => "the same files again, where nothing changed",
            Self::Many => "100,000 files of 100 B: how much memory that takes",
            Self::Changed => "a file of which 1 % changed in place, sent again",
            Self::Shifted => "a file with 17 bytes inserted at its start, sent again",
        }
    }

    /// What is sent.
    pub(crate) fn source(self, args: &Args) -> Source {
        let file = |kind, size| Source::File(Content { kind, size });
        let tree = |files, size| Source::Tree(Tree { files, size });
        match self {
            Self::Memory | Self::Plain | Self::Classic => file(Kind::Random, args.size * MIB),
            Self::Disk | Self::Unsynced => file(Kind::Random, args.disk_size * MIB),
            Self::Small => file(Kind::Random, 1024),
            Self::Link | Self::Text => file(Kind::Text, args.text_size * MIB),
            Self::Files | Self::Again => tree(args.files, 4096),
            Self::Many => tree(MANY, 100),
            Self::Changed | Self::Shifted => file(Kind::Random, args.delta_size * MIB),
        }
    }

    /// What is there already.
    pub(crate) fn before(self) -> Before {
        match self {
            Self::Again => Before::Same,
            Self::Changed => Before::Older(Older::Changed),
            Self::Shifted => Before::Older(Older::Shifted),
            _ => Before::Nothing,
        }
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
        let source = self.source(args);
        source.bytes() as f64 / rate + source.for_names().as_secs_f64() + OVERHEAD
    }

    /// How long a transfer may take.
    pub(crate) fn limit(self, args: &Args) -> Duration {
        // Bytes a second, and times what names take.
        const SLOWEST: u64 = 20_000_000;
        const SLOWEST_NAMES: u32 = 50;
        let source = self.source(args);
        Duration::from_secs(60 + source.bytes() / SLOWEST) + SLOWEST_NAMES * source.for_names()
    }
}
