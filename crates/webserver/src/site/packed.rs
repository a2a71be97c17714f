//! Files that were compressed beforehand, and lie beside what they are made of.

use proto::http::{Coding, media};
use runtime::beneath::{Facts, Opened, Standing};

use super::Version;

/// What a file may be compressed by.
const CODINGS: [Coding; 3] = [Coding::Zstd, Coding::Brotli, Coding::Gzip];

/// Whether files that were compressed beforehand are looked for: three looks for each that may have some.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beside {
    /// They are.
    Looked,
    /// They are not: the peer takes none.
    Ignored,
}

/// Those of a file, the shortest first. One that is older than the file was made of something else, and one that is longer
/// is no use.
pub(super) fn beside(root: &mut Standing, path: &[u8], media: &str, plain: &Facts) -> Vec<Version> {
    // What does not become shorter nobody compresses: this spares three looks for each picture.
    if path.is_empty() || !media::is_compressible(media) {
        return Vec::new();
    }
    let codings = CODINGS.into_iter();
    let found = codings.filter_map(|coding| version(root, path, coding));
    let mut packed: Vec<Version> = found
        .filter(|one| one.facts.modified >= plain.modified && one.facts.length < plain.length)
        .collect();
    packed.sort_by_key(|one| one.facts.length);
    packed
}

fn version(root: &mut Standing, path: &[u8], coding: Coding) -> Option<Version> {
    let path = [path, coding.extension()?.as_bytes()].concat();
    match root.open(&path) {
        Ok(Opened::File(file, facts)) => Some(Version {
            file,
            facts,
            coding,
        }),
        _ => None,
    }
}
