//! The native wire of the measurement: binary packets of a session, padded to one size in both directions.
//!
//! A session begins with a calibration (see [`Offer`](super::Offer) and [`Grant`](super::Grant)): the client names the
//! session, the server answers with a [`Token`](super::Token) that only whoever receives at the client's address can
//! know. Every packet then carries a proof: the token itself or, where both sides have a [`Key`], a code over the whole
//! packet.
//!
//! All numbers are big-endian; times are nanoseconds since the Unix epoch by the clock of whoever took them. The first
//! byte is in no UTF-8 text, so that no packet can be taken for a message of the classic wire.
//!
//! | bytes | probe (kind 1) | echo (kind 2) |
//! |---|---|---|
//! | 0, 1 | 0xFD, kind | the same |
//! | 2, 3 | flags (1: say when the echo truly left), 0 | flags (1: received by the kernel's clock, 2: byte 3 holds, 4: says when echoes left), type of service on arrival |
//! | 4–11 | session | session |
//! | 12–19 | number | number |
//! | 20–27 | sent by the client | received by the server |
//! | 28–35 | proof | sent by the server |
//! | 36–39 | padding from here on | of an earlier echo: how many numbers back, signed; 0 for none |
//! | 40–43 | | the same: how long after its "sent" it truly left, ns |
//! | 44–47 | | probes of this session received so far, duplicates left aside, modulo 2³² |
//! | 48–51 | | echoes of this session that emulated loss has dropped so far, modulo 2³² |
//! | 52–55 | | which of the 32 numbers before this one had been received; bit 0 is the one just before |
//! | 56–63 | | proof; without a key 0 |
//! | 64– | | padding |
//!
//! A probe is as long as its echo, at least [`MIN_SIZE`]. [`Ask`] (kind 3) and [`Report`] (kind 4), both
//! [`REPORT_SIZE`] long, exchange the session's totals. [`Unknown`] (kind 5) says that the server does not know the
//! session, as after a restart, and is shorter than any request. Kinds 6 to 9 are those of a [`flood`]. Servers take
//! kinds 1, 3, 6 and 8 alone, clients the others.

use super::credentials::{Credentials, Key, Proof, SessionId, same};
use super::flood::{self, Order, State};

/// The first byte of every packet: in no UTF-8 text.
pub const MARK: u8 = 0xFD;

/// The smallest probe and echo in bytes.
pub const MIN_SIZE: usize = 64;

/// The size of [`Ask`] and [`Report`] packets in bytes.
pub const REPORT_SIZE: usize = REPORT_PROOF + PROOF;

const PROBE: u8 = 1;
const ECHO: u8 = 2;
const ASK: u8 = 3;
const REPORT: u8 = 4;
const UNKNOWN: u8 = 5;
pub(super) const FLOOD: u8 = 6;
pub(super) const RETURN: u8 = 7;
pub(super) const ORDER: u8 = 8;
pub(super) const STATE: u8 = 9;

const WANTS_LEFT: u8 = 1;
const RECEIVED_BY_KERNEL: u8 = 1;
const HAS_SERVICE: u8 = 2;
const TELLS_LEFT: u8 = 4;

pub(super) const PROOF: usize = 8;
const PROBE_PROOF: usize = 28;
const ECHO_SENT: usize = 28;
const ECHO_PROOF: usize = 56;
const ASK_PROOF: usize = 12;
const REPORT_LEFT: usize = 52;
const LEFT: usize = 12;
const REPORT_PROOF: usize = REPORT_LEFT + LEFT * Report::LEFT;
const UNKNOWN_PROOF: usize = 20;
const UNKNOWN_SIZE: usize = UNKNOWN_PROOF + PROOF;

/// A client's packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The session it belongs to.
    pub session: SessionId,
    /// Its number, from 0.
    pub number: u64,
    /// When the client sent it, by the client's clock, in nanoseconds.
    pub sent: u64,
    /// Whether the server is to find out when its echo truly leaves, and to say so in a later one.
    pub wants_left: bool,
}

/// When an earlier echo truly left the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// The number of that echo.
    pub number: u64,
    /// How long after its [`Echo::sent`] it left, in nanoseconds; `u32::MAX` is that or more.
    pub after: u32,
}

/// A server's answer to a [`Probe`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Echo {
    /// The session it belongs to.
    pub session: SessionId,
    /// The number of the probe.
    pub number: u64,
    /// When the server received the probe, by the server's clock, in nanoseconds.
    pub received: u64,
    /// Whether that is when the server's kernel got it; otherwise when the program did.
    pub received_by_kernel: bool,
    /// When the server's program sent this, by the server's clock, in nanoseconds; see [`stamp`].
    pub sent: u64,
    /// Whether the server finds out when its echoes truly leave.
    pub tells_left: bool,
    /// When an earlier echo truly left.
    pub left: Option<Left>,
    /// The type-of-service byte (DSCP and ECN) with which the probe arrived, where the server's system tells.
    pub service: Option<u8>,
    /// Probes of this session that the server has received, duplicates left aside, modulo 2³².
    pub count: u32,
    /// Echoes of this session that the server's emulated loss has dropped, modulo 2³².
    pub emulated: u32,
    /// Which of the 32 numbers before this one had been received: bit 0 is the one just before.
    pub before: u32,
}

/// A client's question for the session's totals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The session.
    pub session: SessionId,
}

/// The totals of a session at the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The session.
    pub session: SessionId,
    /// Probes received, duplicates left aside.
    pub received: u64,
    /// Probes received again.
    pub duplicates: u64,
    /// Echoes that emulated loss dropped.
    pub emulated: u64,
    /// Echoes that the server could not send or had no room to delay.
    pub dropped: u64,
    /// When the last echoes truly left, as far as no echo has said it; at most [`Report::LEFT`].
    pub left: Vec<Left>,
}

impl Report {
    /// The most entries of [`Report::left`].
    pub const LEFT: usize = 16;
}

/// The server's word that it does not know the session of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// The session of that packet.
    pub session: SessionId,
    /// Its number; 0 where it was an [`Ask`].
    pub number: u64,
}

/// What a server takes. Whether it is true, [`Credentials::accept`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// A probe, to be echoed.
    Probe(Probe),
    /// A question for totals.
    Ask(Ask),
    /// A packet of a flood in this session, for its [`Host`](flood::Host).
    Flood(SessionId),
    /// An order for a flood.
    Order(Order),
}

/// What a client takes. Whether it is true, [`Credentials::accept`] says; see [`Unknown::is_from`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A probe came back.
    Echo(Echo),
    /// The session's totals.
    Report(Report),
    /// The server does not know the session.
    Unknown(Unknown),
    /// How a flood stands.
    State(State),
}

/// Whether a datagram has the mark of this wire.
pub fn is_native(datagram: &[u8]) -> bool {
    datagram.first() == Some(&MARK)
}

/// Whether a datagram can only be a server's packet of this wire.
pub(super) fn is_answer(datagram: &[u8]) -> bool {
    matches!(
        datagram,
        [MARK, ECHO | REPORT | UNKNOWN | RETURN | STATE, ..]
    )
}

fn begin(kind: u8, flags: u8, extra: u8, session: SessionId, out: &mut Vec<u8>) -> usize {
    let start = out.len();
    out.extend_from_slice(&[MARK, kind, flags, extra]);
    out.extend_from_slice(&session.0.to_be_bytes());
    start
}

#[inline]
pub(super) fn take<const N: usize>(packet: &[u8], at: usize) -> Option<[u8; N]> {
    packet.get(at..at + N)?.try_into().ok()
}

#[inline]
pub(super) fn u64_at(packet: &[u8], at: usize) -> Option<u64> {
    take(packet, at).map(u64::from_be_bytes)
}

fn u32_at(packet: &[u8], at: usize) -> Option<u32> {
    take(packet, at).map(u32::from_be_bytes)
}

impl Probe {
    /// Appends the probe, padded to `size` bytes and without a proof: [`Credentials::seal`] sets that. A smaller size
    /// than [`MIN_SIZE`] is taken as that.
    pub fn encode(&self, size: usize, out: &mut Vec<u8>) {
        let flags = if self.wants_left { WANTS_LEFT } else { 0 };
        let start = begin(PROBE, flags, 0, self.session, out);
        out.extend_from_slice(&self.number.to_be_bytes());
        out.extend_from_slice(&self.sent.to_be_bytes());
        out.resize(start + size.max(MIN_SIZE), 0);
    }

    fn decode(packet: &[u8]) -> Option<Self> {
        (packet.len() >= MIN_SIZE).then_some(())?;
        Some(Self {
            session: SessionId(u64_at(packet, 4)?),
            number: u64_at(packet, 12)?,
            sent: u64_at(packet, 20)?,
            wants_left: packet[2] & WANTS_LEFT != 0,
        })
    }
}

impl Echo {
    /// Appends the echo, padded to `size` bytes and without a proof, as [`Probe::encode`].
    ///
    /// A [`left`](Self::left) more than 2³¹ numbers away is left out.
    pub fn encode(&self, size: usize, out: &mut Vec<u8>) {
        let flag = |is_set, flag| if is_set { flag } else { 0 };
        let flags = flag(self.received_by_kernel, RECEIVED_BY_KERNEL)
            | flag(self.service.is_some(), HAS_SERVICE)
            | flag(self.tells_left, TELLS_LEFT);
        let service = self.service.unwrap_or_default();
        let start = begin(ECHO, flags, service, self.session, out);
        for number in [self.number, self.received, self.sent] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        let (back, after) = self.left_on_wire();
        out.extend_from_slice(&back.to_be_bytes());
        for number in [after, self.count, self.emulated, self.before] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        out.resize(start + size.max(MIN_SIZE), 0);
    }

    fn left_on_wire(&self) -> (i32, u32) {
        let back = |left: Left| i32::try_from(self.number.wrapping_sub(left.number).cast_signed());
        match self.left {
            Some(left) => back(left).map_or((0, 0), |back| (back, left.after)),
            None => (0, 0),
        }
    }

    fn decode(packet: &[u8]) -> Option<Self> {
        (packet.len() >= MIN_SIZE).then_some(())?;
        let (flags, service) = (packet[2], packet[3]);
        let number = u64_at(packet, 12)?;
        let back = i64::from(u32_at(packet, 36)?.cast_signed());
        let left = Left {
            number: number.wrapping_sub(back.cast_unsigned()),
            after: u32_at(packet, 40)?,
        };
        Some(Self {
            session: SessionId(u64_at(packet, 4)?),
            number,
            received: u64_at(packet, 20)?,
            received_by_kernel: flags & RECEIVED_BY_KERNEL != 0,
            sent: u64_at(packet, ECHO_SENT)?,
            tells_left: flags & TELLS_LEFT != 0,
            left: (back != 0).then_some(left),
            service: (flags & HAS_SERVICE != 0).then_some(service),
            count: u32_at(packet, 44)?,
            emulated: u32_at(packet, 48)?,
            before: u32_at(packet, 52)?,
        })
    }
}

/// Writes into an encoded [`Echo`] when it is sent, in nanoseconds; other bytes are left as they are.
pub fn stamp(packet: &mut [u8], sent: u64) {
    if packet.len() >= MIN_SIZE && packet[1] == ECHO {
        packet[ECHO_SENT..ECHO_SENT + 8].copy_from_slice(&sent.to_be_bytes());
    }
}

impl Ask {
    /// Appends the question, without a proof.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let start = begin(ASK, 0, 0, self.session, out);
        out.resize(start + REPORT_SIZE, 0);
    }

    fn decode(packet: &[u8]) -> Option<Self> {
        (packet.len() == REPORT_SIZE).then_some(())?;
        let session = SessionId(u64_at(packet, 4)?);
        Some(Self { session })
    }
}

impl Report {
    /// Appends the totals, without a proof. Entries of `left` beyond [`Report::LEFT`] are left out.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let entries = self.left.len().min(Self::LEFT);
        let start = begin(REPORT, 0, entries as u8, self.session, out);
        let totals = [
            self.received,
            self.duplicates,
            self.emulated,
            self.dropped,
            0,
        ];
        for total in totals {
            out.extend_from_slice(&total.to_be_bytes());
        }
        for left in &self.left[..entries] {
            out.extend_from_slice(&left.number.to_be_bytes());
            out.extend_from_slice(&left.after.to_be_bytes());
        }
        out.resize(start + REPORT_SIZE, 0);
    }

    fn decode(packet: &[u8]) -> Option<Self> {
        (packet.len() == REPORT_SIZE && usize::from(packet[3]) <= Self::LEFT).then_some(())?;
        let left = (0..usize::from(packet[3])).map(|entry| {
            let at = REPORT_LEFT + entry * LEFT;
            Some(Left {
                number: u64_at(packet, at)?,
                after: u32_at(packet, at + 8)?,
            })
        });
        Some(Self {
            session: SessionId(u64_at(packet, 4)?),
            received: u64_at(packet, 12)?,
            duplicates: u64_at(packet, 20)?,
            emulated: u64_at(packet, 28)?,
            dropped: u64_at(packet, 36)?,
            left: left.collect::<Option<_>>()?,
        })
    }
}

impl Unknown {
    /// Appends the word, proved with the server's key if it has one.
    pub fn encode(&self, key: Option<&Key>, out: &mut Vec<u8>) {
        let start = begin(UNKNOWN, 0, 0, self.session, out);
        out.extend_from_slice(&self.number.to_be_bytes());
        let proof = key.map_or(Proof::default(), |key| {
            key.prove_parts([&out[start..], &[]])
        });
        out.extend_from_slice(&proof.0);
    }

    fn decode(packet: &[u8]) -> Option<Self> {
        (packet.len() == UNKNOWN_SIZE).then_some(())?;
        Some(Self {
            session: SessionId(u64_at(packet, 4)?),
            number: u64_at(packet, 12)?,
        })
    }

    /// Whether this packet, which says it, comes from a server with this key (or from any, without one).
    pub fn is_from(packet: &[u8], key: Option<&Key>) -> bool {
        let Some(proof) = take::<PROOF>(packet, UNKNOWN_PROOF) else {
            return false;
        };
        key.is_none_or(|key| same(&key.prove_parts([&packet[..UNKNOWN_PROOF], &[]]).0, &proof))
    }
}

impl Incoming {
    /// Reads a client's packet; `None` is none.
    pub fn decode(packet: &[u8]) -> Option<Self> {
        match *packet.get(..2)? {
            [MARK, PROBE] => Probe::decode(packet).map(Self::Probe),
            [MARK, ASK] => Ask::decode(packet).map(Self::Ask),
            [MARK, FLOOD] if packet.len() >= MIN_SIZE => {
                u64_at(packet, 4).map(|session| Self::Flood(SessionId(session)))
            }
            [MARK, ORDER] => Order::decode(packet).map(Self::Order),
            _ => None,
        }
    }

    /// The session it names.
    pub fn session(&self) -> SessionId {
        match self {
            Self::Probe(probe) => probe.session,
            Self::Ask(ask) => ask.session,
            Self::Flood(session) => *session,
            Self::Order(order) => order.session,
        }
    }
}

impl Answer {
    /// Reads a server's packet; `None` is none.
    pub fn decode(packet: &[u8]) -> Option<Self> {
        match *packet.get(..2)? {
            [MARK, ECHO] => Echo::decode(packet).map(Self::Echo),
            [MARK, REPORT] => Report::decode(packet).map(Self::Report),
            [MARK, UNKNOWN] => Unknown::decode(packet).map(Self::Unknown),
            [MARK, STATE] => State::decode(packet).map(Self::State),
            _ => None,
        }
    }

    /// The session it names.
    pub fn session(&self) -> SessionId {
        match self {
            Self::Echo(echo) => echo.session,
            Self::Report(report) => report.session,
            Self::Unknown(unknown) => unknown.session,
            Self::State(state) => state.session,
        }
    }
}

/// Where a packet has its proof.
fn proof_place(packet: &[u8]) -> Option<usize> {
    let place = match *packet.get(..2)? {
        [MARK, PROBE] => PROBE_PROOF,
        [MARK, ECHO] => ECHO_PROOF,
        [MARK, ASK] => ASK_PROOF,
        [MARK, REPORT] => REPORT_PROOF,
        [MARK, FLOOD | RETURN] => flood::PROOF_AT,
        [MARK, ORDER | STATE] => flood::SIZE_PROOF,
        _ => return None,
    };
    (packet.len() >= place + PROOF).then_some(place)
}

impl Credentials {
    /// Sets the proof of an encoded packet, after which nothing in it may change. [`Unknown`] is left as it is.
    pub fn seal(&self, packet: &mut [u8]) {
        if let Some(place) = proof_place(packet) {
            let proof = self.proof(packet, place);
            packet[place..place + PROOF].copy_from_slice(&proof.0);
        }
    }

    /// Whether the packet's proof is true. [`Unknown`] never is: it belongs to no session.
    pub fn accept(&self, packet: &[u8]) -> bool {
        proof_place(packet).is_some_and(|place| {
            let proof = take::<PROOF>(packet, place);
            proof.is_some_and(|proof| same(&proof, &self.proof(packet, place).0))
        })
    }

    fn proof(&self, packet: &[u8], place: usize) -> Proof {
        match self {
            Self::Token(token) if matches!(packet[1], PROBE | ASK | FLOOD | ORDER) => {
                Proof(token.0)
            }
            Self::Token(_) => Proof::default(),
            // What a flood is padded with says nothing.
            Self::Key(key) if matches!(packet[1], FLOOD | RETURN) => {
                key.prove_parts([&packet[..place], &[]])
            }
            Self::Key(key) => key.prove_parts([&packet[..place], &packet[place + PROOF..]]),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::credentials::Token;
    use super::*;

    const SESSION: SessionId = SessionId(0x0102_0304_0506_0708);

    fn probe() -> Probe {
        Probe {
            session: SESSION,
            number: 0x1112,
            sent: 0x2122,
            wants_left: true,
        }
    }

    fn echo() -> Echo {
        Echo {
            session: SESSION,
            number: 0x1112,
            received: 0x3132,
            received_by_kernel: true,
            sent: 0,
            tells_left: true,
            left: Some(Left {
                number: 0x1110,
                after: 0x51,
            }),
            service: Some(0xB8),
            count: 0x61,
            emulated: 0x71,
            before: 0x81,
        }
    }

    fn encoded(encode: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut packet = b"before".to_vec();
        encode(&mut packet);
        packet.split_off(6)
    }

    fn both_credentials() -> [Credentials; 2] {
        let key = Key::new(b"0123456789abcdef").unwrap();
        let token = Token([9; 8]);
        [
            Credentials::Token(token),
            Credentials::Key(key.of_session(SESSION, token)),
        ]
    }

    #[test]
    fn golden_probe() {
        let mut packet = encoded(|out| probe().encode(66, out));
        Credentials::Token(Token([9; 8])).seal(&mut packet);
        let mut expected = vec![0xFD, 1, 1, 0, 1, 2, 3, 4, 5, 6, 7, 8];
        expected.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0x11, 0x12, 0, 0, 0, 0, 0, 0, 0x21, 0x22]);
        expected.extend_from_slice(&[9; 8]);
        expected.resize(66, 0);
        assert_eq!(packet, expected);
        assert_eq!(Incoming::decode(&packet), Some(Incoming::Probe(probe())));
    }

    #[test]
    fn golden_echo() {
        let mut packet = encoded(|out| echo().encode(64, out));
        stamp(&mut packet, 0x4142);
        let mut expected = vec![0xFD, 2, 7, 0xB8, 1, 2, 3, 4, 5, 6, 7, 8];
        expected.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0x11, 0x12, 0, 0, 0, 0, 0, 0, 0x31, 0x32]);
        expected.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0x41, 0x42, 0, 0, 0, 2, 0, 0, 0, 0x51]);
        expected.extend_from_slice(&[0, 0, 0, 0x61, 0, 0, 0, 0x71, 0, 0, 0, 0x81]);
        expected.resize(64, 0);
        assert_eq!(packet, expected);
        let stamped = Echo {
            sent: 0x4142,
            ..echo()
        };
        assert_eq!(Answer::decode(&packet), Some(Answer::Echo(stamped)));
    }

    #[test]
    fn golden_totals() {
        let ask = Ask { session: SESSION };
        let packet = encoded(|out| ask.encode(out));
        assert_eq!(packet.len(), REPORT_SIZE);
        assert_eq!(packet[..5], [0xFD, 3, 0, 0, 1]);
        assert_eq!(Incoming::decode(&packet), Some(Incoming::Ask(ask)));
        let report = Report {
            session: SESSION,
            received: 2,
            duplicates: 3,
            emulated: 4,
            dropped: 5,
            left: vec![Left {
                number: 6,
                after: 7,
            }],
        };
        let packet = encoded(|out| report.encode(out));
        assert_eq!(packet.len(), REPORT_SIZE);
        assert_eq!(packet[..4], [0xFD, 4, 0, 1]);
        assert_eq!(packet[52..64], [0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 7]);
        assert_eq!(Answer::decode(&packet), Some(Answer::Report(report)));
    }

    #[test]
    fn an_unknown_session_is_said_in_fewer_bytes_than_it_took_to_ask() {
        let unknown = Unknown {
            session: SESSION,
            number: 7,
        };
        let key = Key::new(b"0123456789abcdef").unwrap();
        let other = Key::new(b"0123456789abcdeF").unwrap();
        let packet = encoded(|out| unknown.encode(Some(&key), out));
        const { assert!(UNKNOWN_SIZE < MIN_SIZE && UNKNOWN_SIZE < REPORT_SIZE) };
        assert_eq!(packet.len(), UNKNOWN_SIZE);
        assert_eq!(Answer::decode(&packet), Some(Answer::Unknown(unknown)));
        assert!(Unknown::is_from(&packet, Some(&key)));
        assert!(!Unknown::is_from(&packet, Some(&other)));
        assert!(Unknown::is_from(&packet, None));
    }

    #[test]
    fn a_changed_bit_anywhere_is_found_out_with_a_key() {
        let [_, keyed] = both_credentials();
        let packets = [
            encoded(|out| probe().encode(70, out)),
            encoded(|out| echo().encode(70, out)),
            encoded(|out| Ask { session: SESSION }.encode(out)),
            encoded(|out| Report::default().encode(out)),
        ];
        for mut packet in packets {
            assert!(!keyed.accept(&packet));
            keyed.seal(&mut packet);
            assert!(keyed.accept(&packet));
            for place in 0..packet.len() {
                packet[place] ^= 1;
                assert!(!keyed.accept(&packet), "byte {place}");
                packet[place] ^= 1;
            }
        }
    }

    #[test]
    fn no_packet_is_text_and_servers_take_no_answers() {
        let packets = [
            encoded(|out| echo().encode(64, out)),
            encoded(|out| Report::default().encode(out)),
            encoded(|out| {
                Unknown {
                    session: SESSION,
                    number: 0,
                }
                .encode(None, out);
            }),
        ];
        for packet in packets {
            assert!(is_native(&packet) && std::str::from_utf8(&packet).is_err());
            assert_eq!(Incoming::decode(&packet), None);
            assert!(crate::answer::is_answer(&packet));
        }
    }

    proptest! {
        #[test]
        fn probes_and_echoes_survive_the_wire(
            number: u64, sent: u64, received: u64, back in 1i32.., after: u32, size in 64usize..2000, flags: u8,
        ) {
            let probe = Probe { number, sent, wants_left: flags & 1 != 0, ..probe() };
            let packet = encoded(|out| probe.encode(size, out));
            prop_assert_eq!(packet.len(), size);
            prop_assert_eq!(Incoming::decode(&packet), Some(Incoming::Probe(probe)));
            let left = Left { number: number.wrapping_sub(back as u64), after };
            let echo = Echo {
                number, sent, received, received_by_kernel: flags & 2 != 0, tells_left: flags & 4 != 0,
                left: (flags & 8 != 0).then_some(left), service: (flags & 16 != 0).then_some(flags),
                count: after, emulated: !after, before: after / 3, ..echo()
            };
            let packet = encoded(|out| echo.encode(size, out));
            prop_assert_eq!(packet.len(), size);
            prop_assert_eq!(Answer::decode(&packet), Some(Answer::Echo(echo)));
        }

        #[test]
        fn any_bytes_are_taken(mut bytes: Vec<u8>, kind in 0u8..7) {
            for marked in [false, true] {
                if marked && bytes.len() >= 2 {
                    bytes[0] = MARK;
                    bytes[1] = kind;
                }
                Incoming::decode(&bytes);
                Answer::decode(&bytes);
                Unknown::is_from(&bytes, None);
                stamp(&mut bytes, 1);
                for credentials in both_credentials() {
                    credentials.accept(&bytes);
                    credentials.seal(&mut bytes);
                }
            }
        }
    }
}
