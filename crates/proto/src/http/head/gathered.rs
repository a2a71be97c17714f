//! The header fields of one head, as far as they matter.

use std::borrow::Cow;

use super::framing::{Framing, framing};
use super::host;
use crate::http::refusal::Refusal;
use crate::http::request::{Fields, Then, Value, Version};

/// What the fields of one head say.
#[derive(Debug, Default)]
pub(super) struct Gathered<'a> {
    /// Those that matter to who answers.
    pub(super) fields: Fields<'a>,
    host: Option<&'a [u8]>,
    length: Option<&'a [u8]>,
    coding: Value<'a>,
    expectation: Value<'a>,
    /// Whether `Connection` has `close`, or `keep-alive`.
    close: bool,
    keep_alive: bool,
}

impl<'a> Gathered<'a> {
    /// Takes a field. All that do not matter are dropped.
    pub(super) fn take(&mut self, name: &str, value: &'a [u8]) -> Result<(), Refusal> {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        let fields = &mut self.fields;
        match name.len() {
            4 if is("host") => {
                return once(&mut self.host, value, "Host comes once");
            }
            5 if is("range") => return single(&mut fields.range, value),
            6 if is("accept") => join(&mut fields.accept, value),
            6 if is("expect") => join(&mut self.expectation, value),
            6 if is("origin") => return single(&mut fields.origin, value),
            7 if is("referer") => first(&mut fields.referer, value),
            8 if is("if-match") => join(&mut fields.if_match, value),
            8 if is("if-range") => return single(&mut fields.if_range, value),
            10 if is("connection") => self.connection(value),
            10 if is("user-agent") => first(&mut fields.user_agent, value),
            13 if is("if-none-match") => join(&mut fields.if_none_match, value),
            13 if is("authorization") => return single(&mut fields.authorization, value),
            14 if is("content-length") => {
                return once(&mut self.length, value, "Content-Length comes once");
            }
            15 if is("accept-encoding") => join(&mut fields.accept_encoding, value),
            17 if is("if-modified-since") => return single(&mut fields.if_modified_since, value),
            17 if is("transfer-encoding") => join(&mut self.coding, value),
            19 if is("if-unmodified-since") => {
                return single(&mut fields.if_unmodified_since, value);
            }
            29 if is("access-control-request-method") => {
                return single(&mut fields.access_control_request_method, value);
            }
            _ => {}
        }
        Ok(())
    }

    fn connection(&mut self, value: &[u8]) {
        for option in value.split(|byte| *byte == b',') {
            let option = option.trim_ascii();
            self.close |= option.eq_ignore_ascii_case(b"close");
            self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
        }
    }

    /// Whom it is for, which a peer of HTTP/1.1 has to say (RFC 9112, section 3.2).
    pub(super) fn host(&self, version: Version) -> Result<Option<&'a str>, Refusal> {
        match (self.host, version) {
            (Some(value), _) => host::decode(value).map(Some),
            (None, Version::Http10) => Ok(None),
            (None, Version::Http11) => Err(Refusal::Malformed("Host is there")),
        }
    }

    /// How its body is delimited.
    pub(super) fn framing(&self, version: Version) -> Result<Framing, Refusal> {
        framing(self.length, &self.coding, version)
    }

    /// What becomes of the connection (RFC 9112, section 9.3).
    pub(super) fn then(&self, version: Version) -> Then {
        let persists = match version {
            Version::Http10 => self.keep_alive,
            Version::Http11 => true,
        };
        match persists && !self.close {
            true => Then::Persist,
            false => Then::Close,
        }
    }

    /// Whether its peer waits to be told that the body is welcome (RFC 9110, section 10.1.1).
    pub(super) fn expects(&self, version: Version) -> Result<bool, Refusal> {
        match (&self.expectation, version) {
            (None, _) | (_, Version::Http10) => Ok(false),
            (Some(value), _) if value.eq_ignore_ascii_case(b"100-continue") => Ok(true),
            _ => Err(Refusal::Expectation),
        }
    }
}

/// A list may come in several lines (RFC 9110, section 5.3).
fn join<'a>(slot: &mut Value<'a>, value: &'a [u8]) {
    match slot {
        None => *slot = Some(value.into()),
        Some(before) => {
            let before = Cow::to_mut(before);
            before.extend_from_slice(b", ");
            before.extend_from_slice(value);
        }
    }
}

fn single<'a>(slot: &mut Value<'a>, value: &'a [u8]) -> Result<(), Refusal> {
    if slot.is_some() {
        return Err(Refusal::Malformed("a field that is no list comes once"));
    }
    *slot = Some(value.into());
    Ok(())
}

fn once<'a>(
    slot: &mut Option<&'a [u8]>,
    value: &'a [u8],
    rule: &'static str,
) -> Result<(), Refusal> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(Refusal::Malformed(rule)),
    }
}

/// What is only written down: further ones are let go.
fn first<'a>(slot: &mut Value<'a>, value: &'a [u8]) {
    slot.get_or_insert(value.into());
}
