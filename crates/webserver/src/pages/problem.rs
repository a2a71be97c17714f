//! What went wrong, for people and for programs.

use std::fmt::Write;

use bytes::Bytes;
use proto::http::{Coding, Fields, Status, liking};

use super::html::{BOTTOM, Top};
use super::style::{PLAIN_LINES, html_lines};
use super::text::Html;
use super::{HTML, Page, TEXT};

/// The page of an error. It is HTML where HTML is liked better than plain text, as by browsers. `hint` says more where
/// more is known, in a fragment.
pub(crate) fn problem(status: Status, fields: &Fields<'_>, hint: &str) -> Page {
    let accept = fields.accept.as_deref();
    let (media, body, more) = if liking(accept, "text/html") > liking(accept, "text/plain") {
        (HTML, html(status, hint), html_lines())
    } else {
        (TEXT, text(status, hint), PLAIN_LINES.as_bytes())
    };
    Page {
        media,
        body: Bytes::from(body),
        coding: Coding::Identity,
        validators: None,
        more,
    }
}

fn text(status: Status, hint: &str) -> String {
    let mut text = String::with_capacity(64);
    // Writing to a string does not fail.
    let _ = match hint {
        "" => writeln!(text, "{status}"),
        hint => writeln!(text, "{status}: {hint}"),
    };
    text
}

fn html(status: Status, hint: &str) -> String {
    let (top, code, reason) = (Top(status, "problem"), status.code(), status.reason());
    let mut page = format!("{top}<main>\n<h1><span>{code}</span>{reason}</h1>\n");
    let hint = if hint.is_empty() {
        plainly(status)
    } else {
        hint
    };
    // Writing to a string does not fail.
    let _ = writeln!(page, "<p>{}</p>", Html(sentence(hint).as_bytes()));
    if status == Status::NotFound {
        page.push_str("<p><a href=\"/\">Go to the index</a></p>\n");
    }
    page + "</main>\n" + BOTTOM
}

/// What that means to somebody who only clicked.
fn plainly(status: Status) -> &'static str {
    match status {
        Status::NotFound => "there is nothing at this address",
        Status::Unauthorized => "this is for people with a name and a password",
        Status::Forbidden => "the server may not show this",
        Status::TooManyRequests | Status::Unavailable => "the server is busy; try again soon",
        Status::RequestTimeout => "the request took too long to arrive",
        Status::ServerError => "the server could not read this",
        _ => "the server does not answer such requests",
    }
}

/// A fragment as a sentence.
fn sentence(fragment: &str) -> String {
    let mut letters = fragment.chars();
    let first = letters
        .next()
        .map(|letter| letter.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str() + "."
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(status: Status, accept: Option<&str>, hint: &str) -> (&'static str, String) {
        let fields = Fields {
            accept: accept.map(|accept| accept.as_bytes().into()),
            ..Fields::default()
        };
        let page = problem(status, &fields, hint);
        (page.media, String::from_utf8(page.body.to_vec()).unwrap())
    }

    #[test]
    fn a_browser_sees_a_page_and_a_program_a_line() {
        let browser = Some("text/html,application/xml;q=0.9,*/*;q=0.8");
        let (media, text) = page(Status::NotFound, browser, "");
        assert_eq!(media, HTML);
        let parts = [
            "<span>404</span>Not Found</h1>",
            "There is nothing at this address.",
        ];
        assert!(parts.iter().all(|part| text.contains(part)), "{text}");
        for accept in [
            None,
            Some("*/*"),
            Some("text/plain"),
            Some("image/avif,*/*"),
        ] {
            let expected = (TEXT, "404 Not Found\n".into());
            assert_eq!(page(Status::NotFound, accept, ""), expected, "{accept:?}");
        }
    }

    #[test]
    fn a_hint_is_shown_and_does_nothing() {
        let (_, text) = page(Status::BadRequest, None, "expected <b>");
        assert_eq!(text, "400 Bad Request: expected <b>\n");
        let (_, html) = page(Status::BadRequest, Some("text/html"), "expected <b>");
        assert!(html.contains("<p>Expected &lt;b&gt;.</p>"), "{html}");
    }
}
