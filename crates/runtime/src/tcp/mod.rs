//! TCP: connections by names, and a client that talks over one.

mod client;
mod connect;
mod race;

pub use client::{Client, ClientError};
pub use connect::{AttemptError, ConnectError, connect};
