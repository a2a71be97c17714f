//! UDP sockets: bound as people ask for them, answering from the address that they were asked at.

mod admission;
mod bursts;
mod client;
mod fan;
mod flow;
#[cfg(all(target_os = "linux", not(portable)))]
#[path = "linux.rs"]
mod imp;
#[cfg(any(not(target_os = "linux"), portable))]
#[path = "portable.rs"]
mod imp;
mod line;
mod server;
mod stamp;
mod totals;

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use socket2::{Domain, Protocol, Type};

use crate::addr::Bind;
pub use crate::bind::BindError;
use crate::bind::{self, Bound};
use crate::timing;
pub use bursts::{Burst, Bursts, Dispatch, Failure, Intake, Run};
pub use client::{Client, ClientError};
pub use fan::{Arrived, Fan, FanReceiver};
pub use flow::{Bundle, Flow, Room};
pub use line::{Line, LineWaker};
pub use server::{Loss, Policy, Seal, Server, Service, Verdict};
pub use stamp::{Outbox, Stamp, StampClock};
pub use totals::{Counts, Totals};

/// The largest UDP payload there is, and so what a receive buffer holds.
pub const MAX_PAYLOAD: usize = 65_535;

/// How much a socket asks the system to hold for it: a burst of small datagrams while its thread is not running. The
/// system may grant less (`net.core.rmem_max`).
const RECEIVE_BUFFER: usize = 4 * 1024 * 1024;

/// The same for one that receives bursts: some milliseconds at millions of datagrams a second.
const BURST_BUFFER: usize = 8 * 1024 * 1024;

/// A datagram that was received.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// Who sent it, as far as its header says.
    pub from: SocketAddr,
    /// Which of our addresses it was sent to, where the socket has several and the system tells (Linux).
    pub to: Option<IpAddr>,
    /// Whether it was sent to many machines at once, by broadcast or multicast, where the system tells.
    pub to_many: bool,
    /// What it says.
    pub payload: &'a [u8],
    /// What else the system told. It is read only when it is asked for: most of a flood is turned away before.
    told: imp::Told<'a>,
}

impl<'a> Datagram<'a> {
    /// A datagram of which no more is known.
    pub fn new(from: SocketAddr, payload: &'a [u8]) -> Self {
        Self {
            from,
            to: None,
            to_many: false,
            payload,
            told: imp::Told::default(),
        }
    }

    /// When it came, by another clock than the program's, where the system tells (Linux).
    pub fn came(&self) -> Option<Stamp> {
        self.told.came()
    }

    /// Its type-of-service byte or traffic class (DSCP and ECN, RFC 2474 and 3168), where the system tells (Linux).
    pub fn service(&self) -> Option<u8> {
        self.told.service()
    }

    /// The length of the longest fragment that it came in, in bytes of an IP packet; `None` where it came in one piece,
    /// and where nobody asked for that ([`Fragments::Probing`], Linux).
    pub fn fragment(&self) -> Option<u32> {
        self.told.fragment()
    }

    /// The time to live, or hop limit, with which it came, where the socket [tells it](Socket::telling_ttl) (Linux).
    pub fn ttl(&self) -> Option<u8> {
        self.told.ttl()
    }
}

/// What became of a datagram that was sent before, as the system or a host on the path says. Anyone could have sent the
/// word of a host.
#[derive(Debug)]
pub struct Fault {
    /// What is wrong; see [`is_too_long`].
    pub reason: io::Error,
    /// Where it was too long, the longest IP packet that is taken, in bytes.
    pub mtu: Option<u32>,
    /// The host that says so; `None` is this machine.
    pub by: Option<IpAddr>,
}

/// A bound UDP socket of one address family.
///
/// It learns the address that each datagram was sent to and can answer from it, so that a client whose socket is
/// connected gets its answer also where the machine has several addresses (Linux; elsewhere the system chooses).
#[derive(Debug)]
pub struct Socket {
    inner: UdpSocket,
    local: SocketAddr,
    clock: StampClock,
    stamped: Option<Stamped>,
}

/// A second socket on the same port, through which datagrams are sent that are to be stamped: the stamp's arrival wakes
/// whoever waits on its socket, between the stamp and the datagram's departure.
#[derive(Debug)]
struct Stamped {
    socket: UdpSocket,
    to: SocketAddr,
}

/// Whether datagrams may be cut into fragments on their way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fragments {
    /// As the system sees fit.
    #[default]
    Allowed,
    /// No (Linux): datagrams longer than what the system knows of the path are refused.
    Forbidden,
    /// No, and what the system knows of the path does not count (Linux; RFC 8899): datagrams longer than the interface
    /// takes are refused. [`Socket::next_fault`] and [`Datagram::fragment`] tell what came of others.
    Probing,
}

/// How a socket that talks to one server is to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The address, and the port where it is not 0, that datagrams come from; the system chooses without one.
    pub source: Option<SocketAddr>,
    /// The type-of-service byte or traffic class of all that is sent.
    pub service: Option<u8>,
    /// The time to live, or hop limit, of all that is sent.
    pub ttl: Option<u8>,
    /// Whether datagrams may be cut.
    pub fragments: Fragments,
    /// Whose clock stamps what comes and what is sent by an [`Outbox`].
    pub clock: StampClock,
}

/// Whether a call that receives waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    /// Until something has come or the socket is woken.
    Block,
    /// It takes what is there.
    Poll,
}

impl Socket {
    /// Binds one address. An IPv6 socket takes IPv6 alone: bind the IPv4 address beside it.
    ///
    /// # Errors
    /// [`BindError`], which names the address.
    pub fn bind(addr: SocketAddr) -> Result<Self, BindError> {
        bind::bind(addr)
    }

    fn open(addr: SocketAddr) -> io::Result<Self> {
        let socket =
            socket2::Socket::new(Domain::for_address(addr), Type::DGRAM, Some(Protocol::UDP))?;
        if addr.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        if let Err(error) = socket.set_recv_buffer_size(RECEIVE_BUFFER) {
            tracing::debug!(%error, "the receive buffer stays as it is");
        }
        socket.bind(&addr.into())?;
        let inner = UdpSocket::from(socket);
        imp::prepare(&inner, addr)?;
        imp::count_drops(&inner);
        let local = inner.local_addr()?;
        Ok(Self {
            inner,
            local,
            clock: StampClock::Program,
            stamped: None,
        })
    }

    /// Has each datagram stamped by the kernel when it comes and, through an [`Outbox`], when it leaves, and told with
    /// which type of service it came.
    ///
    /// # Errors
    /// What the system says.
    pub fn stamped_by_kernel(mut self) -> io::Result<Self> {
        self.clock = StampClock::Kernel;
        imp::stamp(&self.inner, self.local, self.clock)?;
        Ok(self)
    }

    /// Has the system put datagrams together that come one after the other from one sender, where it can (Linux, UDP_GRO
    /// of udp(7)), and hold more for it: it is received from by [`Bursts`] alone.
    #[must_use]
    pub fn receiving_bursts(self) -> Self {
        if let Err(error) = imp::flow::set_receive_offload(&self.inner, true) {
            tracing::debug!(%error, "datagrams come one by one");
        }
        if let Err(error) = imp::flow::enlarge(&self.inner, BURST_BUFFER) {
            tracing::debug!(%error, "the receive buffer is as large as for everyone");
        }
        self
    }

    /// Has each datagram come with its time to live or hop limit, where the system tells (Linux).
    ///
    /// # Errors
    /// What the system says.
    pub fn telling_ttl(self) -> io::Result<Self> {
        imp::tell_ttl(&self.inner, self.local)?;
        Ok(self)
    }

    /// Lets flows have its port ([`Flow::beside`]), where the system can; others still find it in use.
    #[must_use]
    pub fn sharing_its_port(self) -> Self {
        let shared = imp::flow::share_port(&self.inner, || flow::open_beside(self.local));
        if let Err(error) = shared {
            tracing::debug!(%error, "flows have ports of their own");
        }
        self
    }

    /// A socket that talks to this server alone: the system drops what others send, and reports a port that is closed.
    ///
    /// # Errors
    /// What the system says, also of an option that it does not know.
    pub fn connect(server: SocketAddr, options: &Options) -> io::Result<Self> {
        let inner = options.open(server, options.source.unwrap_or(any(server)), |socket| {
            socket.connect(&server.into())
        })?;
        let local = inner.local_addr()?;
        imp::stamp(&inner, local, options.clock)?;
        imp::count_drops(&inner);
        let stamped = options.stamped(server, local)?;
        Ok(Self {
            inner,
            local,
            clock: options.clock,
            stamped,
        })
    }

    /// The largest payload that reaches whom it is connected to in one piece, as far as the system knows the path's MTU
    /// by now (Linux).
    pub fn longest_whole(&self) -> Option<usize> {
        let headers = if self.local.is_ipv4() { 28 } else { 48 };
        imp::path_mtu(&self.inner, self.local)?.checked_sub(headers)
    }

    /// What became of datagrams that were sent before, one after the other, where the socket is for
    /// [`Fragments::Probing`].
    ///
    /// Take all of them before sending: what hosts on the path say makes the next call fail that sends or receives.
    pub fn next_fault(&self) -> Option<Fault> {
        imp::next_fault(&self.inner)
    }

    /// Receives one datagram from whom the socket is connected to: the quickest way, where nothing need be known of it.
    /// `None` where none has come within the socket's [patience](Self::set_patience), or at once if it
    /// [polls](Self::set_polling).
    ///
    /// # Errors
    /// What the system says, also of datagrams sent before.
    pub fn receive_on(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        match self.inner.recv(buffer) {
            Err(error) if imp::is_nothing(&error) => Ok(None),
            received => received.map(Some),
        }
    }

    /// Whether receiving looks for what is there and never waits.
    ///
    /// # Errors
    /// What the system says.
    pub fn set_polling(&self, polls: bool) -> io::Result<()> {
        self.inner.set_nonblocking(polls)
    }

    /// How long a [`Batch::receive`] waits for the first datagram; `None` is for ever.
    ///
    /// # Errors
    /// What the system says.
    pub fn set_patience(&self, patience: Option<Duration>) -> io::Result<()> {
        self.inner.set_read_timeout(patience)
    }

    /// Whose clock stamps what comes, as far as the system does.
    pub fn clock(&self) -> StampClock {
        self.clock
    }

    /// Binds all of these, or every interface where there are none.
    ///
    /// Where no address is named every interface is bound, over IPv4 and IPv6, on one port; a machine without one of
    /// them does with the other.
    ///
    /// # Errors
    /// [`BindError`] for the first that cannot be bound.
    pub fn bind_all(binds: &[Bind], default_port: u16) -> Result<Vec<Self>, BindError> {
        bind::bind_all(binds, default_port)
    }

    /// The address it is bound to, with the port that the system chose.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Sends one datagram, from this address of ours if one is given.
    ///
    /// # Errors
    /// What the system says.
    pub fn send(&self, payload: &[u8], to: SocketAddr, from: Option<IpAddr>) -> io::Result<()> {
        imp::send(&self.inner, payload, Some(to), from, None)
    }

    /// Sends one datagram to whom the socket is connected to.
    ///
    /// # Errors
    /// What the system says, also of datagrams sent before.
    pub fn send_on(&self, payload: &[u8]) -> io::Result<()> {
        imp::send(&self.inner, payload, None, None, None)
    }

    /// Where datagrams that are to be stamped go out, and to whom.
    fn out(&self, to: Option<SocketAddr>) -> (&UdpSocket, Option<SocketAddr>) {
        match &self.stamped {
            Some(stamped) => (&stamped.socket, to.or(Some(stamped.to))),
            None => (&self.inner, to),
        }
    }

    /// Ends a wait in [`Batch::receive`], now or later; further calls return at once or after a moment.
    pub fn wake(&self) {
        imp::wake(&self.inner);
    }
}

impl Options {
    /// A socket without stamps, on a port that the system chooses.
    fn connect(&self, server: SocketAddr) -> io::Result<UdpSocket> {
        let mut local = self.source.unwrap_or(any(server));
        local.set_port(0);
        let plain = Self {
            clock: StampClock::Program,
            ..*self
        };
        plain.open(server, local, |socket| socket.connect(&server.into()))
    }

    /// A socket that is bound here, and then made ready.
    fn open(
        &self,
        server: SocketAddr,
        local: SocketAddr,
        ready: impl FnOnce(&socket2::Socket) -> io::Result<()>,
    ) -> io::Result<UdpSocket> {
        let domain = Domain::for_address(server);
        let socket = socket2::Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
        if let Err(error) = socket.set_recv_buffer_size(RECEIVE_BUFFER) {
            tracing::debug!(%error, "the receive buffer stays as it is");
        }
        self.apply(&socket, server)?;
        let shares = self.clock != StampClock::Program;
        // One that shares its port from the start would be given a port that another one shares.
        let is_second = local.port() != 0;
        if shares && is_second {
            share_port(&socket)?;
        }
        socket.bind(&local.into())?;
        if shares && !is_second {
            share_port(&socket)?;
        }
        ready(&socket)?;
        let socket = UdpSocket::from(socket);
        match self.fragments {
            Fragments::Allowed => {}
            Fragments::Forbidden => imp::forbid_fragments(&socket, server)?,
            Fragments::Probing => imp::probe_path(&socket, server)?,
        }
        Ok(socket)
    }

    /// The socket for what is to be stamped. It is not connected, so that what the server sends comes to the one that is.
    fn stamped(&self, server: SocketAddr, local: SocketAddr) -> io::Result<Option<Stamped>> {
        if self.clock == StampClock::Program || !imp::STAMPS_SENDING {
            return Ok(None);
        }
        let socket = self.open(server, local, |_| Ok(()))?;
        imp::stamp(&socket, local, self.clock)?;
        Ok(Some(Stamped { socket, to: server }))
    }

    fn apply(&self, socket: &socket2::Socket, server: SocketAddr) -> io::Result<()> {
        let (service, ttl) = (self.service.map(u32::from), self.ttl.map(u32::from));
        match server {
            SocketAddr::V4(_) => {
                service.map_or(Ok(()), |service| socket.set_tos_v4(service))?;
                ttl.map_or(Ok(()), |ttl| socket.set_ttl_v4(ttl))
            }
            SocketAddr::V6(_) => {
                #[cfg(unix)]
                service.map_or(Ok(()), |service| socket.set_tclass_v6(service))?;
                ttl.map_or(Ok(()), |ttl| socket.set_unicast_hops_v6(ttl))
            }
        }
    }
}

/// Lets another socket have the same port.
#[cfg(target_os = "linux")]
fn share_port(socket: &socket2::Socket) -> io::Result<()> {
    socket.set_reuse_port(true)
}

/// The port of a socket is its own.
#[cfg(not(target_os = "linux"))]
fn share_port(_: &socket2::Socket) -> io::Result<()> {
    Ok(())
}

/// Any address of the family of this one.
fn any(server: SocketAddr) -> SocketAddr {
    if server.is_ipv4() {
        SocketAddr::from(([0; 4], 0))
    } else {
        SocketAddr::from(([0; 16], 0))
    }
}

/// Whether an error says that a datagram was too long to be sent, or to be sent in one piece.
pub fn is_too_long(error: &io::Error) -> bool {
    #[cfg(unix)]
    const TOO_LONG: i32 = libc::EMSGSIZE;
    #[cfg(not(unix))]
    const TOO_LONG: i32 = 10_040; // WSAEMSGSIZE
    error.raw_os_error() == Some(TOO_LONG)
}

/// Whether an error says that there was no room to send a datagram: it is lost, as it might be further on, and the next
/// may find room.
pub fn is_no_room(error: &io::Error) -> bool {
    #[cfg(unix)]
    const NO_ROOM: i32 = libc::ENOBUFS;
    #[cfg(not(unix))]
    const NO_ROOM: i32 = 10_055; // WSAENOBUFS
    error.raw_os_error() == Some(NO_ROOM) || error.kind() == io::ErrorKind::WouldBlock
}

impl Bound for Socket {
    const SCHEME: &'static str = "udp";

    fn open(addr: SocketAddr) -> io::Result<Self> {
        Self::open(addr)
    }

    fn bound_to(&self) -> SocketAddr {
        self.local
    }
}

/// Room for what one system call receives.
#[derive(Debug)]
pub struct Batch(imp::Batch);

impl Batch {
    /// The most datagrams that one call receives.
    pub const CAPACITY: usize = imp::BATCH;

    /// Allocates the room: 2 MiB on Linux, of which the system backs only what is used.
    #[expect(clippy::new_without_default, reason = "it is not cheap")]
    pub fn new() -> Self {
        Self(imp::Batch::new())
    }

    /// Blocks until a datagram has come, takes those that are there, and says how many.
    ///
    /// 0 means that there is nothing, because the socket was woken, after a second or for no reason at all: look whether
    /// it is time to stop and call again.
    ///
    /// # Errors
    /// What the system says.
    pub fn receive(&mut self, socket: &Socket) -> io::Result<usize> {
        let has_destinations = socket.local.ip().is_unspecified();
        self.0.receive(&socket.inner, has_destinations, Wait::Block)
    }

    /// Takes the datagrams that are there without waiting, and says how many.
    ///
    /// # Errors
    /// What the system says.
    pub fn poll(&mut self, socket: &Socket) -> io::Result<usize> {
        let has_destinations = socket.local.ip().is_unspecified();
        self.0.receive(&socket.inner, has_destinations, Wait::Poll)
    }

    /// How many datagrams had found no room in the socket's queue when the last of these came, modulo 2³²;
    /// `None` where there were none or the system does not tell (it is Linux that does).
    pub fn dropped(&self) -> Option<u32> {
        self.0.dropped()
    }

    /// How long the first datagram had waited in the socket's queue, where the system tells (Linux).
    pub fn waited(&self) -> Option<Duration> {
        let came = self.get(0)?.came()?;
        // A clock that was set back since then says nothing.
        timing::unix_nanos()
            .checked_sub(came.at)
            .map(Duration::from_nanos)
    }

    /// The datagram at this place, below what [`receive`](Self::receive) said last; `None` if it has no sender or there
    /// is none at this place.
    pub fn get(&self, place: usize) -> Option<Datagram<'_>> {
        self.0.get(place)
    }
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_os = "linux", not(portable)))]
    use std::net::{Ipv4Addr, Ipv6Addr};
    use std::sync::Arc;
    use std::thread;

    use super::*;

    fn socket(addr: &str) -> Socket {
        Socket::bind(addr.parse().unwrap()).unwrap()
    }

    fn client(addr: &str) -> UdpSocket {
        let socket = UdpSocket::bind(addr).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        socket
    }

    type Got = (SocketAddr, Option<IpAddr>, Vec<u8>);

    fn receive(batch: &mut Batch, socket: &Socket) -> Vec<Got> {
        loop {
            let count = batch.receive(socket).unwrap();
            let received: Vec<_> = (0..count)
                .filter_map(|place| batch.get(place))
                .map(|datagram| (datagram.from, datagram.to, datagram.payload.to_vec()))
                .collect();
            if !received.is_empty() {
                return received;
            }
        }
    }

    #[test]
    fn datagrams_of_every_size_come_whole() {
        let server = socket("127.0.0.1:0");
        let client = client("127.0.0.1:0");
        let mut batch = Batch::new();
        for size in [0, 1, 1472, 9000, 65_507] {
            let payload = vec![b'x'; size];
            client.send_to(&payload, server.local_addr()).unwrap();
            let received = receive(&mut batch, &server);
            assert_eq!(received.len(), 1);
            let (from, _, got) = &received[0];
            assert_eq!((*from, got.len()), (client.local_addr().unwrap(), size));
            server.send(got, *from, None).unwrap();
            let mut back = vec![0; MAX_PAYLOAD];
            assert_eq!(client.recv(&mut back).unwrap(), size);
        }
    }

    #[test]
    fn a_queue_of_datagrams_comes_in_order() {
        let server = socket("127.0.0.1:0");
        let client = client("127.0.0.1:0");
        for number in 0..100u8 {
            client.send_to(&[number], server.local_addr()).unwrap();
        }
        let mut batch = Batch::new();
        let mut received = Vec::new();
        while received.len() < 100 {
            received.extend(receive(&mut batch, &server).into_iter().map(|got| got.2[0]));
        }
        assert!(received.into_iter().eq(0..100));
    }

    #[cfg(all(target_os = "linux", not(portable)))]
    #[test]
    fn a_datagram_says_how_long_it_waited() {
        let server = socket("127.0.0.1:0");
        let client = client("127.0.0.1:0");
        let before = std::time::Instant::now();
        client.send_to(b"hello", server.local_addr()).unwrap();
        thread::sleep(Duration::from_millis(5));
        let mut batch = Batch::new();
        receive(&mut batch, &server);
        let waited = batch.waited().unwrap();
        assert!(waited >= Duration::from_millis(5) && waited <= before.elapsed());
    }

    #[cfg(all(target_os = "linux", not(portable)))]
    #[test]
    fn a_datagram_says_how_many_hops_it_had_left() {
        for addr in ["127.0.0.1:0", "[::1]:0", "0.0.0.0:0", "[::]:0"] {
            let Ok(server) = Socket::bind(addr.parse().unwrap()) else {
                continue; // a machine without IPv6
            };
            let server = server.stamped_by_kernel().and_then(Socket::telling_ttl);
            let server = server.unwrap();
            let mut target = server.local_addr();
            if target.ip().is_unspecified() {
                target.set_ip(if target.is_ipv4() {
                    Ipv4Addr::LOCALHOST.into()
                } else {
                    Ipv6Addr::LOCALHOST.into()
                });
            }
            let options = Options {
                ttl: Some(77),
                ..Options::default()
            };
            options.connect(target).unwrap().send(b"hello").unwrap();
            let mut batch = Batch::new();
            assert_eq!(batch.receive(&server).unwrap(), 1);
            let datagram = batch.get(0).unwrap();
            assert_eq!(datagram.ttl(), Some(77), "{addr}");
            assert!(datagram.came().is_some() && datagram.service().is_some());
        }
        let silent = socket("127.0.0.1:0");
        let client = client("127.0.0.1:0");
        client.send_to(b"hello", silent.local_addr()).unwrap();
        let mut batch = Batch::new();
        batch.receive(&silent).unwrap();
        assert_eq!(batch.get(0).unwrap().ttl(), None);
    }

    #[cfg(all(target_os = "linux", not(portable)))]
    #[test]
    fn an_answer_comes_from_the_address_that_was_asked() {
        for (server, asked, client_at) in [
            ("0.0.0.0:0", "127.0.0.2", "127.0.0.1:0"),
            ("[::]:0", "::1", "[::1]:0"),
        ] {
            let Ok(server) = Socket::bind(server.parse().unwrap()) else {
                continue; // a machine without IPv6
            };
            let client = client(client_at);
            let asked = SocketAddr::new(asked.parse().unwrap(), server.local_addr().port());
            client.connect(asked).unwrap();
            client.send(b"hello").unwrap();
            let (from, to, got) = receive(&mut Batch::new(), &server).remove(0);
            assert_eq!(to, Some(asked.ip()));
            server.send(&got, from, to).unwrap();
            let mut back = [0; 16];
            assert_eq!(client.recv(&mut back).unwrap(), 5);
        }
    }

    #[cfg(all(target_os = "linux", not(portable)))]
    fn probing(server: SocketAddr) -> Socket {
        let options = Options {
            fragments: Fragments::Probing,
            clock: StampClock::Program,
            ..Options::default()
        };
        Socket::connect(server, &options).unwrap()
    }

    #[cfg(all(target_os = "linux", not(portable)))]
    #[test]
    fn a_datagram_that_the_interface_does_not_take_whole_is_refused_with_its_mtu() {
        let Ok(server) = Socket::bind("[::1]:0".parse().unwrap()) else {
            return; // a machine without IPv6
        };
        let client = probing(server.local_addr());
        let refused = client.send_on(&[0; 65_507]).unwrap_err();
        assert!(is_too_long(&refused), "{refused}");
        let fault = client.next_fault().unwrap();
        assert!(
            is_too_long(&fault.reason) && fault.by.is_none(),
            "{fault:?}"
        );
        let mtu = fault.mtu.unwrap() as usize;
        assert!((1280..65_507 + 48).contains(&mtu), "{mtu}");
        assert!(client.next_fault().is_none());
        client.send_on(&vec![1; mtu - 48]).unwrap();
        let (_, _, got) = receive(&mut Batch::new(), &server).remove(0);
        assert_eq!(got.len(), mtu - 48);
    }

    #[cfg(all(target_os = "linux", not(portable)))]
    #[test]
    fn a_closed_port_is_a_fault_of_its_host() {
        let gone = socket("127.0.0.1:0").local_addr();
        let client = probing(gone);
        client.send_on(b"hello").unwrap();
        let fault = client.next_fault().unwrap();
        assert_eq!(fault.reason.kind(), io::ErrorKind::ConnectionRefused);
        assert_eq!((fault.by, fault.mtu), (Some(gone.ip()), None));
        client.send_on(b"the fault was taken").unwrap();
    }

    #[cfg(all(target_os = "linux", not(portable)))]
    #[test]
    fn what_came_in_fragments_says_so() {
        let Ok(server) = UdpSocket::bind("[::1]:0") else {
            return; // a machine without IPv6
        };
        let client = probing(server.local_addr().unwrap());
        let mut batch = Batch::new();
        for (size, is_cut) in [(1000, false), (65_507, true)] {
            server.send_to(&vec![0; size], client.local_addr()).unwrap();
            while batch.receive(&client).unwrap() == 0 {}
            let got = batch.get(0).unwrap();
            assert_eq!(
                (got.payload.len(), got.fragment().is_some()),
                (size, is_cut)
            );
            assert!(got.fragment().is_none_or(|longest| longest <= 65_536));
        }
    }

    #[test]
    fn a_thread_that_waits_can_be_woken() {
        let server = Arc::new(socket("127.0.0.1:0"));
        let waiting = Arc::clone(&server);
        let waiter = thread::spawn(move || {
            let mut batch = Batch::new();
            let count = batch.receive(&waiting).unwrap();
            (0..count).filter_map(|place| batch.get(place)).count()
        });
        server.wake();
        assert_eq!(waiter.join().unwrap(), 0);
    }

    #[test]
    fn every_interface_shares_one_port() {
        let sockets = Socket::bind_all(&[":0".parse().unwrap()], 1).unwrap();
        let ports = sockets.iter().map(|socket| socket.local_addr().port());
        let first = sockets[0].local_addr();
        assert!(first.is_ipv4());
        assert!(ports.into_iter().all(|port| port == first.port()));
    }

    #[test]
    fn a_port_in_use_is_named() {
        let taken = socket("127.0.0.1:0");
        let error = Socket::bind(taken.local_addr()).unwrap_err().to_string();
        assert!(error.contains(&taken.local_addr().to_string()), "{error}");
        assert!(error.contains("in use"), "{error}");
        let elsewhere = Socket::bind("192.0.2.7:0".parse().unwrap()).unwrap_err();
        assert!(elsewhere.to_string().contains("no such address"));
    }
}
