//! Send one message, or a message for each line, and wait for the verdict.

mod args;
mod lines;
mod verdicts;

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use proto::relay::native::MAX_CONTENT;
use proto::relay::native::client::Event;
use proto::relay::native::frames::{Ending, To};
use proto::relay::native::handshake::Purpose;
use runtime::cli::{self, Exit};
use runtime::units;
use serde::Serialize;

use crate::peer::{Arrival, Happening, Heard, Inbox, Peer, SayError, Wire};
use crate::who::Who;
use crate::words;
pub(crate) use args::Args;
use args::Until;
use lines::{Line, Lines};
use verdicts::{Verdict, Verdicts};

/// How long a message that the relay has may take to come to its receiver before that is told.
const UNTAKEN: Duration = Duration::from_secs(2);

pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    if matches!(args.to.0, To::Room(_)) && args.receipt != Until::Queued {
        bail!("a room gives no receipt beyond \"queued\": leave out --receipt");
    }
    let who = args.naming.settle(&args.reach.target)?;
    let (mut waiting, inbox) = (VecDeque::new(), Inbox::new()?);
    if !args.lines {
        waiting.push_back(content(args.text.as_deref())?);
    }
    let Arrival { peer, .. } = args.reach.connect(&who, Purpose::Speak, &inbox)?;
    if peer.wire() == Wire::Classic && args.receipt != Until::Queued {
        bail!("the classic wire gives no receipt beyond \"queued\": leave out --receipt");
    }
    let lines = args
        .lines
        .then(|| Lines::read(inbox.teller()))
        .transpose()?;
    let mut sending = Sending {
        args,
        who,
        peer,
        waiting,
        lines,
        taken: 0,
        is_in: !matches!(args.to.0, To::Room(_)),
        verdicts: Verdicts::new(args.receipt),
        untaken: Untaken::No,
    };
    sending.join();
    sending.run(&inbox)?;
    sending.finish()
}

/// What is to be said.
fn content(text: Option<&str>) -> anyhow::Result<Vec<u8>> {
    match text {
        Some(text) if text != "-" => Ok(text.as_bytes().to_vec()),
        _ => {
            let mut content = Vec::new();
            let input = io::stdin().lock().take(MAX_CONTENT as u64 + 1);
            let read = { input }.read_to_end(&mut content);
            read.context("cannot read standard input")?;
            if content.len() > MAX_CONTENT {
                bail!(
                    "expected at most 1 MiB on standard input; --lines sends a message for each line"
                );
            }
            Ok(content)
        }
    }
}

struct Sending<'a> {
    args: &'a Args,
    who: Who,
    peer: Peer,
    /// What was not said yet.
    waiting: VecDeque<Vec<u8>>,
    /// Where more comes from.
    lines: Option<Lines>,
    /// How many were taken out of `waiting`.
    taken: u64,
    is_in: bool,
    verdicts: Verdicts,
    untaken: Untaken,
}

/// Whether the relay has something that its receiver has not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Untaken {
    No,
    Since(Instant),
    Told,
}

impl Sending<'_> {
    fn join(&self) {
        if let To::Room(room) = self.args.to.0 {
            self.peer.join(room, None);
        }
    }

    fn run(&mut self, inbox: &Inbox<Line>) -> anyhow::Result<()> {
        let mut moved = Instant::now();
        loop {
            self.say();
            if self.is_done() {
                return Ok(());
            }
            let end = (!self.is_idle()).then(|| moved + self.args.timeout);
            let happening = inbox.next([end, self.to_tell()].into_iter().flatten().min());
            if is_progress(&happening) {
                moved = Instant::now();
            }
            match happening {
                Happening::Timeout if end.is_none_or(|end| Instant::now() < end) => {
                    self.tell_untaken();
                }
                Happening::Timeout => {
                    self.give_up();
                    return Ok(());
                }
                Happening::Stop => bail!("{}", self.stopped()),
                Happening::Local(Line::Text(text)) => self.waiting.push_back(text),
                Happening::Local(Line::End(read)) => {
                    self.lines = None;
                    read?;
                }
                Happening::Heard(heard) => self.hear(heard)?,
            }
        }
    }

    /// Says what waits, as far as it is taken.
    fn say(&mut self) {
        let is_in = self.is_in || self.peer.wire() == Wire::Classic;
        while is_in && self.verdicts.has_room() {
            let Some(content) = self.waiting.pop_front() else {
                return;
            };
            let sent = self
                .peer
                .send(self.args.to.0, &content, self.args.receipt.wants());
            if sent == Err(SayError::Full) {
                return self.waiting.push_front(content);
            }
            self.taken += 1;
            if let Some(lines) = &self.lines {
                lines.release(content.len());
            }
            match sent {
                Ok(id) => self.verdicts.expect(id, self.taken),
                Err(error) => self.fail(self.taken, &error.to_string()),
            }
        }
    }

    /// When to tell that the receiver has not taken it yet.
    fn to_tell(&self) -> Option<Instant> {
        match self.untaken {
            Untaken::Since(since) if !self.verdicts.is_empty() => Some(since + UNTAKEN),
            _ => None,
        }
    }

    fn tell_untaken(&mut self) {
        self.untaken = Untaken::Told;
        let time = units::show_time(self.args.timeout);
        tracing::warn!(
            "the relay has it; {to} has not taken it yet. Waiting for {time} (--timeout); Ctrl-C leaves it with the relay",
            to = self.args.to
        );
    }

    fn stopped(&self) -> String {
        match self.verdicts.furthest() {
            Some(stage) => format!(
                "stopped before it was {}: it is {stage}, and stays so",
                self.args.receipt.word()
            ),
            None => "stopped before all verdicts had come".to_owned(),
        }
    }

    fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.verdicts.is_empty()
    }

    fn is_done(&self) -> bool {
        self.lines.is_none() && self.is_idle()
    }

    fn hear(&mut self, heard: Heard) -> anyhow::Result<()> {
        match heard {
            Heard::NoVerdict(id) => {
                let judged = self.verdicts.no_answer(id);
                self.judge(judged);
            }
            Heard::Event(Event::Receipt { first, last, stage }) => {
                let judged = self.verdicts.hear(first, last, stage);
                self.judge(judged);
                if self.verdicts.furthest().is_some() && self.untaken == Untaken::No {
                    self.untaken = Untaken::Since(Instant::now());
                }
            }
            Heard::Event(Event::Joined(_)) => self.is_in = true,
            Heard::Event(Event::KeyMet { name, key }) => self.who.keep(name, key),
            Heard::Event(Event::KeyChanged { name, was, is })
                if self.args.to.0 == To::Name(name) =>
            {
                bail!("{}", words::key_changed(name, &was, &is, &self.who));
            }
            Heard::Event(Event::Refused(why)) => {
                bail!("{}", words::refusal(why, self.peer.relay()))
            }
            Heard::Event(Event::Ended(Ending::Stopping)) | Heard::Event(Event::Lost) => {
                tracing::warn!("the connection is lost; trying again");
            }
            Heard::Event(Event::Ended(why)) => bail!("{}", words::ending(why)),
            Heard::Event(_) | Heard::Trouble(_) => {}
        }
        Ok(())
    }

    fn judge(&mut self, judged: Vec<(u64, Verdict)>) {
        for (line, verdict) in judged {
            if let Some(why) = verdict.words(self.args.to.0) {
                self.fail(line, &why);
            }
        }
    }

    fn fail(&mut self, line: u64, why: &str) {
        self.verdicts.failed += 1;
        let place = if self.args.lines {
            format!("line {line}: ")
        } else {
            String::new()
        };
        cli::complain(&format!("{place}not delivered to {}: {why}", self.args.to));
    }

    fn give_up(&mut self) {
        let time = units::show_time(self.args.timeout);
        let lost = (self.verdicts.waiting() + self.waiting.len()) as u64;
        self.verdicts.failed += lost;
        let what = match self.args.lines {
            true => format!("{}: ", words::count(lost, "message", "messages")),
            false => String::new(),
        };
        let (word, to) = (self.args.receipt.word(), self.args.to);
        cli::complain(&match self.verdicts.furthest() {
            Some("queued") => format!(
                "{what}not {word} within {time}: the relay has it, {to} has not taken it yet; --timeout waits longer"
            ),
            Some(stage) => format!(
                "{what}not {word} within {time}: it was {stage} to {to}; --timeout waits longer"
            ),
            None => format!(
                "{what}no verdict within {time} of waiting for \"{word}\" from {to}: it may arrive yet"
            ),
        });
    }

    fn finish(self) -> anyhow::Result<Exit> {
        if let To::Room(room) = self.args.to.0 {
            self.peer.leave(room);
        }
        let (done, failed) = (self.verdicts.done, self.verdicts.failed);
        let mut out = io::stdout().lock();
        if self.args.json {
            let object = Summary {
                to: self.args.to.to_string(),
                receipt: self.args.receipt.word(),
                done,
                failed,
            };
            serde_json::to_writer(&mut out, &object).map_err(io::Error::from)?;
            writeln!(out)?;
        } else if self.args.lines {
            writeln!(
                out,
                "{} {}",
                words::count(done, "message", "messages"),
                self.args.receipt.word()
            )?;
        } else if failed == 0 {
            writeln!(out, "{}", self.args.receipt.word())?;
        }
        out.flush()?;
        Ok(match (done, failed) {
            (_, 0) => Exit::Success,
            (0, _) => Exit::Failure,
            _ => Exit::Partial,
        })
    }
}

/// Whether this brings the end nearer: what others say in a room does not.
fn is_progress(happening: &Happening<Line>) -> bool {
    match happening {
        Happening::Heard(Heard::Event(event)) => matches!(
            event,
            Event::Receipt { .. } | Event::Joined(_) | Event::Registered { .. }
        ),
        _ => true,
    }
}

/// What became of all.
#[derive(Debug, Serialize)]
struct Summary {
    to: String,
    receipt: &'static str,
    done: u64,
    failed: u64,
}
