//! Folders kept alike: what is chosen, what would be done, what goes, and the exit codes that tell of it.

use std::collections::BTreeMap;
use std::path::Path;

use super::*;

/// All files beneath a folder by their paths, with what is in them; folders end in `/`.
fn tree(root: &str) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    if Path::new(root).exists() {
        walk(Path::new(root), "", &mut found);
    }
    found
}

fn walk(folder: &Path, before: &str, found: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{before}{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            let within = format!("{name}/");
            walk(&entry.path(), &within, found);
            found.insert(within, Vec::new());
        } else {
            found.insert(name, fs::read(entry.path()).unwrap());
        }
    }
}

fn names(root: &str) -> Vec<String> {
    tree(root).into_keys().collect()
}

/// A folder `d` with some files, in a folder of the test's.
fn some_files(folder: &Folder) -> String {
    for name in ["d/raw", "d/b/raw"] {
        fs::create_dir_all(folder.file(name)).unwrap();
    }
    for name in ["d/a.jpg", "d/a.tmp", "d/raw/x.jpg", "d/b/raw/y.jpg"] {
        folder.write(name, name);
    }
    folder.file("d")
}

/// The lines that name what would come and go.
fn named(text: &str) -> Vec<&str> {
    let is_name = |line: &&str| line.starts_with("+ ") || line.starts_with("- ");
    text.lines().filter(is_name).collect()
}

#[test]
fn patterns_choose() {
    let folder = Folder::new();
    let (source, key) = (some_files(&folder), key_file(&folder));
    folder.write("d/b/.gitignore", "*.jpg\n");
    let server = keyed(&["serve", &source, "--exclude", "*.tmp"], &key);
    let table: [(&[&str], &[&str]); 4] = [
        (&[], &["a.jpg", "b/.gitignore", "b/raw/y.jpg", "raw/x.jpg"]),
        (
            &["--include", "*.jpg"],
            &["a.jpg", "b/raw/y.jpg", "raw/x.jpg"],
        ),
        (
            &["--exclude", "/raw", "--include", "*.jpg"],
            &["a.jpg", "b/raw/y.jpg"],
        ),
        (
            &["--ignore-file", ".gitignore", "--exclude", ".gitignore"],
            &["a.jpg", "raw/x.jpg"],
        ),
    ];
    for (number, (args, expected)) in table.iter().enumerate() {
        let into = folder.file(&format!("into{number}"));
        let got = other(
            "get",
            &server,
            &[&["-o", &format!("{into}/")], *args].concat(),
            &key,
        );
        assert_eq!(got.code(), Some(0), "{got:?}");
        let files = names(&format!("{into}/d"));
        let files: Vec<_> = files.iter().filter(|name| !name.ends_with('/')).collect();
        assert_eq!(files, *expected, "{args:?}");
    }
    let listed = other("list", &server, &["--include", "a.*"], &key);
    assert!(listed.stdout.ends_with("\n1 file, 7 B\n"), "{listed:?}");
    let nowhere = folder.file("nowhere/");
    let wrong = other("get", &server, &["--include", "a{b", "-o", &nowhere], &key);
    assert_eq!(wrong.code(), Some(1), "{wrong:?}");
    assert!(wrong.stderr.contains("'a{b'"), "{wrong:?}");
}

#[test]
fn a_dry_run_tells_what_the_real_one_does() {
    let folder = Folder::new();
    let (source, key) = (some_files(&folder), key_file(&folder));
    let into = format!("{}/", folder.file("into"));
    let server = keyed(&["serve", &source], &key);
    let get = |args: &[&str]| other("get", &server, &[&["-o", &into], args].concat(), &key);

    let dry = get(&["--dry-run"]);
    assert_eq!(dry.code(), Some(0), "{dry:?}");
    let all = ["+ d/a.jpg", "+ d/a.tmp", "+ d/b/raw/y.jpg", "+ d/raw/x.jpg"];
    assert_eq!(named(&dry.stdout), all);
    assert!(
        dry.stdout.contains("would receive 4 files, 38 B"),
        "{dry:?}"
    );
    assert!(!Path::new(&into).exists(), "not even the folder");
    assert_eq!(get(&[]).code(), Some(0));

    fs::remove_file(folder.file("d/a.tmp")).unwrap();
    fs::remove_dir_all(folder.file("d/b")).unwrap();
    folder.write("d/a.jpg", "another");
    folder.write("into/d/kept.local", "mine");
    folder.write("into/beside", "mine");
    let before = tree(&into);
    let alike = ["--overwrite", "--delete", "--exclude", "*.local"];
    let dry = get(&[&alike[..], &["--dry-run"]].concat());
    assert_eq!(dry.code(), Some(0), "{dry:?}");
    let mut expected = named(&dry.stdout);
    expected.sort_unstable();
    let gone = ["- d/a.tmp", "- d/b", "- d/b/raw", "- d/b/raw/y.jpg"];
    assert_eq!(expected, [&["+ d/a.jpg"], &gone[..]].concat());
    assert_eq!(tree(&into), before, "nothing changed");

    let real = get(&[&alike[..], &["--json"]].concat());
    assert_eq!(real.code(), Some(0), "{real:?}");
    let sign = |event: &serde_json::Value| match event["type"].as_str().unwrap() {
        "saved" => Some('+'),
        "removed" => Some('-'),
        _ => None,
    };
    let events = real
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let mut done: Vec<_> = events
        .filter_map(|event| Some(format!("{} {}", sign(&event)?, event["name"].as_str()?)))
        .collect();
    done.sort_unstable();
    assert_eq!(done, expected);
    let left = [
        "beside",
        "d/",
        "d/a.jpg",
        "d/kept.local",
        "d/raw/",
        "d/raw/x.jpg",
    ];
    assert_eq!(names(&into), left);
    let again = get(&alike);
    assert_eq!(again.code(), Some(0), "{again:?}");
    assert!(again.stdout.contains("2 were there already"), "{again:?}");
}

#[test]
fn who_sends_is_told_what_would_go() {
    let folder = Folder::new();
    let (source, key) = (some_files(&folder), key_file(&folder));
    let into = folder.file("into");
    fs::create_dir_all(format!("{into}/d")).unwrap();
    folder.write("into/d/old", "old");
    let server = keyed(&["receive", &into, "--delete"], &key);
    let dry = other(
        "send",
        &server,
        &[&source, "--dry-run", "--include", "a.*"],
        &key,
    );
    assert_eq!(dry.code(), Some(0), "{dry:?}");
    assert_eq!(named(&dry.stdout), ["+ d/a.jpg", "+ d/a.tmp", "- d/old"]);
    assert_eq!(names(&into), ["d/", "d/old"]);
    let sent = other("send", &server, &[&source, "--include", "a.*"], &key);
    assert_eq!(sent.code(), Some(0), "{sent:?}");
    assert!(sent.stdout.contains("1 removed"), "{sent:?}");
    assert_eq!(names(&into), ["d/", "d/a.jpg", "d/a.tmp"]);
}

#[test]
fn a_dry_run_uses_no_code_up() {
    let folder = Folder::new();
    let source = some_files(&folder);
    let into = format!("{}/", folder.file("into"));
    let served = Coded::start(&["serve", &source]);
    for args in [&["-o", &into, "-n"][..], &["-o", &into]] {
        let got = served.other("get", args);
        assert_eq!(got.code(), Some(0), "{got:?}");
    }
    let (status, messages) = served.server.wait();
    assert_eq!(status.code(), Some(0), "{messages}");
}

#[test]
fn exit_codes_tell_some_from_none() {
    let folder = Folder::new();
    let (source, key) = (some_files(&folder), key_file(&folder));
    let into = format!("{}/", folder.file("into"));
    let server = keyed(&["serve", &source], &key);
    fs::create_dir_all(format!("{into}d")).unwrap();
    folder.write("into/d/a.jpg", "mine");
    let some = other("get", &server, &["-o", &into], &key);
    assert_eq!(some.code(), Some(4), "{some:?}");
    assert!(some.stdout.contains("1 kept as it was"), "{some:?}");
    assert_eq!(tree(&into)["d/a.jpg"], b"mine");
    let none = other("get", &server, &["no/such", "-o", &into], &key);
    assert_eq!(none.code(), Some(1), "{none:?}");
    let table: &[&[&str]] = &[
        &["--dry-run", "--watch"],
        &["--in-place"],
        &["--classic", "--delete"],
        &["--links", "some"],
    ];
    for args in table {
        let usage = other("get", &server, args, &key);
        assert_eq!(usage.code(), Some(2), "{usage:?}");
    }
    for args in [["-o", "-", "--delete"], ["-o", "-", "--watch"]] {
        let refused = other("get", &server, &args, &key);
        assert_eq!(refused.code(), Some(1), "{refused:?}");
        assert!(refused.stderr.contains("expected"), "{refused:?}");
    }
}
