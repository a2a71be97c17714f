//! The server on real sockets.

mod bodies;
mod ends;
mod room;
mod ways;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown as Side, SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use socket2::SockRef;

use super::*;
use crate::shutdown::Shutdown;

/// Nothing takes that long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Says back what it hears, the last line of `.` ends the connection, and says `end` at the end of the stream.
struct Echo;

impl Conversation for Echo {
    fn take(&mut self, bytes: &[u8], out: &mut Out) -> Next {
        out.bytes().extend_from_slice(bytes);
        if bytes.ends_with(b".") {
            Next::Close
        } else {
            Next::GoOn
        }
    }

    fn end(&mut self, out: &mut Out) {
        out.bytes().extend_from_slice(b"end");
    }
}

/// Says `N` for a read of `N` bytes, at most eight.
struct Lengths;

impl Conversation for Lengths {
    const MAX_READ: usize = 8;

    fn take(&mut self, bytes: &[u8], out: &mut Out) -> Next {
        out.bytes()
            .extend_from_slice(bytes.len().to_string().as_bytes());
        Next::GoOn
    }
}

struct Running {
    addr: SocketAddr,
    totals: Arc<Totals>,
    shutdown: Shutdown,
    thread: JoinHandle<std::io::Result<()>>,
}

impl Running {
    fn start<C: Conversation + 'static>(policy: Policy, conversation: fn() -> C) -> Self {
        Self::start_with(policy, move |_| conversation())
    }

    fn start_with<C: Conversation + 'static>(
        policy: Policy,
        mut conversation: impl FnMut(Caller) -> C + Send + 'static,
    ) -> Self {
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let server = Server::new([listener], policy);
        let (addr, shutdown) = (server.local_addrs()[0], Shutdown::new());
        let (totals, stop) = (server.totals(), shutdown.clone());
        let serve = move || server.run(&stop, |_, caller| conversation(caller));
        let thread = thread::spawn(serve);
        Self {
            addr,
            totals,
            shutdown,
            thread,
        }
    }

    fn echo() -> Self {
        Self::start(Policy::default(), || Echo)
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.addr).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    /// Waits for figures that will come.
    fn wait_for(&self, reached: impl Fn(&Counts) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !reached(&self.totals.counts()) {
            assert!(Instant::now() < deadline, "{:?}", self.totals.counts());
            thread::yield_now();
        }
    }

    fn stop(self) -> Counts {
        self.shutdown.trigger();
        self.thread.join().unwrap().unwrap();
        self.totals.counts()
    }
}

/// Sends this and waits for it to come back.
fn exchange(stream: &mut TcpStream, text: &[u8]) {
    stream.write_all(text).unwrap();
    let mut back = vec![0; text.len()];
    stream.read_exact(&mut back).unwrap();
    assert_eq!(back, text);
}

/// All that comes until the other side ends.
fn rest(mut stream: TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    bytes
}

/// Sends until nobody takes any more, and gives how much that was.
fn fill(stream: &mut TcpStream) -> usize {
    stream.set_nonblocking(true).unwrap();
    let (block, mut sent, mut full_since) = ([b'x'; 65_536], 0, Instant::now());
    loop {
        match stream.write(&block) {
            Ok(length) => {
                sent += length;
                full_since = Instant::now();
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                // The system moves what it has on for a moment after that.
                if full_since.elapsed() > Duration::from_millis(300) {
                    stream.set_nonblocking(false).unwrap();
                    return sent;
                }
                thread::yield_now();
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn what_has_come_is_answered_at_once() {
    let server = Running::echo();
    let mut stream = server.connect();
    for byte in b"one at a time, and no line end" {
        exchange(&mut stream, &[*byte]);
    }
    exchange(&mut stream, &[b'y'; MAX_READ]);
    stream.shutdown(Side::Write).unwrap();
    assert_eq!(rest(stream), b"end");
    let counts = server.stop();
    let bytes = 30 + MAX_READ as u64;
    assert_eq!(
        (counts.received_bytes, counts.sent_bytes),
        (bytes, bytes + 3)
    );
    assert_eq!((counts.accepted, counts.open, counts.failed), (1, 0, 0));
}

#[test]
fn an_end_that_comes_with_the_last_bytes_is_heard() {
    let server = Running::echo();
    for _ in 0..100 {
        let mut stream = server.connect();
        stream.write_all(b"all there is").unwrap();
        stream.shutdown(Side::Write).unwrap();
        assert_eq!(rest(stream), b"all there isend");
    }
    server.stop();
}

#[test]
fn a_long_stream_comes_back_whole() {
    let server = Running::echo();
    let mut sender = server.connect();
    let receiver = sender.try_clone().unwrap();
    let stream: Vec<u8> = (0..20_000_000u32).map(|n| (n % 120) as u8 + 128).collect();
    let expected = [&stream[..], b"end"].concat();
    let sending = thread::spawn(move || {
        sender.write_all(&stream).unwrap();
        sender.shutdown(Side::Write).unwrap();
    });
    assert!(rest(receiver) == expected);
    sending.join().unwrap();
    server.stop();
}

#[test]
fn who_never_listens_is_not_read_and_disturbs_nobody() {
    let server = Running::echo();
    let mut deaf = server.connect();
    let sent = fill(&mut deaf);
    let mut other = server.connect();
    for _ in 0..100 {
        exchange(&mut other, b"hello");
    }
    // What the server holds itself is one buffer: the rest lies in the system's.
    let counts = server.totals.counts();
    assert!(counts.received_bytes - counts.sent_bytes <= MAX_READ as u64);
    deaf.shutdown(Side::Write).unwrap();
    assert_eq!(rest(deaf).len(), sent + 3);
    server.stop();
}

#[test]
fn a_reset_ends_one_connection() {
    let server = Running::echo();
    let mut stream = server.connect();
    exchange(&mut stream, b"hello");
    SockRef::from(&stream)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
    drop(stream);
    server.wait_for(|counts| counts.failed == 1 && counts.open == 0);
    exchange(&mut server.connect(), b"still there");
    server.stop();
}

#[test]
fn a_conversation_ends_a_connection_and_its_words_arrive() {
    let server = Running::echo();
    let mut stream = server.connect();
    stream.write_all(b"bye.").unwrap();
    let mut heard = [0; 4];
    stream.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"bye.");
    assert_eq!(stream.read(&mut heard).unwrap(), 0);
    // It lingers, so that this is no reason to reset the connection.
    stream.write_all(b"what is not read").unwrap();
    drop(stream);
    server.wait_for(|counts| counts.open == 0);
    assert_eq!(server.stop().failed, 0);
}

#[test]
fn who_does_not_end_his_side_is_left_after_a_while() {
    let server = Running::echo();
    let mut stream = server.connect();
    stream.write_all(b"bye.").unwrap();
    server.wait_for(|counts| counts.accepted == 1 && counts.open == 0);
    assert_eq!(rest(stream), b"bye.");
    server.stop();
}

#[test]
fn a_read_gives_no_more_than_a_conversation_takes() {
    let server = Running::start(Policy::default(), || Lengths);
    let mut stream = server.connect();
    stream.write_all(&[b'x'; 20]).unwrap();
    stream.shutdown(Side::Write).unwrap();
    assert_eq!(rest(stream), b"884");
    server.stop();
}

#[test]
fn more_connections_than_allowed_wait() {
    let policy = Policy {
        max_connections: std::num::NonZeroU32::new(2),
        ..Policy::default()
    };
    let server = Running::start(policy, || Echo);
    let (mut one, mut two) = (server.connect(), server.connect());
    exchange(&mut one, b"1");
    exchange(&mut two, b"2");
    let mut three = server.connect();
    three.write_all(b"3").unwrap();
    exchange(&mut two, b"the server has looked at the third");
    assert_eq!(server.totals.counts().accepted, 2);
    drop(one);
    let mut heard = [0];
    three.read_exact(&mut heard).unwrap();
    assert_eq!((&heard, server.totals.counts().open), (b"3", 2));
    server.stop();
}

#[test]
fn idle_connections_are_closed() {
    let policy = Policy {
        idle_timeout: Some(Duration::from_millis(20)),
        ..Policy::default()
    };
    let server = Running::start(policy, || Echo);
    let (silent, mut deaf) = (server.connect(), server.connect());
    assert_eq!(rest(silent), b"end");
    // It fills all there is, and is then sent away.
    let refused = std::iter::repeat_with(|| deaf.write(&[b'x'; 65_536])).find_map(Result::err);
    assert!(refused.is_some_and(|error| error.kind() != ErrorKind::WouldBlock));
    server.wait_for(|counts| counts.idle == 2 && counts.open == 0);
    server.stop();
}

#[test]
fn what_has_arrived_when_it_is_time_to_stop_is_answered() {
    let server = Running::echo();
    let mut streams: Vec<_> = (0..200).map(|_| server.connect()).collect();
    for stream in &mut streams {
        stream.write_all(b"at the last moment").unwrap();
    }
    // Nobody looks at connections that are not accepted yet but the end.
    let counts = server.stop();
    assert_eq!((counts.accepted, counts.cut_off), (200, 0));
    for stream in streams {
        assert_eq!(rest(stream), b"at the last momentend");
    }
}

#[test]
fn a_stop_waits_for_nobody_for_ever() {
    let server = Running::echo();
    let mut deaf = server.connect();
    fill(&mut deaf);
    assert_eq!(server.stop().cut_off, 1);
}

#[test]
fn a_server_that_spins_serves_and_stops() {
    let policy = Policy {
        spin: true,
        ..Policy::default()
    };
    let server = Running::start(policy, || Echo);
    exchange(&mut server.connect(), b"hello");
    server.stop();
}

#[test]
fn nobody_can_connect_afterwards() {
    let server = Running::echo();
    let addr = server.addr;
    server.stop();
    assert!(TcpStream::connect(addr).is_err());
}
