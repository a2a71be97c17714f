//! The native frame: what decodes encodes to the same, what encodes decodes to the same, and the beginning of a frame
//! is incomplete rather than wrong.
#![no_main]

use arbitrary::Arbitrary;
use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use proto::frame::{
    self, Frame, FrameError, Message, PREFIX, Prefix, VERSION, decode, decode_datagram, take,
};
use proto_fuzz::Cuts;
use serde::{Deserialize, Serialize};

/// A message of everything that a header may hold.
#[derive(Arbitrary, Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Listing {
    name: String,
    entries: Vec<Entry>,
    owner: Option<Box<(char, bool)>>,
}

#[derive(Arbitrary, Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Entry {
    path: Vec<String>,
    kind: Kind,
}

#[derive(Arbitrary, Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Kind {
    Folder,
    File { size: u64, digest: [u8; 4] },
    Link(Target),
}

#[derive(Arbitrary, Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Target {
    Name(String),
    Numbers(Vec<i128>),
    Bytes(Vec<u8>, i16, u32),
}

impl Message for Listing {
    const KIND: u8 = 2;
    /// Long enough for each of the decoder's steps.
    const MAX_HEADER: u32 = 6000;
    const MAX_BULK: u32 = 300;
}

#[derive(Arbitrary, Debug)]
enum Input<'a> {
    /// Bytes off the wire.
    Received(&'a [u8]),
    /// A header behind a prefix that fits it.
    Header { bulk: u8, header: &'a [u8] },
    /// A message of equal numbers: no other takes as many bytes in memory for one on the wire.
    Numbers { count: u16, number: i128 },
    /// Messages with their bulk.
    Sent {
        cuts: Cuts,
        messages: Vec<(Listing, &'a [u8])>,
    },
}

fuzz_target!(|input: Input<'_>| match input {
    Input::Received(bytes) => received(bytes),
    Input::Header { bulk, header } => received(&framed(bulk, header)),
    Input::Numbers { count, number } =>
        sent(Cuts::default(), &[(numbers(count % 8192, number), b"bulk")]),
    Input::Sent { cuts, messages } => sent(cuts, &messages),
});

fn numbers(count: u16, number: i128) -> Listing {
    let numbers = vec![number; count.into()];
    let entry = Entry {
        path: Vec::new(),
        kind: Kind::Link(Target::Numbers(numbers)),
    };
    Listing {
        name: String::new(),
        entries: vec![entry],
        owner: None,
    }
}

fn framed(bulk: u8, header: &[u8]) -> Vec<u8> {
    let length = (header.len() as u32).to_be_bytes();
    let mut wire = [&[VERSION, Listing::KIND], &length[..], &[0, 0, 0, bulk]].concat();
    wire.extend_from_slice(header);
    wire.resize(wire.len() + usize::from(bulk), b'b');
    wire
}

fn received(bytes: &[u8]) {
    prefix(bytes);
    let decoded = decode::<Listing>(bytes);
    taken(bytes, &decoded);
    datagram(bytes, &decoded);
    match decoded {
        Ok(Some(frame)) => {
            assert!(frame.length <= bytes.len());
            incomplete(&bytes[..frame.length]);
            again(&frame);
            exact(bytes);
        }
        Ok(None) => incomplete(bytes),
        Err(_) => {}
    }
}

fn prefix(bytes: &[u8]) {
    match Prefix::decode(bytes) {
        Err(error) => assert_eq!(Some(error), bytes.first().copied().map(FrameError::Version)),
        Ok(None) => assert!(bytes.len() < PREFIX),
        Ok(Some(Prefix { kind, header, bulk })) => {
            let [header, bulk] = [header, bulk].map(u32::to_be_bytes);
            let wire = [&[VERSION, kind], &header[..], &bulk[..]].concat();
            assert_eq!(bytes.get(..PREFIX), Some(&wire[..]));
        }
    }
}

/// Taking out of a buffer is decoding, and leaves the rest; or all of it.
fn taken(bytes: &[u8], decoded: &Result<Option<Frame<'_, Listing>>, FrameError>) {
    let mut buffer = BytesMut::from(bytes);
    let taken = take::<Listing>(&mut buffer);
    let expected = decoded.clone().map(|decoded| {
        decoded.map(|frame| {
            assert_eq!(buffer, bytes[frame.length..]);
            (frame.message, frame.bulk.to_vec().into())
        })
    });
    assert_eq!(taken, expected);
    if !matches!(taken, Ok(Some(_))) {
        assert_eq!(buffer, bytes);
    }
}

/// A datagram is one frame and nothing else.
fn datagram(bytes: &[u8], decoded: &Result<Option<Frame<'_, Listing>>, FrameError>) {
    let got = bytes.len();
    let read = decode_datagram::<Listing>(bytes);
    match decoded {
        Ok(Some(frame)) if frame.length == got => {
            assert_eq!(read, Ok((frame.message.clone(), frame.bulk)));
        }
        Ok(_) => assert!(
            matches!(read, Err(FrameError::NotOneFrame { expected, got: length })
                if length == got && expected != got as u64),
            "{read:?}"
        ),
        Err(error) => assert_eq!(read.as_ref(), Err(error)),
    }
}

/// No strict beginning of a frame is anything else than incomplete.
fn incomplete(frame: &[u8]) {
    let step = 1 + frame.len() / 64;
    let ends = (0..frame.len()).step_by(step);
    for end in ends.chain(frame.len().checked_sub(1)) {
        assert_eq!(decode::<Listing>(&frame[..end]), Ok(None), "{end} bytes");
    }
}

/// The header of a frame that decodes fills its length: with a byte more or less it is none.
fn exact(frame: &[u8]) {
    let Ok(Some(prefix)) = Prefix::decode(frame) else {
        unreachable!("it has been decoded");
    };
    let header = &frame[PREFIX..PREFIX + prefix.header as usize];
    if prefix.header < Listing::MAX_HEADER {
        let longer = framed(0, &[header, b"\0"].concat());
        let left_over = FrameError::HeaderLeftOver {
            kind: Listing::KIND,
            left: 1,
        };
        assert_eq!(decode::<Listing>(&longer), Err(left_over));
    }
    let shorter = framed(0, &header[..header.len() - 1]);
    let refused = decode::<Listing>(&shorter);
    assert!(
        matches!(refused, Err(FrameError::Header { .. })),
        "{refused:?}"
    );
}

/// Integers may come longer than they need, so the frame that is written may be the shorter one.
fn again(frame: &Frame<'_, Listing>) {
    let mut wire = Vec::new();
    let encoded = frame::encode(&frame.message, frame.bulk, &mut wire);
    assert_eq!(encoded, Ok(()));
    assert!(wire.len() <= frame.length);
    let expected = Frame {
        length: wire.len(),
        ..frame.clone()
    };
    assert_eq!(decode(&wire), Ok(Some(expected)));
}

/// Whatever encodes comes out the same, however the stream was cut; the rest leaves no trace in it.
fn sent(cuts: Cuts, messages: &[(Listing, &[u8])]) {
    let mut wire = Vec::new();
    let mut expected = Vec::new();
    for (message, bulk) in messages {
        let before = wire.clone();
        match frame::encode(message, bulk, &mut wire) {
            Ok(()) => expected.push((message.clone(), bulk.to_vec())),
            Err(refused) => {
                check_refusal(&refused);
                assert_eq!(wire, before);
            }
        }
    }
    let mut buffer = BytesMut::new();
    let mut received = Vec::new();
    for read in cuts.reads(&wire) {
        buffer.extend_from_slice(read);
        while let Some((message, bulk)) = next(&mut buffer) {
            received.push((message, bulk));
        }
    }
    assert!(buffer.is_empty());
    assert_eq!(received, expected);
}

fn next(buffer: &mut BytesMut) -> Option<(Listing, Vec<u8>)> {
    let taken = take::<Listing>(buffer);
    assert!(taken.is_ok(), "{taken:?}");
    let (message, bulk) = taken.ok()??;
    Some((message, bulk.to_vec()))
}

/// Any message of these types encodes but one that is too long.
fn check_refusal(refused: &FrameError) {
    match refused {
        FrameError::HeaderTooLong { length, limit, .. }
        | FrameError::BulkTooLong { length, limit, .. } => assert!(*length > u64::from(*limit)),
        other => panic!("{other}"),
    }
}
