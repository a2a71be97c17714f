//! Who may come in: lines of `user:hash`.

use std::collections::HashMap;
use std::sync::Arc;

use thiserror::Error;

use super::hash::{Hash, HashError};

/// The most bytes of a file of users.
pub(super) const LONGEST: u64 = 1 << 20;

/// Those who may come in, at least one.
#[derive(Debug)]
pub(super) struct Users {
    hashes: HashMap<Arc<str>, Hash>,
    /// Hashes that nobody has, but of the same making: who is not known takes as long as who is.
    decoys: Vec<Hash>,
}

/// Why a text names no users.
#[derive(Debug, PartialEq, Eq, Error)]
pub(super) enum UsersError {
    #[error(
        "line {line}: {fault}; expected user:hash with a hash by argon2id, bcrypt or sha512-crypt: \
         webserver --hash-password USER makes such a line, htpasswd -nB USER another"
    )]
    Hash {
        /// Number of the line, from 1.
        line: usize,
        fault: HashError,
    },
    #[error("line {0}: expected user:hash, with a user of printable characters")]
    Line(usize),
    #[error("line {0}: this user stands in an earlier line, too")]
    Twice(usize),
    #[error("expected a line user:hash for each user: webserver --hash-password USER makes one")]
    Nobody,
}

impl Users {
    /// Reads lines of `user:hash`. Empty ones, and those that begin with `#`, say nothing.
    pub(super) fn parse(text: &str) -> Result<Self, UsersError> {
        let mut hashes = HashMap::new();
        for (place, line) in text.lines().enumerate() {
            let number = place + 1;
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (user, hash) = line.split_once(':').ok_or(UsersError::Line(number))?;
            if user.is_empty() || user.contains(char::is_control) {
                return Err(UsersError::Line(number));
            }
            let fault = |fault| UsersError::Hash {
                line: number,
                fault,
            };
            let hash = Hash::parse(hash).map_err(fault)?;
            if hashes.insert(user.into(), hash).is_some() {
                return Err(UsersError::Twice(number));
            }
        }
        if hashes.is_empty() {
            return Err(UsersError::Nobody);
        }
        let decoys = hashes.values().cloned().collect();
        Ok(Self { hashes, decoys })
    }

    /// Whether this is the password of this user. `chance` chooses whose hash is compared in vain where there is no such
    /// user: it has to be the same for a name each time, and nothing that others can tell.
    pub(super) fn admits(&self, user: &str, password: &str, chance: usize) -> bool {
        match self.hashes.get(user) {
            Some(hash) => hash.is_of(password),
            None => {
                self.decoys[chance % self.decoys.len()].is_of(password);
                false
            }
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.hashes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_in() {
        let (alice, bob) = (Hash::quick("one").text(), Hash::quick("two").text());
        let text = format!("# users\n\nalice:{alice}\r\n  bob:{bob}  \n");
        let users = Users::parse(&text).unwrap();
        assert_eq!(users.len(), 2);
        for chance in [0, 1, 2, usize::MAX] {
            assert!(users.admits("alice", "one", chance));
            assert!(users.admits("bob", "two", chance));
            for (user, password) in [("alice", "two"), ("bob", ""), ("carol", "one"), ("", "two")] {
                assert!(!users.admits(user, password, chance), "{user}");
            }
        }
        let printed = format!("{users:?}");
        assert!(!printed.contains("argon2"), "{printed}");
    }

    #[test]
    fn faults_have_their_line_and_cure() {
        let hash = Hash::quick("one").text();
        let table = [
            (String::new(), "--hash-password USER"),
            ("# nobody\n".into(), "--hash-password USER"),
            ("alice\n".into(), "line 1: expected user:hash"),
            (format!(":{hash}"), "line 1: expected user:hash"),
            (
                format!("a:{hash}\n\nb:secret\n"),
                "line 3: a password that is not hashed",
            ),
            (format!("a:{hash}\na:{hash}"), "line 2: this user"),
            (
                "a:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=".into(),
                "SHA-1 is broken; expected user:hash with a hash by argon2id",
            ),
        ];
        for (text, expected) in table {
            let error = Users::parse(&text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
