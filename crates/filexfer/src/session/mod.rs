//! A connection after the key exchange: frames go out and come in, sealed.

mod caller;
mod greet;
mod receiving;
mod sending;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use proto::filexfer::native::handshake::{
    AesHardware, Connector, HandshakeError, Keys, Refusal, Wishes,
};
use proto::filexfer::{DEFAULT_PORT, Key};
use runtime::addr::Target;
use runtime::tcp::{self, ConnectError};
use thiserror::Error;

#[cfg(test)]
use crate::guard::{Guard, Kind, Uses};

pub(crate) use caller::{Caller, Start};
use greet::Greeting;
pub(crate) use proto::filexfer::native::record::Protection;
pub(crate) use receiving::{Incoming, Receiving};
pub(crate) use sending::Sending;

/// How long a peer may be silent. One that is busy says so every few seconds.
pub(crate) const SILENCE: Duration = Duration::from_secs(30);

/// Why there is no session.
#[derive(Debug, Error)]
pub(crate) enum SessionError {
    /// There is no connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// It came to no end in time.
    #[error(
        "{peer} did not finish the key exchange within {timeout:?}: is it filexfer that is there?"
    )]
    Late { peer: SocketAddr, timeout: Duration },
    /// The connection broke.
    #[error("the connection to {peer} was lost before the key was proven: {reason}")]
    Lost { peer: SocketAddr, reason: io::Error },
    /// This side, which was listening, refuses the other.
    #[error("{peer}: {}", turned_away(*.refusal))]
    TurnedAway { peer: SocketAddr, refusal: Refusal },
    /// The other side is something else, refuses, or does not know the key.
    #[error("{peer}: {reason}")]
    Handshake {
        peer: SocketAddr,
        reason: HandshakeError,
    },
    /// This machine has no secrets.
    #[error("cannot get random numbers from the system: {0}")]
    Random(#[source] io::Error),
}

impl SessionError {
    /// Whether the same may go well later: nothing listens yet, the other side is busy, the network failed.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Connect(_) | Self::Late { .. } | Self::Lost { .. } => true,
            Self::Handshake { reason, .. } => {
                matches!(reason, HandshakeError::Refused(Refusal::Busy))
            }
            Self::TurnedAway { .. } | Self::Random(_) => false,
        }
    }
}

/// What a refusal is to the side that refuses; its own text is for the other.
fn turned_away(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Version(_) => "was refused: it speaks another version of the wire",
        Refusal::Encrypted => "was refused: it asked for --plain, which was not given here",
        Refusal::Plain => "was refused: it did not ask for --plain, which was given here",
        Refusal::WrongKey => "tried a wrong key",
        Refusal::Busy => "was refused: another is using the code",
        Refusal::UsedUp => "was refused: the code is used up",
        Refusal::TooMany => "was refused: too many wrong keys came from its network",
        Refusal::Ended => "tried one wrong key too many: the code is no longer good",
        Refusal::Unknown(_) => "was refused",
    }
}

/// Both ways of a connection.
pub(crate) struct Session {
    pub(crate) peer: SocketAddr,
    pub(crate) sending: Sending,
    pub(crate) receiving: Receiving,
}

impl Session {
    /// Connects and proves the key. All of it has `timeout`.
    pub(crate) fn connect(
        target: &Target,
        key: &Key,
        protection: Protection,
        timeout: Duration,
    ) -> Result<Self, SessionError> {
        let deadline = Instant::now() + timeout;
        let (stream, peer) = tcp::connect(target, DEFAULT_PORT, timeout)?;
        let greeting = Greeting::new(stream, peer, timeout, deadline);
        let (connector, hello) = Connector::new(key, wishes(protection), &seed()?);
        greeting.write(&hello)?;
        let (proving, proof) = greeting.judge(connector.answer(&greeting.read_answer()?))?;
        greeting.write(&proof)?;
        let keys = greeting.judge(proving.verdict(&greeting.read()?))?;
        greeting.finish(keys)
    }

    /// Has a peer that connected prove the key, which may be tried as often as one likes. All of it has `timeout`.
    #[cfg(test)]
    pub(crate) fn accept(
        stream: TcpStream,
        key: &Key,
        protection: Protection,
        timeout: Duration,
    ) -> Result<Self, SessionError> {
        let guard = Guard::new(Kind::File, Uses::Many);
        let peer = stream.peer_addr().expect("it is connected");
        let (session, _) = Caller::new(stream, peer, &guard, timeout)?.accept(key, protection)?;
        Ok(session)
    }

    fn new(stream: TcpStream, peer: SocketAddr, keys: Keys) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(SILENCE))?;
        stream.set_write_timeout(Some(SILENCE))?;
        let stream = Arc::new(stream);
        Ok(Self {
            peer,
            sending: Sending::new(Arc::clone(&stream), peer, keys.sealer),
            receiving: Receiving::new(stream, peer, keys.opener),
        })
    }
}

fn seed() -> Result<[u8; 64], SessionError> {
    runtime::random::bytes().map_err(SessionError::Random)
}

fn wishes(protection: Protection) -> Wishes {
    Wishes {
        protection,
        aes: aes_hardware(),
    }
}

#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
fn aes_hardware() -> AesHardware {
    match std::arch::is_x86_feature_detected!("aes")
        && std::arch::is_x86_feature_detected!("pclmulqdq")
    {
        true => AesHardware::Present,
        false => AesHardware::Absent,
    }
}

#[cfg(target_arch = "aarch64")]
fn aes_hardware() -> AesHardware {
    match std::arch::is_aarch64_feature_detected!("aes") {
        true => AesHardware::Present,
        false => AesHardware::Absent,
    }
}

#[cfg(not(any(target_arch = "x86", target_arch = "x86_64", target_arch = "aarch64")))]
fn aes_hardware() -> AesHardware {
    AesHardware::Absent
}
