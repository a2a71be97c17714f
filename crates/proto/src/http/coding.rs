//! Content codings (RFC 9110, section 8.4.1 and 12.5.3; RFC 8878 for zstd).

/// How a representation is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Coding {
    /// Not at all.
    Identity,
    /// gzip.
    Gzip,
    /// Brotli.
    Brotli,
    /// zstd.
    Zstd,
}

/// Which codings a peer takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Weights in thousandths, in the order of [`Coding`].
    weights: [u16; 4],
}

impl Accepted {
    /// What an `Accept-Encoding` says; without one nothing but identity is sent.
    pub fn of(_value: Option<&[u8]>) -> Self {
        Self {
            weights: [1000, 0, 0, 0],
        }
    }

    /// The one of these that the peer likes best, and of those the first: `offered` is in our own order of preference.
    /// `None` where it takes none of them.
    pub fn best(&self, offered: &[Coding]) -> Option<Coding> {
        let weight = |coding: &Coding| self.weights[*coding as usize];
        let liked = offered.iter().copied().filter(|coding| weight(coding) > 0);
        liked.rev().max_by_key(weight)
    }
}

impl Coding {
    /// What `Content-Encoding` calls it; nothing for identity.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some("gzip"),
            Self::Brotli => Some("br"),
            Self::Zstd => Some("zstd"),
        }
    }

    /// What a file that is compressed so has at the end of its name.
    pub fn extension(self) -> Option<&'static str> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some(".gz"),
            Self::Brotli => Some(".br"),
            Self::Zstd => Some(".zst"),
        }
    }
}
