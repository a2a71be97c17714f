//! Pieces of equal size of a file, as subtrees of its blake3 hash, merged as they come.

use blake3::hazmat::{Mode, merge_subtrees_non_root, merge_subtrees_root};

/// The hashes that stand for so many pieces.
#[derive(Clone, Debug, Default)]
pub(super) struct Subtrees {
    pub(super) count: u64,
    /// Of complete subtrees, from the largest to the smallest. The last two may make one: only what comes next tells whether
    /// that is the root.
    pub(super) stack: Vec<[u8; 32]>,
}

impl Subtrees {
    /// How many hashes stand for so many pieces: the complete subtrees before the last piece, and that one.
    pub(super) fn length(count: u64) -> usize {
        match count.checked_sub(1) {
            None => 0,
            Some(before) => before.count_ones() as usize + 1,
        }
    }

    /// Merges what the next piece shows not to be the root, and adds it.
    pub(super) fn push(&mut self, piece: [u8; 32]) {
        let whole = self.count.count_ones() as usize;
        while self.stack.len() > whole {
            self.merge();
        }
        self.stack.push(piece);
        self.count += 1;
    }

    pub(super) fn clear(&mut self) {
        self.count = 0;
        self.stack.clear();
    }

    fn merge(&mut self) {
        if let (Some(right), Some(left)) = (self.stack.pop(), self.stack.pop()) {
            let merged = merge_subtrees_non_root(&left, &right, Mode::Hash);
            self.stack.push(merged);
        }
    }

    /// The hash of all of them, which are a part of a file.
    pub(super) fn subtree(mut self) -> [u8; 32] {
        while self.stack.len() > 1 {
            self.merge();
        }
        // Without pieces there is nothing to ask for.
        self.stack.first().copied().unwrap_or_default()
    }

    /// The hash of the file that they are. The one of a single piece cannot be told.
    pub(super) fn root(mut self) -> [u8; 32] {
        while self.stack.len() > 2 {
            self.merge();
        }
        match self.stack.as_slice() {
            [left, right] => merge_subtrees_root(left, right, Mode::Hash).into(),
            [alone] => *alone,
            _ => [0; 32],
        }
    }
}
