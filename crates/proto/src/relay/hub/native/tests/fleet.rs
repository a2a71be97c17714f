//! One community over several relays: names, rooms and questions that reach beyond one of them.

use super::bus::{Fleet, fleet_settings, keys};
use super::*;
use crate::relay::fleet::{Asked, Listed, RelayId, Said};
use crate::relay::hub::elsewhere::{Claimed, Errand, News, Outcome, PATIENCE, ReplyTo, Ticket};
use crate::relay::native::frames::{
    Happening, LISTED, Leave, Member, Origin, RELAYS_LISTED, Read, RelayState, Reply, RoomSize,
    Trouble, Why,
};
use crate::relay::native::{MAX_CONTENT, MAX_FRAGMENT};

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

fn leaves(world: &mut World, who: usize, room: &str) {
    let room = name(room);
    world.say(who, &Leave { room }, &[]);
    world.settle();
}

fn ask(world: &mut World, who: usize, number: u32, question: Question) {
    world.say(who, &Ask { number, question }, &[]);
    world.settle();
}

fn answers(world: &mut World, who: usize) -> Vec<Answer> {
    let heard = world.heard(who).into_iter();
    heard
        .filter_map(|heard| match heard {
            Heard::Answer(answer) => Some(answer),
            _ => None,
        })
        .collect()
}

/// A registration, as its datagram; its cookie is asked for.
fn registration(world: &mut World, from: SocketAddr, nonce: u8, who: (&str, u8)) -> Vec<u8> {
    let nonce = Nonce([nonce; 16]);
    let cookie = world.cookie(from, nonce);
    let (text, key) = who;
    let claim = Some(Identity::new([key; 32]).claim(name(text), nonce, cookie));
    let register = Register {
        version: VERSION,
        nonce,
        cookie,
        claim,
    };
    frame(&register, &[])
}

/// What was answered to the registration at an address.
fn answered(world: &World, to: SocketAddr) -> Vec<Result<(), Refusal>> {
    let strays = world.strays.iter().filter(|(at, _)| *at == to);
    strays
        .filter_map(|(_, bytes)| {
            if frame::decode_datagram::<Registered>(bytes).is_ok() {
                return Some(Ok(()));
            }
            let refused = frame::decode_datagram::<Refused>(bytes).ok()?;
            Some(Err(refused.0.why))
        })
        .collect()
}

fn belongs(text: &str, key: u8) -> News {
    News::Claimed {
        name: name(text),
        claimed: Claimed::Belongs(Identity::new([key; 32]).keys()),
    }
}

#[test]
fn a_new_name_is_claimed_from_all_before_its_session_begins() {
    let mut world = alone();
    let register = registration(&mut world, address(1), 1, ("alice", 1));
    for _ in 0..3 {
        world.handle(address(1), &register);
        world.settle();
    }
    let (name, keys) = (name("alice"), Identity::new([1; 32]).keys());
    assert_eq!(errands(&mut world), [Errand::Claim { name, keys }]);
    assert_eq!((world.counts().sessions, world.counts().names), (0, 0));
    world.strays.clear();
    tell(&mut world, belongs("alice", 1));
    assert_eq!(answered(&world, address(1)), [Ok(())]);
    let errands = errands(&mut world);
    assert!(errands.contains(&Errand::Present { name }), "{errands:?}");
    world.strays.clear();
    world.handle(address(1), &register);
    world.settle();
    assert_eq!(answered(&world, address(1)), [Ok(())], "said again");
    assert_eq!(world.counts().registered, 1);
    assert_eq!(world.hub.native.claims.len(), 0);
}

#[test]
fn a_name_that_is_anothers_is_taken_and_one_that_nobody_can_say_of_is_cut_off() {
    let cut_off = News::Claimed {
        name: name("alice"),
        claimed: Claimed::CutOff,
    };
    let table = [
        (belongs("alice", 2), Refusal::NameTaken, 1),
        (cut_off, Refusal::CutOff, 0),
    ];
    for (news, why, names) in table {
        let mut world = alone();
        let register = registration(&mut world, address(1), 1, ("alice", 1));
        world.handle(address(1), &register);
        world.strays.clear();
        tell(&mut world, news);
        assert_eq!(answered(&world, address(1)), [Err(why)]);
        let counts = world.counts();
        assert_eq!((counts.sessions, counts.names), (0, names));
        assert_eq!(counts.registrations_refused, 1);
    }
}

#[test]
fn of_two_who_claim_a_name_at_once_one_gets_it() {
    let mut world = alone();
    for (port, key) in [(1, 1), (2, 2)] {
        let register = registration(&mut world, address(port), 1, ("alice", key));
        world.handle(address(port), &register);
    }
    let claims = errands(&mut world);
    assert_eq!(claims.len(), 1, "{claims:?}");
    world.strays.clear();
    tell(&mut world, belongs("alice", 2));
    assert_eq!(answered(&world, address(1)), [Err(Refusal::NameTaken)]);
    assert_eq!(answered(&world, address(2)), [Ok(())]);
}

#[test]
fn nothing_is_claimed_that_is_not_proven() {
    let mut world = alone();
    let nonce = Nonce([1; 16]);
    let cookie = world.cookie(address(1), nonce);
    let register = Register {
        version: VERSION,
        nonce,
        cookie,
        claim: Some(Identity::new([1; 32]).claim(name("alice"), Nonce([2; 16]), cookie)),
    };
    let refused: Option<Refused> = world.answer(address(1), &frame(&register, &[]));
    assert_eq!(refused.map(|refused| refused.why), Some(Refusal::NotProven));
    assert_eq!(errands(&mut world), []);
    assert_eq!(world.hub.native.claims.len(), 0);
}

#[test]
fn so_many_wait_for_their_names_and_the_first_are_forgotten() {
    let mut world = alone();
    let from = |at: u32| SocketAddr::from(([127, 0, (at >> 8) as u8, at as u8], 1));
    for at in 0..5000 {
        let register = registration(&mut world, from(at), 1, (&format!("n{at}"), 1));
        world.handle(from(at), &register);
    }
    assert_eq!(world.hub.native.claims.len(), 4096);
    assert_eq!(errands(&mut world).len(), 5000);
    world.strays.clear();
    tell(&mut world, belongs("n903", 1));
    tell(&mut world, belongs("n904", 1));
    assert_eq!(answered(&world, from(903)), []);
    assert_eq!(answered(&world, from(904)), [Ok(())]);
    assert_eq!(world.counts().sessions, 1);
}

#[test]
fn so_many_wait_for_one_name() {
    let mut world = alone();
    for port in 1..=40 {
        let register = registration(&mut world, address(port), 1, ("alice", port as u8));
        world.handle(address(port), &register);
    }
    assert_eq!(world.hub.native.claims.len(), 16);
    assert_eq!(errands(&mut world).len(), 1);
}

#[test]
fn who_begins_something_else_meanwhile_is_not_taken_out_of_that() {
    let mut world = alone();
    let register = registration(&mut world, address(1), 1, ("alice", 1));
    world.handle(address(1), &register);
    let nameless = world.peer(1, None);
    world.settle();
    tell(&mut world, belongs("alice", 1));
    assert_eq!(world.heard(nameless), []);
    assert_eq!(world.counts().sessions, 1);
    let expected = errands(&mut world);
    assert!(!expected.contains(&Errand::Present {
        name: name("alice")
    }));
}

#[test]
fn a_claim_that_nobody_answers_is_made_again_after_a_while() {
    let mut world = alone();
    let register = registration(&mut world, address(1), 1, ("alice", 1));
    let mut claims = Vec::new();
    for _ in 0..9 {
        world.handle(address(1), &register);
        claims.push(errands(&mut world).len());
        world.now += secs(1);
    }
    assert_eq!(claims, [1, 0, 0, 0, 0, 1, 0, 0, 0]);
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
    assert_eq!(world.counts().away, 1, "room is kept for it");
    leaves(&mut world, alice, "lobby");
    assert_eq!(world.counts().away, 0);
    assert_eq!(world.counts().pending, 0);
    let errands = errands(&mut world);
    let says = |errand: &Errand| matches!(errand, Errand::Say { .. });
    assert!(!errands.iter().any(says), "{errands:?}");
    let refused = (1, 1, Stage::Refused(Why::TooLong));
    assert!(world.receipts(alice).contains(&refused));
}

#[test]
fn what_others_do_not_take_is_refused_before_it_is_said() {
    let mut world = alone();
    let (alice, bob) = (known(&mut world, "alice"), known(&mut world, "bob"));
    for who in [alice, bob] {
        joins(&mut world, who, "lobby");
    }
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
fn who_is_in_a_room_is_asked_of_all_relays() {
    let mut fleet = Fleet::new();
    let alice = fleet.person(0, "alice");
    joins(&mut fleet.worlds[0], alice, "lobby");
    for at in 0..LISTED + 5 {
        let who = fleet.person(1, &format!("p{at}"));
        joins(&mut fleet.worlds[1], who, "lobby");
    }
    fleet.settle();
    ask(&mut fleet.worlds[0], alice, 7, Question::Who(name("lobby")));
    fleet.settle();
    let mut people = Vec::new();
    let answers = answers(&mut fleet.worlds[0], alice);
    let (last, others) = answers.split_last().unwrap();
    assert!(!last.more && others.iter().all(|answer| answer.more));
    for answer in answers {
        let Reply::Members(members) = answer.reply else {
            panic!("{answer:?}")
        };
        assert_eq!(answer.number, 7);
        people.extend(members.into_iter().map(|member| member.who));
    }
    people.sort_unstable();
    people.dedup();
    assert_eq!(people.len(), LISTED + 6);
    assert_eq!(fleet.worlds[0].hub.native.questions.len(), 0);
}

#[test]
fn rooms_of_several_relays_are_summed() {
    let mut fleet = Fleet::new();
    let (alice, bob) = (fleet.person(0, "alice"), fleet.person(1, "bob"));
    joins(&mut fleet.worlds[0], alice, "lobby");
    joins(&mut fleet.worlds[1], bob, "lobby");
    joins(&mut fleet.worlds[1], bob, "attic");
    fleet.settle();
    ask(&mut fleet.worlds[0], alice, 1, Question::Rooms);
    fleet.settle();
    let room = |text: &str, members| RoomSize {
        room: name(text),
        members,
    };
    let answer = Answer {
        number: 1,
        reply: Reply::Rooms(vec![room("attic", 1), room("lobby", 2)]),
        more: false,
    };
    assert_eq!(answers(&mut fleet.worlds[0], alice), [answer]);
}

#[test]
fn a_question_that_others_do_not_answer_has_an_end() {
    let mut world = alone();
    let alice = known(&mut world, "alice");
    joins(&mut world, alice, "lobby");
    errands(&mut world);
    world.heard(alice);
    ask(&mut world, alice, 1, Question::Who(name("lobby")));
    ask(&mut world, alice, 2, Question::Rooms);
    ask(&mut world, alice, 3, Question::Keys(name("zoe")));
    let first = answers(&mut world, alice);
    assert_eq!(first.len(), 1);
    assert!(first[0].more);
    world.pass(PATIENCE / 2, secs(1));
    assert_eq!(answers(&mut world, alice), []);
    assert!(world.hub.deadline().is_some());
    world.pass(PATIENCE / 2, secs(1));
    let ends = answers(&mut world, alice);
    let numbers: Vec<_> = ends
        .iter()
        .map(|answer| (answer.number, answer.more))
        .collect();
    assert_eq!(numbers, [(1, false), (2, false), (3, false)]);
    assert_eq!(ends[2].reply, Reply::Keys(None));
    for errand in errands(&mut world) {
        if let Errand::Gather { ticket, .. } = errand {
            let listed = Some(Listed::Members(vec![Member {
                who: origin("zoe"),
                dropped: 0,
            }]));
            let is_all = true;
            tell(
                &mut world,
                News::Gathered {
                    ticket,
                    listed,
                    is_all,
                },
            );
        }
    }
    assert_eq!(answers(&mut world, alice), [], "it comes too late");
}

#[test]
fn the_keys_of_a_name_that_is_new_here_are_looked_for_once() {
    let mut world = alone();
    let (alice, bob) = (known(&mut world, "alice"), known(&mut world, "bob"));
    errands(&mut world);
    let zoe = name("zoe");
    ask(&mut world, alice, 1, Question::Keys(zoe));
    ask(&mut world, bob, 2, Question::Keys(zoe));
    assert_eq!(errands(&mut world), [Errand::Look { name: zoe }]);
    let found = Some(keys("zoe"));
    tell(
        &mut world,
        News::Found {
            name: zoe,
            keys: found,
        },
    );
    for (who, number) in [(alice, 1), (bob, 2)] {
        let (reply, more) = (Reply::Keys(found), false);
        let answer = Answer {
            number,
            reply,
            more,
        };
        assert_eq!(answers(&mut world, who), [answer]);
    }
    ask(&mut world, alice, 3, Question::Keys(zoe));
    assert_eq!(answers(&mut world, alice).len(), 1, "they are remembered");
    assert_eq!(errands(&mut world), []);
}

#[test]
fn one_client_has_so_many_questions_open() {
    let mut world = alone();
    let (alice, bob) = (known(&mut world, "alice"), known(&mut world, "bob"));
    joins(&mut world, bob, "lobby");
    errands(&mut world);
    for number in 0..100 {
        let question = match number % 3 {
            0 => Question::Keys(name(&format!("n{number}"))),
            1 => Question::Rooms,
            _ => Question::Who(name("lobby")),
        };
        ask(&mut world, alice, number, question);
    }
    let open = world.hub.native.questions.len();
    assert!((6..=16).contains(&open), "{open}");
    assert!(errands(&mut world).len() <= 16);
    ask(&mut world, bob, 1, Question::Keys(name("zoe")));
    assert_eq!(errands(&mut world).len(), 1, "others may ask");
    world.say(alice, &Bye { why: Ending::Done }, &[]);
    world.pass(PATIENCE, secs(1));
    assert_eq!(world.hub.native.questions.len(), 0);
}

#[test]
fn what_another_relay_asks_is_answered_in_frames_that_fit() {
    let mut world = World::with(Settings {
        clients: 3000,
        ..fleet_settings(1)
    });
    let room = name("lobby");
    for at in 0..1100 {
        world.hub.remember_keys(name(&format!("p{at}")), &keys("p"));
        let who = world.person(&format!("p{at}"));
        world.say(who, &Join { room, after: None }, &[]);
    }
    world.settle();
    errands(&mut world);
    let reply = ReplyTo(1);
    let asked = Asked::Who(room);
    tell(&mut world, News::Asked { reply, asked });
    let sizes: Vec<_> = errands(&mut world)
        .into_iter()
        .map(|errand| match errand {
            Errand::Answer {
                listed: Listed::Members(members),
                ..
            } => members.len(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(sizes, [500, 500, 100]);
    let asked = Asked::Rooms;
    tell(&mut world, News::Asked { reply, asked });
    let listed = Listed::Rooms(vec![RoomSize {
        room,
        members: 1100,
    }]);
    assert_eq!(errands(&mut world), [Errand::Answer { reply, listed }]);
    let asked = Asked::Who(name("nowhere"));
    tell(&mut world, News::Asked { reply, asked });
    assert_eq!(errands(&mut world), []);
}

fn relays(world: &mut World, who: usize) -> Vec<RelayState> {
    ask(world, who, 1, Question::Relays);
    let answers = answers(world, who);
    let (last, others) = answers.split_last().unwrap();
    assert!(!last.more && others.iter().all(|answer| answer.more));
    let lists = answers.into_iter().map(|answer| match answer.reply {
        Reply::Relays(relays) => {
            assert!(relays.len() <= RELAYS_LISTED);
            relays
        }
        other => panic!("{other:?}"),
    });
    lists.flatten().collect()
}

#[test]
fn how_the_relays_are_is_told_with_what_this_one_counts() {
    let mut world = alone();
    let alice = known(&mut world, "alice");
    let lone = RelayState {
        sessions: 1,
        ..RelayState::default()
    };
    assert_eq!(relays(&mut world, alice), [lone]);
    let state = |id, sessions| RelayState {
        id,
        sessions,
        mail: 7,
        troubles: vec![Trouble::CutOff],
        ..RelayState::default()
    };
    let all = (1..=12).map(|id| state(id, 99)).collect();
    tell(&mut world, News::Fleet { relays: all });
    let told = relays(&mut world, alice);
    let expected: Vec<_> = (1..=12)
        .map(|id| state(id, if id == 1 { 1 } else { 99 }))
        .collect();
    assert_eq!(told, expected);
}

#[test]
fn what_others_say_of_themselves_is_cut_to_what_fits() {
    let mut world = alone();
    let alice = known(&mut world, "alice");
    let state = RelayState {
        id: u64::MAX,
        label: "\u{e9}".repeat(1000),
        uptime: u64::MAX,
        heard: u64::MAX,
        classic: u64::MAX,
        sessions: u64::MAX,
        rooms: u64::MAX,
        mail: u64::MAX,
        mail_bytes: u64::MAX,
        troubles: vec![Trouble::Silent; 1000],
    };
    let all = vec![state; 1000];
    tell(&mut world, News::Fleet { relays: all });
    let told = relays(&mut world, alice);
    assert_eq!(told.len(), 256);
    assert_eq!(told[1].label.len(), RelayState::LABEL);
    assert_eq!(told[1].troubles.len(), RelayState::TROUBLES);
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
