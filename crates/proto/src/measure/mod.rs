//! Measurement echo (UDP): probes that a server acknowledges, and what their answers say of the path.
//!
//! A client calibrates the server to its packet size, sends probes at an interval and may stop the server at the end.
//! The probes of this wire carry no number and all their answers are alike, so a client that wants to know which probe
//! was answered sends each from a port of its own. [`Tally`] does the counting, driven with the time in hand.
//!
//! The delay and the loss that the classic server emulates are its owner's business, not this module's.
//!
//! **Native form.** A client finds out what it talks to by appending an [`Offer`] to its calibration message: a classic
//! server ignores the words, ours answers with a [`Welcome`]. What follows then is in [`native`]: binary packets with
//! a session, a number and times.
//!
//! # Example
//! A client with one probe in flight. The server is a classic one: its answer to the calibration has no version.
//!
//! ```
//! use std::time::{Duration, Instant};
//! use std::{io, net::UdpSocket, thread};
//!
//! use proto::measure::{self, PacketSize, Reply, Request, SessionId, Tally};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let timeout = Duration::from_secs(5);
//! let server = UdpSocket::bind("127.0.0.1:0")?;
//! server.set_read_timeout(Some(timeout))?;
//! let client = UdpSocket::bind("127.0.0.1:0")?;
//! client.set_read_timeout(Some(timeout))?;
//! client.connect(server.local_addr()?)?;
//! let classic = thread::spawn(move || -> io::Result<()> {
//!     for answer in ["Buffer Size Calibrated at Server.", "Packet Acknowledged", "Packet Acknowledged"] {
//!         let (_, peer) = server.recv_from(&mut [0; 1024])?;
//!         server.send_to(answer.as_bytes(), peer)?;
//!     }
//!     Ok(())
//! });
//!
//! let ask = |request: &[u8]| -> io::Result<Option<Reply>> {
//!     let mut buffer = [0; 1024];
//!     client.send(request)?;
//!     let length = client.recv(&mut buffer)?;
//!     Ok(Reply::decode(&buffer[..length]))
//! };
//! let (size, mut calibration, mut probe) = (PacketSize::new(100)?, Vec::new(), Vec::new());
//! let offer = measure::offer(SessionId(4711), None);
//! Request::Calibrate { size, offer: Some(offer) }.encode(&mut calibration);
//! assert_eq!(ask(&calibration)?, Some(Reply::Calibrated(None)));
//!
//! measure::probe(size, &mut probe);
//! let (start, mut tally) = (Instant::now(), Tally::new(timeout, 0));
//! for _ in 0..2 {
//!     let number = tally.sent(start.elapsed());
//!     if ask(&probe)? == Some(Reply::Acknowledged) {
//!         tally.answered(number, start.elapsed());
//!     }
//! }
//! let summary = tally.summary();
//! assert_eq!((summary.sent, summary.answered, summary.loss_percent()), (2, 2, 0.0));
//! classic.join().expect("the server does not panic")?;
//! # Ok(())
//! # }
//! ```
//!
//! # Example of the native wire
//! Both sides, with a key. The server keeps a [`Session`] for whoever has shown true packets, here for one client; the
//! client asks for a session with its calibration, and the echo says when the server had the probe.
//!
//! ```
//! use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
//! use std::{io, net::UdpSocket, thread};
//!
//! use proto::measure::native::{self, Answer, Incoming, Probe};
//! use proto::measure::{self, Arrived, Came, Gate, Key, PacketSize, Reply, Request};
//! use proto::measure::{Secret, Session, SessionId, Tally, Version, Welcome};
//!
//! fn unix_nanos() -> u64 {
//!     SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
//! }
//!
//! fn serve(socket: &UdpSocket, gate: &Gate) -> io::Result<()> {
//!     let (mut session, mut buffer) = (Session::default(), [0; 1500]);
//!     for _ in 0..2 {
//!         let (length, peer) = socket.recv_from(&mut buffer)?;
//!         let (at, packet, mut answer) = (unix_nanos(), &buffer[..length], Vec::new());
//!         match (Incoming::decode(packet), Request::decode(packet)) {
//!             (Some(Incoming::Probe(probe)), _) => {
//!                 let credentials = gate.credentials(peer, probe.session);
//!                 if !credentials.accept(packet) {
//!                     continue;
//!                 }
//!                 let arrived = Arrived { at, by_kernel: false, service: None };
//!                 session.probe(&probe, arrived, false).encode(length, &mut answer);
//!                 native::stamp(&mut answer, unix_nanos());
//!                 credentials.seal(&mut answer);
//!             }
//!             (_, Some(Request::Calibrate { offer: Some(offer), .. })) => {
//!                 let welcome = Welcome { version: Version::OURS, grant: gate.grant(peer, &offer) };
//!                 Reply::Calibrated(Some(welcome)).encode(&mut answer);
//!             }
//!             _ => continue,
//!         }
//!         socket.send_to(&answer, peer)?;
//!     }
//!     Ok(())
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let timeout = Duration::from_secs(5);
//! let server = UdpSocket::bind("127.0.0.1:0")?;
//! server.set_read_timeout(Some(timeout))?;
//! let client = UdpSocket::bind("127.0.0.1:0")?;
//! client.set_read_timeout(Some(timeout))?;
//! client.connect(server.local_addr()?)?;
//! let key = Key::new(b"a key of 16 bytes or more")?;
//! let gate = Gate::new(Secret::new([7; 32]), Some(key.clone())); // 32 random bytes, in earnest
//! let serving = thread::spawn(move || serve(&server, &gate));
//!
//! let (id, size) = (SessionId(4711), PacketSize::new(100)?); // a random number, in earnest
//! let (mut packet, mut buffer) = (Vec::new(), [0; 1500]);
//! let offer = measure::offer(id, Some(&key));
//! Request::Calibrate { size, offer: Some(offer) }.encode(&mut packet);
//! client.send(&packet)?;
//! let length = client.recv(&mut buffer)?;
//! let Some(Reply::Calibrated(Some(Welcome { grant: Some(grant), .. }))) = Reply::decode(&buffer[..length])
//! else {
//!     return Err("it speaks the classic wire alone".into());
//! };
//! let credentials = measure::join(id, Some(&key), &grant)?;
//!
//! let (start, epoch) = (Instant::now(), unix_nanos());
//! let mut tally = Tally::new(timeout, epoch);
//! let at = start.elapsed();
//! let number = tally.sent(at);
//! let sent = epoch + at.as_nanos() as u64;
//! packet.clear();
//! Probe { session: id, number, sent, wants_left: false }.encode(size.bytes(), &mut packet);
//! credentials.seal(&mut packet);
//! client.send(&packet)?;
//! let length = client.recv(&mut buffer)?;
//! if let Some(Answer::Echo(echo)) = Answer::decode(&buffer[..length])
//!     && credentials.accept(&buffer[..length])
//! {
//!     tally.echoed(&echo, Came { at: start.elapsed(), stamp: None });
//! }
//! let summary = tally.summary();
//! assert_eq!((summary.sent, summary.answered), (1, 1));
//! assert!(summary.clocks.is_some(), "how far the server's clock is from this one");
//! serving.join().expect("the server does not panic")?;
//! # Ok(())
//! # }
//! ```

mod clock;
mod confidence;
mod credentials;
pub mod flood;
mod histogram;
mod jitter;
pub mod mtu;
pub mod native;
mod numbers;
mod session;
mod sweep;
mod tally;

use std::fmt;

use thiserror::Error;

use crate::datagram;
pub use clock::{ClockFit, Fit, OneWay, RoundTrip};
pub use confidence::{mean_interval, wilson};
pub use credentials::{Credentials, Key, KeyLength, Proof, Secret, SessionId, SessionKey, Token};
pub use histogram::{Distribution, Histogram};
pub use jitter::Jitter;
pub use session::{Arrived, Gate, NoSession, Session, join, offer};
pub use sweep::{BadSweep, Falling, Knee, Second, Seconds, Slot, Slots, Step, Steps, knee};
pub use tally::{
    Arrival, Bursts, Came, Clocks, EchoTimes, JitterSummary, Losses, Recent, Record, State,
    Summary, Tally, Times,
};

/// The port the service listens on unless told otherwise.
pub const DEFAULT_PORT: u16 = 8080;

/// What the probes of a classic client say, before any padding. (The one with a falling interval adds a full stop.)
pub const PROBE: &[u8] = b"Hello Server";

const CALIBRATE: u8 = b'C';
const EXIT: &[u8] = b"exit";

/// The size of a probe in bytes: 1 to 65,507, what a datagram carries over IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PacketSize(u16);

/// A packet size that no datagram has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("expected a packet size from 1 to {max} bytes, got {bytes}", max = datagram::MAX_V4)]
pub struct SizeOutOfRange {
    /// The size that was asked for, in bytes.
    pub bytes: u64,
}

impl PacketSize {
    /// The largest size.
    pub const MAX: Self = Self(datagram::MAX_V4 as u16);

    /// What a server is calibrated to at the least, however small the packets are. A classic one reads no more than that
    /// of any message, and crashes on a calibration whose number it does not read; the longest is `C 65507`.
    pub const LEAST_CALIBRATED: Self = Self(7);

    /// Checks the range.
    ///
    /// # Errors
    /// [`SizeOutOfRange`] outside 1 to 65,507.
    pub fn new(bytes: u64) -> Result<Self, SizeOutOfRange> {
        match u16::try_from(bytes) {
            Ok(size) if (1..=Self::MAX.0).contains(&size) => Ok(Self(size)),
            _ => Err(SizeOutOfRange { bytes }),
        }
    }

    /// The size in bytes.
    pub fn bytes(self) -> usize {
        usize::from(self.0)
    }

    /// The size that a decimal number on the wire stands for: a number that no datagram has is taken as the nearest.
    fn decode(digits: &[u8]) -> Option<Self> {
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let number = digits.iter().fold(0u32, |number, digit| {
            (number * 10 + u32::from(digit - b'0')).min(u32::from(Self::MAX.0))
        });
        Some(Self(number.max(1) as u16))
    }
}

impl fmt::Display for PacketSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The highest native wire that a program of this project speaks, written `plumbline/N` in a calibration and its
/// answer. 0 says that it speaks the classic wire alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u8);

impl Version {
    /// What this crate speaks.
    pub const OURS: Self = Self(1);
    const WORD: &str = "plumbline/";
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", Self::WORD, self.0)
    }
}

/// A client's offer to speak a native wire, in words that follow the size of a calibration:
/// `plumbline/1 session=0123456789abcdef proof=0123456789abcdef`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The highest wire that the client speaks.
    pub version: Version,
    /// The session that it asks for.
    pub session: Option<SessionId>,
    /// Proves that it has the shared key.
    pub proof: Option<Proof>,
}

/// A server's answer to an [`Offer`], in words that follow the answer to a calibration:
/// `plumbline/1 token=0123456789abcdef proof=0123456789abcdef` or `plumbline/1 key`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Welcome {
    /// The highest wire that the server speaks.
    pub version: Version,
    /// What it grants.
    pub grant: Option<Grant>,
}

/// What a server grants to a client that asks for a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// The session.
    Session {
        /// What the session's packets are proved with.
        token: Token,
        /// Proves that the server has the shared key.
        proof: Option<Proof>,
    },
    /// No session without the right key.
    KeyNeeded,
}

const SESSION: &str = "session=";
const PROOF: &str = "proof=";
const TOKEN: &str = "token=";
const KEY: &str = "key";

/// The value of the first word that begins like this and can be read.
fn value<T>(text: &[u8], name: &str, read: impl Fn(&[u8]) -> Option<T>) -> Option<T> {
    words(text).find_map(|word| read(word.strip_prefix(name.as_bytes())?))
}

fn version(text: &[u8]) -> Option<Version> {
    value(text, Version::WORD, |number| {
        std::str::from_utf8(number).ok()?.parse().ok().map(Version)
    })
}

impl Offer {
    fn decode(text: &[u8]) -> Option<Self> {
        Some(Self {
            version: version(text)?,
            session: value(text, SESSION, SessionId::read),
            proof: value(text, PROOF, Proof::read),
        })
    }
}

impl fmt::Display for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.version.fmt(f)?;
        if let Some(session) = self.session {
            write!(f, " {SESSION}{}", session.word())?;
        }
        match self.proof {
            Some(proof) => write!(f, " {PROOF}{}", proof.word()),
            None => Ok(()),
        }
    }
}

impl Welcome {
    fn decode(text: &[u8]) -> Option<Self> {
        let token = value(text, TOKEN, Token::read);
        let proof = value(text, PROOF, Proof::read);
        let refused = words(text).any(|word| word == KEY.as_bytes());
        let grant = token.map(|token| Grant::Session { token, proof });
        Some(Self {
            version: version(text)?,
            grant: grant.or(refused.then_some(Grant::KeyNeeded)),
        })
    }
}

impl fmt::Display for Welcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.version.fmt(f)?;
        match self.grant {
            None => Ok(()),
            Some(Grant::KeyNeeded) => write!(f, " {KEY}"),
            Some(Grant::Session { token, proof }) => {
                write!(f, " {TOKEN}{}", token.word())?;
                proof.map_or(Ok(()), |proof| write!(f, " {PROOF}{}", proof.word()))
            }
        }
    }
}

fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty())
}

/// What a client sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request<'a> {
    /// `"C <size>"`: this client's packets have this size from now on.
    Calibrate {
        /// The size of the probes that follow.
        size: PacketSize,
        /// The client's offer to speak a native wire; `None` from a classic client.
        offer: Option<Offer>,
    },
    /// `"exit"`: the server is asked to stop.
    Exit,
    /// Any other datagram.
    Probe(&'a [u8]),
}

impl<'a> Request<'a> {
    /// Reads a datagram; all of them mean something, even an empty one, but for the answers of the classic wires, which
    /// are `None`: they are never answered (see [`crate::answer`]).
    ///
    /// A `C` message without a number is a probe. A number that no datagram has is taken as the nearest size: 0 as 1,
    /// more than 65,507 as 65,507.
    pub fn decode(datagram: &'a [u8]) -> Option<Self> {
        if crate::answer::is_answer(datagram) {
            return None;
        }
        if datagram == EXIT {
            return Some(Self::Exit);
        }
        let calibration = Self::decode_calibration(datagram);
        Some(calibration.unwrap_or(Self::Probe(datagram)))
    }

    fn decode_calibration(datagram: &[u8]) -> Option<Self> {
        if datagram.first() != Some(&CALIBRATE) {
            return None;
        }
        let size = PacketSize::decode(words(datagram).nth(1)?)?;
        let offer = Offer::decode(datagram);
        Some(Self::Calibrate { size, offer })
    }

    /// Appends the request as it goes on the wire.
    ///
    /// A probe goes out as it is: a payload that is `exit` or a calibration is read as that. A classic server crashes
    /// on one that is empty or not UTF-8, or that starts with `C` and has no number; [`probe`] makes one that is safe.
    /// A calibration that asks for a session is padded with spaces, so that no answer to it is longer.
    pub fn encode(self, out: &mut Vec<u8>) {
        match self {
            Self::Calibrate { size, offer: None } => {
                out.extend_from_slice(format!("C {size}").as_bytes());
            }
            Self::Calibrate {
                size,
                offer: Some(offer),
            } => {
                let width = offer.session.map_or(0, |_| Reply::LONGEST);
                out.extend_from_slice(format!("{:width$}", format!("C {size} {offer}")).as_bytes());
            }
            Self::Exit => out.extend_from_slice(EXIT),
            Self::Probe(payload) => out.extend_from_slice(payload),
        }
    }
}

/// Appends the probe of this size: [`PROBE`], cut off or padded with spaces.
///
/// It is UTF-8, not empty and no other request, so it harms no classic server.
pub fn probe(size: PacketSize, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&PROBE[..PROBE.len().min(size.bytes())]);
    out.resize(start + size.bytes(), b' ');
}

/// What a server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The answer to a calibration, with the server's own words where it is one of ours.
    Calibrated(Option<Welcome>),
    /// The answer to a probe.
    Acknowledged,
    /// The answer to an exit that is obeyed.
    Stopping,
    /// The answer to an exit that is refused; classic servers obey them all.
    NotStopping,
}

impl Reply {
    const CALIBRATED: &str = "Buffer Size Calibrated at Server.";
    /// What the longest answer to a calibration takes in bytes, and so the shortest calibration that asks for a session.
    pub const LONGEST: usize = 96;
    const ALIKE: [Self; 3] = [Self::Acknowledged, Self::Stopping, Self::NotStopping];

    fn sentence(self) -> &'static str {
        match self {
            Self::Calibrated(_) => Self::CALIBRATED,
            Self::Acknowledged => "Packet Acknowledged",
            Self::Stopping => "Stopping the Server.",
            Self::NotStopping => "Not Stopping the Server.",
        }
    }

    /// Appends the reply as it goes on the wire.
    pub fn encode(self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.sentence().as_bytes());
        if let Self::Calibrated(Some(welcome)) = self {
            out.extend_from_slice(format!(" {welcome}").as_bytes());
        }
    }

    /// Reads a datagram, letter for letter; `None` is none of these replies. Words after the answer to a calibration
    /// that hold no [`Welcome`] are ignored.
    pub fn decode(datagram: &[u8]) -> Option<Self> {
        if let Some(words) = datagram.strip_prefix(Self::CALIBRATED.as_bytes()) {
            return Some(Self::Calibrated(Welcome::decode(words)));
        }
        Self::ALIKE
            .into_iter()
            .find(|reply| reply.sentence().as_bytes() == datagram)
    }
}

/// Whether this datagram can only be an answer of a measurement echo, on either wire, whatever became of its letters'
/// case on the way.
///
/// A server that gets one stays silent (see [`crate::answer`]).
pub fn is_answer(datagram: &[u8]) -> bool {
    let calibrated = datagram
        .get(..Reply::CALIBRATED.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(Reply::CALIBRATED.as_bytes()));
    calibrated
        || native::is_answer(datagram)
        || Reply::ALIKE
            .iter()
            .any(|reply| datagram.eq_ignore_ascii_case(reply.sentence().as_bytes()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn size(bytes: u64) -> PacketSize {
        PacketSize::new(bytes).unwrap()
    }

    fn calibrate(bytes: u64, offer: Option<Offer>) -> Request<'static> {
        let size = size(bytes);
        Request::Calibrate { size, offer }
    }

    fn offer(version: u8) -> Option<Offer> {
        Some(Offer {
            version: Version(version),
            session: None,
            proof: None,
        })
    }

    fn welcome(version: u8, grant: Option<Grant>) -> Option<Welcome> {
        let version = Version(version);
        Some(Welcome { version, grant })
    }

    #[test]
    fn requests_of_the_table() {
        let table: &[(&[u8], Request<'_>)] = &[
            (b"C 64", calibrate(64, None)),
            (b"C 64 plumbline/3", calibrate(64, offer(3))),
            (b"C 64 new words plumbline/1 more", calibrate(64, offer(1))),
            (b"C 64 plumbline/256 plumbline/x", calibrate(64, None)),
            (b"C 64 session=0123456789abcdef", calibrate(64, None)),
            (
                b"C 64 plumbline/1 session=0123456789abcdef   ",
                calibrate(
                    64,
                    Some(super::offer(SessionId(0x0123_4567_89ab_cdef), None)),
                ),
            ),
            (b"C\t 64\n", calibrate(64, None)),
            (b"Calibrate 1472", calibrate(1472, None)),
            (b"C 0", calibrate(1, None)),
            (b"C 99999999999999999999999", calibrate(65_507, None)),
            (b"exit", Request::Exit),
            (b"EXIT", Request::Probe(b"EXIT")),
            (b"exit\n", Request::Probe(b"exit\n")),
            (b"Hello Server", Request::Probe(b"Hello Server")),
            (b"C", Request::Probe(b"C")),
            (b"C ", Request::Probe(b"C ")),
            (b"C -5", Request::Probe(b"C -5")),
            (b"C sixty", Request::Probe(b"C sixty")),
            (b"", Request::Probe(b"")),
            (b"\xff", Request::Probe(b"\xff")),
        ];
        for (datagram, expected) in table {
            assert_eq!(Request::decode(datagram), Some(*expected), "{datagram:?}");
        }
    }

    #[test]
    fn golden_bytes() {
        let requests: &[(Request<'_>, &[u8])] = &[
            (calibrate(64, None), b"C 64"),
            (calibrate(65_507, offer(0)), b"C 65507 plumbline/0"),
            (Request::Exit, b"exit"),
            (Request::Probe(PROBE), b"Hello Server"),
        ];
        for (request, expected) in requests {
            let mut out = Vec::new();
            request.encode(&mut out);
            assert_eq!(out, *expected);
        }
        let replies: &[(Reply, &[u8])] = &[
            (
                Reply::Calibrated(None),
                b"Buffer Size Calibrated at Server.",
            ),
            (
                Reply::Calibrated(welcome(0, None)),
                b"Buffer Size Calibrated at Server. plumbline/0",
            ),
            (Reply::Acknowledged, b"Packet Acknowledged"),
            (Reply::Stopping, b"Stopping the Server."),
            (Reply::NotStopping, b"Not Stopping the Server."),
        ];
        for (reply, expected) in replies {
            let mut out = Vec::new();
            reply.encode(&mut out);
            assert_eq!(out, *expected);
            assert_eq!(Reply::decode(expected), Some(*reply));
            assert_eq!(Request::decode(&expected.to_ascii_uppercase()), None);
        }
    }

    #[test]
    fn sizes_have_a_range() {
        assert_eq!(PacketSize::new(0), Err(SizeOutOfRange { bytes: 0 }));
        assert_eq!(
            PacketSize::new(65_508),
            Err(SizeOutOfRange { bytes: 65_508 })
        );
        assert_eq!(PacketSize::new(65_507), Ok(PacketSize::MAX));
    }

    proptest! {
        #[test]
        fn calibrations_survive_the_wire(
            bytes in 1u64..=65_507, version: u8, session: Option<u64>, token: u64, code: Option<u64>, refused: bool,
        ) {
            let proof = code.map(|code| Proof(code.to_be_bytes()));
            let asked = Offer { version: Version(version), session: session.map(SessionId), proof };
            let granted = Grant::Session { token: Token(token.to_be_bytes()), proof };
            let grant = session.map(|_| if refused { Grant::KeyNeeded } else { granted });
            let mut asking = Vec::new();
            let request = calibrate(bytes, Some(asked));
            request.encode(&mut asking);
            prop_assert_eq!(Request::decode(&asking), Some(request));
            let mut answer = Vec::new();
            let reply = Reply::Calibrated(welcome(version, grant));
            reply.encode(&mut answer);
            prop_assert_eq!(Reply::decode(&answer), Some(reply));
            prop_assert!(session.is_none() || answer.len() <= asking.len());
        }

        #[test]
        fn probes_of_any_size_harm_no_classic_server(bytes in 1u64..=65_507) {
            let mut out = Vec::new();
            probe(size(bytes), &mut out);
            prop_assert_eq!(out.len() as u64, bytes);
            prop_assert!(std::str::from_utf8(&out).is_ok());
            prop_assert_eq!(Request::decode(&out), Some(Request::Probe(&out)));
        }

        #[test]
        fn any_bytes_are_taken(bytes: Vec<u8>) {
            for datagram in [bytes.clone(), [b"C ".as_slice(), &bytes].concat()] {
                let mut out = Vec::new();
                if let Some(request) = Request::decode(&datagram) {
                    request.encode(&mut out);
                }
                Reply::decode(&datagram);
                is_answer(&datagram);
            }
        }
    }
}
