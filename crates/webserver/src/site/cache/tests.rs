//! What is kept is never older than what is there.

#![cfg(all(target_os = "linux", not(portable)))]

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use clap::Parser;

use super::super::entry::{Held, read_at};
use super::*;
use crate::args::Args;

/// A site of a test's own, in a folder that is removed with it, and a cache before it.
struct Fixture {
    folder: PathBuf,
    site: Site,
    cache: Cache,
    now: Instant,
}

impl Fixture {
    /// `root` is a link to `one`; beside it is `two`.
    fn new(name: &str) -> Self {
        let unique = format!("plumbline-cache-{name}-{}", std::process::id());
        let folder = std::env::temp_dir().join(unique);
        let _ = fs::remove_dir_all(&folder);
        for (path, text) in [
            ("one/a/b/file.txt", "one"),
            ("one/a/b/else.txt", "else"),
            ("one/index.html", "index"),
            ("one/c/index.html", "index of c"),
            ("two/a/b/file.txt", "two"),
        ] {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        symlink("one", folder.join("root")).unwrap();
        symlink("a", folder.join("one/link")).unwrap();
        let typed = [OsString::from("webserver"), folder.join("root").into()];
        Self {
            site: Site::new(&Args::try_parse_from(typed).unwrap()),
            cache: Cache::new(1 << 20, Compress::Yes),
            now: Instant::now(),
            folder,
        }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn find(&mut self, target: &str) -> Kept {
        // Each request is of a round of its own.
        self.now += Duration::from_nanos(1);
        let path = Path::decode(target).unwrap();
        self.cache.find(&self.site, &path, Beside::Looked, self.now)
    }

    fn get(&mut self, target: &str) -> String {
        match self.find(target) {
            Kept::File(resource) => content(&resource.plain),
            Kept::Other(Found::Nothing) => "nothing".into(),
            Kept::Other(Found::Denied) => "denied".into(),
            Kept::Other(Found::Folder(_)) => "folder".into(),
            Kept::Other(Found::Elsewhere) => "elsewhere".into(),
            Kept::Other(_) => "other".into(),
        }
    }

    /// Asks often enough for it to be kept.
    fn warm(&mut self, target: &str) -> String {
        self.get(target);
        self.get(target);
        self.get(target)
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn content(variant: &Variant) -> String {
    match &variant.held {
        Held::Body(body) => String::from_utf8_lossy(body).into_owned(),
        Held::File(file) => {
            let mut room = [0; 600];
            let length = read_at(file, &mut room, 0).unwrap();
            String::from_utf8_lossy(&room[..length]).into_owned()
        }
    }
}

/// What a path gives before a change, and directly after it.
#[track_caller]
fn check(name: &str, target: &str, before: &str, change: fn(&Fixture), after: &str) {
    let mut fixture = Fixture::new(name);
    assert_eq!(fixture.warm(target), before, "{name}, before");
    change(&fixture);
    for time in ["at once", "again", "and again"] {
        assert_eq!(fixture.get(target), after, "{name}, {time}");
    }
}

const FILE: &str = "one/a/b/file.txt";

#[test]
fn a_file_that_changes_is_never_stale() {
    for (way, target) in [("straight", "/a/b/file.txt"), ("link", "/link/b/file.txt")] {
        let check = |name: &str, change: fn(&Fixture), after: &str| {
            check(&format!("{way}-{name}"), target, "one", change, after);
        };
        check("write", |f| fs::write(f.at(FILE), "new").unwrap(), "new");
        let same = |f: &Fixture| {
            let file = fs::File::options().write(true).open(f.at(FILE)).unwrap();
            std::os::unix::fs::FileExt::write_all_at(&file, b"eno", 0).unwrap();
        };
        check("same-length", same, "eno");
        let truncate = |f: &Fixture| {
            let file = fs::File::options().write(true).open(f.at(FILE)).unwrap();
            file.set_len(1).unwrap();
        };
        check("truncate", truncate, "o");
        check(
            "delete",
            |f| fs::remove_file(f.at(FILE)).unwrap(),
            "nothing",
        );
        let replace = |f: &Fixture| fs::rename(f.at("one/a/b/else.txt"), f.at(FILE)).unwrap();
        check("replace", replace, "else");
        let link = |f: &Fixture| {
            fs::remove_file(f.at(FILE)).unwrap();
            symlink("else.txt", f.at(FILE)).unwrap();
        };
        check("becomes-link", link, "else");
        let away = |f: &Fixture| {
            fs::remove_file(f.at(FILE)).unwrap();
            symlink("../../../two/a/b/file.txt", f.at(FILE)).unwrap();
        };
        check("becomes-way-out", away, "nothing");
        let folder = |f: &Fixture| {
            fs::remove_file(f.at(FILE)).unwrap();
            fs::create_dir(f.at(FILE)).unwrap();
        };
        check("becomes-folder", folder, "elsewhere");
        let other_name = |f: &Fixture| {
            fs::hard_link(f.at(FILE), f.at("two/name")).unwrap();
            fs::write(f.at("two/name"), "by another name").unwrap();
        };
        check("other-name", other_name, "by another name");
        let parent = |f: &Fixture| fs::rename(f.at("one/a/b"), f.at("one/a/x")).unwrap();
        check("parent-renamed", parent, "nothing");
        let root = |f: &Fixture| {
            symlink("two", f.at("next")).unwrap();
            fs::rename(f.at("next"), f.at("root")).unwrap();
        };
        check(
            "root-swapped",
            root,
            if way == "link" { "nothing" } else { "two" },
        );
        let above = |f: &Fixture| {
            fs::rename(f.at("one/a"), f.at("one/gone")).unwrap();
            fs::create_dir_all(f.at("one/a/b")).unwrap();
            fs::write(f.at(FILE), "another folder").unwrap();
        };
        check("parent-replaced", above, "another folder");
    }
}

#[test]
fn a_link_on_the_way_that_is_swapped_is_never_stale() {
    let swap = |f: &Fixture| {
        fs::create_dir_all(f.at("one/other/b")).unwrap();
        fs::write(f.at("one/other/b/file.txt"), "other").unwrap();
        symlink("other", f.at("one/next")).unwrap();
        fs::rename(f.at("one/next"), f.at("one/link")).unwrap();
    };
    check("swap", "/link/b/file.txt", "one", swap, "other");
}

#[test]
fn what_is_missing_is_found_when_it_comes() {
    let new = "/a/new.txt";
    check(
        "comes",
        new,
        "nothing",
        |f| fs::write(f.at("one/a/new.txt"), "new").unwrap(),
        "new",
    );
    let deep = |f: &Fixture| {
        fs::create_dir_all(f.at("one/x/y")).unwrap();
        fs::write(f.at("one/x/y/z.txt"), "deep").unwrap();
    };
    check("deep", "/x/y/z.txt", "nothing", deep, "deep");
    let moved = |f: &Fixture| fs::rename(f.at("two"), f.at("one/x")).unwrap();
    check("moved", "/x/a/b/file.txt", "nothing", moved, "two");
    let beneath = |f: &Fixture| {
        fs::remove_file(f.at(FILE)).unwrap();
        fs::create_dir(f.at(FILE)).unwrap();
        fs::write(f.at("one/a/b/file.txt/x"), "beneath").unwrap();
    };
    check("beneath", "/a/b/file.txt/x", "nothing", beneath, "beneath");
}

#[test]
fn a_file_that_stands_for_its_folder_comes_and_goes() {
    check(
        "changes",
        "/c/",
        "index of c",
        |f| fs::write(f.at("one/c/index.html"), "new").unwrap(),
        "new",
    );
    check(
        "goes",
        "/c/",
        "index of c",
        |f| fs::remove_file(f.at("one/c/index.html")).unwrap(),
        "folder",
    );
    check(
        "comes-back",
        "/",
        "index",
        |f| fs::rename(f.at("one/c/index.html"), f.at("one/index.html")).unwrap(),
        "index of c",
    );
}

#[test]
fn what_is_compressed_beside_a_file_comes_and_goes() {
    let mut fixture = Fixture::new("beside");
    let target = "/a/b/file.txt";
    let coded = |fixture: &mut Fixture| match fixture.find(target) {
        Kept::File(resource) => resource.marks().clone(),
        Kept::Other(found) => panic!("{found:?}"),
    };
    fixture.warm(target);
    let plain = coded(&mut fixture);
    fs::write(fixture.at("one/a/b/file.txt.gz"), "p").unwrap();
    let packed = coded(&mut fixture);
    assert_ne!(plain, packed);
    fixture.warm(target);
    fs::remove_file(fixture.at("one/a/b/file.txt.gz")).unwrap();
    assert_eq!(coded(&mut fixture), plain);
}

#[test]
fn who_may_not_read_is_told_so() {
    let mut fixture = Fixture::new("denied");
    assert_eq!(fixture.warm("/a/b/file.txt"), "one");
    let closed = fs::Permissions::from_mode(0o0);
    fs::set_permissions(fixture.at(FILE), closed).unwrap();
    // Who is root may read all the same.
    let may_read = fs::File::open(fixture.at(FILE)).is_ok();
    let expected = if may_read { "one" } else { "denied" };
    assert_eq!(fixture.get("/a/b/file.txt"), expected);
}

#[test]
fn what_is_asked_for_again_is_kept_and_what_is_asked_for_once_is_not() {
    let mut fixture = Fixture::new("kept");
    fixture.get("/a/b/file.txt");
    fixture.get("/nothing");
    assert_eq!(
        (fixture.cache.files.len(), fixture.cache.nothing.len()),
        (0, 0)
    );
    fixture.warm("/a/b/file.txt");
    fixture.warm("/nothing");
    assert_eq!(
        (fixture.cache.files.len(), fixture.cache.nothing.len()),
        (1, 1)
    );
    let first = fixture.find("/a/b/file.txt");
    let second = fixture.find("/a/b/file.txt");
    let (Kept::File(first), Kept::File(second)) = (first, second) else {
        panic!("both are files");
    };
    assert!(Rc::ptr_eq(&first, &second));
    assert!(matches!(first.plain.held, Held::Body(_)));
}

#[test]
fn what_is_kept_is_bounded_and_its_watches_with_it() {
    let mut fixture = Fixture::new("bounds");
    fixture.cache.bounds = Bounds {
        bytes: 8 * 1024,
        entries: 4,
        files: 1,
    };
    for number in 0..20 {
        fs::write(fixture.at(&format!("one/{number}.bin")), vec![b'x'; 600]).unwrap();
        fs::write(
            fixture.at(&format!("one/long{number}.bin")),
            vec![b'x'; 40_000],
        )
        .unwrap();
    }
    for number in 0..20 {
        fixture.warm(&format!("/{number}.bin"));
        fixture.warm(&format!("/long{number}.bin"));
        fixture.warm(&format!("/nothing{number}"));
        let cache = &fixture.cache;
        assert!(cache.files.len() <= 4 && cache.nothing.len() <= 4);
        assert!(cache.taken.bytes <= 8 * 1024 && cache.taken.files <= 1);
    }
    // The longest uncertainty is over: all is looked at anew, and is the same.
    fixture.now += LOOK_ANEW;
    assert_eq!(fixture.get("/19.bin").len(), 600);
    let watched = fixture.cache.watched.as_ref().unwrap();
    // Eight files and names in one folder, and the folders above.
    assert!(watched.folders.len() < 24, "{}", watched.folders.len());
    fixture.cache.clear();
    assert_eq!(fixture.cache.taken, Taken::default());
    assert!(fixture.cache.watched.as_ref().unwrap().folders.is_empty());
    assert_eq!(fixture.warm("/19.bin").len(), 600);
}

#[test]
fn a_cache_of_nothing_keeps_nothing() {
    let mut fixture = Fixture::new("off");
    fixture.cache = Cache::new(0, Compress::Yes);
    assert_eq!(fixture.warm("/a/b/file.txt"), "one");
    assert_eq!(fixture.cache.files.len(), 0);
    fs::write(fixture.at(FILE), "new").unwrap();
    assert_eq!(fixture.get("/a/b/file.txt"), "new");
}

#[test]
fn where_the_system_does_not_tell_all_is_looked_at_each_time() {
    let mut fixture = Fixture::new("untold");
    fixture.cache.watched = None;
    assert_eq!(fixture.warm("/a/b/file.txt"), "one");
    for text in ["two", "three", "one"] {
        fs::write(fixture.at(FILE), text).unwrap();
        assert_eq!(fixture.warm("/a/b/file.txt"), text);
    }
}
