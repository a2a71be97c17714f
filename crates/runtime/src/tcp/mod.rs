//! TCP sockets: listeners bound as people ask for them, and a server for many connections.

mod connection;
mod desk;
mod door;
mod house;
mod listen;
mod server;
#[cfg(test)]
mod tests;
mod totals;

pub use crate::bind::BindError;
pub use connection::{Conversation, Next};
pub use desk::MAX_READ;
pub use listen::Listener;
pub use server::{Policy, Server};
pub use totals::{Counts, Totals};
