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

use socket2::SockAddr;

use super::{Datagram, MAX_PAYLOAD};

/// Datagrams taken by one call.
const BATCH: usize = 32;

/// Room for one `in6_pktinfo` control message, the larger of the two: 16 bytes of header and 20 of data, aligned.
const CONTROL: usize = 64;

/// A buffer aligned as control messages need it.
#[derive(Clone, Copy)]
#[repr(align(8))]
struct Control([u8; CONTROL]);

/// Asks for the destination address of every datagram.
pub(super) fn prepare(socket: &UdpSocket, addr: SocketAddr) -> io::Result<()> {
    let (level, option) = match addr {
        SocketAddr::V4(_) => (libc::IPPROTO_IP, libc::IP_PKTINFO),
        SocketAddr::V6(_) => (libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO),
    };
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
        for (place, header) in headers.iter().enumerate().take(count) {
            let (to, to_many) = destination(&header.msg_hdr);
            self.received[place] = Received {
                length: header.msg_len as usize,
                from: source(&self.names[place], header.msg_hdr.msg_namelen),
                to,
                to_many,
            };
        }
        Ok(count)
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

/// The address of ours that the datagram was sent to, and whether it was sent to many.
fn destination(header: &libc::msghdr) -> (Option<IpAddr>, bool) {
    // SAFETY: the header's control buffer was filled by recvmmsg and is alive; CMSG_FIRSTHDR checks its length.
    let first = unsafe { libc::CMSG_FIRSTHDR(header) };
    // SAFETY: null or a control message header within the buffer.
    let Some(control) = (unsafe { first.as_ref() }) else {
        return (None, false);
    };
    let length = control.cmsg_len.saturating_sub(size_of::<libc::cmsghdr>());
    // SAFETY: the data follows the header; it is read below only where its length says that it is there.
    let data = unsafe { libc::CMSG_DATA(first) };
    match (control.cmsg_level, control.cmsg_type) {
        (libc::IPPROTO_IP, libc::IP_PKTINFO) if length >= size_of::<libc::in_pktinfo>() => {
            // SAFETY: level, type and length say that this is an in_pktinfo; it may be unaligned.
            let info: libc::in_pktinfo = unsafe { ptr::read_unaligned(data.cast()) };
            let ip = |address: libc::in_addr| Ipv4Addr::from(u32::from_be(address.s_addr));
            let (addressed, ours) = (ip(info.ipi_addr), ip(info.ipi_spec_dst));
            (Some(ours.into()), addressed != ours)
        }
        (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) if length >= size_of::<libc::in6_pktinfo>() => {
            // SAFETY: as above, an in6_pktinfo.
            let info: libc::in6_pktinfo = unsafe { ptr::read_unaligned(data.cast()) };
            let ip = Ipv6Addr::from(info.ipi6_addr.s6_addr);
            let to_many = ip.is_multicast();
            ((!to_many).then_some(ip.into()), to_many)
        }
        _ => (None, false),
    }
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
