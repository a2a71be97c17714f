//! TCP sockets: listeners bound as people ask for them, a server for many connections, connections by names, and a client
//! that talks over one.

mod arrivals;
mod call;
mod client;
mod connect;
mod connection;
mod crowd;
mod desk;
mod door;
mod entrance;
#[cfg(unix)]
mod handed;
mod house;
mod listen;
#[cfg(unix)]
mod local;
mod out;
mod peer;
mod race;
mod ready;
mod server;
mod stream;
mod taken;
#[cfg(test)]
mod tests;
mod tls;
mod totals;
mod unsent;

pub use crate::bind::BindError;
pub use arrivals::Arrivals;
pub use call::Caller;
pub use client::{Client, ClientError};
pub use connect::{AttemptError, ConnectError, connect};
pub use connection::{Conversation, Next};
pub use desk::MAX_READ;
pub use entrance::Entrance;
#[cfg(unix)]
pub use handed::Progress;
pub use listen::Listener;
#[cfg(unix)]
pub use local::LocalListener;
pub use out::{Body, Out, Piece};
pub use peer::Peer;
pub use ready::is_readable;
pub use server::{Policy, Server, Stall};
pub use taken::{Taken, wait_until_taken};
pub use tls::{Identity, IdentityError, Tls};
pub use totals::{Counts, Totals};
