//! Symbolic links, and files with several names.

use std::os::unix::fs::{MetadataExt, symlink};

use proto::filexfer::native::message::LinkTarget;

use super::*;

fn link(name: &str, target: &str) -> Entry {
    let target = LinkTarget::try_from(target.as_bytes().to_vec()).unwrap();
    Entry {
        modified: Some(Moment {
            seconds: 1_600_000_000,
            nanos: 123_456_789,
        }),
        ..Entry::new(named(name), Kind::Link(target))
    }
}

fn numbered(name: &str, size: usize, number: u32) -> Entry {
    Entry {
        number: Some(number),
        ..file(name, size)
    }
}

fn again(name: &str, number: u32) -> Entry {
    Entry::new(named(name), Kind::Again(number))
}

fn leads(scratch: &Scratch, name: &str) -> String {
    let target = fs::read_link(scratch.path(name)).unwrap();
    target.into_os_string().into_string().unwrap()
}

fn with_links(links: LinkPolicy) -> Manner {
    Manner { links, ..keep() }
}

/// What a sink answers to entries none of which it takes.
fn answers(scratch: &Scratch, manner: &Manner, entries: &[Entry]) -> (Vec<Leave>, Outcome) {
    let mut answers = Vec::new();
    let outcome = receive_from(&scratch.place(), manner, |mut source| {
        for entry in entries {
            source.say(entry);
            if entry.kind != Kind::Folder {
                answers.push(source.hear::<Leave>());
            }
        }
        source.done();
    });
    (answers, outcome)
}

#[test]
fn are_made_by_policy() {
    let all = [
        folder("t"),
        folder("t/d"),
        link("t/d/up", "../e"),
        link("t/abs", "/etc/passwd"),
        link("t/climbs", "../out"),
        link("t/dangling", "no/such"),
        link("t/odd", "a\\ b'\"-"),
    ];
    use Leave::{Made, Unwanted};
    let table = [
        (LinkPolicy::Inside, [Made, Unwanted, Unwanted, Made, Made]),
        (LinkPolicy::All, [Made, Made, Made, Made, Made]),
        (
            LinkPolicy::None,
            [Unwanted, Unwanted, Unwanted, Unwanted, Unwanted],
        ),
    ];
    for (policy, expected) in table {
        let scratch = Scratch::new();
        let (answers, outcome) = answers(&scratch, &with_links(policy), &all);
        assert_eq!(answers, expected, "{policy:?}");
        let made = expected.iter().filter(|leave| **leave == Made).count();
        assert_eq!(outcome.summary().made, made as u64);
        let skipped = |told: &&String| told.starts_with("skipped t/");
        assert_eq!(outcome.told.iter().filter(skipped).count(), 5 - made);
        for (entry, leave) in all[2..].iter().zip(&expected) {
            let path = scratch.path(&entry.name.to_string());
            match (leave, &entry.kind) {
                (Made, Kind::Link(target)) => {
                    let found = fs::symlink_metadata(&path).unwrap();
                    assert_eq!(
                        (found.mtime(), found.mtime_nsec()),
                        (1_600_000_000, 123_456_789)
                    );
                    let there = fs::read_link(&path).unwrap().into_os_string();
                    assert_eq!(there.into_encoded_bytes(), target.as_bytes());
                }
                _ => assert!(fs::symlink_metadata(&path).is_err()),
            }
        }
    }
}

#[test]
fn what_is_there_is_kept_or_replaced() {
    for (existing, expected) in [
        (Existing::Keep, [Leave::Same, Leave::Kept, Leave::Kept]),
        (Existing::Overwrite, [Leave::Same, Leave::Made, Leave::Made]),
    ] {
        let scratch = Scratch::new();
        symlink("x", scratch.path("same")).unwrap();
        symlink("y", scratch.path("other")).unwrap();
        fs::write(scratch.path("file"), b"file").unwrap();
        let all = ["same", "other", "file"].map(|name| link(name, "x"));
        let manner = Manner {
            existing,
            ..with_links(LinkPolicy::All)
        };
        let (answers, _) = answers(&scratch, &manner, &all);
        assert_eq!(answers, expected);
        assert_eq!(leads(&scratch, "same"), "x");
        assert_eq!(names(&scratch.path("")), ["file", "other", "same"]);
        match existing {
            Existing::Keep => assert_eq!(scratch.read("file"), b"file"),
            Existing::Overwrite => assert_eq!(leads(&scratch, "file"), "x"),
        }
    }
}

#[test]
fn a_file_takes_the_place_of_a_link_and_a_folder_that_of_both() {
    let scratch = Scratch::new();
    fs::write(scratch.0.join("out/victim"), b"victim").unwrap();
    symlink("../out/victim", scratch.path("file")).unwrap();
    symlink("../out", scratch.path("a")).unwrap();
    fs::write(scratch.path("b"), b"file").unwrap();
    let outcome = receive_from(&scratch.place(), &overwrite(), |mut source| {
        source.say(&folder("a"));
        source.file(&file("a/victim", 3), b"new");
        source.hear::<Saved>();
        source.say(&folder("b"));
        source.file(&file("file", 3), b"new");
        source.hear::<Saved>();
        source.done();
    });
    assert_eq!(outcome.summary().failed, 0, "{:?}", outcome.told);
    for name in ["file", "a/victim"] {
        assert_eq!(scratch.read(name), b"new");
    }
    assert!(scratch.path("b").is_dir());
    assert_eq!(fs::read(scratch.0.join("out/victim")).unwrap(), b"victim");
    assert_eq!(names(&scratch.0.join("out")), ["victim"]);
}

#[test]
fn a_folder_in_the_way_of_a_link_stays_without_delete() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.path("a")).unwrap();
    let manner = Manner {
        links: LinkPolicy::All,
        ..overwrite()
    };
    let (answers, _) = answers(&scratch, &manner, &[link("a", "b")]);
    assert!(matches!(answers[0], Leave::Failed(_)), "{answers:?}");
    assert!(scratch.path("a").is_dir());
}

#[test]
fn links_go_to_folders_alone() {
    let scratch = Scratch::new();
    for place in [Place::File(scratch.path("file")), Place::Stdout] {
        let manner = with_links(LinkPolicy::All);
        let outcome = receive_from(&place, &manner, |mut source| {
            source.say(&link("a/b", "c"));
            let Leave::Failed(reason) = source.hear() else {
                panic!("expected a reason");
            };
            assert!(reason.as_str().starts_with("a link cannot go to a file"));
            source.done();
        });
        assert_eq!(outcome.summary().failed, 1);
    }
    assert!(names(&scratch.path("")).is_empty());
}

#[test]
fn a_file_gets_its_other_names() {
    let scratch = Scratch::new();
    fs::write(scratch.path("old"), b"old").unwrap();
    let both = |scratch: &Scratch, manner: &Manner, expected: [Leave; 2]| {
        receive_from(&scratch.place(), manner, |mut source| {
            source.say(&folder("d"));
            source.say(&numbered("d/first", 3, 7));
            source.say(&again("d/second", 7));
            source.say(&again("old", 7));
            let _ = source.sending.flush();
            let incoming = source.receiving.next().unwrap().unwrap();
            if incoming.decode::<Take>().is_ok() {
                source.data(b"abc");
                source.whole(b"abc");
                source.hear::<Saved>();
            }
            assert_eq!([source.hear::<Leave>(), source.hear()], expected);
            source.done();
        })
    };
    both(&scratch, &keep(), [Leave::Made, Leave::Kept]);
    let outcome = both(&scratch, &overwrite(), [Leave::Same, Leave::Made]);
    assert_eq!(outcome.summary().made, 1);
    let found = |name| fs::metadata(scratch.path(name)).unwrap();
    assert_eq!(found("d/first").nlink(), 3);
    assert_eq!(found("d/first").ino(), found("d/second").ino());
    assert_eq!(found("d/first").ino(), found("old").ino());
    assert_eq!(names(&scratch.path("d")), ["first", "second"]);
    both(&scratch, &overwrite(), [Leave::Same, Leave::Same]);
}

#[test]
fn a_name_of_a_file_that_is_not_there() {
    let scratch = Scratch::new();
    let outcome = receive_from(&scratch.place(), &keep(), |mut source| {
        source.say(&numbered("a", 3, 0));
        source.say(&again("b", 0));
        source.hear::<Take>();
        source.say(&Finish::Changed);
        source.hear::<NotSaved>();
        let Leave::Failed(reason) = source.hear() else {
            panic!("expected a reason");
        };
        assert_eq!(
            reason.as_str(),
            "it is another name of 'a', which is not here"
        );
        source.done();
    });
    assert_eq!(outcome.summary().failed, 2);
    assert!(names(&scratch.path("")).is_empty());
}

/// A link, and then what would be beneath it if it were followed.
#[test]
fn nothing_comes_beneath_a_link() {
    let scratch = Scratch::new();
    let out = scratch.0.join("out").display().to_string();
    fs::write(scratch.0.join("out/victim"), b"victim").unwrap();
    let before = fs::metadata(scratch.0.join("out")).unwrap();
    for place in ["a", "b/c"] {
        for manner in [keep(), overwrite()] {
            let manner = Manner {
                links: LinkPolicy::All,
                extras: Superfluous::Remove,
                ..manner
            };
            receive_from(&scratch.place(), &manner, |mut source| {
                source.say(&link(place, &out));
                source.hear::<Leave>();
                source.say(&folder(&format!("{place}/made")));
                for inner in ["victim", "new", "made/deeper"] {
                    let name = format!("{place}/{inner}");
                    source.say(&file(&name, 3));
                    assert!(matches!(source.hear::<Leave>(), Leave::Failed(_)));
                    source.say(&link(&format!("{name}.link"), "/etc"));
                    assert!(matches!(source.hear::<Leave>(), Leave::Failed(_)));
                }
                source.file(&numbered("first", 1, 0), b"1");
                source.hear::<Saved>();
                source.say(&again(&format!("{place}/again"), 0));
                assert!(matches!(source.hear::<Leave>(), Leave::Failed(_)));
                source.done();
            });
            fs::remove_file(scratch.path("first")).unwrap();
        }
    }
    assert_eq!(names(&scratch.0.join("out")), ["victim"]);
    assert_eq!(fs::read(scratch.0.join("out/victim")).unwrap(), b"victim");
    let after = fs::metadata(scratch.0.join("out")).unwrap();
    assert_eq!(
        (after.mode(), after.mtime_nsec()),
        (before.mode(), before.mtime_nsec())
    );
}

#[test]
fn a_preview_makes_no_link() {
    let scratch = Scratch::new();
    let manner = Manner {
        course: Course::Preview,
        ..with_links(LinkPolicy::All)
    };
    symlink("x", scratch.path("same")).unwrap();
    let all = [
        folder("new"),
        link("new/l", "x"),
        link("same", "x"),
        numbered("a", 3, 0),
        again("b", 0),
    ];
    let (answers, outcome) = answers(&scratch, &manner, &all);
    let wanted = Leave::Wanted;
    assert_eq!(
        answers,
        [wanted.clone(), Leave::Same, wanted.clone(), wanted]
    );
    assert_eq!(outcome.summary().wanted, 3);
    assert_eq!(names(&scratch.path("")), ["same"]);
    let place = Place::Folder(scratch.path("missing"));
    receive_from(&place, &manner, |mut source| {
        source.say(&folder("a"));
        source.say(&file("a/b", 3));
        assert_eq!(source.hear::<Leave>(), Leave::Wanted);
        source.done();
    });
    assert!(!scratch.path("missing").exists());
}

#[test]
fn links_that_would_write_on_a_terminal() {
    let scratch = Scratch::new();
    let manner = with_links(LinkPolicy::All);
    let (answers, _) = answers(&scratch, &manner, &[link("a", "\x1b[2J")]);
    assert!(matches!(answers[0], Leave::Failed(_)), "{answers:?}");
}
