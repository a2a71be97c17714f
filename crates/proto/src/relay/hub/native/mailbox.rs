//! What was kept for those who were away, on its way to them.

use std::time::Duration;

use crate::relay::hub::Hub;
use crate::relay::letter::Kept;
use crate::relay::native::Name;

impl Hub {
    /// Letters for a name came.
    pub(in crate::relay::hub) fn fetched(
        &mut self,
        _name: &Name,
        _round: u32,
        _letters: Vec<Kept>,
        _is_all: bool,
        _now: Duration,
    ) {
    }

    /// Something was kept for a name that may be here.
    pub(in crate::relay::hub) fn mail_waits(&mut self, _name: &Name) {}
}
