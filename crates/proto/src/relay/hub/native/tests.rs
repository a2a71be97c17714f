//! Stories of sessions, with time in hand.
