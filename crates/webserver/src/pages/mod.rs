//! Pages of our own: what is in a folder, and what went wrong.
//!
//! A page is made of values alone. What it shows of names and requests is escaped, and its policy lets nothing run.

mod clerk;
mod html;
mod json;
mod listing;
mod not_found;
mod problem;
mod style;
mod text;
mod view;

use bytes::Bytes;
use proto::http::{Coding, Validators};

pub(crate) use clerk::{Clerk, Contents, Job, Ticket};
pub(crate) use not_found::{LONGEST as LONGEST_NOT_FOUND, NotFound};
pub(crate) use problem::problem;
pub(crate) use view::View;

/// A page that is ready to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    /// What it is written in.
    pub(crate) media: &'static str,
    /// All of it.
    pub(crate) body: Bytes,
    /// How it is compressed.
    pub(crate) coding: Coding,
    /// What tells it from other states of itself.
    pub(crate) validators: Option<Validators>,
    /// What else its head says: whole header lines.
    pub(crate) more: &'static [u8],
}

const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";
