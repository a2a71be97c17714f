//! Answers that are pages of folders, for which a connection waits.

use std::io::{self, ErrorKind};
use std::time::SystemTime;

use proto::http::{self, Accepted, Content, Path, Representation, Request, Status, Varies};
use runtime::tcp::{Caller, Out};

use super::file::send_bytes;
use super::{Reply, Said, problem};
use crate::auth;
use crate::pages::{Contents, Job, Page, Ticket, View};
use crate::shop::Shop;
use crate::site::Compress;

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
            Compress::Yes => Accepted::of(fields.accept_encoding.as_deref()),
            Compress::No => Accepted::of(None),
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
    let more = [page.more, shop.lines.of_pages(request)].concat();
    let representation = Representation {
        length: Some(page.body.len() as u64),
        media: page.media,
        coding: page.coding,
        validators: page.validators.as_ref(),
        varies: Varies::ByCoding,
        more: &more,
    };
    // Nobody has a use for a part of a page that is made anew each time.
    let mut whole = request.clone();
    whole.fields.range = None;
    let now = SystemTime::now();
    let answer = representation.answer(&whole, "", now, &date, out.bytes());
    let length = match answer.content {
        Content::Whole => page.body.len() as u64,
        Content::Nothing | Content::Part(_) | Content::Parts(_) => 0,
    };
    if length > 0 {
        send_bytes(&page.body, 0, length, out);
    }
    Said::all(answer.status, length)
}
