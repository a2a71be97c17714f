//! Peers that do not listen, listen slowly, or break off, and those beside them.

use std::io::{ErrorKind, Write};
use std::net::TcpStream;
use std::time::Duration;

use socket2::SockRef;

use super::{connect, end, ends_in_order, exchange, hear, serve};

const ROUNDS: usize = 50;

/// A peer that says more than it hears.
struct Talker {
    stream: TcpStream,
    said: usize,
    heard: usize,
}

impl Talker {
    fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            said: 0,
            heard: 0,
        }
    }

    /// Says as much as the system takes at once, up to 1 MiB.
    fn say(&mut self) {
        const BLOCK: usize = 65_536;
        self.stream.set_nonblocking(true).unwrap();
        for _ in 0..16 {
            match self.stream.write(&letters(self.said, BLOCK)) {
                Ok(length) => self.said += length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => panic!("after {} bytes: {error}", self.said),
            }
        }
        self.stream.set_nonblocking(false).unwrap();
    }

    fn hear_a_byte(&mut self) {
        let answer = letters(self.heard, 1).to_ascii_uppercase();
        hear(&mut self.stream, &answer);
        self.heard += 1;
    }

    /// Hears the rest: all that it said is answered, however late it listens.
    fn end(self) {
        let answer = letters(self.heard, self.said - self.heard).to_ascii_uppercase();
        assert!(end(self.stream) == answer, "{} bytes said", self.said);
    }
}

/// So many bytes of the alphabet over and over again, from this place on.
fn letters(from: usize, length: usize) -> Vec<u8> {
    (b'a'..=b'z').cycle().skip(from % 26).take(length).collect()
}

/// Breaks off while the server still answers.
fn reset(mut stream: TcpStream) {
    exchange(&mut stream, "i am here", "I AM HERE");
    stream.write_all(&letters(0, 10_000)).unwrap();
    let socket = SockRef::from(&stream);
    socket.set_linger(Some(Duration::ZERO)).unwrap();
}

#[test]
fn who_does_not_listen_delays_nobody_else() {
    let server = serve(&[]);
    let [mut deaf, mut slow] = [(); 2].map(|()| Talker::new(connect(&server)));
    let mut others: Vec<_> = (0..10).map(|_| connect(&server)).collect();
    for round in 0..ROUNDS {
        deaf.say();
        slow.say();
        slow.hear_a_byte();
        reset(connect(&server));
        for (number, other) in others.iter_mut().enumerate() {
            let words = format!("round {round} of {number}");
            exchange(other, &words, words.to_uppercase());
        }
    }
    deaf.end();
    slow.end();
    let connections = 2 + ROUNDS + others.len();
    drop(others);
    ends_in_order(server, connections as u64);
}
