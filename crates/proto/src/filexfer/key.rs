//! The key that a client has to show, and how a server judges it.

use std::fmt;
use std::hint::black_box;

/// The longest key, in bytes.
pub const MAX_KEY: usize = 1024;

/// What the client has to know to get the file: 1 to [`MAX_KEY`] bytes. It prints as `***`.
#[derive(Clone)]
pub struct Key(Box<[u8]>);

/// A key that is empty or too long; it holds the length in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a key of 1 to {MAX_KEY} bytes, found {0}")]
pub struct KeyLengthError(pub usize);

/// What a server knows of a client from the bytes received so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyCheck {
    /// Fewer bytes than the key has: wait for more. At the end of the stream, or when time is up, it counts as wrong.
    Partial,
    /// Exactly the key.
    Right,
    /// As many bytes as the key or more, and not the key.
    Wrong,
}

impl Key {
    /// The key with these bytes, whatever they are.
    ///
    /// # Errors
    /// [`KeyLengthError`] when there are none or more than [`MAX_KEY`].
    pub fn new(secret: impl Into<Box<[u8]>>) -> Result<Self, KeyLengthError> {
        let secret = secret.into();
        match secret.len() {
            1..=MAX_KEY => Ok(Self(secret)),
            length => Err(KeyLengthError(length)),
        }
    }

    /// Judges all the bytes that a client has sent so far, without allocating.
    ///
    /// No prefix is judged before as many bytes have come as the key has, not even one that is wrong in its first byte.
    /// A server that closed at the first wrong byte would tell a guesser, who sends one byte at a time, how many were
    /// right: the key would fall in at most 256 tries for each of its bytes, not 256 to the power of their number. For
    /// the same reason the comparison takes as long for any wrong key as for the right one. What a guesser can learn is
    /// the length of the key.
    ///
    /// The answer is never [`KeyCheck::Partial`] from [`MAX_KEY`] bytes on, so nobody has to collect more.
    pub fn check(&self, received: &[u8]) -> KeyCheck {
        if received.len() < self.0.len() {
            return KeyCheck::Partial;
        }
        if received.len() == self.0.len() && same_bytes(&self.0, received) {
            KeyCheck::Right
        } else {
            KeyCheck::Wrong
        }
    }

    /// Appends the key as it goes on the wire.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Compares two slices of one length without stopping at the first difference. `black_box` keeps the compiler from
/// finding out that it could.
fn same_bytes(a: &[u8], b: &[u8]) -> bool {
    let difference = a
        .iter()
        .zip(b)
        .fold(0, |difference, (a, b)| black_box(difference | (a ^ b)));
    difference == 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(secret: &[u8]) -> Key {
        Key::new(secret).unwrap()
    }

    #[test]
    fn golden_bytes() {
        let mut out = Vec::new();
        key(b"SECRET_KEY").encode(&mut out);
        assert_eq!(out, b"SECRET_KEY");
    }

    #[test]
    fn a_key_has_a_length() {
        for (length, fits) in [(0, false), (1, true), (MAX_KEY, true), (MAX_KEY + 1, false)] {
            let made = Key::new(vec![b'k'; length]).map(|_| ());
            let expected = if fits {
                Ok(())
            } else {
                Err(KeyLengthError(length))
            };
            assert_eq!(made, expected);
        }
    }

    #[test]
    fn a_key_does_not_print() {
        assert_eq!(format!("{:?}", key(b"SECRET_KEY")), "***");
    }

    #[test]
    fn a_key_is_judged_when_it_could_be_whole() {
        let table: &[(&[u8], KeyCheck)] = &[
            (b"", KeyCheck::Partial),
            (b"SECRET_KE", KeyCheck::Partial),
            (b"XXXXXXXXX", KeyCheck::Partial),
            (b"SECRET_KEY", KeyCheck::Right),
            (b"XECRET_KEY", KeyCheck::Wrong),
            (b"SECRET_KEX", KeyCheck::Wrong),
            (b"secret_key", KeyCheck::Wrong),
            (b"SECRET_KEY\n", KeyCheck::Wrong),
            (b"SECRET_KEYSECRET_KEY", KeyCheck::Wrong),
        ];
        for (received, expected) in table {
            let text = received.escape_ascii();
            assert_eq!(key(b"SECRET_KEY").check(received), *expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn only_the_key_is_right(secret in prop::collection::vec(any::<u8>(), 1..6), received: Vec<u8>) {
            let key = key(&secret);
            let expected = match received.len() {
                length if length < secret.len() => KeyCheck::Partial,
                _ if received == secret => KeyCheck::Right,
                _ => KeyCheck::Wrong,
            };
            prop_assert_eq!(key.check(&received), expected);
            prop_assert_eq!(key.check(&secret), KeyCheck::Right);
        }
    }
}
