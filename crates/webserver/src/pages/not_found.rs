//! What is answered where nothing is, as whoever runs the server wants it.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use bytes::Bytes;

/// The longest page that is sent with a 404, in bytes.
pub(crate) const LONGEST: u64 = 1 << 20;

/// How long it is taken for granted what the page says.
const FRESH: Duration = Duration::from_secs(1);

/// The page for what is not there: a file of its own, or one that is served like the rest.
#[derive(Debug)]
pub(crate) struct NotFound {
    file: Option<PathBuf>,
    kept: Option<Bytes>,
    looked: Option<Instant>,
}

impl NotFound {
    /// From this file, which need not be served; without one, from what [`body`](Self::body) is told to look for.
    ///
    /// # Errors
    /// When it cannot be read now.
    pub(crate) fn new(file: Option<&Path>) -> anyhow::Result<Self> {
        if let Some(file) = file {
            let cure = || format!("cannot read {} for --not-found", file.display());
            let found = std::fs::metadata(file).with_context(cure)?;
            ensure!(
                found.is_file() && found.len() <= LONGEST,
                "expected a file of at most {LONGEST} bytes for --not-found, found {}",
                file.display()
            );
            read(file).with_context(cure)?;
        }
        Ok(Self {
            file: file.map(Path::to_path_buf),
            kept: None,
            looked: None,
        })
    }

    /// The page, in HTML, if there is one. It is looked at anew once a second at the most; `look` gives the one that is
    /// served like the rest.
    pub(crate) fn body(
        &mut self,
        now: Instant,
        look: impl FnOnce() -> Option<Bytes>,
    ) -> Option<Bytes> {
        let is_fresh = |looked| now.saturating_duration_since(looked) < FRESH;
        if !self.looked.is_some_and(is_fresh) {
            self.looked = Some(now);
            self.kept = match &self.file {
                Some(file) => read(file).ok().or_else(|| self.kept.take()),
                None => look(),
            };
        }
        self.kept.clone()
    }
}

fn read(path: &Path) -> io::Result<Bytes> {
    let file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut body = Vec::new();
    file.take(LONGEST).read_to_end(&mut body)?;
    Ok(body.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_looked_for_once_a_second() {
        let mut page = NotFound::new(None).unwrap();
        let start = Instant::now();
        let gone = |_| panic!("it was looked at already");
        assert_eq!(page.body(start, || None), None);
        assert_eq!(page.body(start + FRESH / 2, || gone(())), None);
        let one = Some(Bytes::from_static(b"one"));
        assert_eq!(page.body(start + FRESH, || one.clone()), one);
        assert_eq!(page.body(start + FRESH * 3 / 2, || gone(())), one);
    }

    #[test]
    fn a_file_of_its_own_is_read_as_it_is_now() {
        let path = std::env::temp_dir().join(format!("plumbline-404-{}", std::process::id()));
        std::fs::write(&path, "one").unwrap();
        let mut page = NotFound::new(Some(&path)).unwrap();
        let start = Instant::now();
        assert_eq!(page.body(start, || None), Some("one".into()));
        std::fs::write(&path, "two").unwrap();
        assert_eq!(page.body(start + FRESH, || None), Some("two".into()));
        std::fs::remove_file(&path).unwrap();
        assert_eq!(page.body(start + FRESH * 2, || None), Some("two".into()));
    }

    #[test]
    fn what_cannot_be_a_page_is_refused() {
        for path in ["/no/such/file", "/dev/null", "/"] {
            let error = NotFound::new(Some(Path::new(path))).unwrap_err();
            assert!(error.to_string().contains("--not-found"), "{error}");
        }
    }
}
