//! A datagram with a forged source, as an attacker sends it. It goes from loopback to loopback, and needs the right to
//! open raw sockets.

use std::io;
use std::net::{SocketAddr, SocketAddrV4};

use socket2::{Domain, Protocol, Socket, Type};

const IP_HEADER: usize = 20;
const UDP_HEADER: usize = 8;

/// Sends one UDP datagram that claims to come from `from`.
///
/// # Errors
/// `PermissionDenied` without the right to open raw sockets.
///
/// # Panics
/// Where one of the addresses is not on loopback.
pub fn forge(from: SocketAddr, to: SocketAddr, payload: &[u8]) -> io::Result<()> {
    let (SocketAddr::V4(source), SocketAddr::V4(target)) = (from, to) else {
        return Err(io::Error::other("only IPv4 is forged here"));
    };
    assert!(source.ip().is_loopback() && target.ip().is_loopback());
    let raw = i32::from(u8::MAX); // IPPROTO_RAW: the packet brings its own IP header
    let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(raw)))?;
    let sent = socket.send_to(&packet(source, target, payload), &to.into())?;
    assert_eq!(sent, IP_HEADER + UDP_HEADER + payload.len());
    Ok(())
}

/// The IPv4 packet (RFC 791) with the UDP datagram (RFC 768) in it. The kernel fills in the length and the checksum of
/// the IP header; a UDP checksum of 0 says that there is none.
fn packet(from: SocketAddrV4, to: SocketAddrV4, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0];
    packet.extend(from.ip().octets());
    packet.extend(to.ip().octets());
    packet.extend(from.port().to_be_bytes());
    packet.extend(to.port().to_be_bytes());
    let length = u16::try_from(UDP_HEADER + payload.len()).expect("a short payload");
    packet.extend(length.to_be_bytes());
    packet.extend([0, 0]);
    packet.extend(payload);
    packet
}
