//! What becomes of a message for a name that has no session here: the place for a store and for a bus between relays.

use crate::relay::native::Name;
use crate::relay::native::frames::Why;

/// The message is refused: nobody keeps it and nobody else is asked (yet).
pub(super) fn refuse(_name: &Name, is_known: bool) -> Why {
    if is_known { Why::Away } else { Why::Unknown }
}
