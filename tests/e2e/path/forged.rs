//! What a stranger may say on the native wire.

use harness::{Server, ask};

use super::clean_ack;

/// A packet of this kind that is made up: 12 bytes of a head that can be read, and nothing true behind it.
pub(crate) fn made_up(kind: u8, size: usize) -> Vec<u8> {
    let mut packet = vec![0xFD, kind, 0, 0];
    packet.extend(*b"made up!");
    packet.resize(size, 0x5A);
    packet
}

const PROBE: u8 = 1;
const ECHO: u8 = 2;
const ASK: u8 = 3;
const REPORT: u8 = 4;
const UNKNOWN: u8 = 5;

/// How long the packets of each kind are.
pub(crate) const KINDS: [(u8, usize); 5] = [
    (PROBE, 64),
    (ECHO, 64),
    (ASK, 252),
    (REPORT, 252),
    (UNKNOWN, 28),
];

#[test]
fn a_made_up_token_gets_less_than_it_sent_and_no_session() {
    let server = clean_ack();
    let client = server.connect();
    let mut buffer = [0; 2048];
    for (kind, size) in [(PROBE, 64), (ASK, 252), (PROBE, 1400), (PROBE, 64)] {
        client.send(&made_up(kind, size)).unwrap();
        let length = client.recv(&mut buffer).unwrap();
        assert!(length < size, "{length} bytes for {size}");
        // Each time anew: it does not know the session by now.
        assert_eq!(buffer[..2], [0xFD, UNKNOWN]);
        assert_eq!(&buffer[4..12], b"made up!");
    }
}

#[test]
fn native_answers_are_answered_by_nobody_but_an_echo() {
    let months = Server::start("months", &["serve", "--bind", "127.0.0.1:0"]);
    let usage = "\nAn integer from 1 to 12 gets the month's name.\n";
    let table = [
        (clean_ack(), "hello", "Packet Acknowledged"),
        (months, "5", usage),
    ];
    for (server, request, reply) in table {
        let client = server.connect();
        for (kind, size) in [(ECHO, 64), (REPORT, 252), (UNKNOWN, 28)] {
            for size in [size, 1400] {
                client.send(&made_up(kind, size)).unwrap();
            }
        }
        // Were one of them answered, its answer would come first.
        assert_eq!(ask(&client, request), reply);
    }
}

#[test]
fn what_is_cut_off_or_of_no_kind_is_dropped() {
    let server = clean_ack();
    let client = server.connect();
    for (kind, size) in [
        (PROBE, 63),
        (ASK, 251),
        (ASK, 253),
        (0, 64),
        (6, 64),
        (255, 64),
    ] {
        client.send(&made_up(kind, size)).unwrap();
    }
    client.send(&[0xFD]).unwrap();
    assert_eq!(ask(&client, "hello"), "Packet Acknowledged");
}
