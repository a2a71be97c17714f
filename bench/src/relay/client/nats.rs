//! Clients of a NATS server, as raw as can be: the text of its protocol, nothing checked but what is delivered.

use std::net::{SocketAddrV4, TcpStream};

use anyhow::{Result, ensure};

use super::streams::{Delivery, Streams, ask, connect};

const CONNECT: &str = "CONNECT {\"verbose\":false,\"pedantic\":false,\"protocol\":1}\r\n";
const PING: &[u8] = b"PING\r\n";
const PONG: &[u8] = b"PONG\r\n";

/// A publisher, and so many subscribers.
pub(super) fn streams(
    server: SocketAddrV4,
    content: &[u8],
    at_once: u64,
    members: usize,
) -> Result<Streams> {
    let subscribers = (0..members).map(|_| connected(server, "SUB t 1\r\n"));
    let subscribers = subscribers.collect::<Result<_>>()?;
    let length = content.len();
    let message = said(format!("PUB t {length}\r\n"), content);
    let delivery = Delivery {
        bytes: said(format!("MSG t 1 {length}\r\n"), content),
        number_at: None,
        ignored: PING,
    };
    let cycle = message.repeat(usize::try_from(at_once)?);
    let publisher = connected(server, "")?;
    let cycle = (cycle, message.len());
    Ok(Streams::new(publisher, subscribers, cycle, delivery))
}

fn said(head: String, content: &[u8]) -> Vec<u8> {
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(content);
    bytes.extend_from_slice(b"\r\n");
    bytes
}

/// A connection that the server knows, and has taken these words on.
pub(in crate::relay) fn connected(server: SocketAddrV4, words: &str) -> Result<TcpStream> {
    let mut stream = connect(server)?;
    // What it says of itself first is of any length.
    while ask(&mut stream, b"", 1)? != b"\n" {}
    let words = [CONNECT.as_bytes(), words.as_bytes(), PING].concat();
    let answer = ask(&mut stream, &words, PONG.len())?;
    ensure!(answer == PONG, "the server refuses a client");
    Ok(stream)
}
