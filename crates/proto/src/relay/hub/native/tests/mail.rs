//! Mail: verdicts that are true, letters to those who are away, and how they come to them.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;
use crate::relay::fleet::Passed;
use crate::relay::hub::elsewhere::{Errand, News, Outcome, PATIENCE, ReplyTo, Ticket, Way};
use crate::relay::letter::{Kept, Letter, Place};
use crate::relay::native::frames::{Origin, Why};
use crate::relay::native::{MAX_CONTENT, MAX_FRAGMENT};

const QUEUED: Stage = Stage::Queued;

fn mail() -> Settings {
    Settings {
        reach: Reach::Store,
        ..settings()
    }
}

fn fleet() -> Settings {
    Settings {
        reach: Reach::Fleet,
        ..settings()
    }
}

fn letter(from: &str, to: &str, id: u64) -> Letter {
    Letter {
        from: Origin::Name(name(from)),
        to: name(to),
        id: MessageId(id),
        wants: Wants::Nothing,
        body: Body::Plain,
    }
}

fn kept(place: u64, from: &str, to: &str, id: u64, content: &[u8]) -> Kept {
    Kept {
        place: Place(place),
        waited: 60,
        letter: letter(from, to, id),
        content: content.to_vec(),
    }
}

impl World {
    fn news(&mut self, news: News) {
        self.hub.news(news, self.now, &mut self.out);
        self.settle();
    }

    /// What the hub wants done beside remembering names.
    fn errands(&mut self) -> Vec<Errand> {
        let effects = self.hub.take_effects().into_iter();
        effects
            .filter_map(|effect| match effect {
                Effect::Errand(errand @ Errand::Owner { .. }) => {
                    drop(errand);
                    None
                }
                Effect::Errand(errand) => Some(errand),
                Effect::Stop => panic!("expected no stop"),
            })
            .collect()
    }

    /// The letters that are sent away now.
    fn letters(&mut self) -> Vec<(Ticket, Letter, Vec<u8>, Way)> {
        let errands = self.errands().into_iter();
        errands
            .filter_map(|errand| match errand {
                Errand::Send {
                    ticket,
                    letter,
                    content,
                    way,
                } => Some((ticket, letter, content, way)),
                _ => None,
            })
            .collect()
    }

    /// The number of the one fetch that is asked for now, for whom, and from where on.
    fn fetch(&mut self) -> (u32, Name, u64) {
        let errands = self.errands();
        let mut fetches = errands.iter().filter_map(|errand| match errand {
            Errand::Fetch { name, round, after } => Some((*round, *name, after.0)),
            _ => None,
        });
        let fetch = fetches.next().expect("expected a fetch");
        assert_eq!(fetches.next(), None);
        fetch
    }

    fn settled(&mut self, ticket: Ticket, outcome: Outcome) {
        self.news(News::Settled { ticket, outcome });
    }

    fn fetched(&mut self, (round, name, _): (u32, Name, u64), letters: Vec<Kept>, is_all: bool) {
        self.news(News::Fetched {
            name,
            round,
            letters,
            is_all,
        });
    }

    /// What a peer is told of its messages, those that follow each other as one.
    fn told(&mut self, who: usize) -> Vec<(u64, u64, Stage)> {
        let mut told: Vec<(u64, u64, Stage)> = Vec::new();
        for (first, last, stage) in self.receipts(who) {
            match told.last_mut() {
                Some(run) if (run.1 + 1, run.2) == (first, stage) => run.1 = last,
                _ => told.push((first, last, stage)),
            }
        }
        told
    }

    /// Somebody for whom nothing is kept.
    fn person_without_mail(&mut self, who: &str) -> usize {
        let person = self.person(who);
        let fetch = self.fetch();
        assert_eq!((fetch.1, fetch.2), (name(who), 0));
        self.fetched(fetch, Vec::new(), true);
        person
    }

    /// Somebody who was there and left.
    fn person_who_left(&mut self, who: &str) {
        let person = self.person_without_mail(who);
        self.say(person, &Bye { why: Ending::Done }, &[]);
        self.settle();
    }
}

/// A store of the simplest kind.
#[derive(Default)]
struct Shelf {
    letters: Vec<Kept>,
    last: u64,
    /// How many letters it gives at once.
    handy: usize,
}

impl Shelf {
    fn new(handy: usize) -> Self {
        Self {
            handy,
            ..Self::default()
        }
    }

    fn does(&mut self, errand: Errand) -> Option<News> {
        match errand {
            Errand::Send {
                ticket,
                letter,
                content,
                ..
            } => {
                self.keeps(letter, content);
                let outcome = Outcome::Kept;
                Some(News::Settled { ticket, outcome })
            }
            Errand::Fetch { name, round, after } => {
                let for_them = |kept: &&Kept| kept.letter.to == name && kept.place > after;
                let all: Vec<_> = self.letters.iter().filter(for_them).cloned().collect();
                let is_all = all.len() <= self.handy;
                let letters = all.into_iter().take(self.handy).collect();
                Some(News::Fetched {
                    name,
                    round,
                    letters,
                    is_all,
                })
            }
            Errand::Forget { name, until } => {
                let stays = |kept: &Kept| kept.letter.to != name || kept.place > until;
                self.letters.retain(stays);
                None
            }
            errand => panic!("{errand:?} is not for a store"),
        }
    }

    fn keeps(&mut self, letter: Letter, content: Vec<u8>) {
        let is_it = |kept: &Kept| {
            (kept.letter.to, kept.letter.from, kept.letter.id)
                == (letter.to, letter.from, letter.id)
        };
        if !self.letters.iter().any(is_it) {
            self.last += 1;
            self.letters.push(Kept {
                place: Place(self.last),
                waited: 0,
                letter,
                content,
            });
        }
    }

    /// Does what is wanted until nothing is.
    fn serve(&mut self, world: &mut World) {
        for _ in 0..10_000 {
            world.settle();
            let errands = world.errands();
            if errands.is_empty() {
                return;
            }
            for errand in errands {
                if let Some(news) = self.does(errand) {
                    world.hub.news(news, world.now, &mut world.out);
                }
            }
        }
        panic!("expected an end");
    }
}

#[test]
fn the_verdict_is_said_when_the_receivers_program_has_it() {
    let mut world = World::with(mail());
    let alice = world.person_without_mail("alice");
    let bob = world.person_without_mail("bob");
    world.peers[bob].is_deaf = true;
    world.message(alice, named("bob"), b"one");
    world.message_that_wants(alice, named("bob"), b"two", Wants::Delivered);
    world.settle();
    assert_eq!(world.receipts(alice), []);
    assert_eq!((world.counts().pending, world.counts().messages), (2, 2));
    world.peers[bob].is_deaf = false;
    world.pass(secs(3), Duration::from_millis(20));
    assert_eq!(world.texts(bob), ["one", "two"]);
    let expected = [(1, 2, QUEUED), (2, 2, Stage::Delivered)];
    assert_eq!(world.receipts(alice), expected);
    assert_eq!(world.errands(), []);
    assert_eq!(world.counts().pending, 0);
}

#[test]
fn a_message_to_an_address_is_as_true() {
    let mut world = World::with(mail());
    let alice = world.person_without_mail("alice");
    let nobody = world.peer(900, None);
    world.peers[nobody].is_deaf = true;
    world.message(alice, To::Address(address(900)), b"one");
    world.settle();
    assert_eq!(world.receipts(alice), []);
    world.pass(secs(15), Duration::from_millis(50));
    let refused = (1, 1, Stage::Refused(Why::NotThere));
    assert_eq!(world.receipts(alice), [refused]);
    assert_eq!(world.letters(), []);
    assert_eq!((world.counts().refused, world.counts().pending), (1, 0));
}

#[test]
fn a_message_to_somebody_who_is_away_is_a_letter() {
    let table = [
        (Outcome::Kept, vec![QUEUED]),
        (Outcome::Taken, vec![QUEUED, Stage::Delivered]),
        (
            Outcome::Refused(Why::Quota),
            vec![Stage::Refused(Why::Quota)],
        ),
    ];
    for (outcome, told) in table {
        let mut world = World::with(mail());
        world.person_who_left("bob");
        let alice = world.person_without_mail("alice");
        world.message_that_wants(alice, named("bob"), b"hello", Wants::Delivered);
        world.settle();
        assert_eq!(world.receipts(alice), []);
        let counts = world.counts();
        assert_eq!((counts.away, counts.away_bytes, counts.pending), (1, 5, 1));
        let letters = world.letters();
        let [(ticket, sent, content, way)] = &letters[..] else {
            panic!("{letters:?}")
        };
        let expected = Letter {
            wants: Wants::Delivered,
            ..letter("alice", "bob", 1)
        };
        assert_eq!(
            (*sent, &content[..], *way),
            (expected, &b"hello"[..], Way::Keep)
        );
        world.settled(*ticket, outcome);
        let told: Vec<_> = told.into_iter().map(|stage| (1, 1, stage)).collect();
        assert_eq!(world.receipts(alice), told);
        world.settled(*ticket, outcome);
        assert_eq!(world.receipts(alice), [], "a ticket is good once");
        let counts = world.counts();
        assert_eq!((counts.away, counts.away_bytes, counts.pending), (0, 0, 0));
    }
}

#[test]
fn who_is_looked_for_in_a_fleet() {
    let mut world = World::with(fleet());
    world
        .hub
        .remember(name("bob"), Identity::new([5; 32]).keys().signing);
    let alice = world.person("alice");
    let nobody = world.peer(900, None);
    world.errands();
    world.message(alice, named("bob"), b"x");
    world.message(alice, named("carol"), b"x");
    world.message(nobody, named("bob"), b"x");
    world.message(nobody, named("carol"), b"x");
    world.settle();
    let ways: Vec<_> = world
        .letters()
        .into_iter()
        .map(|it| (it.1.to, it.3))
        .collect();
    assert_eq!(
        ways,
        [(name("bob"), Way::Find), (name("carol"), Way::FindOut)]
    );
    assert_eq!(
        world.receipts(nobody),
        [(1, 2, Stage::Refused(Why::Nameless))]
    );
}

#[test]
fn who_gets_no_mail_is_refused() {
    let mut world = World::with(mail());
    world.person_who_left("bob");
    let alice = world.person_without_mail("alice");
    let nobody = world.peer(900, None);
    world.message(alice, named("carol"), b"x");
    world.message(nobody, named("bob"), b"x");
    world.message(nobody, named("carol"), b"x");
    world.settle();
    assert_eq!(world.letters(), []);
    let unknown = Stage::Refused(Why::Unknown);
    assert_eq!(world.receipts(alice), [(1, 1, unknown)]);
    let nameless = Stage::Refused(Why::Nameless);
    assert_eq!(world.receipts(nobody), [(1, 1, nameless), (2, 2, unknown)]);
}

#[test]
fn what_was_said_and_has_no_verdict_is_not_answered_when_it_is_said_again() {
    let mut world = World::with(mail());
    world.person_who_left("bob");
    let alice = world.person_without_mail("alice");
    for id in [1, 2, 3] {
        world.part(alice, id, named("bob"), Part::Whole, b"x", Wants::Nothing);
    }
    world.settle();
    let letters = world.letters();
    let again = world.person("alice");
    world.errands();
    for id in [1, 2, 3] {
        world.part(again, id, named("bob"), Part::Whole, b"x", Wants::Nothing);
    }
    world.settle();
    assert_eq!(world.letters(), []);
    assert_eq!(world.receipts(again), []);
    assert_eq!(world.counts().duplicates, 3);
    world.settled(letters[1].0, Outcome::Refused(Why::Quota));
    world.settled(letters[0].0, Outcome::Kept);
    world.settled(letters[2].0, Outcome::Kept);
    let quota = Stage::Refused(Why::Quota);
    let expected = [(2, 2, quota), (1, 1, QUEUED), (3, 3, QUEUED)];
    assert_eq!(world.receipts(again), expected);
    for id in [1, 2, 3] {
        world.part(again, id, named("bob"), Part::Whole, b"x", Wants::Nothing);
    }
    world.settle();
    let expected = [(1, 1, QUEUED), (2, 2, quota), (3, 3, QUEUED)];
    assert_eq!(world.receipts(again), expected);
}

#[test]
fn a_verdict_that_comes_while_its_sender_is_away_is_said_when_it_asks() {
    let mut world = World::with(mail());
    world.person_who_left("bob");
    let alice = world.person_without_mail("alice");
    world.message(alice, named("bob"), b"x");
    world.message(alice, named("bob"), b"y");
    world.say(alice, &Bye { why: Ending::Done }, &[]);
    world.settle();
    let letters = world.letters();
    world.settled(letters[0].0, Outcome::Kept);
    world.settled(letters[1].0, Outcome::Refused(Why::Full));
    let again = world.person("alice");
    for id in [1, 2] {
        world.part(again, id, named("bob"), Part::Whole, b"x", Wants::Nothing);
    }
    world.settle();
    let full = Stage::Refused(Why::Full);
    assert_eq!(world.receipts(again), [(1, 1, QUEUED), (2, 2, full)]);
}

#[test]
fn what_a_session_has_not_heard_when_it_ends_is_kept() {
    let mut world = World::with(mail());
    let alice = world.person_without_mail("alice");
    let nobody = world.peer(900, None);
    let bob = world.person_without_mail("bob");
    world.message(alice, named("bob"), b"heard");
    world.settle();
    world.peers[bob].is_deaf = true;
    let long = vec![b'x'; MAX_CONTENT / 2];
    world.message(alice, named("bob"), b"one");
    world.settle();
    world.message(nobody, named("bob"), b"nameless");
    whole(&mut world, alice, 3, named("bob"), &long);
    world.peers[alice].next = 3;
    world.message_that_wants(alice, named("bob"), b"two", Wants::Read);
    world.settle();
    assert_eq!(world.receipts(alice), [(1, 1, QUEUED)]);
    assert_eq!(world.letters(), []);
    world.pass(secs(15), Duration::from_millis(50));
    let letters = world.letters();
    let contents: Vec<_> = letters.iter().map(|it| it.2.clone()).collect();
    assert!(contents == [b"one".to_vec(), long, b"two".to_vec()]);
    let expected = Letter {
        wants: Wants::Read,
        ..letter("alice", "bob", 4)
    };
    assert_eq!((letters[2].1, letters[2].3), (expected, Way::Keep));
    let nameless = Stage::Refused(Why::Nameless);
    assert_eq!(world.receipts(nobody), [(1, 1, nameless)]);
    assert_eq!(world.receipts(alice), []);
    for (ticket, ..) in letters {
        world.settled(ticket, Outcome::Kept);
    }
    assert_eq!(world.told(alice), [(2, 4, QUEUED)]);
    assert_eq!(world.counts().waiting, 0);
}

/// A message in as many parts as it needs.
fn whole(world: &mut World, who: usize, id: u64, to: To, content: &[u8]) {
    let mut part = Part::First(content.len() as u32);
    let mut chunks = content.chunks(MAX_FRAGMENT);
    while let Some(chunk) = chunks.next() {
        world.part(who, id, to, part, chunk, Wants::Nothing);
        part = match chunks.len() {
            1 => Part::Last,
            _ => Part::Next,
        };
    }
}

#[test]
fn what_came_in_part_is_refused() {
    let mut world = World::with(mail());
    let alice = world.person_without_mail("alice");
    let bob = world.person_without_mail("bob");
    let first = Part::First(2000);
    world.part(alice, 1, named("bob"), first, &[b'x'; 1000], Wants::Nothing);
    world.settle();
    world.peers[bob].is_deaf = true;
    let last = Part::Last;
    world.part(alice, 1, named("bob"), last, &[b'x'; 1000], Wants::Nothing);
    world.settle();
    assert_eq!(world.receipts(alice), []);
    world.pass(secs(15), Duration::from_millis(50));
    assert_eq!(world.letters(), []);
    let away = Stage::Refused(Why::Away);
    assert_eq!(world.receipts(alice), [(1, 1, away)]);
    world.part(alice, 1, named("bob"), last, &[b'x'; 1000], Wants::Nothing);
    world.settle();
    assert_eq!(world.counts().pending, 0);
}

#[test]
fn a_long_message_to_somebody_who_is_away_is_gathered() {
    let mut world = World::with(mail());
    world.person_who_left("bob");
    let alice = world.person_without_mail("alice");
    let content: Vec<u8> = (0..5000).map(|at| b'a' + (at % 23) as u8).collect();
    let (some, rest) = content.split_at(1000);
    let first = Part::First(5000);
    world.part(alice, 1, named("bob"), first, some, Wants::Nothing);
    world.settle();
    assert_eq!((world.letters(), world.counts().waiting), (vec![], 1000));
    for chunk in rest.chunks(1000).take(3) {
        world.part(alice, 1, named("bob"), Part::Next, chunk, Wants::Nothing);
    }
    world.part(
        alice,
        1,
        named("bob"),
        Part::Last,
        &rest[3000..],
        Wants::Read,
    );
    world.settle();
    let letters = world.letters();
    assert_eq!(letters.len(), 1);
    assert!(letters[0].2 == content);
    assert_eq!(world.counts().waiting, 0);
    world.settled(letters[0].0, Outcome::Kept);
    assert_eq!(world.receipts(alice), [(1, 1, QUEUED)]);
    world.part(alice, 2, named("bob"), first, some, Wants::Nothing);
    world.part(alice, 3, named("bob"), first, some, Wants::Nothing);
    world.say(alice, &Bye { why: Ending::Done }, &[]);
    world.settle();
    assert_eq!((world.letters(), world.counts().waiting), (vec![], 0));
}

#[test]
fn a_long_message_is_delivered_to_who_comes_meanwhile() {
    let mut world = World::with(mail());
    world.person_who_left("bob");
    let alice = world.person_without_mail("alice");
    let first = Part::First(2000);
    world.part(alice, 1, named("bob"), first, &[b'x'; 1000], Wants::Nothing);
    world.settle();
    let bob = world.person_without_mail("bob");
    world.part(
        alice,
        1,
        named("bob"),
        Part::Last,
        &[b'x'; 1000],
        Wants::Nothing,
    );
    world.settle();
    assert_eq!(world.texts(bob).concat().len(), 2000);
    assert_eq!(world.receipts(alice), [(1, 1, QUEUED)]);
    assert_eq!(world.letters(), []);
}

#[test]
fn what_was_kept_comes_first_and_in_order() {
    let mut world = World::with(mail());
    let alice = world.person_without_mail("alice");
    let long = vec![b'x'; 3000];
    let bob = world.person("bob");
    world.message(alice, named("bob"), b"now");
    world.settle();
    let fetch = world.fetch();
    let letters = vec![
        kept(7, "carol", "bob", 30, b"two"),
        kept(8, "alice", "bob", 1, b"one"),
        kept(11, "carol", "bob", 20, &long),
    ];
    world.fetched(fetch, letters, false);
    let heard = world.heard(bob);
    let told: Vec<_> = heard
        .iter()
        .map(|heard| match heard {
            Heard::Message(delivery, content) => {
                assert_eq!(delivery.waited, 60);
                (delivery.from, delivery.id.0, delivery.part, content.len())
            }
            other => panic!("{other:?}"),
        })
        .collect();
    let (alices, carols) = (Origin::Name(name("alice")), Origin::Name(name("carol")));
    let expected = [
        (carols, 20, Part::First(3000), 1024),
        (carols, 20, Part::Next, 1024),
        (carols, 20, Part::Last, 952),
        (alices, 1, Part::Whole, 3),
        (carols, 30, Part::Whole, 3),
    ];
    assert_eq!(told, expected);
    let until = Place(11);
    let errands = world.errands();
    assert!(
        matches!(errands[..], [
            Errand::Fetch { after, .. },
            Errand::Forget { until: forgotten, .. },
        ] if (after, forgotten) == (until, until)),
        "{errands:?}"
    );
    let Errand::Fetch { name, round, .. } = errands[0] else {
        panic!("{errands:?}")
    };
    world.fetched((round, name, 11), Vec::new(), true);
    assert_eq!(world.texts(bob), ["now"]);
    assert_eq!(world.receipts(alice), [(1, 1, QUEUED)]);
}

#[test]
fn no_letter_is_forgotten_before_those_that_come_before_it_have_come() {
    let mut world = World::with(mail());
    let bob = world.person("bob");
    let fetch = world.fetch();
    world.peers[bob].is_deaf = true;
    let big = vec![b'x'; 900]; // each is in a packet of its own
    let letters = vec![
        kept(1, "carol", "bob", 1, &big),
        kept(2, "carol", "bob", 9, &big),
        kept(3, "alice", "bob", 1, &big),
        kept(4, "carol", "bob", 8, &big),
        kept(5, "carol", "bob", 10, &big),
    ];
    world.fetched(fetch, letters, true);
    let mut forgotten = Vec::new();
    for upto in 1..=5 {
        acknowledge(&mut world, bob, upto);
        forgotten.extend(world.errands().into_iter().map(|errand| match errand {
            Errand::Forget { until, .. } => (upto, until.0),
            other => panic!("{other:?}"),
        }));
    }
    assert_eq!(forgotten, [(1, 1), (4, 4), (5, 5)]);
}

/// The peer says that it has the packets up to the one with this number, counted from 1.
fn acknowledge(world: &mut World, who: usize, upto: u32) {
    use crate::relay::native::packet::Head;
    let token = world.peers[who].link.as_ref().unwrap().token();
    let head = Head {
        token,
        number: None,
        serial: 0,
        seen: 0,
        asks: false,
        is_partial: true,
        expected: upto + 1,
        beyond: 0,
        window: 1024,
    };
    let from = world.peers[who].address;
    world.handle(from, &head.encode());
    world.send();
}

#[test]
fn what_is_said_while_mail_is_fetched_comes_after_it() {
    let mut world = World::with(mail());
    let alice = world.person_without_mail("alice");
    let bob = world.person("bob");
    world.message(alice, named("bob"), b"three");
    world.message(alice, named("bob"), b"four");
    world.settle();
    assert_eq!(world.texts(bob), [""; 0]);
    let fetch = world.fetch();
    let letters = vec![
        kept(1, "alice", "bob", 1, b"one"),
        kept(2, "alice", "bob", 2, b"two"),
    ];
    world.fetched(fetch, letters, true);
    assert_eq!(world.texts(bob), ["one", "two", "three", "four"]);
    assert_eq!(world.receipts(alice), [(1, 2, QUEUED)]);
    world.message(alice, named("bob"), b"five");
    world.settle();
    assert_eq!(world.texts(bob), ["five"]);
    assert_eq!(world.letters(), []);
}

#[test]
fn what_is_said_while_mail_is_fetched_for_long_is_kept() {
    let mut world = World::with(mail());
    let alice = world.person_without_mail("alice");
    let bob = world.person("bob");
    world.message(alice, named("bob"), b"x");
    world.settle();
    let fetch = world.fetch();
    world.pass(PATIENCE + secs(1), Duration::from_millis(50));
    world.message(alice, named("bob"), b"y");
    world.settle();
    let letters = world.letters();
    assert_eq!(letters.len(), 2);
    for (ticket, ..) in letters {
        world.settled(ticket, Outcome::Kept);
    }
    assert_eq!(world.told(alice), [(1, 2, QUEUED)]);
    world.fetched(fetch, Vec::new(), true);
    let again = world.fetch();
    world.fetched(fetch, vec![kept(9, "alice", "bob", 9, b"old")], true);
    let letters = vec![
        kept(1, "alice", "bob", 1, b"x"),
        kept(2, "alice", "bob", 2, b"y"),
    ];
    world.fetched(again, letters, true);
    assert_eq!(world.texts(bob), ["x", "y"], "an old answer is none");
}

#[test]
fn too_much_that_is_said_while_mail_is_fetched_is_kept() {
    let mut world = World::with(mail());
    let alice = world.person_without_mail("alice");
    let carol = world.person_without_mail("carol");
    let dave = world.person_without_mail("dave");
    let _bob = world.person("bob");
    let content = vec![b'x'; MAX_CONTENT];
    for (who, id) in [(alice, 1), (carol, 1), (dave, 1), (alice, 2)] {
        whole(&mut world, who, id, named("bob"), &content);
        world.pass(secs(1) / 10, Duration::from_millis(5));
        let is_late = (who, id) == (alice, 2);
        assert_eq!(world.letters().len(), if is_late { 4 } else { 0 });
    }
    assert_eq!(world.counts().pending, 4);
    assert_eq!(world.counts().waiting, 0);
}

#[test]
fn mail_that_waits_is_fetched_from_where_the_last_was() {
    let mut world = World::with(mail());
    let alice = world.person_without_mail("alice");
    let bob = world.person("bob");
    let fetch = world.fetch();
    world.fetched(fetch, vec![kept(5, "alice", "bob", 1, b"one")], true);
    world.errands();
    world.news(News::MailWaits { name: name("bob") });
    world.news(News::MailWaits { name: name("bob") });
    world.news(News::MailWaits {
        name: name("carol"),
    });
    let fetch = world.fetch();
    assert_eq!((fetch.1, fetch.2), (name("bob"), 5));
    world.message(alice, named("bob"), b"three");
    world.settle();
    let letters = world.letters();
    assert_eq!(letters.len(), 1, "what waits may be alice's");
    world.settled(letters[0].0, Outcome::Kept);
    world.fetched(fetch, vec![kept(6, "alice", "bob", 2, b"two")], true);
    let fetch = world.fetch();
    assert_eq!(fetch.2, 6);
    world.fetched(fetch, vec![kept(7, "alice", "bob", 3, b"three")], true);
    world.message(alice, named("bob"), b"four");
    world.settle();
    assert_eq!(world.texts(bob), ["one", "two", "three", "four"]);
}

#[test]
fn what_has_come_of_the_mail_is_told_to_who_wants_to_hear_it() {
    let table = [(mail(), None), (fleet(), Some(name("carol")))];
    for (settings, told) in table {
        let mut world = World::with(settings);
        let alice = world.person("alice");
        world.errands();
        let _bob = world.person("bob");
        let fetch = world.fetch();
        let mut letters = vec![
            kept(1, "alice", "bob", 4, b"x"),
            kept(2, "alice", "bob", 5, b"x"),
            kept(3, "carol", "bob", 6, b"x"),
        ];
        for kept in &mut letters[1..] {
            kept.letter.wants = Wants::Delivered;
        }
        world.fetched(fetch, letters, true);
        assert_eq!(world.receipts(alice), [(5, 5, Stage::Delivered)]);
        let tell = |errand| match errand {
            Errand::Tell { to, receipt } => {
                assert_eq!((receipt.first.0, receipt.last.0), (6, 6));
                assert_eq!(receipt.stage, Stage::Delivered);
                Some(to)
            }
            _ => None,
        };
        let tells: Vec<_> = world.errands().into_iter().filter_map(tell).collect();
        assert_eq!(tells, Vec::from_iter(told));
    }
}

#[test]
fn a_slow_receiver_gets_letters() {
    let mut world = World::with(mail());
    let mut shelf = Shelf::new(1000);
    let (alice, bob) = (world.person("alice"), world.person("bob"));
    shelf.serve(&mut world);
    world.peers[bob].is_deaf = true;
    for at in 0..10_000 {
        let content = format!("{at:01000}");
        world.message(alice, named("bob"), content.as_bytes());
        if at % 100 == 99 {
            world.now += Duration::from_millis(5);
            shelf.serve(&mut world);
        }
    }
    assert!(!shelf.letters.is_empty());
    let counts = world.counts();
    assert!(counts.waiting < 5_000_000, "{}", counts.waiting);
    assert_eq!(counts.refused, 0);
    let told = world.told(alice);
    assert_eq!(told.len(), 1, "what is kept has its verdict: {told:?}");
    assert!(told[0].0 > 1 && told[0].1 == 10_000, "{told:?}");
    world.peers[bob].is_deaf = false;
    for _ in 0..1000 {
        world.now += Duration::from_millis(5);
        shelf.serve(&mut world);
        if world.counts().pending == 0 && shelf.letters.is_empty() {
            break;
        }
    }
    assert_eq!(shelf.letters, []);
    assert_eq!(world.told(alice), [(1, told[0].0 - 1, QUEUED)]);
    let texts = world.texts(bob);
    let expected: Vec<_> = (0..10_000).map(|at| format!("{at:01000}")).collect();
    assert!(texts == expected, "{} came", texts.len());
    world.message(alice, named("bob"), b"!");
    world.settle();
    assert_eq!(world.letters(), [], "the way is open again");
}

#[test]
fn one_sender_does_not_use_up_the_room_of_all() {
    let mut world = World::with(mail());
    world.person_who_left("bob");
    let alice = world.person_without_mail("alice");
    let carol = world.person_without_mail("carol");
    let content = vec![b'x'; MAX_CONTENT];
    for id in 1..=3 {
        whole(&mut world, alice, id, named("bob"), &content);
        world.pass(secs(1) / 10, Duration::from_millis(5));
    }
    let full = Stage::Refused(Why::Full);
    assert_eq!(world.receipts(alice), [(3, 3, full)]);
    world.message(carol, named("bob"), b"x");
    world.settle();
    let letters = world.letters();
    assert_eq!(letters.len(), 3);
    world.settled(letters[0].0, Outcome::Kept);
    world.peers[alice].next = 3;
    world.message(alice, named("bob"), b"x");
    world.settle();
    assert_eq!(world.letters().len(), 1, "there is room again");
}

#[test]
fn all_senders_together_have_bounds() {
    let mut world = World::with(mail());
    world.person_who_left("bob");
    let content = vec![b'x'; MAX_CONTENT];
    let mut letters = Vec::new();
    for at in 0..40 {
        let who = world.person(&format!("p{at}"));
        for id in 1..=2 {
            whole(&mut world, who, id, named("bob"), &content);
            world.pass(secs(1) / 10, Duration::from_millis(5));
        }
        letters.extend(world.letters());
    }
    assert!((60..64).contains(&letters.len()), "{}", letters.len());
    let counts = world.counts();
    assert_eq!(counts.away, letters.len() as u64);
    assert_eq!(counts.refused, 80 - counts.away);
    for (ticket, ..) in letters {
        world.settled(ticket, Outcome::Kept);
    }
    assert_eq!((world.counts().away, world.counts().pending), (0, 0));
}

#[test]
fn who_says_too_much_without_waiting_is_refused() {
    let mut world = World::with(mail());
    world.person_who_left("bob");
    let alice = world.person_without_mail("alice");
    let most = 2 * crate::relay::native::MAX_UNANSWERED as u64;
    for _ in 0..most + 100 {
        world.message(alice, named("bob"), b"");
    }
    world.pass(secs(2), Duration::from_millis(5));
    assert_eq!(world.letters().len() as u64, most);
    let full = Stage::Refused(Why::Full);
    assert_eq!(world.receipts(alice), [(most + 1, most + 100, full)]);
}

#[test]
fn another_relay_hears_what_became_of_its_letter() {
    let mut world = World::with(fleet());
    let bob = world.person("bob");
    let fetch = world.fetch();
    let to = world.hub.native.names.find(&name("bob")).unwrap();
    let pass = |world: &mut World, reply| {
        let letter = letter("carol", "bob", reply);
        let now = world.now;
        world
            .hub
            .native
            .letter_here(to, &letter, b"x", ReplyTo(reply), now);
        world.settle();
        world.errands()
    };
    let passed = |reply, passed| Errand::Passed {
        reply: ReplyTo(reply),
        passed,
    };
    assert_eq!(pass(&mut world, 1), [], "it waits for what is kept");
    world.fetched(fetch, Vec::new(), true);
    assert_eq!(world.errands(), [passed(1, Passed::Taken)]);
    assert_eq!(pass(&mut world, 2), [passed(2, Passed::Taken)]);
    assert_eq!(world.texts(bob).len(), 2);
    world.peers[bob].is_deaf = true;
    assert_eq!(pass(&mut world, 3), []);
    world.pass(secs(15), Duration::from_millis(50));
    let absent = Errand::Absent { name: name("bob") };
    assert_eq!(world.errands(), [passed(3, Passed::Keep), absent]);
    assert_eq!(pass(&mut world, 4), [passed(4, Passed::Keep)]);
}

#[test]
fn keys_that_were_not_known_are_kept_when_they_are() {
    for (reach, is_told) in [(Reach::Here, false), (Reach::Store, true)] {
        let mut world = World::with(Settings {
            reach,
            ..settings()
        });
        let keys = Identity::new([b'b'; 32]).keys();
        world.hub.remember(name("bob"), keys.signing);
        let owner = Effect::Errand(Errand::Owner {
            name: name("bob"),
            keys,
        });
        world.person("bob");
        let effects = world.hub.take_effects();
        assert_eq!(effects.contains(&owner), is_told);
        world.person("bob");
        assert!(!world.hub.take_effects().contains(&owner));
    }
}

#[test]
fn a_relay_that_starts_again_delivers_what_was_kept() {
    let mut world = World::with(mail());
    let mut shelf = Shelf::new(10);
    let (alice, bob) = (world.person("alice"), world.person("bob"));
    shelf.serve(&mut world);
    world.say(bob, &Bye { why: Ending::Done }, &[]);
    for at in 1..=100 {
        world.message(alice, named("bob"), format!("{at}").as_bytes());
    }
    shelf.serve(&mut world);
    assert_eq!(world.receipts(alice), [(1, 100, QUEUED)]);
    let keys = |who: &str| Identity::new([who.as_bytes()[0]; 32]).keys();
    let mut world = World::with(mail());
    for who in ["alice", "bob"] {
        world.hub.remember_keys(name(who), &keys(who));
    }
    let (alice, bob) = (world.person("alice"), world.person("bob"));
    for id in [99, 100, 101] {
        let content = format!("{id}");
        let content = content.as_bytes();
        world.part(
            alice,
            id,
            named("bob"),
            Part::Whole,
            content,
            Wants::Nothing,
        );
    }
    shelf.serve(&mut world);
    let mut texts = world.texts(bob);
    texts.dedup();
    let expected: Vec<_> = (1..=101).map(|at| format!("{at}")).collect();
    texts.sort_by_key(|text| text.parse::<u32>().unwrap());
    texts.dedup();
    assert_eq!(texts, expected);
    assert_eq!(world.receipts(alice), [(99, 101, QUEUED)]);
    assert_eq!(shelf.letters, []);
}

#[test]
fn mail_is_not_for_a_client_that_came_to_speak() {
    let mut world = World::with(mail());
    let alice = world.person_without_mail("alice");
    world.purpose = Purpose::Speak;
    let bob = world.person("bob");
    assert_eq!(world.errands(), [], "nothing is fetched for it");
    let id = world.message(alice, To::Name(name("bob")), b"hi");
    world.settle();
    let letters = world.letters();
    assert_eq!(letters.len(), 1);
    assert_eq!(
        (letters[0].1, letters[0].3),
        (letter("alice", "bob", id), Way::Keep)
    );
    world.settled(letters[0].0, Outcome::Kept);
    assert_eq!(world.told(alice), [(id, id, QUEUED)]);
    world.news(News::MailWaits { name: name("bob") });
    world.pass(secs(5), secs(1));
    assert_eq!(world.errands(), []);
    assert!(world.texts(bob).is_empty());
    let id = world.message(bob, To::Name(name("alice")), b"hello");
    world.settle();
    assert_eq!(world.told(bob), [(id, id, QUEUED)]);
    world.purpose = Purpose::Hear;
    world.person("bob");
    assert_eq!(world.fetch().1, name("bob"));
}

#[test]
fn a_refusal_is_remembered_until_its_sender_has_gone_on() {
    let mut world = World::with(mail());
    world.person_who_left("bob");
    let alice = world.person_without_mail("alice");
    world.message(alice, named("bob"), b"x");
    world.say(alice, &Bye { why: Ending::Done }, &[]);
    world.settle();
    let letters = world.letters();
    world.settled(letters[0].0, Outcome::Refused(Why::Quota));
    let again = world.person("alice");
    world.pass(secs(10), Duration::from_millis(100));
    let to = named("bob");
    world.part(again, 1, to, Part::Whole, b"x", Wants::Nothing);
    world.settle();
    let quota = Stage::Refused(Why::Quota);
    assert_eq!(world.receipts(again), [(1, 1, quota)], "it was slow to ask");
    world.part(again, 2, to, Part::Whole, b"x", Wants::Nothing);
    world.pass(secs(10), Duration::from_millis(100));
    let names = &mut world.hub.native.names;
    let known = names.find(&name("alice")).unwrap();
    assert_eq!(names.get(known).was_refused(MessageId(1)), None);
}

#[test]
fn so_many_refusals_that_some_are_forgotten_are_said_again_all_the_same() {
    let mut world = World::with(mail());
    let (alice, _bob) = (world.person("alice"), world.person("bob"));
    let mut shelf = Shelf::new(10);
    shelf.serve(&mut world);
    let to = |id| named(if id % 2 == 0 { "bob" } else { "carol" });
    for id in 1..=2000 {
        world.part(alice, id, to(id), Part::Whole, b"x", Wants::Nothing);
    }
    shelf.serve(&mut world);
    world.heard(alice);
    let again = world.person("alice");
    for id in 1..=2000 {
        world.part(again, id, to(id), Part::Whole, b"x", Wants::Nothing);
    }
    shelf.serve(&mut world);
    for (first, last, stage) in world.receipts(again) {
        let is_refused = matches!(stage, Stage::Refused(_));
        assert!(is_refused || (first, first % 2) == (last, 0), "{first}");
    }
}

#[test]
fn nothing_is_left_of_who_goes_without_a_name() {
    let mut world = World::with(mail());
    let bob = world.person_without_mail("bob");
    let nobody = world.peer(900, None);
    world.peers[bob].is_deaf = true;
    world.message(nobody, named("bob"), b"x");
    world.settle();
    world.part(nobody, 1, named("bob"), Part::Whole, b"x", Wants::Nothing);
    world.settle();
    assert_eq!(
        (world.receipts(nobody), world.counts().pending),
        (vec![], 1)
    );
    world.say(nobody, &Bye { why: Ending::Done }, &[]);
    world.settle();
    assert_eq!(world.counts().pending, 0);
    world.pass(secs(15), Duration::from_millis(50));
    assert_eq!(world.letters(), []);
}

/// What happens to two who write to a third.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// One of them says something of this length.
    Says(usize, usize),
    /// The third hears, or does not.
    Hears(bool),
    Leaves,
    Comes,
    /// The store does all that is wanted.
    Stores,
    /// The store does the first thing that is wanted.
    StoresOne,
    Passes(u64),
    MailWaits,
}

fn step() -> impl Strategy<Value = Step> {
    let length = prop_oneof![6 => 1usize..100, 1 => Just(3000), 1 => Just(200_000)];
    prop_oneof![
        12 => (0usize..2, length).prop_map(|(who, length)| Step::Says(who, length)),
        2 => any::<bool>().prop_map(Step::Hears),
        1 => Just(Step::Leaves),
        3 => Just(Step::Comes),
        3 => Just(Step::Stores),
        3 => Just(Step::StoresOne),
        3 => prop_oneof![Just(3u64), Just(300), Just(3000), Just(12_000)].prop_map(Step::Passes),
        1 => Just(Step::MailWaits),
    ]
}

/// Two writers, a reader in one session after the other, and a store that does things when it is told to.
struct Story {
    world: World,
    shelf: Shelf,
    wanted: VecDeque<Errand>,
    writers: [usize; 2],
    reader: Option<usize>,
    readers: Vec<usize>,
}

impl Story {
    fn new() -> Self {
        let mut world = World::with(mail());
        let mut shelf = Shelf::new(3);
        let writers = [world.person("alice"), world.person("carol")];
        let reader = world.person("bob");
        shelf.serve(&mut world);
        Self {
            world,
            shelf,
            wanted: VecDeque::new(),
            writers,
            reader: Some(reader),
            readers: vec![reader],
        }
    }

    fn goes_on(&mut self, step: Step) {
        match step {
            Step::Says(who, length) => {
                let who = self.writers[who];
                self.world.peers[who].next += 1;
                let id = self.world.peers[who].next;
                let content = vec![b'x'; length];
                match length > MAX_FRAGMENT {
                    true => whole(&mut self.world, who, id, named("bob"), &content),
                    false => {
                        let to = named("bob");
                        let part = Part::Whole;
                        self.world
                            .part(who, id, to, part, &content, Wants::Delivered);
                    }
                }
            }
            Step::Hears(hears) => {
                if let Some(reader) = self.reader {
                    self.world.peers[reader].is_deaf = !hears;
                }
            }
            Step::Leaves => {
                if let Some(reader) = self.reader.take()
                    && self.world.peers[reader].link.is_some()
                {
                    self.world.say(reader, &Bye { why: Ending::Done }, &[]);
                }
            }
            Step::Comes => {
                let reader = self.world.person("bob");
                self.readers.push(reader);
                self.reader = Some(reader);
            }
            Step::Stores => {
                self.wants();
                while self.stores_one() {}
            }
            Step::StoresOne => {
                self.wants();
                self.stores_one();
            }
            Step::Passes(ms) => {
                let time = Duration::from_millis(ms);
                self.world
                    .pass(time, (time / 20).max(Duration::from_millis(1)));
            }
            Step::MailWaits => self.world.news(News::MailWaits { name: name("bob") }),
        }
        self.world.settle();
    }

    fn wants(&mut self) {
        let wanted = self.world.errands();
        self.wanted.extend(wanted);
    }

    fn stores_one(&mut self) -> bool {
        let Some(errand) = self.wanted.pop_front() else {
            return false;
        };
        if let Some(news) = self.shelf.does(errand) {
            self.world.news(news);
            self.wants();
        }
        true
    }

    /// Everything comes to its end.
    fn ends(&mut self) {
        self.goes_on(Step::Comes);
        for _ in 0..2000 {
            self.goes_on(Step::Stores);
            self.goes_on(Step::Passes(20));
            let counts = self.world.counts();
            let is_quiet = counts.pending == 0 && self.shelf.letters.is_empty();
            if is_quiet && counts.waiting == 0 && self.wanted.is_empty() {
                return;
            }
        }
        panic!("expected an end: {:?}", self.world.counts());
    }

    /// The numbers of a writer's messages that came whole, in that order.
    fn came(&mut self, from: &str) -> Vec<u64> {
        let mut came = Vec::new();
        for reader in &self.readers {
            let mut left = 0;
            for heard in &self.world.peers[*reader].heard {
                let Heard::Message(delivery, content) = heard else {
                    continue;
                };
                if delivery.from != Origin::Name(name(from)) {
                    continue;
                }
                left = match delivery.part {
                    Part::Whole => 0,
                    Part::First(total) => total as usize - content.len(),
                    Part::Next | Part::Last => left - content.len(),
                };
                if matches!(delivery.part, Part::Whole | Part::Last) {
                    assert_eq!(left, 0, "{delivery:?}");
                    came.push(delivery.id.0);
                }
            }
        }
        came
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Each message has one verdict; what is queued comes once, what is refused does not come. What a session did not hear
    /// is kept behind what was kept before that session ended, and each answer is put in order on its own: so the order
    /// is not always that of the numbers here, where an answer has three letters at most.
    #[test]
    fn what_is_said_comes_once_or_is_refused(steps in proptest::collection::vec(step(), 1..60)) {
        let mut story = Story::new();
        for step in steps {
            story.goes_on(step);
        }
        story.ends();
        for (at, who) in ["alice", "carol"].into_iter().enumerate() {
            let (mut queued, mut refused) = (Vec::new(), Vec::new());
            for (first, last, stage) in story.world.receipts(story.writers[at]) {
                match stage {
                    Stage::Queued => queued.extend(first..=last),
                    Stage::Refused(_) => refused.extend(first..=last),
                    Stage::Delivered | Stage::Read => {}
                }
            }
            queued.sort_unstable();
            let mut came = story.came(who);
            came.sort_unstable();
            prop_assert_eq!(came, queued.clone());
            let mut all = [queued, refused].concat();
            all.sort_unstable();
            prop_assert_eq!(all, (1..=story.world.peers[story.writers[at]].next).collect::<Vec<_>>());
        }
    }
}

#[test]
fn a_letter_that_is_under_way_is_waited_for() {
    for outcome in [Outcome::Kept, Outcome::Refused(Why::Full)] {
        let mut world = World::with(fleet());
        world.person_who_left("bob");
        let alice = world.person("alice");
        world.errands();
        world.message(alice, named("bob"), b"one");
        world.settle();
        let (ticket, ..) = world.letters()[0];
        let bob = world.person("bob");
        let fetch = world.fetch();
        world.message(alice, named("bob"), b"two");
        world.settle();
        world.fetched(fetch, Vec::new(), true);
        world.message(alice, named("bob"), b"three");
        world.settle();
        assert_eq!((world.errands(), world.texts(bob)), (vec![], vec![]));
        world.settled(ticket, outcome);
        let fetch = world.fetch();
        let mut letters = vec![kept(1, "alice", "bob", 1, b"one")];
        letters.retain(|_| outcome == Outcome::Kept);
        let expected = ["one", "two", "three"];
        let expected = &expected[1 - letters.len()..];
        world.fetched(fetch, letters, true);
        assert_eq!(world.texts(bob), expected);
        assert_eq!(world.letters(), []);
    }
}
