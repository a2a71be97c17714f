//! The classic wire (`proto::filexfer`): the key in the clear, then the one file as it is.

mod fetch;
mod serve;

pub(crate) use fetch::fetch;
pub(crate) use serve::{open, refuse, send, show_key};
