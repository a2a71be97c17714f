//! Messages in parts that are put together here, since they become letters.

use std::time::Duration;

use super::Native;
use super::messages::Receivers;
use crate::relay::native::Name;
use crate::relay::native::frames::{Send, Why};

/// The parts of a message so far.
#[derive(Debug)]
pub(super) struct Gathering {
    to: Name,
    content: Vec<u8>,
}

impl Native {
    /// The first part of a message that becomes a letter.
    pub(super) fn begin_gathering(
        &mut self,
        from: u32,
        send: &Send,
        content: &[u8],
        total: usize,
    ) -> Result<Receivers, Why> {
        let session = self.sessions.get(from);
        session
            .and_then(|session| session.name)
            .ok_or(Why::Nameless)?;
        let to = self.name_of(&send.to).ok_or(Why::NotThere)?;
        if self.waiting + total > Self::MOST_WAITING {
            return Err(Why::Full);
        }
        self.waiting += content.len();
        let content = content.to_vec();
        Ok(Receivers::Letter(Gathering { to, content }))
    }

    /// A further part of it.
    pub(super) fn gather(&mut self, gathering: &mut Gathering, content: &[u8]) {
        self.waiting += content.len();
        gathering.content.extend_from_slice(content);
    }

    /// All parts are there.
    pub(super) fn write_gathered(
        &mut self,
        from: u32,
        gathering: Gathering,
        send: &Send,
        now: Duration,
    ) -> Result<(), Why> {
        self.drop_gathered(&gathering);
        self.write(from, gathering.to, send, gathering.content, now)
    }

    /// What was gathered is no longer here.
    pub(super) fn drop_gathered(&mut self, gathering: &Gathering) {
        self.waiting -= gathering.content.len();
    }
}
