//! What folders have when nothing more is written in them, and what files get beside their bytes.

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use proto::filexfer::native::message::Owner;

use super::*;

fn at(name: &str, mode: u32, seconds: i64) -> Entry {
    Entry {
        modified: Some(Moment {
            seconds,
            nanos: 987_654_321,
        }),
        mode: Some(mode),
        ..folder(name)
    }
}

fn state(scratch: &Scratch, name: &str) -> (u32, i64, i64) {
    let found = fs::symlink_metadata(scratch.path(name)).unwrap();
    (found.mode() & 0o7777, found.mtime(), found.mtime_nsec())
}

fn permit(scratch: &Scratch, name: &str, mode: u32) {
    fs::set_permissions(scratch.path(name), fs::Permissions::from_mode(mode)).unwrap();
}

fn save(source: &mut Source, entry: &Entry, bytes: &[u8]) {
    source.file(entry, bytes);
    source.hear::<Saved>();
}

const PLAIN: Preserve = Preserve {
    mode: true,
    special: false,
    owner: false,
};

#[test]
fn get_their_times_and_modes_at_the_end() {
    let scratch = Scratch::new();
    let manner = Manner {
        preserve: PLAIN,
        ..keep()
    };
    let nanos = 987_654_321;
    receive_from(&scratch.place(), &manner, |mut source| {
        source.say(&at("a", 0o555, -5));
        source.say(&at("a/empty", 0o2711, 1));
        source.say(&at("a/full", 0o500, 2));
        // They wait for their answers while other folders are left and entered.
        for number in 0..20 {
            source.say(&file(&format!("a/full/{number}"), 3));
        }
        source.say(&at("a/last", 0o777, 4_000_000_000));
        source.say(&at("b", 0o700, 5));
        source.say(&file("b/c", 3));
        for _ in 0..21 {
            source.hear::<Take>();
        }
        assert_eq!(state(&scratch, "a/empty"), (0o711, 1, nanos));
        assert_eq!(state(&scratch, "a/full").0, 0o1700);
        for _ in 0..21 {
            source.data(b"abc");
            source.whole(b"abc");
        }
        for _ in 0..21 {
            source.hear::<Saved>();
        }
        source.done();
    });
    assert_eq!(state(&scratch, "a"), (0o555, -5, nanos));
    assert_eq!(state(&scratch, "a/full"), (0o500, 2, nanos));
    assert_eq!(state(&scratch, "a/last"), (0o777, 4_000_000_000, nanos));
    assert_eq!(state(&scratch, "b"), (0o700, 5, nanos));
}

#[test]
fn that_were_there_change_only_where_that_was_asked_for() {
    for (manner, is_changed) in [(keep(), false), (overwrite(), true)] {
        let scratch = Scratch::new();
        fs::create_dir(scratch.path("a")).unwrap();
        permit(&scratch, "a", 0o750);
        receive_from(&scratch.place(), &manner, |mut source| {
            source.say(&at("a", 0o500, 7));
            save(&mut source, &file("a/b", 3), b"abc");
            source.done();
        });
        let (mode, seconds, _) = state(&scratch, "a");
        assert_eq!(
            (mode, seconds == 7),
            if is_changed {
                (0o500, true)
            } else {
                (0o750, false)
            }
        );
    }
}

#[test]
fn that_are_read_only_are_filled() {
    let scratch = Scratch::new();
    for (name, bytes) in [("a/b", b"abc"), ("a/c", b"def")] {
        receive_from(&scratch.place(), &overwrite(), |mut source| {
            source.say(&at("a", 0o500, 7));
            save(&mut source, &file(name, 3), bytes);
            source.done();
        });
        assert_eq!(state(&scratch, "a"), (0o500, 7, 987_654_321));
    }
    assert_eq!(names(&scratch.path("a")), ["b", "c"]);
}

/// What was made by a transfer that was interrupted is known again, also where nothing is overwritten.
#[test]
fn that_were_not_filled_to_the_end_get_their_times_later() {
    let scratch = Scratch::new();
    let entries = [at("a", 0o755, 7), at("a/b", 0o500, 8)];
    let outcome = receive_from(&scratch.place(), &keep(), |mut source| {
        entries.iter().for_each(|entry| source.say(entry));
        save(&mut source, &file("a/b/c", 3), b"abc");
        source.say(&file("a/b/d", 3));
        source.hear::<Take>();
    });
    assert!(outcome.is_lost());
    assert_eq!(state(&scratch, "a/b").0, 0o1700);
    receive_from(&scratch.place(), &keep(), |mut source| {
        entries.iter().for_each(|entry| source.say(entry));
        source.say(&file("a/b/c", 3));
        source.hear::<Leave>();
        source.done();
    });
    assert_eq!(state(&scratch, "a").1, 7);
    assert_eq!(state(&scratch, "a/b"), (0o500, 8, 987_654_321));
}

#[test]
fn a_file_that_is_there_gets_what_it_is_to_have() {
    let scratch = Scratch::new();
    let entry = |mode| Entry {
        mode: Some(mode),
        ..file("a", 3)
    };
    let manner = |existing, preserve| Manner {
        existing,
        preserve,
        ..keep()
    };
    let special = Preserve {
        special: true,
        ..PLAIN
    };
    let table = [
        (0o640, manner(Existing::Keep, PLAIN), 0o640),
        (0o777, manner(Existing::Keep, PLAIN), 0o640),
        (0o777, manner(Existing::Overwrite, PLAIN), 0o777),
        (0o6755, manner(Existing::Overwrite, PLAIN), 0o755),
        (0o6755, manner(Existing::Overwrite, special), 0o6755),
        (0o400, manner(Existing::Overwrite, PLAIN), 0o400),
    ];
    for (mode, manner, expected) in table {
        receive_from(&scratch.place(), &manner, |mut source| {
            match scratch.path("a").exists() {
                false => save(&mut source, &entry(mode), b"abc"),
                true => {
                    source.say(&entry(mode));
                    assert_eq!(source.hear::<Leave>(), Leave::Same);
                }
            }
            source.done();
        });
        assert_eq!(state(&scratch, "a").0, expected, "{mode:o}");
    }
    // It may be somebody else's by its other name.
    fs::hard_link(scratch.path("a"), scratch.0.join("out/b")).unwrap();
    receive_from(
        &scratch.place(),
        &manner(Existing::Overwrite, PLAIN),
        |mut source| {
            source.say(&entry(0o777));
            assert_eq!(source.hear::<Leave>(), Leave::Same);
            source.done();
        },
    );
    assert_eq!(state(&scratch, "a").0, 0o400);
}

/// Nobody becomes somebody else by a file whose owner could not be set.
#[test]
fn owners_come_along_where_that_was_asked_for() {
    let scratch = Scratch::new();
    let own = fs::metadata(scratch.path("")).unwrap();
    let (user, group) = match own.uid() {
        0 => (12_345, 54_321),
        user => (user, own.gid()),
    };
    let all = Preserve {
        mode: true,
        special: true,
        owner: true,
    };
    let entry = |name, kind| Entry {
        owner: Some(Owner { user, group }),
        mode: Some(0o6755),
        modified: file("a", 0).modified,
        ..Entry::new(named(name), kind)
    };
    for (preserve, expected) in [(PLAIN, (own.uid(), own.gid())), (all, (user, group))] {
        let manner = Manner {
            preserve,
            links: LinkPolicy::All,
            ..overwrite()
        };
        let target = vec![b'x'].try_into().unwrap();
        receive_from(&scratch.place(), &manner, |mut source| {
            source.say(&entry("d", Kind::Folder));
            source.say(&entry("f", Kind::File(Some(0))));
            let _ = source.sending.flush();
            let answer = source.receiving.next().unwrap().unwrap();
            if answer.decode::<Take>().is_ok() {
                source.whole(b"");
                source.hear::<Saved>();
            }
            let _ = fs::remove_file(scratch.path("l"));
            source.say(&entry("l", Kind::Link(target)));
            assert_eq!(source.hear::<Leave>(), Leave::Made);
            source.done();
        });
        for name in ["d", "f", "l"] {
            let found = fs::symlink_metadata(scratch.path(name)).unwrap();
            assert_eq!((found.uid(), found.gid()), expected, "{name}");
        }
        let mode = if preserve.special { 0o6755 } else { 0o755 };
        assert_eq!(state(&scratch, "f").0, mode);
        assert_eq!(state(&scratch, "d").0, mode);
    }
}
