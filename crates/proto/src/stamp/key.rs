//! What proves a packet of the authenticated mode: HMAC-SHA-256 (RFC 2104, RFC 6234), cut to 128 bits (RFC 8762,
//! section 4.4).

use std::fmt;

use hmac::digest::InvalidLength;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use thiserror::Error;

/// The length of a code in bytes.
pub(super) const CODE: usize = 16;

/// The key that sender and reflector share. It prints as `***`.
#[derive(Clone)]
pub struct Key(Hmac<Sha256>);

/// A key file that holds no key for STAMP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("expected a key of 16 to {max} bytes, the same as the other side's, got {bytes}", max = Key::MAX)]
pub struct KeyLength {
    /// The length in bytes, without white space at its ends.
    pub bytes: usize,
}

impl Key {
    /// The longest key in bytes.
    pub const MAX: usize = 4096;
    const MIN: usize = 16;

    /// The key that a file holds: 16 to 4096 bytes, taken as they are, white space at the ends left aside.
    ///
    /// # Errors
    /// [`KeyLength`] where it is shorter or longer.
    pub fn new(content: &[u8]) -> Result<Self, KeyLength> {
        let key = content.trim_ascii();
        let wrong = KeyLength { bytes: key.len() };
        if !(Self::MIN..=Self::MAX).contains(&key.len()) {
            return Err(wrong);
        }
        Hmac::new_from_slice(key).map_or_else(|InvalidLength| Err(wrong), |keyed| Ok(Self(keyed)))
    }

    fn over(&self, bytes: &[u8]) -> Hmac<Sha256> {
        let mut code = self.0.clone();
        code.update(bytes);
        code
    }

    /// The code over these bytes.
    pub(super) fn prove(&self, bytes: &[u8]) -> [u8; CODE] {
        let whole = self.over(bytes).finalize().into_bytes();
        let mut code = [0; CODE];
        code.copy_from_slice(&whole[..CODE]);
        code
    }

    /// Whether this is the code over these bytes. Where it differs, the time that it takes does not tell.
    pub(super) fn proves(&self, bytes: &[u8], code: &[u8]) -> bool {
        code.len() == CODE && self.over(bytes).verify_truncated_left(code).is_ok()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The test cases of RFC 4231 whose keys are long enough, and the first 16 bytes of their codes.
    #[test]
    fn codes_of_rfc_4231() {
        let table: &[(&[u8], &[u8], &str)] = &[
            (&[0x0b; 20], b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b"),
            (&[0xaa; 20], &[0xdd; 50], "773ea91e36800e46854db8ebd09181a7"),
            (
                &[0xaa; 131],
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f",
            ),
        ];
        // White space at the ends is no part of a key, and 0x0b is white space to some.
        for (key, text, expected) in table {
            let key = Key(Hmac::new_from_slice(key).unwrap());
            let code = key.prove(text);
            let shown: String = code.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(shown, *expected);
            assert!(key.proves(text, &code));
            assert!(!key.proves(text, &code[..15]) && !key.proves(text, &[0; 16]));
        }
    }

    #[test]
    fn keys_have_a_length_and_are_not_printed() {
        let key = Key::new(b" 0123456789abcdef\n").unwrap();
        assert_eq!(format!("{key:?}"), "Key(***)");
        let bare = Key::new(b"0123456789abcdef").unwrap();
        assert_eq!(key.prove(b"x"), bare.prove(b"x"));
        for (content, bytes) in [(&b"short\n"[..], 5), (&[b'x'; 4097], 4097)] {
            assert_eq!(Key::new(content).unwrap_err(), KeyLength { bytes });
        }
    }
}
