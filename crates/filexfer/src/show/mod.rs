//! What a person or a program sees of transfers.

mod counts;
mod json;
mod lines;
mod pace;
mod screen;
mod summary;
mod tally;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use chart::number::grouped;
use proto::filexfer::native::message::Course;
use proto::filexfer::native::name::Name;
use runtime::cli::Exit;
use runtime::escape::Escaped;
use runtime::log::Verbosity;
use serde::Serialize;

pub(crate) use json::File;
pub(crate) use summary::{Way, files};

use crate::args::Telling;
use crate::transfer::{Event, Left, Watch};
use screen::{Screen, Slot};
use tally::Tally;

/// Between two looks at how far it has come: for a person, for a program.
const FRAME: Duration = Duration::from_millis(200);
const PROGRESS: Duration = Duration::from_millis(500);

/// So many files that failed or were kept are named; the others are counted.
const NAMED: u32 = 100;

/// Of a link that the policy of the sink leaves out.
const LEFT_OUT: &str =
    "is a link that is not made: it leads elsewhere, or links are not wanted (--links)";

/// What standard output is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stdout {
    /// What is said.
    Words,
    /// The files themselves.
    Data,
}

/// How transfers are shown: all of a program's share one.
#[derive(Clone, Debug)]
pub(crate) struct Stage {
    form: Form,
    stdout: Stdout,
    screen: Screen,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Words; `progress` where they can change on a terminal.
    Text {
        progress: bool,
        detail: Detail,
    },
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Detail {
    Quiet,
    Usual,
    EachFile,
}

impl Stage {
    pub(crate) fn new(telling: &Telling, verbosity: Verbosity, stdout: Stdout) -> Self {
        let detail = match verbosity {
            quiet if quiet.is_quiet() => Detail::Quiet,
            verbose if verbose.is_verbose() => Detail::EachFile,
            _ => Detail::Usual,
        };
        let progress = detail != Detail::Quiet && Screen::is_terminal();
        Self {
            form: match telling.json {
                true => Form::Json,
                false => Form::Text { progress, detail },
            },
            stdout,
            screen: Screen::new(),
        }
    }

    /// Whether a program reads along.
    pub(crate) fn is_json(&self) -> bool {
        self.form == Form::Json
    }

    /// A transfer begins. A listener names the other side, which has several.
    pub(crate) fn show(&self, way: Way, course: Course, peer: Option<SocketAddr>) -> Show {
        let slot = match self.form {
            Form::Text { progress: true, .. } => {
                let slot = self.screen.slot();
                slot.show(vec![lines::LOOKING.to_owned()]);
                Some(slot)
            }
            _ => None,
        };
        Show {
            stage: self.clone(),
            slot,
            way,
            course,
            peer,
            tally: Tally::new(Instant::now()),
            shown: None,
            named: 0,
        }
    }

    /// Says something that a person should know; it is escaped here.
    pub(crate) fn note(&self, line: &str) {
        self.screen.say(line);
    }

    /// Says something of the usual course.
    pub(crate) fn remark(&self, line: &str) {
        let is_quiet = matches!(
            self.form,
            Form::Text {
                detail: Detail::Quiet,
                ..
            }
        );
        if !is_quiet {
            self.screen.say(line);
        }
    }

    /// A reader that has gone away is no reason to stop.
    fn print(&self, line: &str) {
        let _ = self.screen.aside(|| match self.stdout {
            Stdout::Words => writeln!(io::stdout().lock(), "{line}"),
            Stdout::Data => writeln!(io::stderr().lock(), "{line}"),
        });
    }

    pub(crate) fn print_json(&self, line: &impl Serialize) {
        let _ = match self.stdout {
            Stdout::Words => json::print(line, &mut io::stdout().lock()),
            Stdout::Data => json::print(line, &mut io::stderr().lock()),
        };
    }
}

/// One transfer, as it is shown.
#[derive(Debug)]
pub(crate) struct Show {
    stage: Stage,
    slot: Option<Slot>,
    way: Way,
    course: Course,
    peer: Option<SocketAddr>,
    tally: Tally,
    shown: Option<Instant>,
    /// How many files were named that failed or were kept.
    named: u32,
}

impl Show {
    /// It begins anew after an interruption, and goes on where it stood.
    pub(crate) fn begin_again(&mut self) {
        self.tally.begin_again();
    }

    /// How far it has come: bytes of files that came or went so far, and rounds.
    pub(crate) fn come(&self) -> (u64, u64) {
        (self.tally.all().moved, self.tally.rounds)
    }

    /// Whether it rests between two rounds: all that there was is there.
    pub(crate) fn rests(&self) -> bool {
        self.tally.rests()
    }

    /// Which way the other side is told that it goes.
    pub(crate) fn course(&self) -> Course {
        self.course
    }

    /// Says something that a person should know.
    pub(crate) fn note(&self, line: &str) {
        self.stage.note(line);
    }

    /// It is over: `wire` is what it took on the wire, where that is known. The answer is how it went.
    pub(crate) fn finish(self, wire: Option<u64>) -> Exit {
        let now = Instant::now();
        let line = summary::line(&self.tally, self.way, self.course, wire, now);
        let hashes = summary::hashes(&self.tally);
        let exit = self.exit();
        if self.named > NAMED {
            let more = grouped(u64::from(self.named - NAMED));
            self.note(&format!(
                "{more} more were not named here; --json names all"
            ));
        }
        self.end(&line, &hashes, wire, now);
        exit
    }

    fn exit(&self) -> Exit {
        let counts = self.tally.all();
        match counts.failed + counts.kept {
            0 => Exit::Success,
            _ if counts.is_anything_done() => Exit::Partial,
            _ => Exit::Failure,
        }
    }

    /// It is over, and nothing tells whether it was all: the classic wire.
    pub(crate) fn finish_unverified(self) {
        let now = Instant::now();
        let line = format!(
            "{}; nothing on the classic wire tells whether that is all",
            summary::moved(&self.tally, self.way, now)
        );
        self.end(&line, &[], None, now);
    }

    fn end(mut self, line: &str, hashes: &[String], wire: Option<u64>, now: Instant) {
        self.slot = None;
        match self.stage.form {
            Form::Json => {
                let line = json::summary(&self.tally, self.peer, wire, now);
                self.stage.print_json(&line);
            }
            Form::Text { detail, .. } => {
                self.line(line, detail);
                if self.peer.is_none() && detail != Detail::Quiet {
                    hashes.iter().for_each(|hash| self.stage.print(hash));
                }
            }
        }
    }

    /// A line of figures: it is what a side that connects prints, and a listener says of each peer.
    fn line(&self, line: &str, detail: Detail) {
        match self.peer {
            Some(peer) => self.stage.remark(&format!("{peer}: {line}")),
            None if detail != Detail::Quiet => self.stage.print(line),
            None => {}
        }
    }

    fn words(&mut self, event: &Event<'_>, detail: Detail) {
        match event {
            Event::Failed { name, reason } => {
                self.name_one(name, &format!("is not {}: {reason}", self.done()));
            }
            Event::Left {
                name,
                why: Left::Other,
                ..
            } => self.name_one(
                name,
                "is there already and is another; it is kept (--overwrite replaces it)",
            ),
            Event::Left {
                name,
                why: Left::Unwanted,
                ..
            } => self.name_one(name, LEFT_OUT),
            Event::Skipped { path, reason, .. } => {
                let (path, reason) = (Escaped(path), Escaped(reason.as_bytes()));
                self.say_one(&format!("skipped {path}: {reason}"));
            }
            Event::Saved { name, hash, .. } if detail == Detail::EachFile => {
                let (name, hash) = (Escaped(name.as_bytes()), summary::hex(hash));
                self.stage
                    .screen
                    .say(&format!("saved {name}, blake3 {hash}"));
            }
            Event::Made { name } if detail == Detail::EachFile => self.name_each("made", name),
            Event::Wanted { name, .. } if self.names_all(detail) => self.would('+', name),
            Event::Removed { name } if self.names_all(detail) => self.would('-', name),
            Event::Removed { name } if detail == Detail::EachFile => {
                self.name_each("removed", name);
            }
            Event::Paused if self.tally.counts.is_news() || self.tally.rounds == 1 => {
                let round = summary::round(&self.tally, self.way, Instant::now());
                self.line(&format!("{round}; {}", lines::RESTING), detail);
            }
            _ => {}
        }
    }

    /// A preview is there to name what would be done.
    fn names_all(&self, detail: Detail) -> bool {
        let is_asked = self.peer.is_none() && detail != Detail::Quiet;
        self.course == Course::Preview && (is_asked || detail == Detail::EachFile)
    }

    /// What would come or go.
    fn would(&self, sign: char, name: &Name) {
        let name = Escaped(name.as_bytes());
        self.stage.print(&format!("{sign} {name}"));
    }

    fn name_each(&self, what: &str, name: &Name) {
        let name = Escaped(name.as_bytes());
        self.stage.screen.say(&format!("{what} {name}"));
    }

    fn done(&self) -> &'static str {
        match self.way {
            Way::Received => "saved",
            Way::Sent => "sent",
        }
    }

    fn name_one(&mut self, name: &Name, what: &str) {
        let name = Escaped(name.as_bytes());
        self.say_one(&format!("{name} {what}"));
    }

    fn say_one(&mut self, line: &str) {
        self.named = self.named.saturating_add(1);
        if self.named <= NAMED {
            self.stage.note(line);
        }
    }

    /// What stays as it is needs to be said once, not in each round.
    fn is_old_news(&self, event: &Event<'_>) -> bool {
        let stays = match event {
            Event::Left { why, .. } => *why != Left::Other,
            Event::Skipped { is_failure, .. } => !is_failure,
            _ => false,
        };
        stays && self.tally.rounds > 0
    }

    /// Whether it is time to show how far it has come.
    fn is_due(&mut self, now: Instant, every: Duration) -> bool {
        let since = |shown| now.saturating_duration_since(shown);
        let is_due = self.shown.is_none_or(|shown| since(shown) >= every);
        if is_due {
            self.shown = Some(now);
        }
        is_due
    }
}

impl Watch for Show {
    fn tell(&mut self, event: Event<'_>) {
        let now = Instant::now();
        self.tally.take(&event, now);
        match self.stage.form {
            Form::Json if self.is_old_news(&event) => {}
            Form::Json => {
                if let Some(line) = json::event(&event, self.peer) {
                    self.stage.print_json(&line);
                } else if matches!(event, Event::Paused) {
                    let line = json::round(&self.tally, self.peer, now);
                    self.stage.print_json(&line);
                } else if self.is_due(now, PROGRESS) {
                    let line = json::progress(&self.tally, self.peer, now);
                    self.stage.print_json(&line);
                }
            }
            Form::Text { progress, detail } => {
                if !self.is_old_news(&event) {
                    self.words(&event, detail);
                }
                let is_over = matches!(event, Event::Paused);
                if progress && (is_over || self.is_due(now, FRAME)) {
                    let lines = lines::progress(&self.tally, now, Screen::width());
                    self.slot.iter().for_each(|slot| slot.show(lines.clone()));
                }
            }
        }
    }
}
