//! The key that client and server share.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::Context;
use proto::measure::Key;

/// Reads the key that a file holds.
pub(crate) fn read(path: &Path) -> anyhow::Result<Key> {
    let named = || format!("cannot use the key file {}", path.display());
    let mut content = Vec::new();
    File::open(path)
        .and_then(|file| file.take(2 * Key::MAX as u64).read_to_end(&mut content))
        .with_context(named)?;
    Key::new(&content).with_context(named)
}
