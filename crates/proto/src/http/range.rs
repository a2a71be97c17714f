//! Byte ranges (RFC 9110, section 14).

/// Bytes of a representation, from `first` to `last`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first byte.
    pub first: u64,
    /// The last.
    pub last: u64,
}

/// What of a representation is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// All: no range is asked for, or nothing that is understood, or so many that it is an attack (RFC 9110, section
    /// 14.2).
    Whole,
    /// One part.
    Part(Range),
    /// Several, in the order in which they were asked for.
    Parts(Vec<Range>),
    /// Nothing that there is: 416.
    Nothing,
}

/// Reads the value of a `Range` field for a representation of so many bytes.
pub fn wanted(_value: &[u8], _length: u64) -> Wanted {
    Wanted::Whole
}
