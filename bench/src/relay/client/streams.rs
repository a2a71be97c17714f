//! A publisher and its subscribers over TCP, whose messages are all alike.

use std::io::{Read, Write};
use std::net::{SocketAddrV4, TcpStream};
use std::os::fd::{AsFd, AsRawFd};

use anyhow::{Context, Result, bail, ensure};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{MsgFlags, recv, send};

use super::pump::{Came, LONG_PATIENCE, Pair, Wait};

/// Room for what a subscriber receives at once, in bytes, where it is the only one and where there are many.
const ROOM: usize = 256 << 10;
const ROOM_OF_MANY: usize = 64 << 10;

/// How an answer to the publisher begins, and how long it is (PUBACK of MQTT).
const ANSWER: u8 = 0x40;
const ANSWER_SIZE: usize = 4;

/// A publisher and its subscribers.
pub(super) struct Streams {
    publisher: TcpStream,
    /// Messages, one behind the other, sent round and round.
    cycle: Vec<u8>,
    /// The length of each.
    size: usize,
    /// Where in the cycle the next byte is.
    at: usize,
    subscribers: Vec<Subscriber>,
    delivery: Delivery,
    answers: Option<Vec<u8>>,
}

/// What a subscriber receives for each message.
pub(super) struct Delivery {
    pub(super) bytes: Vec<u8>,
    /// Where two bytes of it are a number, which is to be acknowledged.
    pub(super) number_at: Option<usize>,
    /// What may come between, and means nothing.
    pub(super) ignored: &'static [u8],
}

struct Subscriber {
    stream: TcpStream,
    room: Vec<u8>,
    filled: usize,
}

/// What deliveries were read, and what they want to be said.
#[derive(Debug, Default, PartialEq, Eq)]
struct Taken {
    used: usize,
    deliveries: u64,
    acknowledgements: Vec<u8>,
}

impl Streams {
    /// These, with messages that follow each other in the cycle, each as long as the others. The publisher is answered
    /// where deliveries have numbers.
    pub(super) fn new(
        publisher: TcpStream,
        subscribers: Vec<TcpStream>,
        (cycle, size): (Vec<u8>, usize),
        delivery: Delivery,
    ) -> Self {
        let room = match subscribers.len() {
            1 => ROOM,
            _ => ROOM_OF_MANY,
        };
        let subscriber = |stream| Subscriber {
            stream,
            room: vec![0; room],
            filled: 0,
        };
        Self {
            publisher,
            cycle,
            size,
            at: 0,
            subscribers: subscribers.into_iter().map(subscriber).collect(),
            answers: delivery.number_at.map(|_| Vec::new()),
            delivery,
        }
    }

    /// Waits for whole ones: a piece of one is not nothing.
    fn deliveries(&mut self, wait: Wait) -> Result<u64> {
        loop {
            match self.look(wait)? {
                Some(0) if wait == Wait::Delivery => {}
                count => return Ok(count.unwrap_or_default()),
            }
        }
    }

    /// `None` where nothing has come, not even a piece.
    fn look(&mut self, wait: Wait) -> Result<Option<u64>> {
        let flags = match (&mut self.subscribers[..], wait) {
            ([_], Wait::Delivery) => MsgFlags::empty(),
            (many, Wait::Delivery) => {
                wait_for_any(many)?;
                MsgFlags::MSG_DONTWAIT
            }
            _ => MsgFlags::MSG_DONTWAIT,
        };
        let (delivery, mut count) = (&self.delivery, None);
        for subscriber in &mut self.subscribers {
            if let Some(more) = subscriber.take(delivery, flags)? {
                count = Some(count.unwrap_or_default() + more);
            }
        }
        Ok(count)
    }
}

impl Pair for Streams {
    /// A message that went in part goes on at the next call, and counts then.
    fn send(&mut self, count: u64) -> Result<u64> {
        let begun = self.at % self.size;
        let mut left = usize::try_from(count)? * self.size - begun;
        let mut sent = 0;
        while left > 0 {
            let end = self.cycle.len().min(self.at + left);
            let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
            let slice = &self.cycle[self.at..end];
            let length = match send(self.publisher.as_raw_fd(), slice, flags) {
                Ok(length) => length,
                Err(Errno::EAGAIN) => break,
                Err(error) => return Err(error).context("cannot publish"),
            };
            sent += length;
            left -= length;
            self.at = (self.at + length) % self.cycle.len();
        }
        Ok(((begun + sent) / self.size) as u64)
    }

    fn receive(&mut self, wait: Wait) -> Result<Came> {
        let mut came = Came::default();
        if wait != Wait::Answer {
            came.deliveries = self.deliveries(wait)?;
        }
        if let Some(held) = &mut self.answers
            && wait != Wait::Delivery
        {
            came.answers = answers(&self.publisher, held, wait)?;
        }
        Ok(came)
    }

    fn is_answered(&self) -> bool {
        self.answers.is_some()
    }

    fn members(&self) -> u64 {
        self.subscribers.len() as u64
    }
}

fn wait_for_any(subscribers: &[Subscriber]) -> Result<()> {
    let waited = |one| PollFd::new(one, PollFlags::POLLIN);
    let mut all: Vec<_> = subscribers
        .iter()
        .map(|one| waited(one.stream.as_fd()))
        .collect();
    poll(&mut all, PollTimeout::try_from(LONG_PATIENCE)?)?;
    Ok(())
}

/// What has come; 0 bytes where that is nothing.
fn take(stream: &TcpStream, room: &mut [u8], flags: MsgFlags) -> Result<usize> {
    match recv(stream.as_raw_fd(), room, flags) {
        Ok(0) => bail!("the server closed a connection"),
        Err(Errno::EAGAIN) => Ok(0),
        taken => taken.context("cannot receive"),
    }
}

fn answers(publisher: &TcpStream, held: &mut Vec<u8>, wait: Wait) -> Result<u64> {
    let flags = match wait {
        Wait::Answer => MsgFlags::empty(),
        _ => MsgFlags::MSG_DONTWAIT,
    };
    let mut room = [0; 4096];
    let length = take(publisher, &mut room, flags)?;
    held.extend_from_slice(&room[..length]);
    let whole = held.len() - held.len() % ANSWER_SIZE;
    let mut all = held[..whole].chunks(ANSWER_SIZE);
    ensure!(
        all.all(|answer| answer[0] == ANSWER),
        "the publisher is told something else"
    );
    held.drain(..whole);
    Ok((whole / ANSWER_SIZE) as u64)
}

impl Subscriber {
    /// `None` where nothing has come, not even a piece.
    fn take(&mut self, delivery: &Delivery, flags: MsgFlags) -> Result<Option<u64>> {
        let Self {
            stream,
            room,
            filled,
        } = self;
        let length = take(stream, &mut room[*filled..], flags)?;
        if length == 0 {
            return Ok(None);
        }
        *filled += length;
        let taken = delivery.read(&room[..*filled])?;
        room.copy_within(taken.used..*filled, 0);
        *filled -= taken.used;
        if !taken.acknowledgements.is_empty() {
            stream.write_all(&taken.acknowledgements)?;
        }
        Ok(Some(taken.deliveries))
    }
}

impl Delivery {
    /// Reads as many as are whole.
    fn read(&self, bytes: &[u8]) -> Result<Taken> {
        let mut taken = Taken::default();
        while let rest = &bytes[taken.used..]
            && let Some(one) = rest.get(..self.bytes.len())
        {
            if !self.ignored.is_empty() && rest.starts_with(self.ignored) {
                taken.used += self.ignored.len();
                continue;
            }
            self.check(one, &mut taken.acknowledgements)?;
            taken.used += one.len();
            taken.deliveries += 1;
        }
        Ok(taken)
    }

    fn check(&self, one: &[u8], acknowledgements: &mut Vec<u8>) -> Result<()> {
        let is_it = match self.number_at {
            None => one == self.bytes,
            Some(at) => {
                acknowledgements.extend([ANSWER, 2, one[at], one[at + 1]]);
                one[..at] == self.bytes[..at] && one[at + 2..] == self.bytes[at + 2..]
            }
        };
        ensure!(
            is_it,
            "expected {:?}, got {:?}",
            String::from_utf8_lossy(&self.bytes),
            String::from_utf8_lossy(one)
        );
        Ok(())
    }
}

/// A connection whose server waits for nothing before it sends.
pub(in crate::relay) fn connect(server: SocketAddrV4) -> Result<TcpStream> {
    let stream = TcpStream::connect(server).context("cannot connect")?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(LONG_PATIENCE))?;
    Ok(stream)
}

/// Says something, and reads an answer of just this length.
pub(super) fn ask(stream: &mut TcpStream, words: &[u8], length: usize) -> Result<Vec<u8>> {
    stream.write_all(words)?;
    let mut answer = vec![0; length];
    stream
        .read_exact(&mut answer)
        .context("no answer from the server")?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn delivery(number_at: Option<usize>) -> Delivery {
        Delivery {
            bytes: b"a..b".to_vec(),
            number_at,
            ignored: b"PING",
        }
    }

    #[test]
    fn whole_deliveries_are_read_whatever_lies_between() {
        let table: [(&[u8], usize, u64); 4] = [
            (b"", 0, 0),
            (b"a..", 0, 0),
            (b"a..ba..ba", 8, 2),
            (b"a..bPINGa..bPI", 12, 2),
        ];
        for (bytes, used, deliveries) in table {
            let taken = delivery(None).read(bytes).unwrap();
            assert_eq!((taken.used, taken.deliveries), (used, deliveries));
        }
        assert!(delivery(None).read(b"a.xb").is_err());
    }

    #[test]
    fn numbers_are_acknowledged() {
        let taken = delivery(Some(1)).read(b"a12ba34b").unwrap();
        assert_eq!(taken.acknowledgements, b"\x40\x0212\x40\x0234");
    }

    #[test]
    fn messages_go_round_and_come_whole() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let std::net::SocketAddr::V4(address) = listener.local_addr().unwrap() else {
            panic!("not IPv4");
        };
        let mut pairs = (0..3).map(|_| {
            let ours = connect(address).unwrap();
            (ours, listener.accept().unwrap().0)
        });
        let (publisher, mut received) = pairs.next().unwrap();
        let (subscribers, mut theirs): (Vec<_>, Vec<_>) = pairs.unzip();
        let cycle = (b"a12ba34b".to_vec(), 4);
        let mut streams = Streams::new(publisher, subscribers, cycle, delivery(Some(1)));
        assert_eq!(streams.send(3).unwrap(), 3);
        let mut bytes = [0; 12];
        received.read_exact(&mut bytes).unwrap();
        assert_eq!(&bytes, b"a12ba34ba12b");
        for one in &mut theirs {
            one.write_all(&bytes).unwrap();
        }
        let mut deliveries = 0;
        while deliveries < 6 {
            deliveries += streams.receive(Wait::Delivery).unwrap().deliveries;
        }
        theirs[0].write_all(b"a7").unwrap();
        let mut later = theirs[0].try_clone().unwrap();
        let writing = std::thread::spawn(move || later.write_all(b"8b"));
        let came = streams.receive(Wait::Delivery).unwrap();
        assert_eq!(came.deliveries, 1, "a piece is not nothing");
        writing.join().unwrap().unwrap();
        received.write_all(b"\x40\x0212").unwrap();
        let came = streams.receive(Wait::Answer).unwrap();
        assert_eq!((came.deliveries, came.answers), (0, 1));
    }
}
