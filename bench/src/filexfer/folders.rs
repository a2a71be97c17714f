//! The folders that this makes, and removes again, whatever happens.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context, Result, ensure};
use nix::sys::stat::{Mode, umask};
use nix::sys::statfs::{TMPFS_MAGIC, statfs};
use nix::unistd::geteuid;
use runtime::shutdown::Shutdown;

use super::Args;

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
        ensure!(
            !is_in_memory(&args.disk)?,
            "{} is in memory: name a folder on a disk by --disk",
            args.disk.display()
        );
        let mut made = Made(Vec::new());
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

fn is_in_memory(folder: &Path) -> Result<bool> {
    let found = statfs(folder).with_context(|| format!("cannot use {}", folder.display()))?;
    Ok(found.filesystem_type() == TMPFS_MAGIC)
}

/// Folders that this made.
struct Made(Vec<PathBuf>);

impl Made {
    fn folder(&mut self, path: &Path) -> Result<()> {
        let make = || {
            fs::create_dir(path)?;
            // Servers may read as another user, whatever the umask.
            fs::set_permissions(path, fs::Permissions::from_mode(0o755))
        };
        make().with_context(|| format!("cannot make {}", path.display()))?;
        self.0.push(path.to_owned());
        Ok(())
    }

    fn go_with_a_signal(&self) -> Result<Shutdown> {
        let made = Self(self.0.clone());
        let shutdown = Shutdown::on_signal()?;
        shutdown.on_trigger(move || {
            drop(made);
            // The sides end when this does.
            std::process::exit(1);
        });
        Ok(shutdown)
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        self.0.iter().for_each(|folder| remove(folder));
    }
}

/// Tries again where a program puts something into it meanwhile.
fn remove(folder: &Path) {
    const TRIES: usize = 5;
    for _ in 0..TRIES {
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {}
            _ => break,
        }
    }
}
