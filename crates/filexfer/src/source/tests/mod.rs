//! A source before a sink that is written by hand, over real sockets.

#[cfg(unix)]
mod awkward;
mod delta;
mod faults;
mod files;
mod filters;
mod following;
mod hostile;
pub(crate) mod peer;
mod rows;
#[cfg(target_os = "linux")]
mod sparse;
mod together;
