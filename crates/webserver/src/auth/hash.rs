//! Hashes of passwords, as they stand in a file.

use std::fmt;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use runtime::random;
use sha_crypt::ShaCrypt;
use thiserror::Error;

/// The most memory that one comparison may take, in KiB.
const MOST_MEMORY: u32 = 256 * 1024;

/// The most times that argon2id may go through its memory.
const MOST_PASSES: u32 = 64;

/// The most that bcrypt may cost, as a power of two: a second or two.
const MOST_COST: u32 = 15;

/// The most rounds of sha512-crypt: a second or two.
const MOST_ROUNDS: u32 = 1_000_000;

/// The hash of a password. It prints as `***`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Hash {
    /// `$argon2id$…` (RFC 9106).
    Argon2(Box<PasswordHash>),
    /// `$2b$…`, `$2a$…` or `$2y$…`.
    Bcrypt(String),
    /// `$6$…`
    Sha512(String),
}

/// Why a text is no hash that is taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum HashError {
    #[error("MD5 is broken")]
    Md5,
    #[error("SHA-1 is broken")]
    Sha1,
    #[error("this kind of hash is not known")]
    Unknown,
    #[error("a password that is not hashed, or by the old crypt(3)")]
    Plain,
    #[error("the hash is malformed")]
    Malformed,
    #[error("to check the password would take too long, or more than 256 MiB")]
    TooDear,
}

impl Hash {
    /// Reads it.
    pub(crate) fn parse(text: &str) -> Result<Self, HashError> {
        let kind = |names: &[&str]| names.iter().any(|name| text.starts_with(name));
        if kind(&["$argon2id$"]) {
            argon2(text)
        } else if kind(&["$2a$", "$2b$", "$2y$"]) {
            bcrypt(text)
        } else if kind(&["$6$"]) {
            sha512(text)
        } else if kind(&["$apr1$", "$1$", "{MD5}", "{SMD5}"]) {
            Err(HashError::Md5)
        } else if kind(&["{SHA}", "{SSHA}", "$sha1$"]) {
            Err(HashError::Sha1)
        } else if kind(&["$", "{"]) {
            Err(HashError::Unknown)
        } else {
            Err(HashError::Plain)
        }
    }

    /// Hashes a password by argon2id, with a salt of its own.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub(crate) fn of(password: &str) -> anyhow::Result<Self> {
        Self::with(password, Params::default())
    }

    fn with(password: &str, params: Params) -> anyhow::Result<Self> {
        let salt: [u8; 16] = random::bytes()?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let hash = argon2.hash_password_with_salt(password.as_bytes(), &salt);
        let hash = hash.map_err(|error| anyhow::anyhow!("cannot hash a password: {error}"))?;
        Ok(Self::Argon2(Box::new(hash)))
    }

    /// One of a password, made so quickly that it is of use in tests alone.
    #[cfg(test)]
    pub(crate) fn quick(password: &str) -> Self {
        Self::with(password, Params::new(8, 1, 1, None).unwrap()).unwrap()
    }

    /// Whether it is that of this password. It takes as long as it was made to take, and no less for another.
    pub(crate) fn is_of(&self, password: &str) -> bool {
        match self {
            Self::Argon2(hash) => Argon2::default()
                .verify_password(password.as_bytes(), &**hash)
                .is_ok(),
            Self::Bcrypt(hash) => bcrypt::verify(password, hash).unwrap_or(false),
            Self::Sha512(hash) => ShaCrypt::default()
                .verify_password(password.as_bytes(), hash.as_str())
                .is_ok(),
        }
    }

    /// As it stands in a file.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Argon2(hash) => hash.to_string(),
            Self::Bcrypt(hash) | Self::Sha512(hash) => hash.clone(),
        }
    }
}

fn argon2(text: &str) -> Result<Hash, HashError> {
    let hash = PasswordHash::new(text).map_err(|_| HashError::Malformed)?;
    let params = Params::try_from(&hash).map_err(|_| HashError::Malformed)?;
    let is_whole = hash.salt.is_some() && hash.hash.is_some_and(|hash| hash.len() >= 16);
    if !is_whole || hash.version.is_some_and(|version| version != 19) {
        return Err(HashError::Malformed);
    }
    if params.m_cost() > MOST_MEMORY || params.t_cost() > MOST_PASSES {
        return Err(HashError::TooDear);
    }
    Ok(Hash::Argon2(Box::new(hash)))
}

fn bcrypt(text: &str) -> Result<Hash, HashError> {
    let parts: bcrypt::HashParts = text.parse().map_err(|_| HashError::Malformed)?;
    match parts.get_cost() {
        ..4 => Err(HashError::Malformed),
        4..=MOST_COST => Ok(Hash::Bcrypt(text.into())),
        _ => Err(HashError::TooDear),
    }
}

/// `$6$rounds=5000$salt$hash`, where the rounds may be left out.
fn sha512(text: &str) -> Result<Hash, HashError> {
    let mut fields: Vec<_> = text.split('$').skip(2).collect();
    if let Some(rounds) = fields[0].strip_prefix("rounds=") {
        let rounds: u32 = rounds.parse().map_err(|_| HashError::Malformed)?;
        if rounds < 1000 {
            return Err(HashError::Malformed);
        }
        if rounds > MOST_ROUNDS {
            return Err(HashError::TooDear);
        }
        fields.remove(0);
    }
    let of_alphabet = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"./".contains(&byte))
    };
    match fields[..] {
        [salt, hash] if salt.len() <= 16 && hash.len() == 86 && of_alphabet(hash) => {
            Ok(Hash::Sha512(text.into()))
        }
        _ => Err(HashError::Malformed),
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_hash_is_of_its_password_alone() {
        let made = Hash::of("open sesame").unwrap();
        assert!(made.text().starts_with("$argon2id$v=19$m="));
        assert_ne!(made, Hash::of("open sesame").unwrap(), "each has its salt");
        let read = Hash::parse(&made.text()).unwrap();
        assert_eq!(read, made);
        assert!(read.is_of("open sesame"));
        for other in ["", "open sesam", "open sesame ", "Open sesame"] {
            assert!(!read.is_of(other), "{other}");
        }
        assert_eq!(format!("{made:?}"), "***");
    }

    /// Written by other programs: the argon2 command, htpasswd and openssl.
    #[test]
    fn hashes_of_others() {
        let table = [
            (
                "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
                "password",
            ),
            (
                "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
                "U*U",
            ),
            (
                "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
                "Hello world!",
            ),
            (
                "$6$rounds=10000$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v.",
                "Hello world!",
            ),
        ];
        for (text, password) in table {
            let hash = Hash::parse(text).unwrap_or_else(|error| panic!("{error}: {text}"));
            assert!(hash.is_of(password), "{text}");
            assert!(!hash.is_of("another"), "{text}");
            assert_eq!(hash.text(), text);
        }
    }

    #[test]
    fn what_is_refused() {
        let table = [
            ("secret", HashError::Plain),
            ("", HashError::Plain),
            ("rqXexS6ZhobKA", HashError::Plain),
            ("$apr1$salt$VJmMH4VZdPZTbgQYA4Yzn1", HashError::Md5),
            ("$1$salt$qJH7.N4xYta3aEG/dfqo/0", HashError::Md5),
            ("{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", HashError::Sha1),
            ("$y$j9T$salt$hash", HashError::Unknown),
            (
                "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1a",
                HashError::Unknown,
            ),
            (
                "$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
                HashError::Unknown,
            ),
            ("$argon2id$", HashError::Malformed),
            (
                "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ",
                HashError::Malformed,
            ),
            (
                "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFh",
                HashError::Malformed,
            ),
            (
                "$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
                HashError::TooDear,
            ),
            ("$2b$05$short", HashError::Malformed),
            (
                "$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
                HashError::TooDear,
            ),
            ("$6$", HashError::Malformed),
            ("$6$salt$", HashError::Malformed),
            ("$6$rounds=999999999$salt$x", HashError::TooDear),
        ];
        for (text, expected) in table {
            assert_eq!(Hash::parse(text), Err(expected), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_taken(text in "(\\$argon2id\\$|\\$2b\\$|\\$6\\$)?.{0,100}") {
            let _ = Hash::parse(&text);
        }
    }
}
