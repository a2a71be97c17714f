//! What a UDP datagram can carry.

use std::net::SocketAddr;

/// The longest UDP payload over IPv4: 65,535 bytes less a 20-byte IP and an 8-byte UDP header (RFC 768, RFC 791).
pub const MAX_V4: usize = 65_507;

/// The longest UDP payload over IPv6 without jumbograms: 65,535 bytes less the 8-byte UDP header (RFC 768, RFC 8200).
pub const MAX_V6: usize = 65_527;

/// The longest payload that a datagram to this peer can carry, in bytes: [`MAX_V4`] or [`MAX_V6`].
///
/// An IPv4 address that is mapped into IPv6 (`::ffff:192.0.2.7`) is reached over IPv4.
pub fn max_payload(peer: SocketAddr) -> usize {
    if peer.ip().to_canonical().is_ipv4() {
        MAX_V4
    } else {
        MAX_V6
    }
}
