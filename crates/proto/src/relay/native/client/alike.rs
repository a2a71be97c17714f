//! What is alike in a message and the one before it, so that it need not be written or read field by field.
//!
//! Numbers are laid out as in <https://docs.rs/bincode/2.0.1/bincode/spec/index.html>.

use crate::frame::{self, Message, PREFIX, Prefix};
use crate::relay::native::MessageId;
use crate::relay::native::frames::{Delivery, Part, Send};

/// The number of a message: a mark, then eight bytes. Smaller ones are shorter, and not like any other.
const NUMBER: usize = 9;
const NUMBER_MARK: u8 = 253;

/// What follows a delivery's number: part, wants and body, a byte each.
const REST: usize = 3;

/// The last message of one part that was written.
#[derive(Debug, Default)]
pub(super) struct Written {
    like: Option<Send>,
    /// Its frame without its content.
    head: Vec<u8>,
}

impl Written {
    /// Appends the frame of a whole message.
    #[inline]
    pub(super) fn append(&mut self, send: &Send, content: &[u8], out: &mut Vec<u8>) {
        let is_alike = self.like.is_some_and(|like| {
            let id = send.id;
            Send { id, ..like } == *send && is_long(id)
        });
        if !is_alike {
            self.learn(send);
        }
        let start = out.len();
        out.extend_from_slice(&self.head);
        if is_alike {
            let number = start + PREFIX + 1;
            out[number..number + 8].copy_from_slice(&send.id.0.to_le_bytes());
        }
        let bulk = content.len() as u32;
        out[start + PREFIX - 4..start + PREFIX].copy_from_slice(&bulk.to_be_bytes());
        out.extend_from_slice(content);
    }

    fn learn(&mut self, send: &Send) {
        self.head.clear();
        let _ = frame::encode_head(send, 0, &mut self.head); // it is within its limits
        self.like = is_long(send.id).then_some(*send);
    }
}

/// The last delivery of one part that was read.
#[derive(Debug, Default)]
pub(super) struct Heard {
    like: Option<Delivery>,
    /// Its header up to the place in the room, or to the number where there is no room.
    before: Vec<u8>,
    /// Its header after the number.
    after: [u8; REST],
}

impl Heard {
    /// The delivery in this frame, if it is like the one before, and its content.
    #[inline]
    pub(super) fn read<'a>(&self, frame: &'a [u8]) -> Option<(Delivery, &'a [u8])> {
        let like = self.like?;
        let (header, content) = parts(frame)?;
        let (before, rest) = header.split_at_checked(self.before.len())?;
        if before != self.before {
            return None;
        }
        let (room, rest) = match like.room {
            Some((room, _)) => {
                let (place, length) = number(rest)?;
                (Some((room, place)), &rest[length..])
            }
            None => (None, rest),
        };
        let ([NUMBER_MARK, id @ ..], after) = rest.split_first_chunk::<NUMBER>()? else {
            return None;
        };
        let id = MessageId(u64::from_le_bytes(*id));
        (after == self.after && is_long(id)).then_some((Delivery { room, id, ..like }, content))
    }

    /// Remembers how this delivery was written.
    pub(super) fn learn(&mut self, delivery: &Delivery, frame: &[u8]) {
        self.like = None;
        if let Some((before, after)) = split(delivery, frame) {
            self.like = Some(*delivery);
            self.before.clear();
            self.before.extend_from_slice(before);
            self.after = *after;
        }
    }
}

/// What stands before place and number in the frame of a delivery of one part, and what after them.
fn split<'a>(delivery: &Delivery, frame: &'a [u8]) -> Option<(&'a [u8], &'a [u8; REST])> {
    let (header, _) = parts(frame)?;
    let (header, after) = header.split_last_chunk::<REST>()?;
    let (header, _) = header.split_last_chunk::<NUMBER>()?;
    let place = delivery.room.map_or(0, |(_, place)| match place {
        0..=250 => 1,
        251..=0xffff => 3,
        0x1_0000..=0xffff_ffff => 5,
        _ => NUMBER,
    });
    let before = header.get(..header.len().checked_sub(place)?)?;
    (delivery.part == Part::Whole && is_long(delivery.id)).then_some((before, after))
}

/// Header and content of a frame with a delivery.
#[inline]
fn parts(frame: &[u8]) -> Option<(&[u8], &[u8])> {
    let prefix = Prefix::decode(frame).ok()??;
    let is_fine = prefix.header <= Delivery::MAX_HEADER && prefix.bulk <= Delivery::MAX_BULK;
    let (header, content) = frame[PREFIX..].split_at_checked(prefix.header as usize)?;
    (is_fine && content.len() == prefix.bulk as usize).then_some((header, content))
}

/// A number of any length, and how many bytes it takes.
#[inline]
fn number(bytes: &[u8]) -> Option<(u64, usize)> {
    match bytes {
        [small @ 0..=250, ..] => Some((u64::from(*small), 1)),
        [251, a, b, ..] => Some((u64::from(u16::from_le_bytes([*a, *b])), 3)),
        [252, a, b, c, d, ..] => Some((u64::from(u32::from_le_bytes([*a, *b, *c, *d])), 5)),
        [NUMBER_MARK, rest @ ..] => Some((u64::from_le_bytes(*rest.first_chunk()?), NUMBER)),
        _ => None,
    }
}

/// Whether the number has its full length on the wire.
#[inline]
fn is_long(id: MessageId) -> bool {
    id.0 > u64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::relay::native::Name;
    use crate::relay::native::frames::{Body, Origin, To, Wants};

    fn origins() -> impl Strategy<Value = Origin> {
        prop_oneof![
            "[a-z]{1,32}".prop_map(|name| Origin::Name(name.parse().unwrap())),
            (any::<[u8; 4]>(), any::<u16>()).prop_map(|at| Origin::Address(at.into())),
            (any::<[u8; 16]>(), any::<u16>()).prop_map(|at| Origin::Address(at.into())),
        ]
    }

    fn names() -> impl Strategy<Value = Name> {
        "[a-z]{1,32}".prop_map(|name| name.parse().unwrap())
    }

    fn numbers() -> impl Strategy<Value = u64> {
        prop_oneof![
            0u64..1000,
            any::<u16>().prop_map(u64::from),
            any::<u32>().prop_map(u64::from),
            any::<u64>()
        ]
    }

    prop_compose! {
        fn deliveries()(
            from in origins(),
            room in proptest::option::of((names(), numbers())),
            id in numbers(),
            part in prop_oneof![Just(Part::Whole), Just(Part::Next), any::<u32>().prop_map(Part::First)],
            wants in prop_oneof![Just(Wants::Nothing), Just(Wants::Read)],
            body in prop_oneof![Just(Body::Plain), Just(Body::Sealed)],
        ) -> Delivery {
            Delivery { waited: 0, from, room, id: MessageId(id), part, wants, body }
        }
    }

    fn frame<M: Message>(message: &M, content: &[u8]) -> Vec<u8> {
        let mut frame = Vec::new();
        frame::encode(message, content, &mut frame).unwrap();
        frame
    }

    fn send(id: u64, to: u16, part: Part) -> Send {
        Send {
            id: MessageId(id),
            to: To::Address(([127, 0, 0, 1], to).into()),
            part,
            wants: Wants::Nothing,
            body: Body::Plain,
        }
    }

    #[test]
    fn what_is_alike_is_read_without_its_fields() {
        let room = Some(("hall".parse().unwrap(), 250));
        let first = Delivery {
            waited: 0,
            from: Origin::Address(([127, 0, 0, 1], 5).into()),
            room,
            id: MessageId(1 << 50),
            part: Part::Whole,
            wants: Wants::Nothing,
            body: Body::Plain,
        };
        let mut heard = Heard::default();
        heard.learn(&first, &frame(&first, b"one"));
        for place in [1, 251, 65_536, 1 << 40] {
            let room = room.map(|(room, _)| (room, place));
            let id = MessageId((1 << 50) + place);
            let next = Delivery { room, id, ..first };
            let wire = frame(&next, b"another");
            assert_eq!(heard.read(&wire), Some((next, &b"another"[..])));
        }
        let other = Delivery {
            wants: Wants::Read,
            ..first
        };
        assert_eq!(heard.read(&frame(&other, b"")), None);
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_was_written(one in deliveries(), other in deliveries(), content: Vec<u8>) {
            let mut heard = Heard::default();
            heard.learn(&one, &frame(&one, b""));
            let alike = Delivery { id: other.id, room: one.room.map(|(room, _)| (room, other.id.0)), ..one };
            for next in [one, other, alike] {
                let content = &content[..content.len().min(1000)];
                let wire = frame(&next, content);
                if let Some(read) = heard.read(&wire) {
                    prop_assert_eq!(read, (next, content));
                }
            }
        }

        #[test]
        fn any_bytes_are_taken(one in deliveries(), mut bytes: Vec<u8>) {
            let mut heard = Heard::default();
            heard.learn(&one, &bytes);
            heard.learn(&one, &frame(&one, b""));
            let _ = heard.read(&bytes);
            bytes.splice(0..0, frame(&one, b""));
            let _ = heard.read(&bytes);
        }

        #[test]
        fn messages_are_written_as_by_the_codec(
            said in proptest::collection::vec((numbers(), 0u16..3, any::<bool>(), 0usize..600), 1..20),
        ) {
            let (mut written, mut out, mut expected) = (Written::default(), Vec::new(), Vec::new());
            for (id, to, is_whole, length) in said {
                let send = send(id, to, if is_whole { Part::Whole } else { Part::Last });
                let content = vec![7; length];
                written.append(&send, &content, &mut out);
                frame::encode(&send, &content, &mut expected).unwrap();
            }
            prop_assert_eq!(out, expected);
        }
    }
}
