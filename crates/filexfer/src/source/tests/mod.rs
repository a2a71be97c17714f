//! A source before a sink that is written by hand, over real sockets.

mod faults;
mod files;
mod following;
mod hostile;
pub(super) mod peer;
mod together;
