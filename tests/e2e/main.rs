//! End-to-end stories: the real programs on loopback, against each other, the classic Python programs and an attacker.

#![expect(
    clippy::unwrap_used,
    reason = "what fails here fails the test, and says where"
)]

mod loops;
mod months;
mod path;
mod stats;
mod sweep;
mod udp_echo;
