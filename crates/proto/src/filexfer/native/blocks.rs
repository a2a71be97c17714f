//! The hash of a file as it grows, by blocks: what was hashed once need not be hashed again.
//!
//! blake3 is a tree of hashes. A block of [`BLOCK`] bytes is one of its subtrees, whose hash depends on nothing but the
//! block and its place. Who keeps the hashes of the blocks that he has can go on from there without the bytes; and who is
//! told the few that stand for all of them ([`FileHash::stack`]) comes to the hash of the whole file too, having read no
//! more than the rest.
//!
//! ```
//! use proto::filexfer::native::blocks::{BLOCK, FileHash};
//!
//! let file = vec![7; 3 * BLOCK + 5];
//! let (got, rest) = file.split_at(2 * BLOCK);
//!
//! let mut sink = FileHash::new();
//! sink.update(got, |_block| ());
//! let mut source = FileHash::resume(sink.blocks(), sink.stack().to_vec())?;
//! source.update(rest, |_block| ());
//! assert_eq!(source.finish(), *blake3::hash(&file).as_bytes());
//! # Ok::<(), proto::filexfer::native::blocks::StackError>(())
//! ```

use std::ops::Range;

use blake3::Hasher;
use blake3::hazmat::HasherExt;
use thiserror::Error;

use super::message::MAX_BASIS_ROWS;
use super::subtrees::Subtrees;

/// Bytes in a block. Only the last of a file may have fewer.
pub const BLOCK: usize = 1 << 20;

/// How many bytes there are from this one on to the end of its block, or of all where that is nearer: whole blocks are
/// hashed fastest.
pub fn to_border(at: u64, end: u64) -> usize {
    let block = BLOCK as u64;
    (end - at).min(block - at % block) as usize
}

/// The zeros of a hole at this place, piece by piece: each ends with a block or with the hole.
pub fn zeros(hole: Range<u64>) -> impl Iterator<Item = &'static [u8]> {
    static ZEROS: [u8; BLOCK] = [0; BLOCK];

    let mut at = hole.start;
    std::iter::from_fn(move || {
        let length = (at < hole.end).then(|| to_border(at, hole.end))?;
        at += length as u64;
        Some(&ZEROS[..length])
    })
}

/// The most whole blocks before a byte: a file has less than 2⁶⁴ bytes.
const MAX_BLOCKS: u64 = u64::MAX / BLOCK as u64;

/// A stack of hashes that does not belong to so many blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum StackError {
    /// There cannot be so many blocks; it holds their number.
    #[error("expected at most {MAX_BLOCKS} blocks, got {0}")]
    Blocks(u64),
    /// So many blocks have another number of hashes.
    #[error("expected {expected} hashes for {blocks} blocks, got {got}")]
    Length {
        /// The number of blocks.
        blocks: u64,
        /// How many hashes they have.
        expected: usize,
        /// How many there are.
        got: usize,
    },
}

/// The hash of a file of which some was read.
#[derive(Clone, Debug)]
pub struct FileHash {
    blocks: Subtrees,
    /// How much is hashed at once: a block, or a part of one.
    leaf: usize,
    /// The leaves of the block that is not complete.
    leaves: Subtrees,
    /// The leaf that is not complete, and how many bytes it has.
    open: Hasher,
    filled: usize,
    /// The hash of the file if it is one whole leaf or block: a root.
    single: Option<[u8; 32]>,
}

impl Default for FileHash {
    fn default() -> Self {
        Self::new()
    }
}

impl FileHash {
    /// Of nothing yet.
    pub fn new() -> Self {
        Self {
            blocks: Subtrees::default(),
            leaf: BLOCK,
            leaves: Subtrees::default(),
            open: Hasher::new(),
            filled: 0,
            single: None,
        }
    }

    /// After so many whole blocks with this stack ([`stack`](Self::stack)).
    ///
    /// # Errors
    /// [`StackError`] when they do not belong together.
    pub fn resume(blocks: u64, stack: Vec<[u8; 32]>) -> Result<Self, StackError> {
        if blocks > MAX_BLOCKS {
            return Err(StackError::Blocks(blocks));
        }
        let (expected, got) = (Subtrees::length(blocks), stack.len());
        if expected != got {
            return Err(StackError::Length {
                blocks,
                expected,
                got,
            });
        }
        let count = blocks;
        Ok(Self {
            blocks: Subtrees { count, stack },
            open: hasher_of(blocks),
            ..Self::new()
        })
    }

    /// After whole blocks with these hashes ([`update`](Self::update), [`block_hash`]).
    pub fn of_blocks(hashes: impl IntoIterator<Item = [u8; 32]>) -> Self {
        let mut hash = Self::new();
        for block in hashes {
            hash.blocks.push(block);
        }
        hash.open = hasher_of(hash.blocks.count);
        hash
    }

    /// From now on by parts of this size, whose hashes can be added ([`add_part`](Self::add_part)). To be called between two
    /// blocks; elsewhere it changes nothing.
    pub fn by_parts(&mut self, part: PartSize) {
        if self.filled == 0 && self.leaves.count == 0 {
            self.leaf = part.bytes();
        }
    }

    /// Whether the next byte is the first of a part, and parts can be added.
    pub fn is_between_parts(&self) -> bool {
        self.filled == 0
    }

    /// Adds a whole part by its hash ([`part_hash`]), between two parts; gives back the hash of the block that it completes.
    ///
    /// Nobody can tell the hash of a file that is a single part from that of the part: the first is better read.
    pub fn add_part(&mut self, part: [u8; 32]) -> Option<[u8; 32]> {
        let block = self.add_leaf(part);
        self.open = self.hasher();
        block
    }

    /// Adds bytes; `on_block` is told the hash of each block that they complete. It is fastest with whole blocks.
    pub fn update(&mut self, mut bytes: &[u8], mut on_block: impl FnMut(&[u8; 32])) {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(self.leaf - self.filled));
            self.open.update(now);
            self.filled += now.len();
            bytes = later;
            if self.filled == self.leaf
                && let Some(block) = self.complete()
            {
                on_block(&block);
            }
        }
    }

    /// How many whole blocks were read.
    pub fn blocks(&self) -> u64 {
        self.blocks.count
    }

    /// The hashes that stand for them.
    pub fn stack(&self) -> &[[u8; 32]] {
        &self.blocks.stack
    }

    /// The blake3 hash of the file.
    ///
    /// Nobody can tell the one of a file that is a single block from the stack alone: who resumes after one block has to
    /// add at least a byte, or gets a hash that no file has.
    pub fn finish(mut self) -> [u8; 32] {
        if self.blocks.count == 0 && self.leaves.count == 0 {
            return self.open.finalize().into();
        }
        if self.filled > 0 {
            self.leaves.push(self.open.finalize_non_root());
        }
        match (self.blocks.count, self.leaves.count, self.single) {
            (0, 1, Some(hash)) | (1, 0, Some(hash)) => hash,
            (0, _, _) => self.leaves.root(),
            (_, 0, _) => self.blocks.root(),
            _ => {
                self.blocks.push(self.leaves.subtree());
                self.blocks.root()
            }
        }
    }

    /// Ends the open leaf, and begins the next.
    fn complete(&mut self) -> Option<[u8; 32]> {
        if self.blocks.count == 0 && self.leaves.count == 0 {
            self.single = Some(self.open.finalize().into());
        }
        let block = self.add_leaf(self.open.finalize_non_root());
        self.open = self.hasher();
        self.filled = 0;
        block
    }

    /// Adds a leaf; gives back the hash of the block that it completes.
    fn add_leaf(&mut self, leaf: [u8; 32]) -> Option<[u8; 32]> {
        self.leaves.push(leaf);
        if self.leaves.count < (BLOCK / self.leaf) as u64 {
            return None;
        }
        if self.blocks.count == 0 && self.leaf < BLOCK {
            self.single = Some(self.leaves.clone().root());
        }
        let block = self.leaves.clone().subtree();
        self.leaves.clear();
        self.blocks.push(block);
        Some(block)
    }

    /// For the next leaf.
    fn hasher(&self) -> Hasher {
        let within = self.leaves.count * self.leaf as u64;
        hasher_at(first_byte(self.blocks.count) | within)
    }
}

/// The blake3 hash of a file with these bytes: what [`FileHash::finish`] says of it, without its detours.
pub fn whole_hash(bytes: &[u8]) -> [u8; 32] {
    blake3::hash(bytes).into()
}

/// The hash of the block with this number (from 0), as [`FileHash::update`] tells it: of `bytes`, one to [`BLOCK`] of them.
pub fn block_hash(number: u64, bytes: &[u8]) -> [u8; 32] {
    let mut hasher = hasher_of(number);
    hasher.update(bytes);
    hasher.finalize_non_root()
}

/// The hash of the part that begins at this byte, a multiple of its size: of `bytes`, one to a part of them.
pub fn part_hash(at: u64, bytes: &[u8]) -> [u8; 32] {
    let mut hasher = hasher_at(at & !(PartSize::LEAST as u64 - 1));
    hasher.update(bytes);
    hasher.finalize_non_root()
}

/// Bytes in a part of a file: a power of two from 16 KiB to [`BLOCK`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartSize(u32);

impl PartSize {
    const LEAST: u32 = 16 << 10;

    /// This one, if it may be one.
    pub fn new(bytes: u32) -> Option<Self> {
        let is_size = bytes.is_power_of_two() && (Self::LEAST..=BLOCK as u32).contains(&bytes);
        is_size.then_some(Self(bytes))
    }

    /// The least by which a file of so many bytes has no more parts than a sink may tell of
    /// ([`MAX_BASIS_ROWS`]); the greatest where none is enough.
    pub fn of(size: u64) -> Self {
        let mut bytes = Self::LEAST;
        while bytes < BLOCK as u32 && size.div_ceil(bytes.into()) > MAX_BASIS_ROWS {
            bytes *= 2;
        }
        Self(bytes)
    }

    /// The number.
    pub fn bytes(self) -> usize {
        self.0 as usize
    }
}

/// For the block with this number, at most [`MAX_BLOCKS`].
fn hasher_of(number: u64) -> Hasher {
    hasher_at(first_byte(number))
}

/// The last block may begin beyond all numbers.
fn first_byte(block: u64) -> u64 {
    block.saturating_mul(BLOCK as u64) & !(BLOCK as u64 - 1)
}

fn hasher_at(byte: u64) -> Hasher {
    let mut hasher = Hasher::new();
    hasher.set_input_offset(byte);
    hasher
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::message::MAX_STACK;
    use super::*;

    /// Bytes of which no two blocks are the same.
    fn file(length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        Hasher::new().finalize_xof().fill(&mut bytes);
        bytes
    }

    fn hash_of(file: &[u8]) -> [u8; 32] {
        blake3::hash(file).into()
    }

    /// What `hash` is at the end, and which blocks it told on the way.
    fn hashed(mut hash: FileHash, rest: &[u8], chunk: usize) -> ([u8; 32], Vec<[u8; 32]>) {
        let mut blocks = Vec::new();
        for bytes in rest.chunks(chunk) {
            hash.update(bytes, |block| blocks.push(*block));
        }
        (hash.finish(), blocks)
    }

    #[test]
    fn sizes_around_the_borders_of_blocks() {
        let file = file(9 * BLOCK + 1);
        for blocks in 0..=9 {
            for length in [blocks * BLOCK, blocks * BLOCK + 1, (blocks + 1) * BLOCK - 1] {
                let file = &file[..length.min(file.len())];
                let (hash, told) = hashed(FileHash::new(), file, BLOCK);
                assert_eq!(hash, hash_of(file), "{length}");
                let blocks = (0..).zip(file.chunks_exact(BLOCK));
                let expected: Vec<_> = blocks.map(|(at, block)| block_hash(at, block)).collect();
                assert_eq!(told, expected, "{length}");
            }
        }
    }

    #[test]
    fn resuming_at_any_block() {
        let file = file(18 * BLOCK + 77);
        let (expected, blocks) = hashed(FileHash::new(), &file, BLOCK);
        for at in 0..=18 {
            let known = FileHash::of_blocks(blocks[..at].iter().copied());
            assert_eq!(known.blocks(), at as u64);
            assert!(known.stack().len() <= MAX_STACK);
            let resumed = FileHash::resume(known.blocks(), known.stack().to_vec()).unwrap();
            for hash in [known, resumed] {
                let (hash, rest) = hashed(hash, &file[at * BLOCK..], BLOCK);
                assert_eq!((hash, rest.as_slice()), (expected, &blocks[at..]), "{at}");
            }
        }
    }

    #[test]
    fn a_file_that_ends_where_it_is_resumed() {
        let file = file(8 * BLOCK);
        let (_, blocks) = hashed(FileHash::new(), &file, BLOCK);
        for at in 2..=8 {
            let hash = FileHash::of_blocks(blocks[..at].iter().copied()).finish();
            assert_eq!(hash, hash_of(&file[..at * BLOCK]), "{at}");
        }
        let single = FileHash::of_blocks([blocks[0]]).finish();
        assert_ne!(single, hash_of(&file[..BLOCK]));
    }

    #[test]
    fn stacks_that_do_not_belong_to_the_blocks() {
        let length = |blocks, expected, got| {
            Err(StackError::Length {
                blocks,
                expected,
                got,
            })
        };
        let table = [
            (0, 0, Ok(())),
            (0, 1, length(0, 0, 1)),
            (1, 1, Ok(())),
            (1, 0, length(1, 1, 0)),
            (2, 2, Ok(())),
            (2, 1, length(2, 2, 1)),
            (3, 2, Ok(())),
            (4, 3, Ok(())),
            (5, 2, Ok(())),
            (MAX_BLOCKS, MAX_STACK, Ok(())),
            (MAX_BLOCKS, MAX_STACK + 1, length(MAX_BLOCKS, 44, 45)),
            (MAX_BLOCKS + 1, 2, Err(StackError::Blocks(MAX_BLOCKS + 1))),
            (u64::MAX, 44, Err(StackError::Blocks(u64::MAX))),
        ];
        for (blocks, hashes, expected) in table {
            let resumed = FileHash::resume(blocks, vec![[1; 32]; hashes]).map(|_| ());
            assert_eq!(resumed, expected, "{blocks} {hashes}");
        }
    }

    #[test]
    fn the_largest_stack_goes_on_to_the_end_of_the_largest_file() {
        let mut hash = FileHash::resume(MAX_BLOCKS, vec![[1; 32]; MAX_STACK]).unwrap();
        hash.update(&[0; 5], |_| ());
        assert_eq!(hash.blocks(), MAX_BLOCKS);
        hash.finish();
    }

    #[test]
    fn sizes_of_parts() {
        let most = MAX_BASIS_ROWS * (16 << 10);
        let table = [(0, 16), (most, 16), (most + 1, 32), (u64::MAX, 1024)];
        for (size, expected) in table {
            assert_eq!(PartSize::of(size).bytes(), expected << 10, "{size}");
        }
        for (bytes, is_size) in [
            (16 << 10, true),
            (1 << 20, true),
            (8 << 10, false),
            (2 << 20, false),
            (24 << 10, false),
            (0, false),
        ] {
            assert_eq!(PartSize::new(bytes).is_some(), is_size, "{bytes}");
        }
    }

    #[test]
    fn a_file_by_parts_that_are_known_or_read() {
        let whole = file(3 * BLOCK + 100_000);
        for (part, known) in [(16 << 10, 2), (256 << 10, 3), (BLOCK, 2), (16 << 10, 1)] {
            for length in [
                0,
                1,
                part,
                part + 1,
                2 * part,
                BLOCK,
                BLOCK + part,
                2 * BLOCK,
                whole.len(),
            ] {
                let file = &whole[..length];
                let (expected, blocks) = hashed(FileHash::new(), file, BLOCK);
                let (mut hash, mut told) = (FileHash::new(), Vec::new());
                hash.by_parts(PartSize::new(part as u32).unwrap());
                for (number, bytes) in file.chunks(part).enumerate() {
                    assert!(hash.is_between_parts());
                    match bytes.len() == part && number % known == 0 {
                        true => {
                            told.extend(hash.add_part(part_hash((number * part) as u64, bytes)))
                        }
                        false => hash.update(bytes, |block| told.push(*block)),
                    }
                }
                let stack = FileHash::of_blocks(blocks.iter().copied());
                assert_eq!(hash.stack(), stack.stack(), "{part} {length}");
                let single = length == part;
                assert!(single || hash.finish() == expected, "{part} {length}");
                assert_eq!(told, blocks, "{part} {length}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn any_chunking_gives_the_hash_of_the_whole(
            blocks in 0..6usize,
            around in -3..4isize,
            chunks in prop::collection::vec(1..BLOCK * 5 / 2, 1..6),
        ) {
            let file = file((blocks * BLOCK).saturating_add_signed(around));
            let (mut hash, mut rest) = (FileHash::new(), file.as_slice());
            for chunk in chunks.iter().cycle() {
                let (now, later) = rest.split_at(rest.len().min(*chunk));
                hash.update(now, |_| ());
                rest = later;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(hash.finish(), hash_of(&file));
        }
    }
}
