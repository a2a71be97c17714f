//! The keys of those who were met: a line `RELAY NAME KEY` for each, in a file beside the identity.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context;
use proto::relay::native::Name;
use proto::relay::native::identity::SigningKey;

use super::folder;

/// The keys known at one relay.
#[derive(Debug)]
pub(super) struct Known {
    path: PathBuf,
    relay: String,
    keys: BTreeMap<Name, SigningKey>,
}

impl Known {
    /// Those in the file beside this identity.
    pub(super) fn read(identity: &Path, relay: &str) -> anyhow::Result<Self> {
        let path = identity.with_file_name("known_names");
        let text = load(&path)?;
        let here = lines(&text).filter(|(at, ..)| *at == relay);
        Ok(Self {
            keys: here.map(|(_, name, key)| (name, key)).collect(),
            relay: relay.to_owned(),
            path,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&Name, &SigningKey)> {
        self.keys.iter()
    }

    /// Keeps the key of somebody, in the place of another one if there was.
    pub(super) fn keep(&mut self, name: Name, key: SigningKey) -> anyhow::Result<()> {
        if self.keys.insert(name, key) == Some(key) {
            return Ok(());
        }
        let _lock = folder::lock(&self.path)?;
        let text = load(&self.path)?;
        let text = with(&text, &self.relay, name, key);
        folder::replace(&self.path, text.as_bytes())
            .with_context(|| format!("cannot write {}", self.path.display()))
    }
}

fn load(path: &Path) -> anyhow::Result<String> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        read => read.with_context(|| format!("cannot read {}", path.display())),
    }
}

/// The lines that say something.
fn lines(text: &str) -> impl Iterator<Item = (&str, Name, SigningKey)> {
    text.lines().filter_map(line)
}

fn line(line: &str) -> Option<(&str, Name, SigningKey)> {
    let mut words = line.split_whitespace();
    let (relay, name, key) = (words.next()?, words.next()?, words.next()?);
    Some((relay, name.parse().ok()?, SigningKey::from_hex(key)?))
}

/// The text with this line in the place of the one that it contradicts; all others, also those that say nothing, stay.
fn with(text: &str, relay: &str, name: Name, key: SigningKey) -> String {
    let is_other =
        |text: &&str| line(text).is_none_or(|(at, whose, _)| (at, whose) != (relay, name));
    let kept = text.lines().filter(is_other);
    let new = format!("{relay} {name} {}", key.to_hex());
    kept.chain([new.as_str()])
        .map(|line| format!("{line}\n"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::Folder;
    use super::*;

    #[test]
    fn each_relay_has_its_own_names() {
        let folder = Folder::new();
        let identity = folder.0.join("alice.key");
        let name = |text: &str| text.parse::<Name>().unwrap();
        let at = |relay: &str| Known::read(&identity, relay).unwrap();
        let (mut here, mut there) = (at("here:9000"), at("there:9000"));
        here.keep(name("bob"), SigningKey([1; 32])).unwrap();
        there.keep(name("bob"), SigningKey([2; 32])).unwrap();
        here.keep(name("eve"), SigningKey([3; 32])).unwrap();
        here.keep(name("bob"), SigningKey([4; 32])).unwrap();
        let keys = |known: &Known| known.all().map(|(_, key)| key.0[0]).collect::<Vec<_>>();
        assert_eq!(keys(&at("here:9000")), [4, 3]);
        assert_eq!(keys(&at("there:9000")), [2]);
    }

    #[test]
    fn what_a_person_wrote_stays() {
        let key = SigningKey([0xAB; 32]);
        let text = with(
            "# mine\nhere bob nonsense\n",
            "here",
            "bob".parse().unwrap(),
            key,
        );
        let line = format!("here bob {}", "ab".repeat(32));
        assert_eq!(text, format!("# mine\nhere bob nonsense\n{line}\n"));
        assert_eq!(lines(&text).count(), 1);
    }
}
