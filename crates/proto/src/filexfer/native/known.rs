//! What a source knows of the files that a sink has and that others may be made of: rows of short hashes, as they come.
//!
//! A sink that says more than belongs to them, or not that it has said all, breaks a rule ([`KnownError`]). Whatever it says,
//! a [`Shelf`] holds no more than [`MAX_OPEN_ROWS`].

use std::collections::VecDeque;

use thiserror::Error;

use super::blocks::PartSize;
use super::chunks::{ChunkTable, ShortHash};
use super::message::{Basis, CHUNK_ROW, MAX_BASIS_ROWS, MAX_OPEN_ROWS, SHORT_HASH};

/// A rule that the sink broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KnownError {
    /// It says parts, and all that it may have to say is said.
    #[error("expected no more parts of a basis")]
    Parts,
    /// It says chunks that nobody asked for.
    #[error("expected no chunks of a basis that were not asked for")]
    Chunks,
    /// The bytes are no whole rows.
    #[error("expected whole rows of {0} bytes")]
    Rows(usize),
    /// It says more than fits.
    #[error("expected at most {MAX_OPEN_ROWS} rows of files that are not finished")]
    TooMany,
    /// It answers a file, and has not said the last of its basis.
    #[error("expected the last of a basis before the answer to its file")]
    NotLast,
}

/// A part of a basis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row<'a> {
    /// The beginning of its hash.
    Is(&'a ShortHash),
    /// It will be said.
    Awaited,
    /// It will not be said, or the basis has none there.
    None,
}

/// How far the sink is with one of its lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum List {
    NotAsked,
    Open,
    Complete,
}

/// What is known of one basis.
#[derive(Debug)]
pub struct Known {
    basis: Basis,
    part: PartSize,
    /// Where the first row is.
    from: u64,
    /// How many rows there can be of parts.
    most: u64,
    said: u64,
    rows: Vec<ShortHash>,
    parts: List,
    table: ChunkTable,
    chunks: List,
    fate: Fate,
}

/// What became of the file for which it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Taken,
    /// Nothing of the basis is needed any more.
    Finished,
}

impl Known {
    /// Nothing yet of this basis, whose parts will be said from this byte on; `None` where it has no such parts.
    pub fn new(basis: Basis, from: u64) -> Option<Self> {
        let part = PartSize::new(basis.part)?;
        let rows = basis.size.saturating_sub(from).div_ceil(basis.part.into());
        Some(Self {
            basis,
            part,
            from,
            most: rows.min(MAX_BASIS_ROWS),
            said: 0,
            rows: Vec::new(),
            parts: List::Open,
            table: ChunkTable::default(),
            chunks: List::NotAsked,
            fate: Fate::Taken,
        })
    }

    /// What the sink said of it.
    pub fn basis(&self) -> Basis {
        self.basis
    }

    /// How large its parts are.
    pub fn part(&self) -> PartSize {
        self.part
    }

    /// The part that begins at this byte, a multiple of its size.
    pub fn row(&self, at: u64) -> Row<'_> {
        let Some(number) = at.checked_sub(self.from) else {
            return Row::None;
        };
        let number = number / self.part.bytes() as u64;
        let row = usize::try_from(number).ok();
        match row.and_then(|row| self.rows.get(row)) {
            Some(hash) => Row::Is(hash),
            None if number < self.most && self.parts == List::Open => Row::Awaited,
            None => Row::None,
        }
    }

    /// Its chunks, as far as they are known.
    pub fn chunks(&self) -> &ChunkTable {
        &self.table
    }

    /// Whether more chunks may come.
    pub fn awaits_chunks(&self) -> bool {
        self.chunks == List::Open
    }

    fn held(&self) -> u64 {
        self.rows.len() as u64 + self.table.rows()
    }

    fn add_parts(&mut self, rows: &[u8], is_last: bool) -> Result<(), KnownError> {
        let (rows, rest) = rows.as_chunks::<SHORT_HASH>();
        if !rest.is_empty() {
            return Err(KnownError::Rows(SHORT_HASH));
        }
        self.said += rows.len() as u64;
        if self.said > self.most {
            return Err(KnownError::Parts);
        }
        if self.fate == Fate::Taken {
            self.rows.extend_from_slice(rows);
        }
        if is_last {
            self.parts = List::Complete;
        }
        Ok(())
    }

    fn add_chunks(&mut self, rows: &[u8], is_last: bool) -> Result<(), KnownError> {
        let (rows, rest) = rows.as_chunks::<CHUNK_ROW>();
        if !rest.is_empty() {
            return Err(KnownError::Rows(CHUNK_ROW));
        }
        if self.fate == Fate::Taken {
            rows.iter().for_each(|row| self.table.add(row));
        }
        if self.table.rows() > MAX_BASIS_ROWS {
            return Err(KnownError::TooMany);
        }
        if is_last {
            self.chunks = List::Complete;
        }
        Ok(())
    }

    fn finish(&mut self) {
        self.fate = Fate::Finished;
        self.rows = Vec::new();
        self.table = ChunkTable::default();
    }

    fn is_complete(&self) -> bool {
        self.parts == List::Complete && self.chunks != List::Open
    }
}

/// What is known of the bases of all files that are taken and not answered, in their order.
#[derive(Debug, Default)]
pub struct Shelf {
    /// With the number of their file, as files are taken.
    known: VecDeque<(u64, Known)>,
    taken: u64,
    finished: u64,
    answered: u64,
}

impl Shelf {
    /// One more file is taken, with a basis or without.
    pub fn take(&mut self, known: Option<Known>) {
        self.known.extend(known.map(|known| (self.taken, known)));
        self.taken += 1;
    }

    /// What is known for the oldest file that is not finished.
    pub fn current(&self) -> Option<&Known> {
        let number = self.finished;
        let mut known = self.known.iter();
        known.find(|(it, _)| *it == number).map(|(_, known)| known)
    }

    fn current_mut(&mut self) -> Option<&mut Known> {
        let number = self.finished;
        let mut known = self.known.iter_mut();
        known.find(|(it, _)| *it == number).map(|(_, known)| known)
    }

    /// Notes that the sink is asked for chunks of that, from this byte on; `false` where it may not be.
    pub fn ask_chunks(&mut self, from: u64) -> bool {
        match self.current_mut() {
            Some(known) if known.basis.moves && known.chunks != List::Open => {
                known.chunks = List::Open;
                known.table.go_to(from);
                true
            }
            _ => false,
        }
    }

    /// Adds parts, to the oldest basis of which the last was not said.
    ///
    /// # Errors
    /// [`KnownError`].
    pub fn parts(&mut self, rows: &[u8], is_last: bool) -> Result<(), KnownError> {
        let mut known = self.known.iter_mut();
        let open = known.find(|(_, known)| known.parts == List::Open);
        let (_, known) = open.ok_or(KnownError::Parts)?;
        known.add_parts(rows, is_last)?;
        self.check()
    }

    /// Adds chunks, to the basis for which they were asked.
    ///
    /// # Errors
    /// [`KnownError`].
    pub fn chunks(&mut self, rows: &[u8], is_last: bool) -> Result<(), KnownError> {
        let mut known = self.known.iter_mut();
        let asked = known.find(|(_, known)| known.chunks == List::Open);
        let (_, known) = asked.ok_or(KnownError::Chunks)?;
        known.add_chunks(rows, is_last)?;
        self.check()
    }

    fn check(&self) -> Result<(), KnownError> {
        let held: u64 = self.known.iter().map(|(_, known)| known.held()).sum();
        match held > MAX_OPEN_ROWS {
            true => Err(KnownError::TooMany),
            false => Ok(()),
        }
    }

    /// The oldest file that was not finished is: what is known for it is not needed any more.
    pub fn finish(&mut self) {
        if let Some(known) = self.current_mut() {
            known.finish();
        }
        self.finished += 1;
    }

    /// The oldest file that was not answered is.
    ///
    /// # Errors
    /// [`KnownError::NotLast`].
    pub fn answered(&mut self) -> Result<(), KnownError> {
        let number = self.answered;
        self.answered += 1;
        match self.known.pop_front_if(|(it, _)| *it == number) {
            Some((_, known)) if !known.is_complete() => Err(KnownError::NotLast),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn known(size: u64, from: u64) -> Option<Known> {
        let basis = Basis {
            size,
            part: 16 << 10,
            moves: true,
        };
        Known::new(basis, from)
    }

    const PART: u64 = 16 << 10;

    #[test]
    fn parts_go_to_the_oldest_that_is_not_complete() {
        let mut shelf = Shelf::default();
        shelf.take(known(2 * PART + 1, 0));
        shelf.take(None);
        shelf.take(known(100 * PART, 64 * PART));
        shelf.parts(&[1; 32], false).unwrap();
        let first = shelf.current().unwrap();
        assert_eq!(first.row(0), Row::Is(&[1; 16]));
        assert_eq!(first.row(2 * PART), Row::Awaited);
        assert_eq!(first.row(3 * PART), Row::None);
        shelf.parts(&[], true).unwrap();
        assert_eq!(shelf.current().unwrap().row(2 * PART), Row::None);
        shelf.parts(&[2; 16], false).unwrap();
        shelf.finish();
        assert!(shelf.current().is_none());
        shelf.finish();
        let last = shelf.current().unwrap();
        assert_eq!(last.row(63 * PART), Row::None);
        assert_eq!(last.row(64 * PART), Row::Is(&[2; 16]));
        assert_eq!((shelf.answered(), shelf.answered()), (Ok(()), Ok(())));
        shelf.finish();
        assert_eq!(shelf.answered(), Err(KnownError::NotLast));
    }

    #[test]
    fn what_comes_late_is_dropped() {
        let mut shelf = Shelf::default();
        shelf.take(known(4 * PART, 0));
        assert!(shelf.ask_chunks(0) && !shelf.ask_chunks(0));
        shelf.finish();
        shelf.parts(&[1; 64], true).unwrap();
        shelf.chunks(&[1; 40], false).unwrap();
        shelf.chunks(&[1; 40], true).unwrap();
        assert_eq!(shelf.known[0].1.held(), 0);
        assert_eq!(shelf.answered(), Ok(()));
        assert_eq!(shelf.chunks(&[], true), Err(KnownError::Chunks));
    }

    #[test]
    fn violations() {
        let mut shelf = Shelf::default();
        assert_eq!(shelf.parts(&[], true), Err(KnownError::Parts));
        shelf.take(known(PART, 0));
        assert_eq!(shelf.parts(&[0; 8], true), Err(KnownError::Rows(16)));
        assert_eq!(shelf.parts(&[0; 32], true), Err(KnownError::Parts));
        assert_eq!(shelf.chunks(&[], true), Err(KnownError::Chunks));
        for part in [0, 8 << 10, 2 << 20, 17 << 10] {
            let basis = Basis {
                size: 1,
                part,
                moves: true,
            };
            assert!(Known::new(basis, 0).is_none());
        }
    }

    #[test]
    fn no_more_is_held_than_there_is_room_for() {
        let mut shelf = Shelf::default();
        for _ in 0..3 {
            shelf.take(known(MAX_BASIS_ROWS * PART, 0));
        }
        let rows = vec![0; MAX_BASIS_ROWS as usize * SHORT_HASH];
        shelf.parts(&rows, true).unwrap();
        shelf.parts(&rows, true).unwrap();
        assert_eq!(shelf.parts(&rows[..16], false), Err(KnownError::TooMany));
    }

    proptest! {
        #[test]
        fn any_order_of_steps_is_taken(steps in prop::collection::vec((0..6u8, any::<u16>(), any::<bool>()), 0..200)) {
            let mut shelf = Shelf::default();
            for (step, value, is_last) in steps {
                let rows = vec![0; usize::from(value) % 500];
                match step {
                    0 => shelf.take(known(u64::from(value) * 100, 0)),
                    1 => drop(shelf.parts(&rows, is_last)),
                    2 => drop(shelf.chunks(&rows, is_last)),
                    3 => drop(shelf.ask_chunks(0)),
                    4 => shelf.finish(),
                    _ => drop(shelf.answered()),
                }
                let held: u64 = shelf.known.iter().map(|(_, known)| known.held()).sum();
                prop_assert!(held <= MAX_OPEN_ROWS + 500);
            }
        }
    }
}
