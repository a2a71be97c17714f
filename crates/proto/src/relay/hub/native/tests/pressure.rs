//! Receivers that are slow, and those who write to them.

use super::*;
use crate::relay::hub::native::Taken;
use crate::relay::native::frames::{Happening, Member, Origin, Reply, Why};

const KB: usize = 1000;

/// Says so many messages of 1000 bytes, a few at a time, and gives back the numbers of the first and the last.
fn flood(world: &mut World, who: usize, to: &To, messages: usize) -> (u64, u64) {
    let first = world.peers[who].next + 1;
    for _ in 0..messages / 20 {
        for _ in 0..20 {
            world.message(who, *to, &[b'x'; KB]);
        }
        world.settle();
    }
    (first, world.peers[who].next)
}

fn queued(receipts: &[(u64, u64, Stage)]) -> u64 {
    let queued = receipts
        .iter()
        .filter(|(_, _, stage)| *stage == Stage::Queued);
    queued.map(|(first, last, _)| last - first + 1).sum()
}

fn refused(receipts: &[(u64, u64, Stage)]) -> u64 {
    let behind = Stage::Refused(Why::Behind);
    let refused = receipts.iter().filter(|(_, _, stage)| *stage == behind);
    refused.map(|(first, last, _)| last - first + 1).sum()
}

#[test]
fn a_slow_receiver_withholds_verdicts_until_they_have_caught_up() {
    let mut world = World::new();
    let (alice, bob) = (world.person("alice"), world.person("bob"));
    world.peers[bob].is_deaf = true;
    flood(&mut world, alice, &named("bob"), 2000);
    let at_once = queued(&world.receipts(alice));
    assert!((900..1100).contains(&at_once), "{at_once}");
    world.peers[bob].is_deaf = false;
    let mut later = 0;
    for _ in 0..40 {
        world.pass(Duration::from_millis(20), Duration::from_millis(10));
        later += queued(&world.receipts(alice));
    }
    assert_eq!(at_once + later, 2000);
    assert_eq!(world.texts(bob).len(), 2000);
    let counts = world.counts();
    assert_eq!((counts.refused, counts.waiting, counts.stuck), (0, 0, 0));
}

#[test]
fn nobody_waits_for_who_takes_nothing() {
    let mut world = World::new();
    let (alice, bob) = (world.person("alice"), world.person("bob"));
    world.peers[bob].is_deaf = true;
    flood(&mut world, alice, &named("bob"), 2000);
    let at_once = queued(&world.receipts(alice));
    world.pass(Duration::from_millis(900), Duration::from_millis(10));
    assert_eq!(at_once + queued(&world.receipts(alice)), 2000);
    let (first, last) = flood(&mut world, alice, &named("bob"), 20);
    assert_eq!(refused(&world.receipts(alice)), last - first + 1);
    assert_eq!(world.counts().stuck, 1);
    world.peers[bob].is_deaf = false;
    world.pass(secs(4), Duration::from_millis(10));
    assert_eq!(world.texts(bob).len(), 2000);
    assert_eq!((world.counts().stuck, world.counts().waiting), (0, 0));
    flood(&mut world, alice, &named("bob"), 20);
    assert_eq!(queued(&world.receipts(alice)), 20);
}

#[test]
fn who_does_not_answer_at_all_is_given_up() {
    let mut world = World::new();
    let (alice, bob) = (world.person("alice"), world.person("bob"));
    world.peers[bob].is_deaf = true;
    world.message(alice, named("bob"), b"x");
    world.pass(secs(15), Duration::from_millis(50));
    let counts = world.counts();
    assert_eq!((counts.sessions, counts.waiting), (1, 0));
}

#[test]
fn a_queue_is_bounded_whoever_writes() {
    let mut world = World::new();
    let bob = world.person("bob");
    world.peers[bob].is_deaf = true;
    let mut verdicts = 0;
    for at in 0..6 {
        let who = world.person(&format!("p{at}"));
        flood(&mut world, who, &named("bob"), 1000);
        verdicts += refused(&world.receipts(who));
    }
    let waiting = world.counts().waiting;
    assert!(waiting <= 4 * 1024 * 1024 + 200 * KB as u64, "{waiting}");
    assert_eq!(verdicts, 0, "they wait rather than lose anything");
    let nobody = address(7);
    let text = [b'x'; 10];
    let taken = world
        .hub
        .native
        .deliver_text(world.peers[bob].address, nobody, &text, world.now);
    assert_eq!(taken, Taken::Queued, "there is room for little");
}

#[test]
fn nothing_is_lost_to_many_who_write_to_one_who_is_slow() {
    let mut world = World::new();
    let bob = world.person("bob");
    let writers: Vec<_> = (0..8).map(|at| world.person(&format!("p{at}"))).collect();
    for _ in 0..100 {
        world.peers[bob].is_deaf = false;
        world.send();
        for datagram in world.peers[bob].say(world.now) {
            world.handle(world.peers[bob].address, &datagram);
        }
        world.peers[bob].is_deaf = true;
        for who in &writers {
            flood(&mut world, *who, &named("bob"), 20);
        }
        world.now += Duration::from_millis(20);
    }
    let taken = world.counts().messages;
    assert!(taken < 8000, "most wait at their writers: {taken}");
    world.peers[bob].is_deaf = false;
    world.pass(secs(5), Duration::from_millis(20));
    assert_eq!(world.texts(bob).len(), 16_000);
    for who in writers {
        assert_eq!(queued(&world.receipts(who)), 2000);
    }
    assert_eq!((world.counts().refused, world.counts().waiting), (0, 0));
}

#[test]
fn a_room_waits_for_its_slow_members_and_names_those_who_take_nothing() {
    let mut world = World::new();
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|who| world.person(who));
    let room = name("lobby");
    for who in [alice, bob, carol] {
        world.say(who, &Join { room, after: None }, &[]);
        world.settle();
    }
    world.peers[carol].is_deaf = true;
    flood(&mut world, alice, &To::Room(room), 1500);
    let at_once = queued(&world.receipts(alice));
    assert!((900..1100).contains(&at_once), "{at_once}");
    world.pass(Duration::from_millis(900), Duration::from_millis(10));
    assert_eq!(at_once + queued(&world.receipts(alice)), 1500);
    world.heard(bob);
    flood(&mut world, alice, &To::Room(room), 100);
    assert_eq!(
        queued(&world.receipts(alice)),
        100,
        "who takes nothing is passed by"
    );
    let heard = world.heard(bob);
    let carol = Origin::Name(name("carol"));
    let is_slow = |heard: &&Heard| matches!(heard, Heard::Happened(Happened { who, what: Happening::Slow(1..), .. }) if *who == carol);
    assert_eq!(heard.iter().filter(is_slow).count(), 1);
    assert_eq!(heard.len(), 101, "told once a second at most");
    let counts = world.counts();
    assert_eq!((counts.dropped, counts.refused, counts.stuck), (100, 0, 1));
    world.say(
        alice,
        &Ask {
            number: 1,
            question: Question::Who(room),
        },
        &[],
    );
    world.settle();
    let answered = world
        .heard(alice)
        .into_iter()
        .find_map(|heard| match heard {
            Heard::Answer(Answer {
                reply: Reply::Members(members),
                ..
            }) => Some(members),
            _ => None,
        });
    let dropped = answered
        .unwrap()
        .into_iter()
        .find(|Member { who: found, .. }| *found == carol);
    assert_eq!(dropped.map(|member| member.dropped), Some(100));
}

#[test]
fn who_asks_and_never_listens_is_ended() {
    let mut world = World::new();
    let people: Vec<_> = (0..60).map(|at| world.person(&format!("p{at}"))).collect();
    for who in &people {
        for room in 0..60 {
            let room = name(&format!("a-room-with-a-long-name-{who}-{room}"));
            world.say(*who, &Join { room, after: None }, &[]);
        }
        world.settle();
    }
    world.peers[people[0]].is_deaf = true;
    for number in 0..200 {
        world.say(
            people[0],
            &Ask {
                number,
                question: Question::Rooms,
            },
            &[],
        );
    }
    world.settle();
    assert_eq!(world.counts().sessions, 59);
    assert_eq!(world.counts().waiting, 0);
}

#[test]
fn an_idle_session_is_small() {
    let size = size_of::<crate::relay::hub::native::sessions::Session>();
    let known = size_of::<crate::relay::hub::native::names::Known>();
    assert!(size <= 180, "a session has {size} bytes");
    assert!(known <= 200, "a name has {known} bytes");
    let mut world = World::new();
    let (alice, _bob) = (world.person("alice"), world.person("bob"));
    world.message_that_wants(alice, named("bob"), b"x", Wants::Read);
    world.message(alice, named("carol"), b"x");
    world.pass(secs(5), Duration::from_millis(100));
    let sessions = &world.hub.native.sessions;
    let busy = sessions
        .indices()
        .into_iter()
        .filter(|index| sessions.get(*index).unwrap().busy.is_some());
    assert_eq!(busy.count(), 0);
    assert!(
        world.hub.deadline().unwrap() > world.now + secs(200),
        "and is left alone"
    );
}
