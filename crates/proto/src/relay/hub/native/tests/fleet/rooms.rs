//! Rooms that span relays.

use super::*;
use crate::relay::fleet::{RelayId, Said};
use crate::relay::native::frames::{Happening, Leave};
use crate::relay::native::{MAX_CONTENT, MAX_FRAGMENT};

fn leaves(world: &mut World, who: usize, room: &str) {
    let room = name(room);
    world.say(who, &Leave { room }, &[]);
    world.settle();
}

fn said(from: &str, id: u64, content: &[u8]) -> News {
    News::Said {
        said: Said {
            relay: RelayId(2),
            number: id,
            room: name("lobby"),
            from: origin(from),
            id: MessageId(id),
            body: Body::Plain,
            total: content.len() as u32,
            at: 0,
        },
        content: content.to_vec(),
    }
}

#[test]
fn a_room_spans_relays() {
    let mut fleet = Fleet::new();
    let (alice, bob) = (fleet.person(0, "alice"), fleet.person(1, "bob"));
    joins(&mut fleet.worlds[0], alice, "lobby");
    fleet.settle();
    joins(&mut fleet.worlds[1], bob, "lobby");
    fleet.settle();
    let joined = fleet.worlds[0].heard(alice);
    let (room, who) = (name("lobby"), origin("bob"));
    let happened = |what| Heard::Happened(Happened { room, who, what });
    assert_eq!(joined.last(), Some(&happened(Happening::Joined)));
    fleet.worlds[1].heard(bob);
    let id = fleet.worlds[0].message(alice, lobby(), b"hi");
    fleet.settle();
    let delivery = Delivery {
        waited: 0,
        from: origin("alice"),
        room: Some((name("lobby"), 1)),
        id: MessageId(id),
        part: Part::Whole,
        wants: Wants::Nothing,
        body: Body::Plain,
    };
    let heard = fleet.worlds[1].heard(bob);
    assert_eq!(heard, [Heard::Message(delivery, b"hi".to_vec())]);
    assert_eq!(fleet.worlds[0].receipts(alice), [(id, id, Stage::Queued)]);
    leaves(&mut fleet.worlds[1], bob, "lobby");
    fleet.settle();
    assert_eq!(fleet.worlds[0].heard(alice), [happened(Happening::Left)]);
}

#[test]
fn what_is_said_in_a_room_is_spread_here_at_once_and_has_its_verdict_when_others_have_it() {
    let mut fleet = Fleet::new();
    let (alice, bob) = (fleet.person(0, "alice"), fleet.person(0, "bob"));
    for who in [alice, bob] {
        joins(&mut fleet.worlds[0], who, "lobby");
        fleet.settle();
        fleet.worlds[0].heard(who);
    }
    fleet.hold();
    let id = fleet.worlds[0].message(alice, lobby(), b"hi");
    fleet.settle();
    assert_eq!(fleet.worlds[0].texts(bob), ["hi"]);
    assert_eq!(fleet.worlds[0].receipts(alice), []);
    let wants = Wants::Nothing;
    fleet.worlds[0].part(alice, id, lobby(), Part::Whole, b"hi", wants);
    fleet.settle();
    let held = fleet.held.as_ref().map(|held| held.len());
    assert_eq!(held, Some(1), "said again, it is said once");
    assert_eq!(fleet.worlds[0].texts(bob), [""; 0]);
    fleet.let_go();
    assert_eq!(fleet.worlds[0].receipts(alice), [(id, id, Stage::Queued)]);
    assert_eq!(fleet.worlds[0].counts().pending, 0);
}

#[test]
fn the_verdict_comes_in_the_session_that_the_sender_has_by_then() {
    let mut fleet = Fleet::new();
    let alice = fleet.person(0, "alice");
    joins(&mut fleet.worlds[0], alice, "lobby");
    fleet.settle();
    fleet.hold();
    let id = fleet.worlds[0].message(alice, lobby(), b"hi");
    fleet.settle();
    let again = fleet.worlds[0].person("alice");
    fleet.let_go();
    assert_eq!(fleet.worlds[0].receipts(again), [(id, id, Stage::Queued)]);
}

#[test]
fn a_long_message_in_a_room_reaches_other_relays_as_a_whole() {
    let mut fleet = Fleet::new();
    let (alice, bob) = (fleet.person(0, "alice"), fleet.person(1, "bob"));
    joins(&mut fleet.worlds[0], alice, "lobby");
    joins(&mut fleet.worlds[1], bob, "lobby");
    fleet.settle();
    let (a, b) = ([b'a'; MAX_FRAGMENT], [b'b'; MAX_FRAGMENT]);
    let world = &mut fleet.worlds[0];
    let total = 2 * MAX_FRAGMENT as u32 + 1;
    let wants = Wants::Nothing;
    world.part(alice, 1, lobby(), Part::First(total), &a, wants);
    world.part(alice, 1, lobby(), Part::Next, &b, wants);
    fleet.settle();
    assert_eq!(fleet.worlds[1].texts(bob), [""; 0]);
    fleet.worlds[0].part(alice, 1, lobby(), Part::Last, b"z", wants);
    fleet.settle();
    let heard = fleet.worlds[1].heard(bob);
    let parts: Vec<_> = heard
        .iter()
        .filter_map(|heard| match heard {
            Heard::Message(delivery, content) => Some((delivery.part, content.len(), content[0])),
            _ => None,
        })
        .collect();
    let expected = [
        (Part::First(total), MAX_FRAGMENT, b'a'),
        (Part::Next, MAX_FRAGMENT, b'b'),
        (Part::Last, 1, b'z'),
    ];
    assert_eq!(parts, expected);
    assert_eq!(fleet.worlds[0].receipts(alice), [(1, 1, Stage::Queued)]);
    let counts = fleet.worlds[1].counts();
    assert_eq!((counts.deliveries, counts.dropped), (1, 0));
}

#[test]
fn a_long_message_that_is_not_finished_is_said_to_nobody_else() {
    let mut world = alone();
    let alice = known(&mut world, "alice");
    joins(&mut world, alice, "lobby");
    errands(&mut world);
    let (part, wants) = (Part::First(3000), Wants::Nothing);
    world.part(alice, 1, lobby(), part, &[b'a'; 1000], wants);
    world.settle();
    assert!(world.counts().waiting >= 1000, "it is kept so far");
    leaves(&mut world, alice, "lobby");
    let counts = world.counts();
    assert_eq!((counts.away, counts.pending, counts.waiting), (0, 0, 0));
    let errands = errands(&mut world);
    let says = |errand: &Errand| matches!(errand, Errand::Say { .. });
    assert!(!errands.iter().any(says), "{errands:?}");
    let refused = (1, 1, Stage::Refused(Why::TooLong));
    assert!(world.receipts(alice).contains(&refused));
}

#[test]
fn what_others_do_not_take_is_refused_before_it_is_said() {
    let mut world = alone();
    let alice = known(&mut world, "alice");
    what_is_too_much_of(world, alice);
}

#[test]
fn what_others_do_not_take_of_somebody_without_a_name_is_refused_as_well() {
    let mut world = alone();
    let nameless = world.peer(1, None);
    what_is_too_much_of(world, nameless);
}

fn what_is_too_much_of(mut world: World, alice: usize) {
    let bob = known(&mut world, "bob");
    for who in [alice, bob] {
        joins(&mut world, who, "lobby");
    }
    errands(&mut world);
    let mut refused = 0;
    for _ in 0..4000 {
        world.message(alice, lobby(), &[b'a'; 1000]);
        world.settle();
        let is_refused = |(_, _, stage): &(u64, u64, Stage)| *stage == Stage::Refused(Why::Full);
        let receipts = world.receipts(alice);
        refused += receipts.iter().filter(|it| is_refused(it)).count();
    }
    let heard = world.texts(bob).len();
    assert!((2000..3000).contains(&heard), "{heard}");
    assert_eq!(heard + refused, 4000);
    let said = errands(&mut world);
    let tickets = said.iter().filter_map(|errand| match errand {
        Errand::Say { ticket, .. } => Some(*ticket),
        _ => None,
    });
    let tickets: Vec<_> = tickets.collect();
    assert_eq!(tickets.len(), heard);
    for ticket in tickets {
        let outcome = Outcome::Taken;
        tell(&mut world, News::Settled { ticket, outcome });
    }
    assert_eq!((world.counts().away, world.counts().pending), (0, 0));
    world.message(alice, lobby(), b"again");
    world.settle();
    assert_eq!(world.texts(bob), ["again"]);
}

#[test]
fn what_is_said_elsewhere_is_kept_for_those_who_come_later() {
    let mut world = alone();
    let alice = known(&mut world, "alice");
    tell(&mut world, said("zoe", 1, b"before anybody was here"));
    joins(&mut world, alice, "lobby");
    world.message(alice, lobby(), b"here");
    world.settle();
    tell(&mut world, said("zoe", 2, b"elsewhere"));
    let bob = known(&mut world, "bob");
    joins(&mut world, bob, "lobby");
    assert_eq!(world.texts(alice), ["elsewhere"]);
    assert_eq!(world.texts(bob), ["here", "elsewhere"]);
}

#[test]
fn who_said_something_elsewhere_and_came_here_does_not_hear_it_again() {
    let mut world = alone();
    let (alice, bob) = (known(&mut world, "alice"), known(&mut world, "bob"));
    for who in [alice, bob] {
        joins(&mut world, who, "lobby");
    }
    tell(&mut world, said("alice", 1, b"hi"));
    assert_eq!(world.texts(alice), [""; 0]);
    assert_eq!(world.texts(bob), ["hi"]);
}

#[test]
fn any_content_is_spread_in_parts_that_fit() {
    let mut world = alone();
    let alice = known(&mut world, "alice");
    joins(&mut world, alice, "lobby");
    world.heard(alice);
    let sizes = [0, 1, 1023, 1024, 1025, 2048, 100_000, MAX_CONTENT];
    for (at, size) in sizes.into_iter().enumerate() {
        let content: Vec<_> = (0..size).map(|at| at as u8).collect();
        tell(&mut world, said("zoe", at as u64, &content));
        let mut whole = Vec::new();
        for heard in world.heard(alice) {
            let Heard::Message(delivery, content) = heard else {
                panic!("{heard:?}")
            };
            assert_eq!(delivery.room, Some((name("lobby"), at as u64 + 1)));
            whole.extend(content);
        }
        assert_eq!(whole, content);
    }
    tell(&mut world, said("zoe", 99, &vec![0; MAX_CONTENT + 1]));
    assert_eq!(world.heard(alice), []);
}

#[test]
fn a_slow_member_is_passed_by_what_is_said_elsewhere() {
    let mut world = alone();
    let (alice, bob) = (known(&mut world, "alice"), known(&mut world, "bob"));
    for who in [alice, bob] {
        joins(&mut world, who, "lobby");
    }
    world.peers[bob].is_deaf = true;
    errands(&mut world);
    for id in 0..6 {
        tell(&mut world, said("zoe", id, &vec![b'x'; MAX_CONTENT]));
        world.now += secs(1);
        world.settle();
    }
    assert!(world.counts().dropped > 0);
    let (room, who) = (name("lobby"), origin("bob"));
    let slow = |errand: &Errand| match errand {
        Errand::Happened(happened) => {
            let Happening::Slow(_) = happened.what else {
                return false;
            };
            (happened.room, happened.who) == (room, who)
        }
        _ => false,
    };
    assert!(errands(&mut world).iter().any(slow), "others are told");
}

#[test]
fn a_sender_waits_for_a_slow_member_here_as_well() {
    let mut world = alone();
    let (alice, bob) = (known(&mut world, "alice"), known(&mut world, "bob"));
    for who in [alice, bob] {
        joins(&mut world, who, "lobby");
    }
    world.peers[bob].is_deaf = true;
    errands(&mut world);
    tell(&mut world, said("zoe", 1, &vec![b'x'; MAX_CONTENT]));
    let id = world.message(alice, lobby(), &[b'y'; 1024]);
    world.settle();
    world.heard(alice);
    for errand in errands(&mut world) {
        if let Errand::Say { ticket, .. } = errand {
            let outcome = Outcome::Taken;
            tell(&mut world, News::Settled { ticket, outcome });
        }
    }
    assert_eq!(world.receipts(alice), []);
    assert_eq!(world.counts().pending, 0);
    world.peers[bob].is_deaf = false;
    world.pass(secs(3), Duration::from_millis(50));
    assert_eq!(world.receipts(alice), [(id, id, Stage::Queued)]);
}

#[test]
fn a_room_is_entered_by_the_first_and_left_by_the_last() {
    let mut world = alone();
    let (alice, bob) = (known(&mut world, "alice"), known(&mut world, "bob"));
    let room = name("lobby");
    let of_room = |world: &mut World| -> Vec<_> {
        let errands = errands(world).into_iter();
        let is_of_room =
            |errand: &Errand| matches!(errand, Errand::Enter { .. } | Errand::Leave { .. });
        errands.filter(is_of_room).collect()
    };
    joins(&mut world, alice, "lobby");
    assert_eq!(of_room(&mut world), [Errand::Enter { room }]);
    joins(&mut world, bob, "lobby");
    leaves(&mut world, alice, "lobby");
    assert_eq!(of_room(&mut world), []);
    world.say(bob, &Bye { why: Ending::Done }, &[]);
    world.settle();
    assert_eq!(of_room(&mut world), [Errand::Leave { room }]);
}

#[test]
fn who_comes_back_to_a_room_that_was_left_by_all_cannot_know_what_they_missed() {
    let mut world = alone();
    let alice = known(&mut world, "alice");
    joins(&mut world, alice, "lobby");
    world.message(alice, lobby(), b"hi");
    world.settle();
    let marks = |world: &mut World, who| -> Vec<Joined> {
        let heard = world.heard(who).into_iter();
        heard
            .filter_map(|heard| match heard {
                Heard::Joined(joined) => Some(joined),
                _ => None,
            })
            .collect()
    };
    let before = marks(&mut world, alice)[0].mark;
    leaves(&mut world, alice, "lobby");
    let after = Some(Mark { place: 1, ..before });
    let room = name("lobby");
    world.say(alice, &Join { room, after }, &[]);
    world.settle();
    let joined = marks(&mut world, alice)[0];
    assert_ne!(joined.mark.epoch, before.epoch);
    assert_eq!((joined.kept, joined.missed), (1, None));
}

#[test]
fn who_has_come_here_is_not_said_to_have_left() {
    let mut world = alone();
    let (alice, bob) = (known(&mut world, "alice"), known(&mut world, "bob"));
    for who in [alice, bob] {
        joins(&mut world, who, "lobby");
        world.heard(who);
    }
    world.heard(alice);
    let room = name("lobby");
    for (who, what) in [
        ("bob", Happening::Left),
        ("bob", Happening::Joined),
        ("zoe", Happening::Joined),
        ("zoe", Happening::Slow(3)),
        ("zoe", Happening::Left),
    ] {
        let who = origin(who);
        tell(&mut world, News::Happened(Happened { room, who, what }));
    }
    let told = |what| {
        let who = origin("zoe");
        Heard::Happened(Happened { room, who, what })
    };
    let expected = [
        told(Happening::Joined),
        told(Happening::Slow(3)),
        told(Happening::Left),
    ];
    assert_eq!(world.heard(alice), expected);
    assert_eq!(world.heard(bob), expected);
}

#[test]
fn a_large_room_is_not_told_who_comes_elsewhere() {
    let mut world = World::with(Settings {
        clients: 3000,
        ..fleet_settings(1)
    });
    let room = name("lobby");
    let people: Vec<_> = (0..1001)
        .map(|at| {
            world.hub.remember_keys(name(&format!("p{at}")), &keys("p"));
            let who = world.person(&format!("p{at}"));
            world.say(who, &Join { room, after: None }, &[]);
            who
        })
        .collect();
    world.settle();
    errands(&mut world);
    world.heard(people[0]);
    let (who, what) = (origin("zoe"), Happening::Joined);
    tell(&mut world, News::Happened(Happened { room, who, what }));
    assert_eq!(world.heard(people[0]), []);
    let zoe = known(&mut world, "zoe");
    joins(&mut world, zoe, "lobby");
    let errands = errands(&mut world);
    let tells = |errand: &Errand| matches!(errand, Errand::Happened(_));
    assert!(!errands.iter().any(tells), "{errands:?}");
}

#[test]
fn what_many_begin_and_do_not_finish_takes_nobodys_room() {
    let mut world = alone();
    let alice = known(&mut world, "alice");
    joins(&mut world, alice, "lobby");
    for port in 1..=100 {
        let who = world.peer(port, None);
        joins(&mut world, who, "attic");
        let (part, wants) = (Part::First(MAX_CONTENT as u32), Wants::Nothing);
        let to = To::Room(name("attic"));
        world.part(who, 1, to, part, &[b'x'; 1000], wants);
        world.settle();
    }
    errands(&mut world);
    world.message(alice, lobby(), b"hi");
    world.settle();
    let says = |errand: &Errand| matches!(errand, Errand::Say { .. });
    assert!(errands(&mut world).iter().any(says));
}
