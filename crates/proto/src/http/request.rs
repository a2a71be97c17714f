//! A request as it is understood: what is wanted, and what of its header fields matters to a server of files.

use std::borrow::Cow;

/// What is to be done with the resource (RFC 9110, section 9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Its content is wanted.
    Get,
    /// What is known of it is wanted.
    Head,
    /// What can be done with it is wanted.
    Options,
    /// Something that this server does with nothing; it is answered 405, or 501 where nobody knows such a method.
    Other,
}

/// Which HTTP the peer speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0: one request, unless it asks for more.
    Http10,
    /// HTTP/1.1.
    Http11,
}

/// What becomes of the connection after the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// Another request may come.
    Persist,
    /// It is closed.
    Close,
}

/// A request whose head has come whole and breaks no rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// What is to be done.
    pub method: Method,
    /// The method as it was written, for a log.
    pub method_text: &'a str,
    /// Path and query as they were written: begins with `/`, or is `*` of an OPTIONS.
    pub target: &'a str,
    /// Which HTTP it is.
    pub version: Version,
    /// What becomes of the connection afterwards.
    pub then: Then,
    /// Whom it is for, as the peer calls it; an HTTP/1.0 peer may not say.
    pub host: Option<&'a str>,
    /// The header fields that matter.
    pub fields: Fields<'a>,
}

/// A header field's value. Fields that are lists may have come in several lines, which are one here (RFC 9110, section
/// 5.3).
pub type Value<'a> = Option<Cow<'a, [u8]>>;

/// The header fields that matter to a server of files. All others are dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the fields in RFC 9110")]
pub struct Fields<'a> {
    pub accept: Value<'a>,
    pub accept_encoding: Value<'a>,
    pub authorization: Value<'a>,
    pub if_match: Value<'a>,
    pub if_none_match: Value<'a>,
    pub if_modified_since: Value<'a>,
    pub if_unmodified_since: Value<'a>,
    pub if_range: Value<'a>,
    pub range: Value<'a>,
    pub origin: Value<'a>,
    pub access_control_request_method: Value<'a>,
    pub referer: Value<'a>,
    pub user_agent: Value<'a>,
}
