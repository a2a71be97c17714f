//! The packets of a test, as sender and reflector write and read them.

use thiserror::Error;

use super::extension;
use super::key::{CODE, Key};
use super::time::{ErrorEstimate, Timestamp};

/// Whether packets are proved.
#[derive(Clone, Debug)]
pub enum Mode {
    /// The unauthenticated mode.
    Open,
    /// The authenticated mode, with this key.
    Keyed(Key),
}

/// Where the fields of a mode stand. The sequence number is at 0; the SSID follows each packet's own error estimate.
struct Layout {
    base: usize,
    sent: usize,
    error: usize,
    received: usize,
    asked_sequence: usize,
    asked_sent: usize,
    asked_error: usize,
    ttl: usize,
}

/// RFC 8762, figures 2 and 5.
const OPEN: Layout = Layout {
    base: Mode::OPEN_BASE,
    sent: 4,
    error: 12,
    received: 16,
    asked_sequence: 24,
    asked_sent: 28,
    asked_error: 36,
    ttl: 40,
};

/// RFC 8762, figures 4 and 6.
const KEYED: Layout = Layout {
    base: Mode::KEYED_BASE,
    sent: 16,
    error: 24,
    received: 32,
    asked_sequence: 48,
    asked_sent: 64,
    asked_error: 72,
    ttl: 80,
};

/// Where the code of the authenticated mode stands, which covers all that is before it.
const PROVED: usize = Mode::KEYED_BASE - CODE;

/// No reflector keeps a packet for as many seconds: of two times that are closer, both are one's.
const LONGEST_STAY: u64 = 8;

impl Mode {
    /// The length of a packet of the unauthenticated mode without extensions, in bytes.
    pub const OPEN_BASE: usize = 44;
    /// The length of a packet of the authenticated mode without extensions, in bytes.
    pub const KEYED_BASE: usize = 112;

    /// The least of a packet of the unauthenticated mode that is taken, in bytes: what a reflector of TWAMP has to say,
    /// and what a sender of TWAMP sends that leaves room for it (RFC 5357, section 4.2.1; RFC 6038, section 3).
    pub const TWAMP_LEAST: usize = 41;

    /// The length of a packet without extensions, in bytes.
    pub fn base(&self) -> usize {
        self.layout().base
    }

    fn layout(&self) -> &'static Layout {
        match self {
            Self::Open => &OPEN,
            Self::Keyed(_) => &KEYED,
        }
    }

    fn least(&self) -> usize {
        match self {
            Self::Open => Self::TWAMP_LEAST,
            Self::Keyed(_) => Self::KEYED_BASE,
        }
    }

    fn seal(&self, packet: &mut [u8]) {
        if let Self::Keyed(key) = self
            && let Some((proved, rest)) = packet.split_at_mut_checked(PROVED)
            && let Some(place) = rest.first_chunk_mut()
        {
            *place = key.prove(proved);
        }
    }

    /// Whether a packet is long enough, and true where there is a key.
    fn accepts(&self, packet: &[u8]) -> bool {
        let code = packet.get(PROVED..Self::KEYED_BASE).unwrap_or_default();
        let is_proved = |key: &Key| key.proves(&packet[..PROVED], code);
        packet.len() >= self.least()
            && match self {
                Self::Open => true,
                Self::Keyed(key) => is_proved(key),
            }
    }
}

fn take<const N: usize>(packet: &[u8], at: usize) -> Option<[u8; N]> {
    packet.get(at..at + N)?.try_into().ok()
}

fn u32_at(packet: &[u8], at: usize) -> Option<u32> {
    take(packet, at).map(u32::from_be_bytes)
}

fn time_at(packet: &[u8], at: usize) -> Option<Timestamp> {
    take(packet, at).map(|bits| Timestamp(u64::from_be_bytes(bits)))
}

fn error_at(packet: &[u8], at: usize) -> Option<ErrorEstimate> {
    take(packet, at).map(|bits| ErrorEstimate(u16::from_be_bytes(bits)))
}

fn put<const N: usize>(packet: &mut [u8], at: usize, bytes: [u8; N]) {
    if let Some(place) = packet.get_mut(at..at + N) {
        place.copy_from_slice(&bytes);
    }
}

/// A sender's packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its number: the first of a session has 0, and each has one more than the one before it, modulo 2³².
    pub sequence: u32,
    /// When it was sent, by the sender's clock.
    pub sent: Timestamp,
    /// How that is written, and how wrong it may be.
    pub error: ErrorEstimate,
    /// The session that it belongs to among those of its sender (RFC 8972, section 3); 0 for none.
    pub ssid: u16,
}

/// Why a datagram is not reflected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NoRequest {
    /// The answer would be longer.
    #[error(
        "expected at least {least} bytes, got {bytes}: no reply is longer than its request; have the sender pad its packets, and prove them where there is a key"
    )]
    TooShort {
        /// Its length in bytes.
        bytes: usize,
        /// The least that is taken, in bytes.
        least: usize,
    },
    /// It is the answer of a server: of another reflector, or one of those that [`crate::answer`] knows.
    #[error("expected the packet of a sender, got the answer of a server")]
    Answer,
    /// Its code is not the one that the key gives.
    #[error("expected a packet proved with the key, got another; give both sides the same key")]
    Unproved,
}

/// A sender's packet, as a reflector receives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// What it says.
    pub request: Request,
    /// The number and the error estimate of the packet that it answers, if it is an answer.
    pub(super) answers: (u32, ErrorEstimate),
}

impl Incoming {
    /// Reads a datagram that came to a reflector.
    ///
    /// What must be zero in a sender's packet is not looked at (RFC 8762, section 4.2.1), and need not be with TWAMP, whose
    /// padding begins there. Where it is not, there is no SSID and no extension either.
    ///
    /// # Errors
    /// [`NoRequest`], which says why it is to be left without an answer.
    pub fn decode(packet: &[u8], mode: &Mode) -> Result<Self, NoRequest> {
        let (bytes, least) = (packet.len(), mode.least());
        let too_short = NoRequest::TooShort { bytes, least };
        if bytes < least {
            return Err(too_short);
        }
        if !mode.accepts(packet) {
            return Err(NoRequest::Unproved);
        }
        if crate::answer::is_answer(packet) || is_reflected(packet, mode.layout()) {
            return Err(NoRequest::Answer);
        }
        Self::read(packet, mode.layout()).ok_or(too_short)
    }

    fn read(packet: &[u8], layout: &Layout) -> Option<Self> {
        let mut request = Request::read(packet, layout)?;
        if !is_stamp(packet, layout) {
            request.ssid = 0;
        }
        let answers = (
            u32_at(packet, layout.asked_sequence)?,
            error_at(packet, layout.asked_error)?,
        );
        Some(Self { request, answers })
    }
}

/// Whether all is zero that a sender of STAMP leaves zero, which random padding of TWAMP is not.
fn is_stamp(packet: &[u8], layout: &Layout) -> bool {
    let end = layout.base.min(packet.len()).min(PROVED);
    let zeroes = packet.get(layout.error + 4..end);
    zeroes.is_some_and(|zeroes| zeroes.iter().all(|byte| *byte == 0))
}

/// Whether what would be the padding of a request is a time a moment before that of the packet, as it is in whatever a
/// reflector sends: by chance it is in one of 2²⁸ paddings.
fn is_reflected(packet: &[u8], layout: &Layout) -> bool {
    let times = time_at(packet, layout.received).zip(time_at(packet, layout.sent));
    times.is_some_and(|(received, sent)| {
        received != Timestamp::default()
            && received.seconds().abs_diff(sent.seconds()) < LONGEST_STAY
    })
}

impl Request {
    /// Appends the packet, padded to `size` bytes; one that is less than the base is taken as that.
    pub fn encode(&self, size: usize, mode: &Mode, out: &mut Vec<u8>) {
        let (start, layout) = (out.len(), mode.layout());
        out.resize(start + layout.base, 0);
        extension::pad(size.saturating_sub(layout.base), out);
        let packet = &mut out[start..];
        put(packet, 0, self.sequence.to_be_bytes());
        put(packet, layout.sent, self.sent.0.to_be_bytes());
        put(packet, layout.error, self.error.0.to_be_bytes());
        put(packet, layout.error + 2, self.ssid.to_be_bytes());
        mode.seal(packet);
    }

    fn read(packet: &[u8], layout: &Layout) -> Option<Self> {
        Some(Self {
            sequence: u32_at(packet, 0)?,
            sent: time_at(packet, layout.sent)?,
            error: error_at(packet, layout.error)?,
            ssid: take(packet, layout.error + 2).map(u16::from_be_bytes)?,
        })
    }
}

/// A reflector's packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Its number: by a reflector that counts, how many packets of the session it had answered before; by one that does
    /// not, the number of the request.
    pub sequence: u32,
    /// When it was sent, by the reflector's clock; see [`complete`].
    pub sent: Timestamp,
    /// When the request was received, by the same clock.
    pub received: Timestamp,
    /// How both are written, and how wrong they may be.
    pub error: ErrorEstimate,
    /// The request. Its SSID is the one in the reply, which is 0 where the reflector knows of none.
    pub asked: Request,
    /// The time to live, or hop limit, with which the request arrived; 255 where the reflector does not know it
    /// (RFC 5357, section 4.2.1).
    pub ttl: u8,
}

impl Reply {
    /// Appends the reply to this packet, as long as it is; [`complete`] makes it ready to be sent. What follows the base
    /// is copied, and its extensions are judged (RFC 8762, section 4.3; RFC 8972, section 4) unless it is TWAMP's padding.
    ///
    /// A request of 41 to 43 bytes has its reply without the zeroes at the end.
    pub fn encode(&self, request: &[u8], mode: &Mode, out: &mut Vec<u8>) {
        let (start, layout) = (out.len(), mode.layout());
        let base = layout.base.min(request.len());
        out.resize(start + base, 0);
        out.extend_from_slice(&request[base..]);
        let packet = &mut out[start..];
        put(packet, 0, self.sequence.to_be_bytes());
        put(packet, layout.sent, self.sent.0.to_be_bytes());
        put(packet, layout.error, self.error.0.to_be_bytes());
        put(packet, layout.error + 2, self.asked.ssid.to_be_bytes());
        put(packet, layout.received, self.received.0.to_be_bytes());
        put(
            packet,
            layout.asked_sequence,
            self.asked.sequence.to_be_bytes(),
        );
        put(packet, layout.asked_sent, self.asked.sent.0.to_be_bytes());
        put(packet, layout.asked_error, self.asked.error.0.to_be_bytes());
        put(packet, layout.ttl, [self.ttl]);
        if is_stamp(request, layout) {
            extension::judge(&mut packet[base..]);
        }
    }

    /// Reads a datagram that came to a sender; `None` is no reply, or is not proved where there is a key.
    pub fn decode(packet: &[u8], mode: &Mode) -> Option<Self> {
        let layout = mode.layout();
        mode.accepts(packet).then_some(())?;
        let Request {
            sequence,
            sent,
            error,
            ssid,
        } = Request::read(packet, layout)?;
        Some(Self {
            sequence,
            sent,
            error,
            received: time_at(packet, layout.received)?,
            asked: Request {
                sequence: u32_at(packet, layout.asked_sequence)?,
                sent: time_at(packet, layout.asked_sent)?,
                error: error_at(packet, layout.asked_error)?,
                ssid,
            },
            ttl: *packet.get(layout.ttl)?,
        })
    }
}

/// Writes into an encoded [`Reply`] when it is sent, and proves it where there is a key.
pub fn complete(packet: &mut [u8], sent: Timestamp, mode: &Mode) {
    put(packet, mode.layout().sent, sent.0.to_be_bytes());
    mode.seal(packet);
}
