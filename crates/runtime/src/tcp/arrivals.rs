//! Connections one after the other, for a program that gives each a thread of its own.

use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use mio::{Events, Interest, Poll, Token, Waker};

use super::listen::{Listener, blocking, is_of_one};
use crate::shutdown::Shutdown;

const WAKER: Token = Token(usize::MAX);

/// Waits on listeners for whoever connects.
#[derive(Debug)]
pub struct Arrivals {
    listeners: Vec<Listener>,
    /// Those that may have more than was taken from them: readiness is told once.
    ready: VecDeque<usize>,
    poll: Poll,
    events: Events,
    shutdown: Shutdown,
    /// Kept until the end: what wakes the wait is forgotten when the waker is closed before it was seen.
    _waker: Arc<Waker>,
}

impl Arrivals {
    /// On these listeners, until `shutdown` is triggered.
    ///
    /// # Errors
    /// When the system cannot tell which of them are ready.
    pub fn new(mut listeners: Vec<Listener>, shutdown: &Shutdown) -> io::Result<Self> {
        let poll = Poll::new()?;
        for (place, listener) in listeners.iter_mut().enumerate() {
            let registry = poll.registry();
            registry.register(&mut listener.inner, Token(place), Interest::READABLE)?;
        }
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        let woken = Arc::clone(&waker);
        shutdown.on_trigger(move || {
            if let Err(error) = woken.wake() {
                tracing::warn!(%error, "who waits for connections is not woken");
            }
        });
        Ok(Self {
            listeners,
            ready: VecDeque::new(),
            poll,
            events: Events::with_capacity(16),
            shutdown: shutdown.clone(),
            _waker: waker,
        })
    }

    /// The next connection, whose stream blocks; `None` once `shutdown` was triggered.
    ///
    /// # Errors
    /// Those of the system, such as too few descriptors: wait a moment before the next call.
    pub fn accept(&mut self) -> io::Result<Option<(TcpStream, SocketAddr)>> {
        while !self.shutdown.is_triggered() {
            let Some(place) = self.ready.front().copied() else {
                self.wait()?;
                continue;
            };
            match self.listeners[place].accept() {
                Ok((stream, peer)) => return Ok(Some((blocking(stream)?, peer))),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.ready.pop_front();
                }
                Err(error) if is_of_one(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    fn wait(&mut self) -> io::Result<()> {
        match self.poll.poll(&mut self.events, None) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            waited => waited?,
        }
        let places = self.events.iter().map(mio::event::Event::token);
        let places = places.filter(|token| *token != WAKER);
        self.ready.extend(places.map(|token| token.0));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::thread;

    use super::*;

    fn listeners() -> Vec<Listener> {
        let binds = [
            "127.0.0.1:0".parse().unwrap(),
            "127.0.0.1:0".parse().unwrap(),
        ];
        Listener::bind_all(&binds, 1).unwrap()
    }

    #[test]
    fn whoever_connects_comes_whichever_listener_it_was() {
        let listeners = listeners();
        let addrs: Vec<_> = listeners.iter().map(Listener::local_addr).collect();
        let mut arrivals = Arrivals::new(listeners, &Shutdown::new()).unwrap();
        let to = [0, 0, 1, 0, 1].map(|place| addrs[place]);
        let mut clients = to.map(|addr| TcpStream::connect(addr).unwrap());
        for _ in &clients {
            let (mut stream, _) = arrivals.accept().unwrap().unwrap();
            stream.write_all(b"x").unwrap();
        }
        for client in &mut clients {
            let mut byte = [0];
            client.read_exact(&mut byte).unwrap();
        }
    }

    #[test]
    fn shutdown_ends_the_wait() {
        // Before the wait, as it begins, and in it.
        for _ in 0..100 {
            let shutdown = Shutdown::new();
            let mut arrivals = Arrivals::new(listeners(), &shutdown).unwrap();
            let waiting = thread::spawn(move || arrivals.accept().unwrap().is_none());
            shutdown.trigger();
            assert!(waiting.join().unwrap());
        }
    }
}
