//! What is not shown because of its name.

/// Whether names that begin with a dot are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hidden {
    /// They are.
    Shown,
    /// They are not, nor is anything beneath them.
    Off,
}

/// What is at this name stands there for all to see (RFC 8615).
const WELL_KNOWN: &[u8] = b".well-known";

impl Hidden {
    pub(super) fn new(shown: bool) -> Self {
        if shown { Self::Shown } else { Self::Off }
    }

    /// Whether one of the names beneath a root keeps it from being served.
    pub(super) fn has(self, path: &[u8]) -> bool {
        let mut names = path.split(|byte| *byte == b'/').enumerate();
        self == Self::Off
            && names
                .any(|(depth, name)| name.starts_with(b".") && !(depth == 0 && name == WELL_KNOWN))
    }

    /// Whether a name is left out of a list.
    pub(crate) fn omits(self, name: &[u8]) -> bool {
        self == Self::Off && name.starts_with(b".")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_a_dot_before_them_are_off_but_the_well_known() {
        for (path, hidden) in [
            (&b""[..], false),
            (b"a.b", false),
            (b"a/b.c/d", false),
            (b".env", true),
            (b".git/config", true),
            (b"a/.git", true),
            (b"a/.git/x", true),
            (b".well-known", false),
            (b".well-known/acme-challenge/x", false),
            (b".well-known/.x", true),
            (b".well-knownx", true),
            (b"a/.well-known/x", true),
        ] {
            assert_eq!(Hidden::Off.has(path), hidden, "{}", path.escape_ascii());
            assert!(!Hidden::Shown.has(path));
        }
        assert!(Hidden::Off.omits(b".well-known") && !Hidden::Off.omits(b"a"));
        assert!(!Hidden::Shown.omits(b".env"));
    }
}
