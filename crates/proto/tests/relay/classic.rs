//! A client that knows only the classic wire: it says hello now and then, and texts, and hopes.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use proto::relay::{HELLO, Message, Reply};

/// The client.
#[derive(Default)]
pub(crate) struct Classic {
    next_hello: Duration,
    /// The texts that it said, and to which peer.
    said: Vec<(usize, Vec<u8>)>,
    /// The texts that came, and from where.
    pub(crate) heard: BTreeSet<(SocketAddr, Vec<u8>)>,
}

impl Classic {
    pub(crate) fn at() -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 100], 7000))
    }

    /// How a message with this number reads on the classic wire.
    pub(crate) fn text(number: usize) -> Vec<u8> {
        format!("message {number}").into_bytes()
    }

    pub(crate) fn deadline(&self) -> Duration {
        self.next_hello
    }

    /// What it says now.
    pub(crate) fn hello(&mut self, now: Duration) -> Option<&'static [u8]> {
        let is_due = now >= self.next_hello;
        self.next_hello += Duration::from_secs(if is_due { 5 } else { 0 });
        is_due.then_some(HELLO.as_bytes())
    }

    /// The datagram that says something to this peer.
    pub(crate) fn say(&mut self, peer: usize, to: SocketAddr) -> Vec<u8> {
        let content = format!("text {} for {peer}", self.said.len()).into_bytes();
        let mut wire = Vec::new();
        let message = Message {
            to,
            content: &content,
        };
        message.encode(&mut wire).expect("it can be said");
        self.said.push((peer, content));
        wire
    }

    /// Whether it has said this to the peer.
    pub(crate) fn has_said(&self, peer: usize, content: &[u8]) -> bool {
        let is_it = |said: &&(usize, Vec<u8>)| said.0 == peer && said.1 == content;
        self.said.iter().any(|said| is_it(&said))
    }

    pub(crate) fn receives(&mut self, datagram: &[u8]) {
        match Reply::decode(datagram).expect("a reply") {
            Reply::Address(at) => assert_eq!(at, Self::at()),
            Reply::Status(_) => {}
            Reply::Delivery { from, content } => {
                self.heard.insert((from, content.to_vec()));
            }
        }
    }
}
