//! What proves that somebody receives at an address, with nothing remembered of those who have not proven it.

use std::net::SocketAddr;
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;

use crate::relay::hub::keyed::octets;
use crate::relay::native::Token;
use crate::relay::native::handshake::{Cookie, Nonce};

/// The relay's secrets: cookies, tokens and all that has to be random follow from them.
pub(super) struct Gate {
    cookies: [u8; 32],
    tokens: [u8; 32],
    rest: [u8; 32],
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Gate(***)")
    }
}

impl Gate {
    /// A cookie is good in the slot of time in which it was given and in the next one.
    const SLOT: u64 = 60;

    pub(super) fn new(secret: &[u8; 32]) -> Self {
        let derive = |purpose| blake3::derive_key(purpose, secret);
        Self {
            cookies: derive("plumbline 2026-11-21 relay, cookies"),
            tokens: derive("plumbline 2026-11-21 relay, tokens"),
            rest: derive("plumbline 2026-11-21 relay, epochs and seeds"),
        }
    }

    /// The cookie that is given now.
    pub(super) fn cookie(&self, peer: SocketAddr, nonce: Nonce, now: Duration) -> Cookie {
        self.of_slot(peer, nonce, now.as_secs() / Self::SLOT)
    }

    /// Whether the cookie was given to this address for this nonce, a minute ago or two.
    pub(super) fn is_good(
        &self,
        cookie: Cookie,
        peer: SocketAddr,
        nonce: Nonce,
        now: Duration,
    ) -> bool {
        let slot = now.as_secs() / Self::SLOT;
        let matches = |slot| {
            let good = self.of_slot(peer, nonce, slot);
            verify_slices_are_equal(&good.0, &cookie.0).is_ok()
        };
        matches(slot) || slot.checked_sub(1).is_some_and(matches)
    }

    /// The token of the session that begins with this nonce.
    pub(super) fn token(&self, peer: SocketAddr, nonce: Nonce) -> Token {
        let code = code(&self.tokens, &[&address(peer), &nonce.0]);
        let mut token = [0; 8];
        token.copy_from_slice(&code.as_bytes()[..8]);
        Token(token)
    }

    /// A number that nobody can guess, another one for each purpose and each count.
    pub(super) fn number(&self, purpose: &str, count: u64) -> u64 {
        let code = code(&self.rest, &[&count.to_be_bytes(), purpose.as_bytes()]);
        let [a, b, c, d, e, f, g, h, ..] = *code.as_bytes();
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }

    fn of_slot(&self, peer: SocketAddr, nonce: Nonce, slot: u64) -> Cookie {
        let parts: [&[u8]; 3] = [&address(peer), &nonce.0, &slot.to_be_bytes()];
        let code = code(&self.cookies, &parts);
        let mut cookie = [0; 16];
        cookie.copy_from_slice(&code.as_bytes()[..16]);
        Cookie(cookie)
    }
}

fn code(key: &[u8; 32], parts: &[&[u8]]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new_keyed(key);
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize()
}

/// An address as 18 bytes.
fn address(peer: SocketAddr) -> [u8; 18] {
    let mut bytes = [0; 18];
    bytes[..16].copy_from_slice(&octets(peer.ip()));
    bytes[16..].copy_from_slice(&peer.port().to_be_bytes());
    bytes
}
