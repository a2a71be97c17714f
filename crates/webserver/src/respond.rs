//! What a request is answered with.

mod file;
mod rest;

use proto::http::{self, Head, Path, Refusal, Request, Status, Then, Version};
use runtime::tcp::Out;

pub(crate) use self::rest::{Left, Rest, Streams, go_on};
use crate::shop::Shop;
use crate::site::{Found, Kept};

/// What was answered.
#[derive(Debug)]
pub(crate) struct Said {
    /// As what.
    pub(crate) status: Status,
    /// How many bytes follow the head, as far as that is known yet.
    pub(crate) length: u64,
    /// What is left to say when this is sent.
    pub(crate) rest: Option<Rest>,
}

impl Said {
    /// It is all said.
    pub(crate) fn all(status: Status, length: u64) -> Self {
        Self {
            status,
            length,
            rest: None,
        }
    }
}

/// Answers a request.
pub(crate) fn respond(shop: &mut Shop, request: &Request<'_>, out: &mut Out) -> Said {
    let path = match Path::decode(request.target) {
        Ok(path) => path,
        Err(refusal) => return refuse(shop, refusal, out),
    };
    match shop.cache.find(&shop.site, &path, out.now()) {
        Kept::File(resource) => file::answer(shop, &resource, &path, request, out),
        Kept::Other(Found::Elsewhere) => redirect(shop, &path, request, out),
        Kept::Other(Found::Denied) => problem(shop, Status::Forbidden, request, out),
        Kept::Other(Found::Unavailable) => problem(shop, Status::Unavailable, request, out),
        Kept::Other(_) => problem(shop, Status::NotFound, request, out),
    }
}

fn redirect(shop: &mut Shop, path: &Path, request: &Request<'_>, out: &mut Out) -> Said {
    let status = Status::PermanentRedirect;
    let date = shop.date(out.now());
    let mut head = Head::new(status, &date, out.bytes());
    head.field(
        "Location",
        http::location(path, http::split(request.target).1),
    );
    head.field("Content-Length", "0");
    head.end_for(request);
    Said::all(status, 0)
}

/// Answers what is no request. The connection is closed afterwards.
pub(crate) fn refuse(shop: &mut Shop, refusal: Refusal, out: &mut Out) -> Said {
    say_problem(shop, refusal.status(), (Version::Http11, Then::Close), out)
}

fn problem(shop: &mut Shop, status: Status, request: &Request<'_>, out: &mut Out) -> Said {
    say_problem(shop, status, (request.version, request.then), out)
}

fn say_problem(shop: &mut Shop, status: Status, then: (Version, Then), out: &mut Out) -> Said {
    let date = shop.date(out.now());
    let text = format!("{status}\n");
    let mut head = Head::new(status, &date, out.bytes());
    head.field("Content-Type", "text/plain; charset=utf-8");
    head.field("Content-Length", text.len().to_string());
    head.end(then.0, then.1);
    out.bytes().extend_from_slice(text.as_bytes());
    Said::all(status, text.len() as u64)
}
