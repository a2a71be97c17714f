//! Answers that say what went wrong.

use bytes::Bytes;
use proto::http::{Fields, Head, Method, Path, Refusal, Request, Status, Then, Version};
use runtime::tcp::Out;

use super::Said;
use super::file::read_all;
use crate::auth::Refused;
use crate::pages::{self, LONGEST_NOT_FOUND};
use crate::shop::Shop;
use crate::site::{Beside, Held, Kept, Resource};

/// The page for what is not there, where a root has one.
const NOT_FOUND: &str = "/404.html";

/// Answers what is no request. The connection is closed afterwards.
pub(crate) fn refuse(shop: &mut Shop, refusal: Refusal, out: &mut Out) -> Said {
    let (status, date) = (refusal.status(), shop.date(out.now()));
    let page = pages::problem(status, &Fields::default(), &refusal.to_string());
    let mut head = Head::new(status, &date, out.bytes());
    head.field("Content-Type", page.media);
    head.length(page.body.len() as u64);
    head.lines(page.more);
    head.field("Vary", "Accept");
    head.end(Version::Http11, Then::Close);
    out.bytes().extend_from_slice(&page.body);
    Said::all(status, page.body.len() as u64)
}

/// Answers who may not ask.
pub(crate) fn turn_away(
    shop: &mut Shop,
    why: Refused,
    request: &Request<'_>,
    out: &mut Out,
) -> Said {
    let line = why.line();
    problem_with(shop, why.status(), "", line.as_bytes(), request, out)
}

/// Says what went wrong; `hint` is more of it, where more is known.
pub(super) fn problem(
    shop: &mut Shop,
    status: Status,
    hint: &str,
    request: &Request<'_>,
    out: &mut Out,
) -> Said {
    problem_with(shop, status, hint, b"", request, out)
}

/// The same; `more` are whole header lines.
pub(super) fn problem_with(
    shop: &mut Shop,
    status: Status,
    hint: &str,
    more: &[u8],
    request: &Request<'_>,
    out: &mut Out,
) -> Said {
    let date = shop.date(out.now());
    let page = pages::problem(status, &request.fields, hint);
    let mut head = Head::new(status, &date, out.bytes());
    head.field("Content-Type", page.media);
    head.length(page.body.len() as u64);
    head.lines(page.more);
    head.field("Vary", "Accept");
    head.lines(shop.lines.of_pages(request));
    head.lines(more);
    head.end_for(request);
    said(status, &page.body, request, out)
}

/// Says that nothing is there, in the words of whoever runs the server where there are some.
pub(super) fn not_found(shop: &mut Shop, request: &Request<'_>, out: &mut Out) -> Said {
    let (status, now) = (Status::NotFound, out.now());
    let Some(body) = custom(shop, now) else {
        return problem(shop, status, "", request, out);
    };
    let date = shop.date(now);
    let mut head = Head::new(status, &date, out.bytes());
    head.field("Content-Type", "text/html; charset=utf-8");
    head.length(body.len() as u64);
    head.field("Cache-Control", "no-cache");
    head.lines(shop.lines.of_pages(request));
    head.end_for(request);
    said(status, &body, request, out)
}

fn custom(shop: &mut Shop, now: std::time::Instant) -> Option<Bytes> {
    let Shop {
        not_found,
        cache,
        site,
        ..
    } = shop;
    not_found.body(now, || {
        let path = Path::decode(NOT_FOUND).ok()?;
        match cache.find(site, &path, Beside::Ignored, now) {
            Kept::File(resource) => whole(&resource),
            Kept::Other(_) => None,
        }
    })
}

/// All of a file, where it is no longer than such a page may be.
fn whole(resource: &Resource) -> Option<Bytes> {
    let plain = &resource.plain;
    let length = plain.length.filter(|length| *length <= LONGEST_NOT_FOUND)?;
    match &plain.held {
        Held::Body(body) => Some(body.clone()),
        Held::File(file) => {
            let mut body = vec![0; usize::try_from(length).ok()?];
            read_all(file, &mut body, 0).ok()?;
            Some(body.into())
        }
    }
}

/// Ends an answer with its content, which a HEAD does not get.
fn said(status: Status, body: &[u8], request: &Request<'_>, out: &mut Out) -> Said {
    if request.method == Method::Head {
        return Said::all(status, 0);
    }
    out.bytes().extend_from_slice(body);
    Said::all(status, body.len() as u64)
}
