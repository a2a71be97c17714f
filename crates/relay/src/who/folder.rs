//! Files that are whole at any moment, and whose they are.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// Where a user's keys are.
pub(super) fn of_user() -> anyhow::Result<PathBuf> {
    let absolute = |variable: &str| {
        let path = PathBuf::from(std::env::var_os(variable)?);
        path.is_absolute().then_some(path)
    };
    let home = || std::env::home_dir().filter(|home| home.is_absolute());
    let config = absolute("XDG_CONFIG_HOME")
        .or_else(|| absolute("APPDATA").filter(|_| cfg!(windows)))
        .or_else(|| Some(home()?.join(".config")));
    let Some(config) = config else {
        bail!("cannot tell where this user's configuration is: set HOME, or give --identity FILE");
    };
    Ok(config.join("plumbline").join("relay"))
}

/// The folder around a file, made where it is not there, and a lock that keeps other programs from changing files in it.
pub(super) fn lock(path: &Path) -> anyhow::Result<File> {
    let folder = around(path);
    make(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let at = folder.join(".lock");
    let cannot = || format!("cannot lock {}", at.display());
    let file = private().create(true).truncate(false).open(&at);
    let file = file.with_context(cannot)?;
    file.lock().with_context(cannot)?;
    Ok(file)
}

/// Puts this in the place of a file: at any moment it is there as a whole, the old one or this.
pub(super) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = path.with_file_name(name);
    let mut file = private().create(true).truncate(true).open(&new)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&new, path)
}

fn around(path: &Path) -> &Path {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

/// Files and folders that nobody else can read.
#[cfg(unix)]
fn private() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    options
}

#[cfg(unix)]
fn make(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
}

#[cfg(not(unix))]
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    options
}

#[cfg(not(unix))]
fn make(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}
