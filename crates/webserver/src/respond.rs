//! What a request is answered with.

use std::time::SystemTime;

use bytes::Bytes;
use proto::http::{
    self, Accepted, Coding, Content, Head, Path, Refusal, Representation, Request, Status, Then,
    Varies, Version,
};
use runtime::tcp::{Body, Out, Piece};

use crate::shop::Shop;
use crate::site::{FileEntry, Found, Held, Seen};

/// What is left of an answer that does not go out in one go: the parts of several ranges, a body that is made while it is
/// sent.
#[derive(Debug)]
pub(crate) struct Rest {}

/// Whether something is left of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// It is all said.
    Nothing,
}

/// Answers a request, and gives what is left to say when that has been sent.
pub(crate) fn respond(shop: &mut Shop, request: &Request<'_>, out: &mut Out) -> Option<Rest> {
    let path = match Path::decode(request.target) {
        Ok(path) => path,
        Err(refusal) => {
            refuse(shop, refusal, out);
            return None;
        }
    };
    match shop.site.look(&path, out.now()) {
        Found::File(seen) => {
            let file = choose(seen, request);
            let date = shop.date(out.now());
            let representation = Representation {
                length: Some(file.length),
                media: file.media,
                coding: file.coding,
                validators: Some(&file.validators),
                varies: file.varies,
                more: b"",
            };
            let answer = representation.answer(request, "", SystemTime::now(), &date, out.bytes());
            if answer.content == Content::Whole {
                send(&file.held, file.length, out);
            }
        }
        Found::Elsewhere => redirect(shop, &path, request, out),
        Found::Denied => problem(shop, Status::Forbidden, request.then, out),
        Found::Unavailable => problem(shop, Status::Unavailable, request.then, out),
        Found::Folder(_) | Found::Roots | Found::Nothing => {
            problem(shop, Status::NotFound, request.then, out);
        }
    }
    None
}

/// The version of a file that the peer likes best.
fn choose(seen: Seen, request: &Request<'_>) -> FileEntry {
    let varies = match seen.packed[..] {
        [] => Varies::No,
        _ => Varies::ByCoding,
    };
    let accepted = Accepted::of(request.fields.accept_encoding.as_deref());
    let offered: Vec<Coding> = seen.packed.iter().map(|one| one.coding).collect();
    let offered = [&offered[..], &[Coding::Identity]].concat();
    let best = accepted.best(&offered);
    let packed = seen.packed.into_iter().find(|one| Some(one.coding) == best);
    FileEntry::new(packed.unwrap_or(seen.plain), seen.media, varies)
}

fn redirect(shop: &mut Shop, path: &Path, request: &Request<'_>, out: &mut Out) {
    let date = shop.date(out.now());
    let mut head = Head::new(Status::PermanentRedirect, &date, out.bytes());
    head.field(
        "Location",
        http::location(path, http::split(request.target).1),
    );
    head.field("Content-Length", "0");
    head.end_for(request);
}

fn send(held: &Held, length: u64, out: &mut Out) {
    match held {
        Held::Body(bytes) if bytes.len() <= 16 * 1024 => out.bytes().extend_from_slice(bytes),
        Held::Body(bytes) => out.attach(Body::Shared(Bytes::clone(bytes))),
        Held::File(file) => out.attach(Body::File(Piece {
            file: file.clone(),
            at: 0,
            length,
        })),
    }
}

/// Says more of an answer.
pub(crate) fn go_on(_rest: &mut Rest, _out: &mut Out) -> Left {
    Left::Nothing
}

/// Answers what is no request. The connection is closed afterwards.
pub(crate) fn refuse(shop: &mut Shop, refusal: Refusal, out: &mut Out) {
    problem(shop, refusal.status(), Then::Close, out);
}

fn problem(shop: &mut Shop, status: Status, then: Then, out: &mut Out) {
    let date = shop.date(out.now());
    let text = format!("{status}\n");
    let mut head = Head::new(status, &date, out.bytes());
    head.field("Content-Type", "text/plain; charset=utf-8");
    head.field("Content-Length", text.len().to_string());
    head.end(Version::Http11, then);
    out.bytes().extend_from_slice(text.as_bytes());
}
