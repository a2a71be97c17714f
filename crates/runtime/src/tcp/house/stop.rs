//! How a server ends.

use std::io;
use std::time::{Duration, Instant};

use mio::Events;

use super::{House, LOOK_AGAIN};
use crate::tcp::call::Caller;
use crate::tcp::connection::{Conversation, Turn};
use crate::tcp::listen::BACKLOG;
use crate::tcp::peer::Peer;

/// A connection that was silent for so long when it is time to stop has nothing on its way.
const LAST_WORDS: Duration = Duration::from_millis(100);

impl<M: FnMut(Peer, Caller) -> C, C: Conversation> House<M, C> {
    /// Answers what has come, lets connections end that are not silent, and closes all.
    pub(super) fn stop(mut self, events: &mut Events) -> io::Result<()> {
        self.desk.out.now = Instant::now();
        self.desk.out.stopping = true;
        let deadline = self.desk.out.now + self.policy.grace;
        self.accept_the_last();
        self.door.close();
        for number in self.those(|_| true) {
            self.connections[number].look();
            if self.connections[number].turn == Turn::None {
                self.go_on(number);
            }
        }
        loop {
            self.close_quiet();
            let now = self.desk.out.now;
            if self.connections.is_empty() || now >= deadline {
                break;
            }
            self.look_at(Some(deadline.min(now + LOOK_AGAIN)));
            self.round(events)?;
            self.close_overdue();
        }
        self.leave();
        Ok(())
    }

    /// Takes those that wait, as many as can: to them they are connected, and what they have said may have come.
    fn accept_the_last(&mut self) {
        self.door.ask_all();
        self.accept(BACKLOG as usize);
    }

    fn close_quiet(&mut self) {
        let now = self.desk.out.now;
        for number in self.those(|one| one.is_quiet(now, LAST_WORDS)) {
            self.connections[number].bid_farewell(&mut self.desk);
            self.remove(number);
        }
    }

    fn leave(&mut self) {
        for (_, connection) in &mut self.connections {
            if !connection.bid_farewell(&mut self.desk) {
                self.desk.totals.count_cut_off();
            }
        }
        self.desk.totals.set_open(0);
    }
}
