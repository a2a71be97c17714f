//! What the system did not take yet, and how it goes out.

use std::io;
use std::time::Instant;

use super::out::{Body, Out, Piece};
use super::server::Stall;
use super::stream::Stream;

/// How much of a file one connection sends before it is another's turn, in bytes.
///
/// Many connections that send at once stay in the processor's cache with little each: 32 to 128 KiB is 1.6 to 2 times as
/// fast as 256 KiB and more (`bench web --only large`). With 64 KiB, which is also what a socket holds back, a connection
/// that is alone is three times slower than with this.
const FILE_AT_ONCE: usize = 96 * 1024;

/// What is left to send.
#[derive(Debug)]
pub(super) struct Unsent {
    bytes: Box<[u8]>,
    sent: usize,
    body: Option<Body>,
    /// When the system was last looked at how much it takes, and how many bytes it has taken since.
    since: Instant,
    taken: usize,
}

/// What became of an attempt to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    /// How many bytes the system took.
    pub(super) bytes: usize,
    /// Why it is not more.
    pub(super) then: Then,
}

/// Why no more was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// It was all.
    Done,
    /// The system takes no more for now: there will be an event.
    Full,
    /// It had its share, and goes on at its next turn.
    Turn,
}

/// What follows what is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// Perhaps more, at some time.
    Open,
    /// The stream is closed as soon as the system has taken it: both travel together.
    End,
}

impl Unsent {
    /// Sends what was said as far as the system takes it, and gives what is left.
    pub(super) fn begin(
        stream: &Stream,
        out: &mut Out,
        after: After,
    ) -> io::Result<(Sent, Option<Box<Self>>)> {
        let mut body = out.body.take();
        let sent = send(stream, &out.bytes, &mut body, after)?;
        let rest = out.bytes.get(sent.bytes..).unwrap_or_default();
        let left = (sent.then != Then::Done).then(|| {
            let bytes = rest.into();
            Box::new(Self {
                bytes,
                sent: 0,
                body,
                since: out.now,
                taken: 0,
            })
        });
        Ok((sent, left))
    }

    /// Sends more of it.
    pub(super) fn go_on(&mut self, stream: &Stream) -> io::Result<Sent> {
        let sent = send(
            stream,
            &self.bytes[self.sent..],
            &mut self.body,
            After::Open,
        )?;
        self.sent = (self.sent + sent.bytes).min(self.bytes.len());
        if self.sent == self.bytes.len() {
            self.bytes = Box::default();
            self.sent = 0;
        }
        self.taken = self.taken.saturating_add(sent.bytes);
        Ok(sent)
    }

    /// When it will have stalled, unless its peer takes enough of it until then.
    pub(super) fn deadline(&self, stall: &Stall) -> Instant {
        self.since + stall.within
    }

    /// Whether its peer took too little of it; if not, it has as long again.
    pub(super) fn has_stalled(&mut self, stall: &Stall, now: Instant) -> bool {
        if now < self.deadline(stall) {
            return false;
        }
        let taken = std::mem::take(&mut self.taken);
        self.since = now;
        taken < stall.bytes as usize
    }
}

/// Sends bytes and what follows them; `body` keeps what is left of it.
fn send(stream: &Stream, bytes: &[u8], body: &mut Option<Body>, after: After) -> io::Result<Sent> {
    let mut total = 0;
    if !bytes.is_empty() {
        total = match body {
            None if after == After::End => stream.send_begun(bytes)?,
            None => stream.send(bytes)?,
            Some(Body::Shared(shared)) => stream.send_both(bytes, shared)?,
            Some(Body::File(_)) => stream.send_begun(bytes)?,
        };
        if total < bytes.len() {
            // Only a call that finds no room asks to be told when there is some.
            total += stream.send(&bytes[total..])?;
        }
        if total < bytes.len() {
            return Ok(Sent {
                bytes: total,
                then: Then::Full,
            });
        }
    }
    let (more, then) = match body {
        None => (0, Then::Done),
        Some(Body::Shared(shared)) => {
            let _ = shared.split_to(total - bytes.len());
            let sent = if shared.is_empty() {
                0
            } else {
                stream.send(shared)?
            };
            let _ = shared.split_to(sent);
            (
                sent,
                if shared.is_empty() {
                    Then::Done
                } else {
                    Then::Full
                },
            )
        }
        Some(Body::File(piece)) => send_piece(stream, piece)?,
    };
    Ok(Sent {
        bytes: total + more,
        then,
    })
}

fn send_piece(stream: &Stream, piece: &mut Piece) -> io::Result<(usize, Then)> {
    let mut sent = 0;
    while piece.length > 0 {
        if sent >= FILE_AT_ONCE {
            return Ok((sent, Then::Turn));
        }
        let Some(count) = stream.send_file(piece, FILE_AT_ONCE - sent)? else {
            return Ok((sent, Then::Full));
        };
        if count == 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "a file became shorter while it was sent",
            ));
        }
        sent += count;
        piece.at += count as u64;
        piece.length -= count as u64;
    }
    Ok((sent, Then::Done))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const STALL: Stall = Stall {
        bytes: 1000,
        within: Duration::from_secs(30),
    };

    fn unsent(since: Instant) -> Unsent {
        Unsent {
            bytes: Box::default(),
            sent: 0,
            body: None,
            since,
            taken: 0,
        }
    }

    #[test]
    fn whoever_takes_enough_in_each_time_has_not_stalled() {
        let start = Instant::now();
        let mut unsent = unsent(start);
        for round in 1..=10 {
            unsent.taken += 1000;
            assert!(!unsent.has_stalled(&STALL, start + STALL.within * round));
        }
        unsent.taken += 999;
        assert!(!unsent.has_stalled(&STALL, unsent.deadline(&STALL) - Duration::from_millis(1)));
        assert!(unsent.has_stalled(&STALL, unsent.deadline(&STALL)));
    }
}
