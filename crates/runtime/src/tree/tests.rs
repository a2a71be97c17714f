//! Trees that somebody else changes meanwhile.

use std::fs;
use std::path::PathBuf;

use super::*;

/// A folder of a test's own, removed with it.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let unique = format!("plumbline-tree-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(unique);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn file(&self, path: &str, bytes: &[u8]) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn shown(walk: Walk) -> Vec<String> {
    walk.map(|found| {
        let path = String::from_utf8(found.path).unwrap();
        match found.what {
            What::File(facts) => format!("{path} {}", facts.size),
            What::Folder(_) => format!("{path}/"),
            What::Link(_, target) => format!("{path} -> {}", target.escape_ascii()),
            What::Special(kind) => format!("{path} is {kind}"),
            What::Unreadable(_) => format!("{path} unreadable"),
        }
    })
    .collect()
}

#[test]
fn a_walk_goes_by_name_and_folders_come_before_what_is_in_them() {
    let scratch = Scratch::new("order");
    for (path, bytes) in [
        ("b", "12"),
        ("a/z", "1"),
        ("a/b/c", ""),
        ("a.txt", "123"),
        ("ä", "1"),
    ] {
        scratch.file(path, bytes.as_bytes());
    }
    fs::create_dir(scratch.0.join("empty")).unwrap();
    let expected = [
        "a/", "a/b/", "a/b/c 0", "a/z 1", "a.txt 3", "b 2", "empty/", "ä 1",
    ];
    let mut tree = Tree::new(&scratch.0).unwrap();
    assert_eq!(shown(tree.walk(b"").unwrap()), expected);
    assert_eq!(shown(tree.walk(b"a").unwrap()), ["b/", "b/c 0", "z 1"]);
    assert_eq!(shown(tree.walk(b"a/b").unwrap()), ["c 0"]);

    let mut walk = tree.walk(b"").unwrap();
    assert_eq!(walk.next().unwrap().path, b"a");
    walk.stay_out();
    assert_eq!(walk.next().unwrap().path, b"a.txt");
}

#[test]
fn a_folder_of_many_names_is_read_in_parts() {
    let scratch = Scratch::new("many");
    let names: Vec<String> = (0..100).map(|number| format!("{number:03}")).collect();
    for name in &names {
        scratch.file(name, b"");
    }
    for window in [1, 7, 99, 100, 101] {
        let folder = Tree::new(&scratch.0).unwrap().root;
        let walk = Walk::with_names(folder, window);
        let found: Vec<String> = walk
            .map(|found| String::from_utf8(found.path).unwrap())
            .collect();
        assert_eq!(found, names, "{window} at once");
    }
}

#[test]
fn a_file_is_read_and_what_changed_is_seen() {
    let scratch = Scratch::new("facts");
    scratch.file("d/f", b"12345");
    let mut tree = Tree::new(&scratch.0).unwrap();
    let (open, facts) = tree.file(b"d/f").unwrap();
    assert_eq!(facts.size, 5);
    assert_eq!(Facts::now(&open).unwrap(), facts);
    assert_eq!(file(&scratch.0.join("d/f")).unwrap().1, facts);
    scratch.file("d/f", b"123456");
    assert_ne!(Facts::now(&open).unwrap(), facts);
}

#[cfg(unix)]
#[test]
fn what_is_known_of_a_file() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    let scratch = Scratch::new("known");
    scratch.file("a", b"1");
    scratch.file("b", b"12");
    fs::hard_link(scratch.0.join("a"), scratch.0.join("c")).unwrap();
    fs::set_permissions(scratch.0.join("a"), fs::Permissions::from_mode(0o4751)).unwrap();
    fs::File::create(scratch.0.join("holes"))
        .unwrap()
        .set_len(1 << 20)
        .unwrap();
    let mut tree = Tree::new(&scratch.0).unwrap();
    let mut facts = |name: &str| match tree.look(name.as_bytes()) {
        Ok(What::File(facts)) => facts,
        other => panic!("{other:?}"),
    };
    let (one, other, alone) = (facts("a"), facts("c"), facts("b"));
    assert_eq!(one, other);
    assert_eq!((one.shared, one.mode), (other.shared, Some(0o4751)));
    assert_eq!(one.shared.map(|shared| shared.names), Some(2));
    let found = fs::metadata(scratch.0.join("a")).unwrap();
    assert_eq!(one.owner, Some((found.uid(), found.gid())));
    assert_eq!(alone.shared, None);
    assert!(!alone.may_have_holes() && facts("holes").may_have_holes());
    assert!(tree.look(b"../a").is_err());
}

#[test]
fn paths_lead_nowhere_else() {
    let scratch = Scratch::new("else");
    scratch.file("d/f", b"1");
    let mut tree = Tree::new(&scratch.0.join("d")).unwrap();
    for path in ["", "..", "../d/f", "/etc/passwd", "./f", "f/", "//f", "."] {
        assert!(tree.file(path.as_bytes()).is_err(), "{path:?}");
    }
    assert!(tree.file(b"f").is_ok());
}

#[cfg(unix)]
#[test]
fn links_are_not_followed_and_pipes_are_not_waited_for() {
    use std::os::unix::fs::symlink;

    let scratch = Scratch::new("links");
    scratch.file("in/f", b"1");
    scratch.file("out/secret", b"2");
    symlink("f", scratch.0.join("in/link")).unwrap();
    symlink(scratch.0.join("out"), scratch.0.join("in/away")).unwrap();
    symlink(scratch.0.join("in"), scratch.0.join("offered")).unwrap();
    let pipe = scratch.0.join("in/pipe");
    let made = std::process::Command::new("mkfifo")
        .arg(&pipe)
        .status()
        .unwrap();
    assert!(made.success());

    let mut tree = Tree::new(&scratch.0.join("offered")).unwrap();
    let away = format!("away -> {}", scratch.0.join("out").display());
    let expected = [&away, "f 1", "link -> f", "pipe is a pipe"];
    assert_eq!(shown(tree.walk(b"").unwrap()), expected);
    assert!(matches!(tree.look(b"link").unwrap(), What::Link(_, target) if target == b"f"));
    for path in ["link", "away", "away/secret", "pipe"] {
        assert!(tree.file(path.as_bytes()).is_err(), "{path}");
    }
    assert!(tree.walk(b"away").is_err());
    assert!(file(&pipe).is_err());
    let found = look(&pipe).unwrap();
    assert!(matches!(found, What::Special(Special::Pipe)));
}

/// Somebody puts a link in the place of a folder and takes it away again, all the time: what is read is the folder's.
#[cfg(unix)]
#[test]
fn a_folder_that_becomes_a_link_leads_nowhere() {
    use std::os::unix::fs::symlink;
    use std::sync::atomic::{AtomicBool, Ordering};

    let scratch = Scratch::new("swapped");
    scratch.file("in/d/f", b"ours");
    scratch.file("out/f", b"secret");
    let (folder, aside) = (scratch.0.join("in/d"), scratch.0.join("in/aside"));
    symlink(scratch.0.join("out"), scratch.0.join("in/link")).unwrap();
    let (link, ended) = (scratch.0.join("in/link"), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                fs::rename(&folder, &aside).unwrap();
                fs::rename(&link, &folder).unwrap();
                fs::rename(&folder, &link).unwrap();
                fs::rename(&aside, &folder).unwrap();
            }
        });
        for _ in 0..2000 {
            let mut tree = Tree::new(&scratch.0.join("in")).unwrap();
            if let Ok((file, _)) = tree.file(b"d/f") {
                assert_eq!(std::io::read_to_string(file).unwrap(), "ours");
            }
        }
        ended.store(true, Ordering::Relaxed);
    });
}
