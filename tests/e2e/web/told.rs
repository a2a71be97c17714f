//! What the server tells of itself: an access log, figures.

use std::io::{BufRead, BufReader};
use std::time::{Duration, Instant};

use harness::{Folder, PATIENCE, Server};
use serde_json::Value;

use super::Site;
use super::talk::Line;

const FILES: [(&str, &str); 2] = [("a", "12345"), ("b", "")];

/// Asks three times, with things in it that a terminal would obey.
fn ask(site: &Site) {
    let mut line = site.line();
    line.get_with(
        "/a?x=\"y\"",
        "User-Agent: \"odd\\\" one\r\nReferer: http://x/\r\n",
    );
    line.ask("HEAD", "/a", "");
    line.get("/%1b]0;owned%07");
}

/// The lines of a log, as soon as there are so many.
fn lines(path: &str, count: usize) -> Vec<String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let lines: Vec<_> = text.lines().map(str::to_owned).collect();
        if text.ends_with('\n') && lines.len() >= count {
            return lines;
        }
        assert!(Instant::now() < deadline, "{text}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn requests_are_logged_as_others_log_them() {
    let place = Folder::new();
    let file = place.file("access.log");
    let site = Site::of(&FILES, &["--log", "common", "--log-file", &file]);
    ask(&site);
    let lines = lines(&file, 3);
    assert!(lines[0].starts_with("127.0.0.1 - - ["), "{}", lines[0]);
    assert!(lines[0].contains("\" 200 5"), "{}", lines[0]);
    assert!(
        lines[1].contains("\"HEAD /a HTTP/1.1\" 200 "),
        "{}",
        lines[1]
    );
    assert!(
        lines[2].contains("\" 404 ") || lines[2].contains("\" 400 "),
        "{}",
        lines[2]
    );
    for line in &lines {
        assert!(!line.contains(|sign: char| sign.is_control()), "{line:?}");
    }
}

#[test]
fn requests_are_logged_for_programs() {
    let place = Folder::new();
    let file = place.file("access.log");
    let site = Site::of(&FILES, &["--log", "json", "--log-file", &file]);
    ask(&site);
    let lines: Vec<Value> = lines(&file, 3)
        .iter()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}")))
        .collect();
    assert_eq!(lines[0]["status"], 200);
    assert_eq!(lines[0]["method"], "GET");
    assert_eq!(lines[1]["method"], "HEAD");
}

#[test]
fn nothing_is_logged_into_a_pipe_unless_that_is_asked_for() {
    let mut site = Site::of(&FILES, &["--log", "common"]);
    ask(&site);
    assert!(site.server.next_line().contains("GET /a"));
}

#[test]
fn every_request_is_logged_once_also_when_it_is_told_to_stop() {
    let place = Folder::new();
    let file = place.file("access.log");
    let site = Site::of(&FILES, &["--log", "common", "--log-file", &file]);
    let mut lines: Vec<_> = (0..20).map(|_| site.line()).collect();
    for _ in 0..50 {
        for line in &mut lines {
            line.get("/b");
        }
    }
    drop(lines);
    #[cfg(unix)]
    {
        assert_eq!(site.server.terminate().0.code(), Some(0));
        let log = std::fs::File::open(&file).unwrap();
        assert_eq!(BufReader::new(log).lines().count(), 1_000);
    }
}

#[test]
fn figures_are_served_to_who_watches() {
    let folder = super::folder_of(&FILES);
    let args = [
        &folder.file(""),
        "--bind",
        "127.0.0.1:0",
        "--metrics",
        "127.0.0.1:0",
    ];
    let mut server = Server::start("webserver", &args);
    let said = server.next_line();
    let addr = said
        .strip_prefix("listening on http://")
        .and_then(|rest| rest.strip_suffix("/metrics"));
    let metrics = addr.unwrap_or_else(|| panic!("{said}")).parse().unwrap();
    let mut line = Line::to(server.addr());
    for target in ["/a", "/a", "/nothing"] {
        line.get(target);
    }
    let page = Line::to(metrics).get("/metrics").text();
    let figures = page.lines().filter(|line| line.starts_with("webserver_"));
    assert!(figures.count() > 5, "{page}");
    for words in ["connections", "requests", "404"] {
        assert!(page.contains(words), "no {words} in {page}");
    }
}
