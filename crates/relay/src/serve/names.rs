//! Whose names are, in a file: a line `name key` for each, the key as 64 hexadecimal digits.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender};

use anyhow::{Context, bail};
use proto::relay::hub::elsewhere::Errand;
use proto::relay::native::Name;
use proto::relay::native::identity::SigningKey;
use runtime::escape::Escaped;

use super::outside::Runner;

/// A name and whose it is.
pub(super) type Owner = (Name, SigningKey);

/// The most bytes of such a file: two million names.
const MAX_FILE: u64 = 256 * 1024 * 1024;

/// Writes down whose names are.
#[derive(Debug)]
pub(super) struct Keeper {
    file: File,
    path: PathBuf,
    /// How long the file is as far as it is known to be on the disk.
    length: u64,
    /// What is to be written.
    lines: String,
}

impl Keeper {
    /// Opens the file, makes it where it is not there, and reads what it says. A last line that was not written to its
    /// end is cut off: the machine stopped meanwhile.
    pub(super) fn open(path: &Path) -> anyhow::Result<(Self, Vec<Owner>)> {
        let shown = Escaped(path.as_os_str().as_encoded_bytes());
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .with_context(|| format!("cannot open {shown}, the file of --names"))?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                bail!("expected a file of its own for --names, another relay has {shown}")
            }
            Err(TryLockError::Error(error)) => tracing::debug!(%error, "the file is not locked"),
            Ok(()) => {}
        }
        let mut text = Vec::new();
        let read = (&mut file).take(MAX_FILE + 1).read_to_end(&mut text);
        let length = read.with_context(|| format!("cannot read {shown}, the file of --names"))?;
        if length as u64 > MAX_FILE {
            bail!("expected a file of at most {MAX_FILE} bytes for --names, {shown} has more");
        }
        let (owners, whole) = parse(&text).with_context(|| format!("cannot read {shown}"))?;
        let mut keeper = Self {
            file,
            path: path.to_owned(),
            length: whole as u64,
            lines: String::new(),
        };
        if whole > 0 && text[whole - 1] != b'\n' {
            keeper.lines.push('\n');
        }
        Ok((keeper, owners))
    }

    /// Writes down what it is told, until there is no more to be told. What cannot be written is tried again with the
    /// next, and at the end.
    pub(super) fn run(mut self, owners: &Receiver<Owner>) {
        while let Ok(first) = owners.recv() {
            self.add(&first);
            owners.try_iter().for_each(|owner| self.add(&owner));
            self.try_to_write();
        }
        if !self.lines.is_empty() {
            self.try_to_write();
        }
    }

    fn try_to_write(&mut self) {
        if let Err(error) = self.write() {
            let path = Escaped(self.path.as_os_str().as_encoded_bytes());
            tracing::warn!(%path, %error, "cannot write down whose names are");
        }
    }

    fn add(&mut self, (name, key): &Owner) {
        // Writing to a string does not fail.
        let _ = write!(self.lines, "{name} ");
        for byte in key.0 {
            let _ = write!(self.lines, "{byte:02x}");
        }
        self.lines.push('\n');
    }

    /// Writes what is to be written, to the disk. If that fails, all of it is still to be written.
    fn write(&mut self) -> io::Result<()> {
        self.file.set_len(self.length)?;
        self.file.seek(SeekFrom::Start(self.length))?;
        self.file.write_all(self.lines.as_bytes())?;
        self.file.sync_data()?;
        self.length += self.lines.len() as u64;
        self.lines.clear();
        Ok(())
    }
}

/// Tells the thread that writes names down of those that are taken.
pub(super) fn runner(tell: Sender<Owner>) -> Runner {
    Box::new(move |errands| {
        for errand in errands {
            if let Errand::Owner { name, keys } = errand {
                // It fails when the thread has ended, which says why itself.
                let _ = tell.send((name, keys.signing));
            }
        }
    })
}

/// What the file says, and how many bytes of it are whole.
fn parse(text: &[u8]) -> anyhow::Result<(Vec<Owner>, usize)> {
    let (mut owners, mut whole) = (BTreeMap::new(), 0);
    for (place, line) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let number = place + 1;
        let owner = owner(line.trim_ascii());
        if owner.is_none() && line.last() != Some(&b'\n') {
            tracing::warn!(
                line = number,
                "a name that was not written to its end is forgotten"
            );
            break;
        }
        let Some((name, key)) = owner else {
            bail!("expected a name, a space and a key of 64 hexadecimal digits on line {number}");
        };
        if owners.insert(name, key).is_some_and(|before| before != key) {
            bail!("expected each name once, {name} has another key on line {number}");
        }
        whole += line.len();
    }
    Ok((owners.into_iter().collect(), whole))
}

fn owner(line: &[u8]) -> Option<Owner> {
    let space = line.iter().position(|byte| *byte == b' ')?;
    let (name, key) = (&line[..space], &line[space + 1..]);
    let mut bytes = [0; 32];
    if key.len() != 2 * bytes.len() {
        return None;
    }
    for (byte, digits) in bytes.iter_mut().zip(key.chunks(2)) {
        let digit = |at: usize| char::from(digits[at]).to_digit(16);
        *byte = (digit(0)? << 4 | digit(1)?) as u8;
    }
    Some((Name::new(name)?, SigningKey(bytes)))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::mpsc;

    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let name = format!("plumbline-names-{name}-{}", std::process::id());
            let folder = std::env::temp_dir().join(name);
            fs::create_dir_all(&folder).unwrap();
            Self(folder)
        }

        fn file(&self) -> PathBuf {
            self.0.join("names")
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    fn line(name: &str, key: u8) -> String {
        format!("{name} {}\n", format!("{key:02x}").repeat(32))
    }

    fn keep(path: &Path, owners: &[Owner]) -> Vec<Owner> {
        let (keeper, known) = Keeper::open(path).unwrap();
        let (tell, hear) = mpsc::channel();
        owners.iter().for_each(|owner| tell.send(*owner).unwrap());
        drop(tell);
        keeper.run(&hear);
        known
    }

    #[test]
    fn what_was_written_down_is_known_again() {
        let folder = Folder::new("again");
        let (alice, bob) = (
            (name("alice"), SigningKey([0xA1; 32])),
            (name("bob"), SigningKey([7; 32])),
        );
        assert_eq!(keep(&folder.file(), &[alice]), []);
        assert_eq!(keep(&folder.file(), &[bob]), [alice]);
        assert_eq!(keep(&folder.file(), &[]), [alice, bob]);
        let text = fs::read_to_string(folder.file()).unwrap();
        assert_eq!(text, line("alice", 0xA1) + &line("bob", 7));
    }

    #[test]
    fn a_line_that_was_not_written_to_its_end_is_cut_off() {
        let folder = Folder::new("torn");
        let (alice, bob) = (line("alice", 1), (name("bob"), SigningKey([7; 32])));
        fs::write(folder.file(), alice.clone() + "carol 0102").unwrap();
        assert_eq!(keep(&folder.file(), &[bob]).len(), 1);
        let text = fs::read_to_string(folder.file()).unwrap();
        assert_eq!(text, alice + &line("bob", 7));
    }

    #[test]
    fn a_last_line_without_an_end_that_says_all_is_kept() {
        let folder = Folder::new("whole");
        let bob = (name("bob"), SigningKey([7; 32]));
        fs::write(folder.file(), line("alice", 1).trim_end()).unwrap();
        assert_eq!(keep(&folder.file(), &[bob]).len(), 1);
        let text = fs::read_to_string(folder.file()).unwrap();
        assert_eq!(text, line("alice", 1) + &line("bob", 7));
    }

    #[test]
    fn two_relays_do_not_share_a_file() {
        let folder = Folder::new("shared");
        let (keeper, _) = Keeper::open(&folder.file()).unwrap();
        let error = Keeper::open(&folder.file()).unwrap_err().to_string();
        assert!(error.contains("another relay"), "{error}");
        drop(keeper);
        Keeper::open(&folder.file()).unwrap();
    }

    #[test]
    fn what_is_wrong_is_named_by_its_line() {
        let (alice, short) = (line("alice", 1), "bob 0102\n".to_owned());
        let table = [
            (alice.clone() + &short, "line 2"),
            (alice.clone() + "\n" + &alice, "line 2"),
            ("Alice".to_owned() + &alice[5..], "line 1"),
            (alice.clone() + &line("alice", 2), "line 2"),
            (alice.clone().replace("01", "0g"), "line 1"),
        ];
        for (text, expected) in table {
            let error = parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
        let twice = alice.repeat(2);
        assert_eq!(parse(twice.as_bytes()).unwrap().0.len(), 1);
    }
}
