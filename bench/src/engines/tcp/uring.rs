//! A TCP server on io_uring.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::net::TcpListener;
use std::os::fd::{AsRawFd, OwnedFd};

use anyhow::Result;
use socket2::SockRef;

use super::slots::Slots;
use crate::engines::uring::{Buffer, Event, Received, Ring};

/// As many as there are connections with a request in flight, or more.
const BUFFERS: u16 = 1024;

/// A request to accept and one per connection to receive, which stay, and a request to send for each that came in.
pub(crate) fn serve(listener: &TcpListener) -> Result<Infallible> {
    let mut server = Server {
        ring: Ring::new(BUFFERS)?,
        connections: Slots::new(),
    };
    server.ring.accept_all(listener.as_raw_fd())?;
    let mut events = Vec::new();
    loop {
        server.ring.wait(&mut events)?;
        for event in events.drain(..) {
            match event {
                Event::Accepted { stream, stays } => {
                    server.accepted(stream?)?;
                    if !stays {
                        server.ring.accept_all(listener.as_raw_fd())?;
                    }
                }
                Event::Received { token, what, stays } => server.received(token, what, stays)?,
                Event::Sent {
                    token,
                    buffer,
                    result,
                } => server.sent(token, buffer, result)?,
            }
        }
    }
}

struct Server {
    ring: Ring,
    connections: Slots<Connection>,
}

/// A connection; it goes once nothing more will be received and no request to send is under way, for the kernel would
/// report to its number.
struct Connection {
    stream: OwnedFd,
    receiving: bool,
    sending: bool,
    unsent: VecDeque<(Buffer, usize)>,
}

impl Server {
    fn accepted(&mut self, stream: OwnedFd) -> io::Result<()> {
        SockRef::from(&stream).set_tcp_nodelay(true)?;
        let token = self.connections.next_number() as u32;
        self.ring.receive_all(stream.as_raw_fd(), token)?;
        self.connections.insert(Connection {
            stream,
            receiving: true,
            sending: false,
            unsent: VecDeque::new(),
        });
        Ok(())
    }

    fn received(&mut self, token: u32, what: io::Result<Received>, stays: bool) -> io::Result<()> {
        let Some(connection) = self.connections.get_mut(token as usize) else {
            return Ok(());
        };
        let more = match what {
            Ok(Received::Bytes(buffer, length)) if length > 0 => {
                connection.unsent.push_back((buffer, length));
                true
            }
            Ok(Received::Bytes(buffer, _)) => {
                self.ring.recycle(buffer);
                false
            }
            Ok(Received::NoBuffer) => true,
            Ok(Received::End) | Err(_) => false,
        };
        connection.receiving = more;
        if more && !stays {
            self.ring
                .receive_all(connection.stream.as_raw_fd(), token)?;
        }
        self.go_on(token)
    }

    fn sent(&mut self, token: u32, buffer: Buffer, result: io::Result<usize>) -> io::Result<()> {
        self.ring.recycle(buffer);
        if let Some(connection) = self.connections.get_mut(token as usize) {
            connection.sending = false;
            if result.is_err() {
                // The request to receive will report the end as well.
                let unsent = connection.unsent.drain(..);
                unsent.for_each(|(buffer, _)| self.ring.recycle(buffer));
            }
        }
        self.go_on(token)
    }

    /// Sends what came in next, one buffer at a time so that the order is kept; or lets go of the connection.
    fn go_on(&mut self, token: u32) -> io::Result<()> {
        let Some(connection) = self.connections.get_mut(token as usize) else {
            return Ok(());
        };
        if connection.sending {
            return Ok(());
        }
        if let Some((buffer, length)) = connection.unsent.pop_front() {
            connection.sending = true;
            return self
                .ring
                .send(connection.stream.as_raw_fd(), token, buffer, length);
        }
        if !connection.receiving {
            self.connections.remove(token as usize);
        }
        Ok(())
    }
}
