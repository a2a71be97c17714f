//! A tree with every awkward thing in it: it goes there and back, and is the same.

use std::collections::{BTreeMap, HashMap};
use std::ffi::{OsStr, OsString};
use std::fs::{File, Permissions};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use nix::fcntl::AT_FDCWD;
use nix::sys::stat::{Mode, UtimensatFlags, utimensat};
use nix::sys::time::TimeSpec;
use serde_json::Value;

use super::*;

/// A folder of a test, whose read-only folders are no hindrance to its end.
struct Tree(PathBuf);

impl Tree {
    fn new(folder: &Folder, name: &str) -> Self {
        let path = PathBuf::from(folder.file(name));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.0.join(path)
    }

    fn text(&self) -> &str {
        self.0.to_str().unwrap()
    }

    fn folder(&self, path: impl AsRef<Path>) {
        fs::create_dir_all(self.path(path)).unwrap();
    }

    fn file(&self, path: impl AsRef<Path>, content: &[u8]) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn link(&self, path: &str, target: &str) {
        symlink(target, self.path(path)).unwrap();
    }

    fn permit(&self, path: &str, mode: u32) {
        fs::set_permissions(self.path(path), Permissions::from_mode(mode)).unwrap();
    }

    /// Sets when something was changed, a link itself too.
    fn touch(&self, path: &str, seconds: i64, nanos: i64) {
        let time = TimeSpec::new(seconds, nanos);
        let flags = UtimensatFlags::NoFollowSymlink;
        utimensat(
            AT_FDCWD,
            &self.path(path),
            &TimeSpec::UTIME_OMIT,
            &time,
            flags,
        )
        .unwrap();
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = Command::new("chmod")
            .args(["-R", "u+rwx"])
            .arg(&self.0)
            .status();
    }
}

/// What can be told from outside of something in a tree.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    kind: &'static str,
    mode: u32,
    modified: (i64, i64),
    /// Where a link leads.
    target: Option<PathBuf>,
    content: Option<Vec<u8>>,
    /// The first of the names of this file.
    first: Option<OsString>,
    /// Whether it takes much less room than it has bytes.
    is_sparse: bool,
}

/// All that is beneath a folder and itself.
fn seen(root: &Path) -> BTreeMap<OsString, Seen> {
    let (mut all, mut firsts) = (BTreeMap::new(), HashMap::new());
    see(root, OsStr::new(""), &mut all, &mut firsts);
    all
}

fn see(
    root: &Path,
    name: &OsStr,
    all: &mut BTreeMap<OsString, Seen>,
    firsts: &mut HashMap<u64, OsString>,
) {
    let path = root.join(name);
    let found = fs::symlink_metadata(&path).unwrap();
    let what = found.file_type();
    let kind = match (what.is_file(), what.is_dir(), what.is_symlink()) {
        (true, _, _) => "file",
        (_, true, _) => "folder",
        (_, _, true) => "link",
        _ => "special",
    };
    let numbered = || {
        firsts
            .entry(found.ino())
            .or_insert_with(|| name.to_owned())
            .clone()
    };
    let seen = Seen {
        kind,
        mode: found.mode() & 0o7777,
        modified: (found.mtime(), found.mtime_nsec()),
        target: what.is_symlink().then(|| fs::read_link(&path).unwrap()),
        content: what.is_file().then(|| fs::read(&path).unwrap()),
        first: (what.is_file() && found.nlink() > 1).then(numbered),
        is_sparse: what.is_file() && found.blocks() * 512 < found.len() / 2,
    };
    all.insert(name.to_owned(), seen);
    if what.is_dir() {
        let entries = fs::read_dir(&path).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        for inner in names {
            let inner = Path::new(name).join(inner);
            see(root, inner.as_os_str(), all, firsts);
        }
    }
}

/// Says what is not the same, rather than all there is.
fn check_same(expected: &BTreeMap<OsString, Seen>, got: &BTreeMap<OsString, Seen>, but: &[&str]) {
    let is_left_out = |name: &OsString| but.iter().any(|but| name == OsStr::new(but));
    for (name, seen) in expected {
        if is_left_out(name) {
            assert!(!got.contains_key(name), "{name:?}");
            continue;
        }
        let Some(other) = got.get(name) else {
            panic!("{name:?} is missing");
        };
        let short = |seen: &Seen| {
            let length = seen.content.as_ref().map(Vec::len);
            format!(
                "{:?} {length:?}",
                Seen {
                    content: None,
                    ..copy(seen)
                }
            )
        };
        assert!(seen == other, "{name:?}: {} {}", short(seen), short(other));
    }
    let more: Vec<_> = got
        .keys()
        .filter(|name| !expected.contains_key(*name))
        .collect();
    assert!(more.is_empty(), "{more:?}");
}

fn copy(seen: &Seen) -> Seen {
    Seen {
        target: seen.target.clone(),
        content: None,
        first: seen.first.clone(),
        ..*seen
    }
}

/// What is left out with the usual policy for links, and the pipe.
const LEFT_OUT: [&str; 4] = [
    "links/absolute",
    "links/climbs",
    "links/deeper/climbs",
    "pipe",
];

fn awkward(tree: &Tree) {
    // Deep, wide.
    tree.file(["d"; 60].join("/") + "/deepest", b"deep");
    for number in 0..300 {
        tree.file(format!("wide/{number}"), format!("{number}").as_bytes());
    }
    // Two forms of one text, bytes that are none, as long as a name can be.
    tree.file("caf\u{e9}", b"nfc");
    tree.file("cafe\u{301}", b"nfd");
    tree.file(OsString::from_vec(b"\xff\xfe \x80".to_vec()), b"bytes");
    tree.file("\u{6f22}".repeat(85), b"long");
    for name in [
        " blank ",
        "quo'te\"",
        "back\\slash",
        "-rf",
        "$(x);`x`",
        "*?[",
        "COM1",
        "~",
    ] {
        tree.file(format!("names/{name}"), name.as_bytes());
    }
    tree.file("empty/file", b"");
    tree.folder("empty/folder");
    tree.file("large", &bytes(3_000_001, 5));
    // Permissions.
    tree.file("read-only/file", b"kept");
    tree.file("setuid", b"setuid");
    tree.file("wide-open", b"anybody");
    for (path, mode) in [
        ("read-only/file", 0o400),
        ("setuid", 0o4755),
        ("wide-open", 0o666),
        ("empty/folder", 0o700),
    ] {
        tree.permit(path, mode);
    }
    // Holes at the beginning, in the middle, at the end.
    let sparse = File::create(tree.path("sparse")).unwrap();
    sparse.write_all_at(&bytes(5000, 3), 9 << 20).unwrap();
    sparse.set_len(20 << 20).unwrap();
    let all = File::create(tree.path("all-hole")).unwrap();
    all.set_len(5 << 20).unwrap();
    // Several names, in several folders.
    for name in ["a-first", "wide/second", "z/third"] {
        let path = tree.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        match name {
            "a-first" => fs::write(path, b"three names").unwrap(),
            _ => fs::hard_link(tree.path("a-first"), path).unwrap(),
        }
    }
    // Links.
    tree.folder("links/deeper");
    for (path, target) in [
        ("links/inside", "../large"),
        ("links/folder", "deeper"),
        ("links/dangling", "no/such"),
        ("links/deeper/up", "../../wide/7"),
        ("links/absolute", "/etc/passwd"),
        ("links/climbs", "../../../etc/passwd"),
        ("links/deeper/climbs", "../../../x"),
    ] {
        tree.link(path, target);
        tree.touch(path, 1_234_567_890, 123_456_789);
    }
    nix::unistd::mkfifo(&tree.path("pipe"), Mode::S_IRWXU).unwrap();
    // Times, those of folders last.
    for (path, seconds, nanos) in [
        ("large", -300_000_000, 999_999_999),
        ("setuid", 4_102_444_800, 1),
        ("empty/file", 0, 0),
        ("sparse", 1_000_000_000, 5),
        ("links", 86_400, 7),
        ("wide", 4_000_000_000, 123),
        ("empty/folder", -1, 500_000_000),
        ("empty", 2, 2),
        ("d", 3, 3),
        ("read-only", 5, 5),
        ("", 1_111_111_111, 111_111_111),
    ] {
        tree.touch(path, seconds, nanos);
    }
    tree.permit("read-only", 0o555);
}

fn skipped(got: &Finished) -> Vec<String> {
    let lines = got
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let mut skipped: Vec<_> = lines
        .filter(|event: &Value| event["type"] == "skipped")
        .map(|event| event.to_string())
        .collect();
    skipped.sort();
    skipped
}

const KEPT: [&str; 2] = ["--preserve", "mode,setuid"];

#[test]
fn everything_goes_there_and_back() {
    let folder = Folder::new();
    let (tree, there, back) = (
        Tree::new(&folder, "tree"),
        Tree::new(&folder, "there"),
        Tree::new(&folder, "back"),
    );
    awkward(&tree);
    let key = key_file(&folder);
    let expected = seen(&tree.0);
    let server = keyed(&["serve", tree.text()], &key);
    let got = other(
        "get",
        &server,
        &[&KEPT[..], &["-o", there.text(), "--json"]].concat(),
        &key,
    );
    assert_eq!(got.code(), Some(0), "{got:?}");
    let told = skipped(&got);
    assert_eq!(told.len(), LEFT_OUT.len(), "{told:?}");
    for (line, name) in told.iter().zip(LEFT_OUT) {
        assert!(line.contains(&format!("tree/{name}\"")), "{line} {name}");
    }
    check_same(&expected, &seen(&there.path("tree")), &LEFT_OUT);

    let receiver = keyed(&[&["receive", back.text()][..], &KEPT].concat(), &key);
    let sent = there.path("tree");
    let sent = other("send", &receiver, &[sent.to_str().unwrap()], &key);
    assert_eq!(sent.code(), Some(0), "{sent:?}");
    check_same(&expected, &seen(&back.path("tree")), &LEFT_OUT);

    // Once more: nothing is to be done.
    let before = seen(&there.path("tree"));
    let again = ["-o", there.text(), "--overwrite", "--delete"];
    let again = other("get", &server, &[&KEPT[..], &again].concat(), &key);
    assert_eq!(again.code(), Some(0), "{again:?}");
    check_same(&before, &seen(&there.path("tree")), &[]);
}

#[test]
fn setuid_is_dropped_and_links_are_made_as_they_are_where_that_was_asked_for() {
    let folder = Folder::new();
    let (tree, there) = (Tree::new(&folder, "tree"), Tree::new(&folder, "there"));
    awkward(&tree);
    let key = key_file(&folder);
    let server = keyed(&["serve", tree.text()], &key);
    let options = ["-o", there.text(), "--links", "all", "--preserve", "mode"];
    let got = other("get", &server, &options, &key);
    assert_eq!(got.code(), Some(0), "{got:?}");
    let mut expected = seen(&tree.0);
    if let Some(setuid) = expected.get_mut(OsStr::new("setuid")) {
        setuid.mode = 0o755;
    }
    check_same(&expected, &seen(&there.path("tree")), &["pipe"]);
}

/// What was a file is a folder, what was a folder is a link, and so on; what is gone goes.
#[test]
fn a_tree_becomes_another() {
    let folder = Folder::new();
    let (tree, there) = (Tree::new(&folder, "tree"), Tree::new(&folder, "there"));
    let key = key_file(&folder);
    let all = ["file", "folder", "link"];
    for one in all {
        for other in all {
            let name = format!("{one}-{other}");
            put(&tree, &name, one);
            let there = Tree(there.path("tree"));
            fs::create_dir_all(&there.0).unwrap();
            put(&there, &name, other);
            put(&there, &format!("gone-{other}"), other);
        }
    }
    tree.permit("folder-file", 0o555);
    tree.touch("", 5, 5);
    let before = seen(&there.path("tree"));
    let server = keyed(&["serve", tree.text()], &key);
    let options = [
        "-o",
        there.text(),
        "--overwrite",
        "--delete",
        "--preserve",
        "mode",
    ];
    let preview = [&options[..], &["--dry-run", "--json"]].concat();
    let would = other("get", &server, &preview, &key);
    assert_eq!(would.code(), Some(0), "{would:?}");
    check_same(&before, &seen(&there.path("tree")), &[]);
    let real = other("get", &server, &[&options[..], &["--json"]].concat(), &key);
    assert_eq!(real.code(), Some(0), "{real:?}");
    check_same(&seen(&tree.0), &seen(&there.path("tree")), &[]);
    // The preview told what then was done.
    assert_eq!(removed(&would), removed(&real));
    assert!(!removed(&real).is_empty());
}

fn put(tree: &Tree, name: &str, kind: &str) {
    if tree.path(name).symlink_metadata().is_ok() {
        return;
    }
    match kind {
        "file" => tree.file(name, b"file"),
        "link" => tree.link(name, "file-file"),
        _ => tree.file(format!("{name}/inner/file"), b"inner"),
    }
}

fn removed(got: &Finished) -> Vec<String> {
    let lines = got
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let mut removed: Vec<_> = lines
        .filter(|event: &Value| event["type"] == "removed")
        .map(|event| event.to_string())
        .collect();
    removed.sort();
    removed
}
