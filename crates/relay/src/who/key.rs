//! The file of an identity: its 32 secret bytes as 64 digits.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use anyhow::{Context, bail};
use proto::relay::native::Identity;
use runtime::random;

use super::{folder, hex};

/// The identity in the file; a new one, and the file, where there is none.
pub(super) fn read_or_make(path: &Path) -> anyhow::Result<Identity> {
    let cannot = || format!("cannot use the identity in {}", path.display());
    match File::open(path) {
        Ok(file) => read(path, file).with_context(cannot),
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(path).with_context(cannot),
        Err(error) => Err(error).with_context(cannot),
    }
}

fn read(path: &Path, file: File) -> anyhow::Result<Identity> {
    refuse_readers(path, &file)?;
    let mut text = String::new();
    file.take(100).read_to_string(&mut text)?;
    match hex::decode(text.trim_end()) {
        Some(secret) => Ok(Identity::new(secret)),
        None => bail!(
            "expected 64 hexadecimal digits; a file that is not there is made, but then others hold the name for the old \
             key"
        ),
    }
}

fn make(path: &Path) -> anyhow::Result<Identity> {
    let _lock = folder::lock(path)?;
    if let Ok(file) = File::open(path) {
        return read(path, file); // another program was first
    }
    let secret = random::bytes().context("cannot get random numbers from the system")?;
    folder::replace(path, format!("{}\n", hex::encode(&secret)).as_bytes())?;
    Ok(Identity::new(secret))
}

#[cfg(unix)]
fn refuse_readers(path: &Path, file: &File) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        bail!(
            "others on this machine can read it: chmod 600 {} keeps it, a new one is safer",
            path.display()
        );
    }
    Ok(())
}

#[cfg(not(unix))]
fn refuse_readers(_: &Path, _: &File) -> anyhow::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::tests::Folder;
    use super::*;

    #[test]
    fn a_key_is_made_once_and_kept_to_oneself() {
        let folder = Folder::new();
        let path = folder.0.join("deep/alice.key");
        let made = read_or_make(&path).unwrap();
        assert_eq!(read_or_make(&path).unwrap(), made);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode));
            assert_eq!(
                fs::metadata(&path).unwrap().permissions().mode() & 0o777,
                0o600
            );
            mode(0o644).unwrap();
            let refused = format!("{:#}", read_or_make(&path).unwrap_err());
            assert!(refused.contains("chmod 600"), "{refused}");
            mode(0o600).unwrap();
        }
        fs::write(&path, "hello\n").unwrap();
        assert!(read_or_make(&path).is_err());
    }
}
