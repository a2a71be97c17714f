//! Opening the connections: to the address that takes one first, and as many as are wanted.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use proto::echo::DEFAULT_PORT;
use runtime::addr::Target;
use runtime::shutdown::Shutdown;

use super::failure::{Failure, Failures};
use crate::reach;

/// Connections on their way at once: fewer than any usual queue of a server holds, so that none has to knock twice.
const ON_THEIR_WAY: usize = 512;

/// How long a connection may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often it is looked for those that take longer.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A connection to the first address of the target that takes one, and that address.
pub(super) fn first(target: &Target) -> anyhow::Result<(SocketAddr, TcpStream)> {
    let (stream, server) = reach::stream(target, DEFAULT_PORT, PATIENCE, "tcp-echo serve")?;
    stream.set_nonblocking(true)?;
    Ok((server, TcpStream::from_std(stream)))
}

/// Opens `count` connections at most; those that fail are counted. It ends early when it is time to stop.
pub(super) fn more(
    server: SocketAddr,
    count: usize,
    shutdown: &Shutdown,
    failures: &mut Failures,
) -> io::Result<Vec<TcpStream>> {
    let mut opening = Opening {
        server,
        poll: Poll::new()?,
        left: count,
        slots: (0..ON_THEIR_WAY).map(|_| None).collect(),
        free: (0..ON_THEIR_WAY).collect(),
        opened: Vec::with_capacity(count),
        failures,
    };
    let mut events = Events::with_capacity(ON_THEIR_WAY);
    let mut looked = Instant::now();
    while opening.begin() && !shutdown.is_triggered() {
        match opening.poll.poll(&mut events, Some(LOOK_EVERY)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            polled => polled?,
        }
        events.iter().for_each(|event| opening.look(event));
        if looked.elapsed() >= LOOK_EVERY {
            looked = Instant::now();
            opening.give_up(looked);
        }
    }
    Ok(opening.opened)
}

struct Opening<'a> {
    server: SocketAddr,
    poll: Poll,
    /// How many are not begun yet.
    left: usize,
    /// Those on their way, and since when.
    slots: Vec<Option<(TcpStream, Instant)>>,
    free: Vec<usize>,
    opened: Vec<TcpStream>,
    failures: &'a mut Failures,
}

impl Opening<'_> {
    /// Begins as many as may be on their way; whether there are any.
    fn begin(&mut self) -> bool {
        while self.left > 0 {
            let Some(slot) = self.free.pop() else {
                break;
            };
            self.left -= 1;
            match self.start(slot) {
                Ok(stream) => self.slots[slot] = Some((stream, Instant::now())),
                Err(error) => {
                    self.free.push(slot);
                    self.fail(Failure::of(&error));
                }
            }
        }
        self.free.len() < ON_THEIR_WAY
    }

    fn start(&self, slot: usize) -> io::Result<TcpStream> {
        let mut stream = TcpStream::connect(self.server)?;
        let registry = self.poll.registry();
        registry.register(&mut stream, Token(slot), Interest::WRITABLE)?;
        Ok(stream)
    }

    /// Where this machine has no room for one it has none for those after it.
    fn fail(&mut self, failure: Failure) {
        self.failures.add(failure);
        if matches!(failure, Failure::NoPort | Failure::NoDescriptor) {
            let rest = std::mem::take(&mut self.left);
            self.failures.add_many(failure, rest as u64);
        }
    }

    fn look(&mut self, event: &Event) {
        let slot = event.token().0;
        let Some((stream, since)) = self.slots[slot].take() else {
            return;
        };
        match self.finish(stream) {
            Ok(Ok(stream)) => self.opened.push(stream),
            Ok(Err(stream)) => {
                self.slots[slot] = Some((stream, since));
                return;
            }
            Err(error) => self.fail(Failure::of(&error)),
        }
        self.free.push(slot);
    }

    /// The connection once it stands; itself again where it does not yet.
    fn finish(&self, mut stream: TcpStream) -> io::Result<Result<TcpStream, TcpStream>> {
        if let Some(error) = stream.take_error()? {
            return Err(error);
        }
        match stream.peer_addr() {
            Err(error) if error.kind() == ErrorKind::NotConnected => return Ok(Err(stream)),
            peer => peer?,
        };
        // Requests are small and each is due now: held back until the one before is acknowledged it waits up to 40 ms.
        stream.set_nodelay(true)?;
        self.poll.registry().deregister(&mut stream)?;
        Ok(Ok(stream))
    }

    fn give_up(&mut self, now: Instant) {
        for slot in 0..self.slots.len() {
            let is_late =
                |(_, since): &mut (_, Instant)| now.saturating_duration_since(*since) > PATIENCE;
            if self.slots[slot].take_if(is_late).is_some() {
                self.free.push(slot);
                self.fail(Failure::TimedOut);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn more_than_are_on_their_way_at_once_are_opened() {
        runtime::descriptors::raise_limit();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = listener.local_addr().unwrap();
        let count = ON_THEIR_WAY + 10;
        // What finds no room in its queue may be forgotten there, while here it counts as open.
        socket2::SockRef::from(&listener)
            .listen(2 * count as i32)
            .unwrap();
        let accepting = std::thread::spawn(move || {
            let accepted = listener.incoming().take(count);
            accepted.map(Result::unwrap).count()
        });
        let mut failures = Failures::default();
        let opened = more(server, count, &Shutdown::new(), &mut failures).unwrap();
        assert_eq!((opened.len(), failures.all()), (count, 0));
        assert_eq!(accepting.join().unwrap(), count);
    }

    #[test]
    fn refusals_are_counted_and_the_first_one_is_explained() {
        let closed = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = closed.local_addr().unwrap();
        drop(closed);
        let mut failures = Failures::default();
        let opened = more(server, 3, &Shutdown::new(), &mut failures).unwrap();
        assert_eq!((opened.len(), failures.of(Failure::Refused)), (0, 3));
        let error = first(&server.into()).unwrap_err().to_string();
        let expected = format!("nothing listens on tcp://{server}");
        assert!(error.starts_with(&expected), "{error}");
        assert!(error.ends_with("(`tcp-echo serve`)"), "{error}");
    }
}
