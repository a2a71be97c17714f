//! Files that were interrupted.

use std::fs::OpenOptions;
use std::io::{Seek, SeekFrom, Write};
use std::sync::Arc;

use runtime::folder::{Folder, FolderError};

use super::super::journal::Boot;
use super::super::saving::{Care, Saving, Spot};
use super::*;

const SIZE: usize = 20 * BLOCK + 100;

impl Scratch {
    fn spot(&self) -> Spot {
        Spot {
            folder: Arc::new(Folder::open(&self.path("")).unwrap()),
            name: b"a".to_vec(),
        }
    }

    fn saving(&self, boot: &str) -> Result<Saving, FolderError> {
        let care = care(boot);
        Saving::resume(&self.spot(), &file("a", SIZE), care, &mut || ())
    }

    /// How many blocks a sink would go on from.
    fn blocks(&self, boot: &str) -> u64 {
        self.saving(boot).unwrap().take().from / BLOCK as u64
    }

    fn journal(&self) -> PathBuf {
        let name = String::from_utf8(self.spot().journal()).unwrap();
        self.path(&name)
    }

    fn partial(&self) -> PathBuf {
        let name = String::from_utf8(self.spot().partial()).unwrap();
        self.path(&name)
    }

    /// As after an end without warning, when this much was written.
    fn killed_at(&self, length: usize) {
        let mut saving = self.saving("boot").unwrap();
        let from = saving.take().from as usize;
        for bytes in content(length)[from..].chunks(BLOCK) {
            saving.write(bytes, &mut || ()).unwrap();
        }
    }

    /// As after a connection that broke then.
    fn kept_at(&self, length: usize) {
        let mut saving = self.saving("boot").unwrap();
        for bytes in content(length).chunks(BLOCK) {
            saving.write(bytes, &mut || ()).unwrap();
        }
        saving.keep();
    }
}

fn care(boot: &str) -> Care {
    Care {
        boot: Boot::named(Some(boot)),
        sync: Sync::Yes,
        preserve: Preserve::default(),
        patience: Duration::from_secs(60),
    }
}

fn overwrite_at(path: &Path, offset: u64, bytes: &[u8]) {
    let mut file = OpenOptions::new().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(offset)).unwrap();
    file.write_all(bytes).unwrap();
}

fn cut(path: &Path, length: u64) {
    let file = OpenOptions::new().write(true).open(path).unwrap();
    file.set_len(length).unwrap();
}

#[test]
fn a_connection_that_breaks_in_every_block() {
    let scratch = Scratch::new();
    let bytes = content(6 * BLOCK + 9);
    let entry = file("a", bytes.len());
    for block in 0..6 {
        let outcome = receive_from(&scratch.place(), &keep(), |mut source| {
            source.say(&entry);
            let take: Take = source.hear();
            assert_eq!(take.from as usize, block * BLOCK);
            let end = bytes.len().min((block + 1) * BLOCK + 1000);
            source.data(&bytes[take.from as usize..end]);
            source.sending.flush().unwrap();
        });
        assert!(outcome.is_lost());
        assert!(!scratch.path("a").exists());
    }
    let outcome = receive_from(&scratch.place(), &keep(), |mut source| {
        source.say(&entry);
        let take: Take = source.hear();
        assert_eq!(take.from as usize, 6 * BLOCK);
        source.data(&bytes[take.from as usize..]);
        source.whole(&bytes);
        source.hear::<Saved>();
        source.done();
    });
    assert_eq!(outcome.told[0], format!("begun a {}", 6 * BLOCK));
    assert_eq!(outcome.summary().bytes, 9);
    assert!(scratch.read("a") == bytes);
    assert_eq!(names(&scratch.path("")), ["a"]);
}

#[test]
fn a_sink_that_ends_without_warning_loses_a_group_at_most() {
    for (written, expected) in [(0, 0), (1, 0), (15, 0), (16, 16), (17, 16), (20, 16)] {
        let scratch = Scratch::new();
        scratch.killed_at(written * BLOCK);
        assert_eq!(scratch.blocks("boot"), expected, "{written}");
    }
}

#[test]
fn nothing_of_the_last_block_is_left_out() {
    let scratch = Scratch::new();
    scratch.kept_at(SIZE);
    assert_eq!(scratch.blocks("boot"), 20);
    let scratch = Scratch::new();
    scratch.kept_at(20 * BLOCK);
    let entry = file("a", 20 * BLOCK);
    let care = care("boot");
    let saving = Saving::resume(&scratch.spot(), &entry, care, &mut || ()).unwrap();
    assert_eq!(saving.take().from, 0, "its size is another");
}

#[test]
fn a_journal_whose_end_is_torn() {
    let scratch = Scratch::new();
    scratch.kept_at(3 * BLOCK);
    assert_eq!(fs::metadata(scratch.journal()).unwrap().len(), 64 + 96);
    for (length, expected) in [(160, 3), (159, 2), (128, 2), (127, 1), (96, 1), (95, 0)] {
        cut(&scratch.journal(), length);
        assert_eq!(scratch.blocks("boot"), expected, "{length}");
    }
    for length in [64, 63, 1, 0] {
        let scratch = Scratch::new();
        scratch.kept_at(3 * BLOCK);
        cut(&scratch.journal(), length);
        assert_eq!(scratch.blocks("boot"), 0, "{length}");
    }
}

#[test]
fn a_partial_file_that_is_shorter_than_its_journal() {
    let scratch = Scratch::new();
    scratch.kept_at(4 * BLOCK);
    for (length, expected) in [(4 * BLOCK, 4), (4 * BLOCK - 1, 3), (BLOCK, 1), (5, 0)] {
        cut(&scratch.partial(), length as u64);
        assert_eq!(scratch.blocks("boot"), expected, "{length}");
    }
}

#[test]
fn any_byte_of_the_head_that_is_another() {
    for at in 0..64 {
        if (32..48).contains(&at) {
            continue;
        }
        let scratch = Scratch::new();
        scratch.kept_at(2 * BLOCK);
        let byte = fs::read(scratch.journal()).unwrap()[at] ^ 1;
        overwrite_at(&scratch.journal(), at as u64, &[byte]);
        assert_eq!(scratch.blocks("boot"), 0, "{at}");
    }
}

#[test]
fn what_never_reached_the_disk_is_found() {
    let table = [
        // (the block that is damaged, how many are trusted by the same start of the system, by another)
        (None, 6, 6),
        (Some(5), 5, 5),
        (Some(2), 6, 2),
        (Some(0), 6, 0),
    ];
    for (damaged, same, other) in table {
        for (boot, expected) in [("boot", same), ("another", other), ("", other)] {
            let scratch = Scratch::new();
            scratch.kept_at(6 * BLOCK);
            if let Some(block) = damaged {
                overwrite_at(&scratch.partial(), block * BLOCK as u64 + 70, b"damage");
            }
            assert_eq!(scratch.blocks(boot), expected, "{damaged:?} {boot}");
            assert_eq!(scratch.blocks(boot), expected, "{damaged:?} {boot} again");
        }
    }
}

#[test]
fn another_file_of_the_same_name_begins_anew() {
    let bytes = content(3 * BLOCK);
    let changed = Entry {
        modified: Some(Moment {
            seconds: 1_700_000_000,
            nanos: 1,
        }),
        ..file("a", SIZE)
    };
    let unknown = Entry {
        modified: None,
        ..file("a", SIZE)
    };
    let pipe = Entry {
        kind: Kind::File(None),
        ..file("a", SIZE)
    };
    for entry in [changed, unknown, pipe, file("a", 3 * BLOCK)] {
        let scratch = Scratch::new();
        scratch.kept_at(2 * BLOCK);
        let size = match entry.kind {
            Kind::File(Some(size)) => size as usize,
            _ => bytes.len(),
        };
        let outcome = receive_from(&scratch.place(), &keep(), |mut source| {
            source.file(&entry, &content(size));
            source.hear::<Saved>();
            source.done();
        });
        assert_eq!(outcome.summary().saved, 1);
        assert!(scratch.read("a") == content(size));
        assert_eq!(names(&scratch.path("")), ["a"]);
    }
}

/// A journal that outlived its file must not tell of another's bytes.
#[test]
fn a_journal_without_its_file_goes() {
    let scratch = Scratch::new();
    scratch.kept_at(3 * BLOCK);
    fs::remove_file(scratch.partial()).unwrap();
    let care = care("boot");
    let mut saving = Saving::begin(&scratch.spot(), &file("a", 5), care, &mut || ()).unwrap();
    assert!(!scratch.journal().exists());
    saving.write(b"other", &mut || ()).unwrap();
    drop(saving);
    assert_eq!(scratch.blocks("boot"), 0);
}

#[test]
fn what_was_kept_goes_when_the_file_is_there_after_all() {
    let scratch = Scratch::new();
    scratch.kept_at(2 * BLOCK);
    let entry = file("a", 3);
    fs::write(scratch.path("a"), b"abc").unwrap();
    let there = OpenOptions::new()
        .write(true)
        .open(scratch.path("a"))
        .unwrap();
    let modified = std::time::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    there.set_modified(modified).unwrap();
    let outcome = receive_from(&scratch.place(), &keep(), |mut source| {
        source.say(&entry);
        source.hear::<Leave>();
        source.done();
    });
    assert_eq!(outcome.told, ["left a Same"]);
    assert_eq!(names(&scratch.path("")), ["a"]);
}

#[test]
fn a_transfer_that_lets_go_of_its_file_is_waited_for() {
    let scratch = Scratch::new();
    let first = scratch.saving("boot").unwrap();
    let mut asked = 0;
    let mut held = Some(first);
    // The other one lets go when it is looked for the third time.
    let mut alive = || {
        asked += 1;
        if asked == 3 {
            held.take();
        }
    };
    let care = care("boot");
    assert!(Saving::begin(&scratch.spot(), &file("a", SIZE), care, &mut alive).is_ok());
    assert!(held.is_none());
}

#[test]
fn one_sink_at_a_time_writes_a_file() {
    let scratch = Scratch::new();
    let bytes = content(2 * BLOCK);
    let entry = file("a", bytes.len());
    let first = receive_from(&scratch.place(), &keep(), |mut source| {
        source.say(&entry);
        source.hear::<Take>();
        source.data(&bytes[..BLOCK]);
        let second = receive_from(&scratch.place(), &keep(), |mut source| {
            source.say(&entry);
            source.hear::<Leave>();
            source.done();
        });
        let expected = "failed a: another transfer is writing this file";
        assert_eq!(second.told, [expected]);
        source.data(&bytes[BLOCK..]);
        source.whole(&bytes);
        source.hear::<Saved>();
        source.done();
    });
    assert_eq!(first.summary().saved, 1);
    assert!(scratch.read("a") == bytes);
}

/// What is complete needs no connection any more.
#[test]
fn a_file_that_was_whole_when_the_connection_broke() {
    let scratch = Scratch::new();
    let outcome = receive_from(&scratch.place(), &keep(), |mut source| {
        source.say(&file("a", 3));
        source.say(&file("b", 3));
        source.hear::<Take>();
        source.hear::<Take>();
        source.data(b"abc");
        source.whole(b"abc");
        source.data(b"ab");
        source.sending.flush().unwrap();
    });
    assert!(outcome.is_lost());
    assert_eq!(names(&scratch.path("")), ["a"]);
    assert_eq!(outcome.told, ["begun a 0", "begun b 0", "saved a 3"]);
}

#[test]
fn a_journal_that_is_left_alone_goes() {
    let scratch = Scratch::new();
    scratch.killed_at(2 * BLOCK);
    fs::remove_file(scratch.partial()).unwrap();
    assert!(scratch.journal().exists());
    scratch.spot().tidy().unwrap();
    assert!(!scratch.journal().exists());
}
