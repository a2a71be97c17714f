//! Clients of an MQTT 3.1.1 server, as raw as can be.

use std::net::{SocketAddrV4, TcpStream};

use anyhow::{Result, ensure};

use super::streams::{Delivery, Streams, ask, connect};

const CONNECT: u8 = 0x10;
const PUBLISH: u8 = 0x30;
const SUBSCRIBE: u8 = 0x82;

/// The topic, with its length before it.
const TOPIC: &[u8] = b"\0\x01t";

/// How many messages in a row have different numbers: more than are in flight.
const NUMBERS: u16 = 4096;

/// How surely a message arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::relay) enum Qos {
    /// At most once.
    Zero = 0,
    /// At least once: each is acknowledged.
    One = 1,
}

/// A publisher, and so many subscribers.
pub(super) fn streams(
    server: SocketAddrV4,
    content: &[u8],
    qos: Qos,
    members: usize,
) -> Result<Streams> {
    let subscribers = (0..members).map(|_| subscribed(server, qos));
    let subscribers = subscribers.collect::<Result<_>>()?;
    let publishes = (1..=NUMBERS).map(|number| publish(content, qos, number));
    let cycle: Vec<u8> = publishes.flatten().collect();
    let delivery = Delivery {
        bytes: publish(content, qos, 0),
        number_at: match qos {
            Qos::Zero => None,
            Qos::One => Some(publish(content, qos, 0).len() - content.len() - 2),
        },
        ignored: b"",
    };
    let cycle = (cycle, delivery.bytes.len());
    let publisher = connected(server)?;
    Ok(Streams::new(publisher, subscribers, cycle, delivery))
}

/// A connection that the server knows.
pub(in crate::relay) fn connected(server: SocketAddrV4) -> Result<TcpStream> {
    let mut stream = connect(server)?;
    // A clean session, no time at which it has to say that it is there, no name of its own.
    let words = packet(CONNECT, b"\0\x04MQTT\x04\x02\0\0\0\0");
    let answer = ask(&mut stream, &words, 4)?;
    ensure!(
        answer == [0x20, 2, 0, 0],
        "the server refuses a client: {answer:?}"
    );
    Ok(stream)
}

/// The same, subscribed to the topic.
pub(in crate::relay) fn subscribed(server: SocketAddrV4, qos: Qos) -> Result<TcpStream> {
    let mut stream = connected(server)?;
    let mut body = vec![0, 1];
    body.extend_from_slice(TOPIC);
    body.push(qos as u8);
    let answer = ask(&mut stream, &packet(SUBSCRIBE, &body), 5)?;
    ensure!(
        answer == [0x90, 3, 0, 1, qos as u8],
        "the server refuses a subscription: {answer:?}"
    );
    Ok(stream)
}

fn publish(content: &[u8], qos: Qos, number: u16) -> Vec<u8> {
    let mut body = TOPIC.to_vec();
    if qos == Qos::One {
        body.extend(number.to_be_bytes());
    }
    body.extend_from_slice(content);
    packet(PUBLISH | ((qos as u8) << 1), &body)
}

/// A control packet: its length comes before its body, seven bits to a byte, the lowest first.
fn packet(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = vec![kind];
    let mut left = body.len();
    loop {
        let more = u8::from(left > 0x7f) << 7;
        packet.push((left & 0x7f) as u8 | more);
        left >>= 7;
        if left == 0 {
            break;
        }
    }
    packet.extend_from_slice(body);
    packet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_as_long_as_they_say() {
        for (length, head) in [
            (5, &[0x30, 5][..]),
            (127, &[0x30, 127]),
            (128, &[0x30, 0x80, 1]),
            (321, &[0x30, 0xc1, 2]),
        ] {
            let packet = packet(PUBLISH, &vec![7; length]);
            assert_eq!(packet.len(), head.len() + length);
            assert!(packet.starts_with(head), "{length}");
        }
    }

    #[test]
    fn numbers_stand_before_the_content() {
        assert_eq!(publish(b"x", Qos::Zero, 9), b"\x30\x04\0\x01tx");
        assert_eq!(publish(b"x", Qos::One, 0x0102), b"\x32\x06\0\x01t\x01\x02x");
    }
}
