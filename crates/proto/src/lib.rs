//! Typed messages of every Plumbline protocol.
#![forbid(unsafe_code)]

pub mod ack;
pub mod answer;
pub mod datagram;
pub mod filexfer;
pub mod months;
pub mod relay;
