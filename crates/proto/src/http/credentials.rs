//! Who asks: the `Basic` scheme (RFC 7617).

use std::fmt;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// The longest value that is looked at, in bytes. It is hashed in a time that grows with it.
const LONGEST: usize = 1024;

/// What is asked for where nobody said who he is: the value of a `WWW-Authenticate` field.
pub const CHALLENGE: &str = "Basic realm=\"files\", charset=\"UTF-8\"";

/// Peers leave out the padding, or do not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A name and a password, as a peer gave them. They print as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The name.
    pub user: String,
    /// The password.
    pub password: String,
}

impl Credentials {
    /// What an `Authorization` field says; `None` where it is of another scheme or malformed: longer than 1 KiB, no UTF-8,
    /// or with control characters (RFC 7617, section 2).
    pub fn decode(value: &[u8]) -> Option<Self> {
        if value.len() > LONGEST {
            return None;
        }
        let (scheme, rest) = value.split_at_checked(5)?;
        if !scheme.eq_ignore_ascii_case(b"basic") || !rest.starts_with(b" ") {
            return None;
        }
        let text = BASE64.decode(rest.trim_ascii_start()).ok()?;
        let text = String::from_utf8(text).ok()?;
        if text.contains(char::is_control) {
            return None;
        }
        let (user, password) = text.split_once(':')?;
        Some(Self {
            user: user.into(),
            password: password.into(),
        })
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a field says, and the name and the password in it.
    type Row = (&'static [u8], Option<(&'static str, &'static str)>);

    #[test]
    fn what_a_field_says() {
        let table: [Row; 16] = [
            // The example of RFC 7617, section 2, and that of section 2.1.
            (
                b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
                Some(("Aladdin", "open sesame")),
            ),
            (b"Basic dGVzdDoxMjPCow==", Some(("test", "123\u{a3}"))),
            (
                b"bAsIc   QWxhZGRpbjpvcGVuIHNlc2FtZQ",
                Some(("Aladdin", "open sesame")),
            ),
            (b"Basic Og==", Some(("", ""))),
            (b"Basic YTpiOmM=", Some(("a", "b:c"))),
            (b"", None),
            (b"Basic", None),
            (b"Basic ", None),
            (b"BasicQWxhZGRpbjpvcGVuIHNlc2FtZQ==", None),
            (b"Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ==", None),
            (b"Digest username=\"a\"", None),
            (b"Basic YQ==", None),     // a
            (b"Basic YTr/", None),     // no UTF-8
            (b"Basic YTpiAA==", None), // a NUL
            (b"Basic YTpi YTpi", None),
            (b"Basic !!!!", None),
        ];
        for (value, expected) in table {
            let found = Credentials::decode(value);
            let found = found.as_ref().map(|found| (&*found.user, &*found.password));
            assert_eq!(found, expected, "{}", value.escape_ascii());
        }
    }

    #[test]
    fn they_are_not_printed() {
        let told = Credentials {
            user: "alice".into(),
            password: "secret".into(),
        };
        assert_eq!(format!("{told:?}"), "***");
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken(value: Vec<u8>) {
            Credentials::decode(&value);
        }

        #[test]
        fn what_is_written_is_read(user in "[^:\\p{Cc}]{0,20}", password in "[^\\p{Cc}]{0,20}") {
            let value = format!("Basic {}", BASE64.encode(format!("{user}:{password}")));
            prop_assert_eq!(Credentials::decode(value.as_bytes()), Some(Credentials { user, password }));
        }
    }
}
