//! File transfer (TCP): the client shows a key, and the server sends one file until the end of the stream.
//!
//! The client sends its [`Key`] with nothing after it, and keeps its side open. The server collects what comes until
//! [`Key::check`] decides, then sends an [`AuthAnswer`]: after [`AuthAnswer::Error`] it closes, after
//! [`AuthAnswer::Success`] come the bytes of the file as they are. The client's side is [`Fetch`].
//!
//! Nothing on the classic wire says how long the file is. A stream cut short looks like the whole file.
//!
//! Classic clients take what *one* read gives for the answer and lose the file bytes that came with it, so a server
//! must not let the first bytes of the file leave before the answer has had time to be read.
//!
//! The [`native`] wire is another: encrypted, with names, sizes and hashes.
//!
//! # Example
//! A server, whose client sends the key in two pieces. For a client with [`Fetch`] see [the front
//! page](crate#file-transfer).
//!
//! ```
//! use std::io::{self, Read, Write};
//! use std::{net::{TcpListener, TcpStream}, thread, time::Duration};
//!
//! use proto::filexfer::{AuthAnswer, Key, KeyCheck};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let mut client = TcpStream::connect(listener.local_addr()?)?;
//! let (mut server, _) = listener.accept()?;
//! for stream in [&client, &server] {
//!     stream.set_read_timeout(Some(Duration::from_secs(5)))?;
//! }
//! let key = Key::new(*b"SECRET_KEY")?;
//! let service = thread::spawn(move || -> io::Result<()> {
//!     let (mut received, mut buffer) = (Vec::new(), [0; 1024]);
//!     while key.check(&received) == KeyCheck::Partial {
//!         match server.read(&mut buffer)? {
//!             0 => break,
//!             length => received.extend_from_slice(&buffer[..length]),
//!         }
//!     }
//!     if key.check(&received) != KeyCheck::Right {
//!         return server.write_all(AuthAnswer::Error.as_str().as_bytes());
//!     }
//!     server.write_all(AuthAnswer::Success.as_str().as_bytes())?;
//!     thread::sleep(Duration::from_millis(50)); // a classic client is to read the answer alone
//!     server.write_all(b"the file") // and closes
//! });
//!
//! let mut stream = String::new();
//! client.write_all(b"SECRET")?;
//! client.write_all(b"_KEY")?;
//! client.read_to_string(&mut stream)?;
//! assert_eq!(stream, "AUTH_SUCCESSthe file");
//! service.join().expect("the server does not panic")?;
//! # Ok(())
//! # }
//! ```

mod fetch;
mod key;
pub mod native;

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
    /// `Ok(None)` is an answer that is not complete yet. What comes after it is not looked at.
    ///
    /// # Errors
    /// [`FetchError::NoAnswer`] as soon as the bytes can no longer become an answer.
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
