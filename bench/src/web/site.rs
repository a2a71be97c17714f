//! The folder that all servers serve, and what is in it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::scratch::Made;

/// How many files of 4 KiB there are.
pub(super) const MANY: u32 = 1000;

/// The folder, and beside it one for what servers have to be told in files. Both go when this is dropped.
pub(super) struct Site {
    root: PathBuf,
    settings: PathBuf,
    _made: Made,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum File {
    /// 1 KiB.
    Small,
    /// Each of [`MANY`] files of 4 KiB in turn.
    Many,
    /// 100 KiB.
    Medium,
    /// 10 MiB.
    Large,
    /// One that is not there.
    Missing,
}

impl File {
    /// How long it is in bytes, where it is there.
    pub(super) fn length(self) -> Option<u64> {
        match self {
            Self::Small => Some(1024),
            Self::Many => Some(4096),
            Self::Medium => Some(100 << 10),
            Self::Large => Some(10 << 20),
            Self::Missing => None,
        }
    }

    /// Its path in a request; of many, that of one.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Small => "/small.html",
            Self::Many => "/many/0.html",
            Self::Medium => "/medium.bin",
            Self::Large => "/large.bin",
            Self::Missing => "/missing.html",
        }
    }
}

impl Site {
    /// Makes it, among temporary files.
    pub(super) fn make() -> Result<Self> {
        let mut made = Made::default();
        let all = std::env::temp_dir().join(format!("bench-web-{}", std::process::id()));
        let [root, settings] = ["root", "settings"].map(|name| all.join(name));
        for folder in [&all, &root, &settings, &root.join("many")] {
            made.folder(folder)?;
        }
        for file in [File::Small, File::Medium, File::Large] {
            write(&root, file.path(), file.length())?;
        }
        for number in 0..MANY {
            write(&root, &format!("/many/{number}.html"), File::Many.length())?;
        }
        Ok(Self {
            root,
            settings,
            _made: made,
        })
    }

    /// The folder that is served.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The folder for settings.
    pub(super) fn settings(&self) -> &Path {
        &self.settings
    }
}

/// Bytes that cannot be compressed.
fn write(root: &Path, path: &str, length: Option<u64>) -> Result<()> {
    let mut content = vec![0; usize::try_from(length.unwrap_or(0))?];
    fastrand::Rng::with_seed(1).fill(&mut content);
    Ok(fs::write(root.join(&path[1..]), content)?)
}
