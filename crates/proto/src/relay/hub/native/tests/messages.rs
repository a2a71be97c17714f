//! Messages between sessions, their verdicts and receipts.

use proptest::prelude::*;

use super::*;
use crate::relay::native::frames::{Origin, Read, Why};
use crate::relay::native::{MAX_CONTENT, MAX_FRAGMENT};

const UNKNOWN: Stage = Stage::Refused(Why::Unknown);

#[test]
fn a_message_arrives_and_its_sender_is_told() {
    let mut world = World::new();
    let (alice, bob) = (world.person("alice"), world.person("bob"));
    world.message(alice, named("bob"), b"a:b\n;\x00");
    world.settle();
    assert_eq!(world.heard(alice), [Heard::Receipt(1, 1, Stage::Queued)]);
    let delivery = Delivery {
        waited: 0,
        from: Origin::Name(name("alice")),
        room: None,
        id: MessageId(1),
        part: Part::Whole,
        wants: Wants::Nothing,
        body: Body::Plain,
    };
    let content = b"a:b\n;\x00".to_vec();
    assert_eq!(world.heard(bob), [Heard::Message(delivery, content)]);
    let counts = world.counts();
    assert_eq!(
        (counts.messages, counts.deliveries, counts.waiting),
        (1, 1, 0)
    );
}

#[test]
fn who_nobody_is_cannot_be_written_to() {
    let mut world = World::new();
    let (alice, bob) = (world.person("alice"), world.person("bob"));
    world.say(bob, &Bye { why: Ending::Done }, &[]);
    world.settle();
    let table = [
        (named("carol"), Why::Unknown),
        (named("bob"), Why::Away),
        (To::Room(name("lobby")), Why::NotInRoom),
        (To::Address(address(77)), Why::NotThere),
        (
            To::Address(SocketAddr::from(([0, 0, 0, 0], 0))),
            Why::NotThere,
        ),
    ];
    for (to, why) in table {
        let id = world.message(alice, to, b"x");
        world.settle();
        assert_eq!(
            world.receipts(alice),
            [(id, id, Stage::Refused(why))],
            "{to:?}"
        );
    }
    assert_eq!(world.counts().refused, table.len() as u64);
}

#[test]
fn names_and_addresses_reach_the_same_session() {
    let mut world = World::new();
    let (alice, nobody) = (world.person("alice"), world.peer(900, None));
    let at = world.peers[alice].address;
    world.message(nobody, To::Address(at), b"one");
    let mapped = SocketAddr::new("::ffff:192.0.2.7".parse().unwrap(), at.port());
    world.message(nobody, To::Address(mapped), b"two");
    world.message(nobody, named("alice"), b"three");
    world.message(alice, To::Address(address(900)), b"back");
    world.settle();
    let from = Origin::Address(address(900));
    let heard = world.heard(alice);
    assert!(
        heard
            .iter()
            .take(3)
            .all(|heard| matches!(heard, Heard::Message(delivery, _) if delivery.from == from))
    );
    world.peers[alice].heard = heard;
    assert_eq!(world.texts(alice), ["one", "two", "three"]);
    assert_eq!(world.texts(nobody), ["back"]);
}

#[test]
fn verdicts_that_follow_each_other_are_one() {
    let mut world = World::new();
    let (alice, _bob) = (world.person("alice"), world.person("bob"));
    for to in ["bob", "bob", "bob", "carol", "carol", "bob"] {
        world.message(alice, named(to), b"x");
    }
    world.settle();
    let expected = [
        (1, 3, Stage::Queued),
        (4, 5, UNKNOWN),
        (6, 6, Stage::Queued),
    ];
    assert_eq!(world.receipts(alice), expected);
}

#[test]
fn a_verdict_tells_of_no_message_that_it_is_not_about() {
    let mut world = World::new();
    let (alice, bob) = (world.person("alice"), world.person("bob"));
    for id in [10, 20, 30] {
        world.part(alice, id, named("bob"), Part::Whole, b"x", Wants::Nothing);
    }
    world.settle();
    let queued = [10, 20, 30].map(|id| (id, id, Stage::Queued));
    assert_eq!(world.receipts(alice), queued);
    assert_eq!(world.texts(bob).len(), 3);
}

#[test]
fn what_was_said_before_is_not_said_again() {
    let mut world = World::new();
    let (alice, bob) = (world.person("alice"), world.person("bob"));
    for id in [1, 2, 2, 1, 3] {
        world.part(alice, id, named("bob"), Part::Whole, b"x", Wants::Nothing);
    }
    world.settle();
    assert_eq!(world.texts(bob).len(), 3);
    assert_eq!(world.counts().duplicates, 2);
    let again = world.person("alice");
    for id in [2, 3, 4] {
        world.part(again, id, named("bob"), Part::Whole, b"x", Wants::Nothing);
    }
    world.settle();
    assert_eq!(world.receipts(again), [(2, 4, Stage::Queued)]);
    assert_eq!(world.texts(bob).len(), 1, "a new session of the same name");
}

#[test]
fn a_refusal_is_said_again_in_a_new_session() {
    let mut world = World::new();
    let (alice, _bob) = (world.person("alice"), world.person("bob"));
    for to in ["carol", "carol", "bob"] {
        world.message(alice, named(to), b"x");
    }
    world.settle();
    let again = world.person("alice");
    for to in ["carol", "carol", "bob"] {
        world.message(again, named(to), b"x");
    }
    world.settle();
    assert_eq!(
        world.receipts(again),
        [(1, 2, UNKNOWN), (3, 3, Stage::Queued)]
    );
}

#[test]
fn who_wants_to_hears_that_it_has_come_and_was_read() {
    let mut world = World::new();
    let (alice, bob) = (world.person("alice"), world.person("bob"));
    world.peers[bob].is_deaf = true;
    world.message_that_wants(alice, named("bob"), b"x", Wants::Delivered);
    world.message_that_wants(alice, named("bob"), b"y", Wants::Read);
    world.message(alice, named("bob"), b"z");
    world.settle();
    assert_eq!(world.receipts(alice), [(1, 3, Stage::Queued)]);
    world.peers[bob].is_deaf = false;
    world.pass(secs(3), Duration::from_millis(20));
    assert_eq!(world.receipts(alice), [(1, 2, Stage::Delivered)]);
    let from = Origin::Name(name("alice"));
    for id in [MessageId(1), MessageId(2)] {
        world.say(bob, &Read { from, id }, &[]);
    }
    world.settle();
    assert_eq!(world.receipts(alice), [(1, 2, Stage::Read)]);
}

/// Parts of a message that is as long as given.
fn parts(world: &mut World, who: usize, id: u64, to: To, content: &[u8]) {
    let mut chunks = content.chunks(MAX_FRAGMENT).peekable();
    let first = chunks.next().unwrap();
    let total = Part::First(content.len() as u32);
    world.part(who, id, to, total, first, Wants::Delivered);
    while let Some(chunk) = chunks.next() {
        let part = match chunks.peek() {
            Some(_) => Part::Next,
            None => Part::Last,
        };
        world.part(who, id, to, part, chunk, Wants::Delivered);
    }
}

#[test]
fn a_long_message_is_passed_on_part_by_part() {
    let mut world = World::new();
    let (alice, bob) = (world.person("alice"), world.person("bob"));
    let content: Vec<u8> = (0..MAX_CONTENT).map(|at| b'a' + (at % 23) as u8).collect();
    parts(&mut world, alice, 1, named("bob"), &content);
    world.part(alice, 2, named("bob"), Part::Whole, b"!", Wants::Nothing);
    world.pass(secs(2), Duration::from_millis(20));
    let said = world.texts(bob).concat();
    assert_eq!(said.len(), MAX_CONTENT + 1);
    assert!(said.as_bytes() == [&content[..], b"!"].concat());
    let receipts = world.receipts(alice);
    assert_eq!(receipts, [(1, 2, Stage::Queued), (1, 1, Stage::Delivered)]);
    parts(&mut world, alice, 1, named("bob"), &content[..5000]);
    world.pass(secs(2), Duration::from_millis(20));
    assert_eq!(world.receipts(alice), [(1, 1, Stage::Queued)]);
    assert_eq!(world.texts(bob), [""; 0]);
    let counts = world.counts();
    assert_eq!(
        (counts.messages, counts.deliveries, counts.duplicates),
        (2, 2, 1)
    );
}

#[test]
fn parts_that_do_not_fit_each_other_are_refused_once() {
    let part = vec![b'x'; MAX_FRAGMENT];
    let some = MAX_FRAGMENT as u32 + 10;
    type Said<'a> = &'a [(u64, &'a str, Part, usize)];
    let table: &[(&str, Said<'_>)] = &[
        ("no first", &[(1, "bob", Part::Last, 9)]),
        ("no rest", &[(1, "bob", Part::First(9), 9)]),
        (
            "too long",
            &[
                (1, "bob", Part::First(MAX_CONTENT as u32 + 1), 9),
                (1, "bob", Part::Next, 9),
            ],
        ),
        (
            "more than was said",
            &[
                (1, "bob", Part::First(some), 1024),
                (1, "bob", Part::Next, 10),
            ],
        ),
        (
            "less than was said",
            &[
                (1, "bob", Part::First(some), 1024),
                (1, "bob", Part::Last, 9),
            ],
        ),
        (
            "for another",
            &[
                (1, "bob", Part::First(some), 1024),
                (1, "alice", Part::Last, 10),
            ],
        ),
    ];
    for (case, said) in table {
        let mut world = World::new();
        let (alice, _bob) = (world.person("alice"), world.person("bob"));
        for (id, to, which, length) in *said {
            world.part(
                alice,
                *id,
                named(to),
                *which,
                &part[..*length],
                Wants::Nothing,
            );
        }
        world.settle();
        let refused = (1, 1, Stage::Refused(Why::TooLong));
        assert_eq!(world.receipts(alice), [refused], "{case}");
        assert_eq!(world.counts().waiting, 0);
        world.part(alice, 2, named("bob"), Part::Whole, b"x", Wants::Nothing);
        world.settle();
        assert_eq!(world.receipts(alice), [(2, 2, Stage::Queued)], "{case}");
    }
}

#[test]
fn a_message_is_not_taken_on_by_who_comes_after_its_receiver() {
    let mut world = World::new();
    let (alice, bob) = (world.person("alice"), world.person("bob"));
    world.part(
        alice,
        1,
        named("bob"),
        Part::First(2000),
        &[b'x'; 1000],
        Wants::Nothing,
    );
    world.settle();
    world.heard(bob);
    let again = world.person("bob");
    world.part(
        alice,
        1,
        named("bob"),
        Part::Last,
        &[b'x'; 1000],
        Wants::Nothing,
    );
    world.settle();
    assert_eq!(world.receipts(alice), [(1, 1, Stage::Refused(Why::Away))]);
    assert_eq!(world.texts(again), [""; 0]);
    parts(&mut world, alice, 1, named("bob"), &[b'x'; 2000]);
    world.settle();
    assert_eq!(
        world.texts(again).concat().len(),
        2000,
        "it may be said again"
    );
}

#[test]
fn a_message_that_was_begun_and_left_is_refused() {
    let mut world = World::new();
    let (alice, bob) = (world.person("alice"), world.person("bob"));
    world.part(
        alice,
        1,
        named("bob"),
        Part::First(2000),
        &[b'x'; 1000],
        Wants::Nothing,
    );
    world.part(alice, 2, named("bob"), Part::Whole, b"y", Wants::Nothing);
    world.settle();
    let expected = [(1, 1, Stage::Refused(Why::TooLong)), (2, 2, Stage::Queued)];
    assert_eq!(world.receipts(alice), expected);
    assert_eq!(world.texts(bob).last().map(String::as_str), Some("y"));
}

#[test]
fn what_waits_for_a_name_comes_with_its_new_session() {
    let mut world = World::new();
    let (alice, bob) = (world.person("alice"), world.person("bob"));
    world.peers[bob].is_deaf = true;
    world.message(alice, named("bob"), b"one");
    world.message_that_wants(alice, named("bob"), b"two", Wants::Delivered);
    world.settle();
    assert_eq!(world.receipts(alice), [(1, 2, Stage::Queued)]);
    let again = world.person("bob");
    world.message(alice, named("bob"), b"three");
    world.settle();
    assert_eq!(world.texts(again), ["one", "two", "three"]);
    let receipts = world.receipts(alice);
    assert!(receipts.contains(&(2, 2, Stage::Delivered)), "{receipts:?}");
}

#[test]
fn the_keys_of_a_name_are_told() {
    let mut world = World::new();
    let (alice, _bob) = (world.person("alice"), world.person("bob"));
    world
        .hub
        .remember(name("carol"), Identity::new([5; 32]).keys().signing);
    let bob = Identity::new([b'b'; 32]).keys();
    for (number, (who, keys)) in [("bob", Some(bob)), ("carol", None), ("dave", None)]
        .into_iter()
        .enumerate()
    {
        let number = number as u32;
        let question = Question::Keys(name(who));
        world.say(alice, &Ask { number, question }, &[]);
        world.settle();
        let reply = crate::relay::native::frames::Reply::Keys(keys);
        let answer = Answer {
            number,
            reply,
            more: false,
        };
        assert_eq!(world.heard(alice), [Heard::Answer(answer)]);
    }
}

#[test]
fn the_relay_says_how_it_is() {
    let mut world = World::new();
    let (alice, _bob) = (world.person("alice"), world.person("bob"));
    world.message(alice, named("bob"), b"x");
    world.message(alice, named("nobody"), b"x");
    world.say(
        alice,
        &Join {
            room: name("lobby"),
            after: None,
        },
        &[],
    );
    world.now += secs(7);
    world.settle();
    world.say(
        alice,
        &Ask {
            number: 5,
            question: Question::Status,
        },
        &[],
    );
    world.settle();
    let Some(Heard::Answer(answer)) = world.heard(alice).pop() else {
        panic!("expected an answer")
    };
    let expected = crate::relay::native::frames::Status {
        uptime: 7,
        sessions: 2,
        names: 2,
        rooms: 1,
        messages: 1,
        deliveries: 1,
        refused: 1,
        ..Default::default()
    };
    assert_eq!(
        answer.reply,
        crate::relay::native::frames::Reply::Status(expected)
    );
}

#[derive(Clone, Debug)]
struct Said {
    who: usize,
    step: u64,
    to: usize,
    wants: Wants,
    body: Body,
    content: Vec<u8>,
}

prop_compose! {
    /// Mostly like the one before.
    fn said()(
        who in prop_oneof![9 => Just(0), 1 => Just(1usize)],
        step in prop_oneof![Just(1u64), Just(2), Just(1 << 33)],
        to in prop_oneof![6 => Just(0), 1 => 0usize..3],
        wants in prop_oneof![6 => Just(Wants::Nothing), 1 => Just(Wants::Read)],
        body in prop_oneof![6 => Just(Body::Plain), 1 => Just(Body::Sealed)],
        content in proptest::collection::vec(any::<u8>(), 0..40),
    ) -> Said {
        Said { who, step, to, wants, body, content }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A message that is passed on like the one before arrives as one that is not.
    #[test]
    fn what_is_said_is_what_arrives(all in proptest::collection::vec(said(), 1..40)) {
        let mut world = World::new();
        let people = ["alice", "bob", "carol"].map(|who| world.person(who));
        let room = name("lobby");
        for who in [people[0], people[1], people[2]] {
            world.say(who, &Join { room, after: None }, &[]);
            world.settle();
        }
        world.heard(people[2]);
        let mut ids = [u64::from(u32::MAX) - 10; 2];
        let (mut expected, mut place) = (Vec::new(), 0);
        for said in &all {
            ids[said.who] += said.step;
            let to = [named("carol"), To::Address(world.peers[people[2]].address), To::Room(room)];
            let id = MessageId(ids[said.who]);
            let send = Send { id, to: to[said.to], part: Part::Whole, wants: said.wants, body: said.body };
            world.say(people[said.who], &send, &said.content);
            world.settle();
            let is_room = said.to == 2;
            place += u64::from(is_room);
            let delivery = Delivery {
                waited: 0,
                from: Origin::Name(name(["alice", "bob"][said.who])),
                room: is_room.then_some((room, place)),
                id,
                part: Part::Whole,
                wants: if is_room { Wants::Nothing } else { said.wants },
                body: said.body,
            };
            expected.push(Heard::Message(delivery, said.content.clone()));
        }
        prop_assert_eq!(world.heard(people[2]), expected);
    }
}
