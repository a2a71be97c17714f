//! Sending a file: which variant of it, from where, and how.

use std::io;
use std::rc::Rc;
use std::time::SystemTime;

use bytes::Bytes;
use proto::http::{Coding, Content, Path, Request, Status, Verdict};
use runtime::tcp::{Body, Out, Piece};

use super::Said;
use super::rest::{Left, PartsLeft, Rest, Stream};
use crate::shop::Shop;
use crate::site::{self, AT_ONCE, Choice, Held, LONGEST_HELD, Resource, Variant, read_at};

/// Content that is no longer than this goes out together with its head, in one buffer, wherever it is.
const COPIED: u64 = LONGEST_HELD;

/// Whether a content is there as it was announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    Whole,
    /// It is shorter by now, or cannot be read.
    Short,
}

/// Answers with a file.
pub(super) fn answer(
    shop: &mut Shop,
    resource: &Rc<Resource>,
    path: &Path,
    request: &Request<'_>,
    out: &mut Out,
) -> Said {
    match resource.choose(request) {
        Choice::Variant(variant) => give(shop, &variant, request, out),
        Choice::Make(coding) => make(shop, resource, path, coding, request, out),
    }
}

fn give(shop: &mut Shop, variant: &Variant, request: &Request<'_>, out: &mut Out) -> Said {
    let date = shop.date(out.now());
    let begin = out.bytes().len();
    let length = variant.length.unwrap_or_default();
    let more = shop.lines.of_files(request);
    let plainly = shop
        .lines
        .are_usual(request)
        .then(|| variant.answer_plainly(request, more, &date, out.bytes()));
    let answer = plainly.flatten().unwrap_or_else(|| {
        let now = SystemTime::now();
        let representation = variant.representation(more);
        representation.answer(request, &shop.boundary, now, &date, out.bytes())
    });
    let (sent, length, rest) = match answer.content {
        Content::Nothing => (Sent::Whole, 0, None),
        Content::Whole => (send(&variant.held, 0, length, out), length, None),
        Content::Part(range) => {
            let length = range.len();
            (send(&variant.held, range.first, length, out), length, None)
        }
        Content::Parts(parts) => {
            let length = parts.length();
            let mut parts = PartsLeft::new(variant.held.clone(), parts);
            match parts.go_on(out) {
                Left::Nothing => (Sent::Whole, length, None),
                Left::More => (Sent::Whole, length, Some(Box::new(Rest::Parts(parts)))),
                Left::Broken => (Sent::Short, 0, None),
            }
        }
    };
    match sent {
        Sent::Whole => Said {
            status: answer.status,
            length,
            rest,
        },
        Sent::Short => take_back(shop, begin, request, out),
    }
}

/// Nothing has been sent yet: says that it cannot be told now.
fn take_back(shop: &mut Shop, begin: usize, request: &Request<'_>, out: &mut Out) -> Said {
    out.bytes().truncate(begin);
    super::problem(shop, Status::Unavailable, "", request, out)
}

/// Sends a part of a content, after what `out` has already.
pub(super) fn send(held: &Held, at: u64, length: u64, out: &mut Out) -> Sent {
    match held {
        Held::Body(body) => send_bytes(body, at, length, out),
        Held::File(file) if length <= COPIED => {
            let begin = out.bytes().len();
            let room = usize::try_from(length).unwrap_or_default();
            out.bytes().resize(begin + room, 0);
            match read_all(file, &mut out.bytes()[begin..], at) {
                Ok(()) => Sent::Whole,
                Err(error) => {
                    tracing::debug!(%error, "a file cannot be read any more");
                    Sent::Short
                }
            }
        }
        Held::File(file) => {
            out.attach(Body::File(Piece {
                file: file.clone(),
                at,
                length,
            }));
            Sent::Whole
        }
    }
}

pub(super) fn send_bytes(body: &Bytes, at: u64, length: u64, out: &mut Out) -> Sent {
    let range = usize::try_from(at)
        .ok()
        .zip(usize::try_from(at + length).ok());
    match range.filter(|(_, end)| *end <= body.len()) {
        None => return Sent::Short,
        Some((begin, end)) if length <= COPIED => {
            out.bytes().extend_from_slice(&body[begin..end]);
        }
        Some((begin, end)) => out.attach(Body::Shared(body.slice(begin..end))),
    }
    Sent::Whole
}

pub(super) fn read_all(file: &std::fs::File, mut room: &mut [u8], mut at: u64) -> io::Result<()> {
    while !room.is_empty() {
        let length = read_at(file, room, at)?;
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        room = &mut room[length..];
        at += length as u64;
    }
    Ok(())
}

/// Compresses a file for a peer that likes it so.
fn make(
    shop: &mut Shop,
    resource: &Rc<Resource>,
    path: &Path,
    coding: Coding,
    request: &Request<'_>,
    out: &mut Out,
) -> Said {
    let mut variant = resource.to_make(coding);
    // Who has it already need not wait for it to be made.
    if variant.validators.judge(request) != Verdict::Proceed {
        return give(shop, &variant, request, out);
    }
    let length = resource.plain.length.unwrap_or_default();
    if length > AT_ONCE {
        return stream(shop, resource, &variant, request, out);
    }
    match pack(&variant.held, length, coding) {
        Ok(packed) if (packed.len() as u64) < length => {
            variant.length = Some(packed.len() as u64);
            variant.held = Held::Body(packed.into());
            let variant = Rc::new(variant);
            shop.cache.add(path, resource, Rc::clone(&variant));
            give(shop, &variant, request, out)
        }
        Ok(_) => {
            resource.is_not_worth_it();
            give(shop, &resource.plain, request, out)
        }
        Err(error) => {
            tracing::debug!(%error, "a file is not compressed");
            give(shop, &resource.plain, request, out)
        }
    }
}

fn pack(held: &Held, length: u64, coding: Coding) -> io::Result<Vec<u8>> {
    match held {
        Held::Body(body) => site::pack(coding, body),
        Held::File(file) => {
            let mut content = vec![0; usize::try_from(length).unwrap_or_default()];
            read_all(file, &mut content, 0)?;
            site::pack(coding, &content)
        }
    }
}

/// Compresses a long file while it is sent.
fn stream(
    shop: &mut Shop,
    resource: &Rc<Resource>,
    variant: &Variant,
    request: &Request<'_>,
    out: &mut Out,
) -> Said {
    let length = resource.plain.length.unwrap_or_default();
    let Some(stream) = Stream::begin(variant, length, &shop.streams) else {
        return give(shop, &resource.plain, request, out);
    };
    let date = shop.date(out.now());
    let representation = variant.representation(shop.lines.of_files(request));
    let answer = representation.answer(request, "", SystemTime::now(), &date, out.bytes());
    let rest = (answer.content == Content::Whole).then(|| Box::new(Rest::Stream(stream)));
    Said {
        status: answer.status,
        length: 0,
        rest,
    }
}
