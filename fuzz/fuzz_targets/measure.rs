//! The measurement echo: what was read from a datagram survives being written and read again, and every reply is
//! known for an answer.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proto::measure::{PacketSize, Reply, Request, is_answer, probe};

fuzz_target!(|datagram: &[u8]| {
    request(datagram);
    reply(datagram);
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
