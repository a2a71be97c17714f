//! Answers that are pages of folders, for which a connection waits.

use std::io::{self, ErrorKind};
use std::time::SystemTime;

use proto::http::{self, Accepted, Content, Path, Representation, Request, Status, Varies};
use runtime::tcp::{Caller, Out};

use super::file::send_bytes;
use super::rest::PartsLeft;
use super::{Reply, Rest, Said, problem};
use crate::auth;
use crate::pages::{Contents, Job, Page, Ticket, View};
use crate::shop::Shop;
use crate::site::{Compress, Held};

/// A page that is being made, and the request that it is for.
#[derive(Debug)]
pub(crate) struct Awaited {
    /// The request.
    pub(crate) kept: auth::Kept,
    ticket: Ticket,
}

/// Has a page made.
pub(super) fn ask(
    shop: &mut Shop,
    contents: Contents,
    path: &Path,
    request: &Request<'_>,
    caller: &Caller,
    out: &mut Out,
) -> Reply {
    let fields = &request.fields;
    let job = Job {
        contents,
        path: path.bytes().to_vec(),
        hidden: shop.site.hidden(),
        view: View::of(http::split(request.target).1, fields),
        accepted: match shop.compress {
            // A part is one of the page as it is.
            Compress::Yes if fields.range.is_none() => {
                Accepted::of(fields.accept_encoding.as_deref())
            }
            Compress::Yes | Compress::No => Accepted::of(None),
        },
    };
    match shop.clerk.ask(job, caller.clone()) {
        Some(ticket) => {
            let kept = auth::Kept::new(request);
            Reply::Wait(Box::new(Awaited { kept, ticket }))
        }
        None => {
            let status = Status::Unavailable;
            Reply::Said(problem(shop, status, "too many wait", request, out))
        }
    }
}

impl Awaited {
    /// Answers with the page; `None` where it is not there yet.
    pub(crate) fn answer(
        &self,
        shop: &mut Shop,
        request: &Request<'_>,
        out: &mut Out,
    ) -> Option<Said> {
        Some(match self.ticket.take()? {
            Ok(page) => send(shop, &page, request, out),
            Err(error) => say_why(shop, &error, request, out),
        })
    }
}

fn say_why(shop: &mut Shop, error: &io::Error, request: &Request<'_>, out: &mut Out) -> Said {
    let status = match error.kind() {
        ErrorKind::PermissionDenied => Status::Forbidden,
        ErrorKind::NotFound => Status::NotFound,
        _ => {
            tracing::debug!(%error, "a folder cannot be read");
            Status::Unavailable
        }
    };
    problem(shop, status, "", request, out)
}

fn send(shop: &mut Shop, page: &Page, request: &Request<'_>, out: &mut Out) -> Said {
    let date = shop.date(out.now());
    let of_pages = shop.lines.of_pages(request);
    let more = [page.more, b"Vary: Accept, Accept-Encoding\r\n", of_pages].concat();
    let representation = Representation {
        length: Some(page.body.len() as u64),
        media: page.media,
        coding: page.coding,
        validators: page.validators.as_ref(),
        varies: Varies::No,
        more: &more,
    };
    let now = SystemTime::now();
    let answer = representation.answer(request, &shop.boundary, now, &date, out.bytes());
    let length = page.body.len() as u64;
    let (length, rest) = match answer.content {
        Content::Nothing => (0, None),
        Content::Whole => {
            send_bytes(&page.body, 0, length, out);
            (length, None)
        }
        Content::Part(range) => {
            send_bytes(&page.body, range.first, range.len(), out);
            (range.len(), None)
        }
        Content::Parts(parts) => {
            let length = parts.length();
            let held = Held::Body(page.body.clone());
            (
                length,
                Some(Box::new(Rest::Parts(PartsLeft::new(held, parts)))),
            )
        }
    };
    Said {
        status: answer.status,
        length,
        rest,
    }
}
