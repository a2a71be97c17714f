//! The reference: one thread on epoll, and nothing that an echo can do without.

use std::convert::Infallible;
use std::io::{self, ErrorKind, Read, Write};

use anyhow::Result;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Registry, Token};

use super::super::truth::{ENQUIRY, Tally};
use crate::engines::tcp::slots::Slots;

const LISTENER: Token = Token(usize::MAX);

/// How many bytes it takes from a connection at once; all connections share one buffer.
const READ_SIZE: usize = 64 << 10;

/// Waits for any connection to be ready, and goes through those that are.
pub(super) fn serve(listener: std::net::TcpListener, tally: &Tally) -> Result<Infallible> {
    listener.set_nonblocking(true)?;
    let mut listener = TcpListener::from_std(listener);
    let mut poll = Poll::new()?;
    poll.registry()
        .register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut events = Events::with_capacity(1024);
    let mut connections = Slots::new();
    let mut buffer = vec![0; READ_SIZE];
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            match event.token() {
                LISTENER => accept(&listener, poll.registry(), &mut connections)?,
                Token(number) => echo(&mut connections, number, &mut buffer, tally),
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

fn echo(connections: &mut Slots<Connection>, number: usize, buffer: &mut [u8], tally: &Tally) {
    let Some(connection) = connections.get_mut(number) else {
        return;
    };
    let lives = match connection.echo(buffer, tally) {
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
    fn echo(&mut self, buffer: &mut [u8], tally: &Tally) -> io::Result<()> {
        loop {
            while !self.unsent.is_empty() {
                let sent = self.stream.write(&self.unsent)?;
                self.unsent.drain(..sent);
            }
            let length = self.stream.read(buffer)?;
            match &mut buffer[..length] {
                [] => return Ok(()),
                [ENQUIRY] => return self.stream.write_all(&tally.tell()),
                answer => self.send(answer, tally)?,
            }
            if self.unsent.is_empty() && length < buffer.len() {
                // A short read has emptied the stream, see epoll(7).
                return Err(ErrorKind::WouldBlock.into());
            }
        }
    }

    fn send(&mut self, answer: &mut [u8], tally: &Tally) -> io::Result<()> {
        answer.make_ascii_uppercase();
        tally.answered(answer.len());
        let sent = match self.stream.write(answer) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            sent => sent?,
        };
        self.unsent.extend_from_slice(&answer[sent..]);
        Ok(())
    }
}
