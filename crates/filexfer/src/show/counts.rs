//! What came of files.

/// Files, links and their bytes, in a round or in all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Files that are complete and safe.
    pub(crate) saved: u64,
    /// Those that were there already.
    pub(crate) same: u64,
    /// Others that are there and stay.
    pub(crate) kept: u64,
    pub(crate) failed: u64,
    /// What was told to be left out, and is no failure.
    pub(crate) left_out: u64,
    /// Links that were made, and names that were added.
    pub(crate) made: u64,
    /// What was removed, or would be.
    pub(crate) removed: u64,
    /// What would be transferred, in a preview: files, their bytes.
    pub(crate) wanted: u64,
    pub(crate) wanted_bytes: u64,
    /// Bytes of files that came or went.
    pub(crate) moved: u64,
    /// Bytes of files that had not to be moved.
    pub(crate) reused: u64,
}

impl Counts {
    /// One more round.
    pub(super) fn add(&mut self, round: &Self) {
        *self = Self {
            saved: self.saved + round.saved,
            made: self.made + round.made,
            removed: self.removed + round.removed,
            moved: self.moved + round.moved,
            reused: self.reused + round.reused,
            // Told anew in each round.
            same: round.same,
            kept: round.kept,
            failed: round.failed,
            left_out: round.left_out,
            wanted: round.wanted,
            wanted_bytes: round.wanted_bytes,
        };
    }

    /// What is told of everything anew is not counted twice.
    pub(super) fn begin_again(&mut self) {
        (self.same, self.kept, self.failed) = (0, 0, 0);
        (self.left_out, self.wanted, self.wanted_bytes) = (0, 0, 0);
    }

    /// Whether anything came of it but what was there already.
    pub(super) fn is_news(&self) -> bool {
        self.saved + self.kept + self.failed + self.made + self.removed > 0
    }

    /// Whether something is there, or stays, or went, or would.
    pub(super) fn is_anything_done(&self) -> bool {
        self.saved + self.same + self.kept + self.made + self.removed + self.wanted > 0
    }
}
