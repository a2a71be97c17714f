//! The server's side of the native wire: who is known, and what is remembered of each session.

use std::collections::VecDeque;
use std::net::SocketAddr;

use super::credentials::{Credentials, Key, Secret, SessionId, same};
use super::native::{Echo, Left, Probe, Report};
use super::numbers::{Numbers, Place};
use super::{Grant, Offer, Version};

/// Gives tokens to clients and checks what they show. It remembers no client.
#[derive(Clone, Debug)]
pub struct Gate {
    secret: Secret,
    key: Option<Key>,
}

impl Gate {
    /// A gate with a secret of its own, and the shared key that clients must have, if any.
    pub fn new(secret: Secret, key: Option<Key>) -> Self {
        Self { secret, key }
    }

    /// The shared key.
    pub fn key(&self) -> Option<&Key> {
        self.key.as_ref()
    }

    /// What is granted to this offer from this address; `None` where it asks for no session. A gate with a key then says
    /// that there is one.
    pub fn grant(&self, peer: SocketAddr, offer: &Offer) -> Option<Grant> {
        let Some(session) = offer.session else {
            return self.key.as_ref().map(|_| Grant::KeyNeeded);
        };
        let token = self.secret.token(peer, session);
        let Some(key) = &self.key else {
            return Some(Grant::Session { token, proof: None });
        };
        let expected = key.prove_offer(session);
        if !offer.proof.is_some_and(|proof| same(&proof.0, &expected.0)) {
            return Some(Grant::KeyNeeded);
        }
        let proof = Some(key.prove_token(session, token));
        Some(Grant::Session { token, proof })
    }

    /// What packets of this session from this address must be proved with.
    pub fn credentials(&self, peer: SocketAddr, session: SessionId) -> Credentials {
        let token = self.secret.token(peer, session);
        match &self.key {
            None => Credentials::Token(token),
            Some(key) => Credentials::Key(key.of_session(session, token)),
        }
    }
}

/// When and how a probe arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrived {
    /// The time, in nanoseconds since the Unix epoch.
    pub at: u64,
    /// Whether that is when the kernel got it; otherwise when the program did.
    pub by_kernel: bool,
    /// The type-of-service byte, where the system tells.
    pub service: Option<u8>,
}

/// What a server remembers of one session, in less than 500 bytes.
#[derive(Clone, Debug, Default)]
pub struct Session {
    numbers: Numbers,
    report: Report,
    left: VecDeque<Left>,
}

impl Session {
    /// Takes a probe and gives its echo, which is still to be stamped and sealed. `tells_left` says whether this server
    /// finds out when its echoes leave.
    pub fn probe(&mut self, probe: &Probe, arrived: Arrived, tells_left: bool) -> Echo {
        self.note(probe.number);
        Echo {
            session: probe.session,
            number: probe.number,
            received: arrived.at,
            received_by_kernel: arrived.by_kernel,
            sent: 0,
            tells_left: tells_left && probe.wants_left,
            left: self.left.pop_front(),
            service: arrived.service,
            count: self.report.received as u32,
            emulated: self.report.emulated as u32,
            before: self.numbers.before(probe.number),
        }
    }

    /// Counts a number as received, or as received again.
    fn note(&mut self, number: u64) {
        match self.numbers.note(number) {
            Place::Again => self.report.duplicates += 1,
            Place::Ahead | Place::Behind => self.report.received += 1,
        }
    }

    /// An echo truly left this long after its stamp; a later one will say so.
    pub fn left(&mut self, left: Left) {
        if self.left.len() == Report::LEFT {
            self.left.pop_front();
        }
        self.left.push_back(left);
    }

    /// An echo was dropped by emulated loss, and with it what it said of an earlier one.
    pub fn emulated_loss(&mut self, carried: Option<Left>) {
        self.report.emulated += 1;
        self.take_back(carried);
    }

    /// An echo could not be sent, and with it what it said of an earlier one.
    pub fn dropped(&mut self, carried: Option<Left>) {
        self.report.dropped += 1;
        self.take_back(carried);
    }

    fn take_back(&mut self, carried: Option<Left>) {
        if let Some(left) = carried
            && self.left.len() < Report::LEFT
        {
            self.left.push_front(left);
        }
    }

    /// The totals so far. What they say of echoes that left is said again in the next answer to the same question,
    /// should this one be lost.
    pub fn report(&self, session: SessionId) -> Report {
        Report {
            session,
            left: self.left.iter().copied().collect(),
            ..self.report.clone()
        }
    }
}

/// What a client proves its packets with once it has a token, if the server's word is true.
///
/// # Errors
/// [`NoSession`] says what is wrong.
pub fn join(
    session: SessionId,
    key: Option<&Key>,
    grant: &Grant,
) -> Result<Credentials, NoSession> {
    match (key, grant) {
        (None, Grant::KeyNeeded) => Err(NoSession::KeyNeeded),
        (Some(_), Grant::KeyNeeded) => Err(NoSession::WrongKey),
        (None, Grant::Session { token, .. }) => Ok(Credentials::Token(*token)),
        (Some(_), Grant::Session { proof: None, .. }) => Err(NoSession::ServerHasNoKey),
        (
            Some(key),
            Grant::Session {
                token,
                proof: Some(proof),
            },
        ) => {
            let expected = key.prove_token(session, *token);
            match same(&expected.0, &proof.0) {
                true => Ok(Credentials::Key(key.of_session(session, *token))),
                false => Err(NoSession::WrongKey),
            }
        }
    }
}

/// The offer that asks for this session.
pub fn offer(session: SessionId, key: Option<&Key>) -> Offer {
    Offer {
        version: Version::OURS,
        session: Some(session),
        proof: key.map(|key| key.prove_offer(session)),
    }
}

/// Why there is no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoSession {
    /// The server has a key, the client has none.
    #[error("the server wants a key: give its file with --key-file")]
    KeyNeeded,
    /// The keys differ.
    #[error("the server has another key: check that --key-file names the same key on both sides")]
    WrongKey,
    /// The client has a key, the server has none, and whoever answers could be anyone.
    #[error(
        "the server has no key and so cannot prove itself: start it with --key-file, or leave --key-file out here"
    )]
    ServerHasNoKey,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: SessionId = SessionId(42);

    fn peer() -> SocketAddr {
        "192.0.2.7:5000".parse().unwrap()
    }

    fn key(text: &str) -> Key {
        Key::new(text.as_bytes()).unwrap()
    }

    fn joined(server: Option<&str>, client: Option<&str>) -> Result<bool, NoSession> {
        let gate = Gate::new(Secret::new([7; 32]), server.map(key));
        let client = client.map(key);
        let grant = gate.grant(peer(), &offer(ID, client.as_ref())).unwrap();
        let credentials = join(ID, client.as_ref(), &grant)?;
        Ok(credentials == gate.credentials(peer(), ID))
    }

    #[test]
    fn keys_must_agree() {
        let (one, other) = (Some("0123456789abcdef"), Some("0123456789abcdeF"));
        assert_eq!(joined(None, None), Ok(true));
        assert_eq!(joined(one, one), Ok(true));
        assert_eq!(joined(one, other), Err(NoSession::WrongKey));
        assert_eq!(joined(one, None), Err(NoSession::KeyNeeded));
        assert_eq!(joined(None, one), Err(NoSession::ServerHasNoKey));
    }

    fn probe(number: u64) -> Probe {
        Probe {
            session: ID,
            number,
            sent: 0,
            wants_left: true,
        }
    }

    fn at(at: u64) -> Arrived {
        Arrived {
            at,
            by_kernel: true,
            service: None,
        }
    }

    #[test]
    fn what_was_received_is_said_in_each_echo() {
        let mut session = Session::default();
        let mut said = |number| {
            let echo = session.probe(&probe(number), at(number), true);
            (echo.count, echo.before)
        };
        assert_eq!(said(0), (1, 0));
        assert_eq!(said(1), (2, 0b1));
        assert_eq!(said(4), (3, 0b1100));
        assert_eq!(said(3), (4, 0b110));
        assert_eq!(said(4), (4, 0b1101), "again");
        assert_eq!(said(40), (5, 0), "further than the window of an echo");
        assert_eq!(said(41), (6, 1));
        assert_eq!(session.report(ID).duplicates, 1);
    }

    #[test]
    fn when_an_echo_left_follows_in_the_next_that_is_sent() {
        let mut session = Session::default();
        let left = |number| Left { number, after: 9 };
        assert_eq!(session.probe(&probe(0), at(0), true).left, None);
        session.left(left(0));
        let lost = session.probe(&probe(1), at(1), true);
        assert_eq!(lost.left, Some(left(0)));
        session.emulated_loss(lost.left);
        assert_eq!(session.probe(&probe(2), at(2), true).left, Some(left(0)));
        session.left(left(2));
        let report = session.report(ID);
        assert_eq!((report.emulated, report.left), (1, vec![left(2)]));
        assert!(size_of::<Session>() < 200);
    }

    proptest! {
        /// However the numbers come, each is counted once as long as it is not older than the window.
        #[test]
        fn numbers_are_counted_once(numbers in proptest::collection::vec(0u64..100, 0..300)) {
            let mut session = Session::default();
            let mut known = std::collections::BTreeSet::new();
            for number in numbers {
                known.insert(number);
                let echo = session.probe(&probe(number), at(0), false);
                prop_assert_eq!(echo.count as usize, known.len());
                for bit in 0..32u64 {
                    let received = number.checked_sub(bit + 1).is_some_and(|number| known.contains(&number));
                    prop_assert_eq!(echo.before >> bit & 1 == 1, received);
                }
            }
        }

        #[test]
        fn any_number_is_taken(numbers: Vec<u64>) {
            let mut session = Session::default();
            for number in numbers.into_iter().chain([u64::MAX, 0, u64::MAX]) {
                session.probe(&probe(number), at(0), true);
            }
        }
    }
}
