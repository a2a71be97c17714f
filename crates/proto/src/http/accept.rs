//! Which media types a peer likes (RFC 9110, section 12.5.1).

/// How much a peer that sent this `Accept` likes a media type, in thousandths; 0 is not at all. Without one it takes all
/// alike. What cannot be read in it is left out.
///
/// ```
/// # use proto::http::liking;
/// let browser = Some(&b"text/html,application/xml;q=0.9,*/*;q=0.8"[..]);
/// assert_eq!(liking(browser, "text/html"), 1000);
/// assert_eq!(liking(browser, "text/plain"), 800);
/// assert_eq!(liking(None, "text/plain"), 1000);
/// ```
pub fn liking(accept: Option<&[u8]>, media: &str) -> u16 {
    let Some(accept) = accept else {
        return 1000;
    };
    let Ok(accept) = std::str::from_utf8(accept) else {
        return 1000;
    };
    let likings = accept.split(',').filter_map(|range| weigh(range, media));
    // The range that names it most closely decides.
    likings.max().map_or(0, |(_, weight)| weight)
}

/// How closely a range names this type, and what it says of it; `None` where it is of others.
fn weigh(range: &str, media: &str) -> Option<(u8, u16)> {
    let mut parts = range.split(';').map(str::trim);
    let name = parts.next()?;
    let closeness = closeness(name, media)?;
    let weight = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.eq_ignore_ascii_case("q").then_some(value)
    });
    Some((closeness, weight.map_or(Some(1000), thousandths)?))
}

fn closeness(range: &str, media: &str) -> Option<u8> {
    if range == "*/*" {
        return Some(0);
    }
    if range.eq_ignore_ascii_case(media) {
        return Some(2);
    }
    let (kind, _) = media.split_once('/')?;
    let (wanted, "*") = range.split_once('/')? else {
        return None;
    };
    wanted.eq_ignore_ascii_case(kind).then_some(1)
}

/// Reads a weight (RFC 9110, section 12.4.2).
fn thousandths(text: &str) -> Option<u16> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    if rest.len() > 3 || !rest.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits: u16 = format!("{rest:0<3}").parse().ok()?;
    match whole {
        "0" => Some(digits),
        "1" if digits == 0 => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_liked() {
        let table = [
            ("application/json", "application/json", 1000),
            ("application/json", "text/html", 0),
            ("APPLICATION/Json; q=0.5", "application/json", 500),
            ("application/json;q=0", "application/json", 0),
            ("*/*", "text/html", 1000),
            (
                "*/*;q=0.25, text/*;q=0.5, text/html;q=0.125",
                "text/html",
                125,
            ),
            (
                "*/*;q=0.25, text/*;q=0.5, text/html;q=0.125",
                "text/plain",
                500,
            ),
            (
                "*/*;q=0.25, text/*;q=0.5, text/html;q=0.125",
                "image/png",
                250,
            ),
            ("text/html;level=1;q=0.3", "text/html", 300),
            ("text/html;q=1.001", "text/html", 0),
            ("text/html;q=0.1234, */*;q=0.2", "text/html", 200),
            ("text/html;q=", "text/html", 0),
            ("", "text/html", 0),
            (",;,/,*", "text/html", 0),
        ];
        for (accept, media, expected) in table {
            assert_eq!(
                liking(Some(accept.as_bytes()), media),
                expected,
                "{accept:?}"
            );
        }
        assert_eq!(liking(Some(b"\xff"), "text/html"), 1000);
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken(bytes: Vec<u8>, text in "[a-z/*;=q.0-9, ]{0,40}") {
            prop_assert!(liking(Some(&bytes), "text/html") <= 1000);
            prop_assert!(liking(Some(text.as_bytes()), "text/html") <= 1000);
        }
    }
}
