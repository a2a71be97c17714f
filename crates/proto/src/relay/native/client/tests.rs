//! A client and a relay that says what a test tells it to.

use super::*;
use crate::frame::Prefix;
use crate::relay::native::frames::{Answer, Ask, Delivery, Receipt, Reply};
use crate::relay::native::handshake::{Challenge, Cookie, Hello, Refusal, Refused, Register};
use crate::relay::native::{MAX_FRAGMENT, MAX_UNANSWERED, Token};

mod several;

const FIRST: u64 = 1 << 50;

fn ms(time: u64) -> Duration {
    Duration::from_millis(time)
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn identity(number: u8) -> Identity {
    Identity::new([number; 32])
}

fn to(port: u16) -> To {
    To::Address(([192, 0, 2, 1], port).into())
}

fn id(number: u64) -> MessageId {
    MessageId(FIRST + number)
}

fn client(who: Option<&str>) -> Client {
    let settings = Settings {
        name: who.map(|who| (name(who), identity(1))),
        seed: [7; 32],
        first: MessageId(FIRST),
    };
    Client::new(settings, ms(0))
}

fn said(client: &mut Client, now: Duration) -> Vec<Vec<u8>> {
    let mut said = Vec::new();
    client.transmit(now, |datagram| said.push(datagram.to_vec()));
    said
}

fn told(client: &mut Client) -> Vec<Event> {
    std::iter::from_fn(|| client.next_event()).collect()
}

fn wire<M: Message>(message: &M, bulk: &[u8]) -> Vec<u8> {
    let mut wire = Vec::new();
    frame::encode(message, bulk, &mut wire).unwrap();
    wire
}

fn kinds(datagrams: &[Vec<u8>]) -> Vec<u8> {
    let kind = |datagram: &Vec<u8>| Prefix::decode(datagram).unwrap().unwrap().kind;
    datagrams.iter().map(kind).collect()
}

/// The relay's side of a session.
struct Relay {
    link: Link,
}

impl Relay {
    /// Lets the client register: it has said hello.
    fn new(client: &mut Client, token: u8, now: Duration) -> Self {
        Self::that_took(MessageId(0), client, token, now)
    }

    /// The same, of a relay that has taken messages of this name up to this one.
    fn that_took(last: MessageId, client: &mut Client, token: u8, now: Duration) -> Self {
        Self::of_epoch(1, last, client, token, now)
    }

    fn of_epoch(
        epoch: u64,
        last: MessageId,
        client: &mut Client,
        token: u8,
        now: Duration,
    ) -> Self {
        let hello = said(client, now).pop().expect("a hello");
        let (Hello { nonce, .. }, _) = frame::decode_datagram(&hello).unwrap();
        let cookie = Cookie([3; 16]);
        client.receive(&wire(&Challenge { nonce, cookie }, &[]), now);
        let register = said(client, now).pop().expect("a registration");
        let (register, _) = frame::decode_datagram::<Register>(&register).unwrap();
        assert_eq!((register.nonce, register.cookie), (nonce, cookie));
        let token = Token([token; 8]);
        let registered = Registered {
            nonce,
            token,
            at: ([192, 0, 2, 9], 9).into(),
            epoch,
            last,
        };
        client.receive(&wire(&registered, &[]), now);
        let link = Link::new(token);
        Self { link }
    }

    /// What the client says now, frame by frame.
    fn hears(&mut self, client: &mut Client, now: Duration) -> Vec<Vec<u8>> {
        let mut heard = Vec::new();
        for datagram in said(client, now) {
            if let Received::Next(mut frames) = self.link.receive(&datagram, now) {
                while let Ok(Some(prefix)) = Prefix::decode(frames) {
                    let (frame, rest) = frames.split_at(prefix.frame_length() as usize);
                    heard.push(frame.to_vec());
                    frames = rest;
                }
            }
        }
        heard
    }

    fn hears_messages(&mut self, client: &mut Client, now: Duration) -> Vec<(Send, Vec<u8>)> {
        let decode = |frame: Vec<u8>| {
            let frame = frame::decode::<Send>(&frame).unwrap().unwrap();
            (frame.message, frame.bulk.to_vec())
        };
        self.hears(client, now).into_iter().map(decode).collect()
    }

    fn says<M: Message>(&mut self, message: &M, bulk: &[u8], client: &mut Client, now: Duration) {
        self.link.push(&wire(message, bulk));
        self.link
            .transmit(now, |packet| client.receive(packet, now));
    }

    fn tells(&mut self, first: u64, last: u64, stage: Stage, client: &mut Client) {
        let (first, last) = (id(first), id(last));
        self.says(&Receipt { first, last, stage }, &[], client, ms(0));
    }
}

fn joined(who: Option<&str>) -> (Client, Relay) {
    let mut client = client(who);
    let relay = Relay::new(&mut client, 1, ms(0));
    assert!(matches!(told(&mut client)[..], [Event::Registered { .. }]));
    (client, relay)
}

fn receipt(first: u64, last: u64, stage: Stage) -> Event {
    let (first, last) = (id(first), id(last));
    Event::Receipt { first, last, stage }
}

#[test]
fn hello_is_said_ever_more_rarely() {
    let mut client = client(None);
    let mut times = Vec::new();
    for _ in 0..8 {
        let due = client.deadline().unwrap();
        assert_eq!(kinds(&said(&mut client, due)), [Hello::KIND]);
        assert!(said(&mut client, due).is_empty());
        times.push(due.as_millis());
    }
    assert_eq!(times, [0, 250, 750, 1750, 3750, 7750, 12_750, 17_750]);
}

#[test]
fn a_cookie_that_nobody_takes_is_asked_for_again() {
    let mut client = client(None);
    let hello = said(&mut client, ms(0)).pop().unwrap();
    let (Hello { nonce, .. }, _) = frame::decode_datagram(&hello).unwrap();
    let cookie = Cookie([3; 16]);
    client.receive(&wire(&Challenge { nonce, cookie }, &[]), ms(1));
    let mut all = Vec::new();
    for _ in 0..6 {
        let due = client.deadline().unwrap();
        all.extend(kinds(&said(&mut client, due)));
    }
    assert_eq!(
        all,
        [
            Register::KIND,
            Register::KIND,
            Register::KIND,
            Register::KIND,
            Register::KIND,
            Hello::KIND
        ]
    );
}

#[test]
fn a_classic_relay_is_known_by_its_answer() {
    let mut client = client(None);
    said(&mut client, ms(0));
    client.receive(b"400", ms(1));
    client.receive(b"400", ms(2));
    assert_eq!(told(&mut client), [Event::Classic]);
    assert_eq!(client.deadline(), None);
}

#[test]
fn a_refusal_is_final_unless_it_was_too_fast() {
    for (why, events, deadline) in [
        (
            Refusal::NameTaken,
            vec![Event::Refused(Refusal::NameTaken)],
            None,
        ),
        (Refusal::TooFast, vec![], Some(ms(5000))),
    ] {
        let mut client = client(Some("alice"));
        let hello = said(&mut client, ms(0)).pop().unwrap();
        let (Hello { nonce, .. }, _) = frame::decode_datagram(&hello).unwrap();
        let cookie = Cookie([3; 16]);
        client.receive(&wire(&Challenge { nonce, cookie }, &[]), ms(1));
        said(&mut client, ms(1));
        client.receive(&wire(&Refused { nonce, why }, &[]), ms(2));
        assert_eq!((told(&mut client), client.deadline()), (events, deadline));
    }
}

#[test]
fn messages_without_a_verdict_are_said_again_in_order() {
    let (mut client, mut relay) = joined(None);
    for number in 0..4 {
        assert_eq!(
            client.send(to(5), &[number; 3], Wants::Nothing, ms(0)),
            Ok(id(number.into()))
        );
    }
    client.read(Origin::Name(name("bob")), id(0));
    assert_eq!(relay.hears(&mut client, ms(0)).len(), 5);
    relay.tells(1, 1, Stage::Queued, &mut client);
    relay.tells(0, 2, Stage::Refused(Why::Away), &mut client);
    let away = Stage::Refused(Why::Away);
    let expected = [
        receipt(1, 1, Stage::Queued),
        receipt(0, 0, away),
        receipt(2, 2, away),
    ];
    assert_eq!(told(&mut client), expected, "a verdict is given once");
    client.receive(
        &wire(
            &Gone {
                token: Token([1; 8]),
            },
            &[],
        ),
        ms(300),
    );
    assert_eq!(told(&mut client), [Event::Lost]);
    client
        .send(to(5), &[4; 3], Wants::Nothing, ms(300))
        .unwrap();
    let due = client.deadline().unwrap();
    let mut relay = Relay::new(&mut client, 2, due);
    let again = relay.hears_messages(&mut client, due);
    let again: Vec<_> = again
        .into_iter()
        .map(|(send, content)| (send.id, content))
        .collect();
    assert_eq!(again, [(id(3), vec![3; 3]), (id(4), vec![4; 3])]);
    assert_eq!(client.unanswered(), 2);
    relay.tells(3, 4, Stage::Queued, &mut client);
    assert_eq!(client.unanswered(), 0);
}

#[test]
fn too_many_without_a_verdict_wait() {
    let (mut client, mut relay) = joined(None);
    for _ in 0..MAX_UNANSWERED {
        client.send(to(5), b"", Wants::Nothing, ms(0)).unwrap();
    }
    assert_eq!(
        client.send(to(5), b"", Wants::Nothing, ms(0)),
        Err(SendError::Full)
    );
    relay.tells(0, 0, Stage::Queued, &mut client);
    client.send(to(5), b"", Wants::Nothing, ms(0)).unwrap();
    relay.tells(0, MAX_UNANSWERED as u64, Stage::Queued, &mut client);
    let large = vec![0; MAX_CONTENT];
    assert!(client.send(to(5), &large, Wants::Nothing, ms(0)).is_ok());
    assert!(client.send(to(5), &large, Wants::Nothing, ms(0)).is_ok());
    assert_eq!(
        client.send(to(5), b"1", Wants::Nothing, ms(0)),
        Err(SendError::Full)
    );
    let longer = vec![0; MAX_CONTENT + 1];
    let refused = client.send(to(5), &longer, Wants::Nothing, ms(0));
    assert_eq!(refused, Err(SendError::TooLong(MAX_CONTENT + 1)));
}

#[test]
fn long_contents_travel_in_parts() {
    let (mut client, mut relay) = joined(None);
    let content: Vec<u8> = (0..3 * MAX_FRAGMENT).map(|at| at as u8).collect();
    for (length, parts) in [
        (MAX_FRAGMENT, vec![Part::Whole]),
        (
            MAX_FRAGMENT + 1,
            vec![Part::First(MAX_FRAGMENT as u32 + 1), Part::Last],
        ),
        (
            3 * MAX_FRAGMENT,
            vec![Part::First(3 * MAX_FRAGMENT as u32), Part::Next, Part::Last],
        ),
    ] {
        let content = &content[..length];
        client.send(to(5), content, Wants::Nothing, ms(0)).unwrap();
        let said = relay.hears_messages(&mut client, ms(0));
        assert_eq!(
            said.iter().map(|(send, _)| send.part).collect::<Vec<_>>(),
            parts
        );
        for (send, part) in said {
            let delivery = Delivery {
                waited: 0,
                from: Origin::Name(name("bob")),
                room: None,
                id: send.id,
                part: send.part,
                wants: Wants::Nothing,
                body: Body::Plain,
            };
            relay.says(&delivery, &part, &mut client, ms(0));
        }
        let Event::Message(incoming) = client.next_event().unwrap() else {
            panic!("no message of {length} bytes");
        };
        assert!(incoming.content == content);
    }
}

#[test]
fn what_was_heard_before_is_dropped() {
    let (mut client, mut relay) = joined(None);
    let mut delivery = Delivery {
        waited: 0,
        from: Origin::Name(name("bob")),
        room: None,
        id: MessageId(7),
        part: Part::Whole,
        wants: Wants::Nothing,
        body: Body::Plain,
    };
    for (number, is_new) in [(7, true), (7, false), (6, true), (8, true), (6, false)] {
        delivery.id = MessageId(number);
        relay.says(&delivery, b"hi", &mut client, ms(0));
        assert_eq!(client.next_message().is_some(), is_new, "{number}");
    }
}

/// The number of the question that was asked, for a name's keys.
fn asked(frame: &[u8]) -> (u32, Question) {
    let ask = frame::decode::<Ask>(frame).unwrap().unwrap().message;
    (ask.number, ask.question)
}

#[test]
fn a_message_waits_for_its_receivers_keys_and_others_pass() {
    let (mut client, mut relay) = joined(Some("alice"));
    let bob = To::Name(name("bob"));
    client.send(bob, b"one", Wants::Delivered, ms(0)).unwrap();
    client.send(to(5), b"two", Wants::Nothing, ms(0)).unwrap();
    client.send(bob, b"three", Wants::Delivered, ms(0)).unwrap();
    let frames = relay.hears(&mut client, ms(0));
    let (number, question) = asked(&frames[0]);
    assert_eq!(question, Question::Keys(name("bob")));
    assert_eq!(frames.len(), 2);
    relay.tells(1, 1, Stage::Queued, &mut client);
    let reply = Reply::Keys(Some(identity(2).keys()));
    let answer = Answer {
        number,
        reply,
        more: false,
    };
    relay.says(&answer, &[], &mut client, ms(0));
    let key = identity(2).keys().signing;
    let met = Event::KeyMet {
        name: name("bob"),
        key,
    };
    assert_eq!(told(&mut client), [receipt(1, 1, Stage::Queued), met]);
    let said = relay.hears_messages(&mut client, ms(0));
    let numbers: Vec<_> = said.iter().map(|(send, _)| (send.id, send.body)).collect();
    assert_eq!(
        numbers,
        [(id(3), Body::Sealed), (id(4), Body::Sealed)],
        "numbers grow on the wire"
    );
    let mut bob = Keys::new((name("bob"), identity(2)), &[9; 32]);
    let mut events = Events::default();
    for (send, sealed) in &said {
        let head = Arrived {
            from: Origin::Name(name("alice")),
            room: None,
            id: send.id,
            waited: 0,
            content: &[],
            body: Body::Sealed,
            wants: send.wants,
        };
        bob.open(head, sealed, &mut events);
    }
    assert!(matches!(events.next(), Some(Event::KeyMet { .. })));
    assert_eq!(events.next_message().unwrap().content, b"one");
    assert_eq!(events.next_message().unwrap().content, b"three");
    relay.tells(3, 4, Stage::Queued, &mut client);
    relay.tells(3, 4, Stage::Delivered, &mut client);
    let expected = [
        receipt(0, 0, Stage::Queued),
        receipt(2, 2, Stage::Queued),
        receipt(0, 0, Stage::Delivered),
        receipt(2, 2, Stage::Delivered),
    ];
    assert_eq!(
        told(&mut client),
        expected,
        "the caller knows them by their first numbers"
    );
}

#[test]
fn nobody_has_the_name() {
    let (mut client, mut relay) = joined(Some("alice"));
    client
        .send(To::Name(name("bob")), b"one", Wants::Nothing, ms(0))
        .unwrap();
    let (number, _) = asked(&relay.hears(&mut client, ms(0))[0]);
    let answer = Answer {
        number,
        reply: Reply::Keys(None),
        more: false,
    };
    relay.says(&answer, &[], &mut client, ms(0));
    assert_eq!(
        told(&mut client),
        [receipt(0, 0, Stage::Refused(Why::Unknown))]
    );
    assert_eq!(client.unanswered(), 0);
}

#[test]
fn a_changed_key_holds_messages_back_both_ways() {
    let (mut client, mut relay) = joined(Some("alice"));
    let (was, is) = (identity(2).keys().signing, identity(3).keys().signing);
    client.trust(name("bob"), was);
    client
        .send(To::Name(name("bob")), b"one", Wants::Nothing, ms(0))
        .unwrap();
    let (number, _) = asked(&relay.hears(&mut client, ms(0))[0]);
    let reply = Reply::Keys(Some(identity(3).keys()));
    relay.says(
        &Answer {
            number,
            reply,
            more: false,
        },
        &[],
        &mut client,
        ms(0),
    );
    let changed = Event::KeyChanged {
        name: name("bob"),
        was,
        is,
    };
    assert_eq!(told(&mut client), [changed]);
    let mut bob = Keys::new((name("bob"), identity(3)), &[9; 32]);
    bob.ready(name("alice"));
    bob.answered(
        name("alice"),
        Some(identity(1).keys()),
        &mut Events::default(),
    );
    let sealed = bob
        .seal(name("alice"), MessageId(5), b"back", ms(0))
        .unwrap();
    let delivery = Delivery {
        waited: 0,
        from: Origin::Name(name("bob")),
        room: None,
        id: MessageId(5),
        part: Part::Whole,
        wants: Wants::Nothing,
        body: Body::Sealed,
    };
    relay.says(&delivery, &sealed, &mut client, ms(0));
    assert_eq!(told(&mut client), [], "told once");
    assert!(relay.hears(&mut client, ms(0)).is_empty());
    client.trust(name("bob"), is);
    assert_eq!(client.next_message().unwrap().content, b"back");
    assert_eq!(relay.hears_messages(&mut client, ms(0)).len(), 1);
}

#[test]
fn a_content_that_does_not_open_is_told() {
    let (mut client, mut relay) = joined(Some("alice"));
    let from = Origin::Name(name("bob"));
    let delivery = Delivery {
        waited: 0,
        from,
        room: None,
        id: MessageId(5),
        part: Part::Whole,
        wants: Wants::Nothing,
        body: Body::Sealed,
    };
    relay.says(&delivery, &[1; 300], &mut client, ms(0));
    let id = MessageId(5);
    assert_eq!(told(&mut client), [Event::Unreadable { from, id }]);
}

#[test]
fn a_silent_relay_is_asked_and_given_up() {
    let (mut client, mut relay) = joined(None);
    relay.hears(&mut client, ms(0));
    let mut now = ms(0);
    while now < KEEP_ALIVE {
        now = client.deadline().unwrap().max(now + ms(1));
        said(&mut client, now);
    }
    assert_eq!(told(&mut client), []);
    while now < KEEP_ALIVE + ALONE.answered {
        now = client.deadline().unwrap().max(now + ms(1));
        said(&mut client, now);
    }
    assert_eq!(told(&mut client), [Event::Lost]);
}

#[test]
fn it_is_done_when_all_has_a_verdict_and_the_relay_hears_the_goodbye() {
    let (mut client, mut relay) = joined(None);
    client.send(to(5), b"hi", Wants::Nothing, ms(0)).unwrap();
    assert!(!client.is_done());
    relay.hears(&mut client, ms(0));
    relay.tells(0, 0, Stage::Queued, &mut client);
    assert!(client.is_done());
    client.close();
    let frames = relay.hears(&mut client, ms(1));
    assert_eq!(frames, [wire(&Bye { why: Ending::Done }, &[])]);
    relay
        .link
        .transmit(ms(1), |packet| client.receive(packet, ms(1)));
    said(&mut client, ms(1));
    assert_eq!(client.deadline(), None);
    assert!(client.is_done());
}

#[test]
fn what_comes_after_the_goodbye_is_neither_told_nor_acknowledged() {
    let (mut client, mut relay) = joined(None);
    client.close();
    relay.hears(&mut client, ms(1));
    let late = Delivery {
        waited: 0,
        from: Origin::Name(name("bob")),
        room: None,
        id: MessageId(7),
        part: Part::Whole,
        wants: Wants::Nothing,
        body: Body::Plain,
    };
    relay.says(&late, b"too late", &mut client, ms(1));
    assert_eq!(told(&mut client), []);
    relay.hears(&mut client, ms(2));
    assert!(relay.link.backlog() > 0, "it is not acknowledged");
}

#[test]
fn an_ending_elsewhere_is_final_and_a_stop_is_not() {
    for (why, is_final) in [(Ending::Elsewhere, true), (Ending::Stopping, false)] {
        let (mut client, mut relay) = joined(None);
        relay.says(&Bye { why }, &[], &mut client, ms(0));
        assert_eq!(told(&mut client), [Event::Ended(why)]);
        assert_eq!(client.deadline().is_none(), is_final, "{why:?}");
    }
}

#[test]
fn a_clock_that_was_set_back_makes_no_number_twice() {
    let mut client = client(None);
    let early = client.send(to(5), b"early", Wants::Nothing, ms(0));
    assert_eq!((early, client.unanswered()), (Ok(id(0)), 1));
    let mut relay = Relay::that_took(id(1_000_000), &mut client, 1, ms(0));
    let late = client.send(to(5), b"late", Wants::Nothing, ms(0));
    assert_eq!(late, Ok(id(1_000_002)));
    let heard = relay.hears_messages(&mut client, ms(0));
    let heard: Vec<_> = heard
        .iter()
        .map(|(send, content)| (send.id, &content[..]))
        .collect();
    assert_eq!(
        heard,
        [(id(1_000_001), &b"early"[..]), (id(1_000_002), b"late")]
    );
    told(&mut client);
    relay.tells(1_000_001, 1_000_002, Stage::Queued, &mut client);
    let expected = [
        receipt(0, 0, Stage::Queued),
        receipt(1_000_002, 1_000_002, Stage::Queued),
    ];
    assert_eq!(
        told(&mut client),
        expected,
        "the caller knows each by its own number"
    );
}
