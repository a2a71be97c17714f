//! A client that throws away what it reads, and the hidden subcommand that is one.
//!
//! The kernel drops the bytes without copying them (MSG_TRUNC, tcp(7)), so that it is the server that is measured.

use std::io::{Read, Write};
use std::net::{SocketAddrV4, TcpStream};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use mio::{Events, Interest, Poll, Token};
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv};

/// The most that is thrown away at once, in bytes.
const AT_ONCE: usize = 4 << 20;

/// The longest head of an answer.
const LONGEST_HEAD: usize = 4096;

/// Asks for a file again and again, and throws it away.
#[derive(clap::Args)]
pub(crate) struct Args {
    server: SocketAddrV4,

    #[arg(long)]
    path: String,

    /// Its length in bytes
    #[arg(long)]
    length: u64,

    #[arg(long)]
    connections: u32,

    #[arg(long)]
    seconds: u32,
}

/// Prints how many MiB came each second.
pub(crate) fn run(args: &Args) -> Result<()> {
    let rate = read_and_drop(args)?;
    println_rate(rate)
}

fn println_rate(rate: f64) -> Result<()> {
    Ok(writeln!(std::io::stdout().lock(), "{rate}")?)
}

/// A connection, and how much of an answer is still to come.
struct Reader {
    stream: mio::net::TcpStream,
    left: u64,
}

fn read_and_drop(args: &Args) -> Result<f64> {
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\n\r\n",
        args.path, args.server
    );
    let mut poll = Poll::new()?;
    let mut readers = Vec::new();
    for number in 0..args.connections as usize {
        let stream = TcpStream::connect(args.server).context("cannot connect")?;
        stream.set_nonblocking(true)?;
        let mut stream = mio::net::TcpStream::from_std(stream);
        poll.registry()
            .register(&mut stream, Token(number), Interest::READABLE)?;
        stream.write_all(request.as_bytes())?;
        readers.push(Reader { stream, left: 0 });
    }
    let (began, mut bytes) = (Instant::now(), 0);
    let duration = Duration::from_secs(args.seconds.into());
    let mut room = vec![0; AT_ONCE];
    let mut events = Events::with_capacity(1024);
    while began.elapsed() < duration {
        poll.poll(&mut events, Some(Duration::from_millis(100)))?;
        for event in &events {
            let reader = &mut readers[event.token().0];
            bytes += reader.go_on(&mut room, request.as_bytes(), args.length)?;
        }
    }
    ensure!(bytes > 0, "nothing came");
    Ok(bytes as f64 / f64::from(1 << 20) / began.elapsed().as_secs_f64())
}

impl Reader {
    /// Reads until nothing is left for now, and says how many bytes of content that were.
    fn go_on(&mut self, room: &mut [u8], request: &[u8], length: u64) -> Result<u64> {
        let mut dropped = 0;
        loop {
            if self.left == 0 {
                let Some(rest) = self.head(length)? else {
                    return Ok(dropped);
                };
                self.left = rest;
            }
            let most = usize::try_from(self.left)?.min(room.len());
            match recv(
                self.stream.as_raw_fd(),
                &mut room[..most],
                MsgFlags::MSG_TRUNC,
            ) {
                Err(Errno::EAGAIN) => return Ok(dropped),
                Err(Errno::EINTR) => {}
                Ok(0) => bail!("the server closed a connection"),
                Ok(count) => {
                    dropped += count as u64;
                    self.left -= count as u64;
                }
                Err(error) => return Err(error.into()),
            }
            if self.left == 0 {
                self.stream.write_all(request)?;
            }
        }
    }

    /// Reads the head of an answer, and says how much of the content is still to come.
    fn head(&mut self, length: u64) -> Result<Option<u64>> {
        let mut head = [0; LONGEST_HEAD];
        let mut read = match self.stream.peek(&mut head) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(None),
            read => read?,
        };
        ensure!(read > 0, "the server closed a connection");
        let end = head[..read]
            .windows(4)
            .position(|bytes| bytes == b"\r\n\r\n");
        let Some(end) = end else {
            ensure!(read < LONGEST_HEAD, "expected a shorter head");
            return Ok(None);
        };
        read = end + 4;
        self.stream.read_exact(&mut head[..read])?;
        let text = std::str::from_utf8(&head[..read])?.to_ascii_lowercase();
        ensure!(
            text.starts_with("http/1.1 200 ")
                && text.contains(&format!("content-length: {length}\r\n")),
            "expected the whole file, got {text:?}"
        );
        Ok(Some(length))
    }
}
