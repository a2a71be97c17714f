//! What a client says: frames in the order of saying, kept until the relay has given its verdict.
//!
//! A message is laid down once, as the frames that carry it, and said again from there in a new session. What else is
//! said waits its turn between the messages, and is forgotten when it was said.

use std::collections::VecDeque;

use super::SendError;
use super::alike::Written;
use crate::frame::{self, Message, Prefix};
use crate::relay::native::frames::{Part, Send};
use crate::relay::native::link::Link;
use crate::relay::native::{MAX_FRAGMENT, MAX_UNANSWERED, MAX_UNANSWERED_BYTES, MessageId};

/// How many bytes of frames the link is given ahead of what the relay has taken.
const AHEAD: usize = 256 * 1024;

/// The most bytes of frames, those behind a message that waits for its verdict included.
const MOST: usize = 3 * MAX_UNANSWERED_BYTES;

/// What was forgotten is cleared away when it is at least this many bytes.
const CLEARED: usize = 64 * 1024;

/// What is to be said.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    entries: VecDeque<Entry>,
    /// The first entry's place among all there ever were.
    first: u64,
    /// The frames of the entries, behind some that are forgotten.
    frames: Vec<u8>,
    /// How many bytes of frames there were before `frames`.
    cleared: u64,
    said: Cursor,
    written: Written,
    unanswered: usize,
    unanswered_bytes: usize,
}

/// What is said next: a frame of this entry.
#[derive(Clone, Copy, Debug, Default)]
struct Cursor {
    entry: u64,
    /// Among the bytes of all frames there ever were.
    at: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// That of the message, or of the one before.
    id: MessageId,
    /// Where its frames begin, among the bytes of all there ever were.
    start: u64,
    /// The length of the message's content in bytes.
    content: u32,
    keep: Keep,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keep {
    /// Until the verdict.
    Unanswered,
    /// Until it was said.
    Unsaid,
    /// No longer.
    No,
}

impl Outbox {
    /// How many messages are without a verdict.
    pub(super) fn unanswered(&self) -> usize {
        self.unanswered
    }

    /// Whether all was said once.
    pub(super) fn is_said(&self) -> bool {
        self.said.entry == self.end_entry()
    }

    /// Whether there is room for a message.
    pub(super) fn admit(&self, content: usize, longest: usize) -> Result<(), SendError> {
        if content > longest {
            return Err(SendError::TooLong(content));
        }
        let is_alone = self.unanswered == 0;
        let is_full = self.unanswered >= MAX_UNANSWERED
            || self.unanswered_bytes + content > MAX_UNANSWERED_BYTES
            || self.frames.len() > MOST;
        if is_full && !is_alone {
            return Err(SendError::Full);
        }
        Ok(())
    }

    /// A message waits elsewhere for its turn to come here: it is counted.
    pub(super) fn hold(&mut self, content: usize) {
        self.unanswered += 1;
        self.unanswered_bytes += content;
    }

    /// One that was held comes here now, or has a verdict.
    pub(super) fn release(&mut self, content: usize) {
        self.unanswered = self.unanswered.saturating_sub(1);
        self.unanswered_bytes = self.unanswered_bytes.saturating_sub(content);
    }

    /// Says a message. Ids grow.
    pub(super) fn message(&mut self, head: Send, content: &[u8]) {
        self.enter(head.id, content.len() as u32, Keep::Unanswered);
        self.hold(content.len());
        if content.len() <= MAX_FRAGMENT {
            self.written.append(&head, content, &mut self.frames);
            return;
        }
        let mut parts = content.chunks(MAX_FRAGMENT).peekable();
        let mut part = Part::First(content.len() as u32);
        while let Some(fragment) = parts.next() {
            append(&Send { part, ..head }, fragment, &mut self.frames);
            let is_next_last = parts.len() == 1;
            part = if is_next_last { Part::Last } else { Part::Next };
        }
    }

    /// Says something else, once, in this session.
    pub(super) fn say_once<M: Message>(&mut self, frame: &M) {
        let id = self.entries.back().map_or(MessageId(0), |last| last.id);
        self.enter(id, 0, Keep::Unsaid);
        append(frame, &[], &mut self.frames);
    }

    /// Gives the link what it is to send, as far ahead as is sensible.
    #[inline]
    pub(super) fn pump(&mut self, link: &mut Link) {
        while !self.is_said() && link.backlog() < AHEAD {
            self.push_entry(link);
        }
    }

    /// A new session: messages without a verdict are said again, nothing else is.
    pub(super) fn restart(&mut self) {
        for entry in &mut self.entries {
            if entry.keep == Keep::Unsaid {
                entry.keep = Keep::No;
            }
        }
        let start = self.entries.front().map_or(self.end(), |entry| entry.start);
        self.said = Cursor {
            entry: self.first,
            at: start,
        };
    }

    /// The verdict on all messages from `first` to `last`: hands out the runs of those that had none before.
    pub(super) fn answered(
        &mut self,
        first: MessageId,
        last: MessageId,
        mut tell: impl FnMut(MessageId, MessageId),
    ) {
        let from = self.entries.partition_point(|entry| entry.id < first);
        let mut run: Option<(MessageId, MessageId)> = None;
        let (mut count, mut bytes) = (0, 0);
        for entry in self.entries.range_mut(from..) {
            if entry.id > last {
                break;
            }
            if entry.keep == Keep::Unanswered {
                entry.keep = Keep::No;
                count += 1;
                bytes += entry.content as usize;
                run = Some((run.map_or(entry.id, |(first, _)| first), entry.id));
            } else if let Some((first, last)) = run.take() {
                tell(first, last);
            }
        }
        if let Some((first, last)) = run {
            tell(first, last);
        }
        self.unanswered = self.unanswered.saturating_sub(count);
        self.unanswered_bytes = self.unanswered_bytes.saturating_sub(bytes);
        self.forget();
    }

    fn enter(&mut self, id: MessageId, content: u32, keep: Keep) {
        let start = self.end();
        self.entries.push_back(Entry {
            id,
            start,
            content,
            keep,
        });
    }

    /// The place behind the last entry.
    fn end_entry(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    /// The place behind the last frame.
    fn end(&self) -> u64 {
        self.cleared + self.frames.len() as u64
    }

    /// Gives the link the rest of an entry, or a part of it if that is long.
    #[inline]
    fn push_entry(&mut self, link: &mut Link) {
        let index = (self.said.entry - self.first) as usize;
        let Some(&entry) = self.entries.get(index) else {
            return;
        };
        let end = self
            .entries
            .get(index + 1)
            .map_or(self.end(), |next| next.start);
        if entry.keep == Keep::No && self.said.at == entry.start {
            self.said.at = end;
        }
        while self.said.at < end && link.backlog() < AHEAD {
            let frames = &self.frames[(self.said.at - self.cleared) as usize..];
            let Ok(Some(prefix)) = Prefix::decode(frames) else {
                return;
            };
            let length = prefix.frame_length();
            link.push(&frames[..length as usize]);
            self.said.at += length;
        }
        if self.said.at == end {
            self.entry_said(index);
        }
    }

    #[inline]
    fn entry_said(&mut self, index: usize) {
        self.said.entry += 1;
        if let Some(entry) = self.entries.get_mut(index)
            && entry.keep != Keep::Unanswered
        {
            entry.keep = Keep::No;
            self.forget();
        }
    }

    /// Forgets what was said and needs not be kept, from the front on.
    fn forget(&mut self) {
        while let Some(front) = self.entries.front()
            && front.keep == Keep::No
            && self.first < self.said.entry
        {
            self.entries.pop_front();
            self.first += 1;
        }
        let gone = match self.entries.front() {
            Some(front) => (front.start - self.cleared) as usize,
            None => self.frames.len(),
        };
        if gone == self.frames.len() || (gone >= CLEARED && gone >= self.frames.len() / 2) {
            self.frames.drain(..gone);
            self.cleared += gone as u64;
        }
    }
}

/// Everything that is said here is within its limits.
fn append<M: Message>(message: &M, bulk: &[u8], out: &mut Vec<u8>) {
    let _ = frame::encode(message, bulk, out);
}
