//! What is served: folders beneath names, and what is at a path of them.

mod cache;
mod entry;
mod packing;

use std::fs::File;

use proto::http::{Coding, Path, media};
use runtime::beneath::{Beneath, Facts, Opened};

pub(crate) use self::cache::{Cache, Kept};
pub(crate) use self::entry::{Choice, Held, Resource, Variant};
pub(crate) use self::packing::Packer;
use crate::args::Args;

/// What is served.
#[derive(Debug)]
pub(crate) struct Site {
    root: Beneath,
}

/// What is at a path.
#[derive(Debug)]
pub(crate) enum Found {
    /// A file.
    File(Seen),
    /// Nothing that is served.
    Nothing,
}

/// A file that was found.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) place: Place,
    pub(crate) media: &'static str,
    pub(crate) plain: Version,
    pub(crate) packed: Vec<Version>,
}

/// Where something is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) root: usize,
    pub(crate) path: Vec<u8>,
}

/// A file and how it is compressed.
#[derive(Debug)]
pub(crate) struct Version {
    pub(crate) file: File,
    pub(crate) facts: Facts,
    pub(crate) coding: Coding,
}

impl Site {
    pub(crate) fn new(args: &Args) -> Self {
        Self {
            root: Beneath::new(&args.roots[0]),
        }
    }

    /// What is at a path.
    pub(crate) fn look(&self, path: &Path) -> Found {
        let Ok(Opened::File(file, facts)) = self.root.open(path.bytes()) else {
            return Found::Nothing;
        };
        let plain = Version { file, facts, coding: Coding::Identity };
        let packed = [Coding::Zstd, Coding::Brotli, Coding::Gzip].into_iter().filter_map(|coding| {
            let name = [path.bytes(), coding.extension()?.as_bytes()].concat();
            match self.root.open(&name) {
                Ok(Opened::File(file, facts)) => Some(Version { file, facts, coding }),
                _ => None,
            }
        });
        Found::File(Seen {
            media: media::of_name(path.bytes()),
            place: Place { root: 0, path: path.bytes().to_vec() },
            packed: packed.collect(),
            plain,
        })
    }

    pub(crate) fn place(&self, path: &Path) -> Option<Place> {
        Some(Place { root: 0, path: path.bytes().to_vec() })
    }

    pub(crate) fn root(&self, _number: usize) -> &Beneath {
        &self.root
    }
}
