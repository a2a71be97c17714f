//! What was found out for the last datagram, for the next that is like it: in a burst all are.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::super::table::{Reached, Standing};
use super::super::{Burst, Via};
use crate::relay::message::Head;
use crate::relay::{Incoming, reply};

/// How the last message began, who sent it and where it went.
#[derive(Debug)]
pub(super) struct Routes {
    head: Head,
    sender: Sender,
    /// Where that message went, since the sender was last attended to.
    reached: Option<Reached>,
    ways: Ways,
}

/// Who sent the last message.
#[derive(Debug)]
pub(super) struct Sender {
    /// The address, canonical.
    pub(super) addr: SocketAddr,
    /// Where they came in.
    pub(super) via: Via,
    /// What stands before their texts in a delivery.
    pub(super) source: Vec<u8>,
    /// Whether they are registered.
    pub(super) standing: Standing,
    /// Another for every other sender, and every time that they are looked up.
    pub(super) number: u64,
    as_of: AsOf,
    /// The address as it came.
    from: SocketAddr,
}

/// When something was looked up: the time, and the table's [changes](super::Table::changes) so far.
pub(super) type AsOf = (Duration, u64);

/// By which ways senders of each family came, from this machine and from elsewhere: a free relay writes to somebody of
/// another kind than the sender by the last way of that kind.
#[derive(Debug, Default)]
struct Ways([[Option<Via>; 2]; 2]);

impl Default for Routes {
    fn default() -> Self {
        let nobody = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        let mut source = Vec::new();
        reply::append_source(&nobody, &mut source);
        Self {
            head: Head::default(),
            sender: Sender {
                addr: nobody,
                via: Via::default(),
                source,
                standing: Standing::Stranger,
                number: 0,
                as_of: (Duration::MAX, 0),
                from: nobody,
            },
            reached: None,
            ways: Ways::default(),
        }
    }
}

impl Routes {
    /// The content of a message that is like the last, whose sender is [known](Self::knows), and goes where that went.
    #[inline]
    pub(super) fn again<'a>(&self, datagram: &'a [u8]) -> Option<(&'a [u8], &Reached)> {
        let reached = self.reached.as_ref()?;
        Some((self.head.content(datagram)?, reached))
    }

    /// Reads any datagram.
    pub(super) fn read<'a>(&mut self, datagram: &'a [u8]) -> Incoming<'a> {
        let incoming = self.head.decode(datagram);
        if let Incoming::Message(message) = &incoming {
            self.reached = None;
            self.head.keep(datagram, message);
        }
        incoming
    }

    /// Who sent the datagram that was last [attended](Self::attend) to.
    #[inline]
    pub(super) fn sender(&self) -> &Sender {
        &self.sender
    }

    /// Whether that was the sender of this burst, and nothing can have changed since.
    #[inline]
    pub(super) fn knows(&self, burst: &Burst<'_>, as_of: AsOf) -> bool {
        let sender = &self.sender;
        sender.as_of == as_of && sender.via == burst.via && sender.from == burst.from
    }

    /// The sender of this burst.
    pub(super) fn attend(&mut self, burst: &Burst<'_>, as_of: AsOf, standing: Standing) {
        self.reached = None;
        let sender = &mut self.sender;
        sender.number += 1;
        (sender.as_of, sender.standing, sender.via) = (as_of, standing, burst.via);
        if sender.from != burst.from {
            (sender.from, sender.addr) = (burst.from, canonical(burst.from));
            sender.source.clear();
            reply::append_source(&sender.addr, &mut sender.source);
        }
        self.ways.note(sender.addr, burst.via);
    }

    /// The message that was [read](Self::read) last goes there.
    pub(super) fn keep(&mut self, reached: Reached) {
        self.reached = Some(reached);
    }

    /// How somebody who is not known is reached for the last sender; `None` if no way is known.
    pub(super) fn free(&self, to: SocketAddr) -> Option<Reached> {
        let at = canonical(to);
        let via = if Ways::kind(at) == Ways::kind(self.sender.addr) {
            Some(self.sender.via)
        } else {
            self.ways.to(at)
        };
        via.map(|via| Reached { at, via })
    }
}

impl Ways {
    fn kind(addr: SocketAddr) -> (usize, usize) {
        (addr.is_ipv6().into(), addr.ip().is_loopback().into())
    }

    fn note(&mut self, addr: SocketAddr, via: Via) {
        let (family, place) = Self::kind(addr);
        self.0[family][place] = Some(via);
    }

    fn to(&self, addr: SocketAddr) -> Option<Via> {
        let (family, place) = Self::kind(addr);
        self.0[family][place].or(self.0[family][1 - place])
    }
}

/// The address with a mapped IPv4 address as what it is.
pub(super) fn canonical(addr: SocketAddr) -> SocketAddr {
    match addr {
        SocketAddr::V6(v6) => match v6.ip().to_ipv4_mapped() {
            Some(ip) => SocketAddr::from((ip, v6.port())),
            None => addr,
        },
        SocketAddr::V4(_) => addr,
    }
}
