//! How much of everything a request may have.

use std::time::Duration;

/// How much a request may have of everything, and how long it may take. Lengths are in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest target. A longer one is answered 414 (RFC 9110, section 15.5.15).
    pub target: usize,
    /// The most header fields. More are answered 431 (RFC 6585, section 5), as what is too long of those below.
    pub fields: usize,
    /// The longest name of a header field.
    pub name: usize,
    /// The longest value of a header field.
    pub value: usize,
    /// The longest head: request line and all header fields.
    pub head: usize,
    /// The longest body, which is read and dropped. A longer one is answered 413.
    pub body: u64,
    /// From the first byte of a head to its last; then 408. The same again for a body.
    pub head_time: Duration,
    /// How long a connection may wait for its next request, or for its first.
    pub idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            target: 8 * 1024,
            fields: 100,
            name: 256,
            value: 16 * 1024,
            head: 64 * 1024,
            body: 1024 * 1024,
            head_time: Duration::from_secs(10),
            idle: Duration::from_secs(60),
        }
    }
}
