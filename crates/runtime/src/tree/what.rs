//! What there is under a name.

use std::ffi::OsStr;
use std::{fmt, io};

use cap_std::fs::Dir;

use super::{Facts, bytes};

/// Something in a folder.
#[derive(Debug)]
pub enum What {
    /// A file.
    File(Facts),
    /// A folder.
    Folder(Facts),
    /// A symbolic link, and where it leads: bytes as they stand in it, as many as the system allows.
    Link(Facts, Vec<u8>),
    /// Something else.
    Special(Special),
    /// Something that cannot be looked at, or a folder that cannot be read to its end.
    Unreadable(io::Error),
}

/// What is neither file nor folder nor link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Special {
    /// A pipe with a name.
    Pipe,
    /// A socket.
    Socket,
    /// A device, of blocks or of characters.
    Device,
    /// Whatever else there may be.
    Other,
}

impl fmt::Display for Special {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pipe => "a pipe",
            Self::Socket => "a socket",
            Self::Device => "a device",
            Self::Other => "no file",
        })
    }
}

#[cfg(unix)]
macro_rules! special {
    ($kind:expr, $trait:path) => {{
        use $trait as Unix;
        let kind = $kind;
        if Unix::is_fifo(&kind) {
            Special::Pipe
        } else if Unix::is_socket(&kind) {
            Special::Socket
        } else if Unix::is_block_device(&kind) || Unix::is_char_device(&kind) {
            Special::Device
        } else {
            Special::Other
        }
    }};
}

impl What {
    /// What has this name in the folder. One call to the system, and one more for a link.
    pub(super) fn of(folder: &Dir, name: &OsStr) -> io::Result<Self> {
        let found = folder.symlink_metadata(name)?;
        Ok(if found.is_symlink() {
            Self::Link(Facts::of_found(&found), target(folder, name)?)
        } else if found.is_dir() {
            Self::Folder(Facts::of_found(&found))
        } else if found.is_file() {
            Self::File(Facts::of_found(&found))
        } else {
            #[cfg(unix)]
            let special = special!(found.file_type(), cap_std::fs::FileTypeExt);
            #[cfg(not(unix))]
            let special = Special::Other;
            Self::Special(special)
        })
    }

    /// What was found where links are followed.
    pub(super) fn followed(found: &std::fs::Metadata) -> Self {
        if found.is_dir() {
            Self::Folder(Facts::of(found))
        } else if found.is_file() {
            Self::File(Facts::of(found))
        } else {
            #[cfg(unix)]
            let special = special!(found.file_type(), std::os::unix::fs::FileTypeExt);
            #[cfg(not(unix))]
            let special = Special::Other;
            Self::Special(special)
        }
    }
}

/// Where a link leads. What is no Unicode on a system whose names are not bytes cannot be told.
fn target(folder: &Dir, name: &OsStr) -> io::Result<Vec<u8>> {
    let target = folder.read_link_contents(name)?;
    let target = bytes(target.as_os_str()).map(<[u8]>::to_vec);
    target.ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::InvalidData,
            "expected a link that leads to a name in Unicode",
        )
    })
}
