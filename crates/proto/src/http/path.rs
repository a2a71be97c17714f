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
    /// Decodes the path of a target in origin form, whose query it leaves out.
    ///
    /// # Errors
    /// [`Refusal::Malformed`] for what leads elsewhere than down, in whatever disguise, and for what cannot be decoded.
    pub fn decode(target: &str) -> Result<Self, Refusal> {
        let (path, _) = split(target);
        let path = path
            .strip_prefix('/')
            .ok_or(Refusal::Malformed("a target begins with /"))?;
        if path.contains(['%', '\\', '\0'])
            || path.split('/').any(|name| name == ".." || name == ".")
        {
            return Err(Refusal::Malformed("a path leads down"));
        }
        let shape = if path.is_empty() || path.ends_with('/') {
            Shape::Folder
        } else {
            Shape::File
        };
        Ok(Self {
            decoded: path.trim_end_matches('/').into(),
            shape,
        })
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
