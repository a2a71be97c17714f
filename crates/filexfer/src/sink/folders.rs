//! Folders get their times and permissions when nothing more is written in them.

use proto::filexfer::native::name::Name;

use super::receiver::Sink;

/// Those in which something may still be written.
#[derive(Debug, Default)]
pub(super) struct Folders {}

impl Folders {
    /// The source has come to this name: folders that it is not in are left.
    pub(super) fn come_to(&mut self, name: &Name) {
        let _ = name;
    }
}

impl Sink<'_> {
    /// Nothing more is written in any of them.
    pub(super) fn end_folders(&mut self) {}
}
