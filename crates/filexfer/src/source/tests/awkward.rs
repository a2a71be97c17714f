//! Trees with everything in them that a file system can hold.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::process::Command;

use proto::filexfer::native::message::{Entry, Owner, Totals};

use super::super::*;
use super::peer::*;

fn entry_of<'a>(got: &'a Got, name: &str) -> &'a Entry {
    let found = got
        .entries
        .iter()
        .find(|entry| entry.name.to_string() == name);
    found.unwrap()
}

fn run(program: &str, args: &[&OsStr]) -> bool {
    Command::new(program)
        .args(args)
        .stderr(std::process::Stdio::null())
        .status()
        .unwrap()
        .success()
}

#[test]
fn links_are_named_with_where_they_lead() {
    let scratch = Scratch::new("links");
    scratch.file("d/f", b"1");
    let longest = "x/".repeat(2047) + "x";
    for (name, target) in [
        ("a", "f"),
        ("absolute", "/etc/passwd"),
        ("climbing", "../../f"),
        ("dangling", "none"),
        ("loop", "loop"),
        ("long", longest.as_str()),
        ("wrong", "a\nb"),
        ("folder", "."),
    ] {
        symlink(target, scratch.path("d").join(name)).unwrap();
    }
    let odd = OsStr::from_bytes(b"\xff\xfe");
    symlink(odd, scratch.path("d/odd")).unwrap();
    let sent = transfer(&paths([scratch.path("d")]), &PLAIN, take_all);
    let long = format!("d/long -> {longest}");
    let names = [
        "d/",
        "d/a -> f",
        "d/absolute -> /etc/passwd",
        "d/climbing -> ../../f",
        "d/dangling -> none",
        "d/f",
        "d/folder -> .",
        &long,
        "d/loop -> loop",
        "d/odd -> \\xff\\xfe",
    ];
    assert_eq!(sent.sink.names(), names);
    let skipped =
        ["d/wrong: expected a link that leads to 1 to 4095 bytes without control characters"];
    assert_eq!(sent.sink.skipped(), skipped);
    assert!(
        sent.log.contains(&format!("skipped {}", skipped[0])),
        "{:?}",
        sent.log
    );
    let (summary, found) = (
        sent.result.unwrap(),
        fs::symlink_metadata(scratch.path("d/a")).unwrap(),
    );
    assert_eq!((summary.made, summary.failed, summary.saved), (8, 1, 1));
    assert_eq!(sent.sink.totals, Some(Totals { files: 1, bytes: 1 }));
    let link = entry_of(&sent.sink, "d/a");
    assert_eq!(
        link.modified.map(|moment| moment.seconds),
        Some(found.mtime())
    );
    let (user, group) = (found.uid(), found.gid());
    assert_eq!(link.owner, Some(Owner { user, group }));
}

#[test]
fn a_link_that_is_asked_for_is_named_and_one_that_is_offered_is_followed() {
    let scratch = Scratch::new("asked");
    scratch.file("d/f", b"1");
    symlink("f", scratch.path("d/link")).unwrap();
    symlink(scratch.path("d"), scratch.path("offered")).unwrap();
    let offer = paths([scratch.path("offered")]);
    let wanted = Wanted {
        names: vec![name("offered/link")],
        ..Wanted::default()
    };
    assert_eq!(check(&offer, &wanted, &PLAIN), Ok(()));
    let sent = transfer_of(&offer, &wanted, &PLAIN, take_all);
    assert_eq!(sent.sink.names(), ["offered/link -> f"]);
    let beyond = Wanted {
        names: vec![name("offered/link/f")],
        ..Wanted::default()
    };
    assert!(check(&offer, &beyond, &PLAIN).is_err());
}

#[test]
fn what_is_special_is_skipped_with_a_line() {
    let scratch = Scratch::new("special");
    scratch.file("d/f", b"1");
    assert!(run("mkfifo", &[scratch.path("d/pipe").as_os_str()]));
    let _socket = UnixListener::bind(scratch.path("d/socket")).unwrap();
    let device = scratch.path("d/device");
    let args = [device.as_os_str(), "c".as_ref(), "1".as_ref(), "3".as_ref()];
    let mut expected = vec!["(d/pipe: it is a pipe)", "(d/socket: it is a socket)"];
    match run("mknod", &args) {
        true => expected.insert(0, "(d/device: it is a device)"),
        false => {
            let text = "SKIPPED the device: making one is not permitted\n";
            let _ = std::io::Write::write_all(&mut std::io::stderr(), text.as_bytes());
        }
    }
    let sent = transfer(&paths([scratch.path("d")]), &PLAIN, take_all);
    assert_eq!(sent.sink.names(), ["d/", "d/f"]);
    assert_eq!(sent.sink.skipped(), expected);
    assert_eq!(sent.result.unwrap().failed, 0);
}

#[test]
fn one_file_under_several_names_travels_once() {
    let scratch = Scratch::new("again");
    let again = |from: &str, to: &str| {
        fs::create_dir_all(scratch.path(to).parent().unwrap()).unwrap();
        fs::hard_link(scratch.path(from), scratch.path(to)).unwrap();
    };
    scratch.file("d/a", b"one");
    again("d/a", "d/b/far");
    again("d/a", "d/z");
    scratch.file("d/c", b"two");
    again("d/c", "out");
    scratch.file("d/d", b"other");
    scratch.file("d/e", b"last");
    again("d/e", "d/x");
    let sent = transfer(&paths([scratch.path("d")]), &PLAIN, take_all);
    let names = [
        "d/",
        "d/a",
        "d/b/",
        "d/b/far = 0",
        "d/c",
        "d/d",
        "d/e",
        "d/x = 2",
        "d/z = 0",
    ];
    assert_eq!(sent.sink.names(), names);
    let number = |name| entry_of(&sent.sink, name).number;
    let numbers = ["d/a", "d/c", "d/d", "d/e", "d/z"].map(number);
    assert_eq!(numbers, [Some(0), Some(1), None, Some(2), None]);
    assert_eq!(
        sent.sink.totals,
        Some(Totals {
            files: 4,
            bytes: 15
        })
    );
    let summary = sent.result.unwrap();
    assert_eq!((summary.saved, summary.made), (4, 3));

    // The first name of those that are named has the number.
    let wanted = Wanted {
        names: vec![name("d/b"), name("d/z")],
        filters: Vec::new(),
    };
    let sent = transfer_of(&paths([scratch.path("d")]), &wanted, &PLAIN, take_all);
    assert_eq!(sent.sink.names(), ["d/b/", "d/b/far", "d/z = 0"]);
    assert_eq!(entry_of(&sent.sink, "d/b/far").number, Some(0));
}

#[test]
fn names_from_hell_are_named_as_they_are() {
    let scratch = Scratch::new("hell");
    let longest = "n".repeat(255);
    let names: &[&[u8]] = &[
        longest.as_bytes(),
        b"caf\xc3\xa9",
        b"cafe\xcc\x81",
        b"\xff\xfe",
        b" ",
        b"a b",
        b"quote'\"",
        b"back\\slash",
        b"-rf",
        b"*",
        b"con",
        b"...",
        "漢字".as_bytes(),
    ];
    for name in names {
        let path = scratch.path("d").join(OsStr::from_bytes(name));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, name).unwrap();
    }
    scratch.file("d/line\nfeed", b"no");
    scratch.file("d/.filexfer-0123.part", b"no");
    scratch.file("d/.filexfer-0123/f", b"no");
    for empty in ["e/a", "e/b/c"] {
        fs::create_dir_all(scratch.path("d").join(empty)).unwrap();
    }
    let sent = transfer(&paths([scratch.path("d")]), &PLAIN, take_all);
    let mut expected: Vec<Vec<u8>> = names.iter().map(|name| [b"d/", *name].concat()).collect();
    expected.extend(["d", "d/e", "d/e/a", "d/e/b", "d/e/b/c"].map(|it| it.as_bytes().to_vec()));
    expected.sort();
    let mut named: Vec<_> = sent
        .sink
        .entries
        .iter()
        .map(|it| it.name.as_bytes().to_vec())
        .collect();
    named.sort();
    assert_eq!(named, expected);
    let skipped = ["d/line\\nfeed: expected a name without control characters"];
    assert_eq!(sent.sink.skipped(), skipped);
    for (name, bytes) in &sent.sink.files {
        assert!(names.contains(&bytes.as_slice()), "{name}");
    }
}

#[test]
fn all_permissions_and_the_owner_are_told() {
    let scratch = Scratch::new("modes");
    let modes = [
        ("setuid", 0o4755),
        ("setgid", 0o2750),
        ("none", 0),
        ("plain", 0o640),
    ];
    for (name, mode) in modes {
        let path = scratch.file(&format!("d/{name}"), name.as_bytes());
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    fs::create_dir(scratch.path("d/sticky")).unwrap();
    fs::set_permissions(scratch.path("d/sticky"), fs::Permissions::from_mode(0o1777)).unwrap();
    let sent = transfer(&paths([scratch.path("d")]), &PLAIN, take_all);
    for (name, mode) in modes.into_iter().chain([("sticky", 0o1777)]) {
        let entry = entry_of(&sent.sink, &format!("d/{name}"));
        assert_eq!(entry.mode, Some(mode), "{name}");
        let found = fs::metadata(scratch.path("d").join(name)).unwrap();
        let (user, group) = (found.uid(), found.gid());
        assert_eq!(entry.owner, Some(Owner { user, group }));
    }
    // Whoever may read everything may read this too.
    let is_readable = fs::read(scratch.path("d/none")).is_ok();
    assert_eq!(sent.sink.files["d/none"].is_empty(), !is_readable);
    assert_eq!(sent.result.unwrap().failed, u64::from(!is_readable));
}

#[test]
fn a_folder_that_cannot_be_read_is_a_failure() {
    let scratch = Scratch::new("unread");
    scratch.file("d/closed/f", b"1");
    let closed = scratch.path("d/closed");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o0)).unwrap();
    let may_read_all = fs::read_dir(&closed).is_ok();
    let sent = transfer(&paths([scratch.path("d")]), &PLAIN, take_all);
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    match may_read_all {
        true => assert_eq!(sent.sink.names(), ["d/", "d/closed/", "d/closed/f"]),
        false => {
            assert_eq!(sent.sink.names(), ["d/", "d/closed/"]);
            assert!(sent.sink.skipped()[0].starts_with("d/closed: "));
        }
    }
    assert_eq!(sent.result.unwrap().failed, u64::from(!may_read_all));
}
