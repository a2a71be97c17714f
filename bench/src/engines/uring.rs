//! What the io_uring servers share: a ring with a pool of buffers that the kernel picks from when it receives.
//!
//! Everything unsafe about io_uring is here. What makes it sound: the memory that the kernel is told of is leaked, so
//! it outlives every request, and a [`Buffer`] is a buffer that the kernel has handed over. It cannot be copied, and is
//! given up to send from it or to [recycle](Ring::recycle) it.

use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU16, Ordering};

use anyhow::{Context, Result};
use io_uring::types::{BufRingEntry, Fd, RecvMsgOut};
use io_uring::{IoUring, cqueue, opcode, squeue};
use nix::errno::Errno;
use nix::libc;

use super::mmsg::DATAGRAM_ROOM;

const REQUESTS: u32 = 1024;
const COMPLETIONS: u32 = 4096;
const GROUP: u16 = 0;
const PAGE: usize = 4096;

/// A ring for one thread.
pub(crate) struct Ring {
    uring: IoUring,
    pool: Pool,
    // What a received datagram comes with, as the kernel wants to be told.
    template: &'static libc::msghdr,
}

/// A buffer of the pool that is ours for now.
pub(crate) struct Buffer(u16);

/// Something has come to pass.
pub(crate) enum Event {
    /// A connection has been accepted.
    Accepted {
        stream: io::Result<OwnedFd>,
        stays: bool,
    },
    /// A request to receive has something to say. One that no longer `stays` has to be made anew for more.
    Received {
        token: u32,
        what: io::Result<Received>,
        stays: bool,
    },
    /// A request to send is over.
    Sent {
        token: u32,
        buffer: Buffer,
        result: io::Result<usize>,
    },
}

/// What a request to receive says.
pub(crate) enum Received {
    /// So many bytes lie in this buffer.
    Bytes(Buffer, usize),
    /// All buffers are in use.
    NoBuffer,
    /// The stream has ended.
    End,
}

#[derive(Clone, Copy)]
enum Request {
    Accept,
    Receive { token: u32 },
    Send { token: u32, buffer: u16 },
}

impl Request {
    fn to_user_data(self) -> u64 {
        match self {
            Self::Accept => 0,
            Self::Receive { token } => 1 << 48 | u64::from(token),
            Self::Send { token, buffer } => 2 << 48 | u64::from(buffer) << 32 | u64::from(token),
        }
    }

    fn from_user_data(data: u64) -> Self {
        let token = data as u32;
        match data >> 48 {
            0 => Self::Accept,
            1 => Self::Receive { token },
            _ => Self::Send {
                token,
                buffer: (data >> 32) as u16,
            },
        }
    }
}

impl Ring {
    /// A ring with this many buffers, which is a power of two.
    pub(crate) fn new(buffers: u16) -> Result<Self> {
        let uring = IoUring::builder()
            .setup_single_issuer()
            .setup_coop_taskrun()
            .setup_defer_taskrun()
            .setup_cqsize(COMPLETIONS)
            .build(REQUESTS)
            .context("cannot make an io_uring (it takes Linux 6.1, and may be switched off)")?;
        let pool = Pool::register(&uring, buffers).context("cannot register buffers")?;
        let template = Box::leak(Box::new(datagram_template()));
        Ok(Self {
            uring,
            pool,
            template,
        })
    }

    /// Whether there can be a ring here.
    pub(crate) fn probe() -> Result<()> {
        Self::new(1).map(drop)
    }

    /// Asks for every connection that comes.
    pub(crate) fn accept_all(&mut self, listener: RawFd) -> io::Result<()> {
        let flags = libc::SOCK_CLOEXEC;
        let entry = opcode::AcceptMulti::new(Fd(listener)).flags(flags).build();
        self.push(entry, Request::Accept)
    }

    /// Asks for all that a stream receives; events of it carry the token.
    pub(crate) fn receive_all(&mut self, stream: RawFd, token: u32) -> io::Result<()> {
        let entry = opcode::RecvMulti::new(Fd(stream), GROUP).build();
        self.push(entry, Request::Receive { token })
    }

    /// Asks for every datagram that a socket receives.
    pub(crate) fn receive_datagrams(&mut self, socket: RawFd) -> io::Result<()> {
        let entry = opcode::RecvMsgMulti::new(Fd(socket), self.template, GROUP).build();
        self.push(entry, Request::Receive { token: 0 })
    }

    /// Sends the first bytes of the buffer to a stream.
    pub(crate) fn send(
        &mut self,
        stream: RawFd,
        token: u32,
        buffer: Buffer,
        length: usize,
    ) -> io::Result<()> {
        let bytes = &self.pool.bytes(&buffer)[..length];
        let entry = opcode::Send::new(Fd(stream), bytes.as_ptr(), length as u32)
            .flags(libc::MSG_WAITALL)
            .build();
        self.push(
            entry,
            Request::Send {
                token,
                buffer: buffer.0,
            },
        )
    }

    /// Sends the datagram that was received into the buffer to where it came from.
    pub(crate) fn send_back(&mut self, socket: RawFd, buffer: Buffer, length: usize) -> Result<()> {
        let bytes = &self.pool.bytes(&buffer)[..length];
        let datagram = RecvMsgOut::parse(bytes, self.template)
            .ok()
            .context("the kernel delivered a datagram without its header")?;
        let (name, payload) = (datagram.name_data(), datagram.payload_data());
        let entry = opcode::Send::new(Fd(socket), payload.as_ptr(), payload.len() as u32)
            .dest_addr(name.as_ptr().cast())
            .dest_addr_len(name.len() as u32)
            .build();
        let request = Request::Send {
            token: 0,
            buffer: buffer.0,
        };
        Ok(self.push(entry, request)?)
    }

    /// Lets the kernel fill the buffer again.
    pub(crate) fn recycle(&mut self, buffer: Buffer) {
        self.pool.give(buffer);
    }

    /// Hands all requests to the kernel, waits until something has come to pass, and appends what has.
    pub(crate) fn wait(&mut self, events: &mut Vec<Event>) -> io::Result<()> {
        self.uring.submit_and_wait(1)?;
        events.extend(self.uring.completion().map(|entry| event_of(&entry)));
        Ok(())
    }

    #[expect(
        unsafe_code,
        reason = "the crate cannot tell what memory an entry speaks of"
    )]
    fn push(&mut self, entry: squeue::Entry, request: Request) -> io::Result<()> {
        let entry = entry.user_data(request.to_user_data());
        loop {
            // SAFETY: entries are made in this file only, and speak of nothing but the template and the pool's memory,
            // both leaked. What is sent from is a `Buffer` that was given up for it.
            if unsafe { self.uring.submission().push(&entry) }.is_ok() {
                return Ok(());
            }
            self.uring.submit()?;
        }
    }
}

#[expect(
    unsafe_code,
    reason = "the kernel reports a new descriptor as a number"
)]
fn event_of(entry: &cqueue::Entry) -> Event {
    let result = match entry.result() {
        error if error < 0 => Err(io::Error::from_raw_os_error(-error)),
        number => Ok(number),
    };
    let stays = cqueue::more(entry.flags());
    match Request::from_user_data(entry.user_data()) {
        Request::Accept => {
            // SAFETY: the result of a request to accept is a descriptor that nobody else knows of yet.
            let stream = result.map(|fd| unsafe { OwnedFd::from_raw_fd(fd) });
            Event::Accepted { stream, stays }
        }
        Request::Receive { token } => {
            let buffer = cqueue::buffer_select(entry.flags()).map(Buffer);
            let what = match (result, buffer) {
                (Ok(length), Some(buffer)) => Ok(Received::Bytes(buffer, length as usize)),
                (Ok(_), None) => Ok(Received::End),
                (Err(error), _) if error.raw_os_error() == Some(Errno::ENOBUFS as i32) => {
                    Ok(Received::NoBuffer)
                }
                (Err(error), _) => Err(error),
            };
            Event::Received { token, what, stays }
        }
        Request::Send { token, buffer } => Event::Sent {
            token,
            buffer: Buffer(buffer),
            result: result.map(|length| length as usize),
        },
    }
}

#[expect(unsafe_code, reason = "a C structure without a constructor")]
fn datagram_template() -> libc::msghdr {
    // SAFETY: all fields of `msghdr` are numbers and pointers, for which zero is a value.
    let mut template: libc::msghdr = unsafe { std::mem::zeroed() };
    template.msg_namelen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
    template
}

/// Buffers in memory that is never freed, and the ring in which the kernel finds those that it may fill.
struct Pool {
    bytes: NonNull<u8>,
    entries: NonNull<BufRingEntry>,
    count: u16,
    tail: u16,
}

#[repr(C, align(4096))]
#[derive(Clone, Copy)]
struct Page([u8; PAGE]);

impl Pool {
    #[expect(unsafe_code, reason = "the kernel gets an address to keep")]
    fn register(uring: &IoUring, count: u16) -> io::Result<Self> {
        let length = usize::from(count);
        let mut pool = Self {
            bytes: leak_pages(length * DATAGRAM_ROOM).cast(),
            entries: leak_pages(length * size_of::<BufRingEntry>()).cast(),
            count,
            tail: 0,
        };
        let address = pool.entries.as_ptr() as u64;
        // SAFETY: `address` is page-aligned memory for `count` entries, and is never freed.
        unsafe {
            uring
                .submitter()
                .register_buf_ring_with_flags(address, count, GROUP, 0)
        }?;
        (0..count).for_each(|id| pool.give(Buffer(id)));
        Ok(pool)
    }

    #[expect(unsafe_code, reason = "memory shared with the kernel")]
    fn bytes(&self, buffer: &Buffer) -> &[u8] {
        let start = usize::from(buffer.0 % self.count) * DATAGRAM_ROOM;
        // SAFETY: the range lies within the pool, whose memory is initialised and never freed. Nobody writes to it: the
        // kernel has handed this buffer over, and gets it back only in exchange for the `Buffer` borrowed here.
        unsafe { std::slice::from_raw_parts(self.bytes.as_ptr().add(start), DATAGRAM_ROOM) }
    }

    #[expect(unsafe_code, reason = "memory shared with the kernel")]
    fn give(&mut self, buffer: Buffer) {
        let address = self.bytes(&buffer).as_ptr() as u64;
        // SAFETY: the index is below `count`. The kernel reads only entries before the tail, which this one is not yet;
        // the field of the first entry that holds the tail is not touched by the setters.
        let entry = unsafe {
            &mut *self
                .entries
                .as_ptr()
                .add(usize::from(self.tail % self.count))
        };
        entry.set_addr(address);
        entry.set_len(DATAGRAM_ROOM as u32);
        entry.set_bid(buffer.0);
        self.tail = self.tail.wrapping_add(1);
        // SAFETY: `entries` is the start of the ring, where the tail lies, aligned and shared with the kernel, which
        // only reads it.
        let tail =
            unsafe { AtomicU16::from_ptr(BufRingEntry::tail(self.entries.as_ptr()).cast_mut()) };
        tail.store(self.tail, Ordering::Release);
    }
}

fn leak_pages(bytes: usize) -> NonNull<Page> {
    let pages = vec![Page([0; PAGE]); bytes.div_ceil(PAGE)];
    NonNull::from(Box::leak(pages.into_boxed_slice())).cast()
}
