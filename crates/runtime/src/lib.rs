//! What every Plumbline program needs of the machine: sockets, timers, limits, shutdown, logging and the manners of the
//! command line.
//!
//! It knows no protocol. The binaries wire it to `proto`, which knows no socket.

pub mod addr;
mod alert;
pub mod beneath;
mod bind;
pub mod boot;
pub mod cli;
pub mod clock;
pub mod cpu;
pub mod descriptors;
pub mod escape;
pub mod folder;
pub mod host;
pub mod impair;
pub mod json;
pub mod limit;
pub mod log;
pub mod metrics;
pub mod peers;
pub mod prompt;
pub mod random;
pub mod shutdown;
pub mod signal;
pub mod status;
pub mod tcp;
pub mod timing;
pub mod tree;
pub mod udp;
pub mod units;
pub mod usage;
pub mod watch;
