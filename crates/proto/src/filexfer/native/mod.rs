//! The native wire of the file transfer (TCP): a key exchange, then sealed records full of frames.
//!
//! One side has connected, the other was listening ([`handshake`]). Each way is a stream of [`record`]s that only the two
//! can make, whose bodies are whole frames ([`crate::frame`]) one after the other. The connecting side says what it is
//! there for ([`message::Request`]); from then on one side is the *source*, which has files, the other the *sink*, which
//! wants them, whichever of the two has connected.
//!
//! ```text
//! source                                   sink
//!   Totals, Entry, Entry, …  ─────────────▶
//!                            ◀─────────────  Take (from an offset) or Leave, in the order of the entries
//!   Data, Data, …, Finish    ─────────────▶  in the order of the takes
//!                            ◀─────────────  Saved or NotSaved
//!   Done                     ─────────────▶
//!                            ◀─────────────  Done
//! ```
//!
//! Nobody waits for an answer before he goes on, but for a bound on the entries that have not been answered
//! ([`message::MAX_UNANSWERED`]): many small files cost no more round trips than one.
//!
//! Links and further names of a file are entries too, which are answered by Leave alone; folders are not answered. What a
//! source has and does not name it says by Skipped. A Take may tell of something alike that the sink has:
//!
//! ```text
//!                            ◀─────────────  Take (a basis), Parts, Parts, …
//!   AskChunks                ─────────────▶  where bytes have moved
//!                            ◀─────────────  Chunks, Chunks, …
//!   FromBasis, Data, Hole, …, Finish  ────▶  as many bytes as the file has
//! ```
//!
//! Before it is done the sink tells what it Removed. A transfer that is followed ([`message::Course::Follow`]) has Pause in
//! the place of Done, and begins anew with Totals; between two rounds Done ends it, whoever says it first.
//!
//! - [`blocks`]: the hash of a file, which can go on where it stood; of its parts.
//! - [`chunks`]: pieces of a file, wherever they are moved to.
//! - [`known`]: what a source knows of a file that the sink has.
//! - [`code`]: keys that can be read aloud.
//! - [`handshake`]: the key exchange.
//! - [`record`]: sealed bytes.
//! - [`message`]: the frames.
//! - [`name`]: names of files that lead nowhere else.
//! - [`inbox`], [`outbox`]: what a sink and a source owe each other.
//! - [`packing`]: when a source compresses.

pub mod blocks;
pub mod chunks;
pub mod code;
pub mod handshake;
pub mod inbox;
pub mod known;
pub mod message;
pub mod name;

pub mod outbox;
pub mod packing;
pub mod record;
mod subtrees;
