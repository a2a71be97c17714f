//! Records: golden bytes, and that nothing opens but what was sealed, once and in order.

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

const SECRET: Secret = Secret([7; 32]);

const WAYS: [(Cipher, Protection); 4] = [
    (Cipher::Aes, Protection::Encrypted),
    (Cipher::Aes, Protection::Plain),
    (Cipher::ChaCha, Protection::Encrypted),
    (Cipher::ChaCha, Protection::Plain),
];

fn pair((cipher, protection): (Cipher, Protection)) -> (Sealer, Opener) {
    (
        Sealer::new(&SECRET, cipher, protection),
        Opener::new(&SECRET, cipher, protection),
    )
}

fn ways() -> impl Strategy<Value = (Cipher, Protection)> {
    prop::sample::select(&WAYS[..])
}

fn sealed(sealer: &mut Sealer, kind: RecordKind, body: &[u8]) -> Vec<u8> {
    let mut record = [&[0; HEADER][..], body, &[0; TAG]].concat();
    sealer.seal(kind, &mut record).unwrap();
    record
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Computed by another implementation of both ciphers, with the nonces 0 and 1.
#[test]
fn golden_bytes() {
    let final_by_aes = "01010000000000102cc66dfafd11a2e027f0e06c1b266ecd";
    let final_by_chacha = "01010000000000106979ddcdd695d9b0e1db3d09770a490a";
    let table = [
        (
            "010000000000001c16b0cbde9eb26d9a806aea175e326c6a7ec6711178ef9521a43b8eb7",
            final_by_aes,
        ),
        (
            "010000000000001c77686f6c65206672616d657395fc433621a3ccf8ec21cc6749e65ba3",
            final_by_aes,
        ),
        (
            "010000000000001c40ec4660054b628fa11f6173c58ad8a70cbffb1b62260bd0e3a0ddf5",
            final_by_chacha,
        ),
        (
            "010000000000001c77686f6c65206672616d6573c6ac288a03442f63b9e8f663050e45d2",
            final_by_chacha,
        ),
    ];
    for (way, (frames, last)) in WAYS.into_iter().zip(table) {
        let (mut sealer, mut opener) = pair(way);
        let mut record = sealed(&mut sealer, RecordKind::Frames, b"whole frames");
        assert_eq!(hex(&record), frames, "{way:?}");
        let opened = opener.open(&mut record);
        assert_eq!(opened, Ok((RecordKind::Frames, &b"whole frames"[..])));
        let mut record = sealed(&mut sealer, RecordKind::Final, b"");
        assert_eq!(hex(&record), last, "{way:?}");
        assert_eq!(opener.open(&mut record), Ok((RecordKind::Final, &b""[..])));
    }
    assert_eq!(format!("{SECRET:?}"), "***");
}

#[test]
fn headers() {
    let frames = |length| {
        Ok(Header {
            kind: RecordKind::Frames,
            length,
        })
    };
    let too_long = MAX_LENGTH + 1;
    let [_, l1, l2, l3] = (too_long as u32).to_be_bytes();
    let table = [
        ([1, 0, 0, 0, 0, 0, 0, 16], frames(TAG)),
        ([1, 0, 0, 0, 0, l1, l2, l3 - 1], frames(MAX_LENGTH)),
        (
            [1, 0, 0, 0, 0, l1, l2, l3],
            Err(RecordError::Length(too_long)),
        ),
        ([1, 0, 0, 0, 0, 0, 0, 15], Err(RecordError::Length(15))),
        ([1, 1, 0, 0, 0, 0, 0, 17], Err(RecordError::Length(17))),
        (
            [1, 0, 0, 0, 255, 255, 255, 255],
            Err(RecordError::Length(u32::MAX as usize)),
        ),
        ([0, 0, 0, 0, 0, 0, 0, 16], Err(RecordError::Version(0))),
        ([2, 0, 0, 0, 0, 0, 0, 16], Err(RecordError::Version(2))),
        ([1, 2, 0, 0, 0, 0, 0, 16], Err(RecordError::Kind)),
        ([1, 0, 1, 0, 0, 0, 0, 16], Err(RecordError::Kind)),
        ([1, 0, 0, 1, 0, 0, 0, 16], Err(RecordError::Kind)),
    ];
    for (bytes, expected) in table {
        assert_eq!(Header::decode(&bytes), expected, "{bytes:?}");
        if let Ok(header) = expected {
            assert_eq!(header.encode(), bytes);
        }
    }
}

#[test]
fn after_the_final_record_there_is_none() {
    let (mut sealer, mut opener) = pair(WAYS[0]);
    let mut other = Sealer::new(&SECRET, Cipher::Aes, Protection::Encrypted);
    sealed(&mut other, RecordKind::Frames, b"");
    let mut next = sealed(&mut other, RecordKind::Frames, b"more");
    let mut last = sealed(&mut sealer, RecordKind::Final, b"");
    assert!(opener.open(&mut last).is_ok());
    assert_eq!(opener.open(&mut next), Err(RecordError::Ended));
    let mut room = [0; HEADER + TAG];
    for kind in [RecordKind::Frames, RecordKind::Final] {
        assert_eq!(sealer.seal(kind, &mut room), Err(RecordError::Ended));
    }
}

#[test]
fn a_body_has_a_limit() {
    let (mut sealer, mut opener) = pair(WAYS[0]);
    let mut room = vec![0; HEADER + MAX_LENGTH + 1];
    for length in [0, HEADER, HEADER + TAG - 1, room.len()] {
        let refused = sealer.seal(RecordKind::Frames, &mut room[..length]);
        assert!(matches!(refused, Err(RecordError::Length(_))), "{length}");
    }
    let with_body = sealer.seal(RecordKind::Final, &mut room[..HEADER + TAG + 1]);
    assert_eq!(with_body, Err(RecordError::Length(TAG + 1)));
    room.pop();
    sealer.seal(RecordKind::Frames, &mut room).unwrap();
    let (_, body) = opener.open(&mut room).unwrap();
    assert!(body.len() == MAX_BODY && body.iter().all(|byte| *byte == 0));
}

#[test]
fn a_direction_has_an_end() {
    let (mut sealer, mut opener) = pair(WAYS[0]);
    (sealer.0.records, opener.0.records) = (MAX_RECORDS - 1, MAX_RECORDS - 1);
    let mut last = sealed(&mut sealer, RecordKind::Frames, b"");
    assert!(opener.open(&mut last).is_ok());
    let mut room = [0; HEADER + TAG];
    let refused = sealer.seal(RecordKind::Final, &mut room);
    assert_eq!(refused, Err(RecordError::Exhausted));
    let (mut sealer, _) = pair(WAYS[0]);
    let mut one_more = sealed(&mut sealer, RecordKind::Frames, b"");
    let refused = opener.open(&mut one_more);
    assert_eq!(refused, Err(RecordError::Exhausted));
}

#[test]
fn other_ways_do_not_open_it() {
    for way in WAYS {
        let record = sealed(&mut pair(way).0, RecordKind::Frames, b"body");
        for other in WAYS.into_iter().filter(|other| *other != way) {
            let opened = pair(other).1.open(&mut record.clone()).map(|_| ());
            assert_eq!(opened, Err(RecordError::Forged), "{way:?} {other:?}");
        }
        let mut stranger = Opener::new(&Secret([8; 32]), way.0, way.1);
        let opened = stranger.open(&mut record.clone()).map(|_| ());
        assert_eq!(opened, Err(RecordError::Forged));
    }
}

proptest! {
    #[test]
    fn what_was_sealed_opens(way in ways(), bodies: Vec<Vec<u8>>) {
        let (mut sealer, mut opener) = pair(way);
        for body in bodies {
            let mut record = sealed(&mut sealer, RecordKind::Frames, &body);
            prop_assert_eq!(opener.open(&mut record), Ok((RecordKind::Frames, &body[..])));
        }
    }

    #[test]
    fn any_bit_that_is_wrong_is_seen(way in ways(), body: Vec<u8>, bit: Index, last: bool) {
        let (mut sealer, mut opener) = pair(way);
        let (kind, body) = match last {
            true => (RecordKind::Final, &[][..]),
            false => (RecordKind::Frames, &body[..]),
        };
        let mut record = sealed(&mut sealer, kind, body);
        let mut whole = record.clone();
        let bit = bit.index(record.len() * 8);
        record[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(opener.open(&mut record).is_err());
        prop_assert_eq!(opener.open(&mut whole), Err(RecordError::Ended));
    }

    #[test]
    fn records_come_once_and_in_order(way in ways(), first in 0..4usize, second in 0..4usize) {
        let (mut sealer, mut opener) = pair(way);
        let records: Vec<_> = (0..4).map(|_| sealed(&mut sealer, RecordKind::Frames, b"same")).collect();
        let opened = opener.open(&mut records[first].clone()).map(|_| ());
        prop_assert_eq!(opened.is_ok(), first == 0);
        let opened = opener.open(&mut records[second].clone()).map(|_| ());
        prop_assert_eq!(opened.is_ok(), (first, second) == (0, 1));
    }

    #[test]
    fn a_record_that_is_cut_or_longer_is_refused(way in ways(), body: Vec<u8>, cut: Index, more in 1..20usize) {
        let (mut sealer, mut opener) = pair(way);
        let mut record = sealed(&mut sealer, RecordKind::Frames, &body);
        let mut longer = [&record[..], &vec![0; more]].concat();
        let end = cut.index(record.len());
        prop_assert!(opener.open(&mut record[..end]).is_err());
        let (_, mut opener) = pair(way);
        prop_assert!(opener.open(&mut longer).is_err());
    }

    #[test]
    fn any_bytes_are_judged(way in ways(), mut bytes: Vec<u8>, header: [u8; HEADER]) {
        let _ = Header::decode(&header).map(|header| assert!(header.length() <= MAX_LENGTH));
        prop_assert!(pair(way).1.open(&mut bytes).is_err());
        let mut record = [&header[..], &bytes].concat();
        prop_assert!(pair(way).1.open(&mut record).is_err());
    }
}
