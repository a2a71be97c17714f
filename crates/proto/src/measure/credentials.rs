//! What proves that a packet of the native wire belongs to its session: a token that only whoever receives at the
//! client's address knows, or codes that only whoever has the shared key can make.
//!
//! The codes are BLAKE3 in its keyed mode (<https://github.com/BLAKE3-team/BLAKE3-specs>), cut to 64 bits: forging one
//! takes 2⁶³ packets on average, each of which must be sent to find out.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use thiserror::Error;

/// The number of a session, chosen at random by its client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SessionId(pub u64);

/// What a server gives to a client at the address that it was asked from. It means nothing elsewhere.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Token(pub(super) [u8; 8]);

/// The code at the end of a packet or a calibration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Proof(pub(super) [u8; 8]);

/// A key that client and server share. It prints as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Key([u8; 32]);

/// A key file that holds no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("expected a key of 16 to {max} bytes, got {bytes}; `head -c 32 /dev/urandom | base64` makes a good one", max = Key::MAX)]
pub struct KeyLength {
    /// The length in bytes, without white space at its ends.
    pub bytes: usize,
}

/// The key of one session, derived from the shared one and the token.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionKey([u8; 32]);

/// What the packets of one session are proved with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// The token itself, in the client's packets; the server's carry none.
    Token(Token),
    /// A code over the whole packet, both ways.
    Key(SessionKey),
}

/// The server's secret, from which all tokens follow: it remembers nothing of clients that it has only calibrated.
#[derive(Clone)]
pub struct Secret([u8; 32]);

impl Key {
    /// The longest key in bytes.
    pub const MAX: usize = 4096;
    const MIN: usize = 16;
    const PURPOSE: &str = "plumbline 2026-11-21 measurement, the shared key";

    /// The key that a file holds: 16 to 4096 bytes, white space at the ends left aside.
    ///
    /// # Errors
    /// [`KeyLength`] where it is shorter or longer.
    pub fn new(content: &[u8]) -> Result<Self, KeyLength> {
        let key = content.trim_ascii();
        if !(Self::MIN..=Self::MAX).contains(&key.len()) {
            return Err(KeyLength { bytes: key.len() });
        }
        Ok(Self(blake3::derive_key(Self::PURPOSE, key)))
    }

    /// Proves that the owner of the key asks for this session.
    pub fn prove_offer(&self, session: SessionId) -> Proof {
        cut(code(&self.0, &[b"offer", &session.bytes()]))
    }

    /// Proves that the owner of the key gave this token to this session.
    pub fn prove_token(&self, session: SessionId, token: Token) -> Proof {
        cut(code(&self.0, &[b"token", &session.bytes(), &token.0]))
    }

    /// The key of the session's packets.
    pub fn of_session(&self, session: SessionId, token: Token) -> SessionKey {
        SessionKey(*code(&self.0, &[b"session", &session.bytes(), &token.0]).as_bytes())
    }

    /// Proves a packet that belongs to no session.
    pub(super) fn prove_parts(&self, parts: [&[u8]; 2]) -> Proof {
        cut(code(&self.0, &[b"packet", parts[0], parts[1]]))
    }
}

impl SessionKey {
    pub(super) fn prove_parts(&self, parts: [&[u8]; 2]) -> Proof {
        cut(code(&self.0, &parts))
    }
}

impl Secret {
    /// Takes 32 bytes that nobody can guess.
    pub fn new(random: [u8; 32]) -> Self {
        Self(random)
    }

    /// The token of this session at this address.
    pub fn token(&self, peer: SocketAddr, session: SessionId) -> Token {
        let ip = match peer.ip() {
            IpAddr::V4(ip) => ip.to_ipv6_mapped(),
            IpAddr::V6(ip) => ip,
        };
        let port = peer.port().to_be_bytes();
        Token(cut(code(&self.0, &[&ip.octets(), &port, &session.bytes()])).0)
    }
}

impl SessionId {
    fn bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }
}

fn code(key: &[u8; 32], parts: &[&[u8]]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new_keyed(key);
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize()
}

fn cut(code: blake3::Hash) -> Proof {
    let mut proof = [0; 8];
    proof.copy_from_slice(&code.as_bytes()[..8]);
    Proof(proof)
}

/// Compares without telling by its time where the difference is.
#[inline]
pub(super) fn same(one: &[u8; 8], other: &[u8; 8]) -> bool {
    std::hint::black_box(u64::from_ne_bytes(*one) ^ u64::from_ne_bytes(*other)) == 0
}

/// Sixteen hexadecimal digits.
macro_rules! hexadecimal {
    ($($name:ident: $to:expr, $from:expr;)*) => {$(
        impl $name {
            pub(super) fn word(self) -> String {
                let to: fn(Self) -> u64 = $to;
                format!("{:016x}", to(self))
            }

            pub(super) fn read(word: &[u8]) -> Option<Self> {
                let from: fn(u64) -> Self = $from;
                let digits = word.len() == 16 && word.iter().all(u8::is_ascii_hexdigit);
                let text = std::str::from_utf8(word).ok().filter(|_| digits)?;
                u64::from_str_radix(text, 16).ok().map(from)
            }
        }
    )*};
}

hexadecimal! {
    SessionId: |id| id.0, SessionId;
    Token: |token| u64::from_be_bytes(token.0), |number| Token(number.to_be_bytes());
    Proof: |proof| u64::from_be_bytes(proof.0), |number| Proof(number.to_be_bytes());
}

/// Secrets print as `***`.
macro_rules! hidden {
    ($($name:ident)*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "(***)"))
            }
        }
    )*};
}

hidden!(Token Key SessionKey Secret);

#[cfg(test)]
mod tests {
    use super::*;

    const ID: SessionId = SessionId(0x0123_4567_89ab_cdef);

    fn peer(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_token_is_bound_to_its_address_its_session_and_its_server() {
        let secret = Secret::new([7; 32]);
        let token = secret.token(peer("192.0.2.7:5000"), ID);
        assert_eq!(token, secret.token(peer("192.0.2.7:5000"), ID));
        assert_eq!(token, secret.token(peer("[::ffff:192.0.2.7]:5000"), ID));
        assert_ne!(token, secret.token(peer("192.0.2.7:5001"), ID));
        assert_ne!(token, secret.token(peer("192.0.2.8:5000"), ID));
        assert_ne!(token, secret.token(peer("192.0.2.7:5000"), SessionId(1)));
        let restarted = Secret::new([8; 32]);
        assert_ne!(token, restarted.token(peer("192.0.2.7:5000"), ID));
    }

    #[test]
    fn keys_have_a_length_and_their_line_end_does_not_count() {
        let key = Key::new(b"0123456789abcdef").unwrap();
        assert_eq!(Key::new(b" 0123456789abcdef\n"), Ok(key));
        assert_eq!(Key::new(b"short\n"), Err(KeyLength { bytes: 5 }));
        assert_eq!(Key::new(&[b'x'; 4097]), Err(KeyLength { bytes: 4097 }));
    }

    #[test]
    fn every_purpose_has_a_code_of_its_own() {
        let key = Key::new(b"0123456789abcdef").unwrap();
        let token = Token([1; 8]);
        let session = key.of_session(ID, token);
        let codes = [
            key.prove_offer(ID),
            key.prove_token(ID, token),
            key.prove_parts([b"", b""]),
            session.prove_parts([b"", b""]),
        ];
        for (place, code) in codes.iter().enumerate() {
            assert!(!codes[..place].contains(code));
        }
        assert_ne!(session, key.of_session(ID, Token([2; 8])));
        assert_ne!(session, key.of_session(SessionId(1), token));
    }

    #[test]
    fn secrets_are_not_printed() {
        let key = Key::new(b"0123456789abcdef").unwrap();
        let shown = format!("{key:?} {:?}", Credentials::Token(Token([0x42; 8])));
        assert_eq!(shown, "Key(***) Token(Token(***))");
    }

    #[test]
    fn words_are_sixteen_digits() {
        assert_eq!(ID.word(), "0123456789abcdef");
        assert_eq!(SessionId::read(b"0123456789abcdef"), Some(ID));
        for word in [&b""[..], b"123", b"+123456789abcdef", b"0123456789abcdeg"] {
            assert_eq!(SessionId::read(word), None);
        }
    }
}
