//! What is alike in a message and the one before it, so that it need not be read, looked up and written anew.

use super::messages::Target;
use crate::frame::{self, Message, PREFIX, Prefix};
use crate::relay::native::MessageId;
use crate::relay::native::frames::{Delivery, Part, Send, To};

/// The last message that was whole, where it went, and how it was delivered. As long as nobody comes or goes, the next one
/// from the same session with the same header but for its number goes the same way.
#[derive(Debug, Default)]
pub(super) struct Route {
    from: Option<u32>,
    target: Option<(To, Target)>,
    sent: Option<Sent>,
    delivered: Option<Delivered>,
}

/// The number of a message that began at the time of day: a mark, then eight bytes, little-endian
/// (<https://docs.rs/bincode/2.0.1/bincode/spec/index.html>). Shorter ones are read in the usual way.
const NUMBER: usize = 9;
const NUMBER_MARK: u8 = 253;

#[derive(Debug)]
struct Sent {
    send: Send,
    /// What follows the number in the header.
    rest: Vec<u8>,
}

#[derive(Debug)]
struct Delivered {
    to: u32,
    /// The frame without its bulk.
    head: Vec<u8>,
    /// Where its number stands.
    number: usize,
}

impl Route {
    /// Somebody came or went.
    pub(super) fn forget(&mut self) {
        self.from = None;
    }

    /// Where the session's last message went, if this one is for the same.
    #[inline]
    pub(super) fn target(&self, from: u32, to: &To) -> Option<Target> {
        let (found, target) = self.target.as_ref().filter(|_| self.from == Some(from))?;
        (found == to).then_some(*target)
    }

    /// This is where messages of the session go.
    pub(super) fn set_target(&mut self, from: u32, to: To, target: Target) {
        *self = Self {
            from: Some(from),
            target: Some((to, target)),
            sent: None,
            delivered: None,
        };
    }

    /// The message at the start of these bytes, if it is like the one before, its content, and the length of its frame.
    #[inline]
    pub(super) fn read<'a>(&self, from: u32, bytes: &'a [u8]) -> Option<(Send, &'a [u8], usize)> {
        let sent = self.sent.as_ref().filter(|_| self.from == Some(from))?;
        let prefix = Prefix::decode(bytes).ok()??;
        let bulk = prefix.bulk as usize;
        if prefix.header as usize != NUMBER + sent.rest.len() || prefix.bulk > Send::MAX_BULK {
            return None;
        }
        let (head, content) = bytes[PREFIX..].split_at_checked(NUMBER + sent.rest.len())?;
        let ([NUMBER_MARK, number @ ..], rest) = head.split_first_chunk::<NUMBER>()? else {
            return None;
        };
        if rest != sent.rest {
            return None;
        }
        let send = Send {
            id: MessageId(u64::from_le_bytes(*number)),
            ..sent.send
        };
        Some((send, content.get(..bulk)?, PREFIX + head.len() + bulk))
    }

    /// Remembers how this message was said, if its target is the one that is known.
    pub(super) fn was_read(&mut self, from: u32, send: &Send, frame: &[u8]) {
        let is_known = self.target(from, &send.to).is_some() && send.part == Part::Whole;
        let header = frame.get(PREFIX..).filter(|_| is_known);
        let bulk = Prefix::decode(frame)
            .ok()
            .flatten()
            .map(|prefix| prefix.header as usize);
        let header = header
            .zip(bulk)
            .and_then(|(header, length)| header.get(..length));
        if let Some(([NUMBER_MARK, ..], rest)) =
            header.and_then(|header| header.split_first_chunk::<NUMBER>())
        {
            self.sent = Some(Sent {
                send: *send,
                rest: rest.to_vec(),
            });
        }
    }

    /// Appends the frame of a delivery that is like the one before; `false` where it is not.
    #[inline]
    pub(super) fn write(
        &self,
        (from, to): (u32, u32),
        send: &Send,
        content: &[u8],
        out: &mut Vec<u8>,
    ) -> bool {
        let (Some(sent), Some(delivered)) = (&self.sent, &self.delivered) else {
            return false;
        };
        let alike = (send.to, send.part, send.wants, send.body);
        let before = (
            sent.send.to,
            sent.send.part,
            sent.send.wants,
            sent.send.body,
        );
        if self.from != Some(from) || delivered.to != to || alike != before || !is_long(send.id) {
            return false;
        }
        let start = out.len();
        out.extend_from_slice(&delivered.head);
        let bulk = &mut out[start + PREFIX - 4..start + PREFIX];
        bulk.copy_from_slice(&(content.len() as u32).to_be_bytes());
        let number = start + delivered.number + 1;
        out[number..number + 8].copy_from_slice(&send.id.0.to_le_bytes());
        out.extend_from_slice(content);
        true
    }

    /// Remembers how this delivery was written.
    pub(super) fn was_written(&mut self, (from, to): (u32, u32), delivery: &Delivery) {
        /// Part, wants and body, a byte each.
        const REST: usize = 3;
        let mut head = Vec::new();
        let is_alike = self.from == Some(from) && self.sent.is_some();
        if is_alike && delivery.part == Part::Whole && is_long(delivery.id) {
            let fits = frame::encode_head(delivery, 0, &mut head);
            let number = head.len().saturating_sub(REST + NUMBER);
            self.delivered = fits.is_ok().then_some(Delivered { to, head, number });
        }
    }
}

/// Whether the number has its full length on the wire.
#[inline]
fn is_long(id: MessageId) -> bool {
    id.0 > u64::from(u32::MAX)
}
