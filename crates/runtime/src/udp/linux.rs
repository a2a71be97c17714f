//! Receiving and sending on Linux: many datagrams a system call, with the address that each was sent to.
//!
//! The one file with `unsafe` in it: recvmmsg(2) and control messages (cmsg(3)) have no safe form that hands out
//! borrowed payloads and survives control messages of changing length.
#![expect(
    unsafe_code,
    reason = "recvmmsg and control messages are reached through raw pointers"
)]

#[path = "linux/bursts.rs"]
pub(super) mod bursts;
#[path = "linux/flow.rs"]
pub(super) mod flow;

use std::fmt;
use std::io;
use std::mem::{size_of, zeroed};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};
use std::os::fd::AsRawFd;
use std::ptr;
use std::time::Duration;

use socket2::SockAddr;

use super::stamp::{Stamp, StampClock};
use super::{Datagram, Fault, MAX_PAYLOAD, Wait};

/// Datagrams taken by one call.
pub(super) const BATCH: usize = 32;

/// Bursts taken by one call, and how many of them where they are long: what is received, and what is made of it, is to
/// stay in a cache. With 16 long ones a relay passed on 2.9 million datagrams/s of 1 KiB, with 4 of them 3.6 million.
const BURSTS: usize = 16;
const LONG_BURSTS: usize = 4;

/// The bytes that are wanted of one call.
const AT_ONCE: usize = 256 * 1024;

/// Whether the system tells when datagrams left.
pub(super) const STAMPS_SENDING: bool = true;

/// How often a waiting thread looks up although nothing has come: what it remembers gets older.
const LOOK_UP: Duration = Duration::from_secs(1);

/// Room for the control messages of a datagram: an `in6_pktinfo` (20 bytes), three `timespec` (48), a type of service, a
/// time to live and a count of drops (4 each), or what the error queue says (48 and 48), each with a header of 16 and aligned.
const CONTROL: usize = 256;

/// A buffer aligned as control messages need it.
#[derive(Clone, Copy)]
#[repr(align(8))]
struct Control([u8; CONTROL]);

/// Asks for the time at which each datagram came and, where the socket has more than one address, for the one that it
/// was sent to: as little as a server under a flood can do with.
pub(super) fn prepare(socket: &UdpSocket, addr: SocketAddr) -> io::Result<()> {
    let (level, option) = match addr {
        SocketAddr::V4(_) => (libc::IPPROTO_IP, libc::IP_PKTINFO),
        SocketAddr::V6(_) => (libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO),
    };
    if addr.ip().is_unspecified() {
        set(socket, level, option, 1)?;
    }
    socket.set_read_timeout(Some(LOOK_UP))?;
    set(socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1)
}

/// Asks for the time at which each datagram came by this clock, and for its type of service. Stamps on sending are asked
/// for datagram by datagram.
pub(super) fn stamp(socket: &UdpSocket, addr: SocketAddr, clock: StampClock) -> io::Result<()> {
    let (level, option) = match addr {
        SocketAddr::V4(_) => (libc::IPPROTO_IP, libc::IP_RECVTOS),
        SocketAddr::V6(_) => (libc::IPPROTO_IPV6, libc::IPV6_RECVTCLASS),
    };
    if let Err(error) = set(socket, level, option, 1) {
        tracing::debug!(%error, "the system does not tell the type of service");
    }
    let what = match clock {
        StampClock::Program => return set(socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 0),
        StampClock::Kernel => libc::SOF_TIMESTAMPING_SOFTWARE | libc::SOF_TIMESTAMPING_RX_SOFTWARE,
        StampClock::Card => {
            libc::SOF_TIMESTAMPING_RAW_HARDWARE | libc::SOF_TIMESTAMPING_RX_HARDWARE
        }
    };
    let how = libc::SOF_TIMESTAMPING_OPT_ID | libc::SOF_TIMESTAMPING_OPT_TSONLY;
    let flags = (what | how).cast_signed();
    set(socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 0)?;
    set(socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPING, flags)
}

/// Asks for the time to live, or hop limit, with which each datagram came.
pub(super) fn tell_ttl(socket: &UdpSocket, addr: SocketAddr) -> io::Result<()> {
    let (level, option) = match addr {
        SocketAddr::V4(_) => (libc::IPPROTO_IP, libc::IP_RECVTTL),
        SocketAddr::V6(_) => (libc::IPPROTO_IPV6, libc::IPV6_RECVHOPLIMIT),
    };
    set(socket, level, option, 1)
}

/// Asks for the count of datagrams that found no room in the socket's queue.
pub(super) fn count_drops(socket: &UdpSocket) {
    if let Err(error) = set(socket, libc::SOL_SOCKET, libc::SO_RXQ_OVFL, 1) {
        tracing::debug!(%error, "the system does not tell what finds no room");
    }
}

/// Asks for datagrams that are never cut into fragments: larger ones are refused.
pub(super) fn forbid_fragments(socket: &UdpSocket, addr: SocketAddr) -> io::Result<()> {
    let (v4, v6) = (libc::IP_PMTUDISC_DO, libc::IPV6_PMTUDISC_DO);
    discover(socket, addr, v4, v6)
}

/// The same, whatever the path's MTU is known to be; asks for what becomes of datagrams, and in what fragments they come.
pub(super) fn probe_path(socket: &UdpSocket, addr: SocketAddr) -> io::Result<()> {
    let (v4, v6) = (libc::IP_PMTUDISC_PROBE, libc::IPV6_PMTUDISC_PROBE);
    discover(socket, addr, v4, v6)?;
    let (level, faults, fragments) = match addr {
        SocketAddr::V4(_) => (libc::IPPROTO_IP, libc::IP_RECVERR, libc::IP_RECVFRAGSIZE),
        SocketAddr::V6(_) => (
            libc::IPPROTO_IPV6,
            libc::IPV6_RECVERR,
            libc::IPV6_RECVFRAGSIZE,
        ),
    };
    set(socket, level, faults, 1)?;
    set(socket, level, fragments, 1)
}

fn discover(
    socket: &UdpSocket,
    addr: SocketAddr,
    v4: libc::c_int,
    v6: libc::c_int,
) -> io::Result<()> {
    match addr {
        SocketAddr::V4(_) => set(socket, libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, v4),
        SocketAddr::V6(_) => set(socket, libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, v6),
    }
}

/// What the system knows of the path's MTU, in bytes of an IP packet; the socket must be connected.
pub(super) fn path_mtu(socket: &UdpSocket, addr: SocketAddr) -> Option<usize> {
    let (level, option) = match addr {
        SocketAddr::V4(_) => (libc::IPPROTO_IP, libc::IP_MTU),
        SocketAddr::V6(_) => (libc::IPPROTO_IPV6, libc::IPV6_MTU),
    };
    let (mut mtu, mut length): (libc::c_int, _) = (0, size_of::<libc::c_int>() as libc::socklen_t);
    // SAFETY: the descriptor is open, and both pointers are to live values of the sizes that are said.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            level,
            option,
            ptr::from_mut(&mut mtu).cast(),
            &mut length,
        )
    };
    checked(result as isize).ok()?;
    usize::try_from(mtu).ok()
}

fn set(
    socket: &UdpSocket,
    level: libc::c_int,
    option: libc::c_int,
    value: libc::c_int,
) -> io::Result<()> {
    // SAFETY: the descriptor is open, and the value is an int that lives through the call.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            ptr::from_ref(&value).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    checked(result as isize).map(drop)
}

/// Ends a blocking receive: Linux wakes the readers of an unconnected UDP socket too, though it reports `ENOTCONN`.
pub(super) fn wake(socket: &UdpSocket) {
    // SAFETY: the descriptor is open; the call takes no memory.
    unsafe { libc::shutdown(socket.as_raw_fd(), libc::SHUT_RD) };
}

fn checked(result: isize) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

/// Buffers for one recvmmsg(2), and the headers that point to them.
pub(super) struct Batch {
    payloads: Vec<u8>,
    names: Vec<libc::sockaddr_storage>,
    controls: Vec<Control>,
    slices: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
    received: Vec<Received>,
    /// How many headers the system has written to since they were laid out.
    used: usize,
    /// Whether the system was asked to which address of ours each datagram was sent.
    has_destinations: bool,
    /// Whether the system puts datagrams together.
    bursts: bool,
    /// How many are asked for at the most, and whether so many came last.
    most: usize,
    is_full: bool,
    /// How many are asked for when nothing is waited for: looking for one more than there is takes time, too.
    at_once: usize,
}

// SAFETY: the raw pointers in `slices` and `headers` point to the other buffers of the same value, which are on the heap,
// are never resized and move with it.
unsafe impl Send for Batch {}

/// What the system wrote beside a payload.
#[derive(Clone, Copy, Default)]
struct Received {
    length: usize,
    /// The length of each of the datagrams that it was put together from.
    size: usize,
    from: Option<SocketAddr>,
    to: Option<IpAddr>,
    to_many: bool,
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").finish_non_exhaustive()
    }
}

impl Batch {
    /// Room for single datagrams.
    pub(super) fn new() -> Self {
        Self::of(BATCH)
    }

    /// Room for bursts.
    pub(super) fn of_bursts() -> Self {
        Self {
            bursts: true,
            ..Self::of(BURSTS)
        }
    }

    fn of(capacity: usize) -> Self {
        // SAFETY: all zeroes are a valid sockaddr_storage of no family, and a valid iovec and mmsghdr of nothing.
        let (name, slice, header) = unsafe { (zeroed(), zeroed(), zeroed()) };
        let mut batch = Self {
            payloads: vec![0; capacity * MAX_PAYLOAD],
            names: vec![name; capacity],
            controls: vec![Control([0; CONTROL]); capacity],
            slices: vec![slice; capacity],
            headers: vec![header; capacity],
            received: vec![Received::default(); capacity],
            used: 0,
            has_destinations: false,
            bursts: false,
            most: capacity,
            is_full: false,
            at_once: 1,
        };
        batch.lay_out();
        batch
    }

    /// Whether as many came as there was room for: there may be more.
    pub(super) fn is_full(&self) -> bool {
        self.is_full
    }

    /// Points every header to its buffers.
    fn lay_out(&mut self) {
        for (place, payload) in self.payloads.chunks_exact_mut(MAX_PAYLOAD).enumerate() {
            self.slices[place].iov_base = payload.as_mut_ptr().cast();
            self.slices[place].iov_len = payload.len();
            let header = &mut self.headers[place].msg_hdr;
            header.msg_name = ptr::from_mut(&mut self.names[place]).cast();
            header.msg_iov = &mut self.slices[place];
            header.msg_iovlen = 1;
            header.msg_control = self.controls[place].0.as_mut_ptr().cast();
        }
        self.used = self.headers.len();
    }

    pub(super) fn receive(
        &mut self,
        socket: &UdpSocket,
        has_destinations: bool,
        wait: Wait,
    ) -> io::Result<usize> {
        self.has_destinations = has_destinations;
        for header in &mut self.headers[..self.used] {
            header.msg_hdr.msg_namelen = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
            header.msg_hdr.msg_controllen = CONTROL;
        }
        self.used = 0;
        let (most, flags) = match wait {
            Wait::Block => (self.most, libc::MSG_WAITFORONE),
            Wait::Poll => (self.at_once, libc::MSG_DONTWAIT),
        };
        // SAFETY: every header points to buffers of `self`, with their true lengths, as laid out and restored above.
        let result = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                most as libc::c_uint,
                flags,
                ptr::null_mut(),
            )
        };
        let count = match checked(result as isize) {
            Err(error) if is_nothing(&error) => 0,
            result => result?,
        };
        self.used = count;
        self.at_once = if count == most { self.most } else { 1 };
        self.is_full = count == self.most;
        for place in 0..count {
            self.note(place);
        }
        if self.bursts && count > 0 {
            let bytes: usize = self.received[..count].iter().map(|one| one.length).sum();
            let fit = AT_ONCE * count / bytes.max(1);
            self.most = fit.clamp(LONG_BURSTS, BURSTS);
        }
        Ok(count)
    }

    /// Keeps what the system wrote into this header and the buffers that belong to it.
    fn note(&mut self, place: usize) {
        let header = &self.headers[place];
        let length = header.msg_len as usize;
        let mut received = Received {
            length,
            size: length,
            from: source(&self.names[place], header.msg_hdr.msg_namelen),
            ..Received::default()
        };
        if self.has_destinations || self.bursts {
            for control in controls(&header.msg_hdr) {
                match control {
                    Said::To(to, to_many) => (received.to, received.to_many) = (to, to_many),
                    Said::PacketSize(size) => received.size = size,
                    _ => {}
                }
            }
        }
        self.received[place] = received;
    }

    pub(super) fn dropped(&self) -> Option<u32> {
        let header = &self.headers[self.used.checked_sub(1)?].msg_hdr;
        let count = |said| match said {
            Said::Dropped(dropped) => Some(dropped),
            _ => None,
        };
        controls(header).find_map(count)
    }

    pub(super) fn get(&self, place: usize) -> Option<Datagram<'_>> {
        let received = self.received.get(place)?;
        let start = place * MAX_PAYLOAD;
        Some(Datagram {
            from: received.from?,
            to: received.to,
            to_many: received.to_many,
            payload: &self.payloads[start..start + received.length],
            told: Told(Some(&self.headers[place].msg_hdr)),
        })
    }

    /// The length of each of the datagrams that this one was put together from; the last may be shorter.
    pub(super) fn size(&self, place: usize) -> usize {
        self.received.get(place).map_or(0, |received| received.size)
    }
}

/// What the system wrote about a datagram, as it is.
#[derive(Clone, Copy, Default)]
pub(super) struct Told<'a>(Option<&'a libc::msghdr>);

impl fmt::Debug for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Told").finish_non_exhaustive()
    }
}

impl Told<'_> {
    fn find<T>(&self, wanted: impl Fn(Said) -> Option<T>) -> Option<T> {
        controls(self.0?).find_map(wanted)
    }

    pub(super) fn came(&self) -> Option<Stamp> {
        self.find(|said| match said {
            Said::Stamp(stamp) => Some(stamp),
            _ => None,
        })
    }

    pub(super) fn service(&self) -> Option<u8> {
        self.find(|said| match said {
            Said::Service(service) => Some(service),
            _ => None,
        })
    }

    pub(super) fn fragment(&self) -> Option<u32> {
        self.find(|said| match said {
            Said::Fragment(longest) => Some(longest),
            _ => None,
        })
    }

    pub(super) fn ttl(&self) -> Option<u8> {
        self.find(|said| match said {
            Said::Ttl(ttl) => Some(ttl),
            _ => None,
        })
    }
}

pub(super) fn is_nothing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}

/// The next stamp of a datagram that was sent, with its number among those for which one was asked; `None` when there is
/// none (yet).
pub(super) fn sent_stamp(socket: &UdpSocket) -> Option<(u32, Stamp)> {
    from_error_queue(socket, |header| {
        let (mut number, mut stamp) = (None, None);
        for said in controls(header) {
            match said {
                Said::Stamp(at) => stamp = Some(at),
                Said::Number(of) => number = Some(of),
                _ => {}
            }
        }
        number.zip(stamp)
    })
}

/// The next fault of a datagram that was sent; `None` when there is none.
pub(super) fn next_fault(socket: &UdpSocket) -> Option<Fault> {
    from_error_queue(socket, |header| {
        controls(header).find_map(|said| match said {
            Said::Fault(fault) => Some(fault),
            _ => None,
        })
    })
}

/// Takes messages from the socket's error queue until one of them is what is looked for, or there are no more.
fn from_error_queue<T>(socket: &UdpSocket, read: impl Fn(&libc::msghdr) -> Option<T>) -> Option<T> {
    let mut control = Control([0; CONTROL]);
    // SAFETY: all zeroes are a valid msghdr.
    let mut header: libc::msghdr = unsafe { zeroed() };
    header.msg_control = control.0.as_mut_ptr().cast();
    let flags = libc::MSG_ERRQUEUE | libc::MSG_DONTWAIT;
    loop {
        header.msg_controllen = CONTROL;
        // SAFETY: the header points to the control buffer alone, which outlives the call, with its true length.
        let result = unsafe { libc::recvmsg(socket.as_raw_fd(), &mut header, flags) };
        checked(result).ok()?;
        if let Some(found) = read(&header) {
            return Some(found);
        }
    }
}

/// The sender; `None` where the system wrote none, as when a wait was ended.
fn source(name: &libc::sockaddr_storage, length: libc::socklen_t) -> Option<SocketAddr> {
    let address = ptr::from_ref(name);
    match libc::c_int::from(name.ss_family) {
        libc::AF_INET if length as usize >= size_of::<libc::sockaddr_in>() => {
            // SAFETY: the family says that this is what the storage holds, and it is large and aligned enough.
            let v4 = unsafe { &*address.cast::<libc::sockaddr_in>() };
            let ip = Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr));
            Some(SocketAddr::from((ip, u16::from_be(v4.sin_port))))
        }
        libc::AF_INET6 if length as usize >= size_of::<libc::sockaddr_in6>() => {
            // SAFETY: as above.
            let v6 = unsafe { &*address.cast::<libc::sockaddr_in6>() };
            let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
            let port = u16::from_be(v6.sin6_port);
            Some(SocketAddrV6::new(ip, port, v6.sin6_flowinfo, v6.sin6_scope_id).into())
        }
        _ => None,
    }
}

/// What a control message says.
enum Said {
    /// The address of ours that the datagram was sent to, and whether it was sent to many.
    To(Option<IpAddr>, bool),
    /// When the datagram came or left.
    Stamp(Stamp),
    /// Its type of service.
    Service(u8),
    /// Its time to live or hop limit.
    Ttl(u8),
    /// How many datagrams did not fit so far.
    Dropped(u32),
    /// Which of the datagrams that were to be stamped on sending it is.
    Number(u32),
    /// The size of the packets that it was put together from.
    PacketSize(usize),
    /// The longest of the fragments that it came in.
    Fragment(u32),
    /// What is wrong with a datagram that was sent.
    Fault(Fault),
    Other,
}

/// What the control messages of a header that recvmmsg filled in say.
fn controls(header: &libc::msghdr) -> impl Iterator<Item = Said> {
    // SAFETY: the header's control buffer was filled by recvmmsg and is alive; CMSG_FIRSTHDR checks its length.
    let mut next = unsafe { libc::CMSG_FIRSTHDR(header) };
    std::iter::from_fn(move || {
        // SAFETY: null or a control message header within the buffer.
        let control = unsafe { next.as_ref() }?;
        let said = said(control);
        // SAFETY: `next` is a header within the buffer; CMSG_NXTHDR gives the one after it, or null.
        next = unsafe { libc::CMSG_NXTHDR(header, next) };
        Some(said)
    })
}

/// What the error queue says of a datagram that was sent, and the host that said so, if one did.
#[derive(Clone, Copy)]
#[repr(C)]
struct FromV4 {
    error: libc::sock_extended_err,
    host: libc::sockaddr_in,
}

/// The same.
#[derive(Clone, Copy)]
#[repr(C)]
struct FromV6 {
    error: libc::sock_extended_err,
    host: libc::sockaddr_in6,
}

fn of_sent(error: libc::sock_extended_err, host: IpAddr) -> Said {
    let by = match error.ee_origin {
        libc::SO_EE_ORIGIN_TIMESTAMPING => return Said::Number(error.ee_data),
        libc::SO_EE_ORIGIN_LOCAL => None,
        _ => Some(host),
    };
    let errno = error.ee_errno.cast_signed();
    Said::Fault(Fault {
        reason: io::Error::from_raw_os_error(errno),
        mtu: (errno == libc::EMSGSIZE).then_some(error.ee_info),
        by,
    })
}

fn said(control: &libc::cmsghdr) -> Said {
    match (control.cmsg_level, control.cmsg_type) {
        (libc::IPPROTO_IP, libc::IP_PKTINFO) => data(control).map(sent_to_v4),
        (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => data(control).map(sent_to_v6),
        (libc::SOL_SOCKET, libc::SO_TIMESTAMPING) => data(control).and_then(stamped),
        (libc::SOL_SOCKET, libc::SO_TIMESTAMPNS) => data(control).map(|at: libc::timespec| {
            let (at, clock) = (nanos(at), StampClock::Kernel);
            Said::Stamp(Stamp { at, clock })
        }),
        (libc::SOL_SOCKET, libc::SO_RXQ_OVFL) => data(control).map(Said::Dropped),
        (libc::SOL_UDP, libc::UDP_GRO) => {
            data(control).map(|size: libc::c_int| Said::PacketSize(size.max(1) as usize))
        }
        (libc::IPPROTO_IP, libc::IP_TOS) => data(control).map(Said::Service),
        (libc::IPPROTO_IPV6, libc::IPV6_TCLASS) => {
            data(control).map(|class: libc::c_int| Said::Service(class as u8))
        }
        (libc::IPPROTO_IP, libc::IP_RECVFRAGSIZE)
        | (libc::IPPROTO_IPV6, libc::IPV6_RECVFRAGSIZE) => {
            data(control).map(|longest: libc::c_int| Said::Fragment(longest.unsigned_abs()))
        }
        (libc::IPPROTO_IP, libc::IP_TTL) | (libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT) => {
            data(control).map(|hops: libc::c_int| Said::Ttl(hops as u8))
        }
        (libc::IPPROTO_IP, libc::IP_RECVERR) => data(control).map(|said: FromV4| {
            let ip = Ipv4Addr::from(u32::from_be(said.host.sin_addr.s_addr));
            of_sent(said.error, ip.into())
        }),
        (libc::IPPROTO_IPV6, libc::IPV6_RECVERR) => data(control).map(|said: FromV6| {
            let ip = Ipv6Addr::from(said.host.sin6_addr.s6_addr);
            of_sent(said.error, ip.into())
        }),
        _ => None,
    }
    .unwrap_or(Said::Other)
}

fn sent_to_v4(info: libc::in_pktinfo) -> Said {
    let ip = |address: libc::in_addr| Ipv4Addr::from(u32::from_be(address.s_addr));
    let (addressed, ours) = (ip(info.ipi_addr), ip(info.ipi_spec_dst));
    Said::To(Some(ours.into()), addressed != ours)
}

fn sent_to_v6(info: libc::in6_pktinfo) -> Said {
    let ip = Ipv6Addr::from(info.ipi6_addr.s6_addr);
    let to_many = ip.is_multicast();
    Said::To((!to_many).then_some(ip.into()), to_many)
}

fn nanos(at: libc::timespec) -> u64 {
    at.tv_sec.unsigned_abs() * 1_000_000_000 + at.tv_nsec.unsigned_abs()
}

/// The three stamps of `scm_timestamping`: by the kernel, unused, by the card; those not taken are zero.
fn stamped(stamps: [libc::timespec; 3]) -> Option<Said> {
    let of = |at, clock| (at != 0).then_some(Said::Stamp(Stamp { at, clock }));
    of(nanos(stamps[0]), StampClock::Kernel).or_else(|| of(nanos(stamps[2]), StampClock::Card))
}

/// The data of a control message in the kernel's buffer; `None` where it is too short. `T` must be a plain structure of
/// the C library, for which any bytes are valid.
fn data<T: Copy>(control: &libc::cmsghdr) -> Option<T> {
    let length = control.cmsg_len.checked_sub(size_of::<libc::cmsghdr>())?;
    (length >= size_of::<T>()).then(|| {
        // SAFETY: the data follows the header, in the same buffer, and is as long as was just checked; it may be
        // unaligned.
        unsafe { ptr::read_unaligned(libc::CMSG_DATA(control).cast()) }
    })
}

/// Sends one datagram; without `to` the socket must be connected. `stamped` asks for its time of sending.
pub(super) fn send(
    socket: &UdpSocket,
    payload: &[u8],
    to: Option<SocketAddr>,
    from: Option<IpAddr>,
    stamped: Option<StampClock>,
) -> io::Result<()> {
    match (to, from, stamped) {
        (Some(to), None, None) => return socket.send_to(payload, to).map(drop),
        (None, None, None) => return socket.send(payload).map(drop),
        _ => {}
    }
    let name = to.map(SockAddr::from);
    let mut slice = libc::iovec {
        iov_base: payload.as_ptr().cast_mut().cast(),
        iov_len: payload.len(),
    };
    let (mut control, length) = wishes(from, stamped);
    // SAFETY: all zeroes are a valid msghdr.
    let mut header: libc::msghdr = unsafe { zeroed() };
    if let Some(name) = &name {
        header.msg_name = name.as_ptr().cast_mut().cast();
        header.msg_namelen = name.len();
    }
    header.msg_iov = &mut slice;
    header.msg_iovlen = 1;
    header.msg_control = control.0.as_mut_ptr().cast();
    header.msg_controllen = length;
    // SAFETY: the header points to the name, the payload and the control buffer, all alive, with their true lengths;
    // sendmsg writes to none of them.
    let result = unsafe { libc::sendmsg(socket.as_raw_fd(), &header, 0) };
    checked(result).map(drop)
}

/// The control messages that ask for a stamp and for this source address, and how many bytes they take.
fn wishes(from: Option<IpAddr>, stamped: Option<StampClock>) -> (Control, usize) {
    let (mut control, mut length) = (Control([0; CONTROL]), 0);
    let flag = match stamped {
        None | Some(StampClock::Program) => None,
        Some(StampClock::Kernel) => Some(libc::SOF_TIMESTAMPING_TX_SOFTWARE),
        Some(StampClock::Card) => Some(libc::SOF_TIMESTAMPING_TX_HARDWARE),
    };
    if let Some(flag) = flag {
        let kind = (libc::SOL_SOCKET, libc::SO_TIMESTAMPING);
        put_control(&mut control, &mut length, kind, flag);
    }
    match from {
        None => {}
        Some(IpAddr::V4(ip)) => {
            // SAFETY: all zeroes are a valid in_pktinfo: no interface, no address.
            let mut info: libc::in_pktinfo = unsafe { zeroed() };
            info.ipi_spec_dst.s_addr = u32::from(ip).to_be();
            let kind = (libc::IPPROTO_IP, libc::IP_PKTINFO);
            put_control(&mut control, &mut length, kind, info);
        }
        Some(IpAddr::V6(ip)) => {
            // SAFETY: as above.
            let mut info: libc::in6_pktinfo = unsafe { zeroed() };
            info.ipi6_addr.s6_addr = ip.octets();
            let kind = (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO);
            put_control(&mut control, &mut length, kind, info);
        }
    }
    (control, length)
}

/// Puts a control message behind the first `length` bytes of the buffer, and its length to `length`.
fn put_control<T>(
    control: &mut Control,
    length: &mut usize,
    (level, kind): (libc::c_int, libc::c_int),
    data: T,
) {
    let size = size_of::<T>() as libc::c_uint;
    // SAFETY: CMSG_SPACE and CMSG_LEN only calculate.
    let (space, end) = unsafe {
        (
            libc::CMSG_SPACE(size) as usize,
            libc::CMSG_LEN(size) as usize,
        )
    };
    assert!(
        *length + space <= CONTROL,
        "there is room for all messages of a datagram"
    );
    // SAFETY: the assertion says that header and data fit behind `length`, which is a sum of CMSG_SPACEs and so aligned
    // for a cmsghdr, as the buffer is; CMSG_DATA points behind the header.
    unsafe {
        let message: *mut libc::cmsghdr = control.0.as_mut_ptr().add(*length).cast();
        (*message).cmsg_level = level;
        (*message).cmsg_type = kind;
        (*message).cmsg_len = end;
        ptr::write_unaligned(libc::CMSG_DATA(message).cast(), data);
    }
    *length += space;
}
