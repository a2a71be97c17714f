//! A file that can be sent.

use std::fs::File;
use std::io::Read;
use std::sync::Arc;

use bytes::Bytes;
use proto::http::{Coding, Validators, Varies};
use runtime::beneath::Facts;

use super::Version;

/// The longest file that is held in memory, in bytes; of longer ones the descriptor is.
const LONGEST_HELD: u64 = 128 * 1024;

/// A file that can be sent.
#[derive(Debug)]
pub(crate) struct FileEntry {
    pub(crate) length: u64,
    pub(crate) media: &'static str,
    pub(crate) coding: Coding,
    pub(crate) varies: Varies,
    pub(crate) validators: Validators,
    pub(crate) held: Held,
}

/// What there is of a file's content.
#[derive(Debug)]
pub(crate) enum Held {
    /// All of it.
    Body(Bytes),
    /// Where it is read from.
    File(Arc<File>),
}

impl FileEntry {
    /// What was found, to be sent.
    pub(crate) fn new(version: Version, media: &'static str, varies: Varies) -> Self {
        let Version {
            file,
            facts,
            coding,
        } = version;
        let held = if facts.length <= LONGEST_HELD {
            let mut body = Vec::new();
            let _ = (&file).take(facts.length).read_to_end(&mut body);
            Held::Body(body.into())
        } else {
            Held::File(Arc::new(file))
        };
        let length = match &held {
            Held::Body(body) => body.len() as u64,
            Held::File(_) => facts.length,
        };
        Self {
            length,
            media,
            coding,
            varies,
            validators: validators(&facts, coding),
            held,
        }
    }
}

/// What tells this state of a file from all others: which file it is, when anything of it was last changed, how long it
/// is, and how it is compressed.
pub(crate) fn validators(facts: &Facts, coding: Coding) -> Validators {
    let (device, number, changed) = facts.identity;
    let changed = u64::try_from(changed & i128::from(u64::MAX)).unwrap_or_default();
    let known = [device, number, changed, facts.length];
    let tag = known.into_iter().fold(0, |tag, value| mix(tag ^ value));
    let suffix = coding
        .name()
        .map_or(String::new(), |name| format!("-{name}"));
    Validators {
        etag: format!("\"{tag:016x}{suffix}\""),
        modified: Some(facts.modified),
    }
}

/// Spreads a number over all its bits, and no two to the same (the end of splitmix64).
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
