//! The acknowledging echo (TCP over IPv4 or IPv6): every message gets one and the same answer.
//!
//! TCP does not keep the borders of messages, and this wire has none of its own: **whatever one read gives is one
//! message**. A message that arrives in two reads gets two answers; two messages that arrive in one read get one. And
//! `exit` ends the conversation only where it is all that a read gave: glued to another message it is part of that
//! message, and the connection closes when the stream ends. A client that wants one answer for each message therefore
//! waits for it before it sends the next, and keeps its messages within [`MAX_MESSAGE`]. More it can not do: the
//! network may still cut a message in two.
//!
//! The server reads with [`Request::decode`] and answers [`ACKNOWLEDGEMENT`]. The client sends [`GREETING`] or a text
//! of its own, counts the answers with [`Acknowledgements`], and sends [`EXIT`] last.
//!
//! # Example
//! ```
//! use std::io::{self, Read, Write};
//! use std::{net::{TcpListener, TcpStream}, thread, time::Duration};
//!
//! use proto::ack::{self, Acknowledgements, Request};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let mut client = TcpStream::connect(listener.local_addr()?)?;
//! let (mut server, _) = listener.accept()?;
//! for stream in [&client, &server] {
//!     stream.set_read_timeout(Some(Duration::from_secs(5)))?;
//! }
//! let service = thread::spawn(move || -> io::Result<()> {
//!     let mut buffer = [0; ack::MAX_MESSAGE];
//!     loop {
//!         let length = server.read(&mut buffer)?;
//!         if length == 0 || Request::decode(&buffer[..length]) == Request::Exit {
//!             return Ok(()); // and closes
//!         }
//!         server.write_all(ack::ACKNOWLEDGEMENT.as_bytes())?;
//!     }
//! });
//!
//! let (mut answers, mut buffer) = (Acknowledgements::default(), [0; 1024]);
//! for sent in 1..=5 {
//!     client.write_all(ack::GREETING.as_bytes())?;
//!     while answers.count() < sent {
//!         match client.read(&mut buffer)? {
//!             0 => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
//!             length => answers.read(&buffer[..length])?,
//!         };
//!     }
//! }
//! client.write_all(ack::EXIT.as_bytes())?;
//! assert_eq!(client.read(&mut buffer)?, 0);
//! assert_eq!((answers.end(), answers.count()), (Ok(()), 5));
//! service.join().expect("the server does not panic")?;
//! # Ok(())
//! # }
//! ```

/// The port the server listens on unless told otherwise: the one of the upper-casing TCP echo.
pub const DEFAULT_PORT: u16 = 12_000;

/// The most that a server takes for one message, in bytes: the size of its reads.
pub const MAX_MESSAGE: usize = 1024;

/// What classic clients say.
pub const GREETING: &str = "Hii Server";

/// What ends the conversation, in exactly these letters.
pub const EXIT: &str = "exit";

/// The answer to every message.
pub const ACKNOWLEDGEMENT: &str = "Acknowledgement";

const LENGTH: u64 = ACKNOWLEDGEMENT.len() as u64;

/// What one read of the server gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request<'a> {
    /// The client is done: the server closes the connection, without an answer.
    Exit,
    /// Anything else: the server answers [`ACKNOWLEDGEMENT`].
    Message(&'a [u8]),
}

impl<'a> Request<'a> {
    /// Takes all the bytes of one read, at most [`MAX_MESSAGE`].
    ///
    /// A read of no bytes is the end of the stream, not a request: the server closes then, as after [`Request::Exit`].
    pub fn decode(read: &'a [u8]) -> Self {
        if read == EXIT.as_bytes() {
            Self::Exit
        } else {
            Self::Message(read)
        }
    }

    /// Appends the request as it goes on the wire. A message that says [`EXIT`] and nothing else is read as that.
    pub fn encode(self, out: &mut Vec<u8>) {
        out.extend_from_slice(match self {
            Self::Exit => EXIT.as_bytes(),
            Self::Message(text) => text,
        });
    }
}

/// How a server's stream broke the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AckError {
    /// A byte that cannot belong to an answer.
    #[error(
        "expected '{}' of \"{ACKNOWLEDGEMENT}\" at byte {at} of the stream, found '{}'",
        .expected.escape_ascii(),
        .found.escape_ascii()
    )]
    Unexpected {
        /// The byte that belongs there.
        expected: u8,
        /// The byte that came.
        found: u8,
        /// How many bytes came before it since the connection was made.
        at: u64,
    },
    /// The stream ended inside an answer.
    #[error("expected {missing} more bytes of \"{ACKNOWLEDGEMENT}\", found the end of the stream")]
    EndInside {
        /// How many bytes of the answer did not come.
        missing: usize,
    },
}

/// The client's reader: counts the answers in the server's stream, however they are glued or split.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Acknowledgements {
    received: u64,
    failed: Option<AckError>,
}

impl Acknowledgements {
    /// Takes the bytes of one read and says how many answers they completed.
    ///
    /// # Errors
    /// [`AckError::Unexpected`] with the first byte that cannot belong to an answer. Every further call repeats it;
    /// [`count`](Self::count) still has the answers before that byte.
    pub fn read(&mut self, bytes: &[u8]) -> Result<u64, AckError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let before = self.count();
        let due = ACKNOWLEDGEMENT.bytes().cycle().skip(self.begun());
        for (found, expected) in bytes.iter().copied().zip(due) {
            if found != expected {
                let at = self.received;
                let error = AckError::Unexpected {
                    expected,
                    found,
                    at,
                };
                self.failed = Some(error);
                return Err(error);
            }
            self.received += 1;
        }
        Ok(self.count() - before)
    }

    /// The answers that have come complete since the connection was made.
    pub fn count(&self) -> u64 {
        self.received / LENGTH
    }

    /// Whether the stream may end here, between two answers. Call it when a read has given no bytes.
    ///
    /// # Errors
    /// [`AckError::EndInside`] when an answer is incomplete, and the error of [`read`](Self::read) where it had one.
    pub fn end(&self) -> Result<(), AckError> {
        match (self.failed, self.begun()) {
            (Some(error), _) => Err(error),
            (None, 0) => Ok(()),
            (None, begun) => Err(AckError::EndInside {
                missing: ACKNOWLEDGEMENT.len() - begun,
            }),
        }
    }

    /// How many bytes have come of an answer that is not complete.
    fn begun(&self) -> usize {
        (self.received % LENGTH) as usize
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn golden_bytes() {
        let table: &[(&str, &[u8])] = &[
            (GREETING, b"Hii Server"),
            (EXIT, b"exit"),
            (ACKNOWLEDGEMENT, b"Acknowledgement"),
        ];
        for (text, wire) in table {
            assert_eq!(text.as_bytes(), *wire);
        }
        assert_eq!(Acknowledgements::default().read(b"Acknowledgement"), Ok(1));
    }

    #[test]
    fn requests_of_the_table() {
        assert_eq!(Request::decode(b"exit"), Request::Exit);
        let mut wire = Vec::new();
        Request::Message(GREETING.as_bytes()).encode(&mut wire);
        Request::Exit.encode(&mut wire);
        assert_eq!(wire, b"Hii Serverexit");
        let messages: &[&[u8]] = &[
            b"Hii Server",
            b"EXIT",
            b"exit\n",
            b" exit",
            b"exi",
            b"exitexit",
            b"Hii Serverexit",
            b"\xff\0",
        ];
        for read in messages {
            assert_eq!(Request::decode(read), Request::Message(read));
        }
    }

    #[test]
    fn answers_glued_and_split() {
        let table: &[&[(&[u8], u64)]] = &[
            &[(b"Acknowledgement", 1), (b"Acknowledgement", 1)],
            &[(b"AcknowledgementAcknowledgement", 2), (b"", 0)],
            &[(b"Ack", 0), (b"nowledgementAcknow", 1), (b"ledgement", 1)],
        ];
        for reads in table {
            let mut answers = Acknowledgements::default();
            for (read, completed) in *reads {
                assert_eq!(
                    answers.read(read),
                    Ok(*completed),
                    "{}",
                    read.escape_ascii()
                );
            }
            assert_eq!((answers.count(), answers.end()), (2, Ok(())));
        }
    }

    #[test]
    fn the_first_wrong_byte_is_named() {
        let table: &[(&[u8], u64, &str)] = &[
            (
                b"ack",
                0,
                "expected 'A' of \"Acknowledgement\" at byte 0 of the stream, found 'a'",
            ),
            (
                b"AcknowledgementAck\n",
                1,
                "expected 'n' of \"Acknowledgement\" at byte 18 of the stream, found '\\n'",
            ),
            (
                b"Acknowledgement\n",
                1,
                "expected 'A' of \"Acknowledgement\" at byte 15 of the stream, found '\\n'",
            ),
        ];
        for (stream, count, expected) in table {
            let mut answers = Acknowledgements::default();
            let error = answers.read(stream).unwrap_err();
            assert_eq!(error.to_string(), *expected);
            assert_eq!(answers.count(), *count);
            assert_eq!(answers.read(b"Acknowledgement"), Err(error));
            assert_eq!(answers.end(), Err(error));
        }
    }

    #[test]
    fn an_end_inside_an_answer() {
        let mut answers = Acknowledgements::default();
        assert_eq!(answers.end(), Ok(()));
        assert_eq!(answers.read(b"AcknowledgementAck"), Ok(1));
        assert_eq!(answers.end(), Err(AckError::EndInside { missing: 12 }));
    }

    proptest! {
        #[test]
        fn any_chunking_counts_the_same(
            answers in 0usize..6,
            tail in 0..ACKNOWLEDGEMENT.len(),
            sizes in prop::collection::vec(1usize..40, 1..8),
        ) {
            let stream = [ACKNOWLEDGEMENT.repeat(answers).as_str(), &ACKNOWLEDGEMENT[..tail]].concat();
            let mut rest = stream.as_bytes();
            let mut reader = Acknowledgements::default();
            let mut completed = 0;
            for size in sizes.iter().cycle() {
                let (read, left) = rest.split_at(rest.len().min(*size));
                completed += reader.read(read).unwrap();
                rest = left;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!((completed, reader.count()), (answers as u64, answers as u64));
            prop_assert_eq!(reader.end().is_ok(), tail == 0);
        }

        #[test]
        fn any_bytes_are_taken_and_chunking_does_not_matter(answers in 0usize..3, reads: Vec<Vec<u8>>) {
            let start = ACKNOWLEDGEMENT.repeat(answers);
            let mut whole = Acknowledgements::default();
            let mut split = whole;
            let all = whole.read(&[start.as_bytes(), &reads.concat()].concat());
            let mut last = split.read(start.as_bytes());
            for read in &reads {
                Request::decode(read);
                last = split.read(read);
            }
            prop_assert_eq!(split, whole);
            prop_assert_eq!(all.err(), last.err());
        }
    }
}
