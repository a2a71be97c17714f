//! A client of one relay of several: what it hears again, and how it goes from one to another.

use super::*;
use crate::relay::native::frames::{Joined, RelayState};

fn from_bob(number: u64, part: Part) -> Delivery {
    Delivery {
        waited: 0,
        from: Origin::Name(name("bob")),
        room: None,
        id: MessageId(number),
        part,
        wants: Wants::Nothing,
        body: Body::Plain,
    }
}

/// The numbers of the messages that came.
fn heard(client: &mut Client) -> Vec<u64> {
    let number = |event| match event {
        Event::Message(message) => Some(message.id.0),
        _ => None,
    };
    told(client).into_iter().filter_map(number).collect()
}

/// The client is with another relay now.
fn moved(client: &mut Client, epoch: u8, now: Duration) -> Relay {
    client.elsewhere(Round::First, now);
    let due = client.deadline().unwrap();
    Relay::of_epoch(epoch.into(), MessageId(0), client, epoch, due)
}

#[test]
fn how_long_a_message_has_waited_is_handed_on() {
    let (mut client, mut relay) = joined(None);
    let delivery = Delivery {
        waited: 3600,
        ..from_bob(7, Part::Whole)
    };
    relay.says(&delivery, b"hi", &mut client, ms(0));
    assert_eq!(client.next_message().unwrap().waited, 3600);
}

#[test]
fn a_message_that_was_interrupted_was_not_heard() {
    let (mut client, mut relay) = joined(None);
    let first = from_bob(7, Part::First(MAX_FRAGMENT as u32 + 1));
    relay.says(&first, &[1; MAX_FRAGMENT], &mut client, ms(0));
    relay.says(&from_bob(9, Part::Whole), b"x", &mut client, ms(0));
    assert_eq!(heard(&mut client), [9]);
    let mut relay = moved(&mut client, 2, ms(300));
    for _ in 0..2 {
        relay.says(&first, &[1; MAX_FRAGMENT], &mut client, ms(300));
        relay.says(&from_bob(7, Part::Last), b"2", &mut client, ms(300));
    }
    assert_eq!(heard(&mut client), [7], "and it comes once");
}

#[test]
fn what_a_room_has_said_does_not_come_again_from_another_relay() {
    let (mut client, mut relay) = joined(None);
    let room = name("lobby");
    client.join(room, None);
    let say = |relay: &mut Relay, client: &mut Client, place, number| {
        let room = Some((room, place));
        let delivery = Delivery {
            room,
            ..from_bob(number, Part::Whole)
        };
        relay.says(&delivery, b"x", client, ms(400));
    };
    let enter = |relay: &mut Relay, client: &mut Client, epoch, place, kept| {
        let joined = Joined {
            room,
            mark: Mark { epoch, place },
            kept,
            missed: None,
            members: 2,
        };
        relay.says(&joined, &[], client, ms(400));
    };
    enter(&mut relay, &mut client, 1, 0, 0);
    for (place, number) in [(1, 10), (2, 12)] {
        say(&mut relay, &mut client, place, number);
    }
    assert_eq!(heard(&mut client), [10, 12]);
    let mut relay = moved(&mut client, 2, ms(400));
    enter(&mut relay, &mut client, 2, 4, 4);
    for (place, number) in [(1, 10), (2, 11), (3, 12), (4, 13)] {
        say(&mut relay, &mut client, place, number);
    }
    assert_eq!(heard(&mut client), [11, 13]);
}

#[test]
fn one_of_several_that_is_silent_is_given_up_sooner() {
    let (mut client, mut relay) = joined(None);
    client.expect_others();
    client.join(name("lobby"), None);
    relay.hears(&mut client, ms(0));
    relay
        .link
        .transmit(ms(0), |packet| client.receive(packet, ms(0)));
    let mut now = ms(0);
    while client.is_registered() {
        now = client.deadline().unwrap().max(now + ms(1));
        said(&mut client, now);
    }
    assert_eq!(told(&mut client), [Event::Lost]);
    assert_eq!(now, OF_SEVERAL.silent + OF_SEVERAL.answered);
}

#[test]
fn greetings_are_no_storm_when_no_relay_answers() {
    let mut client = client(None);
    let mut times = Vec::new();
    for step in 0..8 {
        let due = client.deadline().unwrap();
        assert_eq!(kinds(&said(&mut client, due)), [Hello::KIND]);
        times.push(due.as_millis());
        let round = if step < 2 { Round::First } else { Round::Later };
        client.elsewhere(round, due);
    }
    assert_eq!(
        times,
        [0, 250, 500, 750, 1250, 2250, 4250, 8250],
        "at once in the first round, then ever more rarely"
    );
}

#[test]
fn who_is_put_off_or_refused_may_go_elsewhere() {
    for (why, event) in [
        (Refusal::CutOff, None),
        (Refusal::Full, Some(Event::Refused(Refusal::Full))),
    ] {
        let mut client = client(Some("alice"));
        let hello = said(&mut client, ms(0)).pop().unwrap();
        let (Hello { nonce, .. }, _) = frame::decode_datagram(&hello).unwrap();
        let cookie = Cookie([3; 16]);
        client.receive(&wire(&Challenge { nonce, cookie }, &[]), ms(1));
        said(&mut client, ms(1));
        client.receive(&wire(&Refused { nonce, why }, &[]), ms(2));
        assert_eq!(client.next_event(), event);
        assert_eq!(client.put_off().is_some(), event.is_none());
        client.elsewhere(Round::First, ms(2));
        assert_eq!(client.put_off(), None);
        assert_eq!(client.deadline(), Some(ms(250)));
        Relay::new(&mut client, 1, ms(250));
        assert!(client.is_registered());
    }
}

#[test]
fn a_client_that_is_done_goes_nowhere() {
    let (mut client, _) = joined(None);
    client.close();
    client.elsewhere(Round::First, ms(1));
    assert_eq!((client.is_registered(), client.deadline()), (false, None));
}

#[test]
fn keys_that_were_known_hold_where_another_relay_cannot_say() {
    let (mut client, mut relay) = joined(Some("alice"));
    let bob = To::Name(name("bob"));
    client.send(bob, b"one", Wants::Nothing, ms(0)).unwrap();
    let (number, _) = asked(&relay.hears(&mut client, ms(0))[0]);
    let says = |keys| Answer {
        number,
        reply: Reply::Keys(keys),
        more: false,
    };
    let keys = Some(identity(2).keys());
    relay.says(&says(keys), &[], &mut client, ms(0));
    let first = relay.hears_messages(&mut client, ms(0));
    relay.tells(1, 1, Stage::Queued, &mut client);
    assert_eq!(first.len(), 1);
    let mut relay = moved(&mut client, 2, ms(300));
    client.send(bob, b"two", Wants::Nothing, ms(300)).unwrap();
    let (number, question) = asked(&relay.hears(&mut client, ms(300))[0]);
    assert_eq!(question, Question::Keys(name("bob")));
    let says = Answer {
        number,
        reply: Reply::Keys(None),
        more: false,
    };
    relay.says(&says, &[], &mut client, ms(300));
    let second = relay.hears_messages(&mut client, ms(300));
    assert_eq!(second[0].0.body, Body::Sealed);
}

#[test]
fn a_long_list_of_relays_comes_in_parts() {
    let (mut client, mut relay) = joined(None);
    let number = client.ask(Question::Relays);
    relay.hears(&mut client, ms(0));
    for (id, more) in [(1, true), (2, false)] {
        let reply = Reply::Relays(vec![RelayState {
            id,
            ..RelayState::default()
        }]);
        let answer = Answer {
            number,
            reply,
            more,
        };
        relay.says(&answer, &[], &mut client, ms(0));
    }
    let Some(Event::Answer(answer)) = client.next_event() else {
        panic!("no answer");
    };
    assert!(matches!(&answer.reply, Reply::Relays(relays) if relays.len() == 2));
}
