//! What is sent, and what lies at the target before.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use super::content::{self, Content};
use super::older::Older;
use super::plan::Task;
use super::tree::{self, Kept, Tree};

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    File(Content),
    Tree(Tree),
}

/// What is there already when a transfer begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Before {
    Nothing,
    /// All of it, as the same program brought it.
    Same,
    /// An older version of the file.
    Older(Older),
}

impl Source {
    /// What the file or the folder is called.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::File(_) => Task::FILE,
            Self::Tree(_) => Task::TREE,
        }
    }

    /// How many files it has.
    pub(crate) fn files(self) -> u64 {
        match self {
            Self::File(_) => 1,
            Self::Tree(tree) => tree.files,
        }
    }

    /// How long all of them are together.
    pub(crate) fn bytes(self) -> u64 {
        match self {
            Self::File(content) => content.size,
            Self::Tree(tree) => tree.files * tree.size as u64,
        }
    }

    /// What its files take beside their bytes, about, by a program that is quick.
    pub(crate) fn for_names(self) -> Duration {
        const A_FILE: Duration = Duration::from_micros(100);
        A_FILE * u32::try_from(self.files()).unwrap_or(u32::MAX)
    }

    /// Writes it where there is nothing.
    pub(crate) fn write(self, path: &Path) -> Result<()> {
        match self {
            Self::File(content) => content.write(path),
            Self::Tree(tree) => tree.write(path),
        }
    }

    /// Removes it.
    pub(crate) fn remove(self, path: &Path) -> Result<()> {
        let removed = match self {
            Self::File(_) => fs::remove_file(path),
            Self::Tree(_) => fs::remove_dir_all(path),
        };
        removed.with_context(|| format!("cannot remove {}", path.display()))
    }

    /// Makes sure that it arrived as it was sent.
    pub(crate) fn ensure_same(self, sent: &Path, arrived: &Path, kept: Kept) -> Result<()> {
        match self {
            Self::File(_) => content::ensure_same(sent, arrived),
            Self::Tree(_) => tree::ensure_same(sent, arrived, kept),
        }
    }
}
