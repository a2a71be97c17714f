//! The folders that this makes, and removes again, whatever happens.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context, Result};
use nix::sys::stat::{Mode, umask};
use nix::unistd::geteuid;
use runtime::shutdown::Shutdown;

use super::Args;
use crate::scratch::{Made, ensure_on_disk};

/// Where sshd, started by root, wants an empty folder; a service that never ran has not made it.
const PRIVILEGE_SEPARATION: &str = "/run/sshd";

/// Which of them a file goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Memory,
    Disk,
}

/// All of them; they go when this is dropped.
pub(crate) struct Folders {
    memory: PathBuf,
    disk: PathBuf,
    shutdown: Shutdown,
    _made: Made,
}

impl Folders {
    /// Makes them. Ctrl-C and SIGTERM remove them too, and end this process.
    pub(crate) fn make(args: &Args) -> Result<Self> {
        // What is sent has modes that this leaves as they are, at either side.
        umask(Mode::S_IWGRP | Mode::S_IWOTH);
        let name = format!("bench-filexfer-{}", std::process::id());
        let [memory, disk] = [&args.memory, &args.disk].map(|folder| folder.join(&name));
        ensure_on_disk(&args.disk)?;
        let mut made = Made::default();
        made.folder(&memory)?;
        made.folder(&disk)?;
        if geteuid().is_root() && !Path::new(PRIVILEGE_SEPARATION).exists() {
            made.folder(Path::new(PRIVILEGE_SEPARATION))?;
        }
        let folders = Self {
            memory,
            disk,
            shutdown: made.go_with_a_signal()?,
            _made: made,
        };
        folders.furnish()?;
        Ok(folders)
    }

    fn furnish(&self) -> Result<()> {
        for folder in [self.sources(), self.home()] {
            fs::create_dir(&folder)?;
        }
        // It has the keys.
        fs::DirBuilder::new().mode(0o700).create(self.settings())?;
        Ok(())
    }

    /// Where what is sent lies.
    pub(crate) fn sources(&self) -> PathBuf {
        self.memory.join("source")
    }

    /// For keys, settings and what programs say.
    pub(crate) fn settings(&self) -> PathBuf {
        self.memory.join("settings")
    }

    /// What programs are told is their user's home.
    pub(crate) fn home(&self) -> PathBuf {
        self.memory.join("home")
    }

    /// Returns unless a signal removes them: then it waits for the end, since nothing that comes of them means anything.
    pub(crate) fn ensure_kept(&self) {
        while self.shutdown.is_triggered() {
            thread::park();
        }
    }

    /// A folder for what arrives, with what is in it.
    pub(crate) fn target(&self, place: Place) -> Result<PathBuf> {
        let folder = self.target_path(place);
        match folder.exists() {
            true => Ok(folder),
            false => self.empty_target(place),
        }
    }

    fn target_path(&self, place: Place) -> PathBuf {
        let folder = match place {
            Place::Memory => &self.memory,
            Place::Disk => &self.disk,
        };
        folder.join("target")
    }

    /// The same with nothing in it.
    pub(crate) fn empty_target(&self, place: Place) -> Result<PathBuf> {
        let folder = self.target_path(place);
        if folder.exists() {
            fs::remove_dir_all(&folder).context("cannot remove what arrived")?;
        }
        fs::create_dir(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(folder)
    }
}
