//! What the source has not got goes, and nothing else.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use proto::filexfer::native::message::{Filter, Pattern, Removed, Skipped, SkippedPath};

use super::*;

fn removing() -> Manner {
    Manner {
        extras: Superfluous::Remove,
        ..overwrite()
    }
}

fn preview(manner: Manner) -> Manner {
    Manner {
        course: Course::Preview,
        ..manner
    }
}

fn fill(scratch: &Scratch, paths: &[&str]) {
    for path in paths {
        let path = scratch.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, b"x").unwrap();
    }
}

/// All that is beneath a folder.
fn all(path: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for name in names(path) {
        let inner = path.join(&name);
        if fs::symlink_metadata(&inner).unwrap().is_dir() {
            found.extend(
                all(&inner)
                    .into_iter()
                    .map(|deeper| format!("{name}/{deeper}")),
            );
            found.push(format!("{name}/"));
        } else {
            found.push(name);
        }
    }
    found.sort();
    found
}

/// What the sink tells the source to be gone, in order, until it is done.
fn removed(mut source: Source) -> Vec<String> {
    source.say(&Done);
    let _ = source.sending.flush();
    let mut removed = Vec::new();
    loop {
        let incoming = source.receiving.next().unwrap().unwrap();
        match incoming.prefix.kind {
            Removed::KIND => {
                removed.push(
                    incoming
                        .decode::<Removed>()
                        .unwrap()
                        .message
                        .name
                        .to_string(),
                );
            }
            Done::KIND => break,
            kind => panic!("{kind}"),
        }
    }
    source.sending.end().unwrap();
    removed
}

/// Names these (folders with `/` at their end), all of which are there or are saved.
fn name(source: &mut Source, entries: &[&str]) {
    for entry in entries {
        match entry.strip_suffix('/') {
            Some(entry) => source.say(&folder(entry)),
            None => {
                source.say(&file(entry, 1));
                let _ = source.sending.flush();
                let incoming = source.receiving.next().unwrap().unwrap();
                if incoming.decode::<Take>().is_ok() {
                    source.data(b"x");
                    source.whole(b"x");
                    source.hear::<Saved>();
                }
            }
        }
    }
}

/// Runs a sink of this manner, to which these are named: what it removed.
fn run(scratch: &Scratch, manner: &Manner, entries: &[&str]) -> (Vec<String>, Outcome) {
    let mut gone = Vec::new();
    let outcome = receive_from(&scratch.place(), manner, |mut source| {
        name(&mut source, entries);
        gone = removed(source);
    });
    (gone, outcome)
}

#[test]
fn all_that_was_not_named_goes_and_a_preview_says_so_before() {
    let scratch = Scratch::new();
    let there = [
        "t/a",
        "t/old",
        "t/d/a",
        "t/d/old",
        "t/gone/x/y",
        "t/gone/z",
        "beside",
        "else/a",
    ];
    fill(&scratch, &there);
    symlink("/etc", scratch.path("t/link")).unwrap();
    fs::create_dir(scratch.path("t/gone/empty")).unwrap();
    let entries = ["t/", "t/a", "t/d/", "t/d/a", "t/d/new"];
    let before = all(&scratch.path(""));
    let expected = [
        "t/d/old",
        "t/gone/empty",
        "t/gone/x/y",
        "t/gone/x",
        "t/gone/z",
        "t/gone",
        "t/link",
        "t/old",
    ];
    let mut told = Vec::new();
    let outcome = receive_from(&scratch.place(), &preview(removing()), |mut source| {
        for entry in entries {
            match entry.strip_suffix('/') {
                Some(entry) => source.say(&folder(entry)),
                None => {
                    source.say(&file(entry, 1));
                    assert_eq!(source.hear::<Leave>(), Leave::Wanted);
                }
            }
        }
        told = removed(source);
    });
    assert_eq!(told, expected);
    assert_eq!(outcome.summary().removed, 8);
    assert_eq!(all(&scratch.path("")), before);

    let (gone, outcome) = run(&scratch, &removing(), &entries);
    assert_eq!(gone, expected);
    assert_eq!(
        (outcome.summary().removed, outcome.summary().failed),
        (8, 0)
    );
    let left = [
        "beside", "else/", "else/a", "t/", "t/a", "t/d/", "t/d/a", "t/d/new",
    ];
    assert_eq!(all(&scratch.path("")), left);
    let (gone, _) = run(&scratch, &removing(), &entries);
    assert!(gone.is_empty());
}

#[test]
fn nothing_goes_where_the_source_does_not_know_all() {
    for is_failure in [true, false] {
        let scratch = Scratch::new();
        fill(&scratch, &["t/a", "t/old"]);
        receive_from(&scratch.place(), &removing(), |mut source| {
            name(&mut source, &["t/", "t/a"]);
            source.say(&Skipped {
                path: SkippedPath::new(b"t/b"),
                reason: Reason::new("it cannot be read"),
                is_failure,
            });
            removed(source);
        });
        assert_eq!(scratch.path("t/old").exists(), is_failure);
    }
    let scratch = Scratch::new();
    fill(&scratch, &["t/old"]);
    receive_from(&scratch.place(), &removing(), |mut source| {
        source.say(&folder("t"));
        source.say(&file("t/a", 1));
        source.hear::<Take>();
        source.say(&Finish::Changed);
        source.hear::<NotSaved>();
        assert!(removed(source).is_empty());
    });
    assert!(scratch.path("t/old").exists());
}

#[test]
fn only_within_what_was_asked_for() {
    let scratch = Scratch::new();
    fill(&scratch, &["t/old", "t/d/old", "t/d/a", "t/e/old"]);
    let manner = Manner {
        wanted: vec![named("t/d"), named("t/f")],
        ..removing()
    };
    let (gone, _) = run(&scratch, &manner, &["t/", "t/d/", "t/d/a", "t/f"]);
    assert_eq!(gone, ["t/d/old"]);
}

#[test]
fn nothing_that_the_filters_leave_out() {
    let scratch = Scratch::new();
    fill(
        &scratch,
        &[
            "t/a",
            "t/b.log",
            "t/old",
            "t/raw/x",
            "t/gone/c.log",
            "t/gone/x",
        ],
    );
    let pattern = |text: &str| Pattern::try_from(text.to_owned()).unwrap();
    let manner = Manner {
        filters: ["*.log", "/raw"]
            .map(|text| Filter::Exclude(pattern(text)))
            .to_vec(),
        ..removing()
    };
    let (gone, outcome) = run(&scratch, &manner, &["t/", "t/a"]);
    assert_eq!(gone, ["t/gone/x", "t/old"]);
    assert_eq!(outcome.summary().failed, 0);
    let manner = Manner {
        filters: vec![Filter::Include(pattern("*.log"))],
        ..removing()
    };
    let (gone, _) = run(&scratch, &manner, &["t/"]);
    assert_eq!(gone, ["t/b.log", "t/gone/c.log"]);
}

#[test]
fn nothing_that_ignore_files_leave_out() {
    let scratch = Scratch::new();
    fill(
        &scratch,
        &[
            "t/.ignore",
            "t/a.o",
            "t/old",
            "t/d/.ignore",
            "t/d/keep",
            "t/d/b.o",
            "t/d/c",
        ],
    );
    fs::write(scratch.path("t/.ignore"), "*.o\n").unwrap();
    fs::write(scratch.path("t/d/.ignore"), "!b.o\nkeep\n").unwrap();
    let manner = Manner {
        filters: vec![Filter::IgnoreFile(".ignore".to_owned().try_into().unwrap())],
        existing: Existing::Keep,
        ..removing()
    };
    let (gone, _) = run(
        &scratch,
        &manner,
        &["t/", "t/.ignore", "t/d/", "t/d/.ignore"],
    );
    assert_eq!(gone, ["t/d/b.o", "t/d/c", "t/old"]);
}

#[test]
fn folders_keep_their_times_and_read_only_ones_are_no_hindrance() {
    let scratch = Scratch::new();
    fill(&scratch, &["t/d/old", "t/gone/deep/x"]);
    for name in ["t/gone/deep", "t/gone", "t/d"] {
        let mode = fs::Permissions::from_mode(0o555);
        fs::set_permissions(scratch.path(name), mode).unwrap();
    }
    let at = |name, mode| Entry {
        modified: Some(Moment {
            seconds: 77,
            nanos: 5,
        }),
        mode: Some(mode),
        ..folder(name)
    };
    receive_from(&scratch.place(), &removing(), |mut source| {
        source.say(&at("t", 0o755));
        source.say(&at("t/d", 0o555));
        assert_eq!(removed(source).len(), 4);
    });
    for (name, mode) in [("t", 0o755), ("t/d", 0o555)] {
        let found = fs::metadata(scratch.path(name)).unwrap();
        assert_eq!((found.mtime(), found.mtime_nsec()), (77, 5));
        assert_eq!(found.mode() & 0o7777, mode);
    }
    assert_eq!(all(&scratch.path("")), ["t/", "t/d/"]);
}

#[test]
fn what_an_earlier_transfer_left_goes_and_what_another_writes_stays() {
    let scratch = Scratch::new();
    let stale = [
        "t/.filexfer-0.part",
        "t/.filexfer-0.journal",
        "t/.filexfer-1-2.link",
    ];
    fill(&scratch, &stale);
    fill(&scratch, &["t/.filexfer-9.journal"]);
    let folder = runtime::folder::Folder::open(&scratch.path("t")).unwrap();
    let held = folder.partial(b".filexfer-9.part").unwrap();
    let (gone, outcome) = run(&scratch, &removing(), &["t/"]);
    assert!(gone.is_empty(), "{gone:?}");
    assert_eq!(outcome.summary().failed, 0);
    let left = [".filexfer-9.journal", ".filexfer-9.part"];
    assert_eq!(names(&scratch.path("t")), left);
    drop(held);
}

#[test]
fn a_folder_makes_way_where_nothing_in_it_is_the_sources() {
    for manner in [preview(removing()), removing()] {
        let scratch = Scratch::new();
        fill(&scratch, &["t/a/b/c", "t/l/x"]);
        let is_preview = manner.course == Course::Preview;
        receive_from(&scratch.place(), &manner, |mut source| {
            source.say(&folder("t"));
            source.say(&file("t/a", 1));
            for expected in ["t/a/b/c", "t/a/b", "t/a"] {
                assert_eq!(source.hear::<Removed>().name, named(expected));
            }
            match is_preview {
                true => assert_eq!(source.hear::<Leave>(), Leave::Wanted),
                false => {
                    source.hear::<Take>();
                    source.data(b"x");
                    source.whole(b"x");
                    source.hear::<Saved>();
                }
            }
            let target = b"a".to_vec().try_into().unwrap();
            source.say(&Entry::new(named("t/l"), Kind::Link(target)));
            source.hear::<Removed>();
            source.hear::<Removed>();
            let made = if is_preview {
                Leave::Wanted
            } else {
                Leave::Made
            };
            assert_eq!(source.hear::<Leave>(), made);
            assert!(is_preview || removed(source).is_empty());
        });
        let left: &[&str] = match is_preview {
            true => &["t/", "t/a/", "t/a/b/", "t/a/b/c", "t/l/", "t/l/x"],
            false => &["t/", "t/a", "t/l"],
        };
        assert_eq!(all(&scratch.path("")), left);
    }
}

/// A folder that the source has named things in does not go for a file of its name.
#[test]
fn a_source_that_says_two_things() {
    let scratch = Scratch::new();
    fill(&scratch, &["t/a/b"]);
    receive_from(&scratch.place(), &removing(), |mut source| {
        name(&mut source, &["t/", "t/a/", "t/a/b"]);
        source.say(&file("t/a", 1));
        assert!(matches!(source.hear::<Leave>(), Leave::Failed(_)));
        assert!(removed(source).is_empty());
    });
    assert_eq!(all(&scratch.path("")), ["t/", "t/a/", "t/a/b"]);
}

#[test]
fn what_has_no_name_that_can_be_told_stays() {
    let scratch = Scratch::new();
    fill(&scratch, &["t/gone/a\nb", "t/gone/c"]);
    let (gone, outcome) = run(&scratch, &removing(), &["t/"]);
    assert_eq!(gone, ["t/gone/c"]);
    assert_eq!(outcome.summary().failed, 1);
    let expected =
        "skipped t/gone/a\\nb: it was not removed: expected a name without control characters";
    assert!(
        outcome.told.contains(&expected.to_owned()),
        "{:?}",
        outcome.told
    );
}

/// What a link leads to is not the source's to remove.
#[test]
fn a_root_that_became_a_link() {
    let scratch = Scratch::new();
    fs::write(scratch.0.join("out/victim"), b"x").unwrap();
    receive_from(&scratch.place(), &removing(), |mut source| {
        name(&mut source, &["t/", "t/d/", "t/d/a"]);
        fs::remove_dir_all(scratch.path("t")).unwrap();
        symlink("../out", scratch.path("t")).unwrap();
        assert!(removed(source).is_empty());
    });
    assert_eq!(names(&scratch.0.join("out")), ["victim"]);
}

/// Somebody swaps folders for links that lead out, again and again, while what is in them is removed.
#[test]
fn links_that_come_meanwhile() {
    let scratch = Scratch::new();
    fs::create_dir_all(scratch.0.join("out/d")).unwrap();
    fs::write(scratch.0.join("out/d/victim"), b"x").unwrap();
    let stop = std::sync::atomic::AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let (folder, aside) = (scratch.path("t/s"), scratch.0.join("aside"));
            while !stop.load(Ordering::Relaxed) {
                let _ = fs::rename(&folder, &aside);
                let _ = symlink(scratch.0.join("out"), &folder);
                let _ = fs::remove_file(&folder);
                let _ = fs::rename(&aside, &folder);
            }
        });
        for round in 0..8 {
            for number in 0..200 {
                let path = scratch.path(&format!("t/s/d/{round}-{number}"));
                let _ = fs::create_dir_all(scratch.path("t/s/d"));
                let _ = fs::write(path, b"x");
            }
            // By the link the writer above may have come out too.
            for extra in names(&scratch.0.join("out/d")) {
                if extra != "victim" {
                    fs::remove_file(scratch.0.join("out/d").join(extra)).unwrap();
                }
            }
            let manner = Manner {
                sync: Sync::No,
                ..removing()
            };
            receive_from(&scratch.place(), &manner, |mut source| {
                source.say(&folder("t"));
                removed(source);
            });
            assert!(scratch.0.join("out/d/victim").exists());
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert_eq!(fs::read(scratch.0.join("out/d/victim")).unwrap(), b"x");
}
