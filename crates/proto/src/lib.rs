//! Typed messages of every Plumbline protocol.
#![forbid(unsafe_code)]

pub mod ack;
pub mod answer;
pub mod datagram;
pub mod echo;
pub mod filexfer;
pub mod frame;
pub mod measure;
pub mod months;
pub mod relay;
