//! How many files and sockets this process may have open.

/// Raises the soft limit on open files to the hard one, as a program that needs many sockets may (getrlimit(2)). Where
/// that fails the limit stays as it is, and opening one too many says so.
pub fn raise_limit() {
    #[cfg(unix)]
    {
        use nix::sys::resource::{Resource, getrlimit, setrlimit};
        let raised = getrlimit(Resource::RLIMIT_NOFILE)
            .and_then(|(_, hard)| setrlimit(Resource::RLIMIT_NOFILE, hard, hard));
        if let Err(error) = raised {
            tracing::debug!(%error, "the limit on open files stays as it is");
        }
    }
}
