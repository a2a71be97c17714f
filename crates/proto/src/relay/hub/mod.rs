//! The relay itself, as a machine: it is handed what came and says what goes out, and has no socket and no clock.
//!
//! In this order, for each batch that came: [`handle`](Hub::handle) for each burst of datagrams, [`flush`](Hub::flush), the
//! owner sends the [`Outbox`] and notes which runs failed, [`answer`](Hub::answer), the owner sends what that gave,
//! [`take_effects`](Hub::take_effects). [`flush`](Hub::flush) also when the [`deadline`](Hub::deadline) has come.
//!
//! # What the hub decides and others carry out
//! The hub keeps everything in memory and decides alone. What has to outlast it, or to reach further than its clients, it
//! says as an [`Effect`]: its owner has the disk and the bus to other relays, and tells it by [`news`](Hub::news) what
//! came of that. [`elsewhere`] has all that goes there and comes from there.

mod classic;
mod counts;
pub mod elsewhere;
mod keyed;
mod native;
mod outbox;
mod policy;
mod table;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::native::identity::{PublicKeys, SigningKey};
use super::native::{Name, packet};
pub use counts::Counts;
pub use elsewhere::Reach;
use elsewhere::{Errand, News};
pub use outbox::{Outbox, Run, RunId, Via};
pub use policy::Targets;

use crate::frame;

/// How a relay is to be.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whom the classic wire may write to.
    pub targets: Targets,
    /// Who may stop it by [`EXIT_SERVER`](super::EXIT_SERVER).
    pub exit: ExitPolicy,
    /// 32 bytes that nobody can guess: cookies, tokens, the epoch and the seeds of tables follow from them.
    pub secret: [u8; 32],
    /// The addresses of this machine, and their networks' broadcast addresses, none of which a free relay writes to.
    pub own: Vec<IpAddr>,
    /// The ports that the relay listens on.
    pub ports: Vec<u16>,
    /// How many clients are remembered on each wire.
    pub clients: usize,
    /// How many messages of a room are kept for those who come later.
    pub history: usize,
    /// What there is beyond its clients.
    pub reach: Reach,
}

/// Who may stop a relay by a datagram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExitPolicy {
    /// Programs on the same machine.
    #[default]
    Loopback,
    /// Anyone.
    Any,
    /// Nobody.
    Never,
}

/// What the relay's owner is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Something for a disk, or for other relays.
    Errand(Errand),
    /// Stop: somebody who may asked for it.
    Stop,
}

/// Datagrams of one sender that came together.
#[derive(Clone, Copy, Debug)]
pub struct Burst<'a> {
    /// Who sent them.
    pub from: SocketAddr,
    /// Where they came in.
    pub via: Via,
    /// The datagrams, one behind the other.
    pub bytes: &'a [u8],
    /// The size of each, but for the last, which may be shorter. A single one may be empty.
    pub size: usize,
}

/// A relay.
#[derive(Debug)]
pub struct Hub {
    settings: Settings,
    classic: classic::Classic,
    native: native::Native,
    counts: Counts,
    effects: Vec<Effect>,
}

impl Hub {
    /// A relay that starts now.
    pub fn new(settings: Settings, now: Duration) -> Self {
        Self {
            classic: classic::Classic::new(&settings),
            native: native::Native::new(&settings, now),
            counts: Counts::default(),
            effects: Vec::new(),
            settings,
        }
    }

    /// This name has belonged to this key before the relay started.
    pub fn remember(&mut self, name: Name, key: SigningKey) {
        self.native.remember(name, key);
    }

    /// The same, where it is known what messages to the name are sealed for.
    pub fn remember_keys(&mut self, name: Name, keys: &PublicKeys) {
        self.native.remember_keys(name, keys);
    }

    /// Hears what became of errands, and what others want; [`flush`](Self::flush) after it.
    pub fn news(&mut self, news: News, now: Duration, out: &mut Outbox) {
        match news {
            News::Settled { ticket, outcome } => self.settled(ticket, outcome),
            News::Fetched {
                name,
                round,
                letters,
                is_all,
            } => self.fetched(&name, round, &letters, is_all, now),
            News::MailWaits { name } => self.mail_waits(&name),
            News::Claimed { name, claimed } => self.claimed(&name, &claimed, now, out),
            News::Found { name, keys } => self.found(&name, keys.as_ref()),
            News::Letter {
                reply,
                letter,
                content,
            } => self.letter_came(reply, &letter, &content, now),
            News::Told { to, receipt } => self.told(&to, &receipt),
            News::Superseded { name } => self.superseded(&name, now, out),
            News::Said { said, content } => self.said_elsewhere(&said, &content, now),
            News::Happened(happened) => self.happened_elsewhere(happened),
            News::Asked { reply, asked } => self.asked_elsewhere(reply, &asked),
            News::Gathered {
                ticket,
                listed,
                is_all,
            } => self.gathered(ticket, listed, is_all),
            News::Fleet { relays } => self.fleet_is(relays),
        }
    }

    /// Takes datagrams that came together.
    pub fn handle(&mut self, burst: &Burst<'_>, now: Duration, out: &mut Outbox) {
        if burst.bytes.is_empty() {
            return self.handle_one(burst, &[], now, out);
        }
        for datagram in burst.bytes.chunks(burst.size.max(1)) {
            self.handle_one(burst, datagram, now, out);
        }
    }

    #[inline]
    fn handle_one(&mut self, burst: &Burst<'_>, datagram: &[u8], now: Duration, out: &mut Outbox) {
        self.counts.received += 1;
        match datagram.first() {
            Some(&frame::VERSION) => self.handshake(burst, datagram, now, out),
            Some(&packet::MARK) => self.session(burst, datagram, now, out),
            _ => self.text(burst, datagram, now, out),
        }
    }

    /// Says what is to be said after a batch, or when the [`deadline`](Self::deadline) has come.
    pub fn flush(&mut self, now: Duration, out: &mut Outbox) {
        self.classic.expire(now);
        self.flush_sessions(now, out);
    }

    /// Whether classic senders are to be [answered](Self::answer).
    pub fn has_answers(&self) -> bool {
        self.classic.has_answers()
    }

    /// Answers classic senders, now that it is known which runs [failed](Outbox::fail): those are taken out of `out`, the
    /// answers are in it.
    pub fn answer(&mut self, now: Duration, out: &mut Outbox) {
        self.answer_texts(now, out);
    }

    /// What its owner is to do since the last call.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        let errands = self.native.errands.drain(..).map(Effect::Errand);
        let mut effects: Vec<_> = errands.collect();
        effects.append(&mut self.effects);
        effects
    }

    /// When to [`flush`](Self::flush) next, if nothing comes until then.
    pub fn deadline(&self) -> Option<Duration> {
        let deadlines = [self.native.deadline(), self.classic.deadline()];
        deadlines.into_iter().flatten().min()
    }

    /// What it has done so far and has now.
    pub fn counts(&self, now: Duration) -> Counts {
        self.count(now)
    }

    /// Says goodbye to all sessions: the relay stops.
    pub fn close(&mut self, now: Duration, out: &mut Outbox) {
        self.close_sessions(now, out);
    }
}
