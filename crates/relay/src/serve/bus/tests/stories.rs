//! What happens between relays.

use std::time::{Duration, Instant};

use proto::relay::fleet::{Asked, Listed, Passed, RelayId, Said};
use proto::relay::hub::elsewhere::{Claimed, Errand, News, Outcome, ReplyTo, Way};
use proto::relay::native::frames::{
    Body, Happened, Happening, Member, Origin, Receipt, Stage, Trouble, Why,
};
use proto::relay::native::{MAX_CONTENT, MessageId};

use super::server::{Keeps, PATIENCE, Server};
use super::station::{LIMITS, Station, keys, letter, name};
use crate::serve::bus::Limits;

const KEPT: Outcome = Outcome::Kept;

fn refused(why: Why) -> Outcome {
    Outcome::Refused(why)
}

/// The next letter that another relay passes on.
fn passed(station: &mut Station) -> (ReplyTo, u64, Vec<u8>) {
    station.hear(|news| match news {
        News::Letter {
            reply,
            letter,
            content,
        } => Some((*reply, letter.id.0, content.clone())),
        _ => None,
    })
}

fn answer(station: &Station, reply: ReplyTo, passed: Passed) {
    station.run(vec![Errand::Passed { reply, passed }]);
}

#[test]
fn a_name_belongs_to_who_claims_it_first() {
    let Some(server) = Server::start("a_name_belongs", Keeps::Mail) else {
        return;
    };
    let (mut one, mut other) = (Station::new(&server, "c.1"), Station::new(&server, "c.1"));
    let (bob, first) = (name("b.ob-1_"), keys(1));
    let belongs = News::Claimed {
        name: bob,
        claimed: Claimed::Belongs(first),
    };
    assert_eq!(one.claim(bob, first), belongs);
    assert_eq!(other.claim(bob, keys(2)), belongs);
    assert_eq!(one.claim(bob, first), belongs);
    for (text, expected) in [("b.ob-1_", Some(first)), ("nobody", None)] {
        other.run(vec![Errand::Look { name: name(text) }]);
        let found = other.hear(|news| match news {
            News::Found { name: found, keys } if *found == name(text) => Some(*keys),
            _ => None,
        });
        assert_eq!(found, expected, "{text}");
    }
    let mut stranger = Station::new(&server, "c2");
    let own = News::Claimed {
        name: bob,
        claimed: Claimed::Belongs(keys(2)),
    };
    assert_eq!(stranger.claim(bob, keys(2)), own);
}

#[test]
fn a_letter_finds_its_receiver_or_is_kept() {
    let Some(server) = Server::start("a_letter_finds", Keeps::Mail) else {
        return;
    };
    let (mut one, mut other) = (Station::new(&server, "c"), Station::new(&server, "c"));
    let bob = name("bob");
    let unknown = one.send(letter("alice", "bob", 1), b"?", Way::FindOut);
    assert_eq!(one.settled(unknown), refused(Why::Unknown));
    other.claim(bob, keys(1));
    let kept = one.send(letter("alice", "bob", 2), b"kept", Way::FindOut);
    assert_eq!(one.settled(kept), KEPT);

    let waiting = other.begin(bob);
    assert_eq!(waiting.len(), 1);
    let found = &waiting[0];
    assert_eq!(
        (found.letter, &found.content[..]),
        (letter("alice", "bob", 2), &b"kept"[..])
    );
    other.run(vec![Errand::Forget {
        name: bob,
        until: found.place,
    }]);

    let direct = one.send(letter("alice", "bob", 3), b"direct", Way::FindOut);
    let (reply, id, content) = passed(&mut other);
    assert_eq!((id, &content[..]), (3, &b"direct"[..]));
    answer(&other, reply, Passed::Taken);
    assert_eq!(one.settled(direct), Outcome::Taken);

    let tickets = [4, 5].map(|id| one.send(letter("alice", "bob", id), b"", Way::Find));
    let (reply, ..) = passed(&mut other);
    answer(&other, reply, Passed::Keep);
    let (reply, ..) = passed(&mut other);
    answer(&other, reply, Passed::Keep);
    tickets.map(|ticket| assert_eq!(one.settled(ticket), KEPT));
    other.hear(|news| (*news == News::MailWaits { name: bob }).then_some(()));
    let ids: Vec<_> = other
        .fetch_all(bob)
        .iter()
        .map(|kept| kept.letter.id.0)
        .collect();
    assert!(ids == [4, 5] || ids == [2, 4, 5], "{ids:?}");

    let receipt = Receipt {
        first: MessageId(3),
        last: MessageId(3),
        stage: Stage::Delivered,
    };
    one.begin(name("alice"));
    other.run(vec![Errand::Tell {
        to: name("alice"),
        receipt,
    }]);
    let told = News::Told {
        to: name("alice"),
        receipt,
    };
    one.hear(|news| (*news == told).then_some(()));
}

#[test]
fn many_letters_and_long_ones_come_in_their_order_and_are_forgotten() {
    let Some(server) = Server::start("many_letters", Keeps::Mail) else {
        return;
    };
    let mut one = Station::new(&server, "c");
    let long = vec![7; 900 * 1024];
    let mut tickets = Vec::new();
    for id in 1..=3000 {
        let content = if id % 1000 == 500 {
            &long[..]
        } else {
            b"short"
        };
        tickets.push(one.send(letter("alice", "bob", id), content, Way::Keep));
    }
    let too_long = one.send(
        letter("alice", "bob", 3001),
        &vec![0; MAX_CONTENT],
        Way::Keep,
    );
    assert_eq!(one.settled(too_long), refused(Why::TooLong));
    for ticket in tickets {
        assert_eq!(one.settled(ticket), KEPT);
    }
    let letters = one.begin(name("bob"));
    let ids = letters.iter().map(|kept| kept.letter.id.0);
    assert!(ids.eq(1..=3000));
    assert!(letters.iter().all(|kept| kept.waited < 60));
    assert_eq!(letters[499].content, long);
    let middle = letters[1999].place;
    one.run(vec![Errand::Forget {
        name: name("bob"),
        until: middle,
    }]);
    // Forgetting is not answered: it is over when only the others come.
    let mut left = one.fetch_all(name("bob"));
    while left.len() > 1000 {
        left = one.fetch_all(name("bob"));
    }
    assert_eq!(left.first().map(|kept| kept.letter.id.0), Some(2001));
}

#[test]
fn one_senders_quota_is_not_anothers() {
    let Some(server) = Server::start("one_senders_quota", Keeps::Mail) else {
        return;
    };
    let limits = Limits { quota: 3, ..LIMITS };
    let mut one = Station::with(&server, "c", limits);
    let mut keep = |from: &str, to: &str, id| {
        let ticket = one.send(letter(from, to, id), b"x", Way::Keep);
        one.settled(ticket)
    };
    for id in 1..=3 {
        assert_eq!(keep("alice", "bob", id), KEPT);
    }
    assert_eq!(keep("alice", "bob", 4), refused(Why::Quota));
    assert_eq!(keep("alice", "bob", 3), KEPT);
    assert_eq!(keep("carol", "bob", 1), KEPT);
    assert_eq!(keep("alice", "carol", 5), KEPT);
}

#[test]
fn what_is_said_in_a_room_is_heard_at_all_relays() {
    let Some(server) = Server::start("what_is_said", Keeps::Mail) else {
        return;
    };
    let (mut one, mut other) = (Station::new(&server, "c"), Station::new(&server, "c"));
    let room = name("lobby");
    for station in [&mut one, &mut other] {
        station.run(vec![Errand::Enter { room }]);
        // What a relay says comes back when it hears the room.
        let ticket = say(station, 1, b"");
        assert_eq!(station.settled(ticket), Outcome::Taken);
    }
    let long: Vec<u8> = (0..MAX_CONTENT).map(|at| at as u8).collect();
    let tickets = [say(&mut one, 2, &long), say(&mut one, 3, b"after")];
    for expected in [&long[..], b"after"] {
        let content = other.hear(|news| match news {
            News::Said { content, said } if said.id.0 > 1 => Some(content.clone()),
            _ => None,
        });
        assert!(content == expected);
    }
    tickets.map(|ticket| assert_eq!(one.settled(ticket), Outcome::Taken));
    let happened = Happened {
        room,
        who: Origin::Name(name("alice")),
        what: Happening::Joined,
    };
    one.run(vec![Errand::Happened(happened)]);
    other.hear(|news| (*news == News::Happened(happened)).then_some(()));
    other.run(vec![Errand::Leave { room }]);
    let ticket = say(&mut one, 4, b"to nobody");
    assert_eq!(one.settled(ticket), Outcome::Taken);
    let own = |news: &News| matches!(news, News::Said { said, .. } if said.id.0 > 1);
    assert!(!one.others().iter().any(own));
    assert!(!one.others().contains(&News::Happened(happened)));
}

fn say(station: &mut Station, id: u64, content: &[u8]) -> proto::relay::hub::elsewhere::Ticket {
    let ticket = station.ticket();
    station.run(vec![Errand::Say {
        ticket,
        said: Said {
            relay: RelayId(0),
            number: 0,
            room: name("lobby"),
            from: Origin::Name(name("alice")),
            id: MessageId(id),
            body: Body::Plain,
            total: content.len() as u32,
            at: 0,
        },
        content: content.to_vec(),
    }]);
    ticket
}

#[test]
fn relays_know_each_other_and_are_asked() {
    let Some(server) = Server::start("relays_know", Keeps::Mail) else {
        return;
    };
    let (mut one, mut other) = (Station::new(&server, "c"), Station::new(&server, "c"));
    let relays = one.fleet(|relays| relays.len() == 2);
    other.fleet(|relays| relays.len() == 2);
    assert!(
        relays
            .iter()
            .all(|relay| relay.label == "test" && relay.sessions == 7)
    );
    assert_ne!(relays[0].id, relays[1].id);

    let (ticket, asked) = (one.ticket(), Asked::Who(name("lobby")));
    one.run(vec![Errand::Gather { ticket, asked }]);
    let reply = other.hear(|news| match news {
        News::Asked {
            reply,
            asked: found,
        } if *found == asked => Some(*reply),
        _ => None,
    });
    let member = Member {
        who: Origin::Name(name("bob")),
        dropped: 0,
    };
    let listed = Listed::Members(vec![member]);
    for _ in 0..2 {
        let listed = listed.clone();
        other.run(vec![Errand::Answer { reply, listed }]);
    }
    let mut came = Vec::new();
    loop {
        let (listed, is_all) = one.hear(|news| match news {
            News::Gathered { listed, is_all, .. } => Some((listed.clone(), *is_all)),
            _ => None,
        });
        came.extend(listed);
        if is_all {
            break;
        }
    }
    assert_eq!(came, [listed.clone(), listed]);
    let asks = |news: &News| matches!(news, News::Asked { .. });
    assert!(!one.others().iter().any(asks));
}

#[test]
fn a_name_is_at_one_relay() {
    let Some(server) = Server::start("a_name_is_at_one", Keeps::Mail) else {
        return;
    };
    let (mut one, mut other) = (Station::new(&server, "c"), Station::new(&server, "c"));
    let bob = name("bob");
    one.begin(bob);
    // A session is told from another that began at once by its age.
    std::thread::sleep(Duration::from_millis(300));
    other.begin(bob);
    one.hear(|news| (*news == News::Superseded { name: bob }).then_some(()));
    one.run(vec![Errand::Absent { name: bob }]);
    // It may still come to the relay that has just lost its receiver.
    let ticket = one.send(letter("alice", "bob", 1), b"x", Way::Find);
    let is_settled = |news: &News| matches!(news, News::Settled { .. });
    let sent = |news: &News| match news {
        News::Letter { reply, .. } => Some(*reply),
        _ => None,
    };
    let end = Instant::now() + PATIENCE;
    while !one.others().iter().any(is_settled) {
        assert!(Instant::now() < end, "neither brought nor kept");
        if let Some(reply) = other.others().iter().find_map(sent) {
            answer(&other, reply, Passed::Taken);
        }
        std::thread::yield_now();
    }
    if one.settled(ticket) == KEPT {
        other.hear(|news| (*news == News::MailWaits { name: bob }).then_some(()));
    }
    let ticket = one.send(letter("alice", "bob", 2), b"x", Way::Find);
    let (reply, ..) = other.hear(|news| match news {
        News::Letter { reply, letter, .. } if letter.id.0 == 2 => Some((*reply, ())),
        _ => None,
    });
    answer(&other, reply, Passed::Taken);
    assert_eq!(one.settled(ticket), Outcome::Taken);
    let ended = |news: &News| matches!(news, News::Superseded { .. });
    assert!(!other.others().iter().any(ended));
}

#[test]
fn a_server_that_is_killed_costs_time_and_no_letter() {
    let Some(mut server) = Server::start("a_server_that_is_killed", Keeps::Mail) else {
        return;
    };
    let (mut one, mut other) = (Station::new(&server, "c"), Station::new(&server, "c"));
    let bob = name("bob");
    other.begin(bob);
    let early = one.send(letter("alice", "bob", 1), b"1", Way::Find);
    // It is with the other relay, and its answer never comes.
    passed(&mut other);
    let kept = one.send(letter("alice", "carol", 1), b"1", Way::Keep);
    assert_eq!(one.settled(kept), KEPT);
    server.kill();
    one.fleet(|relays| relays[0].troubles == [Trouble::CutOff]);
    let late = one.send(letter("alice", "bob", 2), b"2", Way::Find);
    let lost = one.send(letter("alice", "dave", 1), b"3", Way::Keep);
    assert_eq!(one.settled(late), refused(Why::CutOff));
    assert_eq!(one.settled(lost), refused(Why::CutOff));
    assert_eq!(
        one.claim(name("new"), keys(1)),
        News::Claimed {
            name: name("new"),
            claimed: Claimed::CutOff
        }
    );
    let again = one.send(letter("alice", "dave", 2), b"4", Way::Keep);
    server.go();
    assert_eq!(one.settled(early), KEPT);
    assert_eq!(one.settled(again), KEPT);
    other.hear(|news| (*news == News::MailWaits { name: bob }).then_some(()));
    let ids = |letters: Vec<proto::relay::letter::Kept>| {
        letters
            .iter()
            .map(|kept| kept.letter.id.0)
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(other.fetch_all(bob)), [1]);
    assert_eq!(ids(other.begin(name("carol"))), [1]);
    assert_eq!(ids(other.begin(name("dave"))), [2]);
    one.fleet(|relays| relays[0].troubles.is_empty());
    let direct = one.send(letter("alice", "bob", 3), b"3", Way::Find);
    let (reply, id, _) = passed(&mut other);
    assert_eq!(id, 3);
    answer(&other, reply, Passed::Taken);
    assert_eq!(one.settled(direct), Outcome::Taken);
}

#[test]
fn a_relay_starts_before_its_server() {
    let Some(mut server) = Server::start("a_relay_starts_before", Keeps::Mail) else {
        return;
    };
    server.kill();
    let mut one = Station::new(&server, "c");
    one.fleet(|relays| relays[0].troubles == [Trouble::CutOff]);
    server.go();
    one.fleet(|relays| relays[0].troubles.is_empty());
    let kept = one.send(letter("alice", "bob", 1), b"1", Way::Keep);
    assert_eq!(one.settled(kept), KEPT);
}

#[test]
fn a_server_without_jetstream_keeps_nothing() {
    let Some(server) = Server::start("a_server_without", Keeps::Nothing) else {
        return;
    };
    let (mut one, mut other) = (Station::new(&server, "c"), Station::new(&server, "c"));
    one.fleet(|relays| relays[0].troubles == [Trouble::NoMail]);
    let kept = one.send(letter("alice", "bob", 1), b"1", Way::Keep);
    assert_eq!(one.settled(kept), refused(Why::CutOff));
    other.run(vec![Errand::Present { name: name("bob") }]);
    // Until the other relay hears for the name there is nobody who takes the letter.
    let end = Instant::now() + PATIENCE;
    for id in 2.. {
        let ticket = one.send(letter("alice", "bob", id), b"1", Way::Find);
        let is_settled =
            |news: &News| matches!(news, News::Settled { ticket: found, .. } if *found == ticket);
        let reply = |news: &News| match news {
            News::Letter { reply, letter, .. } if letter.id.0 == id => Some(*reply),
            _ => None,
        };
        while !one.others().iter().any(is_settled) {
            assert!(Instant::now() < end, "nobody takes the letter");
            if let Some(reply) = other.others().iter().find_map(reply) {
                answer(&other, reply, Passed::Taken);
                assert_eq!(one.settled(ticket), Outcome::Taken);
                return;
            }
            std::thread::yield_now();
        }
    }
}
