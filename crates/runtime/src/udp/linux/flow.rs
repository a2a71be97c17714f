//! Many packets of one flow at once: sendmmsg(2) and recvmmsg(2), with segmentation and receive offload (udp(7)).

use std::io;
use std::mem::{size_of, zeroed};
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::ptr;

use super::super::{MAX_PAYLOAD, Wait};
use super::{Said, checked, controls, is_nothing, set};

/// Datagrams that one system call sends or receives at the most.
pub(in super::super) const MESSAGES: usize = 64;

/// Segments that the system cuts a datagram into at the most: 128 from Linux 6.9 on (`UDP_MAX_SEGMENTS`), 64 before.
pub(super) const SEGMENTS: usize = 128;
pub(super) const SEGMENTS_BEFORE: usize = 64;

/// The longest datagram that is cut into segments, IPv6 included.
pub(super) const LONGEST: usize = 65_487;

/// Datagrams received by one call where each may be made of many packets, and where it is one.
const BUNDLES: usize = 4;

/// Room for what the system says of a bundle: the size of its packets and a count of drops, each with a header of 16.
const CONTROL: usize = 64;

/// Whether the system can have two sockets on one port, and gives each datagram to the one that is connected to its
/// sender.
pub(in super::super) const SHARES_PORTS: bool = true;

/// Lets later sockets of this process have the same port. What comes from a peer to whom one of them is connected goes
/// there; all else, also while it is not connected yet, comes here.
pub(in super::super) fn share_port(
    socket: &UdpSocket,
    again: impl FnOnce() -> io::Result<UdpSocket>,
) -> io::Result<()> {
    set(socket, libc::SOL_SOCKET, libc::SO_REUSEPORT, 1)?;
    // A group of sockets begins with a second one; the first to join it stays its number 0.
    let second = again()?;
    let always_first = libc::sock_filter {
        code: (libc::BPF_RET | libc::BPF_K) as u16,
        jt: 0,
        jf: 0,
        k: 0,
    };
    let program = libc::sock_fprog {
        len: 1,
        filter: ptr::from_ref(&always_first).cast_mut(),
    };
    // SAFETY: the descriptor is open; the program and its one instruction live through the call, which copies them.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_REUSEPORT_CBPF,
            ptr::from_ref(&program).cast(),
            size_of::<libc::sock_fprog>() as libc::socklen_t,
        )
    };
    drop(second);
    checked(result as isize).map(drop)
}

/// Gives a socket room for what comes while its thread is not running, beyond what the system grants to everyone
/// (`net.core.rmem_max`); that takes the capability CAP_NET_ADMIN.
pub(in super::super) fn enlarge(socket: &UdpSocket, bytes: usize) -> io::Result<()> {
    set(
        socket,
        libc::SOL_SOCKET,
        libc::SO_RCVBUFFORCE,
        bytes as libc::c_int,
    )
}

/// Has the system put packets together before it hands them out.
pub(in super::super) fn set_receive_offload(socket: &UdpSocket, wanted: bool) -> io::Result<()> {
    set(socket, libc::SOL_UDP, libc::UDP_GRO, i32::from(wanted))
}

/// Whether the system can cut what is sent into packets of this size. It is asked to with each call, since not all that
/// a flow sends is of one size.
pub(in super::super) fn can_send_offloaded(socket: &UdpSocket, size: usize) -> bool {
    let segment = |size| {
        set(
            socket,
            libc::SOL_UDP,
            libc::UDP_SEGMENT,
            size as libc::c_int,
        )
    };
    segment(size).and_then(|()| segment(0)).is_ok()
}

/// Whether an error says that the way out cannot cut packets apart.
pub(in super::super) fn is_not_segmented(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EIO | libc::EINVAL))
}

/// The headers of one sendmmsg(2).
pub(in super::super) struct Out {
    slices: Box<[libc::iovec; MESSAGES]>,
    headers: Box<[libc::mmsghdr; MESSAGES]>,
    segments: usize,
    /// Says into what a message is to be cut, and how long that is to say.
    control: Box<super::Control>,
    length: usize,
    /// The size of a segment that `control` says.
    size: usize,
}

// SAFETY: the raw pointers in `headers` point to `slices` and `control`, which are on the heap and move with it; those in
// `slices` are only followed during the call that set them.
unsafe impl Send for Out {}

impl Out {
    pub(in super::super) fn new() -> Self {
        // SAFETY: all zeroes are a valid iovec and mmsghdr of nothing.
        let (slices, headers) = unsafe { (zeroed(), zeroed()) };
        let mut out = Self {
            slices: Box::new(slices),
            headers: Box::new(headers),
            segments: SEGMENTS,
            control: Box::new(super::Control([0; super::CONTROL])),
            length: 0,
            size: 0,
        };
        for (slice, header) in out.slices.iter_mut().zip(&mut *out.headers) {
            header.msg_hdr.msg_iov = slice;
            header.msg_hdr.msg_iovlen = 1;
        }
        out
    }

    /// Sends packets of this size, which lie one behind the other, to whom the socket is connected to; says how many
    /// were sent. `segmented` says whether the system cuts them apart.
    pub(in super::super) fn send(
        &mut self,
        socket: &UdpSocket,
        packets: &[u8],
        size: usize,
        segmented: bool,
    ) -> io::Result<usize> {
        let at_once = match segmented {
            true => size * (LONGEST / size).clamp(1, self.segments),
            false => size,
        };
        self.cut_into(if segmented { size } else { 0 });
        let mut count = 0;
        for (slice, message) in self.slices.iter_mut().zip(packets.chunks(at_once)) {
            slice.iov_base = message.as_ptr().cast_mut().cast();
            slice.iov_len = message.len();
            count += 1;
        }
        // SAFETY: the first `count` headers point to slices that were just pointed into `packets`, which outlives the
        // call; sendmmsg reads them and writes nothing but `msg_len`.
        let result =
            unsafe { libc::sendmmsg(socket.as_raw_fd(), self.headers.as_mut_ptr(), count, 0) };
        match checked(result as isize) {
            Ok(messages) => Ok(packets.len().min(messages * at_once).div_ceil(size)),
            Err(error) if segmented && self.can_do_with_fewer(&error) => {
                self.send(socket, packets, size, segmented)
            }
            Err(error) => Err(error),
        }
    }

    /// Has each message say the size of its segments; 0 where it is not to be cut.
    fn cut_into(&mut self, size: usize) {
        if self.size == size {
            return;
        }
        (self.size, self.length) = (size, 0);
        if size > 0 {
            let kind = (libc::SOL_UDP, libc::UDP_SEGMENT);
            super::put_control(&mut self.control, &mut self.length, kind, size as u16);
        }
        for header in &mut *self.headers {
            header.msg_hdr.msg_control = self.control.0.as_mut_ptr().cast();
            header.msg_hdr.msg_controllen = self.length;
        }
    }

    fn can_do_with_fewer(&mut self, error: &io::Error) -> bool {
        let too_many = error.raw_os_error() == Some(libc::EINVAL) && self.segments == SEGMENTS;
        if too_many {
            self.segments = SEGMENTS_BEFORE;
        }
        too_many
    }
}

/// A buffer aligned as control messages need it.
#[derive(Clone, Copy)]
#[repr(align(8))]
struct Control([u8; CONTROL]);

/// Room for what one recvmmsg(2) receives, and the headers that point to it.
pub(in super::super) struct Room {
    payloads: Vec<u8>,
    stride: usize,
    controls: Vec<Control>,
    slices: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
    /// How long each bundle is, and each of its packets.
    received: Vec<(usize, usize)>,
    dropped: Option<u32>,
}

// SAFETY: the raw pointers in `slices` and `headers` point into the other vectors of the same value, which are never
// resized and whose heap moves with it.
unsafe impl Send for Room {}

impl Room {
    /// Room for packets up to this size; `coalesced` says whether the system puts them together.
    pub(in super::super) fn new(size: usize, coalesced: bool) -> Self {
        let (bundles, stride) = match coalesced {
            true => (BUNDLES, MAX_PAYLOAD),
            false => (MESSAGES, size),
        };
        // SAFETY: all zeroes are a valid iovec and mmsghdr of nothing.
        let (slice, header): (libc::iovec, libc::mmsghdr) = unsafe { (zeroed(), zeroed()) };
        let mut room = Self {
            payloads: vec![0; bundles * stride],
            stride,
            controls: vec![Control([0; CONTROL]); bundles],
            slices: vec![slice; bundles],
            headers: vec![header; bundles],
            received: Vec::with_capacity(bundles),
            dropped: None,
        };
        for (place, payload) in room.payloads.chunks_exact_mut(stride).enumerate() {
            room.slices[place].iov_base = payload.as_mut_ptr().cast();
            room.slices[place].iov_len = payload.len();
            let header = &mut room.headers[place].msg_hdr;
            header.msg_iov = &mut room.slices[place];
            header.msg_iovlen = 1;
            header.msg_control = room.controls[place].0.as_mut_ptr().cast();
            header.msg_controllen = CONTROL;
        }
        room
    }

    /// Receives what is there from whom the socket is connected to, and says how many bundles that are.
    pub(in super::super) fn receive(
        &mut self,
        socket: &UdpSocket,
        wait: Wait,
    ) -> io::Result<usize> {
        for (header, _) in self.headers.iter_mut().zip(&self.received) {
            header.msg_hdr.msg_controllen = CONTROL;
        }
        self.received.clear();
        let flags = match wait {
            Wait::Block => libc::MSG_WAITFORONE,
            Wait::Poll => libc::MSG_DONTWAIT,
        };
        // SAFETY: every header points to buffers of `self`, with their true lengths, as laid out and restored above.
        let result = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                self.headers.len() as libc::c_uint,
                flags,
                ptr::null_mut(),
            )
        };
        let count = match checked(result as isize) {
            Err(error) if is_nothing(&error) => 0,
            result => result?,
        };
        for place in 0..count {
            self.note(place);
        }
        Ok(count)
    }

    fn note(&mut self, place: usize) {
        let header = &self.headers[place];
        let length = (header.msg_len as usize).min(self.stride);
        let mut size = length;
        for said in controls(&header.msg_hdr) {
            match said {
                Said::PacketSize(of) => size = of,
                Said::Dropped(dropped) => self.dropped = Some(dropped),
                _ => {}
            }
        }
        self.received.push((length, size.max(1)));
    }

    /// The bundle at this place and the size of its packets, of which the last may be shorter.
    pub(in super::super) fn get(&mut self, place: usize) -> Option<(&mut [u8], usize)> {
        let (length, size) = *self.received.get(place)?;
        let start = place * self.stride;
        Some((&mut self.payloads[start..start + length], size))
    }

    /// How many datagrams had found no room in the socket's queue when the last of these came, modulo 2³².
    pub(in super::super) fn dropped(&self) -> Option<u32> {
        self.dropped
    }
}
