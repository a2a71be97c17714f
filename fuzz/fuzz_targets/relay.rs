//! The message relay: nothing with the shape of a reply is ever taken for a request, and what can be written is
//! exactly what would be read again as the same.
#![no_main]

use std::net::SocketAddr;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use proto::relay::{EncodeError, Incoming, MAX_DATAGRAM, Message, Reply, Status, is_answer};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    peer: SocketAddr,
    /// A datagram, and the content of a message and of a delivery.
    text: &'a [u8],
}

fuzz_target!(|input: Input<'_>| {
    let Input { peer, text } = input;
    incoming(text);
    reply(text);
    let unscoped = SocketAddr::new(peer.ip(), peer.port());
    for to in [peer, unscoped] {
        message(to, text);
        address(to);
    }
    delivery(unscoped, text);
    for length in [MAX_DATAGRAM, MAX_DATAGRAM + 1] {
        message(unscoped, &filled(text, message_header(unscoped), length));
        delivery(unscoped, &filled(text, delivery_header(unscoped), length));
    }
});

/// The text with as much behind it as makes a datagram of this length.
fn filled(text: &[u8], header: String, length: usize) -> Vec<u8> {
    let mut content = text.to_vec();
    content.resize(length - header.len(), b'x');
    content
}

fn incoming(datagram: &[u8]) {
    let answer = is_answer(datagram);
    match Incoming::decode(datagram) {
        Incoming::Answer => assert!(answer),
        Incoming::TooLong => assert!(!answer && datagram.len() > MAX_DATAGRAM),
        Incoming::Hello => assert!(datagram.eq_ignore_ascii_case(b"hii")),
        Incoming::ExitServer => assert_eq!(datagram, b"exit server"),
        Incoming::Rejected(status) => assert_ne!(status, Status::Sent),
        Incoming::Message(message) => {
            let mut out = Vec::new();
            match message.encode(&mut out) {
                Ok(()) => assert_eq!(Incoming::decode(&out), Incoming::Message(message)),
                // White space may be left out of what was read, never of what is written.
                Err(error) => assert!(matches!(error, EncodeError::TooLong(_)), "{error}"),
            }
        }
    }
}

fn reply(datagram: &[u8]) {
    let Some(reply) = Reply::decode(datagram) else {
        return;
    };
    assert_eq!(Incoming::decode(datagram), Incoming::Answer);
    let mut out = Vec::new();
    match reply.encode(&mut out) {
        Ok(()) => assert_eq!(Reply::decode(&out), Some(reply)),
        Err(error) => assert!(matches!(error, EncodeError::TooLong(_)), "{error}"),
    }
}

/// A message is refused where the relay would not read the same from it, and nowhere else.
fn message(to: SocketAddr, content: &[u8]) {
    let message = Message { to, content };
    let wire = [message_header(to).as_bytes(), content].concat();
    let readable = Incoming::decode(&wire) == Incoming::Message(message);
    let mut out = b"before".to_vec();
    let encoded = message.encode(&mut out);
    assert_eq!(encoded.is_ok(), readable, "{encoded:?}");
    check_out(&out, encoded, &wire);
}

fn delivery(from: SocketAddr, content: &[u8]) {
    let delivery = Reply::Delivery { from, content };
    let wire = [delivery_header(from).as_bytes(), content].concat();
    assert!(is_answer(&wire));
    let readable = Reply::decode(&wire) == Some(delivery);
    let mut out = b"before".to_vec();
    let encoded = delivery.encode(&mut out);
    assert_eq!(encoded.is_ok(), readable, "{encoded:?}");
    check_out(&out, encoded, &wire);
}

fn address(peer: SocketAddr) {
    let mut out = Vec::new();
    let encoded = Reply::Address(peer).encode(&mut out);
    assert_eq!(encoded, Ok(()));
    assert_eq!(Reply::decode(&out), Some(Reply::Address(peer)));
}

fn check_out(out: &[u8], encoded: Result<(), EncodeError>, wire: &[u8]) {
    let appended = if encoded.is_ok() { wire } else { b"" };
    assert_eq!(out, [b"before", appended].concat());
}

fn message_header(to: SocketAddr) -> String {
    format!("to : {} / {} ; content : ", bracketed(to), to.port())
}

fn delivery_header(from: SocketAddr) -> String {
    format!("{}/{} ; content : ", bracketed(from), from.port())
}

fn bracketed(peer: SocketAddr) -> String {
    match peer {
        SocketAddr::V4(v4) => v4.ip().to_string(),
        SocketAddr::V6(v6) => format!("[{}]", v6.ip()),
    }
}
