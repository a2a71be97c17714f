//! What is known of a file without reading it.

use std::time::{SystemTime, UNIX_EPOCH};

/// A moment as file systems keep it: seconds since 1970 (before it negative), and nanoseconds after that.
pub type Moment = (i64, u32);

/// What is known of a file or folder. It is equal to what is known later where nothing was written meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Bytes in it.
    pub size: u64,
    /// When it was last written, where that is known.
    pub modified: Option<Moment>,
    /// The permissions of Unix (the lowest nine bits), where there are any.
    pub mode: Option<u32>,
    /// When it was last written or described anew, and which it is among the files of its system.
    changed: Option<(i64, i64)>,
    number: Option<u64>,
}

#[cfg(unix)]
macro_rules! unix_facts {
    ($found:expr, $trait:path) => {{
        use $trait as Unix;
        let found = $found;
        Facts {
            size: found.len(),
            modified: Some((
                Unix::mtime(found),
                u32::try_from(Unix::mtime_nsec(found)).unwrap_or(0),
            )),
            mode: Some(Unix::mode(found) & 0o777),
            changed: Some((Unix::ctime(found), Unix::ctime_nsec(found))),
            number: Some(Unix::ino(found)),
        }
    }};
}

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
            changed: None,
            number: None,
        }
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
