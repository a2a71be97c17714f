//! A TCP server on mio.

use std::convert::Infallible;
use std::io::{self, ErrorKind, Read, Write};

use anyhow::Result;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Registry, Token};

use super::READ_SIZE;
use super::slots::Slots;

const LISTENER: Token = Token(usize::MAX);

/// Waits for any connection to be ready, and goes through those that are.
pub(crate) fn serve(listener: std::net::TcpListener) -> Result<Infallible> {
    listener.set_nonblocking(true)?;
    let mut listener = TcpListener::from_std(listener);
    let mut poll = Poll::new()?;
    poll.registry()
        .register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut events = Events::with_capacity(1024);
    let mut connections = Slots::new();
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            match event.token() {
                LISTENER => accept(&listener, poll.registry(), &mut connections)?,
                Token(number) => echo(&mut connections, number),
            }
        }
    }
}

fn accept(
    listener: &TcpListener,
    registry: &Registry,
    connections: &mut Slots<Connection>,
) -> io::Result<()> {
    loop {
        let mut stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        stream.set_nodelay(true)?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        registry.register(&mut stream, Token(connections.next_number()), interest)?;
        let unsent = Vec::new();
        connections.insert(Connection { stream, unsent });
    }
}

fn echo(connections: &mut Slots<Connection>, number: usize) {
    let Some(connection) = connections.get_mut(number) else {
        return;
    };
    let lives = match connection.echo() {
        Ok(()) => false,
        Err(error) => error.kind() == ErrorKind::WouldBlock,
    };
    if !lives {
        connections.remove(number);
    }
}

struct Connection {
    stream: TcpStream,
    unsent: Vec<u8>,
}

impl Connection {
    /// Goes on until the stream ends (`Ok`), fails, or would block: then a new event says when to call this again.
    fn echo(&mut self) -> io::Result<()> {
        let mut buffer = [0; READ_SIZE];
        loop {
            while !self.unsent.is_empty() {
                let sent = self.stream.write(&self.unsent)?;
                self.unsent.drain(..sent);
            }
            let length = self.stream.read(&mut buffer)?;
            if length == 0 {
                return Ok(());
            }
            let sent = match self.stream.write(&buffer[..length]) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
                sent => sent?,
            };
            self.unsent.extend_from_slice(&buffer[sent..length]);
            if self.unsent.is_empty() && length < READ_SIZE {
                // A short read has emptied the stream, see epoll(7).
                return Err(ErrorKind::WouldBlock.into());
            }
        }
    }
}
