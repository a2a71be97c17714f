//! Whom the classic wire may write to: a relay for strangers is no reflector and no way into a network.

/// Whom the classic wire may write to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Targets {
    /// Addresses that have registered with this relay in the last 300 s.
    #[default]
    Registered,
    /// Any that the sender could have written to itself, as far as a relay can know: no unspecified, multicast, broadcast
    /// or reserved address, none of the relay's own, and loopback, link-local and private ones only for senders from
    /// such.
    Any,
}
