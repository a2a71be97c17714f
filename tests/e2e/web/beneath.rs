//! What of a folder is served, and what never is: indexes, hidden files, links, what is no file.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use harness::Folder;

use super::talk::Line;
use super::{Site, folder_of, serve};

const SECRET: &str = "nobody may read this";

#[test]
fn an_index_stands_for_its_folder() {
    let files = [
        ("index.html", "home"),
        ("sub/index.html", "below"),
        ("sub/deep/start.htm", "deepest"),
    ];
    let site = Site::of(&files, &[]);
    assert_eq!(site.get("/").text(), "home");
    assert_eq!(site.get("/?a=b").text(), "home");
    assert_eq!(site.get("/sub/").text(), "below");
    assert_eq!(
        site.get("/sub/").field("content-type"),
        "text/html; charset=utf-8"
    );
    assert!(site.get("/sub/deep/").text().contains("start.htm"));
    let other = serve(&site.folder.file(""), &["--index", "start.htm"]);
    assert_eq!(Line::to(other.addr()).get("/sub/deep/").text(), "deepest");
}

#[test]
fn a_folder_without_its_slash_is_a_redirect_that_stays_here() {
    let files = [
        ("sub/a", "x"),
        ("a b/c", "x"),
        ("ä/c", "x"),
        ("example.com/sub/a", "x"),
        ("q?/a", "x"),
    ];
    let site = Site::of(&files, &[]);
    for (target, location) in [
        ("/sub", "/sub/"),
        ("/sub?x=1&y", "/sub/?x=1&y"),
        ("/a%20b", "/a%20b/"),
        ("/%C3%A4", "/%C3%A4/"),
        ("/q%3F", "/q%3F/"),
        ("/example.com/sub", "/example.com/sub/"),
    ] {
        let answer = site.get(target);
        assert_eq!(
            (answer.status, answer.field("location")),
            (308, location),
            "{target}"
        );
    }
    for target in [
        "//example.com",
        "//example.com/sub",
        "///example.com",
        "/%2fexample.com",
        "/\\example.com",
        "/%5Cexample.com",
        "//example.com/%2e%2e",
    ] {
        let answer = site.get(target);
        assert!(
            [308, 400, 404].contains(&answer.status),
            "{target}: {}",
            answer.status
        );
        if let Some(location) = answer.get("location") {
            let safe = location.starts_with('/')
                && !location.starts_with("//")
                && !location.starts_with("/\\");
            assert!(safe, "{target}: {location}");
        }
    }
}

#[test]
fn names_of_all_kinds_are_found() {
    let names = [
        "a b", "ü.txt", "100%", "a+b", "q?x", "hash#x", "%41", "a&b;c", "..a", "a..", "...", "-",
        "~x", "a:b",
    ];
    let files: Vec<_> = names.iter().map(|name| (*name, *name)).collect();
    let site = Site::of(&files, &["--hidden"]);
    for (target, name) in [
        ("/a%20b", "a b"),
        ("/%c3%bc.txt", "ü.txt"),
        ("/100%25", "100%"),
        ("/a+b", "a+b"),
        ("/a%2Bb", "a+b"),
        ("/q%3Fx", "q?x"),
        ("/hash%23x", "hash#x"),
        // Decoded once.
        ("/%2541", "%41"),
        ("/%61..", "a.."),
        ("/a&b;c", "a&b;c"),
        ("/..a", "..a"),
        ("/...", "..."),
        ("/-", "-"),
        ("/~x", "~x"),
        ("/%7Ex?y=z", "~x"),
    ] {
        let answer = site.get(target);
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (200, name),
            "{target}"
        );
    }
}

#[test]
fn what_is_hidden_is_shown_only_when_that_is_asked_for() {
    let files = [
        (".env", SECRET),
        (".git/config", SECRET),
        ("sub/.htpasswd", SECRET),
        (".well-known/security.txt", "public"),
        ("a", "x"),
    ];
    let site = Site::of(&files, &[]);
    for target in [
        "/.env",
        "/.git/config",
        "/.git/",
        "/.git",
        "/sub/.htpasswd",
        "/%2eenv",
    ] {
        assert_eq!(site.status(target), 404, "{target}");
    }
    assert_eq!(site.get("/.well-known/security.txt").text(), "public");
    assert!(!site.get("/").text().contains(".env"));
    let open = serve(&site.folder.file(""), &["--hidden"]);
    assert_eq!(Line::to(open.addr()).get("/.git/config").text(), SECRET);
    assert!(Line::to(open.addr()).get("/").text().contains(".env"));
}

#[test]
fn a_hundred_requests_for_what_is_no_file_change_nothing() {
    let site = Site::of(&[("a", "x")], &[]);
    let everybody = nix::sys::stat::Mode::from_bits_truncate(0o666);
    nix::unistd::mkfifo(site.folder.file("fifo").as_str(), everybody).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(site.folder.file("socket")).unwrap();
    symlink("/dev/zero", site.folder.file("zero")).unwrap();
    symlink("fifo", site.folder.file("to-fifo")).unwrap();
    assert_eq!(site.get("/a").text(), "x");
    let before = site.server.descriptors();
    for _ in 0..100 {
        assert_eq!(site.status("/fifo"), 404);
    }
    for target in ["/socket", "/zero", "/to-fifo", "/fifo/", "/fifo/a"] {
        assert_eq!(site.status(target), 404, "{target}");
    }
    assert_eq!(site.get("/a").text(), "x");
    assert!(site.server.descriptors() <= before + 2);
    let listing = site.get("/").text();
    assert!(
        !listing.contains("fifo") && !listing.contains("socket"),
        "{listing}"
    );
    // A writer that came would find no reader.
    let flags = nix::fcntl::OFlag::O_WRONLY | nix::fcntl::OFlag::O_NONBLOCK;
    let opened = nix::fcntl::open(
        site.folder.file("fifo").as_str(),
        flags,
        nix::sys::stat::Mode::empty(),
    );
    assert!(opened.is_err());
}

#[test]
fn links_that_stay_inside_are_followed_and_others_are_nothing() {
    let outside = folder_of(&[("secret", SECRET), ("sub/index.html", SECRET)]);
    let site = Site::of(&[("sub/a", "inside"), ("deep/er/x", "y")], &[]);
    for (name, target) in [
        ("in", "sub/a".to_owned()),
        ("in-folder", "sub".to_owned()),
        ("deep/er/up", "../../sub/a".to_owned()),
        ("out", outside.file("secret")),
        ("out-folder", outside.file("sub")),
        (
            "out-relative",
            "../../../../../../../../etc/passwd".to_owned(),
        ),
        ("deep/er/far", "../../../etc/passwd".to_owned()),
        ("root", "/".to_owned()),
        ("loop", "loop".to_owned()),
        ("broken", "nowhere".to_owned()),
        ("chain", "out".to_owned()),
        ("self", "/proc/self".to_owned()),
    ] {
        symlink(target, site.folder.file(name)).unwrap();
    }
    for target in ["/in", "/in-folder/a", "/deep/er/up"] {
        assert_eq!(site.get(target).text(), "inside", "{target}");
    }
    for target in [
        "/out",
        "/out-folder",
        "/out-folder/",
        "/out-folder/index.html",
        "/out-relative",
        "/deep/er/far",
        "/root",
        "/root/",
        "/root/etc/passwd",
        "/loop",
        "/loop/a",
        "/broken",
        "/chain",
        "/self/environ",
        "/self/",
    ] {
        assert_eq!(site.status(target), 404, "{target}");
    }
    let listing = site.get("/").text();
    assert!(
        listing.contains("in-folder") && !listing.contains("out-folder"),
        "{listing}"
    );
}

#[test]
fn links_that_change_during_requests_lead_nowhere_else() {
    let outside = folder_of(&[("a", SECRET)]);
    let site = Site::of(&[("sub/a", "inside")], &[]);
    let (link, spare) = (site.folder.file("link"), site.folder.file("spare"));
    symlink("sub", &link).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let swapping = {
        let (stop, out) = (Arc::clone(&stop), outside.file(""));
        std::thread::spawn(move || {
            let mut turn = 0;
            while !stop.load(Ordering::Relaxed) {
                let target = ["sub", out.as_str()][turn % 2];
                symlink(target, &spare).unwrap();
                fs::rename(&spare, &link).unwrap();
                turn += 1;
            }
            symlink("sub", &spare).unwrap();
            fs::rename(&spare, &link).unwrap();
        })
    };
    let mut line = site.line();
    for _ in 0..2_000 {
        let answer = line.get("/link/a");
        match answer.status {
            200 => assert_eq!(answer.text(), "inside"),
            status => assert_eq!(status, 404),
        }
    }
    stop.store(true, Ordering::Relaxed);
    swapping.join().unwrap();
    assert_eq!(line.get("/link/a").text(), "inside");
}

#[test]
fn a_root_that_is_a_swapped_link_goes_on_working() {
    let releases = folder_of(&[("one/a", "first"), ("two/a", "second"), ("two/b", "new")]);
    let current = releases.file("current");
    symlink("one", &current).unwrap();
    let server = serve(&current, &[]);
    let mut line = Line::to(server.addr());
    let swap = |to: &str| {
        symlink(to, releases.file("next")).unwrap();
        fs::rename(releases.file("next"), &current).unwrap();
    };
    for _ in 0..20 {
        assert_eq!(line.get("/a").text(), "first");
        assert_eq!(line.get("/b").status, 404);
        swap("two");
        assert_eq!(line.get("/a").text(), "second");
        assert_eq!(line.get("/b").text(), "new");
        swap("one");
    }
    // And one that is away for a moment.
    fs::remove_file(&current).unwrap();
    assert!([404, 503].contains(&line.get("/a").status));
    symlink("two", &current).unwrap();
    assert_eq!(line.get("/a").text(), "second");
}

#[test]
fn folders_that_are_moved_are_served_where_they_are() {
    let site = Site::of(&[("one/deep/a", "first"), ("two/deep/a", "second")], &[]);
    let mut line = site.line();
    let path = |name: &str| site.folder.file(name);
    assert_eq!(line.get("/one/deep/a").text(), "first");
    fs::rename(path("one"), path("away")).unwrap();
    assert_eq!(line.get("/one/deep/a").status, 404);
    fs::rename(path("two"), path("one")).unwrap();
    assert_eq!(line.get("/one/deep/a").text(), "second");
    assert_eq!(line.get("/away/deep/a").text(), "first");
    fs::remove_dir_all(path("one")).unwrap();
    assert_eq!(line.get("/one/deep/a").status, 404);
}

#[test]
fn several_roots_stand_beneath_their_names() {
    let (one, two) = (folder_of(&[("a", "1")]), folder_of(&[("a", "2")]));
    let named = format!("second={}", two.file(""));
    let server = serve(&format!("first={}", one.file("")), &[&named]);
    let mut line = Line::to(server.addr());
    assert_eq!(line.get("/first/a").text(), "1");
    assert_eq!(line.get("/second/a").text(), "2");
    assert_eq!(line.get("/second").field("location"), "/second/");
    assert_eq!(line.get("/third/a").status, 404);
    assert_eq!(line.get("/first/../second/a").status, 400);
    let list = line.get("/").text();
    assert!(list.contains("first") && list.contains("second"), "{list}");
}

#[test]
fn what_may_not_be_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let site = Site::of(&[("a", SECRET)], &[]);
    fs::set_permissions(site.folder.file("a"), fs::Permissions::from_mode(0)).unwrap();
    if fs::read(site.folder.file("a")).is_ok() {
        return harness::skip("this process may read everything");
    }
    assert!([403, 404].contains(&site.status("/a")));
}

#[test]
fn what_was_compressed_beforehand_is_sent_to_who_takes_it() {
    const PLAIN: &str = "plain, and longer than what is compressed";
    let site = Site::of(
        &[
            ("a.js", PLAIN),
            ("a.js.gz", "as gzip"),
            ("a.js.br", "as brotli"),
            ("a.js.zst", "as zstd"),
        ],
        &[],
    );
    let earlier = SystemTime::now() - Duration::from_secs(100);
    set_modified(&site.folder, "a.js", earlier);
    let mut line = site.line();
    for (takes, coding, body) in [
        ("gzip", Some("gzip"), "as gzip"),
        ("br", Some("br"), "as brotli"),
        ("zstd", Some("zstd"), "as zstd"),
        ("gzip;q=0.5, br;q=0.9", Some("br"), "as brotli"),
        ("gzip;q=0", None, PLAIN),
        ("identity", None, PLAIN),
        ("deflate", None, PLAIN),
        ("x-gzip", Some("gzip"), "as gzip"),
    ] {
        let answer = line.get_with("/a.js", &format!("Accept-Encoding: {takes}\r\n"));
        assert_eq!(answer.get("content-encoding"), coding, "{takes}");
        assert_eq!(answer.text(), body, "{takes}");
        assert!(
            answer
                .field("vary")
                .to_ascii_lowercase()
                .contains("accept-encoding")
        );
        assert_eq!(
            answer.field("content-type"),
            "text/javascript; charset=utf-8"
        );
    }
    let plain = line.get("/a.js");
    assert_eq!(
        (plain.text().as_str(), plain.get("content-encoding")),
        (PLAIN, None)
    );
    let packed = line.get_with("/a.js", "Accept-Encoding: gzip\r\n");
    assert_ne!(plain.field("etag"), packed.field("etag"));
    // One that is older than the file is of another state of it.
    let long_ago = SystemTime::now() - Duration::from_secs(1_000);
    set_modified(&site.folder, "a.js.gz", long_ago);
    let answer = line.get_with("/a.js", "Accept-Encoding: gzip\r\n");
    assert_eq!(
        (answer.text().as_str(), answer.get("content-encoding")),
        (PLAIN, None)
    );
    // By its own name it is a file like others.
    assert_eq!(line.get("/a.js.br").text(), "as brotli");
}

fn set_modified(folder: &Folder, name: &str, time: SystemTime) {
    let file = fs::File::options()
        .write(true)
        .open(folder.file(name))
        .unwrap();
    file.set_modified(time).unwrap();
}
