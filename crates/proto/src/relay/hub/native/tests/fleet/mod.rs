//! One community over several relays: what reaches beyond one of them.

mod any;
mod asking;
mod bus;
mod claims;
mod rooms;

use super::*;
use crate::relay::hub::elsewhere::{Claimed, Errand, News, Outcome, ReplyTo, Ticket};
use crate::relay::native::frames::{Origin, Read, RelayState, Trouble, Why};
use bus::{Fleet, fleet_settings, keys};

fn lobby() -> To {
    To::Room(name("lobby"))
}

fn origin(who: &str) -> Origin {
    Origin::Name(name(who))
}

/// One relay of a fleet, whose errands the story runs itself.
fn alone() -> World {
    World::with(fleet_settings(1))
}

fn errands(world: &mut World) -> Vec<Errand> {
    let effects = world.hub.take_effects().into_iter();
    effects
        .map(|effect| match effect {
            Effect::Errand(errand) => errand,
            Effect::Stop => panic!("nobody asked for that"),
        })
        .collect()
}

fn tell(world: &mut World, news: News) {
    world.hub.news(news, world.now, &mut world.out);
    world.settle();
}

/// Somebody whose name is known, and an empty table of errands.
fn known(world: &mut World, text: &str) -> usize {
    world.hub.remember_keys(name(text), &keys(text));
    let who = world.person(text);
    world.settle();
    who
}

fn joins(world: &mut World, who: usize, room: &str) {
    let room = name(room);
    world.say(who, &Join { room, after: None }, &[]);
    world.settle();
}

fn belongs(text: &str, key: u8) -> News {
    News::Claimed {
        name: name(text),
        claimed: Claimed::Belongs(Identity::new([key; 32]).keys()),
    }
}

#[test]
fn a_fleet_is_told_who_comes_and_who_goes() {
    let mut world = alone();
    let alice = known(&mut world, "alice");
    let name = name("alice");
    assert!(errands(&mut world).contains(&Errand::Present { name }));
    world.person("alice");
    world.settle();
    let again = errands(&mut world);
    assert!(again.contains(&Errand::Present { name }), "{again:?}");
    assert!(!again.contains(&Errand::Absent { name }), "{again:?}");
    assert_eq!(world.heard(alice), [Heard::Bye(Ending::Elsewhere)]);
    tell(&mut world, News::Superseded { name });
    assert!(errands(&mut world).contains(&Errand::Absent { name }));
    assert_eq!(world.counts().sessions, 0);
    tell(&mut world, News::Superseded { name });
    assert_eq!(errands(&mut world), []);
}

#[test]
fn who_comes_at_another_relay_has_gone_from_the_first() {
    let mut fleet = Fleet::new();
    let old = fleet.person(0, "alice");
    let new = fleet.person(1, "alice");
    assert_eq!(fleet.worlds[0].heard(old), [Heard::Bye(Ending::Elsewhere)]);
    assert_eq!(fleet.worlds[1].heard(new), []);
    let bob = fleet.person(0, "bob");
    fleet.worlds[0].message(bob, named("alice"), b"hi");
    fleet.settle();
    assert_eq!(fleet.worlds[1].texts(new), ["hi"]);
}

#[test]
fn while_a_relay_is_cut_off_those_who_come_to_it_hear_each_other() {
    let mut world = alone();
    let (alice, bob) = (known(&mut world, "alice"), known(&mut world, "bob"));
    errands(&mut world);
    world.message(
        alice,
        named("bob"),
        b"is held until it is known what was kept",
    );
    world.settle();
    let own = |troubles| RelayState {
        troubles,
        ..RelayState::default()
    };
    let relays = vec![own(vec![Trouble::CutOff])];
    tell(&mut world, News::Fleet { relays });
    let id = world.message(alice, named("bob"), b"comes");
    world.settle();
    assert_eq!(world.texts(bob), ["comes"]);
    assert_eq!(world.receipts(alice), [(id, id, Stage::Queued)]);
    world.pass(secs(3), Duration::from_millis(100));
    world.settle();
    assert_eq!(
        world.texts(bob),
        ["is held until it is known what was kept"]
    );
    assert_eq!(errands(&mut world), []);
    let relays = vec![own(vec![])];
    tell(&mut world, News::Fleet { relays });
    world.message(alice, named("bob"), b"is held again");
    world.settle();
    assert_eq!(world.heard(bob), []);
}

#[test]
fn a_message_reaches_a_client_of_another_relay() {
    let mut fleet = Fleet::new();
    let (alice, bob) = (fleet.person(0, "alice"), fleet.person(1, "bob"));
    let wants = Wants::Read;
    let id = fleet.worlds[0].message_that_wants(alice, named("bob"), b"hi", wants);
    fleet.settle();
    let delivery = Delivery {
        waited: 0,
        from: origin("alice"),
        room: None,
        id: MessageId(id),
        part: Part::Whole,
        wants,
        body: Body::Plain,
    };
    let heard = fleet.worlds[1].heard(bob);
    assert_eq!(heard, [Heard::Message(delivery, b"hi".to_vec())]);
    let told = [(id, id, Stage::Queued), (id, id, Stage::Delivered)];
    assert_eq!(fleet.worlds[0].receipts(alice), told);
    let (from, id) = (origin("alice"), MessageId(id));
    fleet.worlds[1].say(bob, &Read { from, id }, &[]);
    fleet.settle();
    let read = (id.0, id.0, Stage::Read);
    assert_eq!(fleet.worlds[0].receipts(alice), [read]);
}

#[test]
fn a_message_to_a_name_that_nobody_knows_is_refused() {
    let mut fleet = Fleet::new();
    let alice = fleet.person(0, "alice");
    let id = fleet.worlds[0].message(alice, named("nobody"), b"hi");
    fleet.settle();
    let refused = (id, id, Stage::Refused(Why::Unknown));
    assert_eq!(fleet.worlds[0].receipts(alice), [refused]);
    assert_eq!(fleet.worlds[0].counts().names, 1);
}

#[test]
fn mail_waits_for_who_comes_at_another_relay() {
    let mut fleet = Fleet::new();
    let alice = fleet.person(0, "alice");
    fleet.names.insert(name("bob"), keys("bob"));
    let id = fleet.worlds[0].message(alice, named("bob"), b"hi");
    fleet.settle();
    assert_eq!(fleet.worlds[0].receipts(alice), [(id, id, Stage::Queued)]);
    assert_eq!(fleet.waiting_for("bob"), 1);
    let bob = fleet.person(1, "bob");
    assert_eq!(fleet.worlds[1].texts(bob), ["hi"]);
    fleet.pass(secs(1), secs(1));
    assert_eq!(fleet.waiting_for("bob"), 0);
}

#[test]
fn a_letter_for_somebody_who_is_not_here_is_handed_back() {
    use crate::relay::fleet::Passed;
    use crate::relay::letter::Letter;
    let mut world = alone();
    world.hub.remember_keys(name("alice"), &keys("alice"));
    for to in ["alice", "nobody"] {
        let reply = ReplyTo(7);
        let letter = Letter {
            from: origin("bob"),
            to: name(to),
            id: MessageId(1),
            wants: Wants::Nothing,
            body: Body::Plain,
        };
        let content = b"hi".to_vec();
        tell(
            &mut world,
            News::Letter {
                reply,
                letter,
                content,
            },
        );
        let passed = Passed::Keep;
        assert_eq!(errands(&mut world), [Errand::Passed { reply, passed }]);
    }
}

#[test]
fn receipts_from_another_relay_are_told_and_verdicts_are_not() {
    let mut world = alone();
    let alice = known(&mut world, "alice");
    let (first, last) = (MessageId(3), MessageId(5));
    for stage in [
        Stage::Delivered,
        Stage::Read,
        Stage::Queued,
        Stage::Refused(Why::Full),
    ] {
        let receipt = Receipt { first, last, stage };
        for to in ["alice", "nobody"] {
            let to = name(to);
            tell(&mut world, News::Told { to, receipt });
        }
    }
    let told = [(3, 5, Stage::Delivered), (3, 5, Stage::Read)];
    assert_eq!(world.receipts(alice), told);
}

#[test]
fn what_was_read_in_a_row_is_told_in_one() {
    let mut world = alone();
    let alice = known(&mut world, "alice");
    errands(&mut world);
    for (from, id) in [("bob", 1), ("bob", 2), ("bob", 3), ("carol", 4), ("bob", 5)] {
        let (from, id) = (origin(from), MessageId(id));
        world.say(alice, &Read { from, id }, &[]);
    }
    world.settle();
    let told = |to: &str, first, last| Errand::Tell {
        to: name(to),
        receipt: Receipt {
            first: MessageId(first),
            last: MessageId(last),
            stage: Stage::Read,
        },
    };
    let expected = [told("bob", 1, 3), told("carol", 4, 4), told("bob", 5, 5)];
    assert_eq!(errands(&mut world), expected);
    assert_eq!(world.heard(alice), []);
}

#[test]
fn tickets_that_mean_nothing_are_nothing() {
    let mut world = alone();
    let alice = known(&mut world, "alice");
    errands(&mut world);
    world.heard(alice);
    for ticket in [0, 1, 2, u64::MAX, 1 << 32, 1 << 63].map(Ticket) {
        let outcome = Outcome::Taken;
        tell(&mut world, News::Settled { ticket, outcome });
        let (listed, is_all) = (None, true);
        tell(
            &mut world,
            News::Gathered {
                ticket,
                listed,
                is_all,
            },
        );
    }
    let zoe = name("zoe");
    tell(&mut world, belongs("zoe", 3));
    let keys = None;
    tell(&mut world, News::Found { name: zoe, keys });
    assert_eq!(world.heard(alice), []);
    assert_eq!(errands(&mut world), []);
}
