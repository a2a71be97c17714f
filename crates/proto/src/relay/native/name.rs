//! Names of people, programs and rooms.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// A name: 1 to 32 of the letters `a` to `z`, digits, `-`, `_` and `.`, the first a letter or a digit.
///
/// What people type in capitals is the same name. It is copied, never allocated.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    bytes: [u8; Name::MAX],
    length: u8,
}

/// Text that is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("expected a name of 1 to {max} letters a-z, digits, '-', '_' and '.', the first a letter or a digit", max = Name::MAX)]
pub struct NotAName;

impl Name {
    /// The longest name in bytes.
    pub const MAX: usize = 32;

    /// The name with exactly these bytes; `None` where they are none, capitals included.
    pub fn new(text: &[u8]) -> Option<Self> {
        let (first, _) = text.split_first()?;
        let is_fine = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let rest = text
            .iter()
            .all(|byte| is_fine(byte) || b"-_.".contains(byte));
        if text.len() > Self::MAX || !is_fine(first) || !rest {
            return None;
        }
        let mut bytes = [0; Self::MAX];
        bytes[..text.len()].copy_from_slice(text);
        Some(Self {
            bytes,
            length: text.len() as u8,
        })
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// The same as bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

impl FromStr for Name {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<Self, NotAName> {
        Self::new(text.to_ascii_lowercase().as_bytes()).ok_or(NotAName)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({})", self.as_str())
    }
}

/// As bytes, which the codec takes and hands out in one piece.
impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.as_bytes())
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;

        impl Visitor<'_> for Bytes {
            type Value = Name;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{NotAName}")
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Name, E> {
                Name::new(bytes).ok_or_else(|| E::custom(NotAName))
            }
        }

        deserializer.deserialize_bytes(Bytes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::frame::{self, Message};
    use crate::relay::native::frames::Leave;

    #[test]
    fn what_is_a_name() {
        let longest = "a".repeat(Name::MAX);
        for text in ["a", "0", "alice", "a-b_c.d", "7of9", "a.", &longest] {
            let name = Name::new(text.as_bytes()).expect("a name");
            assert_eq!((name.as_str(), name.to_string()), (text, text.to_owned()));
            assert_eq!(text.parse(), Ok(name));
        }
        let too_long = "a".repeat(Name::MAX + 1);
        let table = [
            "", ".", "-a", "_a", "a b", "a\n", "a/b", "a:b", "#a", "é", "a\0", &too_long,
        ];
        for text in table {
            assert_eq!(Name::new(text.as_bytes()), None, "{text:?}");
            assert_eq!(text.parse::<Name>(), Err(NotAName), "{text:?}");
        }
    }

    #[test]
    fn capitals_are_typed_but_never_said() {
        assert_eq!("Alice".parse(), Ok(Name::new(b"alice").expect("a name")));
        assert_eq!(Name::new(b"Alice"), None);
        assert_eq!("ÀLICE".parse::<Name>(), Err(NotAName));
    }

    fn on_the_wire(text: &[u8]) -> Vec<u8> {
        let length = u8::try_from(1 + text.len()).expect("short");
        let prefix = [frame::VERSION, Leave::KIND, 0, 0, 0, length, 0, 0, 0, 0];
        [&prefix, &[length - 1][..], text].concat()
    }

    #[test]
    fn a_name_in_a_frame() {
        let room = Name::new(b"room").expect("a name");
        let mut wire = Vec::new();
        frame::encode(&Leave { room }, &[], &mut wire).expect("it fits");
        assert_eq!(wire, on_the_wire(b"room"));
    }

    proptest! {
        #[test]
        fn whatever_comes_is_a_name_or_refused(text in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..39),
            "[a-z0-9][a-z0-9._-]{0,35}".prop_map(String::into_bytes),
        ]) {
            let wire = on_the_wire(&text);
            let read = frame::decode_datagram::<Leave>(&wire).ok().map(|(leave, _)| leave.room);
            prop_assert_eq!(read, Name::new(&text));
            if let Some(room) = read {
                let mut again = Vec::new();
                frame::encode(&Leave { room }, &[], &mut again).expect("it fits");
                prop_assert_eq!(again, wire);
            }
        }
    }
}
