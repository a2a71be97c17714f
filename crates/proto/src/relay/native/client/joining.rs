//! How a client registers: what is said until it is answered, and how soon it is said again.

use std::time::Duration;

use super::random::Random;
use crate::frame::{self, Message, Prefix};
use crate::relay::native::handshake::{
    Challenge, Cookie, HELLO_PADDING, Hello, Nonce, Purpose, Refusal, Refused, Register,
    Registered, VERSION,
};
use crate::relay::native::{Identity, Name};
use crate::relay::{Reply, Status};

/// The first pause before something is said again, and the least between two greetings.
const PAUSE: Duration = Duration::from_millis(250);

/// The longest pause.
const LONGEST: Duration = Duration::from_secs(5);

/// How often a cookie is said before another is asked for.
const REGISTERED: u32 = 5;

/// A session that lasted for less is no reason to try for another at once.
const SOUND: Duration = Duration::from_secs(10);

/// A client's way into a session.
#[derive(Debug)]
pub(super) struct Joining {
    random: Random,
    who: Option<(Name, Identity)>,
    purpose: Purpose,
    step: Step,
    /// When something is to be said next.
    next: Duration,
    /// How long after that it is said again.
    pause: Duration,
    /// How long after the last greeting a session is tried for anew, if this one is lost.
    patience: Duration,
    greeted: Option<Duration>,
    put_off: Option<Refusal>,
}

/// How often all relays of several were tried since the last session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Round {
    /// Not all of them yet.
    First,
    /// At least once: the pauses between greetings grow, as they do with one that is silent.
    Later,
}

#[derive(Debug)]
enum Step {
    Greeting(Nonce),
    Registering {
        nonce: Nonce,
        wire: Vec<u8>,
        said: u32,
    },
    Settled {
        since: Duration,
    },
    /// By this relay; another may take the client.
    Refused,
    Over,
}

/// What an answer of the relay means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Nothing,
    Registered(Registered),
    Refused(Refusal),
    Classic,
}

impl Joining {
    pub(super) fn new(seed: &[u8; 32], who: Option<(Name, Identity)>, now: Duration) -> Self {
        let mut random = Random::new(seed, "plumbline relay 2026-11 nonces");
        Self {
            step: Step::Greeting(nonce(&mut random)),
            random,
            who,
            purpose: Purpose::default(),
            next: now,
            pause: PAUSE,
            patience: PAUSE,
            greeted: None,
            put_off: None,
        }
    }

    /// The session is lost: another is tried for.
    pub(super) fn again(&mut self, now: Duration) {
        if let Step::Settled { since } = self.step {
            let was_sound = now.saturating_sub(since) >= SOUND;
            self.patience = if was_sound {
                PAUSE
            } else {
                LONGEST.min(self.patience * 2)
            };
        }
        self.greet(self.patience, now);
    }

    /// What it registers for from now on.
    pub(super) fn set_purpose(&mut self, purpose: Purpose) {
        self.purpose = purpose;
    }

    /// Another relay is greeted from now on.
    pub(super) fn elsewhere(&mut self, round: Round, now: Duration) {
        let (next, pause) = (self.next.max(now), self.pause);
        match (&self.step, round) {
            (Step::Over, _) => {}
            (_, Round::First) => self.greet(self.patience, now),
            (_, Round::Later) => {
                self.greet(self.patience, now);
                (self.next, self.pause) = (next.max(self.next), pause);
            }
        }
    }

    /// Why the relay has told the client to come again later, if it has.
    pub(super) fn put_off(&self) -> Option<Refusal> {
        self.put_off
    }

    /// No session is tried for any more.
    pub(super) fn give_up(&mut self) {
        self.step = Step::Over;
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        match self.step {
            Step::Greeting(_) | Step::Registering { .. } => Some(self.next),
            Step::Settled { .. } | Step::Refused | Step::Over => None,
        }
    }

    /// Says what is due.
    pub(super) fn transmit(&mut self, now: Duration, mut send: impl FnMut(&[u8])) {
        if now < self.next {
            return;
        }
        match &mut self.step {
            Step::Registering { said, .. } if *said >= REGISTERED => {
                self.greet(self.patience, now);
                return self.transmit(now, send);
            }
            Step::Registering { wire, said, .. } => {
                send(wire);
                *said += 1;
            }
            Step::Greeting(nonce) => {
                send(&hello(*nonce));
                self.greeted = Some(now);
            }
            Step::Settled { .. } | Step::Refused | Step::Over => return,
        }
        self.next = now + self.pause;
        self.pause = LONGEST.min(self.pause * 2);
    }

    /// Takes what is no packet of a session.
    pub(super) fn receive(&mut self, datagram: &[u8], now: Duration) -> Heard {
        let kind = match Prefix::decode(datagram) {
            Ok(Some(prefix)) => Some(prefix.kind),
            _ => None,
        };
        match (&self.step, kind) {
            (Step::Greeting(nonce), Some(Challenge::KIND)) => {
                self.challenged(*nonce, datagram, now)
            }
            (Step::Greeting(_), None) if is_classic(datagram) => {
                self.step = Step::Over;
                Heard::Classic
            }
            (Step::Registering { nonce, .. }, Some(Registered::KIND)) => {
                self.registered(*nonce, datagram, now)
            }
            (Step::Registering { nonce, .. }, Some(Refused::KIND)) => {
                self.refused(*nonce, datagram, now)
            }
            _ => Heard::Nothing,
        }
    }

    /// The next greeting is not sooner than `patience` after the last one.
    fn greet(&mut self, patience: Duration, now: Duration) {
        self.step = Step::Greeting(nonce(&mut self.random));
        self.next = self.greeted.map_or(now, |last| now.max(last + patience));
        self.pause = PAUSE;
        self.put_off = None;
    }

    fn challenged(&mut self, nonce: Nonce, datagram: &[u8], now: Duration) -> Heard {
        match frame::decode_datagram::<Challenge>(datagram) {
            Ok((challenge, _)) if challenge.nonce == nonce => {
                let wire = self.register(nonce, challenge.cookie);
                let said = 0;
                self.step = Step::Registering { nonce, wire, said };
                (self.next, self.pause) = (now, PAUSE);
            }
            _ => {}
        }
        Heard::Nothing
    }

    fn register(&self, nonce: Nonce, cookie: Cookie) -> Vec<u8> {
        let claim = self
            .who
            .as_ref()
            .map(|(name, identity)| identity.claim(*name, nonce, cookie));
        let register = Register {
            version: VERSION,
            nonce,
            cookie,
            claim,
            purpose: self.purpose,
        };
        let mut wire = Vec::new();
        let _ = frame::encode(&register, &[], &mut wire); // it is within its limits
        wire
    }

    fn registered(&mut self, nonce: Nonce, datagram: &[u8], now: Duration) -> Heard {
        match frame::decode_datagram::<Registered>(datagram) {
            Ok((registered, _)) if registered.nonce == nonce => {
                self.step = Step::Settled { since: now };
                Heard::Registered(registered)
            }
            _ => Heard::Nothing,
        }
    }

    fn refused(&mut self, nonce: Nonce, datagram: &[u8], now: Duration) -> Heard {
        match frame::decode_datagram::<Refused>(datagram) {
            Ok((refused, _)) if refused.nonce != nonce => Heard::Nothing,
            Ok((refused, _)) if matches!(refused.why, Refusal::TooFast | Refusal::CutOff) => {
                self.greet(LONGEST, now);
                self.put_off = Some(refused.why);
                Heard::Nothing
            }
            Ok((refused, _)) => {
                self.step = Step::Refused;
                Heard::Refused(refused.why)
            }
            Err(_) => Heard::Nothing,
        }
    }
}

/// A nonce of letters, so that a greeting is text without `;`: a classic relay that reads nothing else answers it by 400.
fn nonce(random: &mut Random) -> Nonce {
    let drawn = random.draw();
    Nonce(std::array::from_fn(|at| b'@' | (drawn[at] & 0x3F)))
}

fn hello(nonce: Nonce) -> Vec<u8> {
    let hello = Hello {
        version: VERSION,
        nonce,
    };
    let mut wire = Vec::new();
    let _ = frame::encode(&hello, &[0; HELLO_PADDING], &mut wire); // it is within its limits
    wire
}

/// What a relay says that knows no other wire.
fn is_classic(datagram: &[u8]) -> bool {
    matches!(Reply::decode(datagram), Some(Reply::Status(status)) if status != Status::Sent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay::Incoming;

    #[test]
    fn a_greeting_is_text_that_a_classic_relay_answers_by_400() {
        let mut joining = Joining::new(&[7; 32], None, Duration::ZERO);
        for _ in 0..100 {
            let mut greeting = Vec::new();
            joining.greet(Duration::ZERO, Duration::ZERO);
            joining.transmit(Duration::ZERO, |wire| greeting = wire.to_vec());
            let incoming = Incoming::decode(&greeting);
            assert_eq!(incoming, Incoming::Rejected(Status::NoSemicolon));
            assert!(std::str::from_utf8(&greeting).is_ok());
        }
    }
}
