//! An older version of a file, which lies where the new one is to arrive.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};

/// The same version each time.
const SEED: u64 = 8;

/// How long a piece is that changed, in bytes.
const PIECE: usize = 64 << 10;

/// Where it may begin: at a multiple of this.
const PAGE: u64 = 4 << 10;

/// One part of this many changed.
const SHARE: u64 = 100;

/// How many bytes the older version has not, at its start.
const INSERTED: u64 = 17;

/// In what the older version differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Older {
    /// 1 % of the bytes is other, in pieces all over the file.
    Changed,
    /// 17 bytes at the start are missing.
    Shifted,
}

impl Older {
    /// Makes it of the new version; what may lie there already is the new version too. Its time is an older one.
    pub(crate) fn make(self, new: &Path, path: &Path) -> Result<()> {
        let make = || match self {
            Self::Changed => change(new, path),
            Self::Shifted => shift(new, path),
        };
        make().with_context(|| format!("cannot make an older version of {}", new.display()))
    }
}

fn change(new: &Path, path: &Path) -> io::Result<()> {
    if !path.exists() {
        fs::copy(new, path)?;
    }
    let file = OpenOptions::new().write(true).open(path)?;
    let mut random = fastrand::Rng::with_seed(SEED);
    let mut piece = vec![0; PIECE];
    for at in pieces(file.metadata()?.len(), &mut random) {
        random.fill(&mut piece);
        file.write_all_at(&piece, at)?;
    }
    age(&file)
}

/// Where pieces begin: one lies somewhere in each of as many equal stretches of the file.
fn pieces(size: u64, random: &mut fastrand::Rng) -> Vec<u64> {
    let count = (size / SHARE / PIECE as u64).max(1);
    let stretch = size / PAGE / count;
    let last = stretch.saturating_sub(PIECE as u64 / PAGE);
    let page = |number| number * stretch + random.u64(..=last);
    (0..count).map(page).map(|page| page * PAGE).collect()
}

fn shift(new: &Path, path: &Path) -> io::Result<()> {
    let mut new = File::open(new)?;
    new.seek(SeekFrom::Start(INSERTED))?;
    let mut file = File::create(path)?;
    io::copy(&mut new, &mut file)?;
    age(&file)
}

/// Gives it a time from before anything that is sent was made.
fn age(file: &File) -> io::Result<()> {
    const TIME: Duration = Duration::from_secs(1_600_000_000);
    file.set_modified(SystemTime::UNIX_EPOCH + TIME)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_percent_changes_in_pieces_that_do_not_meet() {
        for mib in [1, 10, 4096] {
            let size = mib << 20;
            let pieces = pieces(size, &mut fastrand::Rng::with_seed(SEED));
            let ends = pieces.iter().map(|at| at + PIECE as u64);
            let starts = pieces.iter().skip(1).copied().chain([size]);
            assert!(ends.zip(starts).all(|(end, next)| end <= next), "{mib}");
            assert!(pieces.iter().all(|at| at % PAGE == 0), "{mib}");
            let changed = (pieces.len() * PIECE) as f64 / size as f64;
            assert!(mib < 7 || (0.006..=0.01).contains(&changed), "{changed}");
        }
    }

    #[test]
    fn older_versions_differ_as_they_say_and_can_be_made_again() {
        let folder = std::env::temp_dir().join(format!("bench-older-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let [new, path] = ["new", "old"].map(|name| folder.join(name));
        let mut content = vec![0; 1 << 20];
        fastrand::Rng::with_seed(1).fill(&mut content);
        fs::write(&new, &content).unwrap();
        let made = |older: Older| {
            older.make(&new, &path).unwrap();
            let time = |path| fs::metadata(path).unwrap().modified().unwrap();
            assert!(time(&path) < time(&new), "{older:?}");
            fs::read(&path).unwrap()
        };
        let changed = made(Older::Changed);
        let differ = changed
            .iter()
            .zip(&content)
            .filter(|(one, other)| one != other);
        assert!((PIECE / 2..=PIECE).contains(&differ.count()));
        fs::copy(&new, &path).unwrap();
        assert!(made(Older::Changed) == changed);
        assert!(made(Older::Shifted) == content[INSERTED as usize..]);
        fs::remove_dir_all(&folder).unwrap();
    }
}
