//! The key exchange: golden bytes, who is let in, and that nothing changed on its way is taken.

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::filexfer::Key;
use crate::filexfer::native::record::{HEADER, Protection, RecordKind, TAG};

const WISHES: Wishes = Wishes {
    protection: Protection::Encrypted,
    aes: AesHardware::Present,
};

fn key(secret: &str) -> Key {
    Key::new(secret.as_bytes()).unwrap()
}

fn connector(secret: &str, wishes: Wishes) -> (Connector, [u8; HELLO]) {
    Connector::new(&key(secret), wishes, &[1; 64])
}

fn listener(
    secret: &str,
    wishes: Wishes,
    hello: &[u8; HELLO],
) -> Result<(Exchange, [u8; ANSWER]), HandshakeError> {
    Exchange::new(&key(secret), wishes, &[2; 64], hello)
}

/// The keys of both sides, where both know the key.
fn exchanged(near: Wishes, far: Wishes) -> Result<(Keys, Keys), HandshakeError> {
    let (connector, hello) = connector("oyster", near);
    let (exchange, answer) = listener("oyster", far, &hello)?;
    let (proving, proof) = connector.answer(&answer)?;
    let (far, verdict) = exchange.check(&proof)?.accept();
    Ok((proving.verdict(&verdict)?, far))
}

fn talk(from: &mut Keys, to: &mut Keys) {
    let mut record = [0; HEADER + 4 + TAG];
    record[HEADER..HEADER + 4].copy_from_slice(b"body");
    from.sealer.seal(RecordKind::Frames, &mut record).unwrap();
    let opened = to.opener.open(&mut record);
    assert_eq!(opened, Ok((RecordKind::Frames, &b"body"[..])));
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn golden_bytes() {
    let (connector, hello) = connector("oyster", WISHES);
    let (exchange, answer) = listener("oyster", WISHES, &hello).unwrap();
    let (_, proof) = connector.answer(&answer).unwrap();
    let (_, verdict) = exchange.check(&proof).unwrap().accept();
    let nothing = "0".repeat(40);
    let start = format!("f1504c554d424658010002{nothing}");
    let hello_share = "41771e9ca07493e27363003d21434d8cc74c0f556b7bea017dbdf0fd49ddabaf49";
    let answer_share = "42441bc58d9ce619c6527be6e3f73d5a97bbac5fda8b14e83aee174e8fc9d74f0d";
    let their_proof = "ff5ff3ad9e78556528614210972a3abb7dbe69bbfd1d5ded18113e544d3c147a";
    assert_eq!(hex(&hello), format!("{start}{hello_share}"));
    assert_eq!(hex(&answer), format!("{start}{answer_share}"));
    let own_proof = "3e41480f97d0e514d309ccd89461206d85202be10c397ae9bdf7a6e31521edee";
    assert_eq!(hex(&proof), own_proof);
    assert_eq!(hex(&verdict), format!("00{their_proof}"));
}

#[test]
fn golden_refusals() {
    let table = [
        (Refusal::Version(VERSION), 1),
        (Refusal::Encrypted, 2),
        (Refusal::Plain, 3),
        (Refusal::WrongKey, 4),
        (Refusal::Busy, 5),
        (Refusal::UsedUp, 6),
        (Refusal::TooMany, 7),
        (Refusal::Ended, 8),
        (Refusal::Unknown(200), 200),
    ];
    for (refusal, status) in table {
        let start = format!("f1504c554d42465801{status:02x}02");
        let answer = refuse(refusal, WISHES);
        assert_eq!(hex(&answer), format!("{start}{}", "0".repeat(106)));
        let heard = connector("oyster", WISHES).0.answer(&answer).map(|_| ());
        assert_eq!(heard, Err(refusal.into()));

        let verdict = reject(refusal);
        assert_eq!(hex(&verdict), format!("{status:02x}{}", "0".repeat(64)));
        let heard = proving().verdict(&verdict).map(|_| ());
        assert_eq!(heard, Err(refusal.into()));
    }
}

fn proving() -> Proving {
    let (connector, hello) = connector("oyster", WISHES);
    let (_, answer) = listener("oyster", WISHES, &hello).unwrap();
    connector.answer(&answer).unwrap().0
}

#[test]
fn both_talk_with_the_keys() {
    use AesHardware::{Absent, Present};
    for (near, far, cipher) in [
        (Present, Present, Cipher::Aes),
        (Present, Absent, Cipher::ChaCha),
        (Absent, Present, Cipher::ChaCha),
        (Absent, Absent, Cipher::ChaCha),
    ] {
        for protection in [Protection::Encrypted, Protection::Plain] {
            let [near, far] = [near, far].map(|aes| Wishes { protection, aes });
            let (mut near, mut far) = exchanged(near, far).unwrap();
            assert_eq!((near.cipher, far.cipher), (cipher, cipher));
            talk(&mut near, &mut far);
            talk(&mut far, &mut near);
        }
    }
}

#[test]
fn a_direction_does_not_open_the_other() {
    let (mut near, mut far) = exchanged(WISHES, WISHES).unwrap();
    let mut record = [0; HEADER + TAG];
    far.sealer.seal(RecordKind::Frames, &mut record).unwrap();
    assert!(far.opener.open(&mut record.clone()).is_err());
    assert!(near.opener.open(&mut record).is_ok());
}

#[test]
fn a_wrong_key_is_found_out_by_the_listener() {
    let (connector, hello) = connector("lobster", WISHES);
    let (exchange, answer) = listener("oyster", WISHES, &hello).unwrap();
    let (_, proof) = connector.answer(&answer).unwrap();
    let refused = exchange.check(&proof).map(|_| ());
    assert_eq!(refused, Err(Refusal::WrongKey));
}

#[test]
fn an_impostor_is_found_out_by_the_connector() {
    let (connector, hello) = connector("oyster", WISHES);
    let (_, answer) = listener("lobster", WISHES, &hello).unwrap();
    let (proving, proof) = connector.answer(&answer).unwrap();
    // He lets anybody in; the best he has is the proof that he got.
    let mut verdict = [0; VERDICT];
    verdict[1..].copy_from_slice(&proof);
    let refused = proving.verdict(&verdict).map(|_| ());
    assert_eq!(refused, Err(HandshakeError::Impostor));
}

#[test]
fn an_echo_is_no_listener() {
    let (connector, hello) = connector("oyster", WISHES);
    let refused = connector.answer(&hello).map(|_| ());
    assert_eq!(refused, Err(HandshakeError::Share));
}

#[test]
fn the_wishes_have_to_agree() {
    let plain = Wishes {
        protection: Protection::Plain,
        ..WISHES
    };
    let refused = exchanged(plain, WISHES).map(|_| ());
    assert_eq!(refused, Err(Refusal::Encrypted.into()));
    let refused = exchanged(WISHES, plain).map(|_| ());
    assert_eq!(refused, Err(Refusal::Plain.into()));
    // A listener that goes on although it wishes for something else.
    let (connector, hello) = connector("oyster", WISHES);
    let (_, mut answer) = listener("oyster", WISHES, &hello).unwrap();
    answer[10] |= Wishes::PLAIN;
    let refused = connector.answer(&answer).map(|_| ());
    assert_eq!(refused, Err(Refusal::Plain.into()));
}

#[test]
fn versions_that_differ() {
    let (connector, mut hello) = connector("oyster", WISHES);
    hello[8] = 2;
    let refused = listener("oyster", WISHES, &hello).map(|_| ());
    assert_eq!(refused, Err(Refusal::Version(2).into()));
    let mut answer = refuse(Refusal::Version(2), WISHES);
    assert_eq!(answer[8], VERSION, "the listener's own");
    answer[8] = 3;
    let refused = connector.answer(&answer).map(|_| ());
    assert_eq!(refused, Err(Refusal::Version(3).into()));
}

#[test]
fn what_is_kept_for_later_is_bound() {
    let (connector, mut hello) = connector("oyster", WISHES);
    hello[10] |= 0x80;
    let (exchange, answer) = listener("oyster", WISHES, &hello).unwrap();
    let (_, proof) = connector.answer(&answer).unwrap();
    let refused = exchange.check(&proof).map(|_| ());
    assert_eq!(refused, Err(Refusal::WrongKey), "changed on its way");
}

#[test]
fn seeds_make_shares() {
    let one = Connector::new(&key("oyster"), WISHES, &[1; 64]).1;
    let other = Connector::new(&key("oyster"), WISHES, &[3; 64]).1;
    assert_ne!(one, other);
    assert_eq!(one[..SHARE], other[..SHARE]);
}

#[test]
fn how_a_connection_starts() {
    let table: &[(&[u8], Option<bool>)] = &[
        (b"", None),
        (b"\xf1", None),
        (b"\xf1PLUMBF", None),
        (&MAGIC, Some(true)),
        (b"\xf1PLUMBFX and more", Some(true)),
        (b"S", Some(false)),
        (b"\xf1PLUMBFY", Some(false)),
        (b"PLUMBFX", Some(false)),
    ];
    for (received, expected) in table {
        let text = received.escape_ascii();
        assert_eq!(is_native_start(received), *expected, "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_bit_that_is_wrong_anywhere_ends_it(message in 0..4usize, bit: Index) {
        let flip = |place: usize, bytes: &mut [u8]| {
            let bit = bit.index(bytes.len() * 8);
            bytes[bit / 8] ^= u8::from(place == message) << (bit % 8);
        };
        let session = || -> Result<Keys, HandshakeError> {
            let (connector, mut hello) = connector("oyster", WISHES);
            flip(0, &mut hello);
            let (exchange, mut answer) = listener("oyster", WISHES, &hello)?;
            flip(1, &mut answer);
            let (proving, mut proof) = connector.answer(&answer)?;
            flip(2, &mut proof);
            let (_, mut verdict) = exchange.check(&proof)?.accept();
            flip(3, &mut verdict);
            proving.verdict(&verdict)
        };
        prop_assert!(session().is_err());
    }

    #[test]
    fn any_bytes_are_judged(mut bytes in prop::array::uniform32(any::<u8>()), tail in prop::array::uniform32(any::<u8>()), magic: bool) {
        if magic {
            bytes[..9].copy_from_slice(&[&MAGIC[..], &[VERSION]].concat());
        }
        let mut message = [0; HELLO];
        message[..32].copy_from_slice(&bytes);
        message[32..].copy_from_slice(&tail);
        if let Ok((exchange, _)) = listener("oyster", WISHES, &message) {
            prop_assert!(exchange.check(&bytes).is_err());
        }
        let _ = connector("oyster", WISHES).0.answer(&message);
        let mut verdict = [0; VERDICT];
        verdict[1..].copy_from_slice(&bytes);
        prop_assert!(proving().verdict(&verdict).is_err());
    }
}
