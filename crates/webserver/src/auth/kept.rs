//! A request that waits: while somebody looks who asks, while a page is made.

use std::borrow::Cow;

use proto::http::{Fields, Method, Request, Then, Value, Version};

/// A request on its own, without the bytes in which it came.
#[derive(Debug)]
pub(crate) struct Kept {
    method: Method,
    method_text: Box<str>,
    target: Box<str>,
    version: Version,
    then: Then,
    host: Option<Box<str>>,
    fields: Fields<'static>,
}

impl Kept {
    /// Keeps a copy of a request, but for who asks.
    pub(crate) fn new(request: &Request<'_>) -> Self {
        Self {
            method: request.method,
            method_text: request.method_text.into(),
            target: request.target.into(),
            version: request.version,
            then: request.then,
            host: request.host.map(Into::into),
            fields: own(&request.fields),
        }
    }

    /// The request.
    pub(crate) fn request(&self) -> Request<'_> {
        Request {
            method: self.method,
            method_text: &self.method_text,
            target: &self.target,
            version: self.version,
            then: self.then,
            host: self.host.as_deref(),
            fields: self.fields.clone(),
        }
    }
}

fn own(fields: &Fields<'_>) -> Fields<'static> {
    let own = |value: &Value<'_>| value.clone().map(|value| Cow::Owned(value.into_owned()));
    Fields {
        accept: own(&fields.accept),
        accept_encoding: own(&fields.accept_encoding),
        authorization: None,
        if_match: own(&fields.if_match),
        if_none_match: own(&fields.if_none_match),
        if_modified_since: own(&fields.if_modified_since),
        if_unmodified_since: own(&fields.if_unmodified_since),
        if_range: own(&fields.if_range),
        range: own(&fields.range),
        origin: own(&fields.origin),
        access_control_request_method: own(&fields.access_control_request_method),
        referer: own(&fields.referer),
        user_agent: own(&fields.user_agent),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_kept_whole_but_for_its_secret() {
        let field = |text: &'static str| Some(Cow::from(text.as_bytes()));
        let request = Request {
            method: Method::Get,
            method_text: "GET",
            target: "/a?b",
            version: Version::Http11,
            then: Then::Close,
            host: Some("example.org"),
            fields: Fields {
                accept: field("1"),
                accept_encoding: field("2"),
                authorization: None,
                if_match: field("3"),
                if_none_match: field("4"),
                if_modified_since: field("5"),
                if_unmodified_since: field("6"),
                if_range: field("7"),
                range: field("8"),
                origin: field("9"),
                access_control_request_method: field("10"),
                referer: field("11"),
                user_agent: field("12"),
            },
        };
        let mut asked = request.clone();
        asked.fields.authorization = field("Basic YTpi");
        assert_eq!(Kept::new(&asked).request(), request);
    }
}
