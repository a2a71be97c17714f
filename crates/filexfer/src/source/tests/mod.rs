//! A source before a sink that is written by hand, over real sockets.

mod delta;
mod faults;
mod files;
mod hostile;
mod peer;
mod rows;
mod together;
