//! The measurement echo: what was read from a datagram, on either wire, survives being written and read again, every
//! answer is known for one, and no proof outlives a change.
#![no_main]

use std::net::{Ipv4Addr, SocketAddr};

use libfuzzer_sys::fuzz_target;
use proto::measure::native::{self, Answer, Incoming, Unknown};
use proto::measure::{
    Credentials, Gate, Key, PacketSize, Reply, Request, Secret, SessionId, is_answer, probe,
};

fuzz_target!(|datagram: &[u8]| {
    request(datagram);
    reply(datagram);
    incoming(datagram);
    answer(datagram);
    stamped(datagram);
});

fn request(datagram: &[u8]) {
    let Some(request) = Request::decode(datagram) else {
        assert!(proto::answer::is_answer(datagram));
        return;
    };
    match request {
        Request::Calibrate { size, .. } => {
            assert_eq!(datagram.first(), Some(&b'C'));
            assert_eq!(PacketSize::new(size.bytes() as u64), Ok(size));
            probe_of(size);
        }
        Request::Exit => assert_eq!(datagram, b"exit"),
        Request::Probe(payload) => assert_eq!(payload, datagram),
    }
    let mut wire = Vec::new();
    request.encode(&mut wire);
    assert_eq!(Request::decode(&wire), Some(request));
}

fn probe_of(size: PacketSize) {
    let mut wire = Vec::new();
    probe(size, &mut wire);
    assert_eq!(wire.len(), size.bytes());
    assert_eq!(Request::decode(&wire), Some(Request::Probe(&wire)));
    assert!(!is_answer(&wire));
}

fn reply(datagram: &[u8]) {
    let Some(reply) = Reply::decode(datagram) else {
        return;
    };
    let mut wire = Vec::new();
    reply.encode(&mut wire);
    assert_eq!(Reply::decode(&wire), Some(reply));
    for answer in [datagram, &wire] {
        assert!(is_answer(answer));
        assert!(is_answer(&answer.to_ascii_uppercase()));
        assert!(is_answer(&answer.to_ascii_lowercase()));
    }
}

/// A client's packet of the native wire.
fn incoming(datagram: &[u8]) {
    let Some(incoming) = Incoming::decode(datagram) else {
        return;
    };
    assert!(native::is_native(datagram) && !is_answer(datagram));
    assert_eq!(Answer::decode(datagram), None);
    let mut wire = Vec::new();
    match incoming {
        Incoming::Probe(probe) => probe.encode(datagram.len(), &mut wire),
        Incoming::Ask(ask) => ask.encode(&mut wire),
    }
    assert_eq!(wire.len(), datagram.len());
    for key in keys() {
        let credentials = credentials(incoming.session(), key);
        proven(&credentials, &mut wire);
        assert_eq!(Incoming::decode(&wire), Some(incoming));
        for place in [2, 11, wire.len() - 1] {
            changed(&credentials, &mut wire, place);
        }
    }
}

/// A server's packet of the native wire.
fn answer(datagram: &[u8]) {
    let Some(answer) = Answer::decode(datagram) else {
        return;
    };
    assert!(native::is_native(datagram) && is_answer(datagram));
    assert_eq!(Incoming::decode(datagram), None);
    assert_eq!(Request::decode(datagram), None);
    for key in keys() {
        let mut wire = Vec::new();
        match &answer {
            Answer::Echo(echo) => echo.encode(datagram.len(), &mut wire),
            Answer::Report(report) => report.encode(&mut wire),
            Answer::Unknown(unknown) => {
                unknown.encode(key.as_ref(), &mut wire);
                assert!(Unknown::is_from(&wire, key.as_ref()));
            }
        }
        assert_eq!(wire.len(), datagram.len());
        let credentials = credentials(answer.session(), key);
        if let Answer::Unknown(_) = answer {
            assert!(!credentials.accept(&wire), "it belongs to no session");
        } else {
            proven(&credentials, &mut wire);
        }
        assert_eq!(Answer::decode(&wire), Some(answer.clone()));
    }
}

fn keys() -> [Option<Key>; 2] {
    [None, Key::new(b"0123456789abcdef").ok()]
}

fn credentials(session: SessionId, key: Option<Key>) -> Credentials {
    let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 5000));
    Gate::new(Secret::new([7; 32]), key).credentials(peer, session)
}

fn proven(credentials: &Credentials, wire: &mut [u8]) {
    credentials.seal(wire);
    assert!(credentials.accept(wire));
}

/// Where there is a key, nothing in a packet may change.
fn changed(credentials: &Credentials, wire: &mut [u8], place: usize) {
    wire[place] ^= 1;
    if let Credentials::Key(_) = credentials {
        assert!(!credentials.accept(wire), "byte {place}");
    }
    wire[place] ^= 1;
}

/// A time of sending is written into echoes alone, and leaves all else in them as it is.
fn stamped(datagram: &[u8]) {
    const SENT: u64 = 0x0102_0304_0506_0708;
    let mut wire = datagram.to_vec();
    native::stamp(&mut wire, SENT);
    match Answer::decode(datagram) {
        Some(Answer::Echo(mut echo)) => {
            echo.sent = SENT;
            assert_eq!(Answer::decode(&wire), Some(Answer::Echo(echo)));
        }
        _ if native::is_native(datagram) => assert_eq!(wire, datagram),
        _ => {}
    }
}
