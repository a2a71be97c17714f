//! What the store has on its disk: keys, which are ordered, and values.
//!
//! | key | value |
//! |---|---|
//! | `m`, a name, 0, a [`Place`] as 8 bytes, big-endian | when it was kept, as 8 bytes of seconds since 1970, big-endian; the frame of a [`Letter`] with its content |
//! | `d`, a name | the [`Place`] up to which the letters for it are done with, whether they are still there or not; 8 bytes, big-endian |
//! | `n`, a name | the frame of an [`Owner`] |
//! | `v` | [`LAYOUT`], 4 bytes, big-endian |

use proto::frame::{self, FrameError, Message};
use proto::relay::letter::{Letter, Place};
use proto::relay::native::Name;
use proto::relay::native::identity::PublicKeys;
use serde::{Deserialize, Serialize};

/// The number of this layout.
pub(super) const LAYOUT: u32 = 1;

/// The key of the layout's number.
pub(super) const VERSION: &[u8] = b"v";

/// What the keys of all letters begin with.
pub(super) const MAIL: &[u8] = b"m";

/// What the keys of all marks begin with.
pub(super) const DONE: &[u8] = b"d";

/// What the keys of all names begin with.
pub(super) const NAMES: &[u8] = b"n";

/// Whose a name is.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Owner {
    pub(super) keys: PublicKeys,
}

impl Message for Owner {
    const KIND: u8 = 60;
    const MAX_HEADER: u32 = 128;
}

/// A letter as it is read.
#[derive(Debug)]
pub(super) struct Stored<'a> {
    pub(super) since: u64,
    pub(super) letter: Letter,
    pub(super) content: &'a [u8],
}

/// The key of a letter.
pub(super) fn mail_key(to: &Name, place: Place) -> Vec<u8> {
    [MAIL, to.as_bytes(), &[0], &place.0.to_be_bytes()].concat()
}

/// Whose letter a key is of, and its place.
pub(super) fn parse_mail_key(key: &[u8]) -> Option<(Name, Place)> {
    let (rest, place) = key.strip_prefix(MAIL)?.split_last_chunk()?;
    let name = Name::new(rest.strip_suffix(&[0])?)?;
    Some((name, Place(u64::from_be_bytes(*place))))
}

/// The value of a letter.
///
/// # Errors
/// Where the letter cannot be said.
pub(super) fn mail_value(
    letter: &Letter,
    content: &[u8],
    since: u64,
) -> Result<Vec<u8>, FrameError> {
    let mut value = Vec::with_capacity(content.len() + 128);
    value.extend_from_slice(&since.to_be_bytes());
    frame::encode(letter, content, &mut value)?;
    Ok(value)
}

/// Reads the value of a letter for this name.
pub(super) fn parse_mail_value<'a>(to: &Name, value: &'a [u8]) -> Option<Stored<'a>> {
    let (since, frame) = value.split_first_chunk()?;
    let (letter, content) = frame::decode_datagram::<Letter>(frame).ok()?;
    let since = u64::from_be_bytes(*since);
    (letter.to == *to).then_some(Stored {
        since,
        letter,
        content,
    })
}

/// The key of the mark up to which letters are done with.
pub(super) fn done_key(to: &Name) -> Vec<u8> {
    [DONE, to.as_bytes()].concat()
}

/// The value of such a mark.
pub(super) fn done_value(Place(until): Place) -> Vec<u8> {
    until.to_be_bytes().to_vec()
}

/// Whose letters are done with, and up to where.
pub(super) fn parse_done(key: &[u8], value: &[u8]) -> Option<(Name, Place)> {
    let name = Name::new(key.strip_prefix(DONE)?)?;
    Some((name, Place(u64::from_be_bytes(value.try_into().ok()?))))
}

/// The key of a name.
pub(super) fn name_key(name: &Name) -> Vec<u8> {
    [NAMES, name.as_bytes()].concat()
}

/// The value of a name.
///
/// # Errors
/// Where the keys cannot be said.
pub(super) fn name_value(keys: &PublicKeys) -> Result<Vec<u8>, FrameError> {
    let mut value = Vec::with_capacity(frame::PREFIX + 128);
    frame::encode(&Owner { keys: *keys }, &[], &mut value)?;
    Ok(value)
}

/// Whose a name is.
pub(super) fn parse_name(key: &[u8], value: &[u8]) -> Option<(Name, PublicKeys)> {
    let name = Name::new(key.strip_prefix(NAMES)?)?;
    let (owner, _) = frame::decode_datagram::<Owner>(value).ok()?;
    Some((name, owner.keys))
}
