//! Which files are named: patterns of gitignore(5), as the `ignore` crate reads them (`{a,b}` is a choice there).
//!
//! They are matched against paths within what is offered: `/raw` is `raw` in each folder that is offered, `*.jpg` is a file
//! anywhere, `target/` a folder anywhere. Paths need not be UTF-8: on Unix their bytes are matched.

mod judge;

use std::borrow::Cow;
use std::path::Path;

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use proto::filexfer::native::message::{Filter, MAX_FILTERS};
use proto::filexfer::native::name::Name;
use runtime::escape::Escaped;
use thiserror::Error;

pub(crate) use judge::{Fault, Judge, Sets, inner};

/// The most bytes of all patterns. What one path costs is at most their product with its length.
const MAX_PATTERNS: usize = 32 * 1024;

/// Why filters make no sense.
#[derive(Debug, Error)]
pub(crate) enum FilterError {
    #[error("expected at most {MAX_FILTERS} filters")]
    TooMany,
    #[error("expected patterns of at most {MAX_PATTERNS} bytes together")]
    TooLong,
    #[error("expected the name of an ignore file without '/', not '{0}'")]
    IgnoreFile(String),
    #[error("cannot understand the pattern '{pattern}': {reason}")]
    Pattern { pattern: String, reason: String },
}

/// What becomes of a path. Of several verdicts the greatest holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    /// It is let through, and so is what is in it where nothing else is said of that.
    In,
    /// A folder that is not included itself, but what is in it may be.
    Through,
    /// It is left out, and so is what is in it.
    Out,
}

/// Filters that were understood.
#[derive(Clone, Debug)]
pub(crate) struct Filters {
    /// Where there are any, nothing else is named.
    include: Option<Gitignore>,
    exclude: Gitignore,
    ignore_files: Vec<Name>,
}

impl Filters {
    /// Understands these, which may be a peer's.
    ///
    /// # Errors
    /// [`FilterError`], whose text is fit for a terminal.
    pub(crate) fn new(filters: &[Filter]) -> Result<Self, FilterError> {
        let text = |filter: &Filter| pattern(filter).len();
        if filters.len() > MAX_FILTERS {
            return Err(FilterError::TooMany);
        }
        if filters.iter().map(text).sum::<usize>() > MAX_PATTERNS {
            return Err(FilterError::TooLong);
        }
        let (mut include, mut exclude) = (Vec::new(), Vec::new());
        let mut ignore_files = Vec::new();
        for filter in filters {
            match filter {
                Filter::Include(pattern) => include.push(pattern.as_str()),
                Filter::Exclude(pattern) => exclude.push(pattern.as_str()),
                Filter::IgnoreFile(name) => ignore_files.push(ignore_file(name.as_str())?),
            }
        }
        Ok(Self {
            include: match include.is_empty() {
                true => None,
                false => Some(all_of(&include)?),
            },
            exclude: all_of(&exclude)?,
            ignore_files,
        })
    }

    /// What becomes of what is at this path, relative to what is offered.
    ///
    /// Of a file that is offered itself the path is its name; the empty path is the folder that is offered.
    pub(crate) fn judge(&self, path: &[u8], is_folder: bool) -> Verdict {
        let is_folder = is_folder || path.is_empty();
        if any(&self.exclude, path, is_folder) {
            return Verdict::Out;
        }
        match &self.include {
            Some(include) if !innermost(include, path, is_folder) => match is_folder {
                true => Verdict::Through,
                false => Verdict::Out,
            },
            _ => Verdict::In,
        }
    }

    /// Whether they let everything through, but for what ignore files say.
    pub(crate) fn is_empty(&self) -> bool {
        self.include.is_none() && self.exclude.is_empty()
    }

    /// The names of files that say what is left out of the folders that they are in.
    pub(crate) fn ignore_files(&self) -> &[Name] {
        &self.ignore_files
    }
}

/// What an ignore file says of the folder that it is in.
#[derive(Clone, Debug)]
pub(crate) struct Ignored(Gitignore);

impl Ignored {
    /// The most bytes of such a file.
    pub(crate) const MAX_BYTES: u64 = 1 << 20;

    /// The most patterns in it.
    const MAX_LINES: usize = 10_000;

    /// Reads such a file; lines that cannot be understood say nothing, and are told with their number.
    ///
    /// # Errors
    /// A text, where there is too much of it.
    pub(crate) fn read(bytes: &[u8]) -> Result<(Self, Vec<String>), String> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let (mut builder, mut wrong) = (GitignoreBuilder::new(""), Vec::new());
        let mut patterns = 0;
        for (number, line) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            patterns += usize::from(!line.is_empty() && !line.starts_with(b"#"));
            if patterns > Self::MAX_LINES {
                return Err(format!("expected at most {} patterns", Self::MAX_LINES));
            }
            let added = match str::from_utf8(line) {
                Ok(line) => builder
                    .add_line(None, line)
                    .map(|_| ())
                    .map_err(|error| plain(&error)),
                Err(_) => Err("expected UTF-8".into()),
            };
            wrong.extend(added.err().map(|reason| format!("line {number}: {reason}")));
        }
        let built = builder.build().map_err(|error| plain(&error))?;
        Ok((Self(built), wrong))
    }

    /// Whether it leaves out what is at this path, relative to its folder; `None` where it says nothing of it. Folders
    /// around it are not looked at.
    pub(crate) fn says(&self, path: &[u8], is_folder: bool) -> Option<bool> {
        matches(&self.0, path, path.len(), is_folder)
    }
}

fn pattern(filter: &Filter) -> &str {
    match filter {
        Filter::Include(pattern) | Filter::Exclude(pattern) | Filter::IgnoreFile(pattern) => {
            pattern.as_str()
        }
    }
}

fn ignore_file(text: &str) -> Result<Name, FilterError> {
    let name = Name::new(text.as_bytes()).ok();
    let name = name.filter(|name| name.parts().count() == 1);
    name.ok_or_else(|| FilterError::IgnoreFile(escaped(text)))
}

/// Patterns of which the last that matches decides.
fn all_of(patterns: &[&str]) -> Result<Gitignore, FilterError> {
    let mut builder = GitignoreBuilder::new("");
    for text in patterns {
        let wrong = |reason: String| FilterError::Pattern {
            pattern: escaped(text),
            reason,
        };
        if text.trim_end().is_empty() {
            return Err(wrong("expected more than blanks".into()));
        }
        let line = literal(text);
        let added = builder.add_line(None, &line).map(|_| ());
        added.map_err(|error| wrong(plain(&error)))?;
    }
    let wrong = |error: ignore::Error| FilterError::Pattern {
        pattern: escaped(&patterns.join(" ")),
        reason: plain(&error),
    };
    builder.build().map_err(wrong)
}

/// What would be a comment in a file is a pattern here.
fn literal(pattern: &str) -> Cow<'_, str> {
    match pattern.starts_with('#') {
        true => format!("\\{pattern}").into(),
        false => pattern.into(),
    }
}

/// Why, without the pattern, which is said already.
fn plain(error: &ignore::Error) -> String {
    let text = match error {
        ignore::Error::Glob { err, .. } => err.clone(),
        other => other.to_string(),
    };
    escaped(&text)
}

fn escaped(text: &str) -> String {
    Escaped(text.as_bytes()).to_string()
}

/// Whether this or a folder that it is in matches: what is in a folder that is left out cannot be brought back.
fn any(patterns: &Gitignore, path: &[u8], is_folder: bool) -> bool {
    !patterns.is_empty()
        && prefixes(path).any(|end| matches(patterns, path, end, is_folder) == Some(true))
}

/// Whether it matches, or else the innermost folder around it of which anything is said.
fn innermost(patterns: &Gitignore, path: &[u8], is_folder: bool) -> bool {
    let said = prefixes(path)
        .rev()
        .find_map(|end| matches(patterns, path, end, is_folder));
    said == Some(true)
}

/// Where the parts of a path end.
fn prefixes(path: &[u8]) -> impl DoubleEndedIterator<Item = usize> {
    let slashes = (0..path.len()).filter(|at| path[*at] == b'/');
    slashes.chain((!path.is_empty()).then_some(path.len()))
}

/// Whether this much of a path is matched; `None` where nothing is said of it.
fn matches(patterns: &Gitignore, path: &[u8], end: usize, is_folder: bool) -> Option<bool> {
    let is_folder = is_folder || end < path.len();
    match patterns.matched(as_path(&path[..end]), is_folder) {
        Match::None => None,
        Match::Ignore(_) => Some(true),
        Match::Whitelist(_) => Some(false),
    }
}

#[cfg(unix)]
fn as_path(bytes: &[u8]) -> &Path {
    Path::new(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(bytes))
}

/// What is no UTF-8 is no name of a file here.
#[cfg(not(unix))]
fn as_path(bytes: &[u8]) -> &Path {
    Path::new(str::from_utf8(bytes).unwrap_or_default())
}

#[cfg(test)]
mod tests;
