//! A program of this test: the machine of the native wire over a socket.

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use harness::{Namespaces, PATIENCE, loopback_socket};
use proto::relay::native::client::{Client, Event, Incoming, SendError, Settings};
use proto::relay::native::frames::{Question, RelayState, Reply, Stage, To, Wants};
use proto::relay::native::handshake::Refusal;
use proto::relay::native::{Identity, MessageId, Name};

use super::Random;
use super::tally::{Label, Tally};

/// Its clock runs so many times as fast as the others': the pauses of a client that has lost its relay are made for
/// relays that are seldom started anew.
const PACE: u32 = 5;

/// How long another relay is not tried.
const TRIAL: Duration = Duration::from_millis(500);

/// How soon a program is started again that could not register.
const AGAIN: Duration = Duration::from_millis(100);

/// How long it waits for something to come.
const NAP: Duration = Duration::from_millis(5);

/// How many datagrams are taken before what they cause is sent.
const BATCH: usize = 64;

/// How many messages it has without a verdict.
const AHEAD: usize = 32;

/// Where programs are: on this machine's loopback, or in the first of these namespaces.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place(pub(crate) Option<Arc<Namespaces>>);

impl Place {
    fn socket(&self, relay: SocketAddr) -> UdpSocket {
        let socket = match &self.0 {
            #[cfg(target_os = "linux")]
            Some(namespaces) => namespaces.socket('a'),
            _ => loopback_socket(),
        };
        socket.connect(relay).unwrap();
        socket.set_read_timeout(Some(NAP)).unwrap();
        socket
    }
}

/// One run of a program.
pub(crate) struct Program {
    client: Client,
    socket: UdpSocket,
    place: Place,
    /// Relays that it may turn to.
    relays: Vec<SocketAddr>,
    /// Which of them it speaks to.
    turn: usize,
    began: Instant,
    /// Since when it is without a session; `None` where it has one.
    lost: Option<Instant>,
    me: Option<Name>,
    run: u64,
    tally: Arc<Tally>,
    unanswered: BTreeMap<MessageId, Label>,
    answers: Vec<Reply>,
}

impl Program {
    /// One with a name, of which the identity follows, or without.
    pub(crate) fn new(name: Option<&str>, relays: &[SocketAddr], tally: &Arc<Tally>) -> Self {
        Self::at(Place::default(), name, relays, tally)
    }

    /// The same at another place.
    pub(crate) fn at(
        place: Place,
        name: Option<&str>,
        relays: &[SocketAddr],
        tally: &Arc<Tally>,
    ) -> Self {
        let run = tally.run();
        let me: Option<Name> = name.map(|name| name.parse().unwrap());
        Self {
            client: client(me, run),
            socket: place.socket(relays[0]),
            place,
            relays: relays.to_vec(),
            turn: 0,
            began: Instant::now(),
            lost: Some(Instant::now()),
            me,
            run,
            tally: Arc::clone(tally),
            unanswered: BTreeMap::new(),
            answers: Vec::new(),
        }
    }

    fn now(&self) -> Duration {
        self.began.elapsed() * PACE
    }

    /// Takes what comes within a moment, sends what is to be sent, notes what happened.
    pub(crate) fn turn(&mut self) {
        self.send();
        self.receive();
        self.send();
        while let Some(event) = self.client.next_event() {
            self.note(event);
        }
        self.look_elsewhere();
    }

    fn receive(&mut self) {
        let mut buffer = [0; 2048];
        for number in 0..BATCH {
            let received = self.socket.recv(&mut buffer);
            if number == 0 {
                self.socket.set_nonblocking(true).unwrap();
            }
            // Where nobody listens, that is an error.
            let Ok(length) = received else { break };
            let now = self.now();
            self.client.receive(&buffer[..length], now);
        }
        self.socket.set_nonblocking(false).unwrap();
    }

    fn send(&mut self) {
        let (now, socket) = (self.now(), &self.socket);
        self.client.transmit(now, |datagram| {
            let _ = socket.send(datagram);
        });
    }

    fn note(&mut self, event: Event) {
        match event {
            Event::Registered { .. } => self.lost = None,
            Event::Lost | Event::Ended(_) => self.lost = Some(Instant::now()),
            Event::Message(message) => self.hear(&message),
            Event::Receipt { first, last, stage } => self.judge(first, last, stage),
            Event::Answer(answer) => self.answers.push(answer.reply),
            Event::Refused(Refusal::CutOff) => self.begin_again(),
            Event::Refused(_)
            | Event::Classic
            | Event::Unreadable { .. }
            | Event::KeyChanged { .. } => {
                self.tally.complain(format!("{:?}: {event:?}", self.me));
            }
            Event::Joined(_) | Event::Happened(_) | Event::KeyMet { .. } => {}
        }
    }

    /// Nobody could say whose the name is: it is started again, and knows nothing of what it has said.
    fn begin_again(&mut self) {
        self.run = self.tally.run();
        (self.client, self.began) = (client(self.me, self.run), Instant::now());
        self.unanswered.clear();
        std::thread::sleep(AGAIN);
    }

    fn hear(&self, message: &Incoming) {
        let (length, waited) = (message.content.len(), message.waited > 0);
        match label(&message.content) {
            Some(label) => self.tally.hear(self.run, label, length, waited),
            None => self.tally.complain(format!("{message:?}")),
        }
    }

    fn judge(&mut self, first: MessageId, last: MessageId, stage: Stage) {
        let refused = match stage {
            Stage::Queued => None,
            Stage::Refused(why) => Some(why),
            Stage::Delivered | Stage::Read => return,
        };
        let ids: Vec<_> = self.unanswered.range(first..=last).collect();
        let ids: Vec<_> = ids.into_iter().map(|(id, label)| (*id, *label)).collect();
        for (id, label) in ids {
            self.unanswered.remove(&id);
            self.tally.judge(label, refused);
        }
    }

    /// Turns to another relay where this one is silent.
    fn look_elsewhere(&mut self) {
        if self.relays.len() > 1 && self.lost.is_some_and(|since| since.elapsed() > TRIAL) {
            self.turn = (self.turn + 1) % self.relays.len();
            self.socket.connect(self.relays[self.turn]).unwrap();
            self.lost = Some(Instant::now());
        }
    }

    /// Says a message of this length that is counted; `false` where too much waits for a verdict.
    pub(crate) fn say(&mut self, to: Name, number: u64, length: usize) -> bool {
        let label = (self.me.unwrap(), number);
        let mut content = format!("{}/{number}:", label.0).into_bytes();
        content.resize(length.max(content.len()), b'.');
        let now = self.now();
        match self
            .client
            .send(To::Name(to), &content, Wants::Nothing, now)
        {
            Ok(id) => {
                self.tally.say(label, to, content.len());
                self.unanswered.insert(id, label);
                true
            }
            Err(SendError::Full) => false,
            Err(error) => panic!("{label:?}: {error}"),
        }
    }

    /// Says messages until it is told to stop, and waits for their verdicts.
    pub(crate) fn say_until(mut self, stop: &AtomicBool, to: &[Name], random: &mut Random) -> Self {
        let mut number = 0;
        while !stop.load(Ordering::Relaxed) {
            while self.unanswered.len() < AHEAD && random.within(0..8) > 0 {
                number += 1;
                self.say(*random.of(to), number, random.length());
            }
            self.turn();
        }
        self.until_answered();
        self
    }

    /// How many messages have no verdict.
    pub(crate) fn unanswered(&self) -> usize {
        self.unanswered.len()
    }

    /// Waits until everything that it said has a verdict.
    pub(crate) fn until_answered(&mut self) {
        self.until("its messages are answered", |program| {
            program.unanswered.is_empty()
        });
    }

    /// Waits for a session.
    pub(crate) fn until_registered(&mut self) {
        self.until("it is registered", |program| program.lost.is_none());
    }

    /// Goes on until this is so.
    pub(crate) fn until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_so(self) {
            assert!(
                Instant::now() < deadline,
                "{:?} waits until {what}: {:?}",
                self.me,
                self.unanswered.first_key_value()
            );
            self.turn();
        }
    }

    /// Goes on for so long.
    pub(crate) fn stay(&mut self, time: Duration) {
        let until = Instant::now() + time;
        while Instant::now() < until {
            self.turn();
        }
    }

    /// Is away for so long, and comes back at another address: what was sent to it meanwhile is lost.
    pub(crate) fn roam(&mut self, time: Duration) {
        self.socket = self.place.socket(self.relays[self.turn]);
        std::thread::sleep(time);
    }

    /// Says goodbye, unless the relay does not hear it.
    pub(crate) fn close(mut self) {
        self.client.close();
        let until = Instant::now() + Duration::from_secs(2);
        while self.client.deadline().is_some() && Instant::now() < until {
            self.turn();
        }
    }

    /// How the relay that it speaks to and the others say that they are.
    pub(crate) fn relays(&mut self) -> Vec<RelayState> {
        self.answers.clear();
        self.client.ask(Question::Relays);
        self.until("it is answered", |program| !program.answers.is_empty());
        match self.answers.remove(0) {
            Reply::Relays(relays) => relays,
            other => panic!("relays, not {other:?}"),
        }
    }

    /// Asks until this is so of them.
    pub(crate) fn until_relays(&mut self, what: &str, is_so: impl Fn(&[RelayState]) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let relays = self.relays();
            if is_so(&relays) {
                return;
            }
            assert!(Instant::now() < deadline, "{what}: {relays:?}");
            self.stay(Duration::from_millis(50));
        }
    }
}

fn client(me: Option<Name>, run: u64) -> Client {
    let identity = |name| (name, Identity::new(seed(&format!("{name}"))));
    let settings = Settings {
        name: me.map(identity),
        seed: seed(&format!("{me:?} {run} {}", std::process::id())),
        first: MessageId(micros()),
    };
    Client::new(settings, Duration::ZERO)
}

/// What a content says first, if it is one that is counted.
fn label(content: &[u8]) -> Option<Label> {
    let end = content.iter().position(|byte| *byte == b':')?;
    let text = std::str::from_utf8(&content[..end]).ok()?;
    let (name, number) = text.split_once('/')?;
    let is_filled = content[end + 1..].iter().all(|byte| *byte == b'.');
    let label = (name.parse().ok()?, number.parse().ok()?);
    is_filled.then_some(label)
}

/// 32 bytes that follow from a text.
fn seed(text: &str) -> [u8; 32] {
    let mut random = Random(0);
    for byte in text.bytes() {
        random.0 = random.next() ^ u64::from(byte);
    }
    let mut seed = [0; 32];
    for part in seed.as_chunks_mut::<8>().0 {
        *part = random.next().to_le_bytes();
    }
    seed
}

/// The time since 1970.
fn micros() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_micros() as u64)
}
