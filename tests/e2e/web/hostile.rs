//! A corpus of requests that mean harm, each with what is answered to it: by what comes back nobody learns anything, and
//! who asks for something good beside it is served.

mod framing;
mod heads;
mod limits;
mod meaning;
mod paths;
mod slow;
mod truncated;

use std::os::unix::fs::symlink;

use harness::{Folder, Server};

use super::talk::{Line, request};
use super::{folder_of, serve};

/// What lies outside the root.
const SECRET: &str = "nobody may read this";

/// What is said on a connection, and the statuses of all that is answered until it ends: `400|404` is one of both, `-` is
/// nothing.
type Case<'a> = (&'a [u8], &'a str);

/// A server, and somebody good who uses it too.
struct Target {
    _folder: Folder,
    server: Server,
    good: Line,
}

impl Target {
    fn new(options: &[&str]) -> Self {
        let folder = folder_of(&[
            ("secret.txt", SECRET),
            ("www/a.txt", "good"),
            ("www/sub/b.txt", "good too"),
            ("www/.env", SECRET),
            ("www/.git/config", SECRET),
            ("www2/c.txt", SECRET),
        ]);
        symlink("..", folder.file("www/up")).unwrap();
        symlink("../secret.txt", folder.file("www/linked.txt")).unwrap();
        symlink("/", folder.file("www/system")).unwrap();
        let server = serve(&folder.file("www"), options);
        Self {
            good: Line::to(server.addr()),
            _folder: folder,
            server,
        }
    }

    /// Everything that is answered to these bytes, which are all that is said.
    fn answers(&self, says: &[u8]) -> Vec<u8> {
        let line = Line::to(self.server.addr());
        let (mut saying, says) = (line.try_clone(), says.to_vec());
        let mut line = line;
        // Who is refused may not get rid of all that he would say.
        let speaker = std::thread::spawn(move || {
            saying.say_what_can_be_said(&says);
            saying.end_if_it_is_there();
        });
        let all = line.rest_or_reset();
        speaker.join().unwrap();
        all
    }

    fn check(&self, says: &[u8], expected: &str) {
        let shown = says[..says.len().min(300)].escape_ascii();
        let all = self.answers(says);
        let text = String::from_utf8_lossy(&all);
        for nobodys in [
            SECRET,
            "root:",
            "\nLocation: //",
            "\nlocation: //",
            "\nX-Injected",
        ] {
            assert!(!text.contains(nobodys), "{shown}\n{text}");
        }
        let statuses = statuses(&all);
        let alternatives: Vec<_> = expected.split(' ').map(|one| one.split('|')).collect();
        let fits = match expected {
            "-" => statuses.is_empty(),
            _ => {
                let mut pairs = alternatives.into_iter().zip(&statuses);
                expected.split(' ').count() == statuses.len()
                    && pairs.all(|(mut any, status)| any.any(|one| one == status))
            }
        };
        assert!(
            fits,
            "{shown}\nis answered {statuses:?}, not {expected}\n{text}"
        );
    }

    /// All of these, and then somebody good on a connection of his own, and on one that was there before.
    fn check_all<'a>(&mut self, cases: impl IntoIterator<Item = Case<'a>>) -> usize {
        let mut count = 0;
        for (says, expected) in cases {
            self.check(says, expected);
            count += 1;
        }
        self.check_good();
        count
    }

    fn check_good(&mut self) {
        assert_eq!(self.good.get("/a.txt").text(), "good");
        assert_eq!(
            Line::to(self.server.addr()).get("/sub/b.txt").text(),
            "good too"
        );
    }
}

/// The statuses of these answers, one after the other.
fn statuses(mut all: &[u8]) -> Vec<String> {
    let mut statuses = Vec::new();
    while !all.is_empty() {
        let end = all.windows(4).position(|place| place == b"\r\n\r\n");
        let end = end.unwrap_or_else(|| panic!("no end of a head: {}", all.escape_ascii()));
        let head = std::str::from_utf8(&all[..end]).unwrap();
        let status = head
            .strip_prefix("HTTP/1.1 ")
            .and_then(|rest| rest.get(..3));
        let status = status.unwrap_or_else(|| panic!("{head}"));
        let body = match status {
            "204" | "304" => 0,
            _ => length_said(head),
        };
        let rest = all.get(end + 4 + body..);
        all = rest.unwrap_or_else(|| panic!("too short a body: {}", all.escape_ascii()));
        statuses.push(status.to_owned());
    }
    statuses
}

fn length_said(head: &str) -> usize {
    let mut fields = head.lines().filter_map(|line| line.split_once(": "));
    let length = fields.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let (_, length) = length.unwrap_or_else(|| panic!("no length: {head}"));
    length.parse().unwrap()
}

/// At least as many as were promised, over all files of this folder.
#[test]
fn there_are_many() {
    let counts = [
        paths::COUNT,
        heads::CASES.len(),
        framing::CASES.len(),
        framing::CHUNKS.len(),
        meaning::FIELDS.len(),
        limits::COUNT,
        slow::COUNT,
    ];
    let sum: usize = counts.iter().sum();
    assert!(sum >= 200, "{sum}: {counts:?}");
    harness::say(&format!("{sum} hostile requests, and what is cut short"));
}
