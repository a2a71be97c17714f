//! curl, as a client that others wrote.

use std::process::Command;

use harness::{Finished, finish, skip};

use super::Site;

/// What curl has to say of these arguments; `None`, after saying so, where there is no curl.
pub(super) fn curl(args: &[&str]) -> Option<Finished> {
    if Command::new("curl").arg("--version").output().is_err() {
        skip("no curl here");
        return None;
    }
    let mut command = Command::new("curl");
    command.args([
        "--silent",
        "--show-error",
        "--noproxy",
        "*",
        "--max-time",
        "50",
    ]);
    command.args(args);
    Some(finish(command, ""))
}

fn url(site: &Site, path: &str) -> String {
    format!("http://{}{path}", site.server.target())
}

#[test]
fn it_gets_files_and_parts_of_them() {
    let site = Site::of(&[("a.txt", "0123456789"), ("sub/index.html", "below")], &[]);
    let file = url(&site, "/a.txt");
    for (args, shown) in [
        (&[][..], "0123456789"),
        (&["--range", "2-4"], "234"),
        (&["--range", "-2"], "89"),
        (&["--http1.0"], "0123456789"),
        (
            &[
                "--output",
                "/dev/null",
                "--write-out",
                "%{http_code} %{size_download}",
            ],
            "200 10",
        ),
        (
            &[
                "--head",
                "--output",
                "/dev/null",
                "--write-out",
                "%{http_code} %{size_download}",
            ],
            "200 0",
        ),
        (
            &[
                "--range",
                "10-",
                "--output",
                "/dev/null",
                "--write-out",
                "%{http_code}",
            ],
            "416",
        ),
        (
            &[
                "--request",
                "DELETE",
                "--output",
                "/dev/null",
                "--write-out",
                "%{http_code}",
            ],
            "405",
        ),
        (
            &[
                "--data",
                "x=y",
                "--output",
                "/dev/null",
                "--write-out",
                "%{http_code}",
            ],
            "405",
        ),
        (
            &[
                "--header",
                "Host:",
                "--output",
                "/dev/null",
                "--write-out",
                "%{http_code}",
            ],
            "400",
        ),
        (
            &[
                "--time-cond",
                "01 Jan 2100",
                "--output",
                "/dev/null",
                "--write-out",
                "%{http_code}",
            ],
            "304",
        ),
    ] {
        let Some(got) = curl(&[args, &[&file]].concat()) else {
            return;
        };
        assert_eq!(got.stdout, shown, "{args:?}: {}", got.stderr);
    }
    let Some(followed) = curl(&["--location", &url(&site, "/sub")]) else {
        return;
    };
    assert_eq!(followed.stdout, "below");
}

#[test]
fn its_download_is_resumed_where_it_was_cut() {
    let site = Site::of(&[], &[]);
    let content: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
    std::fs::write(site.folder.file("long"), &content).unwrap();
    let here = site.folder.file("here");
    std::fs::write(&here, &content[..5_000_001]).unwrap();
    let Some(got) = curl(&[
        "--continue-at",
        "-",
        "--output",
        &here,
        &url(&site, "/long"),
    ]) else {
        return;
    };
    assert_eq!(got.code(), Some(0), "{}", got.stderr);
    assert!(std::fs::read(&here).unwrap() == content);
}

#[test]
fn it_asks_again_only_for_what_changed() {
    let site = Site::of(&[("a.txt", "one")], &[]);
    let (tag, url) = (site.folder.file("tag"), url(&site, "/a.txt"));
    let again = [
        "--etag-compare",
        &tag,
        "--etag-save",
        &tag,
        "--write-out",
        "%{http_code}",
        &url,
    ];
    for (changed, shown) in [
        (false, "one200"),
        (false, "304"),
        (true, "more200"),
        (false, "304"),
    ] {
        if changed {
            site.folder.write("a.txt", "more");
        }
        let Some(got) = curl(&again) else {
            return;
        };
        assert_eq!(got.stdout, shown, "{}", got.stderr);
    }
}

#[test]
fn what_pays_is_compressed_on_the_way() {
    let text = "All work and no play makes Jack a dull boy.\n".repeat(1_000);
    let site = Site::of(&[("a.txt", &text), ("small.txt", "small")], &[]);
    std::fs::write(site.folder.file("a.png"), &text).unwrap();
    let long = text.repeat(50);
    std::fs::write(site.folder.file("long.txt"), &long).unwrap();
    for coding in ["gzip", "zstd", "br"] {
        let takes = format!("Accept-Encoding: {coding}");
        let file = site.folder.file("got");
        for (path, expected) in [("/a.txt", &text), ("/long.txt", &long)] {
            // Twice, since the second time it may come from where it was kept.
            for _ in 0..2 {
                let args = [
                    "--compressed",
                    "--header",
                    &takes,
                    "--output",
                    &file,
                    "--write-out",
                    "%{size_download}",
                    &url(&site, path),
                ];
                let Some(got) = curl(&args) else {
                    return;
                };
                assert_eq!(got.code(), Some(0), "{coding}: {}", got.stderr);
                assert!(
                    std::fs::read_to_string(&file).unwrap() == *expected,
                    "{coding} {path}"
                );
                let came: usize = got.stdout.parse().unwrap();
                assert!(
                    came < expected.len() / 10 || coding == "br",
                    "{coding} {path}: {came} bytes"
                );
            }
        }
    }
    let takes = "Accept-Encoding: gzip\r\n";
    let mut line = site.line();
    let packed = line.get_with("/a.txt", takes);
    assert_eq!(packed.field("content-encoding"), "gzip");
    assert_eq!(packed.field("vary").to_ascii_lowercase(), "accept-encoding");
    assert_ne!(packed.get("etag"), line.get("/a.txt").get("etag"));
    for path in ["/small.txt", "/a.png"] {
        assert_eq!(
            line.get_with(path, takes).get("content-encoding"),
            None,
            "{path}"
        );
    }
    let part = line.get_with("/a.txt", &format!("{takes}Range: bytes=0-3\r\n"));
    assert_eq!(
        (
            part.status,
            part.text().as_str(),
            part.get("content-encoding")
        ),
        (206, "All ", None)
    );
    let plain = super::serve(&site.folder.file(""), &["--no-compress"]);
    let answer = super::Line::to(plain.addr()).get_with("/a.txt", takes);
    assert_eq!(answer.get("content-encoding"), None);
}
