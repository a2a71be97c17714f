//! How sessions begin and end.

use proptest::prelude::*;

use super::*;
use crate::relay::hub::elsewhere::Errand;

const NONCE: Nonce = Nonce([1; 16]);
/// IPv4 and UDP.
const HEADERS: usize = 28;

#[test]
fn a_stranger_gets_less_than_he_sends_and_is_not_remembered() {
    let mut world = World::new();
    let hello = hello(NONCE);
    world.handle(address(1), &hello);
    world.send();
    let [(to, answer)] = &world.strays[..] else {
        panic!("{:?}", world.strays)
    };
    assert_eq!(*to, address(1));
    assert_eq!((hello.len(), answer.len()), (91, 42));
    assert_eq!(world.counts().sessions, 0);
    assert_eq!(world.hub.deadline(), None);
}

#[test]
fn a_cookie_is_good_at_its_address_for_its_nonce_for_a_minute_at_least() {
    let table = [
        (address(1), NONCE, secs(0), true),
        (address(1), NONCE, secs(60), true),
        (address(1), NONCE, secs(120), false),
        (address(2), NONCE, secs(0), false),
        (address(1), Nonce([2; 16]), secs(0), false),
    ];
    for (from, nonce, later, is_good) in table {
        let mut world = World::new();
        let cookie = world.cookie(address(1), NONCE);
        world.now += later;
        let register = Register {
            version: VERSION,
            nonce,
            cookie,
            claim: None,
            purpose: Purpose::Hear,
        };
        let registered: Option<Registered> = world.answer(from, &frame(&register, &[]));
        assert_eq!(registered.is_some(), is_good, "{from} {later:?}");
        assert_eq!(world.counts().sessions, u64::from(is_good));
        assert_eq!(world.counts().native_malformed, u64::from(!is_good));
    }
}

#[test]
fn a_registration_that_is_said_again_gets_the_same_answer() {
    let mut world = World::new();
    let first = world
        .register_with(address(1), NONCE, Some(("alice", 1)))
        .unwrap();
    let again = world
        .register_with(address(1), NONCE, Some(("alice", 1)))
        .unwrap();
    assert_eq!(first, again);
    let counts = world.counts();
    assert_eq!((counts.registered, counts.sessions), (1, 1));
}

#[test]
fn another_version_is_refused() {
    let mut world = World::new();
    let cookie = world.cookie(address(1), NONCE);
    let register = Register {
        version: VERSION + 1,
        nonce: NONCE,
        cookie,
        claim: None,
        purpose: Purpose::Hear,
    };
    let refused: Option<Refused> = world.answer(address(1), &frame(&register, &[]));
    assert_eq!(refused.map(|refused| refused.why), Some(Refusal::Version));
}

#[test]
fn a_name_belongs_to_the_key_that_took_it_first() {
    let mut world = World::new();
    let alice = world.person("alice");
    let keys = Identity::new([b'a'; 32]).keys();
    let name = name("alice");
    let owner = Effect::Errand(Errand::Owner { name, keys });
    assert_eq!(world.hub.take_effects(), [owner]);
    let refused = world.register_with(address(1), NONCE, Some(("alice", 1)));
    assert_eq!(refused, Err(Refusal::NameTaken));
    assert_eq!(world.counts().registrations_refused, 2, "it was said twice");
    world.settle();
    assert_eq!(world.heard(alice), []);
    assert_eq!(world.hub.take_effects(), []);
}

#[test]
fn a_name_that_is_remembered_belongs_to_its_key() {
    let mut world = World::new();
    world
        .hub
        .remember(name("alice"), Identity::new([5; 32]).keys().signing);
    let refused = world.register_with(address(1), NONCE, Some(("alice", 1)));
    assert_eq!(refused, Err(Refusal::NameTaken));
    assert!(
        world
            .register_with(address(1), NONCE, Some(("alice", 5)))
            .is_ok()
    );
    assert_eq!(world.hub.take_effects(), []);
}

#[test]
fn a_claim_for_another_registration_is_not_proven() {
    let mut world = World::new();
    let cookie = world.cookie(address(1), NONCE);
    let other = Identity::new([1; 32]).claim(name("alice"), Nonce([2; 16]), cookie);
    let register = Register {
        version: VERSION,
        nonce: NONCE,
        cookie,
        claim: Some(other),
        purpose: Purpose::Hear,
    };
    let refused: Option<Refused> = world.answer(address(1), &frame(&register, &[]));
    assert_eq!(refused.map(|refused| refused.why), Some(Refusal::NotProven));
    assert_eq!(world.counts().names, 0);
}

#[test]
fn the_same_key_takes_over_from_elsewhere() {
    let mut world = World::new();
    let (old, bob) = (world.person("alice"), world.person("bob"));
    let new = world.person("alice");
    world.settle();
    assert_eq!(world.heard(old), [Heard::Bye(Ending::Elsewhere)]);
    assert_eq!(world.counts().sessions, 2);
    world.message(bob, named("alice"), b"hi");
    world.settle();
    assert_eq!(world.texts(new), ["hi"]);
    assert_eq!(world.texts(old), [""; 0]);
}

#[test]
fn an_old_session_is_told_that_it_is_gone_in_fewer_bytes() {
    let mut world = World::new();
    let alice = world.person("alice");
    world.now += secs(302);
    world.settle();
    assert_eq!(world.counts().sessions, 0);
    assert_eq!(world.hub.deadline(), None);
    world.message(alice, named("alice"), b"x");
    world.settle();
    assert_eq!(world.heard(alice), [Heard::Gone]);
}

#[test]
fn who_is_heard_of_is_not_forgotten() {
    let mut world = World::new();
    let alice = world.person("alice");
    for _ in 0..40 {
        world.now += secs(20);
        world.peers[alice].link.as_mut().unwrap().ask();
        world.settle();
    }
    assert_eq!(world.counts().sessions, 1);
    assert_eq!(world.heard(alice), []);
}

#[test]
fn a_client_that_says_goodbye_is_gone() {
    let mut world = World::new();
    let alice = world.person("alice");
    world.say(alice, &Bye { why: Ending::Done }, &[]);
    world.settle();
    let backlog = world.peers[alice].link.as_ref().unwrap().backlog();
    assert_eq!(
        (world.counts().sessions, backlog),
        (0, 0),
        "and knows that it was heard"
    );
}

#[test]
fn a_relay_that_stops_says_so() {
    let mut world = World::new();
    let alice = world.person("alice");
    world.hub.close(world.now, &mut world.out);
    world.send();
    assert_eq!(world.heard(alice), [Heard::Bye(Ending::Stopping)]);
    assert_eq!(world.counts().sessions, 0);
}

#[test]
fn frames_that_are_none_end_the_session() {
    let unknown = [1, 99, 0, 0, 0, 0, 0, 0, 0, 0];
    let cut_off = &frame(
        &Ask {
            number: 1,
            question: Question::Rooms,
        },
        &[],
    )[..11];
    let from_a_relay = frame(
        &Happened {
            room: name("r"),
            who: crate::relay::native::frames::Origin::Name(name("bob")),
            what: crate::relay::native::frames::Happening::Left,
        },
        &[],
    );
    for junk in [b"junk".as_slice(), &unknown, cut_off, &from_a_relay] {
        let mut world = World::new();
        let alice = world.person("alice");
        world.peers[alice].link.as_mut().unwrap().push(junk);
        world.settle();
        assert_eq!(world.heard(alice), [Heard::Bye(Ending::Unruly)]);
        assert_eq!(world.counts().sessions, 0);
    }
}

#[test]
fn what_somebody_else_sends_in_the_name_of_an_address_does_nothing() {
    let mut world = World::new();
    let (alice, bob) = (world.person("alice"), world.person("bob"));
    let (from, other) = (world.peers[alice].address, world.peers[bob].address);
    let mut guessed = Link::new(crate::relay::native::Token([7; 8]));
    guessed.push(&frame(&Bye { why: Ending::Done }, &[]));
    let mut packets = Vec::new();
    guessed.transmit(world.now, |packet| packets.push(packet.to_vec()));
    world.say(bob, &Bye { why: Ending::Done }, &[]);
    packets.extend(world.peers[bob].say(world.now));
    for packet in packets {
        world.handle(from, &packet);
    }
    assert_eq!(world.counts().sessions, 2);
    assert_ne!(from, other);
    world.hub.flush(world.now, &mut world.out);
    assert!(world.out.runs().all(|run| run.to == from && run.size == 18));
}

#[test]
fn one_network_cannot_register_too_fast_and_another_still_can() {
    let mut world = World::with(Settings {
        clients: 100_000,
        ..settings()
    });
    let mut register = |from: SocketAddr, count: u32| {
        let mut nonce = [0; 16];
        nonce[..4].copy_from_slice(&count.to_be_bytes());
        world.register_with(from, Nonce(nonce), None).map(|_| ())
    };
    for count in 0..2000 {
        assert_eq!(register(address(count as u16 + 1), count), Ok(()));
    }
    assert_eq!(register(address(9000), 2000), Err(Refusal::TooFast));
    let elsewhere = SocketAddr::from(([192, 0, 3, 7], 1));
    assert_eq!(register(elsewhere, 2001), Ok(()));
    world.now += secs(1);
    for count in 0..50 {
        let from = address(10_000 + count as u16);
        assert!(world.register_with(from, Nonce([200; 16]), None).is_ok());
    }
}

#[test]
fn a_relay_has_room_for_so_many() {
    let mut world = World::with(Settings {
        clients: 3,
        ..settings()
    });
    for port in 1..=3 {
        assert!(world.register_with(address(port), NONCE, None).is_ok());
    }
    assert_eq!(
        world.register_with(address(4), NONCE, None),
        Err(Refusal::Full)
    );
    let other = Nonce([3; 16]);
    assert!(
        world.register_with(address(2), other, None).is_ok(),
        "who is there may begin anew"
    );
    assert_eq!(world.counts().sessions, 3);
}

proptest! {
    /// Whatever comes first from an address, what goes back has fewer bytes.
    #[test]
    fn nobody_unproven_gets_more_than_he_sent(
        first in 1u8..=2,
        kind in 0u8..8,
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut world = World::new();
        let forms: [Vec<u8>; 3] = [
            [&[first][..], &bytes].concat(),
            [&[1, kind, 0, 0, 0, bytes.len() as u8, 0, 0, 0, 0][..], &bytes].concat(),
            [&[2, 1][..], &[3; 8], &[0, 0, 0, 9, 0, 9], &[0; 16], &bytes].concat(),
        ];
        for datagram in forms {
            world.handle(address(1), &datagram);
            world.hub.flush(world.now, &mut world.out);
            let sent: usize = world.out.runs().map(|run| run.datagrams.len() + HEADERS).sum();
            prop_assert!(sent <= datagram.len() + HEADERS, "{sent} for {}", datagram.len());
            prop_assert_eq!(world.counts().sessions, 0);
            world.out.clear();
        }
    }

    /// Whatever a client says in its session, the relay lives on.
    #[test]
    fn any_frames_are_taken(kind in 9u8..32, bytes in proptest::collection::vec(any::<u8>(), 0..90)) {
        let mut world = World::new();
        let (alice, bob) = (world.person("alice"), world.person("bob"));
        let head = [1, kind, 0, 0, 0, bytes.len() as u8, 0, 0, 0, 0];
        let link = world.peers[alice].link.as_mut().unwrap();
        link.push(&[&head[..], &bytes].concat());
        world.settle();
        world.message(bob, named("bob"), b"still there");
        world.settle();
        prop_assert_eq!(world.texts(bob), ["still there"]);
    }
}

#[test]
fn an_old_registration_that_went_astray_takes_nothing_over() {
    let mut world = World::new();
    let nonce = Nonce([0; 16]);
    let cookie = world.cookie(address(1), nonce);
    let register = Register {
        version: VERSION,
        nonce,
        cookie,
        claim: Some(Identity::new([b'a'; 32]).claim(name("alice"), nonce, cookie)),
        purpose: Purpose::Hear,
    };
    world.peer(1, Some(("alice", b'a')));
    let new = world.person("alice");
    world.settle();
    world.places.remove(&address(1));
    let again: Option<Refused> = world.answer(address(1), &frame(&register, &[]));
    assert_eq!(again.map(|refused| refused.why), Some(Refusal::TooFast));
    world.settle();
    assert_eq!(world.heard(new), []);
}

#[test]
fn a_client_is_told_which_message_was_taken_last_from_its_name() {
    let mut world = World::new();
    let (alice, bob) = (world.person("alice"), world.person("bob"));
    world.message(alice, named("bob"), b"one");
    world.message(alice, named("bob"), b"two");
    world.settle();
    let registered = world.register_with(address(1), NONCE, Some(("alice", b'a')));
    assert_eq!(
        registered.map(|registered| registered.last),
        Ok(MessageId(2))
    );
    let registered = world.register_with(address(2), NONCE, None);
    assert_eq!(
        registered.map(|registered| registered.last),
        Ok(MessageId(0))
    );
    assert_eq!(world.texts(bob), ["one", "two"]);
}
