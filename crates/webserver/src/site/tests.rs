//! What is found at paths.

use std::ffi::OsString;
use std::fs;
use std::io::Read;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use clap::Parser;

use super::*;

/// A folder of a test's own, removed with it.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let unique = format!("plumbline-site-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(unique);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn at(&self, path: &str) -> PathBuf {
        self.0.join(path)
    }

    fn files(&self, files: &[(&str, &str)]) {
        for (path, text) in files {
            let path = self.at(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }

    /// A site with these arguments, in which `@` is this folder.
    fn site(&self, args: &[&str]) -> Site {
        self.try_site(args).unwrap()
    }

    fn try_site(&self, args: &[&str]) -> anyhow::Result<Site> {
        let folder = self.0.to_str().unwrap();
        let typed = args.iter().map(|arg| arg.replace('@', folder));
        let args = Args::try_parse_from(["webserver".into()].into_iter().chain(typed))?;
        Site::check(&args)?;
        Ok(Site::new(&args))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn shown(found: Found) -> String {
    match found {
        Found::File(mut seen) => {
            let mut text = String::new();
            seen.plain.file.read_to_string(&mut text).unwrap();
            for packed in &seen.packed {
                text += &format!(" {}", packed.coding.name().unwrap());
            }
            text
        }
        Found::Folder(listed) => {
            let mut entries = listed.folder.entries(100).unwrap();
            entries.sort_by(|one, two| one.name.cmp(&two.name));
            let names = entries.iter().map(|entry| entry.name.to_str().unwrap());
            format!("[{}]", names.collect::<Vec<_>>().join(" "))
        }
        Found::Roots => "roots".into(),
        Found::Elsewhere => "elsewhere".into(),
        Found::Nothing => "nothing".into(),
        Found::Denied => "denied".into(),
        Found::Unavailable => "unavailable".into(),
    }
}

#[track_caller]
fn check(site: &Site, table: &[(&str, &str)]) {
    for (target, expected) in table {
        let path = Path::decode(target).unwrap();
        assert_eq!(
            shown(site.look(&path, Beside::Looked, Instant::now())),
            *expected,
            "{target}"
        );
    }
}

#[test]
fn one_root_is_served_at_the_top() {
    let scratch = Scratch::new("one");
    scratch.files(&[
        ("index.html", "home"),
        ("a.txt", "text"),
        ("docs/b.txt", "more text"),
        ("docs/.env", "secret"),
        ("docs/index.html/x", "a folder of that name"),
        ("sub/index.html", "sub"),
        (".git/config", "secret"),
        (".well-known/acme-challenge/token", "token"),
    ]);
    symlink("docs", scratch.at("link")).unwrap();
    symlink("..", scratch.at("out")).unwrap();
    let table = [
        ("/", "home"),
        ("/index.html", "home"),
        ("/a.txt", "text"),
        ("/a.txt/", "nothing"),
        ("/a.txt/b", "nothing"),
        ("/docs", "elsewhere"),
        ("/docs/", "[.env b.txt index.html]"),
        ("/docs/b.txt", "more text"),
        ("/docs/.env", "nothing"),
        ("/link", "elsewhere"),
        ("/link/", "[.env b.txt index.html]"),
        ("/link/b.txt", "more text"),
        ("/sub", "elsewhere"),
        ("/sub/", "sub"),
        ("/.git", "nothing"),
        ("/.git/", "nothing"),
        ("/.git/config", "nothing"),
        ("/.well-known/acme-challenge/token", "token"),
        ("/out", "nothing"),
        ("/out/", "nothing"),
        ("/missing", "nothing"),
        ("/missing/", "nothing"),
    ];
    check(&scratch.site(&["@"]), &table);
    let site = scratch.site(&["@", "--hidden"]);
    check(&site, &[("/.git", "elsewhere"), ("/docs/.env", "secret")]);
    assert_eq!(site.hidden(), Hidden::Shown);
    let site = scratch.site(&["@", "--index", "b.txt", "--index", "a.txt"]);
    check(&site, &[("/", "text"), ("/docs/", "more text")]);
    let site = scratch.site(&["@/sub", "--no-index"]);
    check(&site, &[("/", "[index.html]"), ("/index.html", "sub")]);
}

#[test]
fn several_roots_are_beneath_their_names() {
    let scratch = Scratch::new("several");
    scratch.files(&[
        ("one/a.txt", "one"),
        ("two/index.html", "two"),
        ("two/.git/x", "secret"),
        ("page.html", "page"),
    ]);
    let site = scratch.site(&["@/one", "second=@/two", "@/page.html"]);
    let names: Vec<&[u8]> = site.roots().collect();
    assert_eq!(names, [&b"one"[..], b"second", b"page.html"]);
    let table = [
        ("/", "roots"),
        ("/one", "elsewhere"),
        ("/one/", "[a.txt]"),
        ("/one/a.txt", "one"),
        ("/second", "elsewhere"),
        ("/second/", "two"),
        ("/second/.git/x", "nothing"),
        ("/page.html", "page"),
        ("/page.html/", "nothing"),
        ("/two/", "nothing"),
        ("/a.txt", "nothing"),
        ("/on", "nothing"),
    ];
    check(&site, &table);
    let place = |target| site.place(&Path::decode(target).unwrap());
    let expected = Place {
        root: 1,
        path: b"a/b".to_vec(),
    };
    assert_eq!(place("/second/a/b"), Some(expected));
    assert_eq!(place("/"), None);
    assert_eq!(place("/third"), None);
    assert_eq!(site.root(1).unwrap().path(), scratch.at("two"));

    // A name that was given stands, also for a single root.
    let site = scratch.site(&["pics=@/one"]);
    check(
        &site,
        &[
            ("/", "roots"),
            ("/pics/a.txt", "one"),
            ("/a.txt", "nothing"),
        ],
    );
}

#[test]
fn a_root_may_be_a_file() {
    let scratch = Scratch::new("file");
    scratch.files(&[("page.html", "page"), ("other", "other")]);
    let site = scratch.site(&["@/page.html"]);
    let table = [
        ("/", "page"),
        ("/page.html", "page"),
        ("/page.html/", "nothing"),
        ("/other", "nothing"),
    ];
    check(&site, &table);
    let found = site.look(&Path::decode("/").unwrap(), Beside::Looked, Instant::now());
    let Found::File(seen) = found else {
        panic!("it is a file");
    };
    assert_eq!(seen.media, media::of_name(b"page.html"));
}

#[test]
fn roots_that_cannot_be_served_are_refused() {
    let scratch = Scratch::new("refused");
    scratch.files(&[("one/a", ""), ("sub/one/a", ""), ("a=b/x", "equal")]);
    for (args, expected) in [
        (
            &["@/missing"][..],
            "expected a folder or a file to serve at",
        ),
        (&["@/one", "@/sub/one"], "expected another name"),
        (&["@/one", "one=@/sub"], "expected another name"),
        (&["@/one", "/"], "expected a name for /"),
        (&["=@/one"], "expected NAME=FOLDER"),
        (&["..=@/one"], "expected NAME=FOLDER"),
        (&["x="], "expected a folder"),
        (&["@", "--index", "a/b"], "expected the name of a file"),
        (&["@", "--index", ".."], "expected the name of a file"),
        (&["@", "--index", "x", "--no-index"], "cannot be used with"),
    ] {
        let error = scratch.try_site(args).unwrap_err().to_string();
        assert!(error.contains(expected), "{args:?}: {error}");
    }
    check(&scratch.site(&["@/a=b"]), &[("/x", "equal")]);
}

#[test]
fn a_root_is_looked_for_again_in_each_round() {
    let scratch = Scratch::new("swapped");
    scratch.files(&[("one/sub/name", "one"), ("two/sub/name", "two")]);
    symlink("one", scratch.at("current")).unwrap();
    let site = scratch.site(&["@/current"]);
    check(&site, &[("/sub/name", "one")]);
    symlink("two", scratch.at("next")).unwrap();
    fs::rename(scratch.at("next"), scratch.at("current")).unwrap();
    check(&site, &[("/sub/name", "two")]);
    fs::remove_file(scratch.at("current")).unwrap();
    check(&site, &[("/sub/name", "unavailable"), ("/", "unavailable")]);
    symlink("one", scratch.at("current")).unwrap();
    check(&site, &[("/sub/name", "one")]);
}

#[test]
fn an_application_of_one_page_answers_for_what_is_not_clearly_a_file() {
    let scratch = Scratch::new("spa");
    scratch.files(&[
        ("index.html", "app"),
        ("main.js", "code"),
        (".env", "secret"),
    ]);
    let instead = |site: &Site, target| {
        let path = Path::decode(target).unwrap();
        shown(site.instead(&path, Beside::Looked, Instant::now()))
    };
    let site = scratch.site(&["@", "--spa"]);
    for (target, expected) in [
        ("/users/7", "app"),
        ("/users/john.doe", "app"),
        ("/users/", "app"),
        ("/missing.js", "nothing"),
        ("/logo.png", "nothing"),
        ("/.env", "nothing"),
        ("/a/.git/x", "nothing"),
    ] {
        assert_eq!(instead(&site, target), expected, "{target}");
    }
    check(&site, &[("/users/7", "nothing"), ("/main.js", "code")]);
    assert_eq!(instead(&scratch.site(&["@"]), "/users/7"), "nothing");
}

#[test]
fn what_was_compressed_before_lies_beside() {
    let scratch = Scratch::new("packed");
    let long = "long ".repeat(100);
    scratch.files(&[
        ("a.html", &*long),
        ("a.html.gz", "shorter still"),
        ("a.html.zst", "shortest"),
        ("a.html.br", &*long),
        ("old.html", &*long),
        ("old.html.gz", "old"),
        ("pic.png", &*long),
        ("pic.png.gz", "useless"),
        ("gone.html.gz", "of nothing"),
        ("folder.html", &*long),
        ("folder.html.br/x", "no file"),
        ("out.html", &*long),
    ]);
    symlink("/etc/hostname", scratch.at("out.html.gz")).unwrap();
    let an_hour_ago = SystemTime::now() - Duration::from_secs(3600);
    let old = fs::File::options()
        .write(true)
        .open(scratch.at("old.html.gz"));
    old.unwrap().set_modified(an_hour_ago).unwrap();
    let packed = format!("{long} zstd gzip");
    let table = [
        ("/a.html", &*packed),
        ("/old.html", &long),
        ("/pic.png", &long),
        ("/gone.html", "nothing"),
        ("/a.html.gz", "shorter still"),
        ("/folder.html", &long),
        ("/out.html", &long),
    ];
    let site = scratch.site(&["@"]);
    // All were written in this order, and those of one moment are not older.
    for name in ["a.html.gz", "a.html.zst", "a.html.br"] {
        let file = fs::File::options().write(true).open(scratch.at(name));
        file.unwrap().set_modified(SystemTime::now()).unwrap();
    }
    check(&site, &table);
}

#[test]
fn roots_are_typed_with_or_without_names() {
    let typed = |text: &str| Root::typed(OsString::from(text)).ok();
    assert!(typed("a=/x").is_some() && typed("ä b=/x").is_some());
    for (text, named) in [
        ("./a=b", false),
        ("/a=b/c", false),
        ("a=b=c", true),
        ("a", false),
    ] {
        let root = typed(text).unwrap();
        let shown = format!("{root:?}");
        assert_eq!(shown.contains("name: Some"), named, "{text}");
    }
    for text in ["", "=", "a=", "=b", "..=b", "%2e=", "a\0=b"] {
        assert_eq!(typed(text), None, "{text:?}");
    }
}
