//! Why a request is not understood, and what is answered to it: the one place where a fault becomes a status.

use thiserror::Error;

use super::status::Status;

/// Why a request is refused before anybody looks at what it wants. The connection is closed after the answer: where the
/// next request would begin is not certain (RFC 9112, section 2.2 and 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// It is no HTTP/1 message.
    #[error("expected a request of HTTP/1.1: {0}")]
    Malformed(&'static str),
    /// A method that nobody knows, or that is not for a server of files at all.
    #[error("expected GET, HEAD or OPTIONS")]
    Method,
    /// Another version than 1.0 and 1.1.
    #[error("expected HTTP/1.0 or HTTP/1.1")]
    Version,
    /// The target is longer than [`Limits::target`](super::Limits::target).
    #[error("expected a shorter target")]
    TargetTooLong,
    /// The head is longer than one of the [`Limits`](super::Limits).
    #[error("expected fewer or shorter header fields")]
    HeadTooLarge,
    /// The body is longer than [`Limits::body`](super::Limits::body).
    #[error("expected a shorter body")]
    BodyTooLarge,
    /// A transfer coding that is not known.
    #[error("expected no transfer coding but chunked")]
    Coding,
    /// An expectation other than `100-continue`.
    #[error("expected no expectation but 100-continue")]
    Expectation,
    /// The head, or the body, did not come in time.
    #[error("expected the whole request sooner")]
    TooSlow,
}

impl Refusal {
    /// What is answered.
    pub fn status(self) -> Status {
        match self {
            Self::Malformed(_) => Status::BadRequest,
            Self::Method => Status::NotImplemented,
            Self::Version => Status::VersionNotSupported,
            Self::TargetTooLong => Status::UriTooLong,
            Self::HeadTooLarge => Status::HeadersTooLarge,
            Self::BodyTooLarge => Status::ContentTooLarge,
            Self::Coding => Status::NotImplemented,
            Self::Expectation => Status::ExpectationFailed,
            Self::TooSlow => Status::RequestTimeout,
        }
    }
}
