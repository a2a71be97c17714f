//! The keys that client and server share.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::Context;
use proto::measure::Key;
use proto::stamp::{self, Mode};

use crate::args::StampKey;

/// Reads the key that a file holds.
pub(crate) fn read(path: &Path) -> anyhow::Result<Key> {
    Key::new(&content(path)?).with_context(|| cannot_use(path))
}

/// The mode of STAMP that was asked for, with its key.
pub(crate) fn mode(key: &StampKey) -> anyhow::Result<Mode> {
    let Some(path) = &key.stamp_key_file else {
        return Ok(Mode::Open);
    };
    let key = stamp::Key::new(&content(path)?).with_context(|| cannot_use(path))?;
    Ok(Mode::Keyed(key))
}

fn cannot_use(path: &Path) -> String {
    format!("cannot use the key file {}", path.display())
}

/// As much of the file as tells a key from what is too long for one.
fn content(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut content = Vec::new();
    File::open(path)
        .and_then(|file| file.take(2 * Key::MAX as u64).read_to_end(&mut content))
        .with_context(|| cannot_use(path))?;
    Ok(content)
}
