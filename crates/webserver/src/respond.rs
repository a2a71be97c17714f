//! What a request is answered with.

mod file;
mod listing;
mod problem;
mod rest;

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use proto::http::{self, ALLOW, Head, Method, Path, Request, Status, liking};
use runtime::tcp::{Caller, Out};

pub(crate) use self::listing::Awaited;
use self::problem::{not_found, problem, problem_with};
pub(crate) use self::problem::{refuse, turn_away};
pub(crate) use self::rest::{Left, Rest, Streams, go_on};
use crate::pages::Contents;
use crate::shop::Shop;
use crate::site::{Beside, Found, Kept, Site};

/// What was answered.
#[derive(Debug)]
pub(crate) struct Said {
    /// As what.
    pub(crate) status: Status,
    /// How many bytes follow the head, as far as that is known yet.
    pub(crate) length: u64,
    /// What is left to say when this is sent.
    pub(crate) rest: Option<Box<Rest>>,
}

/// What becomes of a request.
#[derive(Debug)]
pub(crate) enum Reply {
    /// It was answered.
    Said(Said),
    /// The connection waits until it is called, and then asks this.
    Wait(Box<Awaited>),
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

/// Answers a request. `caller` has its connection go on where it has to wait.
pub(crate) fn respond(
    shop: &mut Shop,
    request: &Request<'_>,
    caller: &Caller,
    out: &mut Out,
) -> Reply {
    match request.method {
        Method::Get | Method::Head => get(shop, request, caller, out),
        Method::Options => Reply::Said(options(shop, request, out)),
        Method::Other => {
            let status = http::refused_method(request.method_text);
            let allow = format!("Allow: {ALLOW}\r\n");
            let more = if status == Status::MethodNotAllowed {
                allow.as_bytes()
            } else {
                b""
            };
            Reply::Said(problem_with(shop, status, "", more, request, out))
        }
    }
}

fn get(shop: &mut Shop, request: &Request<'_>, caller: &Caller, out: &mut Out) -> Reply {
    let path = match Path::decode(request.target) {
        Ok(path) => path,
        Err(refusal) => {
            let (status, hint) = (refusal.status(), refusal.to_string());
            return Reply::Said(problem(shop, status, &hint, request, out));
        }
    };
    let found = match shop
        .cache
        .find(&shop.site, &path, beside(request), out.now())
    {
        Kept::File(resource) => {
            return Reply::Said(file::answer(shop, &resource, &path, request, out));
        }
        Kept::Other(found) => found,
    };
    let status = match found {
        Found::Folder(listed) => {
            let contents = Contents::Folder(listed.folder);
            return listing::ask(shop, contents, &path, request, caller, out);
        }
        Found::Roots => {
            let contents = Contents::Roots(roots(&shop.site));
            return listing::ask(shop, contents, &path, request, caller, out);
        }
        Found::Elsewhere => return Reply::Said(redirect(shop, &path, request, out)),
        Found::Denied => Status::Forbidden,
        Found::Unavailable => Status::Unavailable,
        Found::File(_) | Found::Nothing => {
            return Reply::Said(instead(shop, &path, request, out));
        }
    };
    Reply::Said(problem(shop, status, "", request, out))
}

/// Answers where nothing is: an application of one page stands for all of its pages.
fn instead(shop: &mut Shop, path: &Path, request: &Request<'_>, out: &mut Out) -> Said {
    let wants_page = liking(request.fields.accept.as_deref(), "text/html") > 0;
    let found = if wants_page {
        shop.site.instead(path, beside(request), out.now())
    } else {
        Found::Nothing
    };
    match found {
        Found::File(seen) => {
            let resource = shop.cache.open(seen);
            file::answer(shop, &resource, path, request, out)
        }
        Found::Unavailable => problem(shop, Status::Unavailable, "", request, out),
        _ => not_found(shop, request, out),
    }
}

/// Whether files that were compressed beforehand are of use to a peer.
fn beside(request: &Request<'_>) -> Beside {
    match request.fields.accept_encoding {
        Some(_) => Beside::Looked,
        None => Beside::Ignored,
    }
}

/// The names of the roots, and where they are.
fn roots(site: &Site) -> Vec<(OsString, PathBuf)> {
    let names = site.roots().map(|name| OsStr::from_bytes(name).to_owned());
    let numbered = names.enumerate();
    let paths =
        numbered.filter_map(|(number, name)| Some((name, site.root(number)?.path().to_path_buf())));
    paths.collect()
}

fn redirect(shop: &mut Shop, path: &Path, request: &Request<'_>, out: &mut Out) -> Said {
    let status = Status::PermanentRedirect;
    let date = shop.date(out.now());
    let mut head = Head::new(status, &date, out.bytes());
    let query = http::split(request.target).1;
    head.field("Location", http::location(path, query));
    head.lines(shop.lines.of_pages(request));
    head.length(0);
    head.end_for(request);
    Said::all(status, 0)
}

/// What can be done, which is the same everywhere; and what another site may do.
fn options(shop: &mut Shop, request: &Request<'_>, out: &mut Out) -> Said {
    let date = shop.date(out.now());
    let mut head = Head::new(Status::NoContent, &date, out.bytes());
    head.field("Allow", ALLOW);
    head.lines(shop.lines.of_pages(request));
    head.lines(shop.lines.preflight(request).unwrap_or_default());
    head.end_for(request);
    Said::all(Status::NoContent, 0)
}
