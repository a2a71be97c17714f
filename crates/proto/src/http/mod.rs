//! HTTP/1.1 for a server of files: RFC 9110 (what it means), 9111 (caching) and 9112 (how it is written).
//!
//! A [`Connection`] makes [`Request`]s of bytes and refuses what is none ([`Refusal`]). A [`Path`] is what a target names.
//! [`Representation::answer`] decides what is sent of what there is: conditions by [`Validators`], then [`range`]s.
//!
//! # What is not supported
//! HTTP/2 and HTTP/3, on purpose: they gain little where files are served to a few, and cost a second server's worth of
//! state. Trailers, upgrades, and every transfer coding but `chunked`. The classic wire is HTTP itself, one request on a
//! connection.

mod accept;
mod coding;
mod connection;
mod credentials;
mod head;
mod limits;
mod location;
pub mod media;
mod path;
pub mod range;
mod refusal;
mod representation;
mod request;
mod response;
mod status;
mod validators;

pub use accept::liking;
pub use coding::{Accepted, Coding};
pub use connection::{Connection, Heard};
pub use credentials::{CHALLENGE, Credentials};
pub use limits::Limits;
pub use location::{encode_name, location};
pub use path::{Path, Shape, split};
pub use range::Range;
pub use refusal::Refusal;
pub use representation::{Answer, Content, Parts, Prebuilt, Representation, Varies};
pub use request::{Fields, Method, Request, Then, Value, Version};
pub use response::{ALLOW, Date, Head, LAST_CHUNK, chunk, refused_method};
pub use status::Status;
pub use validators::{Validators, Verdict};

/// The port that is served unless another is named.
pub const DEFAULT_PORT: u16 = 8000;
