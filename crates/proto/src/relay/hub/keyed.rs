//! Hashes of addresses that nobody can aim at: their key follows from the relay's secret.

use std::hash::Hasher;
use std::net::IpAddr;

use foldhash::SharedSeed;
use foldhash::fast::FoldHasher;

/// A hash function of its own.
#[derive(Debug)]
pub(super) struct Keyed {
    seed: u64,
    shared: SharedSeed,
}

impl Keyed {
    /// The one for this purpose.
    pub(super) fn new(secret: &[u8; 32], purpose: &str) -> Self {
        let hash = blake3::keyed_hash(secret, purpose.as_bytes());
        let (one, other) = hash.as_bytes().split_at(8);
        Self {
            seed: number(one),
            shared: SharedSeed::from_u64(number(other)),
        }
    }

    /// Of an address as IPv6 has it, and a port.
    pub(super) fn hash(&self, ip: [u8; 16], port: u16) -> u64 {
        let mut hasher = FoldHasher::with_seed(self.seed, &self.shared);
        hasher.write_u128(u128::from_be_bytes(ip));
        hasher.write_u16(port);
        hasher.finish()
    }
}

/// An address as IPv6 has it: an IPv4 one is the same however it was written.
pub(super) fn octets(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        IpAddr::V6(ip) => ip.octets(),
    }
}

/// The network of an address, as far as one owner has it: an IPv4 /24 or an IPv6 /48, both as IPv6 has them.
pub(super) fn network(ip: [u8; 16]) -> [u8; 16] {
    let is_mapped = IpAddr::from(ip).to_canonical().is_ipv4();
    let kept = if is_mapped { 15 } else { 6 };
    let mut network = [0; 16];
    network[..kept].copy_from_slice(&ip[..kept]);
    network
}

fn number(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .take(8)
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}
