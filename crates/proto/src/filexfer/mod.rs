//! File transfer (TCP): the client shows a key, and the server sends one file until the end of the stream.
//!
//! The client sends its [`Key`] with nothing after it, and keeps its side open. The server collects what comes until
//! [`Key::check`] decides, then sends an [`AuthAnswer`]: after [`AuthAnswer::Error`] it closes, after
//! [`AuthAnswer::Success`] come the bytes of the file as they are. The client's side is [`Fetch`].
//!
//! Nothing on this wire says how long the file is. A stream cut short looks like the whole file.
//!
//! Classic clients take what *one* read gives for the answer and lose the file bytes that came with it, so a server
//! must not let the first bytes of the file leave before the answer has had time to be read.

mod fetch;
mod key;

pub use fetch::{Fetch, FetchError, Progress};
pub use key::{Key, KeyCheck, KeyLengthError, MAX_KEY};

/// The port the server listens on unless told otherwise.
pub const DEFAULT_PORT: u16 = 9090;

/// What the server thinks of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthAnswer {
    /// The key is right: the file follows.
    Success,
    /// The key is wrong: the server closes.
    Error,
}

impl AuthAnswer {
    /// The text of the answer, as it goes on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "AUTH_SUCCESS",
            Self::Error => "AUTH_ERROR",
        }
    }

    /// Appends the answer as it goes on the wire.
    pub fn encode(self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_str().as_bytes());
    }

    /// Reads the answer from the first bytes of the server's stream, and says how many of them it took.
    ///
    /// `Ok(None)` is an answer that is not complete yet.
    pub fn decode(stream: &[u8]) -> Result<Option<(Self, usize)>, FetchError> {
        for answer in [Self::Success, Self::Error] {
            let text = answer.as_str().as_bytes();
            if stream.starts_with(text) {
                return Ok(Some((answer, text.len())));
            }
            if text.starts_with(stream) {
                return Ok(None);
            }
        }
        Err(FetchError::NoAnswer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_bytes() {
        let table: &[(AuthAnswer, &[u8])] = &[
            (AuthAnswer::Success, b"AUTH_SUCCESS"),
            (AuthAnswer::Error, b"AUTH_ERROR"),
        ];
        for (answer, wire) in table {
            let mut out = Vec::new();
            answer.encode(&mut out);
            assert_eq!(out, *wire);
            assert_eq!(AuthAnswer::decode(wire), Ok(Some((*answer, wire.len()))));
        }
    }

    #[test]
    fn beginnings_of_an_answer() {
        let success = |taken| Ok(Some((AuthAnswer::Success, taken)));
        type Decoded = Result<Option<(AuthAnswer, usize)>, FetchError>;
        let table: &[(&[u8], Decoded)] = &[
            (b"", Ok(None)),
            (b"AUTH_", Ok(None)),
            (b"AUTH_SUCCES", Ok(None)),
            (b"AUTH_ERRO", Ok(None)),
            (b"AUTH_SUCCESSAUTH_ERROR", success(12)),
            (b"AUTH_ERRORS", Ok(Some((AuthAnswer::Error, 10)))),
            (b"auth_success", Err(FetchError::NoAnswer)),
            (b"AUTH_SERROR", Err(FetchError::NoAnswer)),
            (b"\0", Err(FetchError::NoAnswer)),
        ];
        for (stream, expected) in table {
            let text = stream.escape_ascii();
            assert_eq!(AuthAnswer::decode(stream), *expected, "{text}");
        }
    }
}
