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
    /// What an `Accept-Encoding` says (RFC 9110, section 12.5.3); without one nothing but identity is sent. A coding with a
    /// weight that is none is not taken. Identity that is not spoken of is liked least, unless `*` speaks of it.
    pub fn of(value: Option<&[u8]>) -> Self {
        let mut named = [None; 4];
        let mut others = None;
        for item in value.unwrap_or_default().split(|byte| *byte == b',') {
            let (name, weight) = weighed(item);
            match index_of(name) {
                Some(index) => named[index] = Some(weight),
                None if name == b"*" => others = Some(weight),
                None => {}
            }
        }
        let unnamed = [others.unwrap_or(LEAST), others.unwrap_or(0)];
        let weight = |index: usize| named[index].unwrap_or(unnamed[index.min(1)]);
        Self {
            weights: [weight(0), weight(1), weight(2), weight(3)],
        }
    }

    /// The one of these that the peer likes best, and of those the first: `offered` is in our own order of preference.
    /// `None` where it takes none of them; then what is not compressed is better than nothing.
    pub fn best(&self, offered: &[Coding]) -> Option<Coding> {
        let weight = |coding: &Coding| self.weights[*coding as usize];
        let liked = offered.iter().copied().filter(|coding| weight(coding) > 0);
        liked.rev().max_by_key(weight)
    }

    /// Whether it takes this one.
    pub fn takes(&self, coding: Coding) -> bool {
        self.weights[coding as usize] > 0
    }
}

/// The least weight of what is taken at all, in thousandths.
const LEAST: u16 = 1;

fn index_of(name: &[u8]) -> Option<usize> {
    let names: [(&[u8], Coding); 5] = [
        (b"gzip", Coding::Gzip),
        (b"br", Coding::Brotli),
        (b"zstd", Coding::Zstd),
        (b"identity", Coding::Identity),
        // RFC 9110, section 8.4.1.3.
        (b"x-gzip", Coding::Gzip),
    ];
    let found = names
        .iter()
        .find(|(known, _)| name.eq_ignore_ascii_case(known));
    found.map(|(_, coding)| *coding as usize)
}

/// An item of the list: what it names, and with what weight in thousandths.
fn weighed(item: &[u8]) -> (&[u8], u16) {
    let mut fields = item.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
    let name = fields.next().unwrap_or_default();
    let weight = match fields.next() {
        None => Some(1000),
        Some([b'q' | b'Q', b'=', value @ ..]) => thousandths(value),
        Some(_) => None,
    };
    (name, weight.unwrap_or(0))
}

/// A weight (RFC 9110, section 12.4.2): 0 to 1, with at most three digits after the point.
fn thousandths(value: &[u8]) -> Option<u16> {
    let (whole, digits) = match value {
        [whole] => (whole, [].as_slice()),
        [whole, b'.', digits @ ..] if digits.len() <= 3 => (whole, digits),
        _ => return None,
    };
    let mut weight = decimal(whole)?;
    for place in 0..3 {
        weight = weight * 10 + digits.get(place).map_or(Some(0), decimal)?;
    }
    (weight <= 1000).then_some(weight)
}

fn decimal(byte: &u8) -> Option<u16> {
    byte.is_ascii_digit().then(|| u16::from(byte - b'0'))
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OURS: [Coding; 4] = [Coding::Zstd, Coding::Brotli, Coding::Gzip, Coding::Identity];

    fn best(value: &str) -> Option<Coding> {
        Accepted::of(Some(value.as_bytes())).best(&OURS)
    }

    #[test]
    fn the_best_that_is_taken() {
        let table = [
            ("", Some(Coding::Identity)),
            ("gzip", Some(Coding::Gzip)),
            ("GZIP", Some(Coding::Gzip)),
            ("x-gzip", Some(Coding::Gzip)),
            ("gzip, deflate, br, zstd", Some(Coding::Zstd)),
            ("gzip, deflate, br", Some(Coding::Brotli)),
            ("gzip;q=1.0, br;q=0.5", Some(Coding::Gzip)),
            ("gzip ; q=0.5 , br ; Q=0.501", Some(Coding::Brotli)),
            ("gzip;q=0.001", Some(Coding::Gzip)),
            ("deflate", Some(Coding::Identity)),
            ("compress, gzip;q=0", Some(Coding::Identity)),
            ("identity, gzip;q=0.5", Some(Coding::Identity)),
            ("identity;q=0.5, gzip;q=0.5", Some(Coding::Gzip)),
            ("identity;q=0", None),
            ("identity;q=0.000", None),
            ("*;q=0", None),
            ("identity;q=0, gzip", Some(Coding::Gzip)),
            ("*;q=0, gzip", Some(Coding::Gzip)),
            ("*;q=0, identity;q=0.1", Some(Coding::Identity)),
            ("*", Some(Coding::Zstd)),
            ("*, zstd;q=0", Some(Coding::Brotli)),
            ("gzip, *;q=0.1", Some(Coding::Gzip)),
            ("gzip;q=0.1, *;q=0.2", Some(Coding::Zstd)),
            // What has no right weight is not taken.
            ("gzip;q=2", Some(Coding::Identity)),
            ("gzip;q=1.001", Some(Coding::Identity)),
            ("gzip;q=0.0001", Some(Coding::Identity)),
            ("gzip;q=-1", Some(Coding::Identity)),
            ("gzip;q=", Some(Coding::Identity)),
            ("gzip;q=.5", Some(Coding::Identity)),
            ("gzip;level=9", Some(Coding::Identity)),
            ("gzip;q=1.", Some(Coding::Gzip)),
            (",,gzip,,", Some(Coding::Gzip)),
            ("gzip br", Some(Coding::Identity)),
        ];
        for (value, expected) in table {
            assert_eq!(best(value), expected, "{value}");
        }
    }

    #[test]
    fn without_the_field_nothing_is_compressed() {
        let accepted = Accepted::of(None);
        assert_eq!(accepted.best(&OURS), Some(Coding::Identity));
        assert!(!accepted.takes(Coding::Gzip));
    }

    #[test]
    fn only_what_is_offered_is_chosen() {
        let accepted = Accepted::of(Some(b"gzip;q=0.2, br, zstd"));
        assert_eq!(accepted.best(&[Coding::Gzip]), Some(Coding::Gzip));
        assert_eq!(accepted.best(&[]), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken(value: Vec<u8>) {
            let _ = Accepted::of(Some(&value)).best(&OURS);
        }

        #[test]
        fn weights_are_read(weight in 0_u16..=1000) {
            let value = format!("{}.{:03}", weight / 1000, weight % 1000);
            prop_assert_eq!(thousandths(value.as_bytes()), Some(weight));
        }
    }
}
