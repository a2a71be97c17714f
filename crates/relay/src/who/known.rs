//! The keys of those who were met: a line `RELAY NAME KEY` for each, in a file beside the identity.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context;
use proto::relay::native::Name;
use proto::relay::native::identity::SigningKey;

use super::folder;

/// The keys known at one relay, or at those of one community.
#[derive(Debug)]
pub(super) struct Known {
    path: PathBuf,
    relays: Vec<String>,
    keys: BTreeMap<Name, SigningKey>,
}

impl Known {
    /// Those in the file beside this identity. Where it says different things of several relays, the first of them holds.
    pub(super) fn read(identity: &Path, relays: Vec<String>) -> anyhow::Result<Self> {
        let path = identity.with_file_name("known_names");
        let text = load(&path)?;
        let mut keys = BTreeMap::new();
        for relay in relays.iter().rev() {
            let here = lines(&text).filter(|(at, ..)| at == relay);
            keys.extend(here.map(|(_, name, key)| (name, key)));
        }
        Ok(Self { path, relays, keys })
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
        let mut text = load(&self.path)?;
        for relay in &self.relays {
            text = with(&text, relay, name, key);
        }
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
        let at = |relay: &str| Known::read(&identity, vec![relay.to_owned()]).unwrap();
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
    fn relays_of_one_community_share_their_names() {
        let folder = Folder::new();
        let identity = folder.0.join("alice.key");
        let bob = "bob".parse().unwrap();
        let at = |relays: &[&str]| {
            let relays = relays.iter().map(|relay| relay.to_string()).collect();
            Known::read(&identity, relays).unwrap()
        };
        let key = |known: &Known| known.all().map(|(_, key)| key.0[0]).collect::<Vec<_>>();
        at(&["a:1"]).keep(bob, SigningKey([1; 32])).unwrap();
        at(&["b:1"]).keep(bob, SigningKey([2; 32])).unwrap();
        assert_eq!(key(&at(&["a:1", "b:1"])), [1]);
        assert_eq!(key(&at(&["c:1", "b:1", "a:1"])), [2]);
        at(&["a:1", "b:1"]).keep(bob, SigningKey([3; 32])).unwrap();
        assert_eq!((key(&at(&["a:1"])), key(&at(&["b:1"]))), (vec![3], vec![3]));
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
