//! What was said, what became of it, and what has to be true.

use std::collections::BTreeMap;
use std::time::Duration;

use proto::relay::letter::Letter;
use proto::relay::native::client::Incoming;
use proto::relay::native::frames::{Body, Origin, Stage, Wants};

use proto::relay::native::identity::Identity;
use proto::relay::native::sealed::Opener;
use proto::relay::native::{MessageId, Name};

use super::mail::Stored;
use super::peer::Peer;
use super::trouble::Where;
use super::{ARRIVAL, Post, World};
use crate::said::{self, Life};

/// Whom a message was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum For {
    Peer(usize),
    Room,
}

/// A message.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) from: Life,
    pub(super) to: For,
    pub(super) at: Duration,
    length: usize,
    wants: Wants,
    pub(super) verdict: Option<(Duration, Stage)>,
    /// In which run of whose program, first.
    pub(super) arrived: BTreeMap<Life, Duration>,
    /// Whether its receiver has said that it was read.
    is_read: bool,
}

impl Said {
    pub(super) fn new(from: Life, to: For, at: Duration, length: usize, wants: Wants) -> Self {
        Self {
            from,
            to,
            at,
            length,
            wants,
            verdict: None,
            arrived: BTreeMap::new(),
            is_read: false,
        }
    }

    fn is_queued(&self) -> bool {
        matches!(self.verdict, Some((_, Stage::Queued)))
    }
}

impl World {
    pub(super) fn arrives(&mut self, peer: usize, incoming: &Incoming) {
        let number = said::number(&incoming.content);
        let life = (peer, self.peers[peer].life);
        let said = &self.said[number];
        assert!(
            incoming.content == said::content(number, said.length),
            "{number} is not as it was said"
        );
        match said.to {
            For::Peer(to) => assert_eq!((to, None), (peer, incoming.room), "{number}"),
            For::Room => assert!(incoming.room.is_some(), "{number} was for a room"),
        }
        assert!(
            self.peers[said.from.0].is(incoming.from),
            "{number} came from {:?}: {said:?}",
            incoming.from
        );
        if let Some((at, Stage::Refused(why))) = said.verdict {
            assert!(
                self.is_in_doubt(said, life.0, at),
                "{number} arrives at {:?} and was refused: {why:?}, {said:?}",
                self.now
            );
        }
        self.check_once(number, life);
        self.check_order(number, life);
        self.said[number].arrived.entry(life).or_insert(self.now);
        if incoming.wants == Wants::Read && number.is_multiple_of(2) {
            self.said[number].is_read = true;
            if let Some(client) = &mut self.peers[peer].client {
                client.read(incoming.from, incoming.id);
            }
        }
    }

    /// One run of a program hears a message once; a later one only what the relay cannot know that the first has heard.
    fn check_once(&self, number: usize, life: Life) {
        let said = &self.said[number];
        let sender = said.from.0;
        let is_known = self.peers[sender].who.is_some() || self.is_steady(sender, said.at);
        let before = said.arrived.get(&life);
        assert!(
            before.is_none() || !is_known,
            "{number} arrives twice, at {:?}: {said:?}",
            self.now
        );
        let Some((earlier, at)) = said.arrived.iter().find(|(it, _)| it.0 == life.0) else {
            return;
        };
        if said.to == For::Room || *earlier == life {
            return; // a room is told again to who comes anew
        }
        let end = said.verdict.map_or(*at, |(end, _)| end.max(*at)) + ARRIVAL;
        assert!(
            !self.was_calm_for(&[sender, life.0], *at, end),
            "{number} arrives in two lives, now {life:?} at {:?}: {said:?}",
            self.now
        );
    }

    /// In quiet times, what one says to another keeps its order.
    fn check_order(&self, number: usize, life: Life) {
        let said = &self.said[number];
        let later = self.said.iter().enumerate().skip(number + 1);
        let mut overtaken = later.filter(|(_, later)| {
            let is_alike = later.from == said.from && later.to == said.to;
            is_alike && later.arrived.contains_key(&life)
        });
        let peers = [said.from.0, life.0];
        let are_named = peers.iter().all(|peer| self.peers[*peer].who.is_some());
        // A store puts what is fetched in order, and its relay knows in a new session what it took in the last.
        let mattering = match self.post {
            Post::Store(_) if are_named => &[],
            Post::Store(_) | Post::Bus(_) => &peers[..],
        };
        let is_excused = !self.was_calm_for(mattering, said.at, self.now);
        if let Some((by, later)) = overtaken.next() {
            assert!(
                is_excused,
                "{number} arrives after {by}, at {:?}: {said:?} {later:?}",
                self.now
            );
        }
    }

    /// Whether a nameless client has been at one place, in one session, since then.
    fn is_steady(&self, peer: usize, since: Duration) -> bool {
        let is_it = |at| at == Where::Peer(peer);
        self.troubles.was_calm(is_it, since, self.now) && !self.peers[peer].has_moved()
    }

    /// Whether nothing was wrong with these clients, nor with anything between them.
    fn was_calm_for(&self, peers: &[usize], from: Duration, until: Duration) -> bool {
        let is_meant = |at| match at {
            Where::Peer(peer) => peers.contains(&peer),
            Where::Relay(_) | Where::Store | Where::Bus | Where::Link(_) => true,
        };
        self.troubles.was_calm(is_meant, from, until)
    }

    /// Whether nobody can know if this message has come: trouble came between.
    fn is_in_doubt(&self, said: &Said, receiver: usize, refused: Duration) -> bool {
        !self.was_calm_for(&[said.from.0, receiver], said.at, refused)
    }

    pub(super) fn receipt(&mut self, peer: usize, id: u64, stage: Stage) {
        let life = self.peers[peer].life;
        let number = self.peers[peer].ids.get(&(life, MessageId(id)));
        let number = *number.unwrap_or_else(|| panic!("peer {peer} never said {id}: {stage:?}"));
        let now = self.now;
        let said = &mut self.said[number];
        match stage {
            Stage::Queued | Stage::Refused(_) => {
                let before = said.verdict.replace((now, stage));
                assert_eq!(before, None, "{number} has two verdicts");
                self.check_verdict(number);
            }
            Stage::Delivered => {
                assert!(said.wants >= Wants::Delivered);
                assert!(
                    !said.arrived.is_empty(),
                    "{number} has not arrived: {said:?}"
                );
            }
            Stage::Read => assert!(said.is_read, "{number} was not read"),
        }
    }

    /// What is queued has arrived or is kept; what is refused is neither, as far as anybody can know.
    fn check_verdict(&self, number: usize) {
        let said = &self.said[number];
        let For::Peer(to) = said.to else {
            return;
        };
        let has_arrived = said.arrived.keys().any(|(peer, _)| *peer == to);
        match said.verdict {
            Some((_, Stage::Queued)) => assert!(
                has_arrived || self.is_kept(number),
                "{number} is queued and neither here nor there: {said:?} at {:?}",
                self.now
            ),
            Some((at, _)) => {
                let is_somewhere = has_arrived || self.is_kept(number);
                assert!(
                    !is_somewhere || self.is_in_doubt(said, to, at),
                    "{number} is refused and {}: {said:?}",
                    if has_arrived {
                        "was there before"
                    } else {
                        "is kept"
                    }
                );
            }
            None => {}
        }
    }

    /// Whether it waits in the mail.
    fn is_kept(&self, number: usize) -> bool {
        let from = &self.peers[self.said[number].from.0];
        let mut all = self.mail().into_iter();
        all.any(|stored| from.is(stored.letter.from) && self.number_of(stored) == number)
    }

    /// Which message this is: its receiver can open it.
    fn number_of(&self, stored: &Stored) -> usize {
        let Letter {
            to, from, id, body, ..
        } = stored.letter;
        if body == Body::Plain {
            return said::number(&stored.content);
        }
        let mut opened = self.opened.borrow_mut();
        *opened.entry((to, from, id)).or_insert_with(|| {
            let (peer, secret) = self.named(to);
            let (Some(secret), Origin::Name(from)) = (secret, from) else {
                panic!("{peer} cannot open {:?}", stored.letter);
            };
            let me = (to, &Identity::new(secret));
            let opener = Opener::new(from, me, &stored.content).expect("it can be opened");
            let content = opener.open(id, &stored.content);
            said::number(&content.expect("it can be opened"))
        })
    }

    /// Who goes by this name, and what proves it.
    fn named(&self, name: Name) -> (usize, Option<[u8; 32]>) {
        let is_it = |peer: &Peer| peer.is(Origin::Name(name));
        let peer = self.peers.iter().position(is_it).expect("one of these");
        (peer, self.peers[peer].who.map(|(_, secret)| secret))
    }

    /// All that was said has a verdict, what was queued has arrived or waits for who is away, and nothing is left over.
    pub(super) fn check(&self) {
        for (number, said) in self.said.iter().enumerate() {
            let (peer, life) = said.from;
            assert!(
                said.verdict.is_some() || life < self.peers[peer].life,
                "{number} has no verdict: {said:?}"
            );
            match said.to {
                For::Peer(to) if said.is_queued() => {
                    let has_arrived = said.arrived.keys().any(|(peer, _)| *peer == to);
                    let is_away = !self.peers[to].is_hearing();
                    assert!(
                        has_arrived || is_away && self.is_kept(number),
                        "{number} is lost: {said:?}"
                    );
                }
                For::Peer(_) => {}
                For::Room => self.check_room(number),
            }
        }
        for stored in self.mail() {
            let (to, _) = self.named(stored.letter.to);
            let is_away = !self.peers[to].is_hearing();
            assert!(is_away, "{:?} waits for who is here", stored.letter);
        }
        for (relay, machine) in self.machines.iter().enumerate() {
            let counts = machine.hub.as_ref().map(|hub| hub.counts(self.now));
            let left = counts.map(|counts| [counts.waiting, counts.pending, counts.away]);
            assert!(
                left.is_none_or(|left| left == [0; 3]),
                "relay {relay} is not quiet: {left:?} wait, have no verdict, are away"
            );
        }
    }

    /// Who was in the room all the time, at a relay that lived and was reached, has heard it.
    fn check_room(&self, number: usize) {
        let said = &self.said[number];
        let Some((at, Stage::Queued)) = said.verdict else {
            return;
        };
        let until = at + ARRIVAL;
        for (index, peer) in self.peers.iter().enumerate() {
            let relay = peer.relay_at(at);
            let is_meant = |at| match at {
                Where::Peer(peer) => peer == index,
                Where::Relay(it) | Where::Link(it) => it == relay,
                Where::Store | Where::Bus => matches!(self.post, Post::Bus(_)),
            };
            let was_there = peer.joined.is_some_and(|joined| joined < said.at)
                && self.troubles.was_calm(is_meant, said.at, until);
            let has_heard = said.arrived.contains_key(&(index, peer.life));
            assert!(
                !was_there || has_heard || index == said.from.0,
                "{index} has not heard {number}: {said:?} {:?}",
                self.troubles
            );
        }
    }
}
