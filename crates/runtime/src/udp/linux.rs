//! Receiving and sending on Linux: many datagrams a system call, with the address that each was sent to.
//!
//! The one file with `unsafe` in it: recvmmsg(2) and control messages (cmsg(3)) have no safe form that hands out
//! borrowed payloads and survives control messages of changing length.
#![expect(
    unsafe_code,
    reason = "recvmmsg and control messages are reached through raw pointers"
)]

use std::fmt;
use std::io;
use std::mem::{size_of, zeroed};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};
use std::os::fd::AsRawFd;
use std::ptr;
use std::time::{Duration, SystemTime};

use socket2::SockAddr;

use super::{Datagram, MAX_PAYLOAD};

/// Datagrams taken by one call.
pub(super) const BATCH: usize = 32;

/// Room for the control messages of a datagram: an `in6_pktinfo` (16 bytes of header and 20 of data, aligned) and a
/// `timespec` (16 and 16).
const CONTROL: usize = 128;

/// A buffer aligned as control messages need it.
#[derive(Clone, Copy)]
#[repr(align(8))]
struct Control([u8; CONTROL]);

/// Asks for the time at which the kernel got each datagram and, where the socket has more than one address, for the one
/// that it was sent to.
pub(super) fn prepare(socket: &UdpSocket, addr: SocketAddr) -> io::Result<()> {
    let (level, option) = match addr {
        SocketAddr::V4(_) => (libc::IPPROTO_IP, libc::IP_PKTINFO),
        SocketAddr::V6(_) => (libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO),
    };
    if addr.ip().is_unspecified() {
        switch_on(socket, level, option)?;
    }
    switch_on(socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS)
}

fn switch_on(socket: &UdpSocket, level: libc::c_int, option: libc::c_int) -> io::Result<()> {
    let on: libc::c_int = 1;
    // SAFETY: the descriptor is open, and the value is an int that lives through the call.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            ptr::from_ref(&on).cast(),
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

/// Buffers for one recvmmsg(2).
pub(super) struct Batch {
    payloads: Vec<u8>,
    names: Box<[libc::sockaddr_storage; BATCH]>,
    controls: Box<[Control; BATCH]>,
    received: [Received; BATCH],
    /// When the kernel got the first.
    first_came: Option<SystemTime>,
}

/// What the system wrote beside a payload.
#[derive(Clone, Copy)]
struct Received {
    length: usize,
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
    pub(super) fn new() -> Self {
        let nothing = Received {
            length: 0,
            from: None,
            to: None,
            to_many: false,
        };
        Self {
            payloads: vec![0; BATCH * MAX_PAYLOAD],
            // SAFETY: all zeroes are a valid sockaddr_storage, of no family.
            names: Box::new(unsafe { zeroed() }),
            controls: Box::new([Control([0; CONTROL]); BATCH]),
            received: [nothing; BATCH],
            first_came: None,
        }
    }

    pub(super) fn receive(&mut self, socket: &UdpSocket) -> io::Result<usize> {
        // SAFETY: all zeroes are a valid mmsghdr and a valid iovec, of nothing.
        let (mut headers, mut slices): ([libc::mmsghdr; BATCH], [libc::iovec; BATCH]) =
            unsafe { (zeroed(), zeroed()) };
        for (place, payload) in self.payloads.chunks_exact_mut(MAX_PAYLOAD).enumerate() {
            slices[place].iov_base = payload.as_mut_ptr().cast();
            slices[place].iov_len = payload.len();
            let header = &mut headers[place].msg_hdr;
            header.msg_name = ptr::from_mut(&mut self.names[place]).cast();
            header.msg_namelen = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
            header.msg_iov = &mut slices[place];
            header.msg_iovlen = 1;
            header.msg_control = self.controls[place].0.as_mut_ptr().cast();
            header.msg_controllen = CONTROL;
        }
        // SAFETY: every header points to buffers above or in `self` that outlive the call, with their true lengths.
        let result = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                headers.as_mut_ptr(),
                BATCH as libc::c_uint,
                libc::MSG_WAITFORONE,
                ptr::null_mut(),
            )
        };
        let count = match checked(result as isize) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            result => result?,
        };
        self.first_came = None;
        for (place, header) in headers.iter().enumerate().take(count) {
            self.note(place, header);
        }
        Ok(count)
    }

    /// Keeps what the system wrote into this header and the buffers that belong to it.
    fn note(&mut self, place: usize, header: &libc::mmsghdr) {
        let mut received = Received {
            length: header.msg_len as usize,
            from: source(&self.names[place], header.msg_hdr.msg_namelen),
            to: None,
            to_many: false,
        };
        for control in controls(&header.msg_hdr) {
            match control {
                Said::To(to, to_many) => (received.to, received.to_many) = (to, to_many),
                Said::Came(at) if place == 0 => self.first_came = Some(at),
                Said::Came(_) | Said::Other => {}
            }
        }
        self.received[place] = received;
    }

    pub(super) fn waited(&self) -> Option<Duration> {
        // A clock that was set back since then says nothing.
        SystemTime::now().duration_since(self.first_came?).ok()
    }

    pub(super) fn get(&self, place: usize) -> Option<Datagram<'_>> {
        let received = self.received.get(place)?;
        let start = place * MAX_PAYLOAD;
        Some(Datagram {
            from: received.from?,
            to: received.to,
            to_many: received.to_many,
            payload: &self.payloads[start..start + received.length],
        })
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
    /// When the kernel got it.
    Came(SystemTime),
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

fn said(control: &libc::cmsghdr) -> Said {
    match (control.cmsg_level, control.cmsg_type) {
        (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
            let ip = |address: libc::in_addr| Ipv4Addr::from(u32::from_be(address.s_addr));
            data(control).map_or(Said::Other, |info: libc::in_pktinfo| {
                let (addressed, ours) = (ip(info.ipi_addr), ip(info.ipi_spec_dst));
                Said::To(Some(ours.into()), addressed != ours)
            })
        }
        (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
            data(control).map_or(Said::Other, |info: libc::in6_pktinfo| {
                let ip = Ipv6Addr::from(info.ipi6_addr.s6_addr);
                let to_many = ip.is_multicast();
                Said::To((!to_many).then_some(ip.into()), to_many)
            })
        }
        (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) => {
            data(control).map_or(Said::Other, |at: libc::timespec| {
                let since = Duration::new(at.tv_sec.unsigned_abs(), at.tv_nsec as u32);
                Said::Came(SystemTime::UNIX_EPOCH + since)
            })
        }
        _ => Said::Other,
    }
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

pub(super) fn send(
    socket: &UdpSocket,
    payload: &[u8],
    to: SocketAddr,
    from: Option<IpAddr>,
) -> io::Result<()> {
    let Some(from) = from else {
        return socket.send_to(payload, to).map(drop);
    };
    let name = SockAddr::from(to);
    let mut slice = libc::iovec {
        iov_base: payload.as_ptr().cast_mut().cast(),
        iov_len: payload.len(),
    };
    let mut control = Control([0; CONTROL]);
    // SAFETY: all zeroes are a valid msghdr.
    let mut header: libc::msghdr = unsafe { zeroed() };
    header.msg_name = name.as_ptr().cast_mut().cast();
    header.msg_namelen = name.len();
    header.msg_iov = &mut slice;
    header.msg_iovlen = 1;
    header.msg_control = control.0.as_mut_ptr().cast();
    header.msg_controllen = CONTROL;
    match from {
        IpAddr::V4(ip) => {
            // SAFETY: all zeroes are a valid in_pktinfo: no interface, no address.
            let mut info: libc::in_pktinfo = unsafe { zeroed() };
            info.ipi_spec_dst.s_addr = u32::from(ip).to_be();
            put_control(&mut header, libc::IPPROTO_IP, libc::IP_PKTINFO, info);
        }
        IpAddr::V6(ip) => {
            // SAFETY: as above.
            let mut info: libc::in6_pktinfo = unsafe { zeroed() };
            info.ipi6_addr.s6_addr = ip.octets();
            put_control(&mut header, libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, info);
        }
    }
    // SAFETY: the header points to the name, the payload and the control buffer, all alive, with their true lengths;
    // sendmsg writes to none of them.
    let result = unsafe { libc::sendmsg(socket.as_raw_fd(), &header, 0) };
    checked(result).map(drop)
}

/// Makes this the one control message of the header, whose control buffer has [`CONTROL`] bytes.
fn put_control<T>(header: &mut libc::msghdr, level: libc::c_int, kind: libc::c_int, data: T) {
    const { assert!(size_of::<libc::cmsghdr>() + size_of::<T>() + 8 <= CONTROL) };
    let length = size_of::<T>() as libc::c_uint;
    // SAFETY: the control buffer has CONTROL bytes, aligned for a cmsghdr, and the assertion says that header and data
    // fit; CMSG_FIRSTHDR gives its start.
    unsafe {
        let first = libc::CMSG_FIRSTHDR(header);
        (*first).cmsg_level = level;
        (*first).cmsg_type = kind;
        (*first).cmsg_len = libc::CMSG_LEN(length) as usize;
        ptr::write_unaligned(libc::CMSG_DATA(first).cast(), data);
        header.msg_controllen = libc::CMSG_SPACE(length) as usize;
    }
}
