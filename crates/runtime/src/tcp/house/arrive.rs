//! How connections come in, and who makes room for them.

use std::io;

use mio::Token;

use super::House;
use super::LOOK_AGAIN;
use crate::tcp::call::{Called, Caller};
use crate::tcp::connection::{Connection, Conversation};
use crate::tcp::crowd::who_goes;
use crate::tcp::peer::Peer;
use crate::tcp::stream::Stream;

/// How many are chosen at once to go where others wait for room.
const CHOSEN_AT_ONCE: usize = 64;

impl<M: FnMut(Peer, Caller) -> C, C: Conversation> House<M, C> {
    /// Accepts connections, at most so many.
    pub(super) fn accept(&mut self, most: usize) {
        self.room_at = None;
        for _ in 0..most {
            let now = self.desk.out.now;
            if self.door.is_crowded(self.connections.len(), now) {
                self.make_room();
            }
            let open = self.connections.len();
            let Some((stream, peer)) = self.door.next(open, now, &self.desk.totals) else {
                return;
            };
            match self.seal(stream) {
                Ok(stream) => self.welcome(stream, peer),
                Err(error) => {
                    tracing::debug!(%peer, %error, "a connection could not be sealed");
                    self.desk.totals.count_failed();
                }
            }
        }
    }

    fn seal(&self, stream: Stream) -> io::Result<Stream> {
        match &self.tls {
            Some(tls) => tls.seal(stream, self.desk.out.now),
            None => Ok(stream),
        }
    }

    /// Closes a connection that has nothing to do, if there is one, since somebody waits for room.
    fn make_room(&mut self) {
        if self.going.is_empty() {
            self.choose();
        }
        while let Some(called) = self.going.pop_front() {
            let chosen = self.connections.get(called.number);
            let is_idle = chosen.is_some_and(|one| {
                let guest = one.guest(called.number);
                guest.called == called && guest.idle_since.is_some()
            });
            if is_idle {
                self.desk.totals.count_displaced();
                return self.remove(called.number);
            }
        }
    }

    /// Chooses who goes. Since all have to be looked at, it does not do so often.
    fn choose(&mut self) {
        let now = self.desk.out.now;
        let again = self.chosen.map(|chosen| chosen + LOOK_AGAIN);
        if again.is_none_or(|again| again <= now) {
            let guests = self.connections.iter();
            let guests = guests.map(|(number, one)| one.guest(number));
            self.going = who_goes(guests, CHOSEN_AT_ONCE, now);
            self.chosen = Some(now);
        }
        if self.going.is_empty() {
            // Somebody may have nothing to do by then.
            self.room_at = Some(now + LOOK_AGAIN);
        }
    }

    fn welcome(&mut self, stream: Stream, peer: Peer) {
        let now = self.desk.out.now;
        let place = self.connections.vacant_entry();
        let token = Token(place.key());
        self.generations += 1;
        let called = Called {
            number: place.key(),
            generation: self.generations,
        };
        let conversation = (self.conversation)(peer, Caller::new(called, &self.bell));
        let mut connection = Connection::new((stream, peer), conversation, self.generations, now);
        let registry = self.poll.registry();
        self.desk.totals.count_accepted();
        if let Err(error) = connection.stream().register(registry, token) {
            tracing::debug!(%peer, %error, "a connection failed");
            return self.desk.totals.count_failed();
        }
        tracing::trace!(%peer, "connected");
        let deadline = connection.deadline(&self.policy);
        place.insert(connection);
        self.desk.totals.set_open(self.connections.len());
        self.look_at(deadline);
    }
}
