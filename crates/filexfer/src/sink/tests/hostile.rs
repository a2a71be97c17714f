//! Sources that mean no good.

use proto::filexfer::native::message::MAX_UNANSWERED;

use super::*;

/// Has a source break a rule, and says which.
fn broken(manner: &Manner, source: impl FnOnce(&mut Source)) -> String {
    let scratch = Scratch::new();
    let outcome = receive_from(&scratch.place(), manner, |mut far| {
        source(&mut far);
        let _ = far.sending.flush();
        // The sink may say something yet before it hangs up.
        while let Ok(Some(_)) = far.receiving.next() {}
    });
    let left = names(&scratch.path(""));
    assert!(left.iter().all(|name| name == "whole"), "{left:?}");
    outcome.rule()
}

fn taken(source: &mut Source, size: usize) {
    source.say(&file("a", size));
    source.hear::<Take>();
}

#[test]
fn rules_that_are_broken() {
    type Source = fn(&mut super::Source);
    let table: &[(&str, Source)] = &[
        ("expected nothing of a file before one is taken", |source| {
            source.data(b"abc");
        }),
        ("expected nothing of a file before one is taken", |source| {
            source.whole(b"");
        }),
        ("expected 2 bytes of \"a\", got more", |source| {
            taken(source, 2);
            source.data(b"abc");
        }),
        ("expected 5 bytes of \"a\", got 3", |source| {
            taken(source, 5);
            source.data(b"abc");
            source.whole(b"abc");
        }),
        ("expected data of at least a byte", |source| {
            taken(source, 5);
            source.sending.packed(Data { unpacked: None }, b"").unwrap();
        }),
        ("expected each name once, got \"a\" again", |source| {
            source.say(&file("a", 1));
            source.say(&file("a", 1));
        }),
        ("expected totals once, before the first entry", |source| {
            source.say(&Totals::default());
            source.say(&Totals::default());
        }),
        ("expected the end of all files that were taken", |source| {
            taken(source, 5);
            source.say(&Done);
        }),
        (
            "expected a frame of a source, got one of kind 3",
            |source| {
                source.say(&Ready);
            },
        ),
        (
            "expected a frame of a source, got one of kind 21",
            |source| {
                source.say(&Leave::Same);
            },
        ),
        ("it ended before it said that it was done", |source| {
            source.file(&file("whole", 3), b"abc");
            source.hear::<Saved>();
            // All that it has to say is said.
            let (end, _) = sessions();
            std::mem::replace(&mut source.sending, end.sending)
                .end()
                .unwrap();
        }),
    ];
    for (expected, source) in table {
        assert_eq!(broken(&keep(), source), *expected);
    }
}

#[test]
fn nothing_that_was_not_asked_for() {
    let manner = Manner {
        wanted: vec![named("photos/one")],
        ..keep()
    };
    for entry in [file("a", 1), file("photos/two", 1), folder("photos/two")] {
        let name = entry.name.clone();
        let rule = broken(&manner, |source| source.say(&entry));
        assert_eq!(rule, format!("expected what was asked for, got {name:?}"));
    }
}

#[test]
fn bombs() {
    let bomb = zstd::bulk::compress(&vec![0; 32 << 20], 1).unwrap();
    for claimed in [1, 1 << 20, 32 << 20, u32::MAX] {
        let rule = broken(&keep(), |source| {
            taken(source, 64 << 20);
            let unpacked = Some(claimed);
            source.sending.packed(Data { unpacked }, &bomb).unwrap();
        });
        assert!(rule.starts_with("expected"), "{rule}");
    }
}

/// A source that names more than it may before it is answered. The sink answers as fast as it can, so that it has to take
/// less than it was told.
#[test]
fn more_entries_than_are_answered() {
    let rule = broken(&keep(), |source| {
        for number in 0..=2 * MAX_UNANSWERED {
            source.say(&file(&number.to_string(), 1));
        }
    });
    assert_eq!(rule, "expected at most 1024 entries that are not answered");
}

#[test]
fn names_that_are_kept_for_the_sink() {
    let scratch = Scratch::new();
    let name = ".filexfer-0123456789abcdef.part";
    let outcome = receive_from(&scratch.place(), &keep(), |mut source| {
        source.say(&file(name, 1));
        source.hear::<Leave>();
        source.say(&folder(name));
        source.done();
    });
    assert_eq!(outcome.summary().failed, 2);
    assert!(names(&scratch.path("")).is_empty());
}

#[cfg(unix)]
mod links {
    use std::os::unix::fs::symlink;
    use std::sync::atomic::AtomicBool;

    use super::*;

    #[test]
    fn that_were_planted_before() {
        let scratch = Scratch::new();
        symlink("../out", scratch.path("folder")).unwrap();
        symlink("../out/file", scratch.path("file")).unwrap();
        let outcome = receive_from(&scratch.place(), &overwrite(), |mut source| {
            source.say(&folder("folder/made"));
            source.say(&file("folder/a", 1));
            source.hear::<Leave>();
            source.file(&file("file", 1), b"x");
            source.hear::<Saved>();
            source.done();
        });
        let expected = [
            "failed folder/made: expected a folder at \"folder\", found a link",
            "failed folder/a: expected a folder at \"folder\", found a link",
            "begun file 0",
            "saved file 1",
        ];
        assert_eq!(outcome.told, expected);
        assert!(names(&scratch.0.join("out")).is_empty());
        assert!(
            fs::symlink_metadata(scratch.path("file"))
                .unwrap()
                .is_file()
        );
    }

    /// Somebody swaps a folder for a link that leads out, again and again, while files come.
    #[test]
    fn that_come_meanwhile() {
        let scratch = Scratch::new();
        let stop = AtomicBool::new(false);
        let outcome = thread::scope(|scope| {
            scope.spawn(|| {
                let (folder, aside) = (scratch.path("folder"), scratch.path("aside"));
                while !stop.load(Ordering::Relaxed) {
                    let _ = fs::rename(&folder, &aside);
                    let _ = symlink("../out", &folder);
                    let _ = fs::remove_file(&folder);
                    let _ = fs::rename(&aside, &folder);
                }
            });
            let outcome = receive_from(&scratch.place(), &unsynced(), |mut source| {
                for number in 0..500 {
                    // From folder to folder, so that none is known from the file before.
                    source.say(&file(&format!("folder/{}/{number}", number % 2), 1));
                    source.sending.flush().unwrap();
                    let answer = source.receiving.next().unwrap().unwrap();
                    if answer.decode::<Take>().is_ok() {
                        source.data(b"x");
                        source.whole(b"x");
                        source.sending.flush().unwrap();
                        source.receiving.next().unwrap();
                    }
                }
                source.done();
            });
            stop.store(true, Ordering::Relaxed);
            outcome
        });
        let summary = outcome.summary();
        assert_eq!(summary.saved + summary.failed, 500);
        assert!(names(&scratch.0.join("out")).is_empty());
    }
}
