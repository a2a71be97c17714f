//! Files that changed, between a source and the sink of this program.

use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use proptest::prelude::*;

use super::super::*;
use super::peer::*;
use crate::sink::{self, Compare, Existing, Place, Sync, Update};

/// Two folders, and the file `f` in them.
struct Pair(Scratch);

/// What came of a transfer.
struct Came {
    here: Summary,
    there: Summary,
    told: Vec<String>,
}

impl Pair {
    fn new(name: &str) -> Self {
        let scratch = Scratch::new(&format!("delta-{name}"));
        fs::create_dir(scratch.path("in")).unwrap();
        Self(scratch)
    }

    /// Has the sink have this, as of another time.
    fn old(&self, bytes: &[u8]) {
        self.0.file("in/f", bytes);
        self.date("in/f", 1_000);
    }

    fn new_is(&self, bytes: &[u8]) {
        self.0.file("f", bytes);
        self.date("f", 2_000);
    }

    fn date(&self, path: &str, seconds: u64) {
        let file = File::options().write(true).open(self.0.path(path)).unwrap();
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        file.set_modified(time).unwrap();
    }

    fn got(&self, path: &str) -> Vec<u8> {
        fs::read(self.0.path("in").join(path)).unwrap()
    }

    fn transfer(&self, update: Update) -> Came {
        self.transfer_of(&["f"], update)
    }

    fn transfer_of(&self, names: &[&str], update: Update) -> Came {
        self.transfer_by(names, |manner| manner.update = update)
    }

    fn transfer_by(&self, names: &[&str], by: impl FnOnce(&mut sink::Manner)) -> Came {
        let offer = paths(names.iter().map(|name| self.0.path(name)));
        let place = Place::Folder(self.0.path("in"));
        let mut manner = sink::Manner {
            sync: Sync::No,
            existing: Existing::Overwrite,
            ..sink::Manner::default()
        };
        by(&mut manner);
        let receive = move |session| {
            let mut log = Log::default();
            let result = sink::receive(session, &place, &manner, &mut log);
            (result, log.0)
        };
        let sent = transfer(&offer, &PLAIN, receive);
        let (there, told) = sent.sink;
        let context = format!("{:?} {told:?}", sent.log);
        Came {
            here: sent.result.expect(&context),
            there: there.expect(&context),
            told,
        }
    }

    /// Has the sink go from one to the other; how many bytes were sent.
    fn update(&self, old: &[u8], new: &[u8], update: Update) -> u64 {
        self.old(old);
        self.new_is(new);
        let came = self.transfer(update);
        assert_eq!(
            (came.here.saved, came.there.saved),
            (1, 1),
            "{:?}",
            came.told
        );
        assert_eq!(came.here.bytes + came.here.reused, new.len() as u64);
        assert_eq!(came.here.reused, came.there.reused);
        assert!(self.got("f") == new);
        let left = fs::read_dir(self.0.path("in")).unwrap().count();
        assert_eq!(left, 1, "nothing is left beside it");
        let again = self.transfer(update);
        assert_eq!(again.here.same, 1);
        came.here.bytes
    }
}

const PART: usize = 16 << 10;

#[test]
fn what_was_changed_in_place_is_sent_alone() {
    let old = noise(3 * MIB + 5000);
    let mut new = old.clone();
    for place in [100, MIB, 2 * MIB + 5, 3 * MIB + 4999] {
        new[place] ^= 1;
    }
    for update in [Update::Anew, Update::InPlace] {
        let pair = Pair::new(&format!("place-{update:?}"));
        let sent = pair.update(&old, &new, update);
        assert_eq!(sent, 3 * PART as u64 + 5000);
    }
}

#[test]
fn what_was_appended_or_cut_off() {
    let whole = noise(2 * MIB + 100);
    for update in [Update::Anew, Update::InPlace] {
        let pair = Pair::new(&format!("end-{update:?}"));
        let (long, short) = (&whole[..], &whole[..MIB + 40_000]);
        let appended = pair.update(short, long, update);
        assert!(appended <= (long.len() - short.len() + PART) as u64);
        assert!(pair.update(long, short, update) <= PART as u64);
        assert_eq!(pair.update(long, &long[..2 * MIB], update), 0);
        assert_eq!(pair.update(&long[..2 * MIB], long, update), 100);
        let long = &whole[..4 * PART + 10];
        for length in [0, 1, PART, 2 * PART, 2 * PART + 1] {
            pair.update(long, &long[..length], update);
            pair.update(&long[..length], long, update);
        }
    }
}

#[test]
fn a_file_that_was_only_touched_stays() {
    for update in [Update::Anew, Update::InPlace] {
        let pair = Pair::new(&format!("touched-{update:?}"));
        let bytes = noise(MIB + 7);
        pair.old(&bytes);
        let open = File::open(pair.0.path("in/f")).unwrap();
        assert_eq!(pair.update(&bytes, &bytes, update), 0);
        let modified = open.metadata().unwrap().modified().unwrap();
        let since = modified.duration_since(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(since.as_secs(), 2_000);
    }
}

#[test]
fn what_has_the_same_size_and_time_is_compared_when_that_is_asked_for() {
    let pair = Pair::new("checksum");
    let old = noise(MIB + 7);
    let mut new = old.clone();
    new[MIB / 2] ^= 1;
    pair.new_is(&new);
    pair.0.file("in/f", &old);
    pair.date("in/f", 2_000);
    assert_eq!(pair.transfer(Update::Anew).here.same, 1);
    let came = pair.transfer_by(&["f"], |manner| manner.compare = Compare::Contents);
    assert_eq!((came.here.saved, came.here.bytes), (1, PART as u64));
    assert!(pair.got("f") == new);
    let came = pair.transfer_by(&["f"], |manner| manner.compare = Compare::Contents);
    assert_eq!((came.here.saved, came.here.bytes), (1, 0));
}

#[cfg(target_os = "linux")]
#[test]
fn a_sparse_file_that_changed_stays_sparse() {
    use std::os::unix::fs::{FileExt, MetadataExt};

    for update in [Update::Anew, Update::InPlace] {
        let pair = Pair::new(&format!("sparse-{update:?}"));
        let bytes = noise(64 << 10);
        for (path, places) in [("in/f", &[0, 20][..]), ("f", &[0, 9, 20][..])] {
            let file = File::create(pair.0.path(path)).unwrap();
            file.set_len(32 << 20).unwrap();
            for place in places {
                file.write_all_at(&bytes, place << 20).unwrap();
            }
        }
        pair.date("in/f", 1_000);
        pair.date("f", 2_000);
        let came = pair.transfer(update);
        assert!(came.here.bytes <= 2 << 20, "{}", came.here.bytes);
        assert!(pair.got("f") == fs::read(pair.0.path("f")).unwrap());
        let taken = pair.0.path("in/f").metadata().unwrap().blocks() * 512;
        assert!(taken < 8 << 20, "{taken}");
    }
}

#[test]
fn what_was_moved_is_found() {
    let pair = Pair::new("moved");
    let old = noise(12 * MIB);
    let inserted = [b"a few bytes".as_slice(), &old].concat();
    let sent = pair.update(&old, &inserted, Update::Anew);
    assert!(sent < 100_000, "{sent}");
    let removed = [&old[..MIB], &old[9 * MIB + 3..]].concat();
    let sent = pair.update(&old, &removed, Update::Anew);
    assert!(sent < 150_000, "{sent}");
    let swapped = [&old[6 * MIB + 1..], &old[..6 * MIB + 1]].concat();
    let sent = pair.update(&old, &swapped, Update::Anew);
    assert!(sent < 200_000, "{sent}");
    // In place nothing may be taken from elsewhere: it is sent, and right.
    pair.update(&old, &inserted, Update::InPlace);
}

#[test]
fn another_file_altogether_is_sent_whole() {
    let pair = Pair::new("other");
    let old = noise(4 * MIB);
    let new: Vec<u8> = old.iter().rev().map(|byte| byte ^ 0x55).collect();
    for update in [Update::Anew, Update::InPlace] {
        assert_eq!(pair.update(&old, &new, update), 4 * MIB as u64);
    }
}

#[test]
fn a_file_that_was_renamed_is_not_sent_again() {
    let pair = Pair::new("renamed");
    let bytes = noise(2 * MIB + 3);
    fs::create_dir(pair.0.path("in/d")).unwrap();
    pair.0.file("in/d/old", &bytes);
    pair.date("in/d/old", 2_000);
    pair.new_is(&bytes);
    let came = pair.transfer(Update::Anew);
    assert_eq!((came.here.bytes, came.here.reused), (0, bytes.len() as u64));
    assert!(pair.got("f") == bytes && pair.got("d/old") == bytes);
}

#[test]
fn many_files_that_changed() {
    let pair = Pair::new("many");
    let names: Vec<_> = (0..60).map(|number| format!("d/{number}")).collect();
    for (number, name) in names.iter().enumerate() {
        let mut bytes = noise(number * 5_000);
        pair.0.file(&format!("in/{name}"), &bytes);
        pair.date(&format!("in/{name}"), 1_000);
        bytes.extend_from_slice(b"more");
        pair.0.file(name, &bytes);
    }
    let came = pair.transfer_of(&["d"], Update::Anew);
    assert_eq!(
        (came.here.saved, came.here.failed),
        (60, 0),
        "{:?}",
        came.told
    );
    assert!(came.here.reused > came.here.bytes);
    for name in &names {
        assert!(pair.got(name) == fs::read(pair.0.path(name)).unwrap());
    }
}

#[cfg(unix)]
#[test]
fn a_file_with_other_names_is_not_changed_in_place() {
    let pair = Pair::new("names");
    let old = noise(MIB);
    let mut new = old.clone();
    new[5] ^= 1;
    pair.old(&old);
    fs::hard_link(pair.0.path("in/f"), pair.0.path("other")).unwrap();
    pair.new_is(&new);
    let came = pair.transfer(Update::InPlace);
    assert_eq!((came.here.saved, came.here.bytes), (1, PART as u64));
    assert!(pair.got("f") == new);
    assert!(fs::read(pair.0.path("other")).unwrap() == old);
}

/// A change of a file: what, where and how much of it.
#[derive(Clone, Debug)]
enum Edit {
    Insert(usize, usize),
    Remove(usize, usize),
    Replace(usize, usize),
    Move(usize, usize, usize),
}

impl Edit {
    fn apply(&self, file: &mut Vec<u8>) {
        let within = |place: usize, file: &[u8]| place % (file.len() + 1);
        match *self {
            Self::Insert(at, length) => {
                let at = within(at, file);
                file.splice(at..at, fresh(at, length));
            }
            Self::Remove(at, length) => {
                let at = within(at, file);
                file.drain(at..file.len().min(at + length));
            }
            Self::Replace(at, length) => {
                let at = within(at, file);
                let end = file.len().min(at + length);
                file.splice(at..end, fresh(at, end - at));
            }
            Self::Move(at, length, to) => {
                let at = within(at, file);
                let moved: Vec<_> = file.drain(at..file.len().min(at + length)).collect();
                let to = within(to, file);
                file.splice(to..to, moved);
            }
        }
    }
}

fn fresh(at: usize, length: usize) -> Vec<u8> {
    noise(length).iter().map(|byte| byte ^ at as u8).collect()
}

fn edit() -> impl Strategy<Value = Edit> {
    let (place, length) = (0..3 * MIB, 1..300_000usize);
    prop_oneof![
        (place.clone(), length.clone()).prop_map(|(at, length)| Edit::Insert(at, length)),
        (place.clone(), length.clone()).prop_map(|(at, length)| Edit::Remove(at, length)),
        (place.clone(), length.clone()).prop_map(|(at, length)| Edit::Replace(at, length)),
        (place.clone(), length, place).prop_map(|(at, length, to)| Edit::Move(at, length, to)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn any_edits_come_over(
        length in 0..3 * MIB,
        edits in prop::collection::vec(edit(), 0..6),
        in_place: bool,
    ) {
        let update = if in_place { Update::InPlace } else { Update::Anew };
        let old = noise(length);
        let mut new = old.clone();
        edits.iter().for_each(|edit| edit.apply(&mut new));
        Pair::new("any").update(&old, &new, update);
    }
}
