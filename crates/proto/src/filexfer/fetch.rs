//! The client's side of a transfer: the answer, then the file, out of whatever each read gave.

use super::AuthAnswer;

const LONGEST_ANSWER: usize = AuthAnswer::Success.as_str().len();

/// How a server's stream broke the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The first bytes are neither answer: this is no server of this protocol.
    #[error("expected AUTH_SUCCESS or AUTH_ERROR first")]
    NoAnswer,
    /// The server closed before it had answered; it holds how many bytes of an answer had come.
    #[error("expected AUTH_SUCCESS or AUTH_ERROR, found the end of the stream after {0} bytes")]
    EndBeforeAnswer(usize),
    /// The server went on after it had refused.
    #[error("expected the end of the stream after AUTH_ERROR, found more bytes")]
    BytesAfterRefusal,
}

/// What one read told a client. Bytes of the file are borrowed from the read: they are not copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress<'a> {
    /// The answer is not complete yet.
    Pending,
    /// The key was wrong.
    Refused,
    /// The key was right, and these are the first bytes of the file, if any came along. It is said once.
    Accepted(&'a [u8]),
    /// The next bytes of the file.
    Chunk(&'a [u8]),
}

/// The client's side of a transfer, after it has sent its key.
///
/// Give [`read`](Self::read) what each read from the stream gave, and call [`end`](Self::end) at the end of the stream.
#[derive(Clone, Debug)]
pub struct Fetch(State);

#[derive(Clone, Debug)]
enum State {
    /// It holds the bytes of the answer so far, fewer than the longest answer has.
    Answer(Vec<u8>),
    File,
    Refused,
    Failed(FetchError),
}

impl Default for Fetch {
    fn default() -> Self {
        Self(State::Answer(Vec::new()))
    }
}

impl Fetch {
    /// Takes the bytes of one read, however the stream was cut into reads.
    ///
    /// # Errors
    /// [`FetchError::NoAnswer`] when the server's first bytes are neither answer, [`FetchError::BytesAfterRefusal`]
    /// when it goes on after it has refused: the refusal itself is always told first. After an error the stream is of
    /// no more use, and every further call repeats the error.
    pub fn read<'a>(&mut self, bytes: &'a [u8]) -> Result<Progress<'a>, FetchError> {
        match &mut self.0 {
            State::Answer(held) => {
                let (next, progress) = match complete(held, bytes) {
                    Ok(None) => return Ok(Progress::Pending),
                    Ok(Some((answer, rest))) => after(answer, rest),
                    Err(error) => (State::Failed(error), Err(error)),
                };
                self.0 = next;
                progress
            }
            State::File => Ok(Progress::Chunk(bytes)),
            State::Refused if bytes.is_empty() => Ok(Progress::Refused),
            State::Refused => {
                self.0 = State::Failed(FetchError::BytesAfterRefusal);
                Err(FetchError::BytesAfterRefusal)
            }
            State::Failed(error) => Err(*error),
        }
    }

    /// Whether the stream may end here, and with which answer.
    ///
    /// [`AuthAnswer::Success`] says that the server closed after a file. It does not say that the file is whole: this
    /// wire has no length and no checksum to tell that by. After [`AuthAnswer::Error`] there is no file.
    ///
    /// # Errors
    /// [`FetchError::EndBeforeAnswer`] when the answer is not complete, and the error of [`read`](Self::read) where it
    /// had one. When bytes came with the refusal, in one read, that read tells the refusal, and this is where
    /// [`FetchError::BytesAfterRefusal`] shows.
    pub fn end(&self) -> Result<AuthAnswer, FetchError> {
        match &self.0 {
            State::Answer(held) => Err(FetchError::EndBeforeAnswer(held.len())),
            State::File => Ok(AuthAnswer::Success),
            State::Refused => Ok(AuthAnswer::Error),
            State::Failed(error) => Err(*error),
        }
    }
}

/// Adds to the answer what this read has of it; once it is complete, gives it with the rest of the read.
fn complete<'a>(
    held: &mut Vec<u8>,
    bytes: &'a [u8],
) -> Result<Option<(AuthAnswer, &'a [u8])>, FetchError> {
    let before = held.len();
    held.extend(bytes.iter().take(LONGEST_ANSWER.saturating_sub(before)));
    let answer = AuthAnswer::decode(held)?;
    Ok(answer.map(|(answer, taken)| {
        let rest = bytes.get(taken.saturating_sub(before)..);
        (answer, rest.unwrap_or_default())
    }))
}

/// Where an answer leads, and what its read told.
fn after(answer: AuthAnswer, rest: &[u8]) -> (State, Result<Progress<'_>, FetchError>) {
    let state = match answer {
        AuthAnswer::Success => return (State::File, Ok(Progress::Accepted(rest))),
        AuthAnswer::Error if rest.is_empty() => State::Refused,
        AuthAnswer::Error => State::Failed(FetchError::BytesAfterRefusal),
    };
    (state, Ok(Progress::Refused))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The file, and how the stream ended, for a server's stream that came in these reads.
    fn fetched<'a>(
        reads: impl IntoIterator<Item = &'a [u8]>,
    ) -> (Vec<u8>, Result<AuthAnswer, FetchError>) {
        let mut fetch = Fetch::default();
        let mut file = Vec::new();
        for read in reads {
            match fetch.read(read) {
                Ok(Progress::Accepted(bytes) | Progress::Chunk(bytes)) => {
                    file.extend_from_slice(bytes);
                }
                Ok(Progress::Pending | Progress::Refused) => {}
                Err(error) => assert_eq!(fetch.end(), Err(error)),
            }
        }
        (file, fetch.end())
    }

    #[test]
    fn reads_and_what_they_tell() {
        use Progress::{Accepted, Chunk, Pending, Refused};
        type Read = (&'static [u8], Result<Progress<'static>, FetchError>);
        let table: &[&[Read]] = &[
            &[
                (b"AUTH_SUCCESS", Ok(Accepted(b""))),
                (b"file", Ok(Chunk(b"file"))),
            ],
            &[
                (b"AUTH_SUCCESSfi", Ok(Accepted(b"fi"))),
                (b"le", Ok(Chunk(b"le"))),
            ],
            &[
                (b"AUTH_", Ok(Pending)),
                (
                    b"SUCCESSfile, longer than an answer",
                    Ok(Accepted(b"file, longer than an answer")),
                ),
            ],
            &[
                (b"AUTH_SUCCESS", Ok(Accepted(b""))),
                (b"AUTH_ERROR", Ok(Chunk(b"AUTH_ERROR"))),
            ],
            &[(b"AUTH_ERR", Ok(Pending)), (b"OR", Ok(Refused))],
            &[
                (b"AUTH_ERROR!", Ok(Refused)),
                (b"", Err(FetchError::BytesAfterRefusal)),
            ],
            &[
                (b"AUTH_ERROR", Ok(Refused)),
                (b"!", Err(FetchError::BytesAfterRefusal)),
                (b"", Err(FetchError::BytesAfterRefusal)),
            ],
            &[
                (b"AUTH_X", Err(FetchError::NoAnswer)),
                (b"AUTH_SUCCESS", Err(FetchError::NoAnswer)),
            ],
        ];
        for reads in table {
            let mut fetch = Fetch::default();
            for (read, expected) in *reads {
                let text = read.escape_ascii();
                assert_eq!(fetch.read(read), *expected, "{text}");
            }
        }
    }

    #[test]
    fn ends() {
        let table: &[(&[u8], Result<AuthAnswer, FetchError>)] = &[
            (b"", Err(FetchError::EndBeforeAnswer(0))),
            (b"AUTH_ERRO", Err(FetchError::EndBeforeAnswer(9))),
            (b"AUTH_ERROR", Ok(AuthAnswer::Error)),
            (b"AUTH_SUCCESS", Ok(AuthAnswer::Success)),
            (b"AUTH_SUCCESSfile", Ok(AuthAnswer::Success)),
            (b"HTTP/1.1 400", Err(FetchError::NoAnswer)),
        ];
        for (stream, expected) in table {
            assert_eq!(fetched([*stream]).1, *expected, "{}", stream.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_file(file: Vec<u8>, sizes in prop::collection::vec(1usize..20, 1..8)) {
            let stream = [b"AUTH_SUCCESS".as_slice(), &file].concat();
            let mut rest = stream.as_slice();
            let reads = sizes.iter().cycle().map_while(|size| {
                let (read, left) = rest.split_at(rest.len().min(*size));
                rest = left;
                (!read.is_empty()).then_some(read)
            });
            prop_assert_eq!(fetched(reads), (file.clone(), Ok(AuthAnswer::Success)));
        }

        #[test]
        fn any_bytes_are_taken_and_chunking_does_not_matter(
            start in prop::sample::select(vec!["", "AUTH_", "AUTH_SUCC", "AUTH_ERROR", "AUTH_SUCCESS"]),
            reads: Vec<Vec<u8>>,
        ) {
            let whole = [start.as_bytes(), &reads.concat()].concat();
            let reads = reads.iter().map(Vec::as_slice);
            prop_assert_eq!(fetched([start.as_bytes()].into_iter().chain(reads)), fetched([whole.as_slice()]));
        }
    }
}
