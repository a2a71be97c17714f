//! What is named where filters and ignore files say so.

use std::fs;

use proto::filexfer::native::message::{Filter, Totals};

use super::super::*;
use super::peer::*;

/// `+` includes, `-` excludes, `.` names an ignore file.
fn filters(texts: &[&str]) -> Vec<Filter> {
    let filter = |text: &&str| {
        let rest = text[1..].to_owned().try_into().unwrap();
        match text.as_bytes()[0] {
            b'+' => Filter::Include(rest),
            b'-' => Filter::Exclude(rest),
            _ => Filter::IgnoreFile(rest),
        }
    };
    texts.iter().map(filter).collect()
}

fn asking(names: &[&str], texts: &[&str]) -> Wanted {
    Wanted {
        names: names.iter().map(|text| name(text)).collect(),
        filters: filters(texts),
    }
}

fn own(texts: &[&str]) -> Manner {
    Manner {
        filters: filters(texts),
        ..PLAIN
    }
}

fn tree(name: &str) -> Scratch {
    let scratch = Scratch::new(name);
    for path in [
        "p/a.jpg",
        "p/b.txt",
        "p/raw/c.jpg",
        "p/raw/d.txt",
        "p/sub/raw/e.jpg",
        "p/z",
    ] {
        scratch.file(path, path.as_bytes());
    }
    scratch.file("q.jpg", b"q");
    fs::create_dir(scratch.path("p/none")).unwrap();
    scratch
}

#[test]
fn filters_of_either_side_are_heeded() {
    let scratch = tree("filters");
    let offer = paths(["p", "q.jpg"].map(|path| scratch.path(path)));
    let all = [
        "p/",
        "p/a.jpg",
        "p/b.txt",
        "p/none/",
        "p/raw/",
        "p/raw/c.jpg",
        "p/raw/d.txt",
        "p/sub/",
        "p/sub/raw/",
        "p/sub/raw/e.jpg",
        "p/z",
        "q.jpg",
    ];
    let table: &[(&[&str], &[&str], &[&str])] = &[
        (&[], &[], &all),
        (
            &["-*.jpg"],
            &[],
            &[
                "p/",
                "p/b.txt",
                "p/none/",
                "p/raw/",
                "p/raw/d.txt",
                "p/sub/",
                "p/sub/raw/",
                "p/z",
            ],
        ),
        (
            &["-/raw"],
            &["-z", "-*.txt"],
            &[
                "p/",
                "p/a.jpg",
                "p/none/",
                "p/sub/",
                "p/sub/raw/",
                "p/sub/raw/e.jpg",
                "q.jpg",
            ],
        ),
        (
            &["+*.jpg"],
            &[],
            &[
                "p/",
                "p/a.jpg",
                "p/raw/",
                "p/raw/c.jpg",
                "p/sub/",
                "p/sub/raw/",
                "p/sub/raw/e.jpg",
                "q.jpg",
            ],
        ),
        (
            &["+raw/"],
            &["+*.jpg"],
            &[
                "p/",
                "p/raw/",
                "p/raw/c.jpg",
                "p/sub/",
                "p/sub/raw/",
                "p/sub/raw/e.jpg",
            ],
        ),
        (&["+none"], &[], &["p/", "p/none/"]),
        (&["+nothing"], &[], &[]),
        (&["-q.jpg", "-/*"], &[], &["p/"]),
    ];
    for (one, other, expected) in table {
        for (wanted, manner) in [
            (asking(&[], one), own(other)),
            (asking(&[], other), own(one)),
        ] {
            assert_eq!(check(&offer, &wanted, &manner), Ok(()));
            let sent = transfer_of(&offer, &wanted, &manner, take_all);
            assert_eq!(sent.sink.names(), *expected, "{one:?} {other:?}");
            let files = expected.iter().filter(|name| !name.ends_with('/')).count() as u64;
            assert_eq!(
                sent.sink.totals.map(|totals: Totals| totals.files),
                Some(files)
            );
            assert_eq!(sent.result.unwrap().failed, 0);
        }
    }
}

#[test]
fn what_this_side_leaves_out_is_not_offered() {
    let scratch = tree("hidden");
    scratch.file("p/sub/.gitignore", b"raw\n");
    let offer = paths([scratch.path("p")]);
    let manner = own(&["-/raw", "..gitignore"]);
    for hidden in ["p/raw", "p/raw/c.jpg", "p/sub/raw/e.jpg"] {
        let refused = Err(Refused::NoSuchName(name(hidden)));
        assert_eq!(check(&offer, &asking(&[hidden], &[]), &manner), refused);
        let sent = transfer_of(&offer, &asking(&[hidden], &[]), &manner, take_all);
        assert_eq!(sent.sink.names(), [""; 0], "{hidden}");
    }
    let wanted = asking(&["p/sub"], &[]);
    assert_eq!(check(&offer, &wanted, &manner), Ok(()));
    let sent = transfer_of(&offer, &wanted, &manner, take_all);
    assert_eq!(sent.sink.names(), ["p/sub/", "p/sub/.gitignore"]);
    // What the other side leaves out itself is there.
    let wanted = asking(&["p/z"], &["-z"]);
    assert_eq!(check(&offer, &wanted, &PLAIN), Ok(()));
    let sent = transfer_of(&offer, &wanted, &PLAIN, take_all);
    assert_eq!(sent.sink.names(), [""; 0]);
}

#[test]
fn filters_that_make_no_sense_are_refused() {
    let scratch = tree("nonsense");
    let offer = paths([scratch.path("p")]);
    let wrong = asking(&[], &["-[z-a]"]);
    let Err(Refused::Other(reason)) = check(&offer, &wrong, &PLAIN) else {
        panic!("it is refused");
    };
    assert!(
        reason
            .as_str()
            .starts_with("cannot understand the pattern '[z-a]'")
    );
    assert!(filters_ok(&wrong.filters).is_err());
    assert!(filters_ok(&filters(&["-*.o", "..gitignore"])).is_ok());
    let (source, _other) = pair();
    let sent = send(
        source,
        &offer,
        &Wanted::default(),
        &own(&["-[z-a]"]),
        &mut Log::default(),
    );
    assert!(matches!(sent, Err(TransferError::Here { .. })));
}

#[test]
fn ignore_files_hold_for_their_folders() {
    let scratch = Scratch::new("ignore");
    for path in [
        "a.o",
        "keep.o",
        "build/x",
        "s/a.o",
        "s/b.o",
        "s/build/x",
        "s/t/only",
        "s/u/b.o",
    ] {
        scratch.file(&format!("d/{path}"), b"1");
    }
    scratch.file(
        "d/.gitignore",
        b"\xef\xbb\xbf# objects\n*.o\r\n/build\n!keep.o\n\n",
    );
    scratch.file("d/s/.gitignore", b"!b.o\n/t/*");
    scratch.file("d/s/.other", b"b.o");
    let names = |texts: &[&str]| {
        let sent = transfer(&paths([scratch.path("d")]), &own(texts), take_all);
        assert_eq!(sent.sink.skipped(), [""; 0]);
        sent.sink.names()
    };
    let expected = [
        "d/",
        "d/.gitignore",
        "d/keep.o",
        "d/s/",
        "d/s/.gitignore",
        "d/s/.other",
        "d/s/b.o",
        "d/s/build/",
        "d/s/build/x",
        "d/s/t/",
        "d/s/u/",
        "d/s/u/b.o",
    ];
    assert_eq!(names(&["..gitignore"]), expected);
    let without = ["d/s/b.o", "d/s/u/b.o"];
    let fewer: Vec<_> = expected
        .into_iter()
        .filter(|name| !without.contains(name))
        .collect();
    assert_eq!(names(&["..gitignore", "..other"]), fewer);

    // Those of the folders around what is asked for hold too.
    let offer = paths([scratch.path("d")]);
    let manner = own(&["..gitignore"]);
    for (asked, expected) in [
        ("d/s/u", &["d/s/u/", "d/s/u/b.o"][..]),
        ("d/a.o", &[]),
        ("d/build/x", &[]),
    ] {
        let sent = transfer_of(&offer, &asking(&[asked], &[]), &manner, take_all);
        assert_eq!(sent.sink.names(), expected, "{asked}");
    }
}

#[test]
fn ignore_files_that_cannot_be_read_or_understood() {
    let scratch = Scratch::new("unread-ignore");
    scratch.file("d/big/.gitignore", &vec![b'#'; (1 << 20) + 1]);
    scratch.file("d/big/secret", b"1");
    scratch.file("d/full/.gitignore", &b"#".repeat(1 << 20));
    scratch.file("d/full/f", b"1");
    scratch.file("d/many/.gitignore", &b"x\n".repeat(10_001));
    scratch.file("d/many/f", b"1");
    scratch.file("d/wrong/.gitignore", b"a\n[z-a]\n\xff\nb\n");
    for file in ["a", "b", "c"] {
        scratch.file(&format!("d/wrong/{file}"), b"1");
    }
    fs::create_dir_all(scratch.path("d/folder/.gitignore")).unwrap();
    scratch.file("d/folder/f", b"1");
    let sent = transfer(
        &paths([scratch.path("d")]),
        &own(&["..gitignore"]),
        take_all,
    );
    let names = [
        "d/",
        "d/big/",
        "d/folder/",
        "d/full/",
        "d/full/.gitignore",
        "d/full/f",
        "d/many/",
        "d/wrong/",
        "d/wrong/.gitignore",
        "d/wrong/c",
    ];
    assert_eq!(sent.sink.names(), names);
    let skipped = sent.sink.skipped();
    let beginnings = [
        "d/big/.gitignore: what is in its folder is not named, since it cannot be read: expected at most 1 MiB",
        "d/folder/.gitignore: what is in its folder is not named",
        "d/many/.gitignore: what is in its folder is not named, since it cannot be read: expected at most 10000",
        "(d/wrong/.gitignore: line 2: invalid range",
    ];
    assert_eq!(skipped.len(), beginnings.len(), "{skipped:?}");
    for (line, beginning) in skipped.iter().zip(beginnings) {
        assert!(line.starts_with(beginning), "{line}");
    }
    assert_eq!(sent.result.unwrap().failed, 3);
}

#[test]
fn the_first_name_that_is_let_through_has_the_number() {
    let scratch = Scratch::new("numbered");
    scratch.file("d/a/f", b"1");
    for other in ["d/b", "d/c"] {
        fs::hard_link(scratch.path("d/a/f"), scratch.path(other)).unwrap();
    }
    let sent = transfer(&paths([scratch.path("d")]), &own(&["-a/"]), take_all);
    assert_eq!(sent.sink.names(), ["d/", "d/b", "d/c = 0"]);
    assert_eq!(sent.sink.entries[1].number, Some(0));
}
