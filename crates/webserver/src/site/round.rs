//! The roots as they stand in one moment.

use std::time::Instant;

use runtime::beneath::{Closed, Standing};

use super::mounts::Mounts;

/// The roots as they were when a round of requests began: each is looked at once a round, and not before it is asked for.
/// Whoever changed a root before he sent his request finds it changed.
#[derive(Debug, Default)]
pub(super) struct Round {
    began: Option<Instant>,
    roots: Vec<Option<Standing>>,
}

impl Round {
    /// The root of this number in the round that began at `now`.
    pub(super) fn root(
        &mut self,
        mounts: &Mounts,
        number: usize,
        now: Instant,
    ) -> Result<&mut Standing, Closed> {
        if self.began != Some(now) {
            self.began = Some(now);
            self.roots.clear();
        }
        if self.roots.len() <= number {
            self.roots.resize_with(number + 1, || None);
        }
        let root = &mut self.roots[number];
        match root {
            Some(root) => Ok(root),
            None => {
                let folder = mounts.get(number).ok_or(Closed::Nothing)?;
                Ok(root.insert(folder.stand()?))
            }
        }
    }
}
