//! A client of a TURN server that sends through a channel (RFC 8656), and a receiver who knows nothing of it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};

use anyhow::{Context, Result, ensure};
use runtime::udp::{Flow, Options};

use super::datagrams::{Datagrams, Offload, Words, ask};

/// The first 32 bits of what masks addresses (RFC 8489).
const COOKIE: u32 = 0x2112_a442;

const ALLOCATE: u16 = 0x0003;
const CHANNEL_BIND: u16 = 0x0009;
/// What a request's type becomes in an answer that grants it.
const GRANTED: u16 = 0x0100;

const CHANNEL_NUMBER: u16 = 0x000c;
const PEER_ADDRESS: u16 = 0x0012;
const RELAYED_ADDRESS: u16 = 0x0016;
const REQUESTED_TRANSPORT: u16 = 0x0019;

const UDP: u8 = 17;
const CHANNEL: u16 = 0x4000;
const HEADER: usize = 20;

/// A sender with a channel to its receiver.
pub(super) fn pair(server: SocketAddrV4, content: &[u8], at_once: u64) -> Result<Datagrams> {
    let mut sender = Flow::connect(server.into(), &Options::default())?;
    let mut granted = |request: &[u8]| ask(&mut sender, request);
    let udp = [(REQUESTED_TRANSPORT, vec![UDP, 0, 0, 0])];
    let allocated = granted(&request(ALLOCATE, &udp))?;
    let relayed = attribute(&allocated, ALLOCATE, RELAYED_ADDRESS)
        .and_then(unmasked)
        .context("the server allocates no address")?;
    let receiver = Flow::connect(relayed.into(), &Options::default())?;
    let peer = masked(receiver.local_addr())?;
    let [high, low] = CHANNEL.to_be_bytes();
    let bind = [
        (CHANNEL_NUMBER, vec![high, low, 0, 0]),
        (PEER_ADDRESS, peer),
    ];
    let bound = granted(&request(CHANNEL_BIND, &bind))?;
    ensure!(
        is_granted(&bound, CHANNEL_BIND),
        "the server binds no channel"
    );
    let mut message = CHANNEL.to_be_bytes().to_vec();
    message.extend(u16::try_from(content.len())?.to_be_bytes());
    message.extend_from_slice(content);
    let words = Words {
        message,
        delivery: content.to_vec(),
        answer: None,
    };
    Datagrams::new(sender, receiver, words, at_once, Offload::On)
}

/// A request; the number of its transaction is always the same, since one follows the other.
fn request(kind: u16, attributes: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (kind, value) in attributes {
        body.extend(kind.to_be_bytes());
        body.extend((value.len() as u16).to_be_bytes());
        body.extend_from_slice(value);
    }
    let mut request = kind.to_be_bytes().to_vec();
    request.extend((body.len() as u16).to_be_bytes());
    request.extend(COOKIE.to_be_bytes());
    request.extend_from_slice(b"twelve bytes");
    request.append(&mut body);
    request
}

fn is_granted(answer: &[u8], kind: u16) -> bool {
    answer.starts_with(&(kind | GRANTED).to_be_bytes())
}

/// The value of an attribute, in an answer that grants a request of this kind.
fn attribute(answer: &[u8], kind: u16, wanted: u16) -> Option<&[u8]> {
    let mut rest = answer.get(HEADER..).filter(|_| is_granted(answer, kind))?;
    loop {
        let (head, behind) = rest.split_at_checked(4)?;
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        let value = behind.get(..length)?;
        if head.starts_with(&wanted.to_be_bytes()) {
            return Some(value);
        }
        rest = behind.get(length.next_multiple_of(4)..)?;
    }
}

fn masked(address: SocketAddr) -> Result<Vec<u8>> {
    let IpAddr::V4(ip) = address.ip() else {
        anyhow::bail!("expected an IPv4 address, got {address}");
    };
    let mut value = vec![0, 1];
    value.extend((address.port() ^ (COOKIE >> 16) as u16).to_be_bytes());
    value.extend((ip.to_bits() ^ COOKIE).to_be_bytes());
    Ok(value)
}

fn unmasked(value: &[u8]) -> Option<SocketAddrV4> {
    let value: [u8; 8] = value.try_into().ok()?;
    let [_, 1, high, low, ip @ ..] = value else {
        return None;
    };
    let port = u16::from_be_bytes([high, low]) ^ (COOKIE >> 16) as u16;
    let ip = Ipv4Addr::from_bits(u32::from_be_bytes(ip) ^ COOKIE);
    Some(SocketAddrV4::new(ip, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_masked_as_rfc_5769_has_them() {
        let address: SocketAddrV4 = "192.0.2.1:32853".parse().unwrap();
        let value = [0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43];
        assert_eq!(masked(address.into()).unwrap(), value);
        assert_eq!(unmasked(&value), Some(address));
        assert_eq!(unmasked(&value[1..]), None);
    }

    #[test]
    fn attributes_are_found_where_the_request_was_granted() {
        let values = [(1, vec![7; 8]), (2, vec![8; 4])];
        let granted = request(ALLOCATE | GRANTED, &values);
        assert_eq!(attribute(&granted, ALLOCATE, 2), Some(&[8; 4][..]));
        assert_eq!(attribute(&granted, ALLOCATE, 3), None);
        let refused = request(ALLOCATE | 0x0110, &values);
        assert_eq!(attribute(&refused, ALLOCATE, 2), None);
        for length in 0..granted.len() {
            attribute(&granted[..length], ALLOCATE, 2);
        }
    }
}
