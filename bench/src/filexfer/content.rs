//! What is sent: bytes that nothing can compress, and text as programs write it.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufWriter, Read, Write};
use std::path::Path;

use anyhow::{Context, Result, ensure};

/// How much is written, or compared, at once.
const CHUNK: usize = 1 << 20;

/// The same content each time.
const SEED: u64 = 6;

/// The content of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) kind: Kind,
    /// In bytes.
    pub(crate) size: u64,
}

/// What it is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Random bytes.
    Random,
    /// Lines of a log, which zstd -1 makes less than a third of.
    Text,
}

impl Content {
    /// Writes a new file that holds it.
    pub(crate) fn write(self, path: &Path) -> Result<()> {
        let write = || {
            let mut file = BufWriter::with_capacity(CHUNK, File::create(path)?);
            match self.kind {
                Kind::Random => random(&mut file, self.size)?,
                Kind::Text => text(&mut file, self.size)?,
            }
            file.flush()
        };
        write().with_context(|| format!("cannot write {}", path.display()))
    }
}

fn random(file: &mut impl Write, mut left: u64) -> std::io::Result<()> {
    let mut random = fastrand::Rng::with_seed(SEED);
    let mut chunk = vec![0; CHUNK];
    while left > 0 {
        let length = left.min(CHUNK as u64) as usize;
        random.fill(&mut chunk[..length]);
        file.write_all(&chunk[..length])?;
        left -= length as u64;
    }
    Ok(())
}

fn text(file: &mut impl Write, mut left: u64) -> std::io::Result<()> {
    let mut log = Log::new();
    while left > 0 {
        let line = log.line().as_bytes();
        let length = left.min(line.len() as u64) as usize;
        file.write_all(&line[..length])?;
        left -= length as u64;
    }
    Ok(())
}

/// Lines as programs write them: times that go on, words of which few are frequent and most are rare, numbers.
struct Log {
    random: fastrand::Rng,
    words: Vec<String>,
    micros: u64,
    line: String,
}

impl Log {
    fn new() -> Self {
        const WORDS: usize = 1500;
        let mut random = fastrand::Rng::with_seed(SEED);
        Self {
            words: (0..WORDS).map(|_| word(&mut random)).collect(),
            random,
            micros: 0,
            line: String::new(),
        }
    }

    fn line(&mut self) -> &str {
        const LEVELS: [&str; 6] = ["INFO", "INFO", "INFO", "DEBUG", "WARN", "ERROR"];
        self.micros += self.random.u64(..40_000);
        self.line.clear();
        let (seconds, micros) = (self.micros / 1_000_000, self.micros % 1_000_000);
        let level = LEVELS[self.random.usize(..LEVELS.len())];
        // Writing to a string cannot fail.
        let _ = write!(
            self.line,
            "2026-01-01T{:02}:{:02}:{:02}.{micros:06}Z {level}",
            seconds / 3600 % 24,
            seconds / 60 % 60,
            seconds % 60
        );
        for _ in 0..self.random.usize(6..18) {
            self.line.push(' ');
            self.push_word();
        }
        let id = self.random.u16(..);
        let _ = writeln!(self.line, " id={id:04x} size={}", self.random.u32(..5000));
        &self.line
    }

    /// One of the first far more often than one of the last.
    fn push_word(&mut self) {
        let chance = self.random.f64();
        let index = (chance.powi(6) * self.words.len() as f64) as usize;
        self.line.push_str(&self.words[index]);
    }
}

fn word(random: &mut fastrand::Rng) -> String {
    const SYLLABLES: [&str; 24] = [
        "re", "con", "ver", "at", "ion", "ser", "dis", "ment", "ing", "er", "pro", "ta", "lo",
        "si", "un", "de", "mi", "per", "st", "ack", "ed", "ro", "ble", "ex",
    ];
    (0..random.usize(2..5))
        .map(|_| SYLLABLES[random.usize(..SYLLABLES.len())])
        .collect()
}

/// Makes sure that a file arrived as it was sent.
pub(crate) fn ensure_same(sent: &Path, arrived: &Path) -> Result<()> {
    let length = |path: &Path| {
        let metadata = fs::metadata(path);
        metadata.map(|metadata| metadata.len())
    };
    let expected = length(sent).with_context(|| format!("where is {}?", sent.display()))?;
    let found = length(arrived).context("no file arrived")?;
    ensure!(
        found == expected,
        "{found} bytes arrived of {expected} that were sent"
    );
    let same = same(File::open(sent)?, File::open(arrived)?)?;
    ensure!(same, "other bytes arrived than were sent");
    Ok(())
}

/// Of files that are as long as each other.
fn same(mut one: File, mut other: File) -> std::io::Result<bool> {
    let [mut first, mut second] = [vec![0; CHUNK], vec![0; CHUNK]];
    loop {
        let length = one.read(&mut first)?;
        other.read_exact(&mut second[..length])?;
        if first[..length] != second[..length] {
            return Ok(false);
        }
        if length == 0 {
            return Ok(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_has_its_size_and_is_the_same_each_time() {
        for kind in [Kind::Random, Kind::Text] {
            let size = CHUNK as u64 + 1;
            let made = || {
                let mut bytes = Vec::new();
                match kind {
                    Kind::Random => random(&mut bytes, size).unwrap(),
                    Kind::Text => text(&mut bytes, size).unwrap(),
                }
                bytes
            };
            let bytes = made();
            assert_eq!(bytes.len() as u64, size);
            assert!(bytes == made(), "{kind:?}");
            assert!(bytes[..CHUNK / 2] != bytes[CHUNK / 2..CHUNK], "{kind:?}");
        }
    }

    #[test]
    fn the_text_is_lines() {
        let mut log = Log::new();
        for _ in 0..100 {
            let line = log.line();
            assert!(
                line.starts_with("2026-01-01T00:00:0") && line.ends_with('\n'),
                "{line}"
            );
            assert!(line.is_ascii());
        }
    }

    #[test]
    fn what_arrived_otherwise_is_told() {
        let folder = std::env::temp_dir().join(format!("bench-content-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let [sent, arrived] = ["sent", "arrived"].map(|name| folder.join(name));
        fs::write(&sent, "abc").unwrap();
        for (content, reason) in [
            (None, Some("no file")),
            (Some("ab"), Some("2 bytes arrived of 3")),
            (Some("abd"), Some("other bytes")),
            (Some("abc"), None),
        ] {
            if let Some(content) = content {
                fs::write(&arrived, content).unwrap();
            }
            let told = ensure_same(&sent, &arrived)
                .err()
                .map(|error| error.to_string());
            let told = told.as_deref().unwrap_or_default();
            assert!(told.contains(reason.unwrap_or_default()), "{told}");
            assert_eq!(told.is_empty(), reason.is_none());
        }
        fs::remove_dir_all(&folder).unwrap();
    }
}
