//! Rooms, their history, and who is in them.

use super::*;
use crate::relay::native::frames::{Happening, Leave, Member, Origin, Reply, RoomSize, Why};

fn join(world: &mut World, who: usize, room: &str, after: Option<Mark>) -> Joined {
    let room = name(room);
    world.say(who, &Join { room, after }, &[]);
    world.settle();
    let heard = world.heard(who);
    let at = heard
        .iter()
        .position(|heard| matches!(heard, Heard::Joined(_)));
    let Some(Heard::Joined(joined)) = at.map(|at| heard[at].clone()) else {
        panic!("{heard:?}")
    };
    world.peers[who].heard = heard;
    joined
}

fn lobby() -> To {
    To::Room(name("lobby"))
}

fn places(world: &mut World, who: usize) -> Vec<u64> {
    let heard = world.heard(who).into_iter();
    heard
        .filter_map(|heard| match heard {
            Heard::Message(delivery, _) => delivery.room.map(|(_, place)| place),
            _ => None,
        })
        .collect()
}

#[test]
fn all_but_the_sender_hear_what_is_said_in_a_room() {
    let mut world = World::new();
    let [alice, bob, carol, dave] = ["alice", "bob", "carol", "dave"].map(|who| world.person(who));
    for who in [alice, bob, carol] {
        join(&mut world, who, "lobby", None);
    }
    for who in [alice, bob, carol] {
        world.heard(who);
    }
    let id = world.message(alice, lobby(), b"hi");
    world.settle();
    assert_eq!(world.heard(alice), [Heard::Receipt(id, id, Stage::Queued)]);
    let delivery = Delivery {
        waited: 0,
        from: Origin::Name(name("alice")),
        room: Some((name("lobby"), 1)),
        id: MessageId(id),
        part: Part::Whole,
        wants: Wants::Nothing,
        body: Body::Plain,
    };
    for who in [bob, carol] {
        assert_eq!(world.heard(who), [Heard::Message(delivery, b"hi".to_vec())]);
    }
    assert_eq!(world.heard(dave), []);
    let id = world.message(dave, lobby(), b"hi");
    world.settle();
    let refused = Heard::Receipt(id, id, Stage::Refused(Why::NotInRoom));
    assert_eq!(world.heard(dave), [refused]);
    assert_eq!(world.counts().deliveries, 2);
}

#[test]
fn a_room_is_told_who_comes_and_goes() {
    let mut world = World::new();
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|who| world.person(who));
    assert_eq!(join(&mut world, alice, "lobby", None).members, 1);
    assert_eq!(join(&mut world, bob, "lobby", None).members, 2);
    assert_eq!(join(&mut world, carol, "lobby", None).members, 3);
    world.say(
        bob,
        &Leave {
            room: name("lobby"),
        },
        &[],
    );
    world.say(carol, &Bye { why: Ending::Done }, &[]);
    world.settle();
    let told: Vec<_> = world.heard(alice).into_iter().skip(1).collect();
    let happened = |who: &str, what| {
        let (room, who) = (name("lobby"), Origin::Name(name(who)));
        Heard::Happened(Happened { room, who, what })
    };
    let expected = [
        happened("bob", Happening::Joined),
        happened("carol", Happening::Joined),
        happened("bob", Happening::Left),
        happened("carol", Happening::Left),
    ];
    assert_eq!(told, expected);
}

#[test]
fn who_comes_back_hears_what_they_missed() {
    let mut world = World::new();
    let (alice, bob) = (world.person("alice"), world.person("bob"));
    join(&mut world, alice, "lobby", None);
    let first = join(&mut world, bob, "lobby", None);
    assert_eq!((first.mark.place, first.kept, first.missed), (0, 0, None));
    world.message(alice, lobby(), b"1");
    world.settle();
    world.say(bob, &Bye { why: Ending::Done }, &[]);
    world.settle();
    for text in ["2", "3", "4", "5", "6", "7"] {
        world.message(alice, lobby(), text.as_bytes());
    }
    world.settle();
    let epoch = first.mark.epoch;
    let table = [
        (
            Some(Mark { epoch, place: 1 }),
            4,
            Some(2),
            vec!["4", "5", "6", "7"],
        ),
        (Some(Mark { epoch, place: 5 }), 2, Some(0), vec!["6", "7"]),
        (Some(Mark { epoch, place: 7 }), 0, Some(0), vec![]),
        (Some(Mark { epoch, place: 70 }), 0, Some(0), vec![]),
        (
            Some(Mark {
                epoch: epoch ^ 1,
                place: 5,
            }),
            4,
            None,
            vec!["4", "5", "6", "7"],
        ),
        (None, 4, None, vec!["4", "5", "6", "7"]),
    ];
    for (after, kept, missed, texts) in table {
        let bob = world.person("bob");
        let joined = join(&mut world, bob, "lobby", after);
        assert_eq!(joined.mark, Mark { epoch, place: 7 });
        assert_eq!((joined.kept, joined.missed), (kept, missed), "{after:?}");
        assert_eq!(world.texts(bob), texts);
    }
}

#[test]
fn a_room_that_all_have_left_is_kept_for_an_hour() {
    let mut world = World::new();
    let alice = world.person("alice");
    let epoch = join(&mut world, alice, "lobby", None).mark.epoch;
    join(&mut world, alice, "silent", None);
    world.message(alice, lobby(), b"1");
    world.settle();
    world.say(alice, &Bye { why: Ending::Done }, &[]);
    world.settle();
    assert_eq!(
        world.counts().rooms,
        1,
        "where nothing was said, nothing is kept"
    );
    world.pass(secs(3500), secs(100));
    let alice = world.person("alice");
    assert_eq!(
        join(&mut world, alice, "lobby", None).mark,
        Mark { epoch, place: 1 }
    );
    world.say(alice, &Bye { why: Ending::Done }, &[]);
    world.settle();
    world.pass(secs(7300), secs(100));
    assert_eq!((world.counts().rooms, world.hub.deadline()), (0, None));
    let alice = world.person("alice");
    assert_ne!(join(&mut world, alice, "lobby", None).mark.epoch, epoch);
}

#[test]
fn who_is_in_a_room_is_told_in_parts() {
    let mut world = World::new();
    let people: Vec<_> = (0..45).map(|at| world.person(&format!("p{at}"))).collect();
    for who in &people {
        world.say(
            *who,
            &Join {
                room: name("lobby"),
                after: None,
            },
            &[],
        );
        world.settle();
    }
    world.heard(people[0]);
    for (number, room, sizes) in [(1, "lobby", vec![20, 20, 5]), (2, "nowhere", vec![0])] {
        let question = Question::Who(name(room));
        world.say(people[0], &Ask { number, question }, &[]);
        world.settle();
        let mut found = Vec::new();
        for heard in world.heard(people[0]) {
            let Heard::Answer(Answer {
                number: of,
                reply: Reply::Members(members),
                more,
            }) = heard
            else {
                panic!("{heard:?}")
            };
            assert_eq!(of, number);
            assert_eq!(more, found.len() + 1 < sizes.len());
            assert!(members.iter().all(|Member { dropped, .. }| *dropped == 0));
            found.push(members.len());
        }
        assert_eq!(found, sizes);
    }
    world.say(
        people[0],
        &Ask {
            number: 3,
            question: Question::Rooms,
        },
        &[],
    );
    world.settle();
    let rooms = vec![RoomSize {
        room: name("lobby"),
        members: 45,
    }];
    let answer = Answer {
        number: 3,
        reply: Reply::Rooms(rooms),
        more: false,
    };
    assert_eq!(world.heard(people[0]), [Heard::Answer(answer)]);
}

#[test]
fn who_is_in_too_many_rooms_is_not_let_in() {
    let mut world = World::new();
    let alice = world.person("alice");
    for room in 0..64 {
        join(&mut world, alice, &format!("r{room}"), None);
    }
    world.heard(alice);
    world.say(
        alice,
        &Join {
            room: name("lobby"),
            after: None,
        },
        &[],
    );
    world.settle();
    let (room, who, what) = (name("lobby"), Origin::Name(name("alice")), Happening::Left);
    assert_eq!(
        world.heard(alice),
        [Heard::Happened(Happened { room, who, what })]
    );
    assert_eq!(world.counts().rooms, 64);
    assert_eq!(
        join(&mut world, alice, "r3", None).members,
        1,
        "where it is already"
    );
}

#[test]
fn nobody_comes_and_goes_all_the_time() {
    let mut world = World::new();
    let (alice, bob) = (world.person("alice"), world.person("bob"));
    join(&mut world, alice, "lobby", None);
    world.heard(alice);
    let room = name("lobby");
    for _ in 0..200 {
        world.say(bob, &Join { room, after: None }, &[]);
        world.say(bob, &Leave { room }, &[]);
    }
    world.settle();
    assert_eq!(world.heard(alice).len(), 2 * 128);
    world.heard(bob);
    world.now += secs(1);
    assert_eq!(join(&mut world, bob, "lobby", None).members, 2);
}

#[test]
fn who_comes_in_the_middle_of_a_long_message_hears_all_of_it() {
    let mut world = World::new();
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|who| world.person(who));
    join(&mut world, alice, "lobby", None);
    join(&mut world, bob, "lobby", None);
    world.part(
        alice,
        1,
        lobby(),
        Part::First(2001),
        &[b'a'; 1000],
        Wants::Nothing,
    );
    world.settle();
    world.message(bob, lobby(), b"short");
    world.settle();
    let joined = join(&mut world, carol, "lobby", None);
    assert_eq!((joined.mark.place, joined.kept), (2, 2));
    world.part(alice, 1, lobby(), Part::Next, &[b'a'; 1000], Wants::Nothing);
    world.part(alice, 1, lobby(), Part::Last, b"z", Wants::Nothing);
    world.settle();
    assert_eq!(places(&mut world, carol), [1, 2, 1, 1]);
    assert_eq!(places(&mut world, bob), [1, 1, 1]);
    let dave = world.person("dave");
    assert_eq!(join(&mut world, dave, "lobby", None).kept, 2);
    assert_eq!(places(&mut world, dave), [1, 1, 1, 2]);
}

#[test]
fn who_leaves_with_a_message_unfinished_has_not_said_it() {
    let mut world = World::new();
    let (alice, bob) = (world.person("alice"), world.person("bob"));
    join(&mut world, alice, "lobby", None);
    join(&mut world, bob, "lobby", None);
    world.heard(alice);
    world.part(
        alice,
        1,
        lobby(),
        Part::First(2000),
        &[b'a'; 1000],
        Wants::Nothing,
    );
    world.say(
        alice,
        &Leave {
            room: name("lobby"),
        },
        &[],
    );
    world.part(alice, 1, lobby(), Part::Last, &[b'a'; 1000], Wants::Nothing);
    world.settle();
    let refused = (1, 1, Stage::Refused(Why::TooLong));
    assert!(world.receipts(alice).contains(&refused));
    assert_eq!(places(&mut world, bob), [1]);
    let carol = world.person("carol");
    assert_eq!(join(&mut world, carol, "lobby", None).kept, 0);
}
