//! Names that are new at one relay of a community.

use super::*;

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
        purpose: Purpose::Hear,
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
        purpose: Purpose::Hear,
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
fn what_one_relay_alone_has_remembered_is_claimed_by_its_owner() {
    let mut world = alone();
    world.hub.remember(name("alice"), keys("alice").signing);
    let mine = registration(&mut world, address(1), 1, ("alice", b'a'));
    let others = registration(&mut world, address(2), 1, ("alice", 2));
    world.handle(address(2), &others);
    world.handle(address(1), &mine);
    world.settle();
    assert_eq!(answered(&world, address(2)), [Err(Refusal::NameTaken)]);
    let (name, keys) = (name("alice"), keys("alice"));
    let expected = [Errand::Look { name }, Errand::Claim { name, keys }];
    assert_eq!(errands(&mut world), expected);
    tell(&mut world, belongs("alice", b'a'));
    assert_eq!(world.counts().sessions, 1);
}

#[test]
fn what_all_relays_know_counts_more_than_what_one_has_remembered() {
    let mut world = alone();
    world.hub.remember(name("alice"), keys("alice").signing);
    let mine = registration(&mut world, address(1), 1, ("alice", b'a'));
    world.handle(address(1), &mine);
    world.strays.clear();
    tell(&mut world, belongs("alice", 2));
    assert_eq!(answered(&world, address(1)), [Err(Refusal::NameTaken)]);
    let others = world.register_with(address(2), Nonce([3; 16]), Some(("alice", 2)));
    assert!(others.is_ok(), "{others:?}");
}
