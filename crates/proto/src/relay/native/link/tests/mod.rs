//! A link as a machine: what it says, what it takes, and what it makes of lies.

mod path;

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::packet::{HEAD, Head, MAX_FRAME, MAX_MORE};
use super::super::{Token, frames};
use super::{Link, Received};
use crate::frame::{Message, PREFIX};

const TOKEN: Token = Token(*b"a token!");

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// What a link sends now.
fn sent(link: &mut Link, now: Duration) -> Vec<Vec<u8>> {
    let mut packets = Vec::new();
    link.transmit(now, |packet| packets.push(packet.to_vec()));
    packets
}

fn head(packet: &[u8]) -> Head {
    Head::decode(packet).expect("a packet").0
}

/// A head that says that nothing has come.
fn silent() -> Head {
    Head {
        token: TOKEN,
        number: None,
        serial: 0,
        seen: 0,
        asks: false,
        is_partial: false,
        expected: 1,
        beyond: 0,
        window: 1024,
    }
}

#[test]
fn frames_go_together_and_an_answer_with_them() {
    let (mut one, mut other) = (Link::new(TOKEN), Link::new(TOKEN));
    assert_eq!([one.push(b"one "), one.push(b"frame")], [1, 1]);
    assert_eq!(one.backlog(), 9);
    let packets = sent(&mut one, ms(1));
    assert_eq!(packets.len(), 1);
    assert_eq!(
        other.receive(&packets[0], ms(2)),
        Received::Next(b"one frame")
    );
    assert_eq!(other.push(b"and another"), 1);
    let answers = sent(&mut other, ms(2));
    assert_eq!(answers.len(), 1, "the answer goes with what is said");
    assert_eq!(
        one.receive(&answers[0], ms(3)),
        Received::Next(b"and another")
    );
    assert_eq!(
        (one.acknowledged(), one.backlog(), one.deadline()),
        (2, 0, None)
    );
    let last = sent(&mut one, ms(3));
    assert_eq!((last.len(), last[0].len()), (1, HEAD));
    assert_eq!(other.receive(&last[0], ms(4)), Received::Nothing);
    assert_eq!(
        sent(&mut other, ms(4)),
        Vec::<Vec<u8>>::new(),
        "no answer is answered"
    );
}

#[test]
fn what_came_early_waits_for_its_turn() {
    let (mut one, mut other) = (Link::new(TOKEN), Link::new(TOKEN));
    let packets: Vec<_> = (1..=3u32)
        .flat_map(|number| {
            assert_eq!(one.push(&number.to_be_bytes()), number);
            sent(&mut one, ms(1))
        })
        .collect();
    for early in [2, 1, 2] {
        assert_eq!(other.receive(&packets[early], ms(2)), Received::Nothing);
        assert_eq!(other.next_waiting(), None);
    }
    assert_eq!(other.kept(), 8);
    assert_eq!(head(&sent(&mut other, ms(2))[0]).beyond, 0b11);
    assert_eq!(
        other.receive(&packets[0], ms(3)),
        Received::Next(&1u32.to_be_bytes())
    );
    assert_eq!(other.next_waiting(), Some(2u32.to_be_bytes().to_vec()));
    assert_eq!(other.next_waiting(), Some(3u32.to_be_bytes().to_vec()));
    assert_eq!((other.next_waiting(), other.kept()), (None, 0));
    assert_eq!(other.receive(&packets[1], ms(3)), Received::Nothing);
    assert_eq!(head(&sent(&mut other, ms(3))[0]).expected, 4);
}

#[test]
fn a_map_longer_than_a_head_follows_in_one_without_a_number() {
    let (mut one, mut other) = (Link::new(TOKEN), Link::new(TOKEN));
    let packet = |number| [&numbered(number).encode()[..], b"frame"].concat();
    other.receive(&packet(2), ms(1));
    other.receive(&packet(1024), ms(1));
    other.receive(&packet(1025), ms(1));
    other.push(b"said");
    let packets = sent(&mut other, ms(1));
    let (whole, more) = Head::decode(&packets[1]).expect("a packet");
    assert!(head(&packets[0]).is_partial && !whole.is_partial);
    assert_eq!((whole.number, whole.expected, whole.beyond), (None, 1, 1));
    assert_eq!(more.len(), MAX_MORE);
    assert_eq!(
        more[MAX_MORE - 8],
        0x40,
        "the 1023rd after the first; the 1024th is beyond the window"
    );
    assert_eq!(one.receive(&packets[1], ms(2)), Received::Nothing);
}

fn numbered(number: u32) -> Head {
    Head {
        number: Some(number),
        serial: number as u16,
        ..silent()
    }
}

#[test]
fn who_asks_is_answered_once() {
    let (mut one, mut other) = (Link::new(TOKEN), Link::new(TOKEN));
    one.ask();
    let question = sent(&mut one, ms(1));
    assert_eq!((question.len(), question[0].len()), (1, HEAD));
    assert_eq!(other.receive(&question[0], ms(2)), Received::Nothing);
    let answer = sent(&mut other, ms(2));
    assert_eq!((answer.len(), answer[0].len()), (1, HEAD));
    one.receive(&answer[0], ms(3));
    assert!(sent(&mut one, ms(3)).is_empty() && sent(&mut other, ms(3)).is_empty());
}

#[test]
fn others_and_what_is_no_packet_are_foreign() {
    let (mut link, mut other) = (Link::new(TOKEN), Link::new(Token([0; 8])));
    other.push(b"frame");
    let packet = &sent(&mut other, ms(1))[0];
    for datagram in [packet, &b""[..], b"\x02", &silent().encode()[1..]] {
        assert_eq!(link.receive(datagram, ms(1)), Received::Foreign);
    }
    assert!(sent(&mut link, ms(1)).is_empty());
}

#[test]
fn what_no_packet_holds_is_dropped() {
    let mut link = Link::new(TOKEN);
    assert_eq!(link.push(&[1; MAX_FRAME]), 1);
    assert_eq!([link.push(b""), link.push(&[1; MAX_FRAME + 1])], [1, 1]);
    assert_eq!(link.backlog(), MAX_FRAME);
}

#[test]
fn every_frame_fits_a_packet() {
    fn fits<M: Message>() -> bool {
        PREFIX + M::MAX_HEADER as usize + M::MAX_BULK as usize <= MAX_FRAME
    }
    assert!(fits::<frames::Send>() && fits::<frames::Join>() && fits::<frames::Leave>());
    assert!(fits::<frames::Ask>() && fits::<frames::Read>() && fits::<frames::Delivery>());
    assert!(fits::<frames::Receipt>() && fits::<frames::Joined>() && fits::<frames::Answer>());
    assert!(fits::<frames::Happened>() && fits::<frames::Bye>());
}

#[test]
fn an_idle_link_is_small() {
    assert!(size_of::<Link>() <= 80, "{}", size_of::<Link>());
    let (mut one, mut other) = (Link::new(TOKEN), Link::new(TOKEN));
    one.push(b"frame");
    other.receive(&sent(&mut one, ms(1))[0], ms(1));
    one.receive(&sent(&mut other, ms(2))[0], ms(2));
    sent(&mut one, ms(900));
    assert!(one.sending.is_busy());
    sent(&mut one, ms(1001));
    assert!(!one.sending.is_busy());
    assert_eq!((one.push(b"frame"), one.acknowledged()), (2, 2));
    let packet = &sent(&mut one, ms(1002))[0];
    assert_eq!(other.receive(packet, ms(1002)), Received::Next(b"frame"));
    assert_eq!(head(packet).serial, 2);
}

#[test]
fn the_numbers_end() {
    let mut link = Link::new(TOKEN);
    let last = [&numbered(u32::MAX).encode()[..], b"frame"].concat();
    assert_eq!(link.receive(&last, ms(1)), Received::Nothing);
    link.sending.skip_to(u32::MAX - 1);
    assert_eq!(link.push(b"frame"), u32::MAX - 1);
    sent(&mut link, ms(1));
    assert_eq!(link.push(b"frame"), u32::MAX);
    assert!(link.is_lost(ms(1)));
}

fn any_head() -> impl Strategy<Value = Head> {
    let small = prop_oneof![0..40u32, 1000..1100u32, any::<u32>()];
    let number = prop_oneof![
        Just(None),
        (1..1100u32).prop_map(Some),
        Just(Some(u32::MAX))
    ];
    let rest = (
        any::<u16>(),
        0..60u16,
        any::<[bool; 2]>(),
        any::<u64>(),
        any::<u16>(),
    );
    (number, small, rest).prop_map(|(number, expected, rest)| {
        let (serial, seen, [asks, is_partial], beyond, window) = rest;
        let serial = if number.is_some() { serial } else { 0 };
        let token = TOKEN;
        Head {
            token,
            number,
            serial,
            seen,
            asks,
            is_partial,
            expected,
            beyond,
            window,
        }
    })
}

proptest! {
    #[test]
    fn a_head_survives_the_wire(head in any_head(), words in vec(any::<[u8; 8]>(), 0..=15)) {
        let rest = if head.number.is_some() { b"frames".to_vec() } else { words.concat() };
        let packet = [&head.encode()[..], &rest].concat();
        prop_assert_eq!(Head::decode(&packet), Some((head, &rest[..])));
    }

    #[test]
    fn any_bytes_are_taken(mut bytes in vec(any::<u8>(), 0..200), flags in 0..8u8) {
        let mut link = Link::new(TOKEN);
        link.push(b"frame");
        sent(&mut link, ms(1));
        link.receive(&bytes, ms(2));
        if let Some(start) = bytes.first_chunk_mut::<10>() {
            *start = silent().encode()[..10].try_into().expect("ten bytes");
            start[1] = flags;
        }
        link.receive(&bytes, ms(2));
        prop_assert!(sent(&mut link, ms(3)).len() <= 3);
    }

    /// Whatever the other side says: what waits and what is kept have a bound, and the deadline is in the future.
    #[test]
    fn lies_are_survived(
        steps in vec((any_head(), vec(any::<[u8; 8]>(), 0..=15), 0..40usize, 0..500u64), 1..60),
    ) {
        let (mut link, mut now, mut pushed) = (Link::new(TOKEN), ms(1), 0);
        for (head, words, frames, pause) in steps {
            for _ in 0..frames {
                link.push(&[7; 300]);
                pushed += 300;
            }
            now += ms(pause);
            link.receive(&[&head.encode()[..], &words.concat()].concat(), now);
            while link.next_waiting().is_some() {}
            let packets = sent(&mut link, now);
            prop_assert!(packets.iter().all(|packet| Head::decode(packet).is_some()));
            prop_assert!(link.backlog() <= pushed && link.kept() <= 1024 * 120);
            prop_assert!(link.backlog() == 0 || link.deadline().is_some_and(|at| at > now));
        }
    }
}
