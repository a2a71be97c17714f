//! The packets of a flood, many at once.

use super::super::credentials::{Credentials, Proof, SessionId, SessionKey, same};
use super::super::native::{FLOOD, MARK, MIN_SIZE, PROOF, RETURN, take};
use super::{RunId, Way};

const NUMBER: usize = 12;
const SENT: usize = 20;
pub(in super::super) const PROOF_AT: usize = 28;

/// Who sends packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// The client.
    Client,
    /// The server.
    Server,
}

/// What all packets of a run begin with, and how each is proved.
#[derive(Clone, Debug)]
pub(super) struct Head {
    start: [u8; 4],
    session: [u8; 8],
    proof: HowProved,
}

#[derive(Clone, Debug)]
enum HowProved {
    /// All alike.
    By(Proof),
    /// Each by a code of its own.
    Each(SessionKey),
}

impl Head {
    pub(super) fn new(
        sender: Sender,
        session: SessionId,
        run: RunId,
        credentials: &Credentials,
    ) -> Self {
        let (kind, proof) = match (sender, credentials) {
            (Sender::Client, Credentials::Token(token)) => (FLOOD, HowProved::By(Proof(token.0))),
            (Sender::Server, Credentials::Token(_)) => (RETURN, HowProved::By(Proof::default())),
            (Sender::Client, Credentials::Key(key)) => (FLOOD, HowProved::Each(key.clone())),
            (Sender::Server, Credentials::Key(key)) => (RETURN, HowProved::Each(key.clone())),
        };
        Self {
            start: [MARK, kind, 0, run.0],
            session: session.0.to_be_bytes(),
            proof,
        }
    }

    /// Writes all but the number and the time.
    fn write(&self, packet: &mut [u8]) {
        packet[..4].copy_from_slice(&self.start);
        packet[4..NUMBER].copy_from_slice(&self.session);
        if let HowProved::By(proof) = &self.proof {
            packet[PROOF_AT..PROOF_AT + PROOF].copy_from_slice(&proof.0);
        }
    }

    /// Proves a packet in which all else is written.
    #[inline]
    fn seal(&self, packet: &mut [u8]) {
        if let HowProved::Each(key) = &self.proof {
            let proof = key.prove_parts([&packet[..PROOF_AT], &[]]);
            packet[PROOF_AT..PROOF_AT + PROOF].copy_from_slice(&proof.0);
        }
    }

    /// Makes a packet of this run of another's, which keeps its number, its time and its padding.
    #[inline]
    pub(super) fn turn(&self, packet: &mut [u8]) {
        self.write(packet);
        self.seal(packet);
    }

    /// Whether a packet of at least [`MIN_SIZE`] begins like this and is true.
    #[inline]
    pub(super) fn is_on(&self, packet: &[u8]) -> bool {
        let Some(proof) = take::<PROOF>(packet, PROOF_AT) else {
            return false;
        };
        if packet[..4] != self.start || packet[4..NUMBER] != self.session {
            return false;
        }
        match &self.proof {
            HowProved::By(expected) => same(&proof, &expected.0),
            HowProved::Each(key) => same(&proof, &key.prove_parts([&packet[..PROOF_AT], &[]]).0),
        }
    }
}

/// Packets of one run, one behind the other, as they are handed to the system.
#[derive(Clone, Debug)]
pub struct Train {
    head: Head,
    packets: Vec<u8>,
    size: usize,
    next: u64,
}

impl Train {
    /// Makes room for `most` packets of this size, at least [`MIN_SIZE`].
    pub fn new(
        sender: Sender,
        (session, run): (SessionId, RunId),
        credentials: &Credentials,
        size: usize,
        most: usize,
    ) -> Self {
        let head = Head::new(sender, session, run, credentials);
        let size = size.max(MIN_SIZE);
        let mut packets = vec![0; size * most];
        packets
            .chunks_exact_mut(size)
            .for_each(|packet| head.write(packet));
        Self {
            head,
            packets,
            size,
            next: 0,
        }
    }

    /// The next packets, as many of `count` as there is room for, sent at this time in nanoseconds.
    pub fn load(&mut self, count: usize, sent: u64) -> &[u8] {
        let end = self.packets.len().min(count.saturating_mul(self.size));
        let sent = sent.to_be_bytes();
        for packet in self.packets[..end].chunks_exact_mut(self.size) {
            packet[NUMBER..SENT].copy_from_slice(&self.next.to_be_bytes());
            packet[SENT..PROOF_AT].copy_from_slice(&sent);
            self.head.seal(packet);
            self.next += 1;
        }
        &self.packets[..end]
    }

    /// Begins with the packets that were not sent after all: the numbers of the last `count` are given again.
    pub fn take_back(&mut self, count: usize) {
        self.next = self.next.saturating_sub(count as u64);
    }
}

impl Way {
    /// Who sends packets that are counted at the other end alone.
    pub fn sender(self) -> Sender {
        match self {
            Self::There | Self::Echo => Sender::Client,
            Self::Back => Sender::Server,
        }
    }
}
