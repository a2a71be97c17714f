//! A folder of small files: what it is made of, and whether it arrived as it was sent.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File, FileTimes, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};

/// The same tree each time.
const SEED: u64 = 7;

/// So many files lie in a folder.
const IN_A_FOLDER: u64 = 100;

/// Of files, one after the other; a umask of 022 takes nothing from them.
const MODES: [u32; 4] = [0o644, 0o600, 0o755, 0o640];

/// Files of random bytes, a hundred in each folder, with times of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tree {
    pub(crate) files: u64,
    /// Of each, in bytes.
    pub(crate) size: usize,
}

/// What a program keeps of a file beside its name and its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// Mode, and time to the nanosecond.
    Nanoseconds,
    /// Mode, and time to the second.
    Seconds,
    /// Nothing that it promises.
    Content,
}

impl Tree {
    /// Writes it into a new folder.
    pub(crate) fn write(self, path: &Path) -> Result<()> {
        let write = || {
            let mut random = fastrand::Rng::with_seed(SEED);
            fs::create_dir(path)?;
            for folder in 0..self.files.div_ceil(IN_A_FOLDER) {
                let files = IN_A_FOLDER.min(self.files - folder * IN_A_FOLDER);
                let folder = path.join(format!("folder-{folder:04}"));
                fs::create_dir(&folder)?;
                (0..files).try_for_each(|number| self.write_file(&mut random, &folder, number))?;
                set_time(&folder, time(&mut random))?;
            }
            set_time(path, time(&mut random))
        };
        write().with_context(|| format!("cannot write {}", path.display()))
    }

    fn write_file(self, random: &mut fastrand::Rng, folder: &Path, number: u64) -> io::Result<()> {
        let path = folder.join(format!("file-{number:03}.bin"));
        let mut content = vec![0; self.size];
        random.fill(&mut content);
        fs::write(&path, content)?;
        let mode = MODES[number as usize % MODES.len()];
        set_time(&path, time(random))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(mode))
    }
}

/// In 2023, with nanoseconds.
fn time(random: &mut fastrand::Rng) -> SystemTime {
    const BEGIN: Duration = Duration::from_secs(1_672_531_200);
    let later = Duration::new(random.u64(..365 * 86_400), random.u32(..1_000_000_000));
    SystemTime::UNIX_EPOCH + BEGIN + later
}

fn set_time(path: &Path, time: SystemTime) -> io::Result<()> {
    File::open(path)?.set_times(FileTimes::new().set_modified(time))
}

/// Makes sure that a folder arrived as it was sent: names, sizes, bytes, and what else this keeps.
pub(crate) fn ensure_same(sent: &Path, arrived: &Path, kept: Kept) -> Result<()> {
    let about = || format!("{} is not what was sent", arrived.display());
    let [expected, found] = [sent, arrived].map(fs::symlink_metadata);
    let (expected, found) = (expected?, found.with_context(about)?);
    ensure_alike(&expected, &found, kept).with_context(about)?;
    if expected.is_dir() {
        let names = names(sent)?;
        ensure!(
            names == self::names(arrived)?,
            "{} has other names in it than were sent",
            arrived.display()
        );
        return names
            .iter()
            .try_for_each(|name| ensure_same(&sent.join(name), &arrived.join(name), kept));
    }
    let is_same = fs::read(sent)? == fs::read(arrived)?;
    ensure!(is_same, "{} has other bytes", arrived.display());
    Ok(())
}

fn ensure_alike(expected: &Metadata, found: &Metadata, kept: Kept) -> Result<()> {
    ensure!(
        expected.file_type() == found.file_type(),
        "it is of another type"
    );
    if kept == Kept::Content {
        return Ok(());
    }
    let [mode, expected_mode] = [found, expected].map(Metadata::mode);
    ensure!(
        mode == expected_mode,
        "its mode is {mode:o}, not {expected_mode:o}"
    );
    let [time, expected_time] = [found, expected].map(|of| match kept {
        Kept::Nanoseconds => (of.mtime(), of.mtime_nsec()),
        _ => (of.mtime(), 0),
    });
    ensure!(
        time == expected_time,
        "its time is {time:?}, not {expected_time:?}, in seconds and nanoseconds"
    );
    Ok(())
}

fn names(folder: &Path) -> Result<BTreeSet<OsString>> {
    let entries = fs::read_dir(folder).with_context(|| format!("where is {}", folder.display()))?;
    let names = entries.map(|entry| entry.map(|entry| entry.file_name()));
    Ok(names.collect::<io::Result<_>>()?)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    const TREE: Tree = Tree {
        files: 101,
        size: 10,
    };

    fn folder(test: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("bench-tree-{test}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn a_tree_is_the_same_each_time() {
        let folder = folder("same");
        let [one, other] = ["one", "other"].map(|name| folder.join(name));
        TREE.write(&one).unwrap();
        TREE.write(&other).unwrap();
        ensure_same(&one, &other, Kept::Nanoseconds).unwrap();
        assert_eq!(names(&one).unwrap().len(), 2);
        assert_eq!(names(&one.join("folder-0000")).unwrap().len(), 100);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn what_arrived_otherwise_is_told() {
        let folder = folder("otherwise");
        let [sent, arrived] = ["sent", "arrived"].map(|name| folder.join(name));
        TREE.write(&sent).unwrap();
        let file = arrived.join("folder-0001/file-000.bin");
        type Change<'a> = &'a dyn Fn() -> io::Result<()>;
        let table: [(Change<'_>, Kept, Option<&str>); 7] = [
            (&|| fs::write(&file, "other"), Kept::Content, Some("bytes")),
            (&|| fs::remove_file(&file), Kept::Content, Some("names")),
            (
                &|| fs::write(arrived.join("more"), ""),
                Kept::Content,
                Some("names"),
            ),
            (
                &|| fs::set_permissions(&file, fs::Permissions::from_mode(0o600)),
                Kept::Seconds,
                Some("mode is 100600, not 100644"),
            ),
            (
                &|| set_time(&file, SystemTime::UNIX_EPOCH),
                Kept::Seconds,
                Some("time is (0, 0)"),
            ),
            (&|| cut_time(&file), Kept::Nanoseconds, Some("time is")),
            (&|| cut_time(&file), Kept::Seconds, None),
        ];
        for (change, kept, reason) in table {
            TREE.write(&arrived).unwrap();
            change().unwrap();
            for folder in [arrived.clone(), arrived.join("folder-0001")] {
                let time = fs::metadata(sent.join(folder.strip_prefix(&arrived).unwrap())).unwrap();
                set_time(&folder, time.modified().unwrap()).unwrap();
            }
            let told = ensure_same(&sent, &arrived, kept)
                .err()
                .map(|error| format!("{error:#}"));
            let told = told.as_deref().unwrap_or_default();
            assert!(told.contains(reason.unwrap_or_default()), "{told}");
            assert_eq!(told.is_empty(), reason.is_none(), "{told}");
            fs::remove_dir_all(&arrived).unwrap();
        }
        fs::remove_dir_all(&folder).unwrap();
    }

    /// To the second.
    fn cut_time(path: &Path) -> io::Result<()> {
        let seconds = fs::metadata(path)?.mtime() as u64;
        set_time(path, SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
    }
}
