//! Many packets between two sockets: as few system calls as can be, for throughput.
//!
//! Single datagrams, each with its time, are the business of [`Socket`].

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::thread;
use std::time::Duration;

use socket2::{Domain, Protocol, Type};

use super::{Options, RECEIVE_BUFFER, Socket, Wait, any, imp};

/// How much a flow asks the system to hold for it: some milliseconds at tens of Gbit/s.
const FLOW_BUFFER: usize = 16 * 1024 * 1024;

/// A socket that is connected to its peer.
#[derive(Debug)]
pub struct Flow {
    socket: UdpSocket,
    local: SocketAddr,
    /// The size of the packets that the system is to cut what is sent into.
    segment: Option<usize>,
    out: Out,
}

/// The headers of a system call.
struct Out(imp::flow::Out);

impl fmt::Debug for Out {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Out").finish_non_exhaustive()
    }
}

impl Flow {
    /// A flow to a server.
    ///
    /// # Errors
    /// What the system says, also of an option that it does not know.
    pub fn connect(server: SocketAddr, options: &Options) -> io::Result<Self> {
        let local = options.source.unwrap_or(any(server));
        let connect = |socket: &socket2::Socket| socket.connect(&server.into());
        Self::of(options.open(server, local, connect)?)
    }

    /// A flow to a client who asked at `asked`, from the port on which a [`Socket`] bound to `listening`
    /// receives, if it is [shared](Socket::sharing_its_port): what he sends comes to this flow from now on. Where the system cannot have that (it is Linux that can,
    /// if the way to the client begins at `asked`), it has a port of its own.
    ///
    /// # Errors
    /// What the system says.
    pub fn beside(
        listening: SocketAddr,
        asked: Option<IpAddr>,
        client: SocketAddr,
    ) -> io::Result<Self> {
        let asked = asked.unwrap_or(listening.ip());
        if imp::flow::SHARES_PORTS {
            let shared = open_beside(listening).and_then(|socket| {
                socket.connect(client)?;
                Self::of(socket)
            });
            match shared {
                Ok(flow) if asked.is_unspecified() || flow.local.ip() == asked => return Ok(flow),
                Ok(flow) => tracing::debug!(asked = %asked, at = %flow.local, "another address"),
                Err(error) => tracing::debug!(%error, "the port is not shared"),
            }
        }
        let socket = UdpSocket::bind(SocketAddr::new(asked, 0))?;
        socket.connect(client)?;
        Self::of(socket)
    }

    /// A flow on a socket that is [connected](Socket::connect).
    ///
    /// # Errors
    /// What the system says.
    pub fn on(socket: Socket) -> io::Result<Self> {
        Self::of(socket.inner)
    }

    fn of(socket: UdpSocket) -> io::Result<Self> {
        imp::count_drops(&socket);
        if let Err(error) = imp::flow::enlarge(&socket, FLOW_BUFFER) {
            tracing::debug!(%error, "the receive buffer is as large as for everyone");
        }
        Ok(Self {
            local: socket.local_addr()?,
            socket,
            segment: None,
            out: Out(imp::flow::Out::new()),
        })
    }

    /// The same flow for another thread.
    ///
    /// # Errors
    /// What the system says.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self {
            socket: self.socket.try_clone()?,
            local: self.local,
            segment: self.segment,
            out: Out(imp::flow::Out::new()),
        })
    }

    /// Connects to another port of the same peer.
    ///
    /// # Errors
    /// What the system says.
    pub fn move_to(&self, port: u16) -> io::Result<()> {
        let mut peer = self.socket.peer_addr()?;
        peer.set_port(port);
        self.socket.connect(peer)
    }

    /// The address it is bound to.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// How long [`Room::receive`] waits; `None` is for ever.
    ///
    /// # Errors
    /// What the system says.
    pub fn set_patience(&self, patience: Option<Duration>) -> io::Result<()> {
        self.socket.set_read_timeout(patience)
    }

    /// Has the system cut packets of this size from what is sent, or not, and says whether it does.
    pub fn set_send_offload(&mut self, size: Option<usize>) -> bool {
        self.segment = size.filter(|size| imp::flow::can_send_offloaded(&self.socket, *size));
        self.segment.is_some()
    }

    /// Has the system put received packets together, or not, and says whether it does.
    pub fn set_receive_offload(&self, wanted: bool) -> bool {
        imp::flow::set_receive_offload(&self.socket, wanted).is_ok() && wanted
    }

    /// Sends packets of this size, which lie one behind the other (the last may be shorter); says how many of them were
    /// sent before the system took no more.
    ///
    /// # Errors
    /// What the system says, also of packets sent before.
    pub fn send(&mut self, packets: &[u8], size: usize) -> io::Result<usize> {
        let segmented = self.segment == Some(size);
        let sent = self.out.0.send(&self.socket, packets, size, segmented);
        match sent {
            // Some network cards and tunnels cannot do it, which shows only now.
            Err(error) if segmented && imp::flow::is_not_segmented(&error) => {
                tracing::debug!(%error, "segmentation offload is off from now on");
                self.set_send_offload(None);
                self.out.0.send(&self.socket, packets, size, false)
            }
            sent => sent,
        }
    }

    /// Whether the system cuts what is sent into packets.
    pub fn sends_offloaded(&self) -> bool {
        self.segment.is_some()
    }
}

/// For those who wait for several of them.
#[cfg(unix)]
impl std::os::fd::AsFd for Flow {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// A socket on a port that another has, which is not connected yet.
pub(super) fn open_beside(listening: SocketAddr) -> io::Result<UdpSocket> {
    let domain = Domain::for_address(listening);
    let socket = socket2::Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    if listening.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    if let Err(error) = socket.set_recv_buffer_size(RECEIVE_BUFFER) {
        tracing::debug!(%error, "the receive buffer stays as it is");
    }
    #[cfg(target_os = "linux")]
    socket.set_reuse_port(true)?;
    socket.bind(&listening.into())?;
    Ok(socket.into())
}

/// How long packets gather in [`Room::gather`]: some tens of them, at the rates at which it matters.
const GATHER: Duration = Duration::from_micros(100);

/// Room for what one system call receives.
pub struct Room {
    inner: imp::flow::Room,
    /// How many bundles came last.
    came: usize,
}

impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Room").finish_non_exhaustive()
    }
}

/// What was received at once: packets of one size, of which the last may be shorter.
#[derive(Debug)]
pub struct Bundle<'a> {
    /// The packets, one behind the other.
    pub packets: &'a mut [u8],
    /// The size of each.
    pub size: usize,
}

impl Room {
    /// Room for packets up to this size in bytes; `offload` says whether the flow's system puts them together.
    pub fn new(size: usize, offload: bool) -> Self {
        Self {
            inner: imp::flow::Room::new(size, offload),
            came: 0,
        }
    }

    /// Waits until something has come, takes what is there, and says how many bundles that are; 0 when the flow's
    /// patience is at its end.
    ///
    /// # Errors
    /// What the system says, also of packets sent before.
    pub fn receive(&mut self, flow: &Flow) -> io::Result<usize> {
        self.take(flow, Wait::Block)
    }

    /// The same, for packets that are only counted: while there are some at every look, they are let gather for 100 µs,
    /// so that they wake nobody. To wake a thread costs the sender on the same machine more than all else.
    ///
    /// # Errors
    /// What the system says, also of packets sent before.
    pub fn gather(&mut self, flow: &Flow) -> io::Result<usize> {
        if (1..imp::flow::MESSAGES).contains(&self.came) {
            thread::sleep(GATHER);
        }
        match self.take(flow, Wait::Poll)? {
            0 => self.take(flow, Wait::Block),
            bundles => Ok(bundles),
        }
    }

    /// The same without waiting.
    ///
    /// # Errors
    /// What the system says, also of packets sent before.
    pub fn poll(&mut self, flow: &Flow) -> io::Result<usize> {
        self.take(flow, Wait::Poll)
    }

    fn take(&mut self, flow: &Flow, wait: Wait) -> io::Result<usize> {
        self.came = self.inner.receive(&flow.socket, wait)?;
        Ok(self.came)
    }

    /// The bundle at this place, below what was said last.
    pub fn get(&mut self, place: usize) -> Option<Bundle<'_>> {
        let (packets, size) = self.inner.get(place)?;
        Some(Bundle { packets, size })
    }

    /// How often the system had found no room in the socket's queue when the last of these came, modulo 2³²; `None`
    /// where that never was or the system does not tell (it is Linux that does).
    pub fn overflows(&self) -> Option<u32> {
        self.inner.dropped()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sharing() -> Socket {
        let socket = Socket::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        socket.sharing_its_port()
    }

    fn pair() -> (Flow, Flow) {
        let listening = sharing();
        let at = listening.local_addr();
        let client = Flow::connect(at, &Options::default()).unwrap();
        let server = Flow::beside(at, None, client.local_addr()).unwrap();
        client.move_to(server.local_addr().port()).unwrap();
        for flow in [&client, &server] {
            flow.set_patience(Some(Duration::from_secs(10))).unwrap();
        }
        (client, server)
    }

    #[test]
    fn each_has_a_port_of_its_own() {
        let at = sharing().local_addr();
        let flows = (0..500).map(|_| Flow::connect(at, &Options::default()).unwrap());
        let flows: Vec<_> = flows.collect();
        let ports: std::collections::HashSet<_> =
            flows.iter().map(|flow| flow.local_addr().port()).collect();
        assert_eq!(ports.len(), flows.len());
    }

    fn numbered(count: usize, size: usize) -> Vec<u8> {
        let packet = |number: usize| vec![number as u8; size];
        (0..count).flat_map(packet).collect()
    }

    fn received(room: &mut Room, flow: &Flow, count: usize, size: usize) -> Vec<u8> {
        let mut all = Vec::new();
        while all.len() < count * size {
            let bundles = room.receive(flow).unwrap();
            assert!(bundles > 0, "{} of {}", all.len(), count * size);
            for place in 0..bundles {
                let bundle = room.get(place).unwrap();
                assert!(bundle.packets.len() <= size || bundle.size == size);
                all.extend_from_slice(bundle.packets);
            }
        }
        all
    }

    #[test]
    fn packets_arrive_whole_and_in_order_with_any_offload() {
        for (size, count) in [(64, 1), (64, 200), (1400, 50), (9000, 10)] {
            for (sending, receiving) in [(false, false), (true, false), (false, true), (true, true)]
            {
                let (mut client, server) = pair();
                client.set_send_offload(sending.then_some(size));
                let offload = server.set_receive_offload(receiving);
                let mut room = Room::new(size, offload);
                let packets = numbered(count, size);
                let mut sent = 0;
                while sent < count {
                    sent += client.send(&packets[sent * size..], size).unwrap();
                }
                assert_eq!(sent, count);
                assert!(received(&mut room, &server, count, size) == packets);
            }
        }
    }

    #[cfg(all(target_os = "linux", not(portable)))]
    #[test]
    fn a_flow_takes_its_peer_alone_from_the_port_that_it_shares() {
        let listening = sharing();
        let at = listening.local_addr();
        let other = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut batch = super::super::Batch::new();
        for _ in 0..100 {
            let mut client = Flow::connect(at, &Options::default()).unwrap();
            let flow = Flow::beside(at, None, client.local_addr()).unwrap();
            assert_eq!(flow.local_addr(), at);
            flow.set_patience(Some(Duration::from_secs(10))).unwrap();
            other.send_to(b"other", at).unwrap();
            client.send(b"client", 6).unwrap();
            assert_eq!(received(&mut Room::new(100, false), &flow, 1, 6), b"client");
            assert_eq!(batch.receive(&listening).unwrap(), 1);
            assert_eq!(batch.get(0).unwrap().payload, b"other");
        }
    }

    /// While sockets come and go on its port, nothing that was sent to the one that listens is lost to them.
    #[cfg(all(target_os = "linux", not(portable)))]
    #[test]
    fn nothing_goes_astray_while_a_port_is_shared() {
        let listening = sharing();
        let at = listening.local_addr();
        let other = UdpSocket::bind("127.0.0.1:0").unwrap();
        let nobody = SocketAddr::from(([127, 0, 0, 1], 9));
        let mut batch = super::super::Batch::new();
        for _ in 0..200 {
            let unconnected = open_beside(at).unwrap();
            other.send_to(b"x", at).unwrap();
            unconnected.connect(nobody).unwrap();
            other.send_to(b"y", at).unwrap();
            let mut came = 0;
            while came < 2 {
                came += batch.receive(&listening).unwrap();
            }
        }
    }

    #[test]
    fn a_port_that_is_shared_is_still_in_use_for_others() {
        let listening = sharing();
        let error = Socket::bind(listening.local_addr()).unwrap_err();
        assert!(error.to_string().contains("in use"), "{error}");
    }
}
