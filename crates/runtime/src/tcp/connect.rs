//! A connection to a host by its name, to whichever of its addresses answers first.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token};
use thiserror::Error;

use super::listen::blocking;
use super::race::{Race, Step, interleave};
use crate::addr::{ResolveError, Target};
use crate::units::show_time;

/// Why an attempt at one address failed.
#[derive(Debug, Error)]
pub enum AttemptError {
    /// The host said that nothing listens on the port.
    #[error(
        "nothing listens on tcp://{addr}: the host refused the connection; check the port, or start the server there"
    )]
    Refused {
        /// Who was asked.
        addr: SocketAddr,
    },
    /// Nothing came back.
    #[error(
        "no answer from tcp://{addr} within {}; the host may be down, or a firewall drops what is sent to this port",
        show_time(*.timeout)
    )]
    Silent {
        /// Who was asked.
        addr: SocketAddr,
        /// How long all addresses together were waited for.
        timeout: Duration,
    },
    /// The time was over before it was this address's turn.
    #[error(
        "tcp://{addr} was not tried within {}; wait longer",
        show_time(*.timeout)
    )]
    Untried {
        /// Who would have been asked.
        addr: SocketAddr,
        /// How long all addresses together were waited for.
        timeout: Duration,
    },
    /// The connection ended while it was made.
    #[error(
        "tcp://{addr} reset the connection as it was made; try again, and look for a firewall between"
    )]
    Reset {
        /// Who was asked.
        addr: SocketAddr,
    },
    /// This machine has none of its own ports left for a connection to this address.
    #[error(
        "cannot connect to tcp://{addr}: this machine has no more ports for it; they are free a minute after their last connections"
    )]
    NoPort {
        /// Who would have been asked.
        addr: SocketAddr,
    },
    /// There is no way to the host.
    #[error("cannot reach tcp://{addr}: {reason}; check the address and this machine's network")]
    Unreachable {
        /// Who was asked.
        addr: SocketAddr,
        /// What the system said.
        reason: io::Error,
    },
    /// Anything else.
    #[error("cannot connect to tcp://{addr}: {reason}")]
    Failed {
        /// Who was asked.
        addr: SocketAddr,
        /// What the system said.
        reason: io::Error,
    },
}

impl AttemptError {
    fn new(addr: SocketAddr, reason: io::Error) -> Self {
        match reason.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused { addr },
            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => {
                Self::Reset { addr }
            }
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
                Self::Unreachable { addr, reason }
            }
            io::ErrorKind::AddrNotAvailable | io::ErrorKind::AddrInUse => Self::NoPort { addr },
            _ => Self::Failed { addr, reason },
        }
    }
}

/// Why there is no connection.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// The name has no address.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// Who knows the name's addresses did not say them.
    #[error(
        "cannot resolve '{target}': no answer within {}; check this machine's name servers, or give an IP address",
        show_time(*.timeout)
    )]
    ResolverSilent {
        /// What was looked up.
        target: Target,
        /// How long was waited.
        timeout: Duration,
    },
    /// None of the addresses could be connected to: why, in the order in which they were tried.
    #[error("{}", Joined(.0))]
    Attempts(Vec<AttemptError>),
    /// This machine cannot wait for connections.
    #[error("cannot wait for connections: {0}")]
    Failed(io::Error),
}

impl ConnectError {
    /// Whether it is that the server does not run, or not on this port.
    pub fn is_refused(&self) -> bool {
        let refused = |error: &AttemptError| matches!(error, AttemptError::Refused { .. });
        matches!(self, Self::Attempts(errors) if errors.iter().all(refused))
    }
}

struct Joined<'a>(&'a [AttemptError]);

impl fmt::Display for Joined<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, error) in self.0.iter().enumerate() {
            let between = if place > 0 { "; and " } else { "" };
            write!(f, "{between}{error}")?;
        }
        Ok(())
    }
}

/// Connects to a host: to the first of its addresses that answers, by Happy Eyeballs version 2 (RFC 8305): another is
/// tried every 250 ms, or as soon as the one before has failed, while all stay in flight. The name is looked up for both
/// families at once, within the same `timeout`.
///
/// The stream, which comes with the address that was connected to, blocks. It has TCP_NODELAY, since requests are small
/// and whoever waits for their answer would wait 40 ms longer for what the system holds back.
///
/// # Errors
/// [`ConnectError`], with the reason of each address that was tried.
pub fn connect(
    target: &Target,
    default_port: u16,
    timeout: Duration,
) -> Result<(TcpStream, SocketAddr), ConnectError> {
    let deadline = Instant::now() + timeout;
    let addrs = resolve(target, default_port, timeout)?;
    race(&addrs, timeout, deadline)
}

fn race(
    addrs: &[SocketAddr],
    timeout: Duration,
    deadline: Instant,
) -> Result<(TcpStream, SocketAddr), ConnectError> {
    let mut attempts = Attempts::new(addrs).map_err(ConnectError::Failed)?;
    let mut race = Race::new(addrs.len(), Instant::now(), deadline);
    loop {
        let now = Instant::now();
        match race.step(now) {
            Step::Begin(place) => attempts.begin(place, &mut race, now),
            Step::Wait(until) => {
                if let Some(connected) = attempts.wait(until - now, &mut race) {
                    return Ok(connected);
                }
            }
            Step::GiveUp => return Err(ConnectError::Attempts(attempts.errors(timeout))),
        }
    }
}

/// Looks the name up in a thread of its own, since the system's resolver knows no time-out but its own.
fn resolve(
    target: &Target,
    default_port: u16,
    timeout: Duration,
) -> Result<Vec<SocketAddr>, ConnectError> {
    let (found, finding) = mpsc::channel();
    let looked_up = target.clone();
    thread::Builder::new()
        .name("resolver".into())
        .spawn(move || {
            // Whoever asked may have given up.
            let _ = found.send(looked_up.resolve(default_port));
        })
        .map_err(ConnectError::Failed)?;
    match finding.recv_timeout(timeout) {
        Ok(addrs) => Ok(interleave(&addrs?)),
        Err(_) => Err(ConnectError::ResolverSilent {
            target: target.clone(),
            timeout,
        }),
    }
}

/// The sockets of a race.
struct Attempts {
    all: Vec<(SocketAddr, Attempt)>,
    poll: Poll,
    events: Events,
}

enum Attempt {
    Untried,
    InFlight(mio::net::TcpStream),
    Failed(io::Error),
}

impl Attempts {
    fn new(addrs: &[SocketAddr]) -> io::Result<Self> {
        let all = addrs.iter().map(|addr| (*addr, Attempt::Untried));
        Ok(Self {
            all: all.collect(),
            poll: Poll::new()?,
            events: Events::with_capacity(64),
        })
    }

    fn begin(&mut self, place: usize, race: &mut Race, now: Instant) {
        let (addr, attempt) = &mut self.all[place];
        let begun = mio::net::TcpStream::connect(*addr).and_then(|mut stream| {
            let registry = self.poll.registry();
            registry.register(&mut stream, Token(place), Interest::WRITABLE)?;
            Ok(stream)
        });
        *attempt = match begun {
            Ok(stream) => Attempt::InFlight(stream),
            Err(error) => {
                race.failed(place, now);
                Attempt::Failed(error)
            }
        };
    }

    /// Waits for at most so long; gives the first connection that was made.
    fn wait(&mut self, time: Duration, race: &mut Race) -> Option<(TcpStream, SocketAddr)> {
        if let Err(error) = self.poll.poll(&mut self.events, Some(time)) {
            // After a signal the race goes on. Anything else would come again and again until the time is over.
            tracing::debug!(%error, "waiting for connections");
            return None;
        }
        let places: Vec<_> = self.events.iter().map(|event| event.token().0).collect();
        places
            .into_iter()
            .find_map(|place| self.look_at(place, race))
    }

    fn look_at(&mut self, place: usize, race: &mut Race) -> Option<(TcpStream, SocketAddr)> {
        let (addr, attempt) = &mut self.all[place];
        let Attempt::InFlight(stream) = attempt else {
            return None;
        };
        let made = match outcome(stream) {
            Ok(Outcome::Pending) => return None,
            Ok(Outcome::Connected) => self.poll.registry().deregister(stream),
            Err(error) => Err(error),
        };
        let taken = std::mem::replace(attempt, Attempt::Untried);
        let ready = made.and_then(|()| match taken {
            Attempt::InFlight(stream) => prompt(stream),
            _ => Err(io::ErrorKind::NotConnected.into()),
        });
        match ready {
            Ok(stream) => Some((stream, *addr)),
            Err(error) => {
                *attempt = Attempt::Failed(error);
                race.failed(place, Instant::now());
                None
            }
        }
    }

    fn errors(self, timeout: Duration) -> Vec<AttemptError> {
        let error = |(addr, attempt)| match attempt {
            Attempt::Untried => AttemptError::Untried { addr, timeout },
            Attempt::InFlight(_) => AttemptError::Silent { addr, timeout },
            Attempt::Failed(reason) => AttemptError::new(addr, reason),
        };
        self.all.into_iter().map(error).collect()
    }
}

enum Outcome {
    Pending,
    Connected,
}

fn outcome(stream: &mio::net::TcpStream) -> io::Result<Outcome> {
    if let Some(error) = stream.take_error()? {
        return Err(error);
    }
    let peer = match stream.peer_addr() {
        Ok(peer) => peer,
        Err(error) if error.kind() == io::ErrorKind::NotConnected => return Ok(Outcome::Pending),
        Err(error) => return Err(error),
    };
    // On the port that the system chose for us, we would talk to ourselves.
    if stream.local_addr()? == peer {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    Ok(Outcome::Connected)
}

fn prompt(stream: mio::net::TcpStream) -> io::Result<TcpStream> {
    let stream = blocking(stream)?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    const LONG: Duration = Duration::from_secs(30);

    fn target(addr: SocketAddr) -> Target {
        addr.to_string().parse().unwrap()
    }

    /// An address on which nothing listens.
    fn closed() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    }

    fn race_for(addrs: &[SocketAddr], timeout: Duration) -> Result<SocketAddr, ConnectError> {
        super::race(addrs, timeout, Instant::now() + timeout).map(|(_, addr)| addr)
    }

    #[test]
    fn a_connection_blocks_and_holds_nothing_back() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let (stream, connected) = connect(&target(addr), 1, LONG).unwrap();
        assert_eq!(connected, addr);
        assert_eq!(stream.peer_addr().unwrap(), addr);
        assert!(stream.nodelay().unwrap());
        let (accepted, _) = listener.accept().unwrap();
        let reading = thread::spawn(move || io::Read::read(&mut &stream, &mut [0]).unwrap());
        drop(accepted);
        assert_eq!(reading.join().unwrap(), 0);
    }

    #[test]
    fn a_name_is_looked_up() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let name: Target = "localhost".parse().unwrap();
        let (_, connected) = connect(&name, addr.port(), LONG).unwrap();
        assert_eq!(connected, addr);
        let unknown: Target = "no-such-host.invalid".parse().unwrap();
        let error = connect(&unknown, 1, LONG).unwrap_err();
        assert!(matches!(error, ConnectError::Resolve(_)), "{error}");
    }

    #[test]
    fn the_next_address_is_taken_where_the_first_refuses() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let open = listener.local_addr().unwrap();
        assert_eq!(race_for(&[closed(), open], LONG).unwrap(), open);
    }

    #[test]
    fn each_address_has_its_reason() {
        let [first, second] = [closed(), closed()];
        let error = race_for(&[first, second], LONG).unwrap_err();
        assert!(error.is_refused());
        let text = error.to_string();
        for addr in [first, second] {
            assert!(
                text.contains(&format!("nothing listens on tcp://{addr}")),
                "{text}"
            );
        }
        let error = connect(&target(first), 1, LONG).unwrap_err();
        assert!(error.is_refused(), "{error}");
    }

    #[test]
    fn what_the_system_says_has_words() {
        let addr = closed();
        let table = [
            (io::ErrorKind::ConnectionRefused, "nothing listens on"),
            (io::ErrorKind::ConnectionReset, "reset the connection"),
            (io::ErrorKind::HostUnreachable, "cannot reach"),
            (io::ErrorKind::NetworkUnreachable, "cannot reach"),
            (io::ErrorKind::AddrNotAvailable, "no more ports"),
            (io::ErrorKind::PermissionDenied, "cannot connect to"),
        ];
        for (kind, words) in table {
            let text = AttemptError::new(addr, kind.into()).to_string();
            assert!(text.contains(words), "{text}");
            assert!(text.contains(&format!("tcp://{addr}")), "{text}");
        }
    }

    /// A listener whose queue is full, so that the system drops what else comes.
    #[cfg(target_os = "linux")]
    fn full() -> (socket2::Socket, Vec<TcpStream>, SocketAddr) {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
        let socket = socket.unwrap();
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        socket.bind(&any.into()).unwrap();
        socket.listen(0).unwrap();
        let addr = socket.local_addr().unwrap().as_socket().unwrap();
        let short = Duration::from_millis(100);
        let waiting = std::iter::from_fn(|| TcpStream::connect_timeout(&addr, short).ok());
        let waiting = waiting.take(8).collect();
        (socket, waiting, addr)
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_time_is_over_at_some_time() {
        let (_socket, waiting, addr) = full();
        assert!(waiting.len() < 8, "a queue has an end");
        let text = race_for(&[addr, addr], Duration::from_millis(20))
            .unwrap_err()
            .to_string();
        let silent = format!("no answer from tcp://{addr} within 20 ms");
        assert!(text.contains(&silent), "{text}");
        assert!(text.contains("was not tried within 20 ms"), "{text}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_next_address_is_taken_where_the_first_is_silent() {
        let (_socket, _waiting, silent) = full();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let open = listener.local_addr().unwrap();
        let start = Instant::now();
        assert_eq!(race_for(&[silent, open], LONG).unwrap(), open);
        assert!(start.elapsed() >= Duration::from_millis(250));
    }
}
