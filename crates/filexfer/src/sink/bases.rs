//! Which file here another may be like: the one of its name, or one that was moved.

/// What is known of the files that are here.
#[derive(Debug, Default)]
pub(super) struct Bases {}
