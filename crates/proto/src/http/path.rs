//! The path of a target: decoded once, and decided on as it is then.

use super::refusal::Refusal;

/// What a target names, decoded (RFC 3986, section 2.1): names with `/` between them, none of them empty, `.` or `..`,
/// without NUL, and without what separates names on another system. It is relative: the root is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    decoded: Vec<u8>,
    shape: Shape,
}

/// Whether a path is written as that of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// It ends in a name.
    File,
    /// It ends in `/`.
    Folder,
}

impl Path {
    /// Decodes the path of a target in origin form, whose query it leaves out. Several `/` in a row are one. What a `%`
    /// stands for is never decoded again, and bytes need not be UTF-8: names of files need not, either.
    ///
    /// # Errors
    /// [`Refusal::Malformed`] for what leads elsewhere than down, in whatever disguise, and for what cannot be decoded.
    pub fn decode(target: &str) -> Result<Self, Refusal> {
        let (path, _) = split(target);
        if !path.starts_with('/') {
            return Err(Refusal::Malformed("a target begins with /"));
        }
        let mut decoded = Vec::with_capacity(path.len());
        for name in path.as_bytes().split(|byte| *byte == b'/') {
            push(name, &mut decoded)?;
        }
        let shape = if path.ends_with('/') {
            Shape::Folder
        } else {
            Shape::File
        };
        Ok(Self { decoded, shape })
    }

    /// The names, with `/` between them.
    pub fn bytes(&self) -> &[u8] {
        &self.decoded
    }

    /// Whether it is written as that of a folder.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The names one by one.
    pub fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.decoded
            .split(|byte| *byte == b'/')
            .filter(|name| !name.is_empty())
    }

    /// Whether one of its names begins with a dot.
    pub fn is_hidden(&self) -> bool {
        self.names().any(|name| name.starts_with(b"."))
    }
}

/// Path and query of a target; the query is without its `?`.
pub fn split(target: &str) -> (&str, Option<&str>) {
    match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    }
}

/// Decodes a name and appends it to a path.
fn push(written: &[u8], path: &mut Vec<u8>) -> Result<(), Refusal> {
    if written.is_empty() {
        return Ok(());
    }
    if !path.is_empty() {
        path.push(b'/');
    }
    let begin = path.len();
    if written.contains(&b'%') {
        unescape(written, path)?;
    } else {
        path.extend_from_slice(written);
    }
    check(&path[begin..])
}

fn unescape(written: &[u8], out: &mut Vec<u8>) -> Result<(), Refusal> {
    let mut bytes = written.iter().copied();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => digit(bytes.next())? * 16 + digit(bytes.next())?,
            byte => byte,
        });
    }
    Ok(())
}

fn digit(byte: Option<u8>) -> Result<u8, Refusal> {
    match byte {
        Some(byte @ b'0'..=b'9') => Ok(byte - b'0'),
        Some(byte @ b'a'..=b'f') => Ok(byte - b'a' + 10),
        Some(byte @ b'A'..=b'F') => Ok(byte - b'A' + 10),
        _ => Err(Refusal::Malformed("two hexadecimal digits follow a %")),
    }
}

/// Whether a decoded name is one that a file can have, on any system.
fn check(name: &[u8]) -> Result<(), Refusal> {
    if matches!(name, b"." | b"..") || is_drive(name) || (cfg!(windows) && is_special(name)) {
        return Err(Refusal::Malformed("a path leads down"));
    }
    if name.iter().any(|byte| matches!(byte, b'/' | b'\\' | 0)) {
        return Err(Refusal::Malformed("a name has no separator and no NUL"));
    }
    Ok(())
}

fn is_drive(name: &[u8]) -> bool {
    matches!(name, [letter, b':'] if letter.is_ascii_alphabetic())
}

/// Whether Windows takes a name for something else than a file of this name: a stream or a drive, a device, or the name
/// without what ends it.
fn is_special(name: &[u8]) -> bool {
    let stem = name.split(|byte| *byte == b'.').next().unwrap_or(name);
    name.contains(&b':') || name.ends_with(b".") || name.ends_with(b" ") || is_device(stem)
}

fn is_device(stem: &[u8]) -> bool {
    let stem = stem.trim_ascii_end().to_ascii_uppercase();
    match stem.as_slice() {
        b"CON" | b"PRN" | b"AUX" | b"NUL" | b"CONIN$" | b"CONOUT$" => true,
        [b'C', b'O', b'M', number @ ..] | [b'L', b'P', b'T', number @ ..] => {
            // 1 to 9, which may be small and raised, and 0 beside them.
            matches!(number, [b'0'..=b'9'] | [0xc2, 0xb9 | 0xb2 | 0xb3])
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paths_are_decoded_once() {
        let table: &[(&str, &[u8], Shape)] = &[
            ("/", b"", Shape::Folder),
            ("/?x=/../", b"", Shape::Folder),
            ("//", b"", Shape::Folder),
            ("/a", b"a", Shape::File),
            ("/a/", b"a", Shape::Folder),
            ("/a/b.txt", b"a/b.txt", Shape::File),
            ("/a//b///", b"a/b", Shape::Folder),
            ("//evil.example/a", b"evil.example/a", Shape::File),
            ("/a%20b", b"a b", Shape::File),
            ("/a+b", b"a+b", Shape::File),
            ("/%61%2E%62", b"a.b", Shape::File),
            ("/%e2%82%ac", "\u{20ac}".as_bytes(), Shape::File),
            ("/\u{20ac}", "\u{20ac}".as_bytes(), Shape::File),
            ("/%3F%23", b"?#", Shape::File),
            ("/a%0d%0ab", b"a\r\nb", Shape::File),
            ("/...", b"...", Shape::File),
            ("/..a/a..", b"..a/a..", Shape::File),
            ("/%2e%2e%2e", b"...", Shape::File),
            // Encoded twice: a name with a % in it.
            ("/%252e%252e/a", b"%2e%2e/a", Shape::File),
            ("/%252fetc", b"%2fetc", Shape::File),
            ("/%2500", b"%00", Shape::File),
            // Longer than UTF-8 has it: the bytes that it is, never a dot or a slash.
            ("/%c0%ae%c0%ae", b"\xc0\xae\xc0\xae", Shape::File),
            ("/%c0%af", b"\xc0\xaf", Shape::File),
            ("/%e0%80%af", b"\xe0\x80\xaf", Shape::File),
            // Dots and slashes of other scripts.
            (
                "/%ef%bc%8e%ef%bc%8e%ef%bc%8fa",
                "\u{ff0e}\u{ff0e}\u{ff0f}a".as_bytes(),
                Shape::File,
            ),
        ];
        for (target, bytes, shape) in table {
            let path = Path::decode(target).unwrap();
            assert_eq!(path.bytes(), *bytes, "{target}");
            assert_eq!(path.shape(), *shape, "{target}");
        }
    }

    #[test]
    fn what_does_not_lead_down_is_refused() {
        let table = [
            "",
            "*",
            "a",
            "http://a/",
            "?",
            "/..",
            "/../",
            "/a/../b",
            "/a/..",
            "/./a",
            "/a/.",
            "/%2e%2e/a",
            "/%2E./a",
            "/.%2e",
            "/%2e",
            "/a%2fb",
            "/a%2Fb",
            "/..%2f..%2fetc/passwd",
            "/%2fetc",
            "/a\\b",
            "/..\\..\\a",
            "/%5c",
            "/..%5c..%5ca",
            "/a%00",
            "/a%00.html",
            "/a\0",
            "/%",
            "/%2",
            "/%zz",
            "/%+1",
            "/% 1",
            "/%2/a",
            "/%u002e",
            "/C:/Windows",
            "/c:",
            "/a/Z%3a/b",
        ];
        for target in table {
            let refused = Path::decode(target);
            assert!(
                matches!(refused, Err(Refusal::Malformed(_))),
                "{target:?}: {refused:?}"
            );
        }
    }

    #[test]
    fn what_windows_takes_for_something_else() {
        let special: [&[u8]; 14] = [
            b"a:b",
            b"a::$DATA",
            b"a.",
            b"a ",
            b"con",
            b"NUL.txt",
            b"aux.tar.gz",
            b"com1",
            b"LPT9.x",
            b"COM\xc2\xb9",
            b"prn .txt",
            b"CONIN$",
            b"...",
            b"COM0",
        ];
        for name in special {
            assert!(is_special(name), "{}", name.escape_ascii());
        }
        let files: [&[u8]; 6] = [b"a", b".a", b"a.txt", b"console", b"com", b"com10"];
        for name in files {
            assert!(!is_special(name), "{}", name.escape_ascii());
        }
    }

    #[test]
    fn hidden_names_begin_with_a_dot() {
        for (target, is_hidden) in [
            ("/", false),
            ("/a/b.c", false),
            ("/.git", true),
            ("/a/.git/config", true),
            ("/%2egit/config", true),
        ] {
            assert_eq!(
                Path::decode(target).unwrap().is_hidden(),
                is_hidden,
                "{target}"
            );
        }
    }

    #[test]
    fn a_query_follows_the_first_question_mark() {
        assert_eq!(split("/a?b?c"), ("/a", Some("b?c")));
        assert_eq!(split("/a?"), ("/a", Some("")));
        assert_eq!(split("/a"), ("/a", None));
    }

    proptest! {
        #[test]
        fn a_decoded_path_leads_down(target in "/([a.%/\\\\:0-9?]|%2[eEfF]|%5c|%00|%25){0,20}") {
            if let Ok(path) = Path::decode(&target) {
                prop_assert!(!path.bytes().starts_with(b"/") && !path.bytes().ends_with(b"/"));
                prop_assert!(!path.bytes().iter().any(|byte| matches!(byte, 0 | b'\\')));
                for name in path.bytes().split(|byte| *byte == b'/').skip(usize::from(path.bytes().is_empty())) {
                    prop_assert!(!matches!(name, b"" | b"." | b".."));
                }
            }
        }

        #[test]
        fn what_is_encoded_whole_is_decoded_again(names in prop::collection::vec("[^/\\\\\0]{1,8}", 1..4)) {
            prop_assume!(names.iter().all(|name| !matches!(name.as_str(), "." | "..") && !is_drive(name.as_bytes())));
            let encoded = |name: &String| name.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
            let target = names.iter().map(|name| format!("/{}", encoded(name))).collect::<String>();
            let (path, joined) = (Path::decode(&target).unwrap(), names.join("/"));
            prop_assert_eq!(path.bytes(), joined.as_bytes());
        }

        #[test]
        fn any_target_is_taken(target in ".{0,40}") {
            let _ = Path::decode(&target);
        }
    }
}
