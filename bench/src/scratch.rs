//! Folders that are made for a measurement, and removed again, whatever happens.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use nix::sys::statfs::{TMPFS_MAGIC, statfs};
use runtime::shutdown::Shutdown;

/// Folders that this made; they go when it is dropped.
#[derive(Default)]
pub(crate) struct Made(Vec<PathBuf>);

impl Made {
    /// Makes one, which everybody may read.
    pub(crate) fn folder(&mut self, path: &Path) -> Result<()> {
        let make = || {
            fs::create_dir(path)?;
            // Servers may read as another user, whatever the umask.
            fs::set_permissions(path, fs::Permissions::from_mode(0o755))
        };
        make().with_context(|| format!("cannot make {}", path.display()))?;
        self.0.push(path.to_owned());
        Ok(())
    }

    /// Has Ctrl-C and SIGTERM remove those that were made so far, and end this process.
    pub(crate) fn go_with_a_signal(&self) -> Result<Shutdown> {
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
pub(crate) fn remove(folder: &Path) {
    const TRIES: usize = 5;
    for _ in 0..TRIES {
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {}
            _ => break,
        }
    }
}

/// Says what to do about a folder that is no disk's.
pub(crate) fn ensure_on_disk(folder: &Path) -> Result<()> {
    ensure!(
        !is_in_memory(folder)?,
        "{} is in memory: name a folder on a disk by --disk",
        folder.display()
    );
    Ok(())
}

fn is_in_memory(folder: &Path) -> Result<bool> {
    let found = statfs(folder).with_context(|| format!("cannot use {}", folder.display()))?;
    Ok(found.filesystem_type() == TMPFS_MAGIC)
}
