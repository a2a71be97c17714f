//! Runs of datagrams to many receivers: sendmmsg(2), with segmentation offload (udp(7)) for each run.

use std::io;
use std::mem::zeroed;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::slice;

use socket2::SockAddr;

use super::super::bursts::{Failure, Run};
use super::flow::{LONGEST, MESSAGES, SEGMENTS, SEGMENTS_BEFORE, is_not_segmented};
use super::{Control, checked, put_control, wishes};

/// The headers of one sendmmsg(2).
pub(in super::super) struct Out {
    names: Vec<SockAddr>,
    controls: Vec<Control>,
    slices: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
    filled: Vec<Message>,
    /// How many datagrams the system cuts a message into at the most, as far as is known.
    segments: usize,
}

/// What is sent as one: a run, or a part of one that is too long for the system.
struct Message {
    run: usize,
    to: SocketAddr,
    from: Option<IpAddr>,
    size: usize,
}

// SAFETY: the raw pointers in `headers` point into the other vectors of the same value, which are never resized and whose
// heap moves with it; those in `slices` are only followed during the call that set them.
unsafe impl Send for Out {}

impl Out {
    pub(in super::super) fn new() -> Self {
        // SAFETY: all zeroes are a valid iovec and mmsghdr of nothing.
        let (slice, header): (libc::iovec, libc::mmsghdr) = unsafe { (zeroed(), zeroed()) };
        let nobody = SockAddr::from(SocketAddr::from(([0; 4], 0)));
        let mut out = Self {
            names: vec![nobody; MESSAGES],
            controls: vec![Control([0; super::CONTROL]); MESSAGES],
            slices: vec![slice; MESSAGES],
            headers: vec![header; MESSAGES],
            filled: Vec::with_capacity(MESSAGES),
            segments: SEGMENTS,
        };
        for (place, header) in out.headers.iter_mut().enumerate() {
            let header = &mut header.msg_hdr;
            header.msg_name = out.names[place].as_ptr().cast_mut().cast();
            header.msg_iov = &mut out.slices[place];
            header.msg_iovlen = 1;
            header.msg_control = out.controls[place].0.as_mut_ptr().cast();
        }
        out
    }

    /// Sends these runs in order and says which of them failed.
    pub(in super::super) fn send<'a>(
        &mut self,
        socket: &UdpSocket,
        runs: impl Iterator<Item = Run<'a>>,
        failed: &mut impl FnMut(Failure),
    ) {
        let most = self.segments;
        let parts = |(number, run)| parts(run, most).map(move |part| (number, part));
        let mut messages = runs.enumerate().flat_map(parts);
        loop {
            self.filled.clear();
            for (number, message) in messages.by_ref().take(MESSAGES) {
                self.fill(number, &message);
            }
            if self.filled.is_empty() {
                return;
            }
            self.send_filled(socket, failed);
        }
    }

    fn fill(&mut self, run: usize, message: &Run<'_>) {
        let place = self.filled.len();
        let header = &mut self.headers[place].msg_hdr;
        self.names[place] = SockAddr::from(message.to);
        header.msg_namelen = self.names[place].len();
        self.slices[place].iov_base = message.datagrams.as_ptr().cast_mut().cast();
        self.slices[place].iov_len = message.datagrams.len();
        let mut length = 0;
        let control = &mut self.controls[place];
        if let Some(from) = message.from {
            (*control, length) = wishes(Some(from), None);
        }
        if message.datagrams.len() > message.size {
            let kind = (libc::SOL_UDP, libc::UDP_SEGMENT);
            put_control(control, &mut length, kind, message.size as u16);
        }
        header.msg_controllen = length;
        self.filled.push(Message {
            run,
            to: message.to,
            from: message.from,
            size: message.size,
        });
    }

    fn send_filled(&mut self, socket: &UdpSocket, failed: &mut impl FnMut(Failure)) {
        let mut sent = 0;
        while sent < self.filled.len() {
            match self.send_from(socket, sent) {
                Ok(messages) => sent += messages,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.send_apart(socket, sent, error, failed);
                    sent += 1;
                }
            }
        }
    }

    /// Sends what was filled in from this place on, as far as the system takes it at once.
    fn send_from(&mut self, socket: &UdpSocket, first: usize) -> io::Result<usize> {
        let headers = &mut self.headers[first..self.filled.len()];
        let descriptor = socket.as_raw_fd();
        // SAFETY: the headers point to names, controls and slices of `self` that were filled in for this call, and the
        // slices into runs that outlive it; the calls read them and write nothing but `msg_len`.
        unsafe {
            match headers {
                [one] => checked(libc::sendmsg(descriptor, &one.msg_hdr, 0)).map(|_| 1),
                many => {
                    let count = many.len() as libc::c_uint;
                    checked(libc::sendmmsg(descriptor, many.as_mut_ptr(), count, 0) as isize)
                }
            }
        }
    }

    /// The system refused this message: if it cannot be cut on its way out, its datagrams are sent one by one.
    fn send_apart(
        &mut self,
        socket: &UdpSocket,
        place: usize,
        error: io::Error,
        failed: &mut impl FnMut(Failure),
    ) {
        let (message, slice) = (&self.filled[place], &self.slices[place]);
        if slice.iov_len > message.size * SEGMENTS_BEFORE {
            self.segments = SEGMENTS_BEFORE;
        }
        // SAFETY: the slice was pointed into a run that outlives the call of `send` which this is a part of.
        let datagrams = unsafe {
            slice::from_raw_parts(slice.iov_base.cast_const().cast::<u8>(), slice.iov_len)
        };
        let failure = |bytes: usize, error| Failure {
            run: message.run,
            datagrams: bytes.div_ceil(message.size.max(1)).max(1),
            bytes,
            error,
        };
        if datagrams.len() <= message.size || !is_not_segmented(&error) {
            return failed(failure(datagrams.len(), error));
        }
        for datagram in datagrams.chunks(message.size) {
            let sent = super::send(socket, datagram, Some(message.to), message.from, None);
            if let Err(error) = sent {
                failed(failure(datagram.len(), error));
            }
        }
    }
}

/// A run in parts, each of which the system can be asked to cut.
fn parts(run: Run<'_>, segments: usize) -> impl Iterator<Item = Run<'_>> {
    let size = run.size.max(1);
    let most = size * (LONGEST / size).clamp(1, segments);
    let lone = run.datagrams.is_empty().then_some(run.datagrams);
    let parts = lone.into_iter().chain(run.datagrams.chunks(most));
    parts.map(move |datagrams| Run {
        size,
        datagrams,
        ..run
    })
}

#[cfg(test)]
mod tests {
    use super::super::set;
    use super::*;

    #[test]
    fn what_cannot_be_cut_on_its_way_out_goes_one_by_one() {
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        // Without checksums the system cuts nothing (EINVAL), as where a card cannot (EIO).
        set(&sender, libc::SOL_SOCKET, libc::SO_NO_CHECK, 1).unwrap();
        let run = |size, datagrams| Run {
            to: receiver.local_addr().unwrap(),
            from: None,
            size,
            datagrams,
        };
        let runs = [run(3, b"lone"), run(4, b"one two three"), run(1, b"4")];
        let mut failed = |failure: Failure| panic!("{failure:?}");
        Out::new().send(&sender, runs.into_iter(), &mut failed);
        let mut buffer = [0; 100];
        for expected in ["lon", "e", "one ", "two ", "thre", "e", "4"] {
            let length = receiver.recv(&mut buffer).unwrap();
            assert_eq!(&buffer[..length], expected.as_bytes());
        }
    }
}
