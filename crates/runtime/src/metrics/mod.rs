//! Figures of a running program, served to Prometheus and to people: `GET /metrics` over HTTP.
//!
//! One thread serves all connections, none of which it waits for: each has 2 s from its first moment to its end and may
//! say 8 KiB, and there are few at once. The figures are read when they are asked for, so that the program's own work
//! goes on as if nobody looked.

mod count;
mod http;
mod page;
mod visit;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Registry, Token, Waker};
use slab::Slab;
use thiserror::Error;

use crate::addr::Bind;
use crate::bind::is_family_missing;
use crate::shutdown::Shutdown;
pub use count::{Count, Figure, Shows};
pub use page::{Kind, Metric, Page, Value};
use visit::{Step, Visit};

/// Where exporters of this kind are looked for: the port that OpenTelemetry's Prometheus exporter has.
const DEFAULT_PORT: u16 = 9464;

/// The most connections at once; the oldest makes room for one more.
const VISITS: usize = 32;

/// How long a connection may take from its first moment to its end.
const PATIENCE: Duration = Duration::from_secs(2);

/// How many connections are accepted before the others are looked at again.
const ACCEPTED_AT_ONCE: usize = 64;

/// What wakes the thread when it is time to stop.
const WAKE: Token = Token(usize::MAX);

/// The figures cannot be served.
#[derive(Debug, Error)]
#[error("cannot serve metrics on http://{addr}: {reason}; choose another address with --metrics")]
pub struct BindError {
    /// What was to be bound.
    addr: SocketAddr,
    /// What the system said.
    reason: io::Error,
}

/// Sockets that are bound, and not served yet.
#[derive(Debug)]
pub struct Endpoint {
    listeners: Vec<TcpListener>,
    addrs: Vec<SocketAddr>,
    patience: Duration,
}

impl Endpoint {
    /// Binds this address, port 9464 unless it says otherwise; without one every interface, of which a machine may lack
    /// one address family.
    ///
    /// # Errors
    /// [`BindError`], which names the address.
    pub fn bind(bind: Bind) -> Result<Self, BindError> {
        let mut endpoint = Self {
            listeners: Vec::new(),
            addrs: Vec::new(),
            patience: PATIENCE,
        };
        let mut missing = None;
        for addr in bind.addrs(DEFAULT_PORT) {
            match endpoint.listen(addr) {
                Ok(()) => {}
                Err(reason) if bind.is_every_interface() && is_family_missing(&reason) => {
                    missing = Some((addr, reason));
                }
                Err(reason) => return Err(BindError { addr, reason }),
            }
        }
        match missing {
            Some((addr, reason)) if endpoint.addrs.is_empty() => Err(BindError { addr, reason }),
            _ => Ok(endpoint),
        }
    }

    fn listen(&mut self, addr: SocketAddr) -> io::Result<()> {
        let listener = listener(addr)?;
        self.addrs.push(listener.local_addr()?);
        self.listeners.push(listener);
        Ok(())
    }

    /// A line for each address that it listens on.
    pub fn announcement(&self) -> String {
        let line = |addr| format!("listening on http://{addr}/metrics\n");
        self.addrs.iter().map(line).collect()
    }

    /// The addresses that it listens on.
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.addrs
    }

    /// Serves what `page` gives until `shutdown` is triggered; `page` is called for each request.
    ///
    /// # Errors
    /// When the system cannot tell which connections are ready. Faults of connections are survived.
    pub fn run(self, shutdown: &Shutdown, page: impl Fn() -> Page) -> io::Result<()> {
        let mut poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKE)?);
        let wakes = Arc::clone(&waker);
        shutdown.on_trigger(move || {
            // If it fails the thread ends with the next connection, or with the program.
            let _ = wakes.wake();
        });
        let mut listeners = self.listeners;
        for (place, listener) in listeners.iter_mut().enumerate() {
            let registry = poll.registry();
            registry.register(listener, Token(place), Interest::READABLE)?;
        }
        let mut house = House {
            listeners,
            visits: Slab::new(),
            patience: self.patience,
            page,
        };
        let mut events = Events::with_capacity(64);
        while !shutdown.is_triggered() {
            let wait = house.next_deadline(Instant::now());
            match poll.poll(&mut events, wait) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                polled => polled?,
            }
            for event in &events {
                match house.visit_of(event.token()) {
                    Some(visit) => house.advance(visit),
                    None if house.accept(poll.registry()) == Waiting::Perhaps => waker.wake()?,
                    None => {}
                }
            }
            house.end_overdue(Instant::now());
        }
        Ok(())
    }
}

/// Over IPv6 alone where it is an IPv6 address, as for datagrams: every interface is two sockets.
fn listener(addr: SocketAddr) -> io::Result<TcpListener> {
    const BACKLOG: i32 = 64;
    let kind = socket2::Type::STREAM;
    let protocol = Some(socket2::Protocol::TCP);
    let socket = socket2::Socket::new(socket2::Domain::for_address(addr), kind, protocol)?;
    if addr.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // The connections of the last run that are still dying are no reason not to start.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    Ok(TcpListener::from_std(socket.into()))
}

/// All connections, and what they are here for.
struct House<P> {
    listeners: Vec<TcpListener>,
    visits: Slab<Visit>,
    patience: Duration,
    page: P,
}

/// Whether connections wait that were not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waiting {
    None,
    Perhaps,
}

impl<P: Fn() -> Page> House<P> {
    /// Which connection is meant by a token; the others are those of the listeners and of [`WAKE`].
    fn visit_of(&self, token: Token) -> Option<usize> {
        let visit = token.0.checked_sub(self.listeners.len());
        visit.filter(|_| token != WAKE)
    }

    fn accept(&mut self, registry: &Registry) -> Waiting {
        for _ in 0..ACCEPTED_AT_ONCE {
            // A fault is that of one connection, or goes when others end: the next one asks again.
            let accepted = self.listeners.iter().find_map(|one| one.accept().ok());
            let Some((stream, _)) = accepted else {
                return Waiting::None;
            };
            self.welcome(stream, registry);
        }
        Waiting::Perhaps
    }

    fn welcome(&mut self, stream: TcpStream, registry: &Registry) {
        if self.visits.len() == VISITS {
            let oldest = self.visits.iter().min_by_key(|(_, visit)| visit.deadline);
            if let Some((oldest, _)) = oldest {
                self.visits.remove(oldest);
            }
        }
        let deadline = Instant::now() + self.patience;
        let visit = self.visits.insert(Visit::new(stream, deadline));
        let token = Token(self.listeners.len() + visit);
        let interest = Interest::READABLE | Interest::WRITABLE;
        let stream = &mut self.visits[visit].stream;
        match registry.register(stream, token, interest) {
            Ok(()) => self.advance(visit),
            Err(_) => drop(self.visits.remove(visit)),
        }
    }

    /// Goes on with a connection, if it is still there.
    fn advance(&mut self, visit: usize) {
        let going = self.visits.get_mut(visit);
        if going.is_some_and(|going| going.advance(&self.page) == Step::Done) {
            self.visits.remove(visit);
        }
    }

    fn end_overdue(&mut self, now: Instant) {
        let is_overdue = |(_, visit): &(usize, &Visit)| visit.deadline <= now;
        while let Some((overdue, _)) = self.visits.iter().find(is_overdue) {
            self.visits.remove(overdue).give_up();
        }
    }

    /// How long nothing need be done unless something comes.
    fn next_deadline(&self, now: Instant) -> Option<Duration> {
        let deadlines = self.visits.iter().map(|(_, visit)| visit.deadline);
        let next = deadlines.min()?;
        // Rounded up by the millisecond that the system counts in.
        Some(next.saturating_duration_since(now) + Duration::from_millis(1))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::thread::{self, JoinHandle};

    use super::*;

    /// An endpoint that serves `answer 42`.
    struct Running {
        addr: SocketAddr,
        shutdown: Shutdown,
        thread: JoinHandle<io::Result<()>>,
    }

    impl Running {
        fn start(patience: Duration) -> Self {
            let mut endpoint = Endpoint::bind("127.0.0.1:0".parse().unwrap()).unwrap();
            endpoint.patience = patience;
            let (addr, shutdown) = (endpoint.local_addrs()[0], Shutdown::new());
            let stop = shutdown.clone();
            let page = || {
                let mut page = Page::default();
                page.single("answer", Kind::Gauge, "It.", Value::Count(42));
                page
            };
            Self {
                addr,
                shutdown,
                thread: thread::spawn(move || endpoint.run(&stop, page)),
            }
        }

        fn connect(&self) -> TcpStream {
            let stream = TcpStream::connect(self.addr).unwrap();
            let patience = Some(Duration::from_secs(60));
            stream.set_read_timeout(patience).unwrap();
            stream
        }

        fn ask(&self, request: &str) -> String {
            let mut stream = self.connect();
            stream.write_all(request.as_bytes()).unwrap();
            read(stream)
        }

        fn stop(self) {
            self.shutdown.trigger();
            self.thread.join().unwrap().unwrap();
        }
    }

    fn read(mut stream: TcpStream) -> String {
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    }

    /// Nothing takes that long.
    const LONG: Duration = Duration::from_secs(3600);

    const GET: &str = "GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n";

    #[test]
    fn the_page_is_served_until_it_is_time_to_stop() {
        let running = Running::start(LONG);
        for _ in 0..3 {
            let answer = running.ask(GET);
            assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
            assert!(
                answer.ends_with("\r\n\r\n# HELP answer It.\n# TYPE answer gauge\nanswer 42\n")
            );
        }
        let addr = running.addr;
        running.stop();
        assert!(TcpStream::connect(addr).is_err());
    }

    #[test]
    fn what_comes_byte_by_byte_is_read() {
        let running = Running::start(LONG);
        let mut stream = running.connect();
        stream.set_nodelay(true).unwrap();
        for byte in GET.as_bytes() {
            stream.write_all(&[*byte]).unwrap();
        }
        assert!(read(stream).contains("answer 42"));
        running.stop();
    }

    #[test]
    fn what_is_wrong_is_said() {
        let running = Running::start(LONG);
        let table = [
            ("GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 404 "),
            ("DELETE /metrics HTTP/1.1\r\n\r\n", "HTTP/1.1 405 "),
            ("hello\r\n\r\n", "HTTP/1.1 400 "),
        ];
        for (request, status) in table {
            let answer = running.ask(request);
            assert!(answer.starts_with(status), "{request:?}: {answer}");
        }
        let endless = format!("GET /metrics HTTP/1.1\r\na: {}", "b".repeat(20_000));
        assert!(running.ask(&endless).starts_with("HTTP/1.1 431 "));
        running.stop();
    }

    #[test]
    fn who_says_nothing_is_sent_away_and_holds_up_nobody() {
        let running = Running::start(PATIENCE);
        let silent: Vec<_> = (0..VISITS + 5).map(|_| running.connect()).collect();
        let mut slow = running.connect();
        slow.write_all(b"GET /metr").unwrap();
        // The silent ones have 2 s left, or were closed to make room.
        assert!(running.ask(GET).contains("answer 42"));
        assert!(read(slow).starts_with("HTTP/1.1 408 "));
        for stream in silent {
            let text = read(stream);
            assert!(
                text.is_empty() || text.starts_with("HTTP/1.1 408 "),
                "{text}"
            );
        }
        assert!(running.ask(GET).contains("answer 42"));
        running.stop();
    }

    #[test]
    fn a_port_in_use_is_named_with_its_cure() {
        let running = Running::start(PATIENCE);
        let bind = running.addr.to_string().parse().unwrap();
        let error = Endpoint::bind(bind).unwrap_err().to_string();
        assert!(error.contains(&running.addr.to_string()), "{error}");
        assert!(error.contains("--metrics"), "{error}");
        running.stop();
    }
}
