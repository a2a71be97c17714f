//! Header lines that are the same on many answers: how long something may be kept, and which other sites may read it.

use std::str::FromStr;
use std::time::Duration;

use anyhow::ensure;
use proto::http::Request;

/// What a preflight is told (Fetch standard, section 4.8): what this server does anyway. The star does not stand for
/// `Authorization`.
const PREFLIGHT: &str = "Access-Control-Allow-Methods: GET, HEAD, OPTIONS\r\n\
                         Access-Control-Allow-Headers: *, Authorization\r\n\
                         Access-Control-Max-Age: 86400\r\n";

/// What another site's script may read of an answer, beyond what it always may.
const EXPOSED: &str =
    "Access-Control-Expose-Headers: Accept-Ranges, Content-Encoding, Content-Range, Date, ETag\r\n";

/// Which other sites may read what is served, as it is typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Allowed {
    /// Every site.
    Any,
    /// One: a scheme, a host, and a port where it is not the usual one.
    Origin(String),
}

/// How long what is served may be kept, as it is typed: the value of `Cache-Control`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CacheControl(String);

/// Header lines that are written once for all answers.
#[derive(Debug)]
pub(crate) struct Lines {
    /// The origins that may read all, each with the lines for it.
    origins: Vec<(String, OfOne)>,
    /// For all others.
    others: OfOne,
    is_any: bool,
}

/// The lines of one origin. Those of problems and pages are the end of those of files.
#[derive(Debug)]
struct OfOne {
    lines: Vec<u8>,
    cache: usize,
}

impl Lines {
    pub(crate) fn new(cache: &CacheControl, allowed: &[Allowed]) -> Self {
        let of_one = |cors: &str| {
            let cache = format!("Cache-Control: {}\r\n", cache.0);
            let lines = format!("{cache}{cors}").into_bytes();
            let cache = cache.len();
            OfOne { lines, cache }
        };
        let is_any = allowed.contains(&Allowed::Any);
        let origins = allowed.iter().filter_map(|allowed| match allowed {
            Allowed::Origin(origin) if !is_any => Some(origin),
            _ => None,
        });
        let line =
            |origin: &str| format!("Access-Control-Allow-Origin: {origin}\r\n{EXPOSED}{VARY}");
        let origins: Vec<_> = origins
            .map(|origin| (origin.clone(), of_one(&line(origin))))
            .collect();
        let any = format!("Access-Control-Allow-Origin: *\r\n{EXPOSED}");
        let others = match (is_any, origins.is_empty()) {
            (true, _) => any.as_str(),
            (false, true) => "",
            (false, false) => VARY,
        };
        let others = of_one(others);
        Self {
            origins,
            others,
            is_any,
        }
    }

    /// The lines of a file that is served to this request.
    pub(crate) fn of_files(&self, request: &Request<'_>) -> &[u8] {
        &self.of(request).lines
    }

    /// The lines of a page of our own, which says itself how long it may be kept.
    pub(crate) fn of_pages(&self, request: &Request<'_>) -> &[u8] {
        let of_one = self.of(request);
        &of_one.lines[of_one.cache..]
    }

    /// What is said beside [`of_pages`](Self::of_pages) to an OPTIONS by which a browser asks whether a site may send
    /// something; `None` where this is none, or the site is not allowed.
    pub(crate) fn preflight(&self, request: &Request<'_>) -> Option<&'static [u8]> {
        let fields = &request.fields;
        fields.access_control_request_method.as_ref()?;
        let origin = fields.origin.as_deref()?;
        (self.is_any || self.find(origin).is_some()).then_some(PREFLIGHT.as_bytes())
    }

    /// Whether this request gets the lines that most do.
    pub(crate) fn are_usual(&self, request: &Request<'_>) -> bool {
        std::ptr::eq(self.of(request), &raw const self.others)
    }

    fn of(&self, request: &Request<'_>) -> &OfOne {
        if self.origins.is_empty() {
            return &self.others;
        }
        let origin = request.fields.origin.as_deref();
        let found = origin.and_then(|origin| self.find(origin));
        found.unwrap_or(&self.others)
    }

    fn find(&self, origin: &[u8]) -> Option<&OfOne> {
        let mut origins = self.origins.iter();
        let found = origins.find(|(known, _)| known.as_bytes() == origin)?;
        Some(&found.1)
    }
}

/// Said wherever the answer depends on who asks, also to those who get nothing by it.
const VARY: &str = "Vary: Origin\r\n";

impl CacheControl {
    /// So long without asking again.
    pub(crate) fn max_age(time: Duration) -> Self {
        Self(format!("max-age={}", time.as_secs()))
    }
}

impl Default for CacheControl {
    /// It may be kept, and is asked for before it is used: unchanged, that costs an answer without content.
    fn default() -> Self {
        Self("no-cache".into())
    }
}

impl FromStr for CacheControl {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_plain = |byte| matches!(byte, b' '..=b'~');
        ensure!(
            !text.trim().is_empty() && text.bytes().all(is_plain),
            "expected directives such as 'public, max-age=3600' or no-store"
        );
        Ok(Self(text.trim().into()))
    }
}

impl FromStr for Allowed {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let host = text
            .strip_prefix("https://")
            .or_else(|| text.strip_prefix("http://"));
        let is_host = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._:[]".contains(&byte)
        };
        ensure!(
            host.is_some_and(|host| !host.is_empty() && host.bytes().all(is_host)),
            "expected * or an origin in lower case, without a path, such as https://example.org; folders to serve come before \
             --cors"
        );
        Ok(Self::Origin(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use proto::http::{Fields, Method, Then, Version};

    use super::*;

    fn request(origin: Option<&'static str>, wants: Option<&'static str>) -> Request<'static> {
        let value = |text: Option<&'static str>| text.map(|text| text.as_bytes().into());
        Request {
            method: Method::Options,
            method_text: "OPTIONS",
            target: "/",
            version: Version::Http11,
            then: Then::Persist,
            host: None,
            fields: Fields {
                origin: value(origin),
                access_control_request_method: value(wants),
                ..Fields::default()
            },
        }
    }

    fn lines(allowed: &[&str]) -> Lines {
        let allowed: Vec<_> = allowed.iter().map(|text| text.parse().unwrap()).collect();
        Lines::new(&CacheControl::default(), &allowed)
    }

    fn text(lines: &[u8]) -> &str {
        std::str::from_utf8(lines).unwrap()
    }

    #[test]
    fn nobody_else_may_read_unless_told() {
        let (lines, request) = (lines(&[]), request(Some("https://a.example"), Some("GET")));
        assert_eq!(
            text(lines.of_files(&request)),
            "Cache-Control: no-cache\r\n"
        );
        assert_eq!(text(lines.of_pages(&request)), "");
        assert_eq!(lines.preflight(&request), None);
    }

    #[test]
    fn every_site_may_read() {
        let (lines, request) = (lines(&["*"]), request(Some("null"), Some("GET")));
        let pages = text(lines.of_pages(&request));
        assert!(
            pages.starts_with("Access-Control-Allow-Origin: *\r\n"),
            "{pages}"
        );
        assert!(!pages.contains("Vary"), "{pages}");
        assert!(lines.preflight(&request).is_some());
    }

    #[test]
    fn some_sites_may_read_and_caches_know_that_it_depends() {
        let lines = lines(&["https://a.example", "http://b.example:8080"]);
        let table = [
            (Some("https://a.example"), true),
            (Some("http://b.example:8080"), true),
            (Some("https://b.example:8080"), false),
            (Some("https://a.example.evil"), false),
            (Some("*"), false),
            (None, false),
        ];
        for (origin, allowed) in table {
            let request = request(origin, Some("GET"));
            let said = text(lines.of_files(&request));
            let line = format!(
                "Access-Control-Allow-Origin: {}\r\n",
                origin.unwrap_or_default()
            );
            assert_eq!(said.contains(&line), allowed, "{origin:?} {said}");
            assert!(said.ends_with("Vary: Origin\r\n"), "{said}");
            assert_eq!(lines.preflight(&request).is_some(), allowed, "{origin:?}");
        }
        assert!(
            lines
                .preflight(&request(Some("https://a.example"), None))
                .is_none()
        );
    }

    #[test]
    fn what_can_be_typed() {
        for text in [
            "null",
            "example.org",
            "https://",
            "https://a/",
            "https://A",
            "http://a\r\n",
        ] {
            assert!(text.parse::<Allowed>().is_err(), "{text:?}");
        }
        assert!("https://[::1]:8000".parse::<Allowed>().is_ok());
        for text in ["", " ", "a\r\nb", "ä"] {
            assert!(text.parse::<CacheControl>().is_err(), "{text:?}");
        }
        let max_age = CacheControl::max_age(Duration::from_secs(3600));
        assert_eq!(Ok(max_age), "max-age=3600".parse().map_err(|_| ()));
    }
}
