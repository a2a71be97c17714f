//! What has to be random, all from the caller's seed.

use std::fmt;

/// Values of 32 bytes that nobody can guess who does not know the seed, each another.
pub(super) struct Random {
    key: [u8; 32],
    drawn: u64,
}

impl fmt::Debug for Random {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Random(***)")
    }
}

impl Random {
    /// `context` tells the uses of one seed apart.
    pub(super) fn new(seed: &[u8; 32], context: &str) -> Self {
        let key = blake3::derive_key(context, seed);
        Self { key, drawn: 0 }
    }

    pub(super) fn draw(&mut self) -> [u8; 32] {
        self.drawn += 1;
        blake3::keyed_hash(&self.key, &self.drawn.to_le_bytes()).into()
    }
}
