//! The lanes, with a carrier that writes down what it is to do.

use proto::relay::native::MessageId;
use proto::relay::native::frames::{Body, Wants};

use super::*;

#[derive(Debug, PartialEq)]
enum Did {
    Ask(u64),
    Store(u64),
    Look,
    Settle(u64, Outcome),
    Tell,
    Discard(u64),
}

const STORED: Answer = Answer::Stored(Place(9));

#[derive(Default)]
struct Notes(Vec<Did>);

impl Carrier for Notes {
    fn ask(&mut self, _to: Name, serial: Serial, _frame: &Bytes) {
        self.0.push(Did::Ask(serial.0));
    }

    fn store(&mut self, _letter: &Letter, _from: Name, serial: Serial, _frame: &Bytes) {
        self.0.push(Did::Store(serial.0));
    }

    fn look(&mut self, _name: Name) {
        self.0.push(Did::Look);
    }

    fn settle(&mut self, ticket: Ticket, outcome: Outcome) {
        self.0.push(Did::Settle(ticket.0, outcome));
    }

    fn discard(&mut self, place: Place) {
        self.0.push(Did::Discard(place.0));
    }

    fn tell_of_mail(&mut self, _name: Name) {
        self.0.push(Did::Tell);
    }
}

struct World {
    lanes: Lanes,
    notes: Notes,
    weather: Weather,
    sent: u64,
}

impl World {
    fn new() -> Self {
        Self {
            lanes: Lanes::default(),
            notes: Notes::default(),
            weather: Weather {
                now: Instant::now(),
                is_up: true,
                mail: Mail::Ready,
            },
            sent: 0,
        }
    }

    fn send_from(&mut self, from: Origin, way: Way) -> Vec<Did> {
        self.sent += 1;
        let letter = Letter {
            from,
            to: bob(),
            id: MessageId(self.sent),
            wants: Wants::Nothing,
            body: Body::Plain,
        };
        let (ticket, letter) = (Ticket(self.sent), (letter, Bytes::new()));
        self.lanes
            .send(ticket, letter, way, self.weather, &mut self.notes);
        self.did()
    }

    fn send(&mut self, way: Way) -> Vec<Did> {
        self.send_from(Origin::Name("alice".parse().unwrap()), way)
    }

    fn hear(&mut self, serial: u64, answer: Answer) -> Vec<Did> {
        self.lanes
            .hear(bob(), Serial(serial), answer, self.weather, &mut self.notes);
        self.did()
    }

    fn looked(&mut self, is_known: Option<bool>) -> Vec<Did> {
        self.lanes
            .looked(bob(), is_known, self.weather, &mut self.notes);
        self.did()
    }

    fn come_back(&mut self) -> Vec<Did> {
        self.weather.is_up = true;
        self.lanes.come_back(self.weather, &mut self.notes);
        self.did()
    }

    fn wait(&mut self, time: Duration) -> Vec<Did> {
        self.weather.now += time;
        self.lanes.tick(self.weather, &mut self.notes);
        self.did()
    }

    fn did(&mut self) -> Vec<Did> {
        std::mem::take(&mut self.notes.0)
    }
}

fn bob() -> Name {
    "bob".parse().unwrap()
}

fn kept(ticket: u64) -> [Did; 2] {
    [Did::Tell, Did::Settle(ticket, Outcome::Kept)]
}

fn refused(ticket: u64, why: Why) -> Did {
    Did::Settle(ticket, Outcome::Refused(why))
}

#[test]
fn letters_are_taken_or_kept_in_their_order() {
    let mut world = World::new();
    for serial in 1..=4 {
        assert_eq!(world.send(Way::Find), [Did::Ask(serial)]);
    }
    assert_eq!(
        world.hear(1, Answer::Taken),
        [Did::Settle(1, Outcome::Taken)]
    );
    assert_eq!(world.hear(3, Answer::Nobody), []);
    assert_eq!(world.send(Way::Find), []);
    assert_eq!(world.hear(2, Answer::Keep), [Did::Store(2), Did::Store(3)]);
    assert_eq!(
        world.hear(4, Answer::Nobody),
        [Did::Store(4), Did::Store(5)]
    );
    for serial in 2..=5 {
        assert_eq!(world.hear(serial, STORED), kept(serial));
    }
    assert!(world.lanes.is_empty());
    assert_eq!(world.send(Way::Find), [Did::Ask(6)]);
}

#[test]
fn what_is_to_be_kept_waits_for_what_was_asked_before() {
    let mut world = World::new();
    assert_eq!(world.send(Way::Find), [Did::Ask(1)]);
    assert_eq!(world.send(Way::Keep), []);
    let taken = Did::Settle(1, Outcome::Taken);
    assert_eq!(world.hear(1, Answer::Taken), [taken, Did::Store(2)]);
}

#[test]
fn nobody_knows_the_receiver() {
    let mut world = World::new();
    assert_eq!(world.send(Way::FindOut), [Did::Ask(1)]);
    assert_eq!(world.send(Way::FindOut), [Did::Ask(2)]);
    assert_eq!(world.hear(1, Answer::Nobody), [Did::Look]);
    assert_eq!(world.hear(2, Answer::Nobody), []);
    let both = [refused(1, Why::Unknown), refused(2, Why::Unknown)];
    assert_eq!(world.looked(Some(false)), both);
    assert!(world.lanes.is_empty());
}

#[test]
fn the_receiver_turns_out_to_be_known() {
    let mut world = World::new();
    let nameless = Origin::Address("192.0.2.1:5".parse().unwrap());
    assert_eq!(world.send(Way::FindOut), [Did::Ask(1)]);
    assert_eq!(world.send_from(nameless, Way::FindOut), [Did::Ask(2)]);
    assert_eq!(world.hear(2, Answer::Nobody), [Did::Look]);
    assert_eq!(world.hear(1, Answer::Nobody), []);
    assert_eq!(world.looked(None), []);
    assert_eq!(world.wait(PAUSE), [Did::Look]);
    let done = [Did::Store(1), refused(2, Why::Nameless)];
    assert_eq!(world.looked(Some(true)), done);
    assert_eq!(world.send(Way::FindOut), [Did::Store(3)]);
}

#[test]
fn who_does_not_answer_is_doubted_and_may_answer_still() {
    let mut world = World::new();
    assert_eq!(world.send(Way::Find), [Did::Ask(1)]);
    assert_eq!(world.hear(1, Answer::Silence), [Did::Store(1)]);
    assert_eq!(world.hear(1, Answer::Nobody), []);
    let taken = [Did::Settle(1, Outcome::Taken)];
    assert_eq!(world.hear(1, Answer::Taken), taken);
    assert_eq!(world.hear(1, STORED), [Did::Discard(9)]);
    assert_eq!(world.hear(1, STORED), []);
}

#[test]
fn what_was_on_its_way_to_a_relay_that_has_lost_the_receiver_is_kept_at_once() {
    let mut world = World::new();
    assert_eq!(world.send(Way::Find), [Did::Ask(1)]);
    assert_eq!(world.send(Way::Find), [Did::Ask(2)]);
    assert_eq!(world.hear(2, Answer::Keep), []);
    world.lanes.doubt(bob(), world.weather, &mut world.notes);
    assert_eq!(world.did(), [Did::Store(1), Did::Store(2)]);
}

#[test]
fn what_is_kept_twice_is_kept() {
    let mut world = World::new();
    assert_eq!(world.send(Way::Keep), [Did::Store(1)]);
    assert_eq!(world.come_back(), [Did::Store(1)]);
    assert_eq!(world.hear(1, STORED), kept(1));
    assert_eq!(world.hear(1, STORED), []);
    assert_eq!(world.hear(1, Answer::Taken), []);
}

#[test]
fn what_the_stream_refuses_is_refused() {
    let mut world = World::new();
    assert_eq!(world.send(Way::Keep), [Did::Store(1)]);
    let quota = Answer::Refused(Why::Quota);
    assert_eq!(world.hear(1, quota), [refused(1, Why::Quota)]);
    assert!(world.lanes.is_empty());
}

#[test]
fn what_the_stream_does_not_take_now_is_tried_again_and_given_up() {
    let mut world = World::new();
    assert_eq!(world.send(Way::Keep), [Did::Store(1)]);
    assert_eq!(world.hear(1, Answer::NotNow), []);
    assert_eq!(world.wait(PAUSE), [Did::Store(1)]);
    assert_eq!(world.hear(1, Answer::NotNow), []);
    assert_eq!(world.wait(PATIENCE), [refused(1, Why::CutOff)]);
    assert!(world.lanes.is_empty());
}

#[test]
fn what_was_never_handed_over_is_given_up_and_what_is_in_doubt_waits() {
    let mut world = World::new();
    assert_eq!(world.send(Way::Find), [Did::Ask(1)]);
    (world.weather.is_up, world.weather.mail) = (false, Mail::Later);
    assert_eq!(world.send(Way::Find), []);
    assert_eq!(world.hear(1, Answer::Silence), []);
    assert_eq!(world.wait(PATIENCE), [refused(2, Why::CutOff)]);
    assert_eq!(world.send(Way::Find), []);
    assert_eq!(world.wait(PATIENCE / 2), []);
    assert_eq!(world.come_back(), []);
    world.weather.mail = Mail::Ready;
    world.lanes.go_on(world.weather, &mut world.notes);
    assert_eq!(world.did(), [Did::Store(1), Did::Store(3)]);
}

#[test]
fn what_was_under_way_when_the_bus_went_is_kept_again() {
    let mut world = World::new();
    assert_eq!(world.send(Way::Find), [Did::Ask(1)]);
    assert_eq!(world.hear(1, Answer::Nobody), [Did::Store(1)]);
    assert_eq!(world.send(Way::Find), [Did::Store(2)]);
    assert_eq!(world.hear(1, STORED), kept(1));
    world.weather.mail = Mail::Later;
    assert_eq!(world.come_back(), []);
    world.weather.mail = Mail::Ready;
    world.lanes.go_on(world.weather, &mut world.notes);
    assert_eq!(world.did(), [Did::Store(2)]);
    assert_eq!(world.hear(2, STORED), kept(2));
}

#[test]
fn where_nothing_is_kept_letters_are_refused_at_once() {
    let mut world = World::new();
    world.weather.mail = Mail::Never;
    assert_eq!(world.send(Way::Find), [Did::Ask(1)]);
    assert_eq!(
        world.hear(1, Answer::Taken),
        [Did::Settle(1, Outcome::Taken)]
    );
    assert_eq!(world.send(Way::Find), [Did::Ask(2)]);
    assert_eq!(world.hear(2, Answer::Nobody), [refused(2, Why::CutOff)]);
    assert_eq!(world.send(Way::Keep), [refused(3, Why::CutOff)]);
    assert!(world.lanes.is_empty());
}

#[test]
fn held_letters_go_in_their_order_when_the_bus_is_there() {
    let mut world = World::new();
    (world.weather.is_up, world.weather.mail) = (false, Mail::Later);
    for _ in 0..3 {
        assert_eq!(world.send(Way::Find), []);
    }
    assert_eq!(world.come_back(), [Did::Ask(1), Did::Ask(2), Did::Ask(3)]);
}
