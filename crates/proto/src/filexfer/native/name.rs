//! Names of files as they travel: paths relative to a folder, which lead nowhere else.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The longest name in bytes (Linux: PATH_MAX).
pub const MAX_NAME: usize = 4096;

/// The longest part of a name in bytes, as most file systems have it (NAME_MAX).
pub const MAX_PART: usize = 255;

/// The most parts of a name.
pub const MAX_DEPTH: usize = 128;

/// Why bytes are no [`Name`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NameError {
    /// It is empty or too long; it holds the length in bytes.
    #[error("expected a name of 1 to {MAX_NAME} bytes, got {0}")]
    Length(usize),
    /// One of its parts is empty or too long: `//`, a `/` at either end.
    #[error("expected parts of 1 to {MAX_PART} bytes between '/', got {0}")]
    PartLength(usize),
    /// It is nested too deep.
    #[error("expected a name of at most {MAX_DEPTH} parts")]
    Depth,
    /// A part is `.` or `..`.
    #[error("expected a name without '.' and '..'")]
    Dots,
    /// It has a control character, which a terminal or a script would obey.
    #[error("expected a name without control characters")]
    Control,
}

/// The name of a file or folder: parts joined by `/`, relative to a folder.
///
/// It is not empty, starts with no `/`, has no part `.` or `..`, none that is empty or over [`MAX_PART`] bytes, and no
/// control character. It need not be UTF-8: on Unix names are bytes. What a name means to a system with other rules is
/// told by [`is_safe_on_windows`](Self::is_safe_on_windows).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<u8>", into = "Vec<u8>")]
pub struct Name(Box<[u8]>);

impl Name {
    /// The name with these bytes.
    ///
    /// # Errors
    /// [`NameError`], which says what is wrong with them.
    pub fn new(bytes: impl Into<Box<[u8]>>) -> Result<Self, NameError> {
        let bytes = bytes.into();
        if bytes.is_empty() || bytes.len() > MAX_NAME {
            return Err(NameError::Length(bytes.len()));
        }
        if bytes.iter().filter(|byte| **byte == b'/').count() >= MAX_DEPTH {
            return Err(NameError::Depth);
        }
        if has_control(&bytes) {
            return Err(NameError::Control);
        }
        bytes.split(|byte| *byte == b'/').try_for_each(check_part)?;
        Ok(Self(bytes))
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Its parts, from the outermost folder to the file.
    pub fn parts(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.0.split(|byte| *byte == b'/')
    }

    /// Whether it is this folder, or in it.
    pub fn is_within(&self, folder: &Self) -> bool {
        let rest = self.0.strip_prefix(&*folder.0);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
    }

    /// Whether Windows takes it for what it is: no `\`, `:` or other character of its own, no device such as `NUL`, no
    /// part that ends in a dot or a blank, and UTF-8.
    pub fn is_safe_on_windows(&self) -> bool {
        self.parts().all(is_safe_part)
    }
}

fn check_part(part: &[u8]) -> Result<(), NameError> {
    match part {
        [] => Err(NameError::PartLength(0)),
        b"." | b".." => Err(NameError::Dots),
        part if part.len() > MAX_PART => Err(NameError::PartLength(part.len())),
        _ => Ok(()),
    }
}

/// Whether there are control characters in this. Bytes that are no UTF-8 are looked at one by one.
pub fn has_control(bytes: &[u8]) -> bool {
    bytes.utf8_chunks().any(|chunk| {
        let invalid = chunk.invalid().iter().any(u8::is_ascii_control);
        invalid || chunk.valid().chars().any(char::is_control)
    })
}

/// Devices of Windows, whatever extension follows.
const DEVICES: [&str; 6] = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];

fn is_safe_part(part: &[u8]) -> bool {
    let Ok(part) = str::from_utf8(part) else {
        return false;
    };
    let stem = part.split('.').next().unwrap_or_default().trim_end();
    !part.contains(['\\', ':', '*', '?', '"', '<', '>', '|'])
        && !part.ends_with(['.', ' '])
        && !DEVICES
            .iter()
            .any(|device| stem.eq_ignore_ascii_case(device))
        && !is_port(stem)
}

/// `COM1` to `LPT9`, also with the superscript digits that Windows takes for digits.
fn is_port(stem: &str) -> bool {
    let mut chars = stem.chars();
    let digit = chars.next_back();
    let kind = chars.as_str();
    let is_kind = kind.eq_ignore_ascii_case("COM") || kind.eq_ignore_ascii_case("LPT");
    is_kind && digit.is_some_and(|digit| digit.is_ascii_digit() || "¹²³".contains(digit))
}

impl TryFrom<Vec<u8>> for Name {
    type Error = NameError;

    fn try_from(bytes: Vec<u8>) -> Result<Self, NameError> {
        Self::new(bytes)
    }
}

impl From<Name> for Vec<u8> {
    fn from(name: Name) -> Self {
        name.0.into()
    }
}

/// As text, with U+FFFD for what is no UTF-8. It has no control characters, and yet belongs through an escape on its way to
/// a terminal: text that runs from right to left can make it read as another.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names() {
        let long = "x".repeat(MAX_PART);
        let deep = ["d"; MAX_DEPTH].join("/");
        for good in [
            "a",
            "a/b",
            "...",
            ".hidden",
            "über/漢字",
            "a\\b",
            "C:",
            &long,
            &deep,
            "-rf",
            " ",
        ] {
            assert_eq!(
                Name::new(good.as_bytes()).unwrap().as_bytes(),
                good.as_bytes()
            );
        }
        assert!(Name::new(*b"\xff\xfe").is_ok());
        let (too_long, too_deep) = (long.clone() + "x", deep.clone() + "/d");
        let table = [
            ("", NameError::Length(0)),
            ("/", NameError::PartLength(0)),
            ("/etc/passwd", NameError::PartLength(0)),
            ("a//b", NameError::PartLength(0)),
            ("a/", NameError::PartLength(0)),
            (&too_long, NameError::PartLength(256)),
            (&too_deep, NameError::Depth),
            (".", NameError::Dots),
            ("..", NameError::Dots),
            ("a/../b", NameError::Dots),
            ("a/./b", NameError::Dots),
            ("../a", NameError::Dots),
            ("a\0", NameError::Control),
            ("a\nb", NameError::Control),
            ("\x1b[2J", NameError::Control),
            ("a\x7f", NameError::Control),
            ("a\u{9b}2J", NameError::Control),
        ];
        for (bad, expected) in table {
            assert_eq!(Name::new(bad.as_bytes()), Err(expected), "{bad:?}");
        }
        assert_eq!(Name::new(vec![b'x'; 5000]), Err(NameError::Length(5000)));
        assert_eq!(Name::new(*b"\xff\x1b"), Err(NameError::Control));
    }

    #[test]
    fn names_that_windows_understands_otherwise() {
        let safe = ["a/b.txt", "console", "com", "com10", "nul1", "über"];
        let other = [
            "NUL",
            "nul.txt",
            "a/con",
            "COM1",
            "lpt9.log",
            "com¹",
            "a:b",
            "a\\b",
            "a.",
            "a ",
            "aux .c",
            "CONIN$",
            "x/prn.a.b",
            "a?",
        ];
        for name in safe {
            assert!(
                Name::new(name.as_bytes()).unwrap().is_safe_on_windows(),
                "{name}"
            );
        }
        for name in other {
            assert!(
                !Name::new(name.as_bytes()).unwrap().is_safe_on_windows(),
                "{name}"
            );
        }
        assert!(!Name::new(*b"\xff").unwrap().is_safe_on_windows());
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged(bytes: Vec<u8>) {
            if let Ok(name) = Name::new(bytes.clone()) {
                prop_assert_eq!(name.parts().collect::<Vec<_>>().join(&b'/'), bytes);
                prop_assert!(name.parts().all(|part| part != b".." && !part.contains(&0)));
            }
        }
    }
}
