//! The native frame: a prefix of fixed size, a header encoded by serde, and bulk bytes as they are.
//!
//! | bytes | field |
//! |---|---|
//! | 0 | version of this layout, [`VERSION`] |
//! | 1 | kind of the message, [`Message::KIND`] |
//! | 2–5 | length of the header in bytes, big-endian |
//! | 6–9 | length of the bulk in bytes, big-endian |
//! | … | the header: the message in bincode 2, standard configuration |
//! | … | the bulk |
//!
//! Both lengths are checked against the limits of the message type as soon as the prefix is there, before anything is
//! waited for or allocated. An incomplete frame is `Ok(None)`, never an error. A header that does not fill its length
//! exactly is refused. Bulk bytes never pass through serde. Whatever lengths a header claims inside, decoding it
//! reserves at most 1 MiB for what has not come; what has come takes its size in memory, which for an empty `String` is
//! 24 bytes where one was sent. The header's encoding is that of the [bincode
//! specification](https://docs.rs/bincode/2.0.1/bincode/spec/index.html).
//!
//! # Example
//! What goes over the wire; for a stream with sockets see [the front page](crate#native-frames).
//!
//! ```
//! use bytes::BytesMut;
//! use proto::frame::{self, Message};
//!
//! #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
//! struct Block { file: u32, offset: u64 }
//!
//! impl Message for Block {
//!     const KIND: u8 = 7;
//!     const MAX_HEADER: u32 = 16;
//!     const MAX_BULK: u32 = 1024 * 1024;
//! }
//!
//! let mut wire = Vec::new();
//! frame::encode(&Block { file: 3, offset: 4096 }, b"the bytes", &mut wire)?;
//!
//! let mut received = BytesMut::new();
//! for byte in wire {
//!     assert_eq!(frame::take::<Block>(&mut received)?, None);
//!     received.extend_from_slice(&[byte]);
//! }
//! let (block, bytes) = frame::take::<Block>(&mut received)?.expect("all of it is there");
//! assert_eq!((block, &bytes[..]), (Block { file: 3, offset: 4096 }, &b"the bytes"[..]));
//! # Ok::<(), frame::FrameError>(())
//! ```

use bincode::config;
use bincode::enc::write::Writer;
use bincode::error::EncodeError;
use bytes::{Bytes, BytesMut};
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

/// The version of the layout that this crate speaks.
pub const VERSION: u8 = 1;

/// The length of the prefix in bytes.
pub const PREFIX: usize = 10;

/// The longest header that any message type may have, in bytes.
pub const HEADER_LIMIT: u32 = 64 * 1024;

/// A type that travels as the header of a frame.
///
/// It must not hold collections of types without a size, such as `Vec<()>`: a few bytes could claim any number of them.
/// It must not be recursive: the codec follows a peer's nesting as deep as the stack goes, and then the process ends.
pub trait Message: Serialize + DeserializeOwned {
    /// Tells this type from the others of its protocol: 0 to 255, for each a number of its own.
    const KIND: u8;
    /// The longest encoding in bytes, at most [`HEADER_LIMIT`]: more does not compile where the type is encoded or
    /// decoded.
    const MAX_HEADER: u32;
    /// The most bulk bytes that follow it; none unless the type says so.
    const MAX_BULK: u32 = 0;
}

/// Why bytes are not a frame, or a message does not fit one. On decoding the peer is at fault.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FrameError {
    /// The first byte is not [`VERSION`].
    #[error("expected frame version {VERSION}, got {0}")]
    Version(u8),
    /// Another message type than the one that was asked for.
    #[error("expected a frame of kind {expected}, got kind {got}")]
    Kind {
        /// [`Message::KIND`] of the type.
        expected: u8,
        /// The kind in the prefix.
        got: u8,
    },
    /// The header is longer than its type allows.
    #[error("expected a header of at most {limit} bytes in a frame of kind {kind}, got {length}")]
    HeaderTooLong {
        /// The kind of the frame.
        kind: u8,
        /// Its header's length in bytes.
        length: u64,
        /// [`Message::MAX_HEADER`] of the type.
        limit: u32,
    },
    /// The bulk is longer than its type allows.
    #[error("expected at most {limit} bulk bytes in a frame of kind {kind}, got {length}")]
    BulkTooLong {
        /// The kind of the frame.
        kind: u8,
        /// Its bulk's length in bytes.
        length: u64,
        /// [`Message::MAX_BULK`] of the type.
        limit: u32,
    },
    /// The header's bytes are not the message, or the message cannot be encoded.
    #[error("expected the header of a frame of kind {kind}: {reason}")]
    Header {
        /// The kind of the frame.
        kind: u8,
        /// What the codec says.
        reason: String,
    },
    /// The message ended before its header did.
    #[error(
        "expected the header of a frame of kind {kind} to fill its length, {left} bytes are left over"
    )]
    HeaderLeftOver {
        /// The kind of the frame.
        kind: u8,
        /// The bytes that belong to nothing.
        left: usize,
    },
    /// A datagram that is not exactly one frame.
    #[error("expected a datagram of one frame of {expected} bytes, got {got} bytes")]
    NotOneFrame {
        /// The length that the prefix says, or [`PREFIX`] where not even that is there.
        expected: u64,
        /// The length of the datagram in bytes.
        got: usize,
    },
}

/// What the first bytes of a frame say: enough to tell which type to ask for. The lengths are the peer's claim, which
/// only [`decode`] checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// The kind of the message.
    pub kind: u8,
    /// Length of the header in bytes.
    pub header: u32,
    /// Length of the bulk in bytes.
    pub bulk: u32,
}

impl Prefix {
    /// Reads the prefix at the start of `received`; `Ok(None)` while it is incomplete.
    ///
    /// # Errors
    /// [`FrameError::Version`], with the first byte.
    pub fn decode(received: &[u8]) -> Result<Option<Self>, FrameError> {
        match received {
            [] => Ok(None),
            [VERSION, kind, h0, h1, h2, h3, b0, b1, b2, b3, ..] => Ok(Some(Self {
                kind: *kind,
                header: u32::from_be_bytes([*h0, *h1, *h2, *h3]),
                bulk: u32::from_be_bytes([*b0, *b1, *b2, *b3]),
            })),
            [VERSION, ..] => Ok(None),
            [other, ..] => Err(FrameError::Version(*other)),
        }
    }

    fn encode(self) -> [u8; PREFIX] {
        let [h0, h1, h2, h3] = self.header.to_be_bytes();
        let [b0, b1, b2, b3] = self.bulk.to_be_bytes();
        [VERSION, self.kind, h0, h1, h2, h3, b0, b1, b2, b3]
    }

    /// The length of the whole frame in bytes.
    pub fn frame_length(self) -> u64 {
        PREFIX as u64 + u64::from(self.header) + u64::from(self.bulk)
    }

    fn check<M: Message>(self) -> Result<(), FrameError> {
        const { assert!(M::MAX_HEADER <= HEADER_LIMIT) };
        let kind = self.kind;
        if kind != M::KIND {
            return Err(FrameError::Kind {
                expected: M::KIND,
                got: kind,
            });
        }
        let (length, limit) = (u64::from(self.header), M::MAX_HEADER);
        if self.header > limit {
            return Err(FrameError::HeaderTooLong {
                kind,
                length,
                limit,
            });
        }
        check_bulk::<M>(u64::from(self.bulk)).map(|_| ())
    }
}

fn check_bulk<M: Message>(length: u64) -> Result<u32, FrameError> {
    let (kind, limit) = (M::KIND, M::MAX_BULK);
    match u32::try_from(length) {
        Ok(fits) if fits <= limit => Ok(fits),
        _ => Err(FrameError::BulkTooLong {
            kind,
            length,
            limit,
        }),
    }
}

/// Appends a whole frame.
///
/// # Errors
/// [`FrameError::HeaderTooLong`] or [`FrameError::BulkTooLong`] where the message or the bulk exceeds its type's limit,
/// [`FrameError::Header`] where serde cannot encode the message; `out` is then as it was.
pub fn encode<M: Message>(message: &M, bulk: &[u8], out: &mut Vec<u8>) -> Result<(), FrameError> {
    encode_head(message, bulk.len() as u64, out)?;
    out.extend_from_slice(bulk);
    Ok(())
}

/// Appends a frame without its bulk, of `bulk` bytes, which the caller sends after it without copying it here.
///
/// # Errors
/// As [`encode`].
pub fn encode_head<M: Message>(
    message: &M,
    bulk: u64,
    out: &mut Vec<u8>,
) -> Result<(), FrameError> {
    const { assert!(M::MAX_HEADER <= HEADER_LIMIT) };
    let bulk = check_bulk::<M>(bulk)?;
    let start = out.len();
    out.extend_from_slice(&[0; PREFIX]);
    let head = append_header(message, out).map(|()| (out.len() - start - PREFIX) as u64);
    let header = match head {
        Ok(length) if length <= u64::from(M::MAX_HEADER) => length as u32,
        refused => {
            out.truncate(start);
            let (kind, limit) = (M::KIND, M::MAX_HEADER);
            let length = refused?;
            return Err(FrameError::HeaderTooLong {
                kind,
                length,
                limit,
            });
        }
    };
    let prefix = Prefix {
        kind: M::KIND,
        header,
        bulk,
    };
    out[start..start + PREFIX].copy_from_slice(&prefix.encode());
    Ok(())
}

/// A frame in the bytes that were received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a, M> {
    /// The decoded header.
    pub message: M,
    /// The bulk bytes.
    pub bulk: &'a [u8],
    /// How many bytes of the input the frame took.
    pub length: usize,
}

/// Reads the frame at the start of `received`; `Ok(None)` while it is incomplete.
///
/// `received` need never hold more than [`PREFIX`] + [`Message::MAX_HEADER`] + [`Message::MAX_BULK`] bytes, the longest
/// frame of the type.
///
/// # Errors
/// [`FrameError`] as soon as the bytes can no longer become a frame of this type.
pub fn decode<M: Message>(received: &[u8]) -> Result<Option<Frame<'_, M>>, FrameError> {
    let Some(prefix) = Prefix::decode(received)? else {
        return Ok(None);
    };
    prefix.check::<M>()?;
    let header_end = PREFIX + prefix.header as usize;
    let length = header_end + prefix.bulk as usize;
    let (Some(header), Some(bulk)) = (
        received.get(PREFIX..header_end),
        received.get(header_end..length),
    ) else {
        return Ok(None);
    };
    let message = read_header(header)?;
    Ok(Some(Frame {
        message,
        bulk,
        length,
    }))
}

/// Takes the frame at the start of a receive buffer out of it, the bulk without copying; `Ok(None)` while it is
/// incomplete.
///
/// # Errors
/// As [`decode`]; the buffer is then as it was, and of no further use.
pub fn take<M: Message>(received: &mut BytesMut) -> Result<Option<(M, Bytes)>, FrameError> {
    let Some(Frame {
        message,
        bulk,
        length,
    }) = decode(received)?
    else {
        return Ok(None);
    };
    let head = length - bulk.len();
    let frame = received.split_to(length).freeze();
    Ok(Some((message, frame.slice(head..))))
}

/// Reads a datagram, which must be exactly one frame.
///
/// # Errors
/// As [`decode`], and [`FrameError::NotOneFrame`] where the datagram is shorter or longer.
pub fn decode_datagram<M: Message>(datagram: &[u8]) -> Result<(M, &[u8]), FrameError> {
    let got = datagram.len();
    match decode(datagram)? {
        Some(frame) if frame.length == got => Ok((frame.message, frame.bulk)),
        _ => {
            let prefix = Prefix::decode(datagram)?;
            let expected = prefix.map_or(PREFIX as u64, Prefix::frame_length);
            Err(FrameError::NotOneFrame { expected, got })
        }
    }
}

struct Append<'a>(&'a mut Vec<u8>);

impl Writer for Append<'_> {
    /// Most of what the codec writes is a byte: a variant, or a small number.
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        match bytes {
            [byte] => self.0.push(*byte),
            _ => self.0.extend_from_slice(bytes),
        }
        Ok(())
    }
}

fn append_header<M: Message>(message: &M, out: &mut Vec<u8>) -> Result<(), FrameError> {
    bincode::serde::encode_into_writer(message, Append(out), config::standard()).map_err(|error| {
        FrameError::Header {
            kind: M::KIND,
            reason: error.to_string(),
        }
    })
}

/// The codec allocates what the length of a string claims, up to a limit that is part of a type. It counts an integer
/// at its full size, up to 16 bytes where one was sent, so the limit is 16 times the longest header of its step: a
/// short header cannot claim much. For other collections serde reserves at most 1 MiB, whatever their length claims.
fn read_header<M: Message>(header: &[u8]) -> Result<M, FrameError> {
    const SMALL: usize = 64;
    const MIDDLE: usize = 4096;
    if header.len() <= SMALL {
        read_within::<M, { 16 * SMALL }>(header)
    } else if header.len() <= MIDDLE {
        read_within::<M, { 16 * MIDDLE }>(header)
    } else {
        read_within::<M, { 16 * HEADER_LIMIT as usize }>(header)
    }
}

fn read_within<M: Message, const LIMIT: usize>(header: &[u8]) -> Result<M, FrameError> {
    let kind = M::KIND;
    let config = config::standard().with_limit::<LIMIT>();
    let (message, used) = bincode::serde::decode_from_slice(header, config).map_err(|error| {
        let reason = error.to_string();
        FrameError::Header { kind, reason }
    })?;
    match header.len() - used {
        0 => Ok(message),
        left => Err(FrameError::HeaderLeftOver { kind, left }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Offer {
        name: String,
        size: u64,
        parts: Vec<(u16, Option<i32>)>,
    }

    impl Message for Offer {
        const KIND: u8 = 2;
        const MAX_HEADER: u32 = 2000;
        const MAX_BULK: u32 = 300;
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Bare(u8);

    impl Message for Bare {
        const KIND: u8 = 3;
        const MAX_HEADER: u32 = 1;
    }

    fn offer() -> Offer {
        Offer {
            name: "Bär".into(),
            size: 70_000,
            parts: vec![(1, None), (300, Some(-1))],
        }
    }

    fn wire(offer: &Offer, bulk: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        encode(offer, bulk, &mut out).unwrap();
        out
    }

    const GOLDEN: &[u8] = b"\x01\x02\0\0\0\x12\0\0\0\x03\
        \x04B\xc3\xa4r\xfc\x70\x11\x01\x00\x02\x01\x00\xfb\x2c\x01\x01\x01\
        \x00\xff\x7f";

    #[test]
    fn golden_bytes() {
        assert_eq!(wire(&offer(), b"\x00\xff\x7f"), GOLDEN);
        let frame = decode::<Offer>(GOLDEN).unwrap().unwrap();
        assert_eq!((frame.message, frame.bulk), (offer(), &b"\x00\xff\x7f"[..]));
        assert_eq!(frame.length, GOLDEN.len());
        let mut out = Vec::new();
        encode(&Bare(9), &[], &mut out).unwrap();
        assert_eq!(out, b"\x01\x03\0\0\0\x01\0\0\0\0\x09");
    }

    #[test]
    fn every_kind_of_refusal() {
        let table: &[(&[u8], FrameError)] = &[
            (b"\x02", FrameError::Version(2)),
            (
                b"\x01\x03\0\0\0\x01\0\0\0\0",
                FrameError::Kind {
                    expected: 2,
                    got: 3,
                },
            ),
            (
                b"\x01\x02\0\0\x07\xd1\0\0\0\0",
                FrameError::HeaderTooLong {
                    kind: 2,
                    length: 2001,
                    limit: 2000,
                },
            ),
            (
                b"\x01\x02\0\0\0\x01\xff\xff\xff\xff",
                FrameError::BulkTooLong {
                    kind: 2,
                    length: 0xffff_ffff,
                    limit: 300,
                },
            ),
            (
                b"\x01\x02\0\0\0\x04\0\0\0\0\x00\x00\x00\x00",
                FrameError::HeaderLeftOver { kind: 2, left: 1 },
            ),
        ];
        for (received, expected) in table {
            assert_eq!(decode::<Offer>(received).as_ref(), Err(expected));
        }
        let not_utf8 = b"\x01\x02\0\0\0\x04\0\0\0\0\x01\xff\x00\x00";
        let refused = decode::<Offer>(not_utf8);
        assert!(
            matches!(refused, Err(FrameError::Header { kind: 2, .. })),
            "{refused:?}"
        );
    }

    #[test]
    fn what_does_not_fit_is_not_encoded() {
        let mut out = b"before".to_vec();
        let name = "x".repeat(2000);
        assert_eq!(
            encode(&Offer { name, ..offer() }, &[], &mut out),
            Err(FrameError::HeaderTooLong {
                kind: 2,
                length: 2016,
                limit: 2000
            })
        );
        assert_eq!(
            encode(&offer(), &[0; 301], &mut out),
            Err(FrameError::BulkTooLong {
                kind: 2,
                length: 301,
                limit: 300
            })
        );
        assert_eq!(
            encode_head(&offer(), 1 << 40, &mut out),
            Err(FrameError::BulkTooLong {
                kind: 2,
                length: 1 << 40,
                limit: 300
            })
        );
        assert_eq!(out, b"before");
    }

    #[test]
    fn a_datagram_is_one_frame() {
        let whole = wire(&offer(), b"bulk");
        assert_eq!(decode_datagram(&whole), Ok((offer(), &b"bulk"[..])));
        let expected = whole.len() as u64;
        let longer = [whole.as_slice(), b"x"].concat();
        let cases = [
            (&whole[..whole.len() - 1], expected),
            (&longer, expected),
            (&whole[..5], 10),
            (&[], 10),
        ];
        for (datagram, expected) in cases {
            let got = datagram.len();
            assert_eq!(
                decode_datagram::<Offer>(datagram),
                Err(FrameError::NotOneFrame { expected, got })
            );
        }
    }

    prop_compose! {
        fn offers()(
            name in "[a-zß漢]{0,200}",
            size: u64,
            parts in proptest::collection::vec(any::<(u16, Option<i32>)>(), 0..50),
        ) -> Offer {
            Offer { name, size, parts }
        }
    }

    proptest! {
        #[test]
        fn frames_survive_any_chunking(
            sent in proptest::collection::vec((offers(), proptest::collection::vec(any::<u8>(), 0..300)), 1..5),
            chunk in 1usize..100,
        ) {
            let bytes = sent.iter().map(|(offer, bulk)| wire(offer, bulk)).collect::<Vec<_>>().concat();
            let mut buffer = BytesMut::new();
            let mut received = Vec::new();
            for piece in bytes.chunks(chunk) {
                buffer.extend_from_slice(piece);
                while let Some((offer, bulk)) = take::<Offer>(&mut buffer).unwrap() {
                    received.push((offer, bulk.to_vec()));
                }
            }
            prop_assert!(buffer.is_empty());
            prop_assert_eq!(received, sent);
        }

        #[test]
        fn a_cut_frame_is_incomplete_not_wrong(offer in offers(), keep: usize) {
            let whole = wire(&offer, b"bulk");
            prop_assert_eq!(decode::<Offer>(&whole[..keep % whole.len()]), Ok(None));
        }

        #[test]
        fn any_bytes_are_taken(header: Vec<u8>, bulk: Vec<u8>) {
            let prefix = Prefix { kind: 2, header: header.len() as u32, bulk: bulk.len() as u32 };
            for bytes in [&header, &[prefix.encode().as_slice(), &header, &bulk].concat()] {
                if let Ok(Some(frame)) = decode::<Offer>(bytes) {
                    prop_assert!(frame.length <= bytes.len());
                }
            }
        }
    }
}
