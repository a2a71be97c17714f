//! What tells one state of a resource from another (RFC 9110, section 8.8), and whether a request's conditions hold.

use std::fmt::Write;
use std::str;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::coding::Coding;
use super::request::{Method, Request};

/// What tells one state of a representation from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validators {
    /// The entity tag with its quotes, `W/` before them where it is weak.
    pub etag: String,
    /// When it was last changed, of which HTTP tells whole seconds.
    pub modified: Option<SystemTime>,
}

/// What a request's conditions say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// They hold, or there are none.
    Proceed,
    /// The peer has it already: 304.
    NotModified,
    /// What it wants to be true is not: 412.
    Failed,
}

impl Validators {
    /// Those of a state that these numbers together tell from every other: its bytes are the same wherever the numbers
    /// are.
    pub fn strong(state: &[u64], modified: Option<SystemTime>) -> Self {
        let mut etag = String::from("\"");
        for (place, number) in state.iter().enumerate() {
            let dash = if place == 0 { "" } else { "-" };
            // A string takes all that is written to it.
            let _ = write!(etag, "{dash}{number:x}");
        }
        etag.push('"');
        Self { etag, modified }
    }

    /// Those of the same state when it is compressed while it is sent: a tag of its own, and weak, for another
    /// version of the compressor makes other bytes of it (RFC 9110, section 8.8.3.3).
    pub fn compressed(&self, coding: Coding) -> Self {
        let Some(name) = coding.name() else {
            return self.clone();
        };
        let opaque = opaque(self.etag.as_bytes());
        let text = str::from_utf8(opaque).unwrap_or_default();
        Self {
            etag: format!("W/\"{}-{name}\"", text.trim_matches('"')),
            modified: self.modified,
        }
    }

    /// Decides a request's conditions in their order (RFC 9110, section 13.2.2). Those of an OPTIONS are not looked at.
    pub fn judge(&self, request: &Request<'_>) -> Verdict {
        if !matches!(request.method, Method::Get | Method::Head) {
            return Verdict::Proceed;
        }
        match self.is_as_wanted(request) {
            false => Verdict::Failed,
            true if self.is_known(request) => Verdict::NotModified,
            true => Verdict::Proceed,
        }
    }

    /// Whether `If-Range` lets ranges through (RFC 9110, section 13.1.5), as it does where it is absent. `now` tells
    /// whether the time of the last change is a strong validator.
    pub fn allows_ranges(&self, request: &Request<'_>, now: SystemTime) -> bool {
        let Some(value) = &request.fields.if_range else {
            return true;
        };
        let value = value.trim_ascii();
        if value.starts_with(b"\"") || value.starts_with(b"W/") {
            return is_strong(value) && value == self.etag.as_bytes();
        }
        // It may have changed twice in the second that the time tells, unless that second is over.
        let modified = self.modified.map(seconds);
        date(value).is_some_and(|date| Some(date) == modified && date < seconds(now))
    }

    /// `If-Match`, or else `If-Unmodified-Since`.
    fn is_as_wanted(&self, request: &Request<'_>) -> bool {
        if let Some(tags) = &request.fields.if_match {
            let ours = self.etag.as_bytes();
            return names_any(tags) || is_strong(ours) && tags_of(tags).any(|tag| tag == ours);
        }
        let since = request.fields.if_unmodified_since.as_deref().and_then(date);
        match (since, self.modified) {
            (Some(since), Some(modified)) => seconds(modified) <= since,
            _ => true,
        }
    }

    /// `If-None-Match`, or else `If-Modified-Since`.
    fn is_known(&self, request: &Request<'_>) -> bool {
        if let Some(tags) = &request.fields.if_none_match {
            let ours = opaque(self.etag.as_bytes());
            return names_any(tags) || tags_of(tags).any(|tag| opaque(tag) == ours);
        }
        let since = request.fields.if_modified_since.as_deref().and_then(date);
        match (since, self.modified) {
            (Some(since), Some(modified)) => seconds(modified) <= since,
            _ => false,
        }
    }
}

/// The last second that HTTP can tell: the end of the year 9999.
const LAST_SECOND: u64 = 253_402_300_799;

/// A time as HTTP tells it: in whole seconds since 1970, never before that and never after the year 9999.
pub(super) fn seconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    since.as_secs().min(LAST_SECOND)
}

/// Reads a date in any of its three forms (RFC 9110, section 5.6.7).
fn date(value: &[u8]) -> Option<u64> {
    let text = str::from_utf8(value).ok()?;
    httpdate::parse_http_date(text).ok().map(seconds)
}

fn names_any(tags: &[u8]) -> bool {
    tags.trim_ascii() == b"*"
}

fn is_strong(tag: &[u8]) -> bool {
    tag.starts_with(b"\"")
}

/// The tag without what says that it is weak.
fn opaque(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").unwrap_or(tag)
}

/// The entity tags of a list, up to the first that is malformed.
fn tags_of(mut list: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let begin = list.iter().position(|byte| !b", \t".contains(byte))?;
        let (tag, rest) = first_tag(&list[begin..])?;
        list = rest;
        Some(tag)
    })
}

/// A tag at the beginning, and what follows it (RFC 9110, section 8.8.3).
fn first_tag(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let prefix = text.len() - opaque(text).len();
    let content = text[prefix..].strip_prefix(b"\"")?;
    let length = content.iter().position(|byte| *byte == b'"')?;
    let is_valid = |byte: &u8| *byte > b' ' && *byte != 0x7f;
    let is_tag = content[..length].iter().all(is_valid);
    let (tag, rest) = text.split_at(prefix + length + 2);
    let is_ended = matches!(rest.trim_ascii_start(), [] | [b',', ..]);
    (is_tag && is_ended).then_some((tag, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::request::{Fields, Then, Version};
    use super::*;

    const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const THEN: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const AFTER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

    /// What changed in the midst of the second [`THEN`].
    fn modified() -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(784_111_777_400)
    }

    fn validators(etag: &str) -> Validators {
        Validators {
            etag: etag.into(),
            modified: Some(modified()),
        }
    }

    /// A GET with one field a line.
    fn get(lines: &str) -> Request<'_> {
        let mut fields = Fields::default();
        for (name, value) in lines.lines().filter_map(|line| line.split_once(": ")) {
            let value = Some(value.as_bytes().into());
            match name {
                "If-Match" => fields.if_match = value,
                "If-None-Match" => fields.if_none_match = value,
                "If-Modified-Since" => fields.if_modified_since = value,
                "If-Unmodified-Since" => fields.if_unmodified_since = value,
                _ => fields.if_range = value,
            }
        }
        Request {
            method: Method::Get,
            method_text: "GET",
            target: "/",
            version: Version::Http11,
            then: Then::Persist,
            host: None,
            fields,
        }
    }

    fn check(etag: &str, table: &[(&str, Verdict)]) {
        for (lines, expected) in table {
            assert_eq!(validators(etag).judge(&get(lines)), *expected, "{lines}");
        }
    }

    #[test]
    fn tags_are_compared() {
        check(
            "\"a,b\"",
            &[
                ("", Verdict::Proceed),
                ("If-Match: \"a,b\"", Verdict::Proceed),
                ("If-Match: \"x\", \"a,b\"", Verdict::Proceed),
                ("If-Match: *", Verdict::Proceed),
                ("If-Match: \"x\"", Verdict::Failed),
                ("If-Match: W/\"a,b\"", Verdict::Failed),
                ("If-Match: a,b", Verdict::Failed),
                ("If-Match: ", Verdict::Failed),
                ("If-None-Match: \"a,b\"", Verdict::NotModified),
                ("If-None-Match: W/\"a,b\"", Verdict::NotModified),
                ("If-None-Match: \"x\",\"a,b\"", Verdict::NotModified),
                (
                    "If-None-Match: ,, \"x\" , W/\"a,b\" ,",
                    Verdict::NotModified,
                ),
                ("If-None-Match: *", Verdict::NotModified),
                ("If-None-Match:  * ", Verdict::NotModified),
                ("If-None-Match: \"x\"", Verdict::Proceed),
                ("If-None-Match: \"A,B\"", Verdict::Proceed),
                ("If-None-Match: a,b", Verdict::Proceed),
                ("If-None-Match: w/\"a,b\"", Verdict::Proceed),
                ("If-None-Match: \"x\" \"a,b\"", Verdict::Proceed),
                ("If-None-Match: \"x, \"a,b\"", Verdict::Proceed),
                ("If-None-Match: \"", Verdict::Proceed),
                ("If-None-Match: \"\"", Verdict::Proceed),
            ],
        );
        check(
            "W/\"a\"",
            &[
                ("If-Match: W/\"a\"", Verdict::Failed),
                ("If-Match: \"a\"", Verdict::Failed),
                ("If-Match: *", Verdict::Proceed),
                ("If-None-Match: \"a\"", Verdict::NotModified),
                ("If-None-Match: W/\"a\"", Verdict::NotModified),
            ],
        );
    }

    #[test]
    fn dates_are_compared_in_whole_seconds() {
        for (name, before, then, after) in [
            (
                "If-Modified-Since",
                Verdict::Proceed,
                Verdict::NotModified,
                Verdict::NotModified,
            ),
            (
                "If-Unmodified-Since",
                Verdict::Failed,
                Verdict::Proceed,
                Verdict::Proceed,
            ),
        ] {
            for (date, expected) in [
                (BEFORE, before),
                (THEN, then),
                (AFTER, after),
                ("Sunday, 06-Nov-94 08:49:36 GMT", before),
                ("Sun Nov  6 08:49:37 1994", then),
                // What is no date is not there.
                ("Mon, 06 Nov 1994 08:49:37 GMT", Verdict::Proceed),
                ("yesterday", Verdict::Proceed),
                ("784111777", Verdict::Proceed),
                ("", Verdict::Proceed),
            ] {
                let line = format!("{name}: {date}");
                assert_eq!(validators("\"a\"").judge(&get(&line)), expected, "{line}");
            }
        }
    }

    #[test]
    fn conditions_have_an_order() {
        let table = [
            // A tag goes before a date, whatever it says.
            (
                format!("If-Match: \"a\"\nIf-Unmodified-Since: {BEFORE}"),
                Verdict::Proceed,
            ),
            (
                format!("If-None-Match: \"x\"\nIf-Modified-Since: {AFTER}"),
                Verdict::Proceed,
            ),
            (
                format!("If-None-Match: \"a\"\nIf-Modified-Since: {BEFORE}"),
                Verdict::NotModified,
            ),
            // What has to be true goes before what is known already.
            (
                "If-Match: \"x\"\nIf-None-Match: \"a\"".into(),
                Verdict::Failed,
            ),
            (
                "If-Match: \"a\"\nIf-None-Match: \"a\"".into(),
                Verdict::NotModified,
            ),
            (
                format!("If-Unmodified-Since: {BEFORE}\nIf-None-Match: \"a\""),
                Verdict::Failed,
            ),
            (
                format!("If-Unmodified-Since: {THEN}\nIf-Modified-Since: {THEN}"),
                Verdict::NotModified,
            ),
        ];
        for (lines, expected) in &table {
            assert_eq!(validators("\"a\"").judge(&get(lines)), *expected, "{lines}");
        }
    }

    #[test]
    fn only_get_and_head_have_conditions() {
        for (method, expected) in [
            (Method::Get, Verdict::NotModified),
            (Method::Head, Verdict::NotModified),
            (Method::Options, Verdict::Proceed),
            (Method::Other, Verdict::Proceed),
        ] {
            let request = Request {
                method,
                ..get("If-None-Match: *")
            };
            assert_eq!(validators("\"a\"").judge(&request), expected, "{method:?}");
        }
    }

    #[test]
    fn what_has_no_time_is_judged_by_its_tag() {
        let timeless = Validators {
            etag: "\"a\"".into(),
            modified: None,
        };
        for name in ["If-Modified-Since", "If-Unmodified-Since"] {
            let line = format!("{name}: {THEN}");
            assert_eq!(timeless.judge(&get(&line)), Verdict::Proceed, "{line}");
        }
        let line = format!("If-Range: {THEN}");
        assert!(!timeless.allows_ranges(&get(&line), modified() + Duration::from_secs(9)));
    }

    #[test]
    fn ranges_need_a_strong_validator() {
        let (same, next) = (modified(), modified() + Duration::from_millis(600));
        let table = [
            (String::new(), "\"a\"", same, true),
            ("If-Range: \"a\"".into(), "\"a\"", same, true),
            ("If-Range:  \"a\" ".into(), "\"a\"", same, true),
            ("If-Range: \"x\"".into(), "\"a\"", next, false),
            ("If-Range: W/\"a\"".into(), "\"a\"", next, false),
            ("If-Range: W/\"a\"".into(), "W/\"a\"", next, false),
            ("If-Range: \"a\"".into(), "W/\"a\"", next, false),
            ("If-Range: \"a\", \"b\"".into(), "\"a\"", next, false),
            ("If-Range: *".into(), "\"a\"", next, false),
            (format!("If-Range: {THEN}"), "\"a\"", next, true),
            (format!("If-Range: {THEN}"), "\"a\"", same, false),
            (format!("If-Range: {BEFORE}"), "\"a\"", next, false),
            (format!("If-Range: {AFTER}"), "\"a\"", next, false),
            ("If-Range: yesterday".into(), "\"a\"", next, false),
            ("If-Range: ".into(), "\"a\"", next, false),
        ];
        for (line, etag, now, expected) in &table {
            let allowed = validators(etag).allows_ranges(&get(line), *now);
            assert_eq!(allowed, *expected, "{line} of {etag}");
        }
    }

    #[test]
    fn tags_are_made_of_states() {
        let made = Validators::strong(&[255, 0, u64::MAX], None);
        assert_eq!(made.etag, "\"ff-0-ffffffffffffffff\"");
        assert_eq!(
            made.compressed(Coding::Zstd).etag,
            "W/\"ff-0-ffffffffffffffff-zstd\""
        );
        assert_eq!(made.compressed(Coding::Identity), made);
        assert_eq!(
            validators("W/\"a\"").compressed(Coding::Gzip).etag,
            "W/\"a-gzip\""
        );
    }

    #[test]
    fn times_that_http_cannot_tell_are_told_as_near_as_it_can() {
        let table = [
            (UNIX_EPOCH - Duration::from_secs(1), 0),
            (UNIX_EPOCH, 0),
            (modified(), 784_111_777),
            (
                UNIX_EPOCH + Duration::from_secs(LAST_SECOND + 1),
                LAST_SECOND,
            ),
        ];
        for (time, expected) in table {
            assert_eq!(seconds(time), expected);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken(
            if_match: Option<Vec<u8>>,
            if_none_match: Option<Vec<u8>>,
            if_modified_since: Option<Vec<u8>>,
            if_range: Option<Vec<u8>>,
        ) {
            let mut request = get("");
            request.fields.if_match = if_match.map(Into::into);
            request.fields.if_none_match = if_none_match.map(Into::into);
            request.fields.if_modified_since = if_modified_since.map(Into::into);
            request.fields.if_range = if_range.map(Into::into);
            let _ = validators("\"a\"").judge(&request);
            let _ = validators("\"a\"").allows_ranges(&request, modified());
        }

        #[test]
        fn a_tag_is_found_in_any_list(
            before in prop::collection::vec("(W/)?\"[!#-~]{0,5}\"", 0..4),
            gap in "[ \t]{0,2},[ \t,]{0,2}",
            after in "( {0,2},[ ,]{0,2}\"[a-z]\")?",
        ) {
            let list = before.iter().flat_map(|tag| [tag, gap.as_str()]).collect::<String>();
            let line = format!("If-None-Match: {list}\"the one\"{after}");
            prop_assert_eq!(validators("\"the one\"").judge(&get(&line)), Verdict::Proceed, "a space is not of a tag");
            let line = format!("If-None-Match: {list}\"the-one\"{after}");
            prop_assert_eq!(validators("\"the-one\"").judge(&get(&line)), Verdict::NotModified);
        }
    }
}
