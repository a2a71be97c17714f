//! The one place where all comes together: errands of the hub, what comes over the bus, and the time.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::response::Response;
use async_nats::{Message, StatusCode};
use proto::frame::{self, Prefix};
use proto::relay::fleet::{Asked, Beat, Here, Listed, MailWaits, Passed, Said, Told};
use proto::relay::hub::elsewhere::{Claimed, Errand, News, Outcome, ReplyTo, Way};
use proto::relay::letter::{Letter, Place};
use proto::relay::native::Name;
use proto::relay::native::frames::{Happened, RelayState, Why};
use proto::relay::native::identity::PublicKeys;
use runtime::escape::Escaped;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Sleep, sleep};

use super::fleet::{self, Fleet};
use super::intray::{Intray, MOMENT};
use super::lanes::{Answer, Lanes, Mail};
use super::line::{Line, Listener, encode};
use super::mail::{self, Mails};
use super::presence::{self, Presence};
use super::replies::{About, Questions};
use super::rooms::{self, Rooms};
use super::work::{Unprepared, Work};
use super::{Limits, connection, names};

/// How much is done before the hub hears of it.
const BATCH: usize = 1024;

/// How long what is under way has when the relay stops.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// How long a claim waits for a bus that has just gone, or for streams that are being made: who is refused comes again
/// after seconds only.
const CLAIMS_WAIT: Duration = Duration::from_secs(2);

/// When streams that could not be made are tried again.
const PREPARE_AGAIN: Duration = Duration::from_secs(1);

/// How often letters are counted.
const MEASURE: Duration = Duration::from_secs(3);

/// Who hears what comes over the bus.
pub(super) trait Ear {
    /// Hears news, and leaves nothing of them.
    fn hear(&mut self, news: &mut Vec<News>);

    /// What it counts itself of how the relay is.
    fn counts(&self) -> RelayState;
}

/// The thread of the bus.
pub(super) struct Desk<E> {
    ear: E,
    line: Line,
    works: UnboundedReceiver<Work>,
    intray: Intray,
    limits: Limits,
    lanes: Lanes,
    presence: Presence,
    rooms: Rooms,
    mails: Mails,
    fleet: Fleet,
    questions: Questions,
    claims: Vec<(Instant, Name, PublicKeys)>,
    _listeners: Vec<Listener>,
    prepare: Option<Instant>,
    measure: Instant,
    /// Whether whoever has mail waiting is looked up when that is possible: what was told meanwhile may have been lost.
    is_behind: bool,
    /// Since when the bus is away, where it is.
    down: Instant,
    said: Option<String>,
    complaint: Option<String>,
    closes: Option<Instant>,
}

impl<E: Ear> Desk<E> {
    pub(super) fn new(
        ear: E,
        line: Line,
        (works, intray): (UnboundedReceiver<Work>, Intray),
        limits: Limits,
        label: String,
    ) -> Self {
        let now = Instant::now();
        Self {
            ear,
            fleet: Fleet::new(label, now),
            line,
            works,
            intray,
            limits,
            lanes: Lanes::default(),
            presence: Presence::default(),
            rooms: Rooms::default(),
            mails: Mails::default(),
            questions: Questions::default(),
            claims: Vec::new(),
            _listeners: Vec::new(),
            prepare: None,
            measure: now,
            is_behind: false,
            down: now,
            said: None,
            complaint: None,
            closes: None,
        }
    }

    /// Does what comes, until the relay has closed and what was under way is done.
    pub(super) async fn run(mut self) {
        self._listeners = self.listen();
        let mut works = Vec::with_capacity(BATCH);
        let mut moment: Option<Pin<Box<Sleep>>> = None;
        while !self.is_over() {
            let is_over = poll_fn(|context| {
                self.line.poll_send(context);
                let came = self.works.poll_recv_many(context, &mut works, BATCH);
                let is_over = moment
                    .as_mut()
                    .is_some_and(|moment| moment.as_mut().poll(context).is_ready());
                match came.is_ready() || is_over {
                    true => Poll::Ready(is_over),
                    false => Poll::Pending,
                }
            })
            .await;
            self.line.weather.now = Instant::now();
            self.intray.attend();
            for work in works.drain(..) {
                self.take(work);
            }
            self.tell();
            let (errands, looks_again) = self.intray.take(is_over);
            if is_over || moment.is_none() {
                moment = looks_again.then(|| Box::pin(sleep(MOMENT)));
            }
            for errand in errands {
                self.run_errand(errand);
            }
            self.see_to_mail();
            self.tell();
        }
    }

    /// Tells the hub what is new.
    fn tell(&mut self) {
        if !self.line.news.is_empty() {
            self.ear.hear(&mut self.line.news);
        }
    }

    fn listen(&self) -> Vec<Listener> {
        let (line, subjects) = (&self.line, &self.line.subjects);
        let all = |subject| line.listen(subject, false, (Work::HearsAll, None), Work::ForAll);
        vec![
            all(subjects.here()),
            all(subjects.beat()),
            all(subjects.ask()),
            line.listen(
                line.replies.all().into(),
                false,
                (Work::HearsAll, None),
                Work::Reply,
            ),
        ]
    }

    fn is_over(&self) -> bool {
        let Some(end) = self.closes else {
            return false;
        };
        let is_done = self.lanes.is_empty() && self.mails.is_done() && self.rooms.is_done();
        let is_done = is_done && self.line.is_sent();
        is_done || !self.line.weather.is_up || self.line.now() >= end
    }

    fn take(&mut self, work: Work) {
        match work {
            Work::Errands | Work::HearsAll => {}
            Work::Reply(message) => self.answered(&message),
            Work::ForName(name, message) => self.for_name(name, &message),
            Work::FromRoom(room, message) => self.from_room(room, &message),
            Work::ForAll(message) => self.for_all(&message),
            Work::Tick => self.tick(),
            Work::Close => self.closes = Some(self.line.now() + LAST_WORDS),
            Work::Up => self.come_up(),
            Work::Down => self.go_down(),
            Work::Dropped => self.dropped(),
            Work::Complaint(text) => self.complain(text),
            Work::HearsName(name) => self.presence.hears(name, &mut self.line),
            Work::Left(name) => self.presence.left(name, &mut self.line),
            Work::HearsRoom(room) => self.rooms.hears(room, &mut self.line),
            Work::Prepared(prepared) => self.prepared(prepared),
            Work::Fetched(name, round, read) => {
                let now = self.line.now();
                if self.mails.fetched(name, round, read.is_some(), now)
                    && let Some((letters, is_all)) = read
                {
                    self.line.figures.fetched.add(letters.len() as u64);
                    self.line.news.push(News::Fetched {
                        name,
                        round,
                        letters,
                        is_all,
                    });
                }
            }
            Work::Forgotten(name, until, is_done) => {
                self.mails.forgotten(name, until, is_done, self.line.now());
            }
            Work::Measured(measured) => {
                if let Some((letters, bytes)) = measured {
                    self.line.figures.mail.set(letters);
                    self.line.figures.mail_bytes.set(bytes);
                }
            }
            Work::Waiting(names) => {
                let here = names.into_iter().filter(|name| self.presence.has(name));
                let news = here.map(|name| News::MailWaits { name });
                self.line.news.extend(news);
            }
            Work::Claimed(name, claimed) => {
                self.line.news.push(News::Claimed { name, claimed });
            }
            Work::Found(name, keys) => self.line.news.push(News::Found { name, keys }),
            Work::Looked(name, is_known) => {
                let weather = self.line.weather;
                self.lanes.looked(name, is_known, weather, &mut self.line);
            }
        }
    }

    fn run_errand(&mut self, errand: Errand) {
        let line = &mut self.line;
        match errand {
            // Whoever claims a name has said so to the bucket.
            Errand::Owner { .. } => {}
            Errand::Send {
                ticket,
                letter,
                content,
                way,
            } => self.send(ticket, letter, &content, way),
            Errand::Fetch { name, round, after } => self.mails.fetch(name, round, after),
            Errand::Forget { name, until } => self.mails.forget(name, until),
            Errand::Claim { name, keys } => self.claim(name, keys),
            Errand::Look { name } => match line.weather.is_up && line.weather.mail == Mail::Ready {
                true => line.start(names::find(line, name)),
                false => line.news.push(News::Found { name, keys: None }),
            },
            Errand::Present { name } => self.presence.begin(name, line),
            Errand::Absent { name } => {
                self.presence.end(name);
                self.mails.leave(name);
            }
            Errand::Tell { to, receipt } => {
                if let Some(payload) = encode(&Told { to, receipt }, &[]) {
                    line.say(line.subjects.to(to), None, payload);
                }
            }
            Errand::Passed { reply, passed } => self.pass(reply, passed),
            Errand::Enter { room } => self.rooms.enter(room, line),
            Errand::Leave { room } => self.rooms.leave(room),
            Errand::Say {
                ticket,
                said,
                content,
            } => self.rooms.say(ticket, said, &content, line),
            Errand::Happened(happened) => Rooms::tell(&happened, line),
            Errand::Gather { ticket, asked } => self.fleet.gather(ticket, &asked, line),
            Errand::Answer { reply, listed } => {
                let subject = self.questions.answer_on(reply);
                if let (Some(subject), Some(payload)) = (subject, encode(&listed, &[])) {
                    line.say(subject, None, payload);
                }
            }
        }
    }

    fn send(
        &mut self,
        ticket: proto::relay::hub::elsewhere::Ticket,
        letter: Letter,
        content: &[u8],
        way: Way,
    ) {
        let fits = content.len() <= self.line.most_content();
        match encode(&letter, content).filter(|_| fits) {
            Some(frame) => {
                let weather = self.line.weather;
                self.lanes
                    .send(ticket, (letter, frame), way, weather, &mut self.line);
            }
            None => self.line.news.push(News::Settled {
                ticket,
                outcome: Outcome::Refused(Why::TooLong),
            }),
        }
    }

    fn claim(&mut self, name: Name, keys: PublicKeys) {
        let line = &mut self.line;
        match (line.weather.is_up, line.weather.mail) {
            (true, Mail::Ready) => line.start(names::claim(line, name, keys)),
            (true, Mail::Later) => self.claims.push((line.now(), name, keys)),
            // What is held is given up when the bus has been away for so long.
            (false, _) if line.now() < self.down + CLAIMS_WAIT => {
                self.claims.push((self.down, name, keys));
            }
            (false, _) | (_, Mail::Never) => line.news.push(News::Claimed {
                name,
                claimed: Claimed::CutOff,
            }),
        }
    }

    /// Answers a letter that another relay passed on.
    fn pass(&mut self, reply: ReplyTo, passed: Passed) {
        if let Some(subject) = self.questions.answer(reply)
            && let Some(payload) = encode(&passed, &[])
        {
            self.line.say(subject, None, payload);
        }
    }

    /// Starts what waits for the stream of mail.
    fn see_to_mail(&mut self) {
        if self.line.weather.is_up && self.line.weather.mail == Mail::Ready {
            let presence = &self.presence;
            let is_heard = |name: &Name| presence.is_heard(name) || !presence.has(name);
            self.mails.start(&self.line, is_heard);
        }
    }

    fn answered(&mut self, message: &Message) {
        let Some(about) = self.line.replies.take(&message.subject) else {
            return;
        };
        let (to, serial, answer) = match about {
            About::Asked(to, serial) => (to, serial, asked(message)),
            About::Stored(to, serial) => (to, serial, stored(message)),
            About::Gathered(ticket) => {
                return match frame::decode_datagram::<Listed>(&message.payload) {
                    Ok((listed, _)) => Fleet::listed(ticket, listed, &mut self.line),
                    Err(_) => self.unread(),
                };
            }
        };
        let answer = answer.unwrap_or_else(|| {
            self.unread();
            Answer::Silence
        });
        if answer == Answer::Refused(Why::Full) {
            self.fleet.is_full(self.line.now());
        }
        let weather = self.line.weather;
        self.lanes.hear(to, serial, answer, weather, &mut self.line);
    }

    fn for_name(&mut self, name: Name, message: &Message) {
        match self.read_for_name(name, message) {
            Some(()) => {}
            None => self.unread(),
        }
    }

    fn read_for_name(&mut self, name: Name, message: &Message) -> Option<()> {
        let payload = &message.payload;
        match kind(payload)? {
            <Letter as frame::Message>::KIND => {
                let (letter, content) = read::<Letter>(payload)?;
                let reply = message.reply.clone()?;
                if letter.to != name {
                    return None;
                }
                if !self.presence.has(&name) {
                    self.forward(name, message);
                    return Some(());
                }
                self.line.figures.heard.add(1);
                let reply = self.questions.take(reply, self.line.now());
                let content = content.to_vec();
                self.line.news.push(News::Letter {
                    reply,
                    letter,
                    content,
                });
            }
            <Told as frame::Message>::KIND => {
                let (told, _) = read::<Told>(payload)?;
                let Told { to, receipt } = told;
                match self.presence.has(&to) {
                    true => self.line.news.push(News::Told { to, receipt }),
                    false => self.forward(name, message),
                }
            }
            <MailWaits as frame::Message>::KIND => {
                let (MailWaits { to }, _) = read::<MailWaits>(payload)?;
                match self.presence.has(&to) {
                    true => self.line.news.push(News::MailWaits { name: to }),
                    false => self.forward(name, message),
                }
            }
            _ => return None,
        }
        Some(())
    }

    /// What came for a name that has just left goes to whoever has it now: this relay hears it no more.
    fn forward(&mut self, name: Name, message: &Message) {
        let subject = self.line.subjects.to(name);
        let reply = message.reply.clone();
        self.line.say(subject, reply, message.payload.clone());
    }

    fn from_room(&mut self, room: Name, message: &Message) {
        let payload = &message.payload;
        match kind(payload) {
            Some(<Said as frame::Message>::KIND) => match read::<Said>(payload) {
                Some((said, content)) => self.rooms.hear(room, said, content, &mut self.line),
                None => self.unread(),
            },
            Some(<Happened as frame::Message>::KIND) => match read::<Happened>(payload) {
                Some(_) if message.reply == Some(rooms::own(&self.line)) => {}
                Some((happened, _)) => self.rooms.happened(room, happened, &mut self.line),
                None => self.unread(),
            },
            _ => self.unread(),
        }
    }

    fn for_all(&mut self, message: &Message) {
        match self.read_for_all(message) {
            Some(()) => {}
            None => self.unread(),
        }
    }

    fn read_for_all(&mut self, message: &Message) -> Option<()> {
        let payload = &message.payload;
        match kind(payload)? {
            <Here as frame::Message>::KIND => {
                let (here, _) = read::<Here>(payload)?;
                for name in presence::gone(&here) {
                    let weather = self.line.weather;
                    self.lanes.doubt(name, weather, &mut self.line);
                }
                self.presence.hear(&here, &mut self.line);
            }
            <Beat as frame::Message>::KIND => {
                let (beat, _) = read::<Beat>(payload)?;
                self.fleet.hear(beat, &self.line);
            }
            <Asked as frame::Message>::KIND => {
                let (asked, _) = read::<Asked>(payload)?;
                let reply = message.reply.clone()?;
                if !self.line.replies.is_own(&reply) {
                    let reply = self.questions.take(reply, self.line.now());
                    self.line.news.push(News::Asked { reply, asked });
                }
            }
            _ => return None,
        }
        Some(())
    }

    fn unread(&self) {
        self.line.figures.unread.add(1);
    }

    fn tick(&mut self) {
        let now = self.line.now();
        while let Some(about) = self.line.replies.silent(now) {
            let weather = self.line.weather;
            match about {
                About::Asked(to, serial) | About::Stored(to, serial) => {
                    let silence = Answer::Silence;
                    self.lanes
                        .hear(to, serial, silence, weather, &mut self.line);
                }
                About::Gathered(ticket) => fleet::gathered(ticket, &mut self.line),
            }
        }
        let weather = self.line.weather;
        self.lanes.tick(weather, &mut self.line);
        self.rooms.tick(&mut self.line);
        self.give_claims_up();
        if self.fleet.is_due(now) {
            self.fleet.beat(self.ear.counts(), &mut self.line);
            self.presence.say_some(&mut self.line);
            self.line.forget_told();
        }
        self.prepare();
    }

    /// Has the streams made where they are not there, and their letters counted where they are.
    fn prepare(&mut self) {
        let (now, line) = (self.line.now(), &self.line);
        if !line.weather.is_up {
            return;
        }
        if self.prepare.is_some_and(|when| now >= when) {
            self.prepare = None;
            line.start(mail::prepare(line, self.limits));
        }
        if line.weather.mail == Mail::Ready && now >= self.measure {
            self.measure = now + MEASURE;
            line.start(mail::measure(line));
        }
    }

    fn give_claims_up(&mut self) {
        let (now, line) = (self.line.now(), &mut self.line);
        self.claims.retain(|(since, name, _)| {
            let waits = now < *since + CLAIMS_WAIT;
            if !waits {
                let (name, claimed) = (*name, Claimed::CutOff);
                line.news.push(News::Claimed { name, claimed });
            }
            waits
        });
    }

    fn come_up(&mut self) {
        let line = &mut self.line;
        line.weather.is_up = true;
        line.figures.connected.set(1);
        line.figures.connects.add(1);
        if line.figures.connects.get() > 1 {
            tracing::info!("NATS is there again");
        }
        line.weather.mail = Mail::Later;
        let weather = line.weather;
        self.lanes.come_back(weather, line);
        self.rooms.come_back(line);
        line.tell_again();
        self.presence.say_all(line);
        self.fleet.come_back(weather.now);
        self.is_behind = true;
        self.complaint = None;
        self.prepare = None;
        line.start(mail::prepare(line, self.limits));
    }

    fn go_down(&mut self) {
        tracing::warn!("NATS cannot be reached: this relay is alone until it is there again");
        self.line.weather.is_up = false;
        self.line.weather.mail = Mail::Later;
        self.line.forget_unsaid();
        self.line.figures.connected.set(0);
        self.down = self.line.now();
    }

    /// Says what is wrong with the connection, once as long as it stays the same.
    fn complain(&mut self, text: String) {
        if self.complaint.as_ref() != Some(&text) {
            tracing::warn!("NATS: {}", Escaped(text.as_bytes()));
            self.complaint = Some(text);
        }
    }

    /// Something that came was lost: what can be asked for again is.
    fn dropped(&mut self) {
        self.line.figures.dropped.add(1);
        self.fleet.has_dropped(self.line.now());
        if !self.is_behind {
            tracing::warn!("this relay is too slow for what comes over NATS: some of it is lost");
        }
        self.is_behind = true;
        self.prepare = Some(self.line.now() + PREPARE_AGAIN);
    }

    fn prepared(&mut self, prepared: Result<(), Unprepared>) {
        if !self.line.weather.is_up {
            return;
        }
        let mail = match prepared {
            Ok(()) => Mail::Ready,
            Err(Unprepared::NoJetStream) => Mail::Never,
            Err(Unprepared::Failed(_)) => Mail::Later,
        };
        if mail != Mail::Ready {
            self.prepare = Some(self.line.now() + PREPARE_AGAIN);
        }
        self.say_what_is_kept(&prepared);
        self.line.weather.mail = mail;
        let weather = self.line.weather;
        self.lanes.go_on(weather, &mut self.line);
        for (_, name, keys) in std::mem::take(&mut self.claims) {
            self.claim(name, keys);
        }
        if mail == Mail::Ready && std::mem::take(&mut self.is_behind) {
            self.line.start(mail::look(&self.line));
        }
    }

    fn say_what_is_kept(&mut self, prepared: &Result<(), Unprepared>) {
        let text = match prepared {
            Ok(()) => {
                let version = self.line.client.server_info().version;
                connection::promise(&version, self.limits.replicas)
            }
            Err(Unprepared::NoJetStream) => {
                "this NATS server keeps neither mail nor names: start it with JetStream (nats-server -js)".to_owned()
            }
            Err(Unprepared::Failed(error)) => {
                let error = error.to_string();
                format!("NATS does not keep mail yet: {}", Escaped(error.as_bytes()))
            }
        };
        if self.said.as_ref() != Some(&text) {
            match prepared {
                Ok(()) => tracing::info!("{text}"),
                Err(_) => tracing::warn!("{text}"),
            }
            self.said = Some(text);
        }
    }
}

/// The kind of a frame.
fn kind(payload: &[u8]) -> Option<u8> {
    Some(Prefix::decode(payload).ok()??.kind)
}

fn read<M: frame::Message>(payload: &[u8]) -> Option<(M, &[u8])> {
    frame::decode_datagram(payload).ok()
}

/// What a relay says about a letter, or the server where there is none.
fn asked(message: &Message) -> Option<Answer> {
    if message.status == Some(StatusCode::NO_RESPONDERS) {
        return Some(Answer::Nobody);
    }
    let (passed, _) = read::<Passed>(&message.payload)?;
    Some(match passed {
        Passed::Taken => Answer::Taken,
        Passed::Keep => Answer::Keep,
    })
}

/// What the stream says about a letter.
fn stored(message: &Message) -> Option<Answer> {
    if message.status == Some(StatusCode::NO_RESPONDERS) {
        return Some(Answer::NotNow);
    }
    let response: Response<PublishAck> = serde_json::from_slice(&message.payload).ok()?;
    let error = match response {
        Response::Ok(stored) => return Some(Answer::Stored(Place(stored.sequence))),
        Response::Err { error } => error,
    };
    let text = error.to_string();
    Some(match error.error_code() {
        ErrorCode::STREAM_STORE_FAILED if text.contains("per subject") => {
            Answer::Refused(Why::Quota)
        }
        ErrorCode::STREAM_STORE_FAILED if text.contains("maximum") => Answer::Refused(Why::Full),
        ErrorCode::INSUFFICIENT_RESOURCES
        | ErrorCode::STORAGE_RESOURCES_EXCEEDED
        | ErrorCode::ACCOUNT_RESOURCES_EXCEEDED => Answer::Refused(Why::Full),
        ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM => Answer::Refused(Why::TooLong),
        _ => {
            tracing::debug!(error = %Escaped(text.as_bytes()), "a letter is not kept");
            Answer::NotNow
        }
    })
}
