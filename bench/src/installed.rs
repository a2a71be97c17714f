//! Programs that are there or not, and their versions.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde::Serialize;

/// A program that is there.
#[derive(Serialize)]
pub(crate) struct Installed {
    path: PathBuf,
    /// As the program says it.
    version: String,
    #[serde(skip)]
    said: String,
}

impl Installed {
    /// Our own program: the one named, or the one beside this; it has to be there.
    pub(crate) fn udp_echo(named: Option<&Path>) -> Result<Self> {
        Self::ours("udp-echo", named)
    }

    /// The same of TCP.
    pub(crate) fn tcp_echo(named: Option<&Path>) -> Result<Self> {
        Self::ours("tcp-echo", named)
    }

    /// The same of files.
    pub(crate) fn filexfer(named: Option<&Path>) -> Result<Self> {
        Self::ours("filexfer", named)
    }

    /// The same of messages.
    pub(crate) fn relay(named: Option<&Path>) -> Result<Self> {
        Self::ours("relay", named)
    }

    /// The same of pages.
    pub(crate) fn webserver(named: Option<&Path>) -> Result<Self> {
        Self::ours("webserver", named)
    }

    fn ours(name: &str, named: Option<&Path>) -> Result<Self> {
        let path = match named {
            Some(path) => path.to_owned(),
            None => beside_this(name)?,
        };
        Self::find(&path, "--version")?.with_context(|| {
            let release = if cfg!(debug_assertions) { "" } else { "--release " };
            format!(
                "there is no {}: build it with `cargo build {release}-p {name}`, or name one by --{name}",
                path.display()
            )
        })
    }

    /// Asks a program for its version by this argument; `None` if there is no such program.
    pub(crate) fn find(path: &Path, version: &str) -> Result<Option<Self>> {
        let mut command = Command::new(path);
        let output = match command.arg(version).stdin(Stdio::null()).output() {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            output => output.with_context(|| format!("cannot start {}", path.display()))?,
        };
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        let version = said.lines().next().unwrap_or_default().trim().to_owned();
        ensure!(!version.is_empty(), "{} has no version", path.display());
        Ok(Some(Self {
            path: path.to_owned(),
            version,
            said,
        }))
    }

    /// The same with the first line that has these words as its version, for one that says who made it before.
    pub(crate) fn whose_version_has(self, words: &str) -> Self {
        let line = self.said.lines().find(|line| line.contains(words));
        let version = line.map(|line| line.trim().to_owned());
        Self {
            version: version.unwrap_or(self.version),
            ..self
        }
    }

    /// The same with so many words of its version, for one that goes on about what it is made of.
    pub(crate) fn of_words(self, count: usize) -> Self {
        let words: Vec<_> = self.version.split_whitespace().take(count).collect();
        Self {
            version: words.join(" "),
            ..self
        }
    }

    /// The same, for one that tells no more than a number.
    pub(crate) fn named(self, name: &str) -> Self {
        Self {
            version: format!("{name} {}", self.version),
            ..self
        }
    }

    /// Where it lies.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether these words stand in what it said when it was asked for its version.
    pub(crate) fn says(&self, words: &str) -> bool {
        self.said.contains(words)
    }

    /// One that was not looked for.
    #[cfg(test)]
    pub(crate) fn of(path: &str, version: &str) -> Self {
        Self {
            path: path.into(),
            version: version.to_owned(),
            said: version.to_owned(),
        }
    }
}

/// The versions of those that are there, each once.
pub(crate) fn versions<const N: usize>(all: [Option<&Installed>; N]) -> String {
    let mut versions: Vec<&str> = all.into_iter().flatten().map(|one| &*one.version).collect();
    versions.dedup();
    versions.join("; ")
}

fn beside_this(name: &str) -> Result<PathBuf> {
    let this = std::env::current_exe().context("cannot tell where this program lies")?;
    Ok(this.with_file_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_not_there_is_no_error() {
        let path = Path::new("/nonexistent/irtt");
        assert!(Installed::find(path, "version").unwrap().is_none());
    }

    #[test]
    fn a_version_is_the_first_line_and_the_rest_is_kept() {
        let found = Installed::find(Path::new("printf"), "one 1\\ntwo").unwrap();
        let found = found.unwrap();
        assert_eq!(versions([None, Some(&found)]), "one 1");
        assert!(found.says("two") && !found.says("three"));
        let found = found.whose_version_has("tw");
        assert_eq!(versions([Some(&found)]), "two");
        let found = found.of_words(1);
        assert_eq!(versions([Some(&found)]), "two");
        let found = found.whose_version_has("three");
        assert_eq!(versions([Some(&found)]), "two");
    }

    #[test]
    fn our_own_program_has_to_be_there() {
        let named = Some(Path::new("/nonexistent/udp-echo"));
        let error = Installed::udp_echo(named).err().unwrap();
        assert!(error.to_string().contains("cargo build"), "{error}");
        let error = Installed::tcp_echo(named).err().unwrap();
        assert!(error.to_string().contains("--tcp-echo"), "{error}");
    }
}
