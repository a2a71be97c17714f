//! What a request is answered with.

use std::time::SystemTime;

use bytes::Bytes;
use proto::http::{
    Coding, Content, Head, Path, Refusal, Representation, Request, Status, Then, Varies, Version,
};
use runtime::tcp::{Body, Out, Piece};

use crate::auth::Refused;
use crate::shop::Shop;
use crate::site::{Found, Held};

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
    match shop.site.find(&path) {
        Found::File(file) => {
            let date = shop.date(out.now());
            let representation = Representation {
                length: Some(file.length),
                media: file.media,
                coding: Coding::Identity,
                validators: Some(&file.validators),
                varies: Varies::No,
                more: b"",
            };
            let answer = representation.answer(request, "", SystemTime::now(), &date, out.bytes());
            if answer.content == Content::Whole {
                send(&file.held, file.length, out);
            }
        }
        Found::Nothing => problem(shop, Status::NotFound, request.then, out),
    }
    None
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

/// Answers who may not ask.
pub(crate) fn turn_away(
    shop: &mut Shop,
    why: Refused,
    request: &Request<'_>,
    out: &mut Out,
) -> Option<Rest> {
    problem_with(shop, why.status(), &why.line(), request.then, out);
    None
}

fn problem(shop: &mut Shop, status: Status, then: Then, out: &mut Out) {
    problem_with(shop, status, "", then, out);
}

/// `more` is whole header lines.
fn problem_with(shop: &mut Shop, status: Status, more: &str, then: Then, out: &mut Out) {
    let date = shop.date(out.now());
    let text = format!("{status}\n");
    let mut head = Head::new(status, &date, out.bytes());
    head.field("Content-Type", "text/plain; charset=utf-8");
    head.field("Content-Length", text.len().to_string());
    head.lines(more.as_bytes());
    head.end(Version::Http11, then);
    out.bytes().extend_from_slice(text.as_bytes());
}
