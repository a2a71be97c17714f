//! Files that are there already: read where they are, changed where they are, copied from.

use std::fs::{File, TryLockError};
use std::io;

use cap_fs_ext::{FollowSymlinks, MetadataExt, OpenOptionsFollowExt, OpenOptionsSyncExt};
use cap_std::fs::{Dir, OpenOptions};

use super::{Folder, FolderError, Kind, file_name, found};
use crate::tree::Walk;

impl Folder {
    /// Opens the file under this name to be read. What is no plain file is refused without waiting for it.
    ///
    /// # Errors
    /// [`FolderError::NoFile`], and where it cannot be opened.
    pub fn read(&self, part: &[u8]) -> Result<File, FolderError> {
        let mut options = OpenOptions::new();
        options.read(true);
        open(&self.dir, part, &mut options)
    }

    /// The same for what these names lead to, one within the other; nothing is made on the way, and no link followed.
    ///
    /// # Errors
    /// As there, and where a folder on the way is none.
    pub fn read_beneath<'a>(
        &self,
        parts: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<File, FolderError> {
        let mut parts: Vec<_> = parts.into_iter().collect();
        let name = parts.pop().unwrap_or_default();
        match self.deeper(parts)? {
            Some(folder) => folder.read(name),
            None => Err(io::Error::from(io::ErrorKind::NotFound).into()),
        }
    }

    /// Opens the file under this name to be changed where it is, and locks it; `None` where it has other names too, which
    /// would change with it.
    ///
    /// # Errors
    /// [`FolderError::Busy`] where somebody else has it locked, [`FolderError::NoFile`], and where it cannot be opened.
    pub fn change(&self, part: &[u8]) -> Result<Option<File>, FolderError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        let file = open(&self.dir, part, &mut options)?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => return Err(FolderError::Busy),
            Err(TryLockError::Error(_)) | Ok(()) => {}
        }
        let ours = cap_std::fs::File::from_std(file.try_clone()?).metadata()?;
        Ok((ours.nlink() == 1).then_some(file))
    }

    /// Whether this is the file under this name.
    ///
    /// # Errors
    /// Where the system does not tell.
    pub fn holds(&self, part: &[u8], file: &File) -> Result<bool, FolderError> {
        self.is_under(file_name(part)?, file)
    }

    /// All that is beneath it.
    ///
    /// # Errors
    /// Where the system has no more handles.
    pub fn walk(&self) -> io::Result<Walk> {
        Ok(Walk::new(self.dir.try_clone()?))
    }
}

/// A pipe would be waited for, but for `nonblock`.
fn open(dir: &Dir, part: &[u8], options: &mut OpenOptions) -> Result<File, FolderError> {
    options.follow(FollowSymlinks::No).nonblock(true);
    let file = dir.open_with(file_name(part)?, options)?;
    let kind = found(&file.metadata()?).kind;
    match kind {
        Kind::File => Ok(file.into_std()),
        found => Err(FolderError::no_file(part, found)),
    }
}

/// Reads from this byte on, until the room is filled or the file ends; says how much it is. Where others read or write in
/// the file stays as it was (on Windows it does not).
///
/// # Errors
/// As the system has them.
pub fn read_at(file: &File, mut room: &mut [u8], mut at: u64) -> io::Result<usize> {
    let mut filled = 0;
    while !room.is_empty() {
        match read_some(file, room, at) {
            Ok(0) => break,
            Ok(read) => {
                filled += read;
                at += read as u64;
                room = &mut room[read..];
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Writes all of this from this byte on.
///
/// # Errors
/// As the system has them.
pub fn write_at(file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    #[cfg(unix)]
    return std::os::unix::fs::FileExt::write_all_at(file, bytes, at);
    #[cfg(windows)]
    {
        let (mut bytes, mut at) = (bytes, at);
        while !bytes.is_empty() {
            let written = std::os::windows::fs::FileExt::seek_write(file, bytes, at)?;
            bytes = &bytes[written..];
            at += written as u64;
        }
        Ok(())
    }
}

fn read_some(file: &File, room: &mut [u8], at: u64) -> io::Result<usize> {
    #[cfg(unix)]
    return std::os::unix::fs::FileExt::read_at(file, room, at);
    #[cfg(windows)]
    return std::os::windows::fs::FileExt::seek_read(file, room, at);
}

/// Copies so many bytes from this byte of a file on to where another one stands, which goes on behind them. The system does
/// it without showing them to this process where it can, or has both files share the room on the disk.
///
/// # Errors
/// `UnexpectedEof` where the first has fewer, and as the system has them.
pub fn copy(from: &File, at: u64, to: &File, length: u64) -> io::Result<()> {
    let copied = copy_by_system(from, at, to, length)?;
    copy_by_hand(from, at + copied, to, length - copied)
}

/// How much the system did.
#[cfg(target_os = "linux")]
fn copy_by_system(from: &File, at: u64, to: &File, length: u64) -> io::Result<u64> {
    use nix::errno::Errno;

    let mut offset = i64::try_from(at).map_err(io::Error::other)?;
    let mut left = length;
    while left > 0 {
        let now = usize::try_from(left).unwrap_or(usize::MAX);
        match nix::fcntl::copy_file_range(from, Some(&mut offset), to, None, now) {
            Ok(0) => break,
            Ok(copied) => left -= copied as u64,
            Err(Errno::EINTR) => {}
            // Between file systems, or on one that cannot.
            Err(
                Errno::EXDEV | Errno::ENOSYS | Errno::EINVAL | Errno::EOPNOTSUPP | Errno::EPERM,
            ) => {
                break;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(length - left)
}

#[cfg(not(target_os = "linux"))]
fn copy_by_system(_: &File, _: u64, _: &File, _: u64) -> io::Result<u64> {
    Ok(0)
}

fn copy_by_hand(from: &File, mut at: u64, mut to: &File, length: u64) -> io::Result<()> {
    use std::io::Write;

    let mut room = vec![0; length.min(256 * 1024) as usize];
    let mut left = length;
    while left > 0 {
        let now = left.min(room.len() as u64) as usize;
        if read_at(from, &mut room[..now], at)? < now {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        to.write_all(&room[..now])?;
        at += now as u64;
        left -= now as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Seek, Write};

    use super::*;

    struct Scratch(std::path::PathBuf, Folder);

    impl Scratch {
        fn new(name: &str) -> Self {
            let unique = format!("plumbline-patch-{name}-{}", std::process::id());
            let path = std::env::temp_dir().join(unique);
            let _ = std::fs::remove_dir_all(&path);
            let folder = Folder::open_or_make(&path).unwrap();
            Self(path, folder)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn pieces_of_files_are_read_written_and_copied() {
        let Scratch(path, folder) = &Scratch::new("pieces");
        std::fs::write(path.join("a"), b"0123456789").unwrap();
        let mut changed = folder.change(b"a").unwrap().unwrap();
        assert!(matches!(folder.change(b"a"), Err(FolderError::Busy)));
        write_at(&changed, b"xy", 4).unwrap();
        let mut room = [0; 20];
        assert_eq!(read_at(&changed, &mut room, 3).unwrap(), 7);
        assert_eq!(&room[..7], b"3xy6789");
        assert_eq!(changed.stream_position().unwrap(), 0);

        let mut to = folder.partial(b"b").unwrap().file().try_clone().unwrap();
        to.write_all(b"-").unwrap();
        for by in [copy, copy_by_hand] {
            by(&changed, 2, &to, 5).unwrap();
        }
        copy(&changed, 0, &to, 0).unwrap();
        to.write_all(b"-").unwrap();
        assert_eq!(std::fs::read(path.join("b")).unwrap(), b"-23xy623xy6-");
        let short = copy(&changed, 8, &to, 5).unwrap_err();
        assert_eq!(short.kind(), io::ErrorKind::UnexpectedEof);
        let mut all = String::new();
        changed.read_to_string(&mut all).unwrap();
        assert_eq!(all, "0123xy6789");
    }

    #[cfg(unix)]
    #[test]
    fn nothing_but_plain_files_is_opened() {
        let Scratch(path, folder) = &Scratch::new("plain");
        std::fs::create_dir_all(path.join("d/e")).unwrap();
        std::fs::write(path.join("d/e/f"), b"f").unwrap();
        std::os::unix::fs::symlink("d", path.join("l")).unwrap();
        std::os::unix::fs::symlink("d/e/f", path.join("m")).unwrap();
        nix::unistd::mkfifo(&path.join("p"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        let parts = |path: &'static str| path.split('/').map(str::as_bytes);
        assert!(folder.read_beneath(parts("d/e/f")).is_ok());
        for refused in ["l/e/f", "m", "p", "d", "d/../d/e/f", "no/no", ""] {
            assert!(folder.read_beneath(parts(refused)).is_err(), "{refused}");
        }
        assert!(folder.change(b"m").is_err() && folder.change(b"p").is_err());
        let deep = folder
            .walk()
            .unwrap()
            .filter(|found| found.path == b"d/e/f");
        assert_eq!(deep.count(), 1);
        std::fs::hard_link(path.join("d/e/f"), path.join("g")).unwrap();
        assert!(folder.change(b"g").unwrap().is_none());
        let file = folder.read(b"g").unwrap();
        assert!(folder.holds(b"g", &file).unwrap() && !folder.holds(b"p", &file).unwrap());
    }
}
