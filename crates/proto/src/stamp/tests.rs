//! Packets byte for byte, and what is no request.

use proptest::prelude::*;

use super::*;

const AT: u64 = 1_700_000_000_000_000_000;
const QUARTER: u64 = 250_000_000;
const ASKED: u32 = 0x0102_0304;
const SSID: u16 = 0xABCD;
const KEY: &[u8] = b"0123456789abcdef";

fn modes() -> [Mode; 2] {
    [Mode::Open, Mode::Keyed(Key::new(KEY).unwrap())]
}

fn bytes(lines: &[&str]) -> Vec<u8> {
    let digits = lines.concat();
    let byte = |place| u8::from_str_radix(&digits[place..place + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(byte).collect()
}

fn request() -> Request {
    Sender::new(SSID).request(ASKED, AT + QUARTER)
}

fn asked(size: usize, mode: &Mode) -> Vec<u8> {
    let mut packet = Vec::new();
    request().encode(size, mode, &mut packet);
    packet
}

fn reflected(session: &mut Session, packet: &[u8], mode: &Mode) -> Option<Vec<u8>> {
    let arrived = Arrived {
        at: AT + 2 * QUARTER,
        ttl: Some(63),
    };
    let incoming = Incoming::decode(packet, mode).ok()?;
    let reply = session.reflect(&incoming, arrived)?;
    let mut answer = Vec::new();
    reply.encode(packet, mode, &mut answer);
    let sent = Timestamp::of_unix(AT + 3 * QUARTER, reply.error.format());
    complete(&mut answer, sent, mode);
    Some(answer)
}

/// A session that has sent five replies.
fn session() -> Session {
    let mut session = Session::default();
    for _ in 0..5 {
        reflected(&mut session, &asked(44, &Mode::Open), &Mode::Open).unwrap();
    }
    session
}

/// Written by hand after the figures of RFC 8762; the codes are Python's.
const GOLDEN: [(&[&str], &[&str]); 2] = [
    (
        &[
            "01020304",
            "e8fe6f8040000000",
            "2001abcd",
            "00000000000000000000000000000000000000000000000000000000",
        ],
        &[
            "00000005",
            "e8fe6f80c0000000",
            "2001abcd",
            "e8fe6f8080000000",
            "01020304",
            "e8fe6f8040000000",
            "20010000",
            "3f000000",
        ],
    ),
    (
        &[
            "01020304000000000000000000000000",
            "e8fe6f80400000002001abcd00000000",
            "00000000000000000000000000000000",
            "00000000000000000000000000000000",
            "00000000000000000000000000000000",
            "00000000000000000000000000000000",
            "fb9820f65728eb6610d508fbe4f606fe",
        ],
        &[
            "00000005000000000000000000000000",
            "e8fe6f80c00000002001abcd00000000",
            "e8fe6f80800000000000000000000000",
            "01020304000000000000000000000000",
            "e8fe6f80400000002001000000000000",
            "3f000000000000000000000000000000",
            "2866f3e9e5a1f56034c191fe1620eb0c",
        ],
    ),
];

#[test]
fn packets_of_the_figures() {
    for (mode, (asks, says)) in modes().iter().zip(GOLDEN) {
        let (asks, says) = (bytes(asks), bytes(says));
        assert_eq!(asks.len(), mode.base());
        assert_eq!(asked(0, mode), asks, "{mode:?}");
        let incoming = Incoming::decode(&asks, mode).unwrap();
        assert_eq!(incoming.request, request(), "{mode:?}");
        let answer = reflected(&mut session(), &asks, mode).unwrap();
        assert_eq!(answer, says, "{mode:?}");
        let reply = Reply::decode(&says, mode).unwrap();
        assert_eq!((reply.sequence, reply.ttl, reply.asked), (5, 63, request()));
        let times = [reply.received, reply.sent].map(|time| time.unix_nanos(reply.error.format()));
        assert_eq!(times, [AT + 2 * QUARTER, AT + 3 * QUARTER]);
    }
}

#[test]
fn replies_are_as_long_as_their_requests_and_say_what_was_not_understood() {
    for mode in modes() {
        for size in [0, 44, 45, 47, 48, 112, 113, 200, 65_507] {
            let packet = asked(size, &mode);
            assert_eq!(packet.len(), size.max(mode.base()));
            let answer = reflected(&mut Session::default(), &packet, &mode).unwrap();
            assert_eq!(answer.len(), packet.len(), "{mode:?}");
            let (sent, came) = (&packet[mode.base()..], &answer[mode.base()..]);
            match sent {
                [0x80, 1, ..] => assert_eq!((came[0], &came[1..]), (0, &sent[1..])),
                bare => assert_eq!(came, bare),
            }
        }
        let mut packet = asked(0, &mode);
        packet.extend([0x80, 8, 0, 2, 1, 2]);
        let answer = reflected(&mut Session::default(), &packet, &mode).unwrap();
        assert_eq!(answer[mode.base()..], [0x80, 8, 0, 2, 1, 2]);
    }
}

/// What a sender of TWAMP sends: 14 bytes and padding.
fn twamp(size: usize, padding: u8) -> Vec<u8> {
    let mut packet = asked(44, &Mode::Open);
    packet.truncate(14);
    packet.resize(size, padding);
    packet
}

#[test]
fn senders_of_twamp_get_as_much_as_they_sent() {
    for size in [41, 42, 43, 44, 45, 100] {
        for padding in [0, 0x5A, 0xFF] {
            let packet = twamp(size, padding);
            let answer = reflected(&mut Session::default(), &packet, &Mode::Open).unwrap();
            assert_eq!(answer.len(), size);
            assert_eq!(answer[size.min(44)..], packet[size.min(44)..]);
            let reply = Reply::decode(&answer, &Mode::Open).unwrap();
            let ssid = 0;
            assert_eq!(reply.asked, Request { ssid, ..request() }, "{size}");
            assert_eq!((reply.sequence, reply.ttl), (0, 63));
        }
    }
    for size in 0..41 {
        let too_short = NoRequest::TooShort {
            bytes: size,
            least: 41,
        };
        let decoded = Incoming::decode(&twamp(64, 0)[..size], &Mode::Open);
        assert_eq!(decoded, Err(too_short));
    }
}

#[test]
fn only_what_is_proved_is_taken_with_a_key() {
    let [open, keyed] = modes();
    let other = Mode::Keyed(Key::new(b"0123456789abcdeF").unwrap());
    let packet = asked(0, &keyed);
    assert!(Incoming::decode(&packet, &keyed).is_ok());
    assert_eq!(Incoming::decode(&packet, &other), Err(NoRequest::Unproved));
    let bare = asked(112, &open);
    assert_eq!(Incoming::decode(&bare, &keyed), Err(NoRequest::Unproved));
    let answer = reflected(&mut Session::default(), &packet, &keyed).unwrap();
    assert!(Reply::decode(&answer, &keyed).is_some());
    assert_eq!(Reply::decode(&answer, &other), None);
    for place in 0..112 {
        let (mut packet, mut answer) = (packet.clone(), answer.clone());
        packet[place] ^= 1;
        answer[place] ^= 1;
        assert_eq!(Incoming::decode(&packet, &keyed), Err(NoRequest::Unproved));
        assert_eq!(Reply::decode(&answer, &keyed), None, "{place}");
    }
    let short = NoRequest::TooShort {
        bytes: 111,
        least: 112,
    };
    assert_eq!(Incoming::decode(&packet[..111], &keyed), Err(short));
}

#[test]
fn no_reply_is_reflected() {
    for mode in modes() {
        let answer = reflected(&mut Session::default(), &asked(0, &mode), &mode).unwrap();
        assert_eq!(Incoming::decode(&answer, &mode), Err(NoRequest::Answer));
    }
    let months = b"\nAn integer from 1 to 12 gets the month's name.\n";
    assert_eq!(
        Incoming::decode(months, &Mode::Open),
        Err(NoRequest::Answer)
    );
}

/// Another reflector, whose clock stands still at 0 and which keeps no rules but to copy.
fn careless(packet: &[u8]) -> Vec<u8> {
    let mut answer = packet.to_vec();
    answer[24..38].copy_from_slice(&packet[..14]);
    answer[..24].fill(0);
    answer
}

#[test]
fn a_reflector_without_a_clock_is_not_answered_twice() {
    let (mut session, mut packet) = (Session::default(), asked(44, &Mode::Open));
    packet[16..44].fill(0x5A);
    for circulating in 0..20 {
        let answer = reflected(&mut session, &packet, &Mode::Open).unwrap();
        let returned = careless(&answer);
        assert!(Incoming::decode(&returned, &Mode::Open).is_ok());
        assert_eq!(
            reflected(&mut session, &returned, &Mode::Open),
            None,
            "{circulating}"
        );
    }
}

proptest! {
    /// Numbers beyond those begin as packets of the measurement's native wire do.
    #[test]
    fn requests_survive_the_wire(sequence in 0..0xFD00_0000u32, sent: u64, error: u16, ssid: u16, size in 0..300usize) {
        let request = Request { sequence, sent: Timestamp(sent), error: ErrorEstimate(error), ssid };
        for mode in modes() {
            let mut packet = Vec::new();
            request.encode(size, &mode, &mut packet);
            prop_assert_eq!(Incoming::decode(&packet, &mode).map(|incoming| incoming.request), Ok(request));
        }
    }

    /// Whatever comes, no reply is longer, and none is itself answered.
    #[test]
    fn any_bytes_are_taken(packet in proptest::collection::vec(any::<u8>(), 0..200)) {
        for mode in modes() {
            Reply::decode(&packet, &mode);
            let Some(answer) = reflected(&mut Session::default(), &packet, &mode) else {
                continue;
            };
            prop_assert_eq!(answer.len(), packet.len());
            prop_assert_eq!(Incoming::decode(&answer, &mode), Err(NoRequest::Answer));
            prop_assert!(Reply::decode(&answer, &mode).is_some());
        }
    }
}
