//! Ours with ours.

use std::fs;

use super::*;

#[test]
fn a_file_is_fetched_and_the_code_is_used_up() {
    let folder = Folder::new();
    let (source, target) = (file(&folder, "a.bin", 3_000_000), folder.file("got"));
    let served = Coded::start(&["serve", &source]);
    let got = served.other("get", &["-o", &target]);
    assert_eq!(got.code(), Some(0), "{got:?}");
    assert!(
        got.stdout.starts_with("received 1 file, 3 MB in "),
        "{got:?}"
    );
    assert!(got.stdout.contains("\nblake3 "), "{got:?}");
    same(&source, &target);
    let code = served.code.clone();
    let (status, messages) = served.server.wait();
    assert_eq!(status.code(), Some(0), "{messages}");
    assert!(messages.contains("sent 1 file, 3 MB"), "{messages}");
    assert!(!messages.contains(&code) && !got.stderr.contains(&code));
}

#[test]
fn a_folder_comes_with_all_that_is_in_it() {
    let folder = Folder::new();
    let tree = folder.file("bäume");
    fs::create_dir_all(format!("{tree}/漢字/deep")).unwrap();
    fs::create_dir_all(format!("{tree}/empty folder")).unwrap();
    fs::write(format!("{tree}/пусто"), "").unwrap();
    fs::write(format!("{tree}/漢字/deep/\u{1f642}.txt"), "hello").unwrap();
    let large = file(&folder, "large", 2_500_000);
    fs::rename(&large, format!("{tree}/large")).unwrap();
    let target = folder.file("into");
    let served = Coded::start(&["serve", &tree]);
    let got = served.other("get", &["-o", &format!("{target}/")]);
    assert_eq!(got.code(), Some(0), "{got:?}");
    for name in ["пусто", "漢字/deep/\u{1f642}.txt", "large"] {
        same(&format!("{tree}/{name}"), &format!("{target}/bäume/{name}"));
    }
    assert!(
        fs::metadata(format!("{target}/bäume/empty folder"))
            .unwrap()
            .is_dir()
    );
}

#[test]
fn what_is_offered_is_listed_and_asked_for_by_name() {
    let folder = Folder::new();
    fs::create_dir_all(folder.file("photos")).unwrap();
    let (one, two) = (
        folder.write("photos/one.jpg", "one"),
        folder.write("photos/two.jpg", "two"),
    );
    let (other_file, key) = (folder.write("other", "other"), key_file(&folder));
    let server = keyed(&["serve", &folder.file("photos"), &other_file], &key);
    let listed = other("list", &server, &[], &key);
    assert_eq!(listed.code(), Some(0), "{listed:?}");
    for name in [
        "photos/one.jpg",
        "photos/two.jpg",
        "  other",
        "3 files, 11 B",
    ] {
        assert!(listed.stdout.contains(name), "{name}: {listed:?}");
    }
    let json = other("list", &server, &["--json"], &key);
    let first: serde_json::Value =
        serde_json::from_str(json.stdout.lines().next().unwrap()).unwrap();
    assert!(
        first["name"].is_string() && first["kind"].is_string(),
        "{first}"
    );
    let target = format!("{}/", folder.file("into"));
    let got = other("get", &server, &["photos/one.jpg", "-o", &target], &key);
    assert_eq!(got.code(), Some(0), "{got:?}");
    same(&one, &format!("{target}photos/one.jpg"));
    assert!(
        fs::metadata(format!("{target}photos/two.jpg")).is_err(),
        "{two} was not asked for"
    );
    let missing = other("get", &server, &["nothing", "-o", &target], &key);
    assert_eq!(missing.code(), Some(1), "{missing:?}");
    assert!(
        missing.stderr.contains("'nothing' is not offered"),
        "{missing:?}"
    );
}

#[test]
fn streams_go_in_and_out() {
    let folder = Folder::new();
    let (key, into) = (key_file(&folder), folder.file("into"));
    let server = keyed(&["receive", &into], &key);
    let target = server.target();
    let text = "from a pipe\n".repeat(100_000);
    let args = [
        "send",
        &target,
        "-",
        "--name",
        "piped.txt",
        "--key-file",
        &key,
    ];
    let sent = harness::run("filexfer", &args, &text);
    assert_eq!(sent.code(), Some(0), "{sent:?}");
    let piped = format!("{into}/piped.txt");
    assert!(fs::read(&piped).unwrap() == text.as_bytes());
    let source = keyed(&["serve", &piped], &key);
    let got = other("get", &source, &["-o", "-"], &key);
    assert_eq!(got.code(), Some(0), "{}", got.stderr);
    assert!(got.stdout == text, "nothing but the file");
    assert!(got.stderr.contains("received 1 file"), "{}", got.stderr);
}

#[test]
fn one_who_waits_is_sent_to() {
    let folder = Folder::new();
    let (one, two) = (folder.write("one", "1"), file(&folder, "two", 1_500_000));
    let into = folder.file("into");
    let waiting = Coded::start(&["receive", &into]);
    let sent = waiting.other("send", &[&one, &two]);
    assert_eq!(sent.code(), Some(0), "{sent:?}");
    assert!(sent.stdout.starts_with("sent 2 files, "), "{sent:?}");
    same(&one, &format!("{into}/one"));
    same(&two, &format!("{into}/two"));
    let (status, messages) = waiting.server.wait();
    assert_eq!(status.code(), Some(0), "{messages}");
}

#[test]
fn another_file_is_kept_unless_it_is_to_go() {
    let folder = Folder::new();
    let (source, target, key) = (
        file(&folder, "a", 1000),
        folder.write("b", "mine"),
        key_file(&folder),
    );
    let server = keyed(&["serve", &source], &key);
    let kept = other("get", &server, &["-o", &target], &key);
    assert_eq!(kept.code(), Some(4), "{kept:?}");
    assert!(kept.stderr.contains("--overwrite"), "{kept:?}");
    assert_eq!(fs::read(&target).unwrap(), b"mine");
    let replaced = other("get", &server, &["-o", &target, "--overwrite"], &key);
    assert_eq!(replaced.code(), Some(0), "{replaced:?}");
    same(&source, &target);
    let again = other("get", &server, &["-o", &target], &key);
    assert_eq!(again.code(), Some(0), "{again:?}");
    assert!(again.stdout.contains("1 was there already"), "{again:?}");
}

#[test]
fn several_fetch_at_once() {
    let folder = Folder::new();
    let (source, key) = (file(&folder, "a", 20_000_000), key_file(&folder));
    let server = keyed(&["serve", &source], &key);
    let target = server.target();
    let outputs: Vec<_> = (0..3)
        .map(|number| folder.file(&format!("got{number}")))
        .collect();
    let started: Vec<_> = outputs
        .iter()
        .map(|output| begin(&["get", &target, "-o", output, "--key-file", &key]))
        .collect();
    for (mut child, output) in started.into_iter().zip(&outputs) {
        assert!(child.wait().unwrap().success());
        same(&source, output);
    }
}

#[test]
fn events_are_json() {
    let folder = Folder::new();
    let (source, key) = (file(&folder, "a", 3_000_000), key_file(&folder));
    let server = keyed(&["serve", &source], &key);
    let got = other("get", &server, &["-o", &folder.file("b"), "--json"], &key);
    assert_eq!(got.code(), Some(0), "{got:?}");
    let events: Vec<serde_json::Value> = got
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of = |kind: &str| events.iter().find(|event| event["type"] == kind).unwrap();
    assert_eq!(of("begun")["size"], 3_000_000);
    assert_eq!(of("saved")["blake3"].as_str().unwrap().len(), 64);
    assert_eq!(of("summary")["saved"], 1);
    assert_eq!(of("summary")["moved_bytes"], 3_000_000);
    assert_eq!(events.last().unwrap()["type"], "summary");
}

#[test]
fn without_encryption_both_have_to_wish_for_it() {
    let folder = Folder::new();
    let (source, key) = (file(&folder, "a", 3_000_000), key_file(&folder));
    let server = keyed(&["serve", &source, "--plain"], &key);
    let target = folder.file("b");
    let refused = other("get", &server, &["-o", &target], &key);
    assert_eq!(refused.code(), Some(1), "{refused:?}");
    assert!(refused.stderr.contains("--plain"), "{refused:?}");
    let got = other("get", &server, &["-o", &target, "--plain"], &key);
    assert_eq!(got.code(), Some(0), "{got:?}");
    same(&source, &target);
}

#[test]
fn what_goes_wrong_is_said_in_one_line() {
    let folder = Folder::new();
    let (source, key) = (folder.write("a", "a"), key_file(&folder));
    let closed = harness::loopback_socket().local_addr().unwrap().to_string();
    let server = keyed(&["serve", &source], &key);
    let target = server.target();
    let table: &[(&[&str], &str)] = &[
        (&["get", &closed, "--key-file", &key], "nothing listens"),
        (
            &["send", &target, &source, "--key-file", &key],
            "filexfer get",
        ),
        (&["send", &target, "no/such/file"], "no/such/file"),
        (&["serve", "no/such/file"], "no/such/file"),
        (
            &["serve", &source, "--key-file", "no/such/key"],
            "no/such/key",
        ),
        (&["serve", &source, "--classic"], "--key-file"),
        (
            &["get", &target, "--key-file", &key, "../a"],
            "without '.' and '..'",
        ),
        (
            &[
                "get",
                &target,
                "-o",
                "x",
                "--classic",
                "--key-file",
                &source,
            ],
            "key is wrong",
        ),
        (&["get", &target], "expected the code"),
    ];
    // The last reads "hello" as a code, which it is not.
    let (last, others) = table.split_last().unwrap();
    let others: Vec<_> = others
        .iter()
        .filter(|(args, _)| !args.contains(&"--classic") || args[0] == "serve")
        .copied()
        .collect();
    harness::check_refusals("filexfer", &others);
    let refused = harness::run("filexfer", last.0, "");
    assert_eq!(refused.code(), Some(1), "{refused:?}");
    assert!(refused.stderr.contains(last.1), "{refused:?}");
    assert_eq!(harness::run("filexfer", &["fetch"], "").code(), Some(2));
}
