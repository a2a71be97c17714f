//! Which roots are served, and beneath which names.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use proto::http;
use runtime::beneath::Beneath;
use thiserror::Error;

/// A root as it was typed: `FOLDER`, or `NAME=FOLDER`. What has a `/` before its first `=` is no name: `./a=b` is a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Root {
    name: Option<Vec<u8>>,
    path: PathBuf,
}

/// Why something is no root.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum RootError {
    /// There is no name before the `=`, or none that a request can say.
    #[error(
        "expected NAME=FOLDER with a name as in a path (for a folder with = in its name: ./FOLDER)"
    )]
    Name,
    /// There is nothing behind the `=`.
    #[error("expected a folder")]
    Path,
}

/// The name of a file that stands for its folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IndexName(String);

/// The roots that are served.
#[derive(Debug)]
pub(super) struct Mounts {
    mounts: Vec<Mount>,
}

/// A root that is served, and its name; without one it is at `/`.
#[derive(Debug)]
pub(super) struct Mount {
    name: Option<Vec<u8>>,
    pub(super) folder: Beneath,
}

/// What a path is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Where<'a> {
    /// The list of all roots.
    Roots,
    /// A path beneath one of them.
    Beneath(usize, &'a [u8]),
    /// Nothing that is served.
    Nowhere,
}

impl Root {
    /// What was typed.
    pub(crate) fn typed(typed: OsString) -> Result<Self, RootError> {
        let bytes = typed.as_encoded_bytes();
        let before = bytes.iter().position(|byte| *byte == b'=');
        let name = before.map(|at| &bytes[..at]);
        let (name, path) = match name.filter(|name| !name.contains(&b'/')) {
            Some(name) => (Some(named(name)?), behind(&typed, name.len() + 1)),
            None => (None, PathBuf::from(&typed)),
        };
        if path.as_os_str().is_empty() {
            return Err(RootError::Path);
        }
        Ok(Self { name, path })
    }

    /// The name that it was given, or else that of the folder.
    fn name(&self) -> Option<Vec<u8>> {
        self.name.clone().or_else(|| {
            let name = match self.path.file_name() {
                Some(name) => name.to_owned(),
                None => self.path.canonicalize().ok()?.file_name()?.to_owned(),
            };
            named(name.as_encoded_bytes()).ok()
        })
    }

    /// Whether there is something to serve.
    fn check(&self) -> anyhow::Result<()> {
        let path = self.path.display();
        let found = std::fs::metadata(&self.path)
            .with_context(|| format!("expected a folder or a file to serve at {path}"))?;
        ensure!(
            found.is_dir() || found.is_file(),
            "expected a folder or a file to serve at {path}, found something else"
        );
        Ok(())
    }
}

/// What is typed behind so many bytes, which are Unicode.
fn behind(typed: &OsStr, at: usize) -> PathBuf {
    #[cfg(unix)]
    return {
        use std::os::unix::ffi::OsStrExt;
        PathBuf::from(OsStr::from_bytes(&typed.as_bytes()[at..]))
    };
    #[cfg(not(unix))]
    return PathBuf::from(&typed.to_string_lossy()[at..]);
}

/// A name that a path can have, as a request says it.
fn named(name: &[u8]) -> Result<Vec<u8>, RootError> {
    let mut target = String::from("/");
    http::encode_name(name, &mut target);
    match http::Path::decode(&target) {
        Ok(path) if path.bytes() == name && !name.is_empty() => Ok(name.to_vec()),
        _ => Err(RootError::Name),
    }
}

impl std::str::FromStr for IndexName {
    type Err = &'static str;

    fn from_str(typed: &str) -> Result<Self, Self::Err> {
        match named(typed.as_bytes()) {
            Ok(name) if !name.contains(&b'/') => Ok(Self(typed.into())),
            _ => Err("expected the name of a file, without /"),
        }
    }
}

impl IndexName {
    pub(super) fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// Refuses roots that are not there, or cannot be told apart.
///
/// # Errors
/// With the cure.
pub(super) fn check(roots: &[Root]) -> anyhow::Result<()> {
    for root in roots {
        root.check()?;
    }
    if let [_] = roots {
        return Ok(());
    }
    let mut names: Vec<Vec<u8>> = Vec::new();
    for root in roots {
        let path = root.path.display();
        let name = root.name();
        let name = name.with_context(|| format!("expected a name for {path}: NAME={path}"))?;
        ensure!(
            !names.contains(&name),
            "expected another name for {path}, since there is one of its name: NAME={path}"
        );
        names.push(name);
    }
    Ok(())
}

impl Mounts {
    /// Roots that [`check`] let through: one that was given no name is at `/`, several are beneath their names.
    pub(super) fn new(roots: &[Root]) -> Self {
        let name = |root: &Root| match roots {
            [_] => root.name.clone(),
            _ => root.name(),
        };
        let mount = |root: &Root| Mount {
            name: name(root),
            folder: Beneath::new(&root.path),
        };
        Self {
            mounts: roots.iter().map(mount).collect(),
        }
    }

    /// What a decoded path is about.
    pub(super) fn locate<'a>(&self, path: &'a [u8]) -> Where<'a> {
        if let [Mount { name: None, .. }] = &*self.mounts {
            return Where::Beneath(0, path);
        }
        if path.is_empty() {
            return Where::Roots;
        }
        let end = path.iter().position(|byte| *byte == b'/');
        let (first, rest) = match end {
            Some(end) => (&path[..end], &path[end + 1..]),
            None => (path, &b""[..]),
        };
        let is_it = |mount: &Mount| mount.name.as_deref() == Some(first);
        match self.mounts.iter().position(is_it) {
            Some(number) => Where::Beneath(number, rest),
            None => Where::Nowhere,
        }
    }

    pub(super) fn get(&self, number: usize) -> Option<&Beneath> {
        self.mounts.get(number).map(|mount| &mount.folder)
    }

    /// The names that roots have.
    pub(super) fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.mounts.iter().filter_map(|mount| mount.name.as_deref())
    }

    /// What a root is called where it is, by which it answers if it is a file.
    pub(super) fn own_name(&self, number: usize) -> Option<&[u8]> {
        let name = self.get(number)?.path().file_name()?;
        Some(name.as_encoded_bytes())
    }
}
