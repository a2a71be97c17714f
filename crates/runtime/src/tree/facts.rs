//! What is known of a file without reading it.

use std::time::{SystemTime, UNIX_EPOCH};

/// A moment as file systems keep it: seconds since 1970 (before it negative), and nanoseconds after that.
pub type Moment = (i64, u32);

/// What is known of a file, folder or link. It is equal to what is known later where nothing was written or described anew
/// meanwhile.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// Bytes in it.
    pub size: u64,
    /// When it was last written, where that is known.
    pub modified: Option<Moment>,
    /// The permissions of Unix (the lowest twelve bits), where there are any.
    pub mode: Option<u32>,
    /// The numbers of the user and the group whose it is, where they are known.
    pub owner: Option<(u32, u32)>,
    /// Which file it is, where it has several names.
    pub shared: Option<Shared>,
    /// Bytes that the disk has room for, where that is known. They change when what was written reaches the disk.
    allocated: Option<u64>,
    /// When it was last written or described anew, and which it is among the files of its system.
    changed: Option<(i64, i64)>,
    number: Option<u64>,
}

/// A file with several names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shared {
    /// The file system, and which of its files: the same under all its names.
    pub identity: (u64, u64),
    /// How many names it has, at least two.
    pub names: u64,
}

impl PartialEq for Facts {
    fn eq(&self, other: &Self) -> bool {
        let known = |it: &Self| (it.size, it.modified, it.mode, it.changed, it.number);
        known(self) == known(other)
    }
}

impl Eq for Facts {}

#[cfg(unix)]
macro_rules! unix_facts {
    ($found:expr, $trait:path) => {{
        use $trait as Unix;
        let found = $found;
        let names = Unix::nlink(found);
        Facts {
            size: found.len(),
            modified: Some((
                Unix::mtime(found),
                u32::try_from(Unix::mtime_nsec(found)).unwrap_or(0),
            )),
            mode: Some(Unix::mode(found) & 0o7777),
            owner: Some((Unix::uid(found), Unix::gid(found))),
            shared: (names > 1 && found.is_file()).then(|| Shared {
                identity: (Unix::dev(found), Unix::ino(found)),
                names,
            }),
            allocated: Some(Unix::blocks(found).saturating_mul(SECTOR)),
            changed: Some((Unix::ctime(found), Unix::ctime_nsec(found))),
            number: Some(Unix::ino(found)),
        }
    }};
}

/// Bytes in what Unix counts as a block of a file, whatever the file system has.
#[cfg(unix)]
const SECTOR: u64 = 512;

impl Facts {
    /// Of an open file, or one whose links were followed.
    #[cfg(unix)]
    pub(super) fn of(found: &std::fs::Metadata) -> Self {
        unix_facts!(found, std::os::unix::fs::MetadataExt)
    }

    /// Of what is in a folder.
    #[cfg(unix)]
    pub(super) fn of_found(found: &cap_std::fs::Metadata) -> Self {
        unix_facts!(found, cap_std::fs::MetadataExt)
    }

    /// Of an open file, or one whose links were followed.
    #[cfg(not(unix))]
    pub(super) fn of(found: &std::fs::Metadata) -> Self {
        Self::portable(found.len(), found.modified().ok())
    }

    /// Of what is in a folder.
    #[cfg(not(unix))]
    pub(super) fn of_found(found: &cap_std::fs::Metadata) -> Self {
        let modified = found.modified().ok();
        Self::portable(found.len(), modified.map(|time| time.into_std()))
    }

    #[cfg_attr(
        unix,
        expect(
            dead_code,
            reason = "the other systems have it, and its test runs here"
        )
    )]
    fn portable(size: u64, modified: Option<SystemTime>) -> Self {
        Self {
            size,
            modified: modified.map(moment),
            mode: None,
            owner: None,
            shared: None,
            allocated: None,
            changed: None,
            number: None,
        }
    }

    /// Whether there may be holes in it: the disk has less room for it than its bytes would take.
    pub fn may_have_holes(&self) -> bool {
        self.allocated
            .is_some_and(|allocated| allocated < self.size)
    }

    /// Of an open file, as it is now.
    ///
    /// # Errors
    /// As the system has them.
    pub fn now(file: &std::fs::File) -> std::io::Result<Self> {
        file.metadata().map(|found| Self::of(&found))
    }
}

/// A time of the system as seconds and nanoseconds.
fn moment(time: SystemTime) -> Moment {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => (since.as_secs() as i64, since.subsec_nanos()),
        Err(before) => {
            let before = before.duration();
            let (seconds, nanos) = (before.as_secs() as i64, before.subsec_nanos());
            match nanos {
                0 => (-seconds, 0),
                nanos => (-seconds - 1, 1_000_000_000 - nanos),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn moments_before_and_after_1970() {
        let at = |millis: i64| {
            let apart = Duration::from_millis(millis.unsigned_abs());
            moment(if millis < 0 {
                UNIX_EPOCH - apart
            } else {
                UNIX_EPOCH + apart
            })
        };
        assert_eq!(at(1500), (1, 500_000_000));
        assert_eq!(at(-2000), (-2, 0));
        assert_eq!(at(-1), (-1, 999_000_000));
    }
}
