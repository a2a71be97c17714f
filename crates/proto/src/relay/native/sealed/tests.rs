use proptest::prelude::*;

use super::*;

const NOW: Duration = Duration::from_secs(7);

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn alice() -> Identity {
    Identity::new([1; 32])
}

fn bob() -> Identity {
    Identity::new([2; 32])
}

fn sealer(seed: u8) -> Sealer {
    let to = (name("bob"), bob().keys().sealing);
    Sealer::new((name("alice"), &alice()), to, [seed; 32], NOW).unwrap()
}

fn opener(sealed: &[u8]) -> Option<Opener> {
    Opener::new(name("alice"), (name("bob"), &bob()), sealed)
}

fn opened(id: u64, sealed: &[u8]) -> Option<Vec<u8>> {
    opener(sealed)?.open(MessageId(id), sealed)
}

#[test]
fn what_is_sealed_opens() {
    let mut sealer = sealer(3);
    for (id, length) in [
        (5, 0),
        (6, 1),
        (7, CHUNK_CONTENT),
        (8, CHUNK_CONTENT + 1),
        (9, 2 * CHUNK_CONTENT),
        (10, MAX_SEALED_CONTENT),
    ] {
        let content: Vec<u8> = (0..length).map(|at| at as u8).collect();
        let sealed = sealer.seal(MessageId(id), &content).unwrap();
        assert!(sealed.len() <= MAX_CONTENT);
        assert!(opened(id, &sealed) == Some(content), "{length} bytes");
    }
    assert_eq!(
        sealer.seal(MessageId(11), &[0; MAX_SEALED_CONTENT + 1]),
        None
    );
    assert_eq!(sealer.seal(MessageId(MAX_ID), b""), None);
}

#[test]
fn the_sender_is_known_by_their_keys() {
    let sealed = sealer(3).seal(MessageId(5), b"hi").unwrap();
    assert_eq!(opener(&sealed).unwrap().keys(), &alice().keys());
}

#[test]
fn it_opens_as_nothing_else() {
    let mut sealer = sealer(3);
    let sealed = sealer.seal(MessageId(5), b"hi").unwrap();
    assert_eq!(opened(6, &sealed), None, "another number");
    assert!(opened(5, &sealed).is_some());
    let (alice_name, bob_name, carol) = (name("alice"), name("bob"), name("carol"));
    assert!(
        Opener::new(carol, (bob_name, &bob()), &sealed).is_none(),
        "another sender"
    );
    assert!(
        Opener::new(alice_name, (carol, &bob()), &sealed).is_none(),
        "another name"
    );
    assert!(
        Opener::new(alice_name, (bob_name, &alice()), &sealed).is_none(),
        "another key"
    );
}

#[test]
fn a_message_is_whole_or_none() {
    let content = vec![7; 3 * CHUNK_CONTENT];
    let sealed = sealer(3).seal(MessageId(5), &content).unwrap();
    for chunks in 0..3 {
        assert_eq!(
            opened(5, &sealed[..START + chunks * CHUNK]),
            None,
            "{chunks} of 3 chunks"
        );
    }
    let mut exchanged = sealed.clone();
    exchanged[START..START + 2 * CHUNK].rotate_left(CHUNK);
    assert_eq!(opened(5, &exchanged), None);
}

#[test]
fn two_handshakes_have_nothing_in_common() {
    let (one, other) = (sealer(3), sealer(4));
    assert_ne!(one.handshake[..KEY], other.handshake[..KEY]);
    assert_eq!(
        one.handshake,
        sealer(3).handshake,
        "a seed gives one handshake"
    );
}

#[test]
fn a_handshake_wears_out() {
    let mut sealer = sealer(3);
    assert!(!sealer.is_worn(NOW + MAX_AGE - Duration::from_millis(1)));
    assert!(sealer.is_worn(NOW + MAX_AGE));
    sealer.sealed = MAX_MESSAGES;
    assert!(sealer.is_worn(NOW));
}

#[test]
fn secrets_are_not_printed() {
    let mut sealer = sealer(3);
    let sealed = sealer.seal(MessageId(5), b"hi").unwrap();
    assert_eq!(
        format!("{sealer:?} {:?}", opener(&sealed).unwrap()),
        "Sealer(***) Opener(***)"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_changed_byte_is_noticed(content in proptest::collection::vec(any::<u8>(), 0..300), at: usize, by in 1u8..) {
        let mut sealed = sealer(3).seal(MessageId(5), &content).unwrap();
        let at = at % sealed.len();
        sealed[at] ^= by;
        // X25519 takes no notice of the highest bit of a point, but the handshake's hash does.
        prop_assert_eq!(opened(5, &sealed), None);
    }

    #[test]
    fn any_bytes_are_taken(mut bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        prop_assert!(opened(5, &bytes).is_none());
        bytes.insert(0, KIND);
        prop_assert!(opened(5, &bytes).is_none());
    }
}
