//! What clients and relays do and suffer.

use std::time::Duration;

use proto::relay::native::client::Event;
use proto::relay::native::frames::{Ending, To, Wants};
use proto::relay::native::handshake::Refusal;

use super::peer::{KNOWN, name};
use super::script::Deed;
use super::trouble::Where;
use super::truth::{For, Said};
use super::{ARRIVAL, Post, ROOM, World, telling};
use crate::said;

impl World {
    pub(super) fn client_tells(&mut self, peer: usize) {
        loop {
            let client = self.peers[peer].client.as_mut();
            let Some(event) = client.and_then(|client| client.next_event()) else {
                return;
            };
            telling::trace(self.now, format_args!("peer {peer}"), &event);
            match event {
                Event::Registered { at, .. } => {
                    assert_eq!(at, self.peers[peer].at);
                    self.peers[peer].is_registered();
                    self.has_name(peer);
                    // The relay may have been killed meanwhile.
                    let (relay, run) = self.peers[peer].heard;
                    if self.machines[relay].run == run {
                        self.troubles.end(Where::Peer(peer), self.now);
                    }
                }
                Event::Lost => {
                    self.troubles.begin(Where::Peer(peer), self.now);
                    self.peers[peer].seeks(self.machines.len(), self.now);
                }
                Event::Message(incoming) => self.arrives(peer, &incoming),
                Event::Receipt { first, last, stage } => {
                    for id in first.0..=last.0 {
                        self.receipt(peer, id, stage);
                    }
                }
                Event::Joined(_) => {
                    self.peers[peer].joined.get_or_insert(self.now);
                }
                Event::KeyMet { name, key } => self.peers[peer].knows(name, key),
                Event::Happened(_) | Event::Answer(_) => {}
                Event::Refused(Refusal::NameTaken) if self.is_taken(peer) => self.peers[peer].end(),
                Event::Ended(Ending::Done) if self.peers[peer].is_closing => {}
                Event::Ended(_)
                | Event::Refused(_)
                | Event::Classic
                | Event::Unreadable { .. }
                | Event::KeyChanged { .. } => panic!("peer {peer}: {event:?} at {:?}", self.now),
            }
        }
    }

    /// A name has one owner.
    fn has_name(&mut self, peer: usize) {
        if let Some((name, _)) = self.peers[peer].who {
            let owner = *self.owners.entry(name).or_insert(peer);
            assert_eq!(owner, peer, "{name:?} belongs to two");
        }
    }

    /// Whether another may have the name of this one.
    fn is_taken(&self, peer: usize) -> bool {
        let owner = self.peers[peer]
            .who
            .and_then(|(name, _)| self.owners.get(&name));
        peer >= KNOWN && owner != Some(&peer)
    }

    pub(super) fn say_some(&mut self, peer: usize) {
        let wants = [Wants::Nothing, Wants::Delivered, Wants::Read][self.random.below(3) as usize];
        let to = match self.random.below(4) {
            0 if self.peers[peer].is_in_room => For::Room,
            _ => For::Peer(self.random.below(KNOWN as u64) as usize),
        };
        for _ in 0..=self.random.below(8) {
            let length = match self.random.below(40) {
                0 => self.random.below(70_000),
                1..6 => self.random.below(5_000),
                _ => self.random.below(200),
            };
            self.say(peer, to, length as usize, wants);
        }
        self.client_sends(peer);
    }

    fn say(&mut self, peer: usize, to: For, length: usize, wants: Wants) {
        let wire = match to {
            For::Peer(other) => self.peers[other].reached_by(),
            For::Room => To::Room(name(ROOM)),
        };
        let number = self.said.len();
        let Some(client) = &mut self.peers[peer].client else {
            return;
        };
        let content = said::content(number, length);
        let sent = client.send(wire, &content, wants, self.now);
        let id = sent.expect("there is room");
        let life = self.peers[peer].life;
        self.peers[peer].ids.insert((life, id), number);
        let said = Said::new((peer, life), to, self.now, length, wants);
        self.said.push(said);
    }

    pub(super) fn moves(&mut self, peer: usize) {
        let at = self.peers[peer].fresh_address(&mut self.random);
        self.peers[peer].moves(at);
        if self.peers[peer].client.is_some() {
            self.troubles.begin(Where::Peer(peer), self.now);
        }
    }

    /// A short time, or a long one; in milliseconds at most.
    fn pause(&mut self, short: u64, long: u64) -> Duration {
        let most = if self.random.one_in(2) { short } else { long };
        Duration::from_millis(1 + self.random.below(most))
    }

    pub(super) fn kill(&mut self, peer: usize) {
        if self.peers[peer].client.is_none() {
            return;
        }
        self.troubles.begin(Where::Peer(peer), self.now);
        self.peers[peer].end();
        if !self.random.one_in(8) {
            let back = self.now + self.pause(3_000, 200_000);
            self.script.add(back, Deed::Start(peer));
        }
    }

    pub(super) fn close(&mut self, peer: usize) {
        if let Some(client) = &mut self.peers[peer].client {
            client.close();
            self.peers[peer].is_closing = true;
            self.troubles.begin(Where::Peer(peer), self.now);
            self.client_sends(peer);
            let end = self.now + self.pause(100, 3_000);
            self.script.add(end, Deed::Kill(peer));
        }
    }

    pub(super) fn start(&mut self, peer: usize) {
        let relays = self.machines.len();
        if self.peers[peer].client.is_none() {
            self.peers[peer].start(relays, &mut self.random, self.now);
        }
    }

    pub(super) fn cut(&mut self, peer: usize) {
        self.peers[peer].is_cut = true;
        let heals = self.now + self.pause(3_000, 100_000);
        self.troubles
            .add(Where::Peer(peer), self.now, heals + ARRIVAL);
        self.script.add(heals, Deed::Heal(peer));
    }

    pub(super) fn kill_relay(&mut self, relay: usize) {
        if self.machines[relay].hub.take().is_none() {
            return;
        }
        self.machines[relay].out.clear();
        self.machines[relay].run += 1;
        match &mut self.post {
            Post::Store(store) => store.crash(&mut self.random, self.now),
            Post::Bus(bus) => bus.relay_dies(relay),
        }
        for (index, peer) in self.peers.iter().enumerate() {
            if peer.relay() == relay && peer.client.is_some() {
                self.troubles.begin(Where::Peer(index), self.now);
            }
        }
        let back = self.now + self.pause(500, 30_000);
        self.troubles.add(Where::Relay(relay), self.now, back);
        self.script.add(back, Deed::StartRelay(relay));
    }

    pub(super) fn start_relay(&mut self, relay: usize) {
        if let Post::Bus(bus) = &mut self.post {
            bus.relay_starts(relay, &mut self.random, self.now);
        }
        self.machines[relay].hub = Some(self.new_hub());
    }

    pub(super) fn fill_disk(&mut self) {
        let until = self.now + self.pause(300, 10_000);
        if let Post::Store(store) = &mut self.post {
            store.fail_until(until);
        }
        self.troubles.add(Where::Store, self.now, until);
    }

    pub(super) fn kill_bus(&mut self) {
        let until = self.now + self.pause(2_000, 30_000);
        if let Post::Bus(bus) = &mut self.post {
            bus.kill(until);
        }
        self.troubles.add(Where::Bus, self.now, until);
    }

    /// Its clients may notice that later, or not at all.
    pub(super) fn isolate(&mut self, relay: usize) {
        let until = self.cut_relay(relay);
        self.machines[relay].is_isolated = true;
        for (index, peer) in self.peers.iter().enumerate() {
            if peer.relay() == relay && peer.client.is_some() {
                self.troubles
                    .add(Where::Peer(index), self.now, until + ARRIVAL);
            }
        }
        self.script.add(until, Deed::Rejoin(relay));
    }

    /// Until when is told.
    pub(super) fn cut_relay(&mut self, relay: usize) -> Duration {
        let until = self.now + self.pause(4_000, 40_000);
        if let Post::Bus(bus) = &mut self.post {
            bus.cut(relay, until, self.now);
        }
        self.troubles.add(Where::Link(relay), self.now, until);
        until
    }
}
