//! One connection: what it has sent, and what has to come back.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::time::Duration;

use mio::net::TcpStream;

use super::failure::Failure;
use super::pattern::{PERIOD, Pattern, Place};

/// The times of a request, since the start of the load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Times {
    /// When it was to be sent; in a closed loop when it was.
    pub(super) due: Duration,
    /// When it was first handed to the system.
    pub(super) sent: Duration,
}

/// A stream of requests and one of answers, in step.
pub(super) struct Connection<S = TcpStream> {
    stream: S,
    /// Bytes of a request.
    size: usize,
    /// The first byte that was not handed to the system yet.
    written: Place,
    /// Bytes of requests that were begun and not handed to the system.
    unwritten: usize,
    /// The first byte that has not come back yet.
    read: Place,
    /// Bytes of the oldest request in flight that have not come back yet.
    missing: usize,
    in_flight: VecDeque<Times>,
}

impl<S: Read + Write> Connection<S> {
    /// The connection of this number.
    pub(super) fn new(stream: S, number: usize, size: usize) -> Self {
        let place = Place::of_connection(number);
        Self {
            stream,
            size,
            written: place,
            unwritten: 0,
            read: place,
            missing: size,
            in_flight: VecDeque::new(),
        }
    }

    /// Requests whose answer has not come.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// One request more, which [`flush`](Self::flush) sends.
    pub(super) fn begin(&mut self, times: Times) {
        self.in_flight.push_back(times);
        self.unwritten += self.size;
    }

    /// Sends what the system takes of the requests that were begun; how many bytes that is.
    pub(super) fn flush(&mut self, pattern: &Pattern) -> Result<usize, Failure> {
        let before = self.unwritten;
        while self.unwritten > 0 {
            let bytes = pattern.request(self.written, self.unwritten);
            match self.stream.write(bytes) {
                Ok(0) => return Err(Failure::Reset),
                Ok(sent) => {
                    self.written = self.written.after(sent);
                    self.unwritten -= sent;
                }
                Err(error) if would_block(&error)? => break,
                Err(_) => {}
            }
        }
        Ok(before - self.unwritten)
    }

    /// Takes what has come; each request that is answered by it is handed to `answered` with the time of the reading,
    /// which `clock` tells. The answer is how many bytes came.
    ///
    /// `buffer` holds [`PERIOD`] bytes. A read that does not fill it has emptied the stream: what comes later is a new
    /// event (epoll(7), on edge-triggered descriptors).
    pub(super) fn receive(
        &mut self,
        pattern: &Pattern,
        buffer: &mut [u8],
        clock: impl Fn() -> Duration,
        mut answered: impl FnMut(Times, Duration),
    ) -> Result<usize, Failure> {
        let mut all = 0;
        loop {
            let length = match self.stream.read(&mut buffer[..PERIOD]) {
                Ok(0) => return Err(Failure::Closed),
                Ok(length) => length,
                Err(error) if would_block(&error)? => return Ok(all),
                Err(_) => continue,
            };
            let now = clock();
            if !pattern.is_answer(self.read, &buffer[..length]) {
                return Err(Failure::Wrong);
            }
            self.read = self.read.after(length);
            self.take(length, |times| answered(times, now))?;
            all += length;
            if length < PERIOD {
                return Ok(all);
            }
        }
    }

    /// So many bytes of answers, all of them right.
    fn take(&mut self, mut bytes: usize, mut answered: impl FnMut(Times)) -> Result<(), Failure> {
        while bytes >= self.missing {
            // More than was asked for is no answer either.
            let times = self.in_flight.pop_front().ok_or(Failure::Wrong)?;
            bytes -= self.missing;
            self.missing = self.size;
            answered(times);
        }
        self.missing -= bytes;
        match self.in_flight.is_empty() && bytes > 0 {
            true => Err(Failure::Wrong),
            false => Ok(()),
        }
    }
}

/// Whether it is time to wait; `false` where the call was interrupted.
fn would_block(error: &io::Error) -> Result<bool, Failure> {
    match error.kind() {
        ErrorKind::WouldBlock => Ok(true),
        ErrorKind::Interrupted => Ok(false),
        _ => Err(Failure::of(error)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A peer in memory: it takes a few bytes at once, and gives back what it is told to.
    #[derive(Default)]
    struct Peer {
        took: Vec<u8>,
        at_once: usize,
        gives: VecDeque<Vec<u8>>,
    }

    impl Write for Peer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.at_once == 0 {
                return Err(ErrorKind::WouldBlock.into());
            }
            let taken = bytes.len().min(self.at_once);
            self.took.extend_from_slice(&bytes[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Read for Peer {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let Some(bytes) = self.gives.pop_front() else {
                return Err(ErrorKind::WouldBlock.into());
            };
            buffer[..bytes.len()].copy_from_slice(&bytes);
            Ok(bytes.len())
        }
    }

    fn times(number: u64) -> Times {
        let time = Duration::from_nanos(number);
        Times {
            due: time,
            sent: time,
        }
    }

    /// Sends so many requests, gives `change` of the answers back, and says which were answered.
    fn answers(
        size: usize,
        requests: u64,
        change: impl FnOnce(Vec<u8>) -> Vec<Vec<u8>>,
    ) -> Result<Vec<Times>, Failure> {
        let (pattern, mut answered) = (Pattern::new(), Vec::new());
        let peer = Peer {
            at_once: 7,
            ..Peer::default()
        };
        let mut connection = Connection::new(peer, 3, size);
        (0..requests).for_each(|number| connection.begin(times(number)));
        let bytes = size * requests as usize;
        assert_eq!(connection.flush(&pattern), Ok(bytes));
        let took = connection.stream.took.to_ascii_uppercase();
        assert_eq!(took.len(), bytes);
        let chunks = change(took);
        let count = chunks.len();
        connection.stream.gives = chunks.into();
        let mut buffer = vec![0; PERIOD];
        for _ in 0..count {
            connection.receive(
                &pattern,
                &mut buffer,
                || Duration::ZERO,
                |times, _| answered.push(times),
            )?;
        }
        assert_eq!(connection.in_flight(), requests as usize - answered.len());
        Ok(answered)
    }

    #[test]
    fn wrong_answers_are_found() {
        type Change = fn(Vec<u8>) -> Vec<Vec<u8>>;
        let table: [(&str, Change); 5] = [
            ("lower case", |bytes| vec![bytes.to_ascii_lowercase()]),
            ("shifted", |bytes| vec![bytes[1..].to_vec()]),
            ("swapped", |bytes| vec![[&bytes[8..], &bytes[..8]].concat()]),
            ("acknowledged", |_| vec![b"Acknowledgement".to_vec()]),
            ("more than was asked for", |bytes| {
                let more = Pattern::new();
                let next = Place::of_connection(3).after(bytes.len());
                let more = more.request(next, 1).to_ascii_uppercase();
                vec![bytes, more]
            }),
        ];
        for (what, change) in table {
            assert_eq!(answers(8, 2, change), Err(Failure::Wrong), "{what}");
        }
        assert_eq!(answers(8, 2, |_| vec![Vec::new()]), Err(Failure::Closed));
    }

    #[test]
    fn a_full_stream_waits() {
        let pattern = Pattern::new();
        let mut connection = Connection::new(Peer::default(), 0, 10);
        connection.begin(times(0));
        assert_eq!(connection.flush(&pattern), Ok(0));
        connection.stream.at_once = 4;
        assert_eq!(connection.flush(&pattern), Ok(10));
        assert_eq!(connection.flush(&pattern), Ok(0));
    }

    proptest! {
        #[test]
        fn answers_may_come_in_any_pieces(
            size in 1usize..300,
            requests in 1u64..20,
            piece in 1usize..500,
        ) {
            let cut = |bytes: Vec<u8>| bytes.chunks(piece).map(<[u8]>::to_vec).collect();
            let expected: Vec<_> = (0..requests).map(times).collect();
            prop_assert_eq!(answers(size, requests, cut), Ok(expected));
        }

        #[test]
        fn any_bytes_are_taken(bytes: Vec<u8>, requests in 0u64..4) {
            let _ = answers(5, requests, |_| vec![bytes]);
        }
    }
}
