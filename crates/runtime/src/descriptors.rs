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

/// How many files and sockets this process may have open at once now; as many as there are numbers where nobody limits it, or
/// it is not known.
pub fn limit() -> usize {
    #[cfg(unix)]
    {
        use nix::sys::resource::{Resource, getrlimit};
        let soft = getrlimit(Resource::RLIMIT_NOFILE).map(|(soft, _)| soft);
        soft.ok()
            .and_then(|soft| usize::try_from(soft).ok())
            .unwrap_or(usize::MAX)
    }
    #[cfg(not(unix))]
    usize::MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raised_is_not_less() {
        let before = limit();
        raise_limit();
        assert!(before > 0 && limit() >= before);
    }
}
