//! Files that are made of what is here.

use std::io::{Seek, SeekFrom, Write};

use proto::filexfer::native::blocks::part_hash;
use proto::filexfer::native::message::{AskChunks, Chunks, FromBasis, Parts, SHORT_HASH};

use super::*;

const PART: usize = 16 << 10;
const SIZE: usize = 40 * PART;

impl Source {
    /// All rows of a basis.
    fn parts(&mut self) -> Vec<u8> {
        let _ = self.sending.flush();
        let mut rows = Vec::new();
        loop {
            let incoming = self.receiving.next().unwrap().unwrap();
            let frame = incoming.decode::<Parts>().unwrap();
            rows.extend_from_slice(frame.bulk);
            if frame.message.is_last {
                return rows;
            }
        }
    }

    fn same(&mut self, from: usize, length: usize) {
        let (from, length) = (from as u64, length as u64);
        self.say(&FromBasis { from, length });
    }
}

fn in_place() -> Manner {
    Manner {
        update: Update::InPlace,
        ..overwrite()
    }
}

fn old(scratch: &Scratch) -> Vec<u8> {
    let bytes = content(SIZE);
    fs::write(scratch.path("a"), &bytes).unwrap();
    bytes
}

fn rows_of(bytes: &[u8]) -> Vec<u8> {
    let parts = (0..).step_by(PART).zip(bytes.chunks(PART));
    let short = |(at, part): (u64, &[u8])| part_hash(at, part)[..SHORT_HASH].to_vec();
    parts.flat_map(short).collect()
}

/// A transfer of a file of this size, whose rows come before the source does the rest.
fn changed(
    scratch: &Scratch,
    manner: &Manner,
    size: usize,
    source: impl FnOnce(&mut Source),
) -> Outcome {
    receive_from(&scratch.place(), manner, |mut far| {
        far.say(&file("a", size));
        let take = far.hear::<Take>();
        let basis = take.basis.unwrap();
        assert_eq!((basis.size, basis.part as usize), (SIZE as u64, PART));
        assert_eq!(basis.moves, manner.update == Update::Anew);
        far.parts();
        source(&mut far);
        let _ = far.sending.flush();
        while let Ok(Some(incoming)) = far.receiving.next() {
            if incoming.prefix.kind == NotSaved::KIND {
                break;
            }
        }
    })
}

const ALL: AskChunks = AskChunks {
    from: 0,
    length: SIZE as u64,
};

#[test]
fn the_parts_of_what_is_here_are_told() {
    let scratch = Scratch::new();
    let bytes = old(&scratch);
    receive_from(&scratch.place(), &overwrite(), |mut source| {
        source.say(&file("a", SIZE));
        source.hear::<Take>();
        assert!(source.parts() == rows_of(&bytes));
        source.same(0, 2 * PART);
        source.data(b"xyz");
        source.same(PART - 1, PART); // moved, and across two parts
        source.same(7, 3);
        source.say(&ALL);
        let _ = source.sending.flush();
        let mut chunks = Vec::new();
        loop {
            let incoming = source.receiving.next().unwrap().unwrap();
            let frame = incoming.decode::<Chunks>().unwrap();
            chunks.extend_from_slice(frame.bulk);
            if frame.message.is_last {
                break;
            }
        }
        let (rows, _) = chunks.as_chunks::<20>();
        let length = |row: &[u8; 20]| u32::from_be_bytes([row[0], row[1], row[2], row[3]]);
        assert_eq!(rows.iter().map(length).sum::<u32>(), SIZE as u32);
        let rest = SIZE - 3 * PART - 6;
        source.same(0, rest);
        let expected = [
            &bytes[..2 * PART],
            b"xyz",
            &bytes[PART - 1..2 * PART - 1],
            &bytes[7..10],
            &bytes[..rest],
        ]
        .concat();
        source.whole(&expected);
        source.hear::<Saved>();
        source.done();
        assert!(scratch.read("a") == expected);
    });
}

#[test]
fn rules_of_bases_that_are_broken() {
    type Breaking = fn(&mut Source);
    let table: &[(Update, Breaking)] = &[
        (Update::Anew, |far| far.same(0, SIZE + 1)),
        (Update::Anew, |far| far.same(SIZE, 1)),
        (Update::Anew, |far| far.same(usize::MAX, usize::MAX)),
        (Update::Anew, |far| far.same(0, 0)),
        (Update::InPlace, |far| far.same(PART, PART)),
        (Update::InPlace, |far| far.say(&ALL)),
        (Update::Anew, |far| {
            far.say(&ALL);
            far.say(&ALL);
            far.say(&AskChunks { from: 1, length: 1 });
        }),
        (Update::Anew, |far| far.say(&AskChunks { from: 1, ..ALL })),
        (Update::Anew, |far| far.say(&AskChunks { length: 0, ..ALL })),
    ];
    for (number, (update, breaking)) in table.iter().enumerate() {
        let scratch = Scratch::new();
        let bytes = old(&scratch);
        let manner = Manner {
            update: *update,
            ..overwrite()
        };
        let outcome = changed(&scratch, &manner, SIZE, breaking);
        let rule = outcome.rule();
        assert!(rule.starts_with("expected"), "{number}: {rule}");
        assert!(scratch.read("a") == bytes, "{number}");
    }
}

#[test]
fn a_basis_that_changes_meanwhile() {
    let scratch = Scratch::new();
    let bytes = old(&scratch);
    let outcome = changed(&scratch, &overwrite(), SIZE, |far| {
        let other = fs::OpenOptions::new().write(true).open(scratch.path("a"));
        other.unwrap().write_all(b"other").unwrap();
        far.same(0, SIZE - PART);
        far.data(&[5; PART]);
        far.whole(&[&bytes[..SIZE - PART], &[5; PART]].concat());
    });
    let told = outcome.told.last().unwrap();
    assert!(told.contains("changed meanwhile"), "{told}");
    assert_eq!(names(&scratch.path("")), ["a"]);
    assert_eq!(&scratch.read("a")[..5], b"other");
}

#[test]
fn what_went_wrong_in_place_is_told() {
    let scratch = Scratch::new();
    old(&scratch);
    let outcome = changed(&scratch, &in_place(), SIZE, |far| {
        far.data(&[5; PART]);
        far.same(PART, SIZE - PART);
        far.say(&Finish::Whole([0; 32]));
    });
    let told = outcome.told.last().unwrap();
    assert!(told.contains("neither the old file nor the new"), "{told}");
    // And where nothing was written nothing is said of it.
    let outcome = changed(&scratch, &in_place(), SIZE, |far| {
        far.say(&Finish::Failed(Reason::new("gone")));
    });
    assert_eq!(outcome.told.last().unwrap(), "failed a: gone");
}

/// As a process that is killed: the next transfer goes on from the blocks that are there, with the basis for the rest.
#[test]
fn a_change_that_was_interrupted_goes_on() {
    let scratch = Scratch::new();
    let size = 20 * BLOCK;
    let bytes = content(size);
    fs::write(scratch.path("a"), &bytes).unwrap();
    let outcome = receive_from(&scratch.place(), &overwrite(), |mut far| {
        far.say(&file("a", size));
        far.hear::<Take>();
        far.parts();
        far.data(b"new ");
        far.same(4, 18 * BLOCK - 4);
        let _ = far.sending.flush();
        far.sending.cut();
    });
    assert!(outcome.is_lost());
    receive_from(&scratch.place(), &overwrite(), |mut far| {
        far.say(&file("a", size));
        let take = far.hear::<Take>();
        let from = take.from as usize;
        assert_eq!(from, 18 * BLOCK);
        assert!(far.parts().len() == 2 * BLOCK / PART * SHORT_HASH);
        far.same(from, size - from);
        far.whole(&[b"new ", &bytes[4..]].concat());
        far.hear::<Saved>();
        far.done();
    });
    assert_eq!(&scratch.read("a")[..4], b"new ");
    assert!(scratch.read("a")[4..] == bytes[4..]);
    assert_eq!(names(&scratch.path("")), ["a"]);
}

/// Rows that are not needed any more are not told, but their end is.
#[test]
fn a_file_that_ends_before_its_rows_do() {
    let scratch = Scratch::new();
    let mut sparse = fs::File::create(scratch.path("a")).unwrap();
    sparse.seek(SeekFrom::Start(64 << 20)).unwrap();
    sparse.write_all(b"x").unwrap();
    let outcome = receive_from(&scratch.place(), &overwrite(), |mut far| {
        far.say(&file("a", SIZE));
        far.say(&file("b", 3));
        far.hear::<Take>();
        far.say(&Finish::Changed);
        far.data(b"abc");
        far.whole(b"abc");
        let _ = far.sending.flush();
        let mut kinds = Vec::new();
        while kinds.last() != Some(&Saved::KIND) {
            let incoming = far.receiving.next().unwrap().unwrap();
            kinds.push(incoming.prefix.kind);
        }
        let last = kinds.iter().rposition(|kind| *kind == Parts::KIND).unwrap();
        let answer = kinds.iter().position(|kind| *kind == NotSaved::KIND);
        assert!(last < answer.unwrap(), "{kinds:?}");
        far.done();
    });
    assert_eq!(outcome.summary().saved, 1);
}

#[test]
fn what_was_moved_is_only_a_basis_as_it_was() {
    for (path, is_basis) in [
        ("d/b", true),
        ("d/other", false),
        (".filexfer-1.part", false),
    ] {
        let scratch = Scratch::new();
        fs::create_dir(scratch.path("d")).unwrap();
        let bytes = content(SIZE);
        fs::write(scratch.path(path), &bytes).unwrap();
        let seconds = 1_700_000_000 + u64::from(path == "d/other");
        let moved = fs::OpenOptions::new().write(true).open(scratch.path(path));
        let at = std::time::UNIX_EPOCH + Duration::from_secs(seconds);
        moved.unwrap().set_modified(at).unwrap();
        receive_from(&scratch.place(), &keep(), |mut far| {
            far.say(&file("a", SIZE));
            let take = far.hear::<Take>();
            assert_eq!(take.basis.is_some(), is_basis, "{path}");
            match is_basis {
                true => {
                    far.parts();
                    far.same(0, SIZE);
                }
                false => far.data(&bytes),
            }
            far.whole(&bytes);
            far.hear::<Saved>();
            far.done();
        });
        assert!(scratch.read("a") == bytes && scratch.read(path) == bytes);
    }
}
