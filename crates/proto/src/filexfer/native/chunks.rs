//! Chunks of a file whose borders depend on its bytes alone, not on where they stand: what was moved by an insertion is still
//! made of the same chunks.
//!
//! FastCDC (Xia and others, 2020) as the crate `fastcdc` has it: its table of random numbers, its masks (level 1) and its
//! way of rolling are part of this wire, and a test holds them to it. How long chunks are follows from the size of the basis
//! that a sink told, so that both sides cut alike.

use std::collections::BTreeMap;

use blake3::Hasher;
use fastcdc::v2020::{MASKS, cut};

use super::message::{CHUNK_ROW, SHORT_HASH};

/// What stands for the bytes of a part or a chunk: the first of its hash.
pub type ShortHash = [u8; SHORT_HASH];

/// The most chunks that a basis has in the mean, unless they would be longer than [`MOST`].
const CHUNKS: u64 = 1 << 16;

/// The least and the greatest length of a chunk in the mean, in bytes.
const LEAST: usize = 8 << 10;
const MOST: usize = 1 << 20;

/// How a file is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cutting {
    /// Bytes of a chunk in the mean: a power of two.
    mean: usize,
}

/// Whether more bytes follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// Some may.
    More,
    /// It is the end of the file.
    Nothing,
}

impl Cutting {
    /// For a basis of so many bytes.
    pub fn of(basis: u64) -> Self {
        let mut mean = LEAST;
        while mean < MOST && basis / mean as u64 > CHUNKS {
            mean *= 2;
        }
        Self { mean }
    }

    /// The most bytes of a chunk.
    pub fn most(self) -> usize {
        self.mean * 4
    }

    /// How long the chunk is with which these bytes begin, at least one of them; `None` where more bytes are needed to tell
    /// (never of [`most`](Self::most) bytes).
    pub fn next(self, bytes: &[u8], rest: Rest) -> Option<usize> {
        if bytes.is_empty() || rest == Rest::More && bytes.len() < self.most() {
            return None;
        }
        let bits = self.mean.ilog2() as usize;
        let (hard, easy) = (MASKS[bits + 1], MASKS[bits - 1]);
        let (least, most) = (self.mean / 4, self.most());
        let (_, length) = cut(
            bytes,
            least,
            self.mean,
            most,
            hard,
            easy,
            hard << 1,
            easy << 1,
        );
        Some(length)
    }
}

/// The hash of a chunk, wherever it stands.
pub fn chunk_hash(bytes: &[u8]) -> ShortHash {
    let mut hash = [0; SHORT_HASH];
    Hasher::new().update(bytes).finalize_xof().fill(&mut hash);
    hash
}

/// Appends what is said of a chunk in a [`Chunks`](super::message::Chunks) frame.
pub fn encode_row(length: u32, hash: &ShortHash, rows: &mut Vec<u8>) {
    rows.extend_from_slice(&length.to_be_bytes());
    rows.extend_from_slice(hash);
}

/// Chunks of a basis, and where they are in it.
#[derive(Clone, Debug, Default)]
pub struct ChunkTable {
    chunks: BTreeMap<ShortHash, (u64, u32)>,
    rows: u64,
    end: u64,
}

impl ChunkTable {
    /// The next chunk of the basis: a row of a [`Chunks`](super::message::Chunks) frame.
    pub fn add(&mut self, row: &[u8; CHUNK_ROW]) {
        let (length, hash) = row.split_at(4);
        let (mut bytes, mut short) = ([0; 4], [0; SHORT_HASH]);
        bytes.copy_from_slice(length);
        short.copy_from_slice(hash);
        let length = u32::from_be_bytes(bytes);
        self.chunks.entry(short).or_insert((self.end, length));
        self.end = self.end.saturating_add(length.into());
        self.rows += 1;
    }

    /// The chunks that come next begin here.
    pub fn go_to(&mut self, from: u64) {
        self.end = from;
    }

    /// Where the first chunk with this hash and length is, in bytes.
    pub fn find(&self, hash: &ShortHash, length: usize) -> Option<u64> {
        let (from, found) = self.chunks.get(hash)?;
        (*found as usize == length).then_some(*from)
    }

    /// How many rows were added.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Where the next chunk begins.
    pub fn end(&self) -> u64 {
        self.end
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Bytes that do not repeat.
    fn file(length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        Hasher::new().finalize_xof().fill(&mut bytes);
        bytes
    }

    /// The lengths of the chunks of what comes in such pieces.
    fn cut_by(cutting: Cutting, file: &[u8], pieces: &[usize]) -> Vec<usize> {
        let (mut chunks, mut held, mut rest) = (Vec::new(), Vec::new(), file);
        for piece in pieces.iter().cycle() {
            let (now, later) = rest.split_at((*piece).min(rest.len()));
            held.extend_from_slice(now);
            rest = later;
            let end = match rest.is_empty() {
                true => Rest::Nothing,
                false => Rest::More,
            };
            while let Some(length) = cutting.next(&held, end) {
                chunks.push(length);
                held.drain(..length);
            }
            if rest.is_empty() {
                return chunks;
            }
        }
        chunks
    }

    #[test]
    fn how_long_chunks_are() {
        let table = [
            (0, 8 << 10),
            (512 << 20, 8 << 10),
            ((512 << 20) + (8 << 10), 16 << 10),
            (4 << 30, 64 << 10),
            (u64::MAX, 1 << 20),
        ];
        for (basis, mean) in table {
            let cutting = Cutting::of(basis);
            assert_eq!((cutting.mean, cutting.most()), (mean, 4 * mean), "{basis}");
        }
    }

    /// What others cut by the same wire have to come to.
    #[test]
    fn golden_borders() {
        let chunks = cut_by(Cutting::of(0), &file(100_000), &[100_000]);
        let expected = [
            3591, 21983, 9319, 8913, 9845, 5460, 10166, 11755, 12315, 6653,
        ];
        assert_eq!(chunks, expected);
        let zeros = cut_by(Cutting::of(0), &[0; 70_000], &[70_000]);
        assert_eq!(zeros, [32768, 32768, 4464]);
    }

    #[test]
    fn what_is_inserted_moves_the_rest() {
        let old = file(1 << 20);
        let new = [b"some bytes".as_slice(), &old].concat();
        let cutting = Cutting::of(1 << 20);
        let mut table = ChunkTable::default();
        let mut at = 0;
        for length in cut_by(cutting, &old, &[1 << 20]) {
            let mut row = Vec::new();
            encode_row(length as u32, &chunk_hash(&old[at..at + length]), &mut row);
            table.add(row.as_slice().try_into().unwrap());
            at += length;
        }
        assert_eq!((table.end(), at), (1 << 20, 1 << 20));
        let (mut at, mut found) = (0, 0);
        for length in cut_by(cutting, &new, &[70_000]) {
            if let Some(from) = table.find(&chunk_hash(&new[at..at + length]), length) {
                assert_eq!(from as usize + 10, at);
                found += length;
            }
            at += length;
        }
        assert!(found > (1 << 20) - (40 << 10), "{found}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn any_splitting_gives_the_same_chunks(
            length in 0..300_000usize,
            pieces in prop::collection::vec(1..100_000usize, 1..8),
        ) {
            let file = file(length);
            let cutting = Cutting::of(length as u64);
            let chunks = cut_by(cutting, &file, &pieces);
            prop_assert_eq!(&chunks, &cut_by(cutting, &file, &[300_000]));
            prop_assert_eq!(chunks.iter().sum::<usize>(), length);
            let (_, all) = chunks.split_last().unwrap_or((&0, &[]));
            prop_assert!(all.iter().all(|chunk| (2 << 10..=32 << 10).contains(chunk)));
        }
    }
}
