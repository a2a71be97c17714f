//! STAMP: whatever comes to a reflector, its reply is as long as that, answers it, and is reflected by nobody; a packet
//! that was read survives being written again; and a sender believes no count that cannot be.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proto::stamp::{Arrived, Incoming, Key, Ledger, Mode, NoRequest, Reply, Session, Timestamp};
use proto::stamp::{complete, place};

fuzz_target!(|datagram: &[u8]| {
    for mode in modes() {
        for packet in [datagram.to_vec(), proved(datagram, &mode)] {
            request(&packet, &mode);
            reply(&packet, &mode);
        }
    }
    counted(datagram);
});

fn modes() -> Vec<Mode> {
    let key = Key::new(b"0123456789abcdef").ok();
    key.map(Mode::Keyed)
        .into_iter()
        .chain([Mode::Open])
        .collect()
}

/// The packet with the code that it needs, and nothing else changed.
fn proved(datagram: &[u8], mode: &Mode) -> Vec<u8> {
    let mut packet = datagram.to_vec();
    let at = match mode {
        Mode::Open => 4,
        Mode::Keyed(_) => 16,
    };
    let sent = packet.get(at..at + 8).and_then(|sent| sent.try_into().ok());
    let sent = Timestamp(sent.map_or(0, u64::from_be_bytes));
    complete(&mut packet, sent, mode);
    assert_eq!(packet.len(), datagram.len());
    packet
}

fn request(packet: &[u8], mode: &Mode) {
    let Ok(incoming) = Incoming::decode(packet, mode) else {
        return;
    };
    let mut wire = Vec::new();
    incoming.request.encode(packet.len(), mode, &mut wire);
    let again = Incoming::decode(&wire, mode).map(|again| again.request);
    assert_eq!(again, Ok(incoming.request));
    let (mut session, arrived) = (
        Session::default(),
        Arrived {
            at: 1 << 60,
            ttl: None,
        },
    );
    for number in 0..3 {
        let said = session.reflect(&incoming, arrived);
        let Some(mut said) = said else {
            assert!(
                number > 0,
                "a session that has sent nothing has nothing to know again"
            );
            return;
        };
        let mut answer = Vec::new();
        said.encode(packet, mode, &mut answer);
        said.sent = Timestamp::of_unix((1 << 60) + 1000, said.error.format());
        complete(&mut answer, said.sent, mode);
        assert_eq!(answer.len(), packet.len(), "no answer is longer");
        assert_eq!(Reply::decode(&answer, mode), Some(said));
        assert_eq!(Incoming::decode(&answer, mode), Err(NoRequest::Answer));
        assert_eq!((said.sequence, said.asked), (number, incoming.request));
    }
}

fn reply(packet: &[u8], mode: &Mode) {
    if let Some(reply) = Reply::decode(packet, mode) {
        for time in [reply.sent, reply.received, reply.asked.sent] {
            time.unix_nanos(reply.error.format());
        }
        reply.error.error();
    }
}

fn counted(datagram: &[u8]) {
    let mut ledger = Ledger::after(0);
    for numbers in datagram.chunks_exact(8) {
        let (one, other) = numbers.split_at(4);
        let number = |bytes: &[u8]| u32::from_be_bytes(bytes.try_into().unwrap_or_default());
        let (asked, said) = (number(one), number(other));
        if let Some(at) = place(asked, 7, u64::from(said)) {
            assert!(at < u64::from(said));
        }
        if let Some(gap) = ledger.answered(u64::from(asked), said) {
            assert!(gap.received <= gap.places.end - gap.places.start);
        }
    }
}
