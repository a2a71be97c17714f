//! A client's side of the classic wire: who it is there, one message after the other, and what others say.
//!
//! The relay's answers have no numbers, so a message goes out when the one before it has its answer, or has waited
//! [`VERDICT`] for it. Nothing is said twice: it could arrive twice.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use super::{EXIT_SERVER, EncodeError, HELLO, Message, Reply, Status};

/// How long the answer to a message is waited for.
pub const VERDICT: Duration = Duration::from_secs(2);

/// How often a relay that answers is asked for the client's address, which keeps the client registered.
pub const RENEWAL: Duration = Duration::from_secs(60);

/// How often one that does not answer is asked.
const INSISTENCE: Duration = Duration::from_secs(1);

/// How many questions without an answer are a lost relay.
const LOST: u32 = 3;

/// How many messages may wait.
pub const MAX_WAITING: usize = 1024;

/// A client. Datagrams go in by [`receive`](Self::receive) and out by [`transmit`](Self::transmit); what happens is told by
/// [`next_event`](Self::next_event).
#[derive(Debug)]
pub struct ClassicClient {
    at: Option<SocketAddr>,
    next_hello: Duration,
    /// Whether the next answer to a greeting is told, also where it says nothing new.
    is_asked: bool,
    /// Whether the relay is to be asked to stop.
    stops: bool,
    /// Greetings since the last answer to one.
    unanswered: u32,
    waiting: VecDeque<Vec<u8>>,
    /// When the message that was sent last is no longer waited for.
    sent: Option<Duration>,
    events: VecDeque<Event>,
}

/// What has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The relay sees the client here: said once, and again when that changes, when the relay was lost, or on
    /// [demand](ClassicClient::greet).
    Registered(SocketAddr),
    /// The relay no longer answers. It is asked further on.
    Lost,
    /// What became of the oldest message without a verdict; `None` where no answer came.
    Verdict(Option<Status>),
    /// Somebody's message.
    Message {
        /// Who sent it.
        from: SocketAddr,
        /// The text.
        content: Vec<u8>,
    },
}

/// Why a message is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Too many wait: go on when verdicts have come.
    #[error("expected fewer messages without a verdict")]
    Full,
    /// This wire cannot say it.
    #[error(transparent)]
    Unsayable(#[from] EncodeError),
}

impl ClassicClient {
    /// A client that is to register.
    pub fn new(now: Duration) -> Self {
        Self {
            at: None,
            next_hello: now,
            is_asked: false,
            stops: false,
            unanswered: 0,
            waiting: VecDeque::new(),
            sent: None,
            events: VecDeque::new(),
        }
    }

    /// Takes a datagram that came from the relay. One without the shape of a reply says nothing.
    pub fn receive(&mut self, datagram: &[u8], now: Duration) {
        match Reply::decode(datagram) {
            Some(Reply::Address(at)) => self.registered(at, now),
            Some(Reply::Status(status)) if self.sent.take().is_some() => {
                self.events.push_back(Event::Verdict(Some(status)));
            }
            Some(Reply::Delivery { from, content }) => self.events.push_back(Event::Message {
                from,
                content: content.to_vec(),
            }),
            Some(Reply::Status(_)) | None => {}
        }
    }

    fn registered(&mut self, at: SocketAddr, now: Duration) {
        self.unanswered = 0;
        self.next_hello = now + RENEWAL;
        let is_asked = std::mem::take(&mut self.is_asked);
        if self.at.replace(at) != Some(at) || is_asked {
            self.events.push_back(Event::Registered(at));
        }
    }

    /// Hands out the datagrams that are to be sent now; call it after everything else that was called, and at the
    /// [`deadline`](Self::deadline).
    pub fn transmit(&mut self, now: Duration, mut send: impl FnMut(&[u8])) {
        if self.sent.is_some_and(|until| until <= now) {
            self.sent = None;
            self.events.push_back(Event::Verdict(None));
        }
        if std::mem::take(&mut self.stops) {
            send(EXIT_SERVER.as_bytes());
        }
        if self.next_hello <= now {
            self.hello(now);
            send(HELLO.as_bytes());
        }
        if self.sent.is_none()
            && self.at.is_some()
            && let Some(message) = self.waiting.pop_front()
        {
            self.sent = Some(now + VERDICT);
            send(&message);
        }
    }

    fn hello(&mut self, now: Duration) {
        self.next_hello = now + INSISTENCE;
        self.unanswered = self.unanswered.saturating_add(1);
        if self.unanswered > LOST && self.at.take().is_some() {
            self.events.push_back(Event::Lost);
        }
    }

    /// When to call [`transmit`](Self::transmit) next, if nothing comes until then.
    pub fn deadline(&self) -> Duration {
        let verdict = self.sent.unwrap_or(Duration::MAX);
        self.next_hello.min(verdict)
    }

    /// What has happened next.
    pub fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Whether a relay has answered, and goes on to.
    pub fn is_registered(&self) -> bool {
        self.at.is_some()
    }

    /// From now on another relay is spoken to: this one is lost.
    pub fn elsewhere(&mut self, now: Duration) {
        self.next_hello = now;
        if self.at.take().is_some() {
            self.events.push_back(Event::Lost);
        }
    }

    /// Asks the relay now where it sees this client.
    pub fn greet(&mut self, now: Duration) {
        (self.is_asked, self.next_hello) = (true, now);
    }

    /// Asks the relay to stop. It gives no answer.
    pub fn stop_relay(&mut self) {
        self.stops = true;
    }

    /// Says a message. Verdicts come in the order of the messages.
    ///
    /// # Errors
    /// [`SendError`]; nothing is sent then.
    pub fn send(&mut self, to: SocketAddr, content: &[u8]) -> Result<(), SendError> {
        if self.waiting.len() >= MAX_WAITING {
            return Err(SendError::Full);
        }
        let mut datagram = Vec::new();
        Message { to, content }.encode(&mut datagram)?;
        self.waiting.push_back(datagram);
        Ok(())
    }

    /// How many messages are without a verdict.
    pub fn unanswered(&self) -> usize {
        self.waiting.len() + usize::from(self.sent.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &str = "('192.0.2.7', 50123)";

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn sent(client: &mut ClassicClient, now: u64) -> Vec<String> {
        let mut sent = Vec::new();
        client.transmit(at(now), |datagram| {
            sent.push(String::from_utf8(datagram.to_vec()).unwrap());
        });
        sent
    }

    fn events(client: &mut ClassicClient) -> Vec<Event> {
        std::iter::from_fn(|| client.next_event()).collect()
    }

    fn registered() -> ClassicClient {
        let mut client = ClassicClient::new(at(0));
        assert_eq!(sent(&mut client, 0), ["hii"]);
        client.receive(HERE.as_bytes(), at(0));
        let here = "192.0.2.7:50123".parse().unwrap();
        assert_eq!(events(&mut client), [Event::Registered(here)]);
        client
    }

    #[test]
    fn it_greets_until_it_is_answered_and_each_minute() {
        let mut client = ClassicClient::new(at(0));
        for now in 0..3 {
            assert_eq!(sent(&mut client, now), ["hii"]);
        }
        client.receive(HERE.as_bytes(), at(2));
        assert_eq!(client.deadline(), at(62));
        assert_eq!(sent(&mut client, 61), [""; 0]);
        assert_eq!(sent(&mut client, 62), ["hii"]);
    }

    #[test]
    fn a_relay_that_is_silent_is_lost_and_found_again() {
        let mut client = registered();
        for now in 60..63 {
            assert_eq!(sent(&mut client, now), ["hii"]);
            assert_eq!(events(&mut client), []);
        }
        assert_eq!(sent(&mut client, 63), ["hii"]);
        assert_eq!(events(&mut client), [Event::Lost]);
        client.send(HERE_TO.parse().unwrap(), b"later").unwrap();
        assert_eq!(sent(&mut client, 64), ["hii"]);
        client.receive(HERE.as_bytes(), at(64));
        assert!(matches!(events(&mut client)[..], [Event::Registered(_)]));
        assert_eq!(sent(&mut client, 64).len(), 1);
    }

    const HERE_TO: &str = "192.0.2.9:50000";

    #[test]
    fn one_message_waits_for_the_verdict_of_the_one_before() {
        let mut client = registered();
        let to = HERE_TO.parse().unwrap();
        for content in [&b"one"[..], b"two", b"three"] {
            client.send(to, content).unwrap();
        }
        assert_eq!(
            sent(&mut client, 1),
            ["to : 192.0.2.9 / 50000 ; content : one"]
        );
        assert_eq!(sent(&mut client, 1), [""; 0]);
        client.receive(b"192.0.2.9/50000 ; content : 200", at(1));
        assert_eq!(sent(&mut client, 1), [""; 0], "a delivery is no verdict");
        client.receive(b"200, UDP Packet Sent Successfully", at(1));
        assert_eq!(sent(&mut client, 1).len(), 1);
        assert_eq!(client.unanswered(), 2);
        assert_eq!(sent(&mut client, 3).len(), 1);
        client.receive(
            b"405, could not SEND the message to the requested address",
            at(3),
        );
        assert_eq!(
            events(&mut client)[1..],
            [
                Event::Verdict(Some(Status::Sent)),
                Event::Verdict(None),
                Event::Verdict(Some(Status::NotSent)),
            ]
        );
        assert_eq!(client.unanswered(), 0);
    }

    #[test]
    fn what_was_asked_for_is_told_although_it_is_known() {
        let mut client = registered();
        client.greet(at(5));
        client.stop_relay();
        assert_eq!(sent(&mut client, 5), ["exit server", "hii"]);
        client.receive(HERE.as_bytes(), at(5));
        assert!(matches!(events(&mut client)[..], [Event::Registered(_)]));
        assert_eq!(sent(&mut client, 5), [""; 0]);
    }

    #[test]
    fn what_the_wire_cannot_say_is_not_taken() {
        let mut client = registered();
        let to = HERE_TO.parse().unwrap();
        let colon = SendError::Unsayable(EncodeError::Colon(1));
        assert_eq!(client.send(to, b"a:b"), Err(colon));
        for _ in 0..MAX_WAITING {
            client.send(to, b"x").unwrap();
        }
        assert_eq!(client.send(to, b"x"), Err(SendError::Full));
    }
}
