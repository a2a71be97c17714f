//! A conversation: what is typed becomes messages and questions, what happens becomes lines.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::bail;
use proto::relay::native::client::{Event, Incoming};
use proto::relay::native::frames::{Answer, Ending, Joined, Question, Reply, Stage, To, Wants};
use proto::relay::native::identity::SigningKey;
use proto::relay::native::{MessageId, Name};
use runtime::clock::Past;
use runtime::prompt::Printer;
use runtime::udp::ClientError;

use super::command::{Command, HELP};
use super::input::Typed;
use super::screen::{self, When};
use super::written::Written;
use crate::peer::{Arrival, Happening, Heard, Inbox, Peer, Wire};
use crate::to::Address;
use crate::who::Who;
use crate::words;

/// How long the verdicts of what was written last are waited for at the end.
const FAREWELL: Duration = Duration::from_secs(5);

/// How long a message that the relay has may take to come to its receiver before that is told.
const UNTAKEN: Duration = Duration::from_secs(2);

pub(super) struct Talk {
    who: Who,
    peer: Peer,
    at: SocketAddr,
    printer: Printer,
    is_terminal: bool,
    is_lost: bool,
    written: Written,
    /// Rooms that one has been in, and up to which place what comes was said earlier.
    rooms: BTreeMap<Name, u64>,
    asked: BTreeMap<u32, Question>,
    changed: BTreeMap<Name, SigningKey>,
    left: BTreeSet<Name>,
}

impl Talk {
    pub(super) fn new(who: Who, arrival: Arrival, is_terminal: bool, printer: Printer) -> Self {
        Self {
            who,
            peer: arrival.peer,
            at: arrival.at,
            printer,
            is_terminal,
            is_lost: false,
            written: Written::default(),
            rooms: BTreeMap::new(),
            asked: BTreeMap::new(),
            changed: BTreeMap::new(),
            left: BTreeSet::new(),
        }
    }

    /// Says who one is, and joins the first room.
    pub(super) fn begin(&mut self, room: Option<Name>) -> anyhow::Result<()> {
        let (at, relay) = (Address(self.at), self.peer.relay());
        let greeting = match (self.peer.wire(), self.who.name()) {
            (Wire::Native, Some(name)) => format!("you are {name} ({at}) at {relay}; /help helps"),
            (Wire::Native, None) => format!("you are {at} at {relay}; /help helps"),
            (Wire::Classic, _) => format!(
                "you are {at} at {relay}, which speaks the classic wire: no names, no rooms; /msg IP/PORT writes to others"
            ),
        };
        self.note(&greeting)?;
        match room {
            Some(_) if self.peer.wire() == Wire::Classic => {
                bail!("this relay has no rooms: leave out --room")
            }
            Some(room) => self.peer.join(room, None),
            None => {}
        }
        Ok(())
    }

    pub(super) fn run(&mut self, inbox: &Inbox<Typed>) -> anyhow::Result<()> {
        let mut end = None;
        loop {
            if end.is_some() && self.is_all_said() {
                return Ok(());
            }
            let waits = self.written.first_waits().map(|since| since + UNTAKEN);
            match inbox.next([end, waits].into_iter().flatten().min()) {
                Happening::Stop => return Ok(()),
                Happening::Timeout if end.is_none_or(|end| Instant::now() < end) => {
                    self.untaken()?
                }
                Happening::Timeout => return self.part(),
                Happening::Local(Typed::End(read)) => {
                    read?;
                    end = Some(Instant::now() + FAREWELL);
                }
                Happening::Local(Typed::Command(command)) => self.obey(command)?,
                Happening::Heard(Heard::Event(event)) => self.hear(event)?,
                Happening::Heard(Heard::NoVerdict(id)) => self.doubt(id)?,
                Happening::Heard(Heard::Trouble(error)) => self.trouble(&error)?,
            }
        }
    }

    /// Shows what has come by now: it is kept nowhere else.
    pub(super) fn finish(&mut self, inbox: &Inbox<Typed>) -> io::Result<()> {
        self.peer.take_no_more();
        for happening in inbox.rest() {
            if let Happening::Heard(Heard::Event(Event::Message(message))) = happening {
                self.take(&message)?;
            }
        }
        Ok(())
    }

    /// Whether the end can come: a person does not wait for answers, a pipe does.
    fn is_all_said(&self) -> bool {
        self.written.unjudged() == 0 && (self.is_terminal || self.asked.is_empty())
    }

    fn part(&mut self) -> anyhow::Result<()> {
        match self.written.unjudged() {
            0 => Ok(()),
            lost => bail!(
                "{} not sent: the relay did not answer within 5 s",
                words::count(lost, "message was", "messages were")
            ),
        }
    }

    /// Says whom the relay has something for that they have not taken for a while.
    fn untaken(&mut self) -> io::Result<()> {
        let before = Instant::now().checked_sub(UNTAKEN);
        let waits = before.map_or_else(Vec::new, |before| self.written.waits_since(before));
        let lines: String = waits.into_iter().map(screen::waits).collect();
        match lines.is_empty() {
            true => Ok(()),
            false => self.show(&lines),
        }
    }

    fn show(&mut self, lines: &str) -> io::Result<()> {
        self.printer.print(lines)
    }

    fn note(&mut self, words: &str) -> io::Result<()> {
        self.show(&screen::note(words))
    }

    fn obey(&mut self, command: Command) -> io::Result<()> {
        match command {
            Command::Say(to, content) => self.say(to, content),
            Command::Join(_)
            | Command::Leave(_)
            | Command::Who(_)
            | Command::Rooms
            | Command::Keys(_)
                if self.peer.wire() == Wire::Classic =>
            {
                self.show(&screen::alarm(
                    "this relay speaks the classic wire, which knows addresses alone",
                ))
            }
            Command::Join(room) => {
                self.left.remove(&room);
                self.peer.join(room, None);
                Ok(())
            }
            Command::Leave(room) => {
                self.left.insert(room);
                self.rooms.remove(&room);
                self.peer.leave(room);
                self.note(&format!("you have left #{room}"))
            }
            Command::Who(room) => self.ask(Question::Who(room)),
            Command::Rooms => self.ask(Question::Rooms),
            Command::Keys(name) => self.ask(Question::Keys(name)),
            Command::Names => self.names(),
            Command::Trust(name) => self.trust(name),
            Command::Help => self.show(HELP),
            Command::Wrong(words) => self.show(&screen::alarm(&words)),
            Command::Turn(_) | Command::Nothing | Command::Quit => Ok(()),
        }
    }

    fn say(&mut self, to: To, content: Vec<u8>) -> io::Result<()> {
        match self.peer.send(to, &content, Wants::Delivered) {
            Ok(id) => {
                self.written.add(id, to, content);
                Ok(())
            }
            Err(error) => self.show(&screen::refused(&content, to, &error.to_string())),
        }
    }

    fn ask(&mut self, question: Question) -> io::Result<()> {
        if let Some(number) = self.peer.ask(question) {
            self.asked.insert(number, question);
        }
        Ok(())
    }

    fn names(&mut self) -> io::Result<()> {
        let known: Vec<_> = self
            .who
            .known()
            .map(|(name, key)| (*name, key.to_string()))
            .collect();
        if known.is_empty() {
            return self.note("you have met nobody by name yet");
        }
        let lines = known
            .iter()
            .map(|(name, key)| screen::note(&format!("{name:<12} {key}")));
        let lines: String = lines.collect();
        self.show(&lines)
    }

    fn trust(&mut self, name: Name) -> io::Result<()> {
        let Some(key) = self.changed.remove(&name) else {
            return self.note(&format!("the key of {name} has not changed"));
        };
        self.peer.trust(name, key);
        self.who.keep(name, key);
        self.note(&format!("{name} is trusted by the key {}", key))
    }

    fn hear(&mut self, event: Event) -> anyhow::Result<()> {
        match event {
            Event::Message(message) => {
                self.is_lost = false;
                self.take(&message)?;
            }
            Event::Receipt { first, last, stage } => {
                self.is_lost = false;
                self.receipt(first, last, stage)?;
            }
            Event::Joined(joined) => self.joined(&joined)?,
            Event::Happened(happened) if self.left.contains(&happened.room) => {}
            Event::Happened(happened) => self.show(&screen::happened(&happened))?,
            Event::Answer(answer) => self.answer(&answer)?,
            Event::KeyMet { name, key } => {
                self.who.keep(name, key);
                self.note(&format!("{name} is known by the key {} from now on", key))?;
            }
            Event::KeyChanged { name, was, is } => {
                self.changed.insert(name, is);
                let words = words::key_changed(name, &was, &is, &self.who);
                self.show(&screen::alarm(&format!(
                    "messages of {name} and to {name} wait: {words}"
                )))?;
            }
            Event::Unreadable { from, .. } => {
                let from = words::origin(from);
                self.show(&screen::alarm(&format!(
                    "a message from {from} cannot be opened; it is gone"
                )))?;
            }
            Event::Registered { at, .. } => self.back(at)?,
            Event::Lost | Event::Ended(Ending::Stopping) if self.is_lost => {}
            Event::Lost => self.lose("the connection is lost; what you write waits")?,
            Event::Ended(Ending::Stopping) => {
                self.lose("the relay has stopped; what you write waits")?
            }
            Event::Ended(why) => bail!("{}", words::ending(why)),
            Event::Refused(why) => bail!("{}", words::refusal(why, self.peer.relay())),
            Event::Classic => {
                self.note("the relay speaks the classic wire now: no names, no rooms")?
            }
        }
        Ok(())
    }

    /// The host or the network says so before the protocol can know it.
    fn trouble(&mut self, error: &ClientError) -> io::Result<()> {
        tracing::debug!(%error, "no way to the relay");
        match self.is_lost {
            true => Ok(()),
            false => self.lose("the relay cannot be reached; what you write waits"),
        }
    }

    fn lose(&mut self, words: &str) -> io::Result<()> {
        self.is_lost = true;
        self.show(&screen::alarm(words))
    }

    fn back(&mut self, at: SocketAddr) -> io::Result<()> {
        self.at = at;
        if !std::mem::take(&mut self.is_lost) {
            return self.note(&format!("you are {} now", Address(at)));
        }
        let waiting = match self.written.unjudged() {
            0 => String::new(),
            waiting => format!(
                "; {} now",
                words::count(waiting, "message goes out", "messages go out")
            ),
        };
        let relay = match self.peer.has_others() {
            true => format!(", at {}", self.peer.relay()),
            false => String::new(),
        };
        self.note(&format!("back{relay}{waiting}"))
    }

    fn take(&mut self, message: &Incoming) -> io::Result<()> {
        let is_earlier = message
            .room
            .is_some_and(|(room, place)| self.rooms.get(&room).is_some_and(|last| place <= *last));
        let when = if is_earlier {
            When::Earlier
        } else {
            When::At(Past::ago(Duration::from_secs(message.waited.into())))
        };
        self.show(&screen::message(message, when))?;
        if message.wants == Wants::Read {
            self.peer.read(message.from, message.id);
        }
        Ok(())
    }

    fn joined(&mut self, joined: &Joined) -> io::Result<()> {
        let was_there = self.rooms.insert(joined.room, joined.mark.place).is_some();
        self.show(&screen::joined(joined, was_there))
    }

    fn receipt(&mut self, first: MessageId, last: MessageId, stage: Stage) -> io::Result<()> {
        let judged = self.written.judge(first, last, stage, Instant::now());
        let mut delivered: BTreeMap<To, u64> = BTreeMap::new();
        let mut lines = String::new();
        for (to, content) in judged {
            match stage {
                Stage::Refused(why) => {
                    lines += &screen::refused(&content, to, &words::why(why, to));
                }
                Stage::Queued => {}
                Stage::Delivered | Stage::Read => *delivered.entry(to).or_default() += 1,
            }
        }
        let delivered = delivered.iter();
        lines.extend(delivered.map(|(to, number)| screen::delivered(*number, *to)));
        match lines.is_empty() {
            true => Ok(()),
            false => self.show(&lines),
        }
    }

    fn doubt(&mut self, id: MessageId) -> io::Result<()> {
        match self.written.give_up(id) {
            None => Ok(()),
            Some((to, content)) => {
                let why = "the relay did not answer; it may have arrived";
                self.show(&screen::refused(&content, to, why))
            }
        }
    }

    fn answer(&mut self, answer: &Answer) -> io::Result<()> {
        let Some(question) = self.asked.remove(&answer.number) else {
            return Ok(());
        };
        match &answer.reply {
            Reply::Members(members) => self.show(&screen::members(members)),
            Reply::Rooms(rooms) => self.show(&screen::rooms(rooms)),
            Reply::Keys(keys) => {
                let Question::Keys(name) = question else {
                    return Ok(());
                };
                let text = match keys {
                    None => format!("nobody has ever gone by \"{name}\" here"),
                    Some(keys) => self.compared(name, &keys.signing),
                };
                self.note(&text)
            }
            Reply::Status(_) | Reply::Relays(_) => Ok(()),
        }
    }

    fn compared(&self, name: Name, key: &SigningKey) -> String {
        let known = match self.who.key_of(name) {
            None => "not met yet",
            Some(known) if known == *key => "the one that you know",
            Some(_) => "NOT the one that you know",
        };
        format!("{name} has the key {}, {known}", key)
    }
}
