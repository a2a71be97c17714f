//! Paths as they stand in a `Location` or a link: encoded again (RFC 3986, section 2.1).

use super::path::Path;

/// Where the folder at `path` is, with a `/` at its end, for a redirect that keeps the query. It begins with exactly one
/// `/`, so that it never names another host, and has nothing of the request in it but names that are encoded.
///
/// ```
/// use proto::http::{Path, location};
/// let path = Path::decode("/photos").unwrap();
/// assert_eq!(location(&path, Some("sort=size")), "/photos/?sort=size");
/// ```
pub fn location(path: &Path, query: Option<&str>) -> String {
    let mut location = String::from("/");
    for name in path.names() {
        encode_name(name, &mut location);
        location.push('/');
    }
    if let Some(query) = query {
        location.push('?');
        encode(query.as_bytes(), stands_in_query, &mut location);
    }
    location
}

/// Appends one name of a path: all but what RFC 3986 leaves unreserved is encoded, and so it may also stand in an attribute
/// of HTML, and in a relative link (section 4.2, where a colon must not).
pub fn encode_name(name: &[u8], out: &mut String) {
    encode(name, is_unreserved, out);
}

fn encode(bytes: &[u8], stands: fn(u8) -> bool, out: &mut String) {
    const HEX: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F',
    ];
    for byte in bytes {
        if stands(*byte) {
            out.push(char::from(*byte));
        } else {
            let digits = [HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]];
            out.push('%');
            out.extend(digits);
        }
    }
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

/// What a query may have in it; it is encoded already, so that `%` stands for itself.
fn stands_in_query(byte: u8) -> bool {
    is_unreserved(byte) || b"%!$&'()*+,;=:@/?".contains(&byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_encoded() {
        for (name, expected) in [
            (&b"plain-1.2_~"[..], "plain-1.2_~"),
            (b"a b", "a%20b"),
            (b"a/b\\c", "a%2Fb%5Cc"),
            (b"100%", "100%25"),
            (b"\"<&'>", "%22%3C%26%27%3E"),
            (b"javascript:x", "javascript%3Ax"),
            (b"?#;", "%3F%23%3B"),
            ("ä".as_bytes(), "%C3%A4"),
            (b"\r\n\0\xff", "%0D%0A%00%FF"),
        ] {
            let mut encoded = String::new();
            encode_name(name, &mut encoded);
            assert_eq!(encoded, expected);
        }
    }

    #[test]
    fn a_location_keeps_the_query_and_names_no_host() {
        for (target, expected) in [
            ("/", "/"),
            ("/docs", "/docs/"),
            ("/docs/", "/docs/"),
            ("/a/b", "/a/b/"),
        ] {
            let path = Path::decode(target).unwrap();
            assert_eq!(location(&path, None), expected);
        }
        let path = Path::decode("/docs").unwrap();
        assert_eq!(location(&path, Some("")), "/docs/?");
        assert_eq!(
            location(&path, Some("a=b&c=%20/?\r\n\"")),
            "/docs/?a=b&c=%20/?%0D%0A%22"
        );
    }

    proptest! {
        #[test]
        fn whatever_is_asked_for_a_location_is_a_path_here(target in "/[ -~]{0,40}") {
            if let Ok(path) = Path::decode(&target) {
                let location = location(&path, target.split_once('?').map(|(_, query)| query));
                prop_assert!(location.starts_with('/') && !location.starts_with("//"));
                prop_assert!(location.bytes().all(|byte| byte.is_ascii_graphic()));
            }
        }
    }
}
