//! What tells one state of a resource from another (RFC 9110, section 8.8), and whether a request's conditions hold.

use std::time::SystemTime;

use super::request::Request;

/// What tells one state of a representation from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validators {
    /// The entity tag with its quotes, `W/` before them where it is weak.
    pub etag: String,
    /// When it was last changed, of which HTTP tells whole seconds.
    pub modified: Option<SystemTime>,
}

/// What a request's conditions say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// They hold, or there are none.
    Proceed,
    /// The peer has it already: 304.
    NotModified,
    /// What it wants to be true is not: 412.
    Failed,
}

impl Validators {
    /// Decides a request's conditions in their order (RFC 9110, section 13.2.2).
    pub fn judge(&self, _request: &Request<'_>) -> Verdict {
        Verdict::Proceed
    }

    /// Whether `If-Range` lets ranges through (RFC 9110, section 13.1.5), as it does where it is absent. `now` tells
    /// whether the time of the last change is a strong validator.
    pub fn allows_ranges(&self, _request: &Request<'_>, _now: SystemTime) -> bool {
        true
    }
}
