//! What is served: folders beneath names, and what is at a path of them.

use std::fs::File;
use std::io::Read;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use proto::http::{Path, Validators, media};
use runtime::beneath::{Beneath, Opened};

use crate::args::Args;

/// The longest file that is held in memory, in bytes; of longer ones the descriptor is.
const LONGEST_HELD: u64 = 128 * 1024;

/// What is served.
#[derive(Debug)]
pub(crate) struct Site {
    root: Beneath,
}

/// What is at a path.
#[derive(Debug)]
pub(crate) enum Found {
    /// A file.
    File(Rc<FileEntry>),
    /// Nothing that is served.
    Nothing,
}

/// A file that can be sent.
#[derive(Debug)]
pub(crate) struct FileEntry {
    pub(crate) length: u64,
    pub(crate) media: &'static str,
    pub(crate) validators: Validators,
    pub(crate) held: Held,
}

/// What there is of a file's content.
#[derive(Debug)]
pub(crate) enum Held {
    /// All of it.
    Body(Bytes),
    /// Where it is read from.
    File(Arc<File>),
}

impl Site {
    pub(crate) fn new(args: &Args) -> Self {
        Self {
            root: Beneath::new(&args.roots[0]),
        }
    }

    /// What is at a path.
    pub(crate) fn find(&mut self, path: &Path) -> Found {
        let Ok(Opened::File(file, facts)) = self.root.open(path.bytes()) else {
            return Found::Nothing;
        };
        let held = if facts.length <= LONGEST_HELD {
            let mut body = Vec::new();
            let _ = (&file).take(facts.length).read_to_end(&mut body);
            Held::Body(body.into())
        } else {
            Held::File(Arc::new(file))
        };
        Found::File(Rc::new(FileEntry {
            length: facts.length,
            media: media::of_name(path.bytes()),
            validators: Validators {
                etag: format!("\"{:x}\"", facts.identity.2),
                modified: Some(facts.modified),
            },
            held,
        }))
    }
}
