//! Who asks: the `Basic` scheme (RFC 7617).

use std::fmt;

/// A name and a password, as a peer gave them. They print as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The name.
    pub user: String,
    /// The password.
    pub password: String,
}

impl Credentials {
    /// What an `Authorization` field says; `None` where it is of another scheme or malformed.
    pub fn decode(_value: &[u8]) -> Option<Self> {
        None
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
