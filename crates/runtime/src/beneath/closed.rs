//! Why nothing was opened.

use std::io::{self, ErrorKind};

use thiserror::Error;

/// Why nothing was opened.
#[derive(Debug, Error)]
pub enum Closed {
    /// There is nothing, or it leads outside, or it is neither file nor folder.
    #[error("expected a file or a folder there")]
    Nothing,
    /// The system does not let this process read it.
    #[error("expected permission to read it")]
    Denied,
    /// It cannot be told now: the root itself is away, descriptors have run out, or links change faster than they can be
    /// followed.
    #[error("expected it to be there now: {0}")]
    Unavailable(#[source] io::Error),
}

impl Closed {
    /// What an error beneath the root means.
    pub(super) fn beneath(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::NotFound
            | ErrorKind::NotADirectory
            | ErrorKind::InvalidInput
            | ErrorKind::InvalidFilename
            | ErrorKind::CrossesDevices => Self::Nothing,
            // Who walks to it says so himself that it leads outside; the system says it by a number.
            ErrorKind::PermissionDenied if error.raw_os_error().is_none() => Self::Nothing,
            ErrorKind::PermissionDenied => Self::Denied,
            _ if is_loop(&error) => Self::Nothing,
            _ => Self::Unavailable(error),
        }
    }

    /// What an error at the root itself means.
    pub(super) fn root(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::PermissionDenied => Self::Denied,
            _ => Self::Unavailable(error),
        }
    }
}

/// Whether links lead to each other.
fn is_loop(error: &io::Error) -> bool {
    #[cfg(unix)]
    return error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error());
    #[cfg(not(unix))]
    return {
        let _ = error;
        false
    };
}
