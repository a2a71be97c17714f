//! What several targets share: how a stream is cut into reads.

use arbitrary::Arbitrary;

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
