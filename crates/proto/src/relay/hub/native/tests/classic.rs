//! Sessions and those who speak the classic wire.

use super::*;
use crate::relay::native::frames::{Origin, Why};

const SENT: &[u8] = b"200, UDP Packet Sent Successfully";

impl World {
    /// A classic datagram: what is sent to those who have no session after it.
    fn hear(&mut self, from: SocketAddr, text: &[u8]) -> Vec<(SocketAddr, Vec<u8>)> {
        self.strays.clear();
        self.handle(from, text);
        self.send();
        self.hub.answer(self.now, &mut self.out);
        self.settle();
        std::mem::take(&mut self.strays)
    }
}

#[test]
fn they_talk_to_one_another() {
    let mut world = World::new();
    let (alice, classic) = (world.person("alice"), address(77));
    world.hear(classic, b"hii");
    let at = world.peers[alice].address;
    let text = format!("to : {} / {} ; content : good morning", at.ip(), at.port());
    let answers = world.hear(classic, text.as_bytes());
    assert_eq!(answers, [(classic, SENT.to_vec())]);
    let mapped = format!("to:[::ffff:{}]/{};content:again", at.ip(), at.port());
    world.hear(classic, mapped.as_bytes());
    let delivery = Delivery {
        waited: 0,
        from: Origin::Address(classic),
        room: None,
        id: MessageId::default(),
        part: Part::Whole,
        wants: Wants::Nothing,
        body: Body::Plain,
    };
    let heard =
        ["good morning", "again"].map(|text| Heard::Message(delivery, text.as_bytes().to_vec()));
    assert_eq!(world.heard(alice), heard);

    world.strays.clear();
    let id = world.message(alice, To::Address(classic), b"good: evening");
    world.settle();
    assert_eq!(world.receipts(alice), [(id, id, Stage::Queued)]);
    let text = format!("{}/{} ; content : good: evening", at.ip(), at.port());
    assert_eq!(world.strays, [(classic, text.into_bytes())]);
}

#[test]
fn what_the_classic_wire_cannot_say_is_refused() {
    let mut world = World::new();
    let (alice, classic) = (world.person("alice"), address(77));
    world.hear(classic, b"hii");
    for content in [&b" a"[..], &[b'a'; 1020]] {
        let id = world.message(alice, To::Address(classic), content);
        world.settle();
        let refused = Stage::Refused(Why::NotClassic);
        assert_eq!(world.receipts(alice), [(id, id, refused)]);
    }
}

/// Whoever forges a session's address cannot have its texts sent in another way.
#[test]
fn a_session_comes_before_a_registration_by_text() {
    let mut world = World::new();
    let (alice, classic) = (world.person("alice"), address(77));
    let at = world.peers[alice].address;
    world.hear(at, b"hii");
    let text = format!("to : {} / {} ; content : a", at.ip(), at.port());
    for _ in 0..2 {
        let answers = world.hear(classic, text.as_bytes());
        assert_eq!(answers, [(classic, SENT.to_vec())]);
    }
    assert_eq!(world.texts(alice), ["a", "a"]);
}
