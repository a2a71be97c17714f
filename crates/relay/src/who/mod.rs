//! Who one is among the others: a name, the key that it belongs to, and the keys of those who were met.

mod folder;
mod hex;
mod key;
mod known;

use std::path::PathBuf;

use proto::relay::native::identity::SigningKey;
use proto::relay::native::{Identity, Name};

use crate::relays::Relays;
use known::Known;

/// Who one is
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Naming {
    /// The name to go by; it belongs to the first who takes it
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<Name>,
    /// File with the key that the name belongs to, made where it is not there; the keys of others are kept beside it
    /// [default: plumbline/relay/NAME.key in the user's configuration]
    #[arg(long, value_name = "FILE")]
    pub(crate) identity: Option<PathBuf>,
}

/// Whether a relay without names will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Insistence {
    /// No: the name was asked for.
    Named,
    /// Yes.
    Any,
}

/// Who one is, and whom one knows.
#[derive(Debug)]
pub(crate) struct Who {
    claim: Option<(Name, Identity)>,
    insistence: Insistence,
    known: Option<Known>,
}

impl Naming {
    /// Reads the key of the name, or makes one.
    pub(crate) fn settle(&self, relays: &Relays) -> anyhow::Result<Who> {
        match self.name {
            Some(name) => self.known_as(name, Insistence::Named, relays),
            None => Ok(Who::nameless()),
        }
    }

    /// The same, with this name where none was asked for.
    pub(crate) fn settle_or(&self, name: Name, relays: &Relays) -> anyhow::Result<Who> {
        match self.name {
            Some(_) => self.settle(relays),
            None => self.known_as(name, Insistence::Any, relays),
        }
    }

    fn known_as(&self, name: Name, insistence: Insistence, relays: &Relays) -> anyhow::Result<Who> {
        let path = match &self.identity {
            Some(path) => path.clone(),
            None => folder::of_user()?.join(format!("{name}.key")),
        };
        let identity = key::read_or_make(&path)?;
        let known = Known::read(&path, relays.with_ports())?;
        Ok(Who {
            claim: Some((name, identity)),
            insistence,
            known: Some(known),
        })
    }
}

impl Who {
    /// Somebody who is known by the address alone.
    pub(crate) fn nameless() -> Self {
        Self {
            claim: None,
            insistence: Insistence::Any,
            known: None,
        }
    }

    /// The name.
    pub(crate) fn name(&self) -> Option<Name> {
        self.claim.as_ref().map(|(name, _)| *name)
    }

    /// The name, and the secret that it belongs to.
    pub(crate) fn claim(&self) -> Option<(Name, Identity)> {
        self.claim.clone()
    }

    /// Whether the name was asked for.
    pub(crate) fn insists(&self) -> bool {
        self.insistence == Insistence::Named
    }

    /// Whose keys are known at this relay.
    pub(crate) fn known(&self) -> impl Iterator<Item = (&Name, &SigningKey)> {
        self.known.iter().flat_map(Known::all)
    }

    /// The key of this name, if it is known.
    pub(crate) fn key_of(&self, name: Name) -> Option<SigningKey> {
        self.known()
            .find(|(known, _)| **known == name)
            .map(|(_, key)| *key)
    }

    /// Keeps the key of somebody, also for the next time.
    pub(crate) fn keep(&mut self, name: Name, key: SigningKey) {
        let Some(known) = &mut self.known else { return };
        if let Err(error) = known.keep(name, key) {
            tracing::warn!("the key of {name} is not kept: {error:#}");
        }
    }

    /// Where the keys of others are kept.
    pub(crate) fn file(&self) -> String {
        let known = self.known.as_ref();
        known.map_or_else(String::new, |known| known.path().display().to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// A folder of a test, which goes with it.
    pub(super) struct Folder(pub(super) PathBuf);

    impl Folder {
        pub(super) fn new() -> Self {
            static COUNT: AtomicUsize = AtomicUsize::new(0);
            let (id, count) = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
            let path = std::env::temp_dir().join(format!("plumbline-relay-{id}-{count}"));
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}
