//! What several targets share: how a stream is cut into reads, and what holds for every frame.

use std::fmt::Debug;

use arbitrary::Arbitrary;
use proto::frame::{self, Message, PREFIX};

/// How long the reads are that a stream comes in: four lengths in bytes, over and over again.
///
/// A length of 0 is an empty read. Four of them would never end, so they are one read of everything.
#[derive(Arbitrary, Clone, Copy, Debug, Default)]
pub struct Cuts([u8; 4]);

impl Cuts {
    /// The reads of this stream.
    pub fn reads(self, stream: &[u8]) -> impl Iterator<Item = &[u8]> {
        let Self(lengths) = self;
        let mut rest = stream;
        lengths.into_iter().cycle().map_while(move |length| {
            let end = match lengths {
                [0, 0, 0, 0] => rest.len(),
                _ => rest.len().min(usize::from(length)),
            };
            let (read, left) = rest.split_at_checked(end).filter(|_| !rest.is_empty())?;
            rest = left;
            Some(read)
        })
    }
}

/// A datagram with this header and this bulk, if it can be read as such a message, is written again so that it is read as
/// the same, in no more bytes.
///
/// # Panics
/// Where that does not hold.
pub fn survives<M: Message + PartialEq + Debug>(header: &[u8], bulk: &[u8]) {
    let lengths = [header.len(), bulk.len()].map(|length| (length as u32).to_be_bytes());
    let wire = [
        &[frame::VERSION, M::KIND],
        &lengths.concat()[..],
        header,
        bulk,
    ]
    .concat();
    let Ok((message, read)) = frame::decode_datagram::<M>(&wire) else {
        return;
    };
    assert_eq!(read, bulk);
    let mut out = Vec::new();
    frame::encode(&message, bulk, &mut out).expect("what was read can be written");
    assert!((PREFIX + bulk.len()..=wire.len()).contains(&out.len()));
    let again = frame::decode_datagram::<M>(&out).expect("what was written can be read");
    assert_eq!(again, (message, bulk));
}
