//! Folders in which somebody else changes links meanwhile. Each test asks the kernel, and who walks in its place.

use std::fs;
use std::io::Read;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use rustix::fs::{CWD, FileType, Mode, OFlags, RenameFlags};

use super::*;

/// A folder of a test's own, removed with it.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let unique = format!("plumbline-beneath-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(unique);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn at(&self, path: &str) -> PathBuf {
        self.0.join(path)
    }

    fn file(&self, path: &str, text: &str) {
        let path = self.at(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn link(&self, path: &str, target: &str) {
        symlink(target, self.at(path)).unwrap();
    }

    fn pipe(&self, path: &str) {
        make(&self.at(path), FileType::Fifo);
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn make(path: &Path, kind: FileType) {
    rustix::fs::mknodat(CWD, path, kind, Mode::RUSR | Mode::WUSR, 0).unwrap();
}

type Open = fn(&Path, &[u8]) -> Result<Opened, Closed>;

/// As this system does it, and as others do.
const WAYS: [(&str, Open); 2] = [
    ("native", |root, path| Beneath::new(root).open(path)),
    ("portable", portable::open),
];

/// What was opened, in short.
fn shown(opened: Result<Opened, Closed>) -> String {
    match opened {
        Ok(Opened::File(mut file, facts)) => {
            let mut text = String::new();
            file.read_to_string(&mut text).unwrap();
            assert_eq!(facts.length, text.len() as u64);
            text
        }
        Ok(Opened::Folder(_)) => "a folder".into(),
        Err(Closed::Nothing) => "nothing".into(),
        Err(Closed::Denied) => "denied".into(),
        Err(Closed::Unavailable(_)) => "unavailable".into(),
    }
}

/// A root with all that may be in one, and something beside it that is nobody's business.
fn full(name: &str) -> Scratch {
    let scratch = Scratch::new(name);
    scratch.file("secret", "outside");
    scratch.file("beside/secret", "outside");
    scratch.file("root/a.txt", "inside");
    scratch.file("root/sub/b.txt", "inside too");
    scratch.file("root/.hidden", "inside as well");
    scratch.link("root/same", "a.txt");
    scratch.link("root/again", "same");
    scratch.link("root/down", "sub/b.txt");
    scratch.link("root/folder", "sub");
    scratch.link("root/sub/up", "../a.txt");
    scratch.link("root/out", "../secret");
    scratch.link("root/outside", "..");
    scratch.link("root/beside", "../beside");
    scratch.link("root/back", "../root/a.txt");
    scratch.link("root/absolute", "/etc/passwd");
    scratch.link("root/magic", "/proc/self/root");
    scratch.link("root/dangling", "nowhere");
    scratch.link("root/loop", "loop");
    scratch.link("root/long", &"x/".repeat(1000));
    symlink(scratch.at("root/a.txt"), scratch.at("root/own")).unwrap();
    scratch.pipe("root/pipe");
    scratch.link("root/to-pipe", "pipe");
    make(&scratch.at("root/socket"), FileType::Socket);
    scratch
}

#[test]
fn what_is_beneath_is_opened_and_nothing_else() {
    let scratch = full("table");
    let long = "x".repeat(300);
    let deep = "x/".repeat(3000) + "x";
    for (path, expected) in [
        ("", "a folder"),
        ("a.txt", "inside"),
        (".hidden", "inside as well"),
        ("sub", "a folder"),
        ("sub/b.txt", "inside too"),
        ("same", "inside"),
        ("again", "inside"),
        ("down", "inside too"),
        ("folder", "a folder"),
        ("folder/b.txt", "inside too"),
        ("sub/up", "inside"),
        ("folder/up", "inside"),
        ("out", "nothing"),
        ("outside", "nothing"),
        ("outside/secret", "nothing"),
        ("outside/root/a.txt", "nothing"),
        ("beside/secret", "nothing"),
        ("back", "nothing"),
        ("own", "nothing"),
        ("absolute", "nothing"),
        ("magic/etc/passwd", "nothing"),
        ("dangling", "nothing"),
        ("loop", "nothing"),
        ("loop/a.txt", "nothing"),
        ("long", "nothing"),
        ("pipe", "nothing"),
        ("to-pipe", "nothing"),
        ("pipe/x", "nothing"),
        ("socket", "nothing"),
        ("missing", "nothing"),
        ("missing/x", "nothing"),
        ("a.txt/x", "nothing"),
        ("..", "nothing"),
        ("../secret", "nothing"),
        ("sub/../../secret", "nothing"),
        ("/etc/passwd", "nothing"),
        ("a\0b", "nothing"),
        ("a.txt\0", "nothing"),
        (&long, "nothing"),
        (&deep, "nothing"),
    ] {
        for (way, open) in WAYS {
            let opened = open(&scratch.at("root"), path.as_bytes());
            assert_eq!(shown(opened), expected, "{path:?}, {way}");
        }
    }
}

#[test]
fn devices_are_not_opened() {
    for (way, open) in WAYS {
        for path in ["null", "zero", "tty"] {
            let opened = open(Path::new("/dev"), path.as_bytes());
            assert_eq!(shown(opened), "nothing", "{path}, {way}");
        }
        let Ok(Opened::Folder(folder)) = open(Path::new("/dev"), b"") else {
            panic!("/dev is a folder");
        };
        let entries = folder.entries(1000).unwrap();
        assert!(entries.iter().all(|entry| entry.name != "null"), "{way}");
    }
}

/// Says that it is over, also where a test fails.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Looks while another thread changes something, again and again.
fn meanwhile(mut change: impl FnMut() + Send, looks: impl FnOnce()) {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|threads| {
        threads.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                change();
            }
        });
        let _over = Over(&is_over);
        looks();
    });
}

#[test]
fn a_pipe_is_never_opened() {
    let scratch = full("pipe");
    let path = scratch.at("root/pipe");
    // Whoever would write into it finds nobody who reads, however often it is asked for.
    let to_write = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mut found = 0;
    let write = || {
        found += u32::from(rustix::fs::open(&path, to_write, Mode::empty()).is_ok());
    };
    meanwhile(write, || {
        for (way, open) in WAYS {
            for name in ["pipe", "to-pipe", "pipe/x"].repeat(300) {
                let opened = open(&scratch.at("root"), name.as_bytes());
                assert_eq!(shown(opened), "nothing", "{name}, {way}");
            }
        }
    });
    assert_eq!(found, 0);
}

#[test]
fn links_that_change_meanwhile_never_lead_outside() {
    let scratch = Scratch::new("race");
    scratch.file("outside/name", "outside");
    scratch.file("outside/inner/name", "outside");
    scratch.file("root/sub/name", "inside");
    scratch.file("root/sub/inner/name", "inside");
    scratch.link("root/link", "sub");
    scratch.link("root/swapped", "../outside");
    let [link, next] = ["root/link", "root/.next"].map(|path| scratch.at(path));
    let [sub, swapped] = ["root/sub", "root/swapped"].map(|path| scratch.at(path));
    let mut turn = 0;
    let change = || {
        turn += 1;
        let target = ["../outside", "sub", "../root/sub", "sub/inner/.."][turn % 4];
        symlink(target, &next).unwrap();
        fs::rename(&next, &link).unwrap();
        // A folder becomes a link that leads outside, and a folder again.
        rustix::fs::renameat_with(CWD, &sub, CWD, &swapped, RenameFlags::EXCHANGE).unwrap();
    };
    meanwhile(change, || {
        for (way, open) in WAYS {
            let names = ["link/name", "link/inner/name", "sub/inner/name", "sub/name"];
            for name in names.repeat(1000) {
                let found = shown(open(&scratch.at("root"), name.as_bytes()));
                assert!(
                    ["inside", "nothing", "unavailable"].contains(&&*found),
                    "{name}: {found}, {way}"
                );
            }
        }
    });
}

#[test]
fn what_is_sent_is_a_file_while_others_take_its_place() {
    let scratch = Scratch::new("places");
    scratch.file("root/keep", "inside");
    scratch.pipe("root/pipe");
    let [keep, pipe, name, next] =
        ["keep", "pipe", "name", ".next"].map(|name| scratch.at("root").join(name));
    let mut turn = 0;
    let change = || {
        turn += 1;
        match turn % 3 {
            0 => fs::hard_link(&keep, &next).unwrap(),
            1 => fs::hard_link(&pipe, &next).unwrap(),
            _ => symlink("keep", &next).unwrap(),
        }
        fs::rename(&next, &name).unwrap();
        // Two names of one file are left as they are by a rename.
        let _ = fs::remove_file(&next);
    };
    meanwhile(change, || {
        for (way, open) in WAYS {
            for _ in 0..2000 {
                let found = shown(open(&scratch.at("root"), b"name"));
                assert!(["inside", "nothing"].contains(&&*found), "{found}, {way}");
            }
        }
    });
}

#[test]
fn a_root_may_be_a_link_that_is_swapped_or_away() {
    let scratch = Scratch::new("root");
    scratch.file("one/name", "one");
    scratch.file("two/name", "two");
    let root = Beneath::new(&scratch.at("current"));
    assert_eq!(shown(root.open(b"name")), "unavailable");
    scratch.link("current", "one");
    assert_eq!(shown(root.open(b"name")), "one");
    let mut standing = root.stand().unwrap();
    scratch.link("next", "two");
    fs::rename(scratch.at("next"), scratch.at("current")).unwrap();
    assert_eq!(shown(root.open(b"name")), "two");
    if cfg!(all(target_os = "linux", not(portable))) {
        assert_eq!(shown(standing.open(b"name")), "one");
    }

    fs::remove_file(scratch.at("current")).unwrap();
    assert_eq!(shown(root.open(b"name")), "unavailable");
    scratch.file("current/name", "three");
    assert_eq!(shown(root.open(b"name")), "three");
    // The same name, another folder, as a build makes it anew.
    fs::remove_dir_all(scratch.at("current")).unwrap();
    scratch.file("current/name", "four");
    assert_eq!(shown(root.open(b"name")), "four");
}

#[test]
fn a_root_may_be_a_file() {
    let scratch = full("file");
    let path = scratch.at("root/a.txt");
    for (way, open) in WAYS {
        assert_eq!(shown(open(&path, b"")), "inside", "{way}");
        assert_eq!(shown(open(&path, b"a.txt")), "nothing", "{way}");
        let pipe = scratch.at("root/pipe");
        assert!(open(&pipe, b"").is_err(), "{way}");
    }
}

#[test]
fn several_looks_from_one_stand_see_what_is_there() {
    let scratch = full("stand");
    let root = Beneath::new(&scratch.at("root"));
    let mut standing = root.stand().unwrap();
    for (path, expected) in [
        ("sub/b.txt", "inside too"),
        ("sub/missing", "nothing"),
        ("a.txt", "inside"),
        ("folder/b.txt", "inside too"),
        ("folder", "a folder"),
        ("folder/up", "inside"),
        ("sub", "a folder"),
        ("sub/b.txt", "inside too"),
        ("missing/b.txt", "nothing"),
        ("outside/secret", "nothing"),
        ("", "a folder"),
        ("sub/up", "inside"),
    ] {
        assert_eq!(shown(standing.open(path.as_bytes())), expected, "{path}");
    }
    scratch.file("root/sub/missing", "there now");
    assert_eq!(shown(standing.open(b"sub/missing")), "there now");
}

#[test]
fn facts_tell_one_state_from_another() {
    let scratch = Scratch::new("facts");
    scratch.file("name", "one");
    for (way, open) in WAYS {
        let facts = || match open(&scratch.0, b"name") {
            Ok(Opened::File(_, facts)) => facts,
            other => panic!("{way}: {}", shown(other)),
        };
        let before = facts();
        assert_eq!(before, facts());
        assert_eq!((before.length, before.links), (3, 1));
        scratch.file(".next", "two");
        fs::rename(scratch.at(".next"), scratch.at("name")).unwrap();
        assert_ne!(before.identity, facts().identity, "{way}");

        let old = SystemTime::UNIX_EPOCH + Duration::from_millis(1_500);
        let file = fs::File::options().write(true).open(scratch.at("name"));
        file.unwrap().set_modified(old).unwrap();
        assert_eq!(facts().modified, old, "{way}");
    }
}

fn names(entries: &[Entry]) -> Vec<String> {
    let mut names: Vec<String> = entries
        .iter()
        .map(|entry| match entry.kind {
            Kind::File(length) => format!("{} {length}", entry.name.display()),
            Kind::Folder => format!("{}/", entry.name.display()),
        })
        .collect();
    names.sort();
    names
}

#[test]
fn a_list_has_what_can_be_served() {
    let scratch = full("list");
    scratch.file("root/sub/ä b", "");
    let root = scratch.at("root");
    for (way, open) in WAYS {
        let list = |path: &[u8]| match open(&root, path) {
            Ok(Opened::Folder(folder)) => names(&folder.entries(100).unwrap()),
            other => panic!("{way}: {}", shown(other)),
        };
        let expected = [
            ".hidden 14",
            "a.txt 6",
            "again 6",
            "down 10",
            "folder/",
            "same 6",
            "sub/",
        ];
        assert_eq!(list(b""), expected, "{way}");
        assert_eq!(list(b"sub"), ["b.txt 10", "up 6", "ä b 0"], "{way}");
        assert_eq!(list(b"folder"), list(b"sub"), "{way}");
    }
}

#[test]
fn a_list_is_as_long_as_is_asked_for() {
    let scratch = Scratch::new("many");
    for number in 0..2000 {
        scratch.file(&format!("{number}"), "x");
    }
    for (way, open) in WAYS {
        let Ok(Opened::Folder(folder)) = open(&scratch.0, b"") else {
            panic!("it is a folder");
        };
        assert_eq!(folder.entries(0).unwrap().len(), 0, "{way}");
        assert_eq!(folder.entries(7).unwrap().len(), 7, "{way}");
        assert_eq!(folder.entries(5000).unwrap().len(), 2000, "{way}");
        // Another thread may go through it.
        let each = folder.each().unwrap();
        let counted = std::thread::spawn(move || each.filter(Result::is_ok).count());
        assert_eq!(counted.join().unwrap(), 2000, "{way}");
        assert_eq!(
            folder.modified().unwrap(),
            fs::metadata(&scratch.0).unwrap().modified().unwrap()
        );
    }
}

#[test]
fn errors_mean_what_they_are() {
    use rustix::io::Errno;
    for (error, expected) in [
        (Errno::NOENT, "nothing"),
        (Errno::NOTDIR, "nothing"),
        (Errno::XDEV, "nothing"),
        (Errno::LOOP, "nothing"),
        (Errno::INVAL, "nothing"),
        (Errno::NAMETOOLONG, "nothing"),
        (Errno::ACCESS, "denied"),
        (Errno::PERM, "denied"),
        (Errno::MFILE, "unavailable"),
        (Errno::AGAIN, "unavailable"),
        (Errno::IO, "unavailable"),
        (Errno::STALE, "unavailable"),
    ] {
        let closed = Closed::beneath(error.into());
        assert_eq!(shown(Err(closed)), expected, "{error}");
    }
}

#[test]
fn no_path_leads_outside() {
    let scratch = full("any");
    let names = [
        "", ".", "..", "a.txt", "sub", "b.txt", "same", "folder", "out", "outside", "beside",
        "secret", "up", "root", "back", "own", "loop", "pipe", "\0", "\\..", "etc", "\u{fffd}",
    ];
    let paths = prop::collection::vec(prop::sample::select(names.to_vec()), 0..6);
    let looked = TestRunner::default().run(&paths, |names| {
        let path = names.join("/");
        for (way, open) in WAYS {
            let found = shown(open(&scratch.at("root"), path.as_bytes()));
            prop_assert!(!found.contains("outside"), "{path:?}, {way}");
        }
        Ok(())
    });
    looked.unwrap();
}
