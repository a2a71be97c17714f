//! Telling answers from requests: whatever a classic server is sent, what it replies is known for an answer, also after
//! an echo service has upper-cased it. So no two of them can be set on each other for longer than an exchange.
#![no_main]

use std::net::SocketAddr;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use proto::answer::is_answer;
use proto::echo::{self, Case};
use proto::relay::{Incoming, MAX_DATAGRAM, Status};
use proto::{measure, months, relay};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    peer: SocketAddr,
    datagram: &'a [u8],
}

fuzz_target!(|input: Input<'_>| {
    let Input { peer, datagram } = input;
    let answer = is_answer(datagram);
    assert_eq!(is_answer(&datagram.to_ascii_uppercase()), answer);
    assert_eq!(is_answer(&datagram.to_ascii_lowercase()), answer);
    if answer {
        check(datagram);
    }
    for reply in measure_replies(peer, datagram) {
        check(&reply);
    }
    for reply in relay_replies(peer, datagram) {
        check(&reply);
    }
    for reply in months_replies(datagram) {
        check(reply.as_str().as_bytes());
    }
});

/// It is an answer as it is and as an echo service returns it.
fn check(reply: &[u8]) {
    assert!(is_answer(reply));
    for case in [Case::Unicode, Case::Ascii] {
        let mut echoed = Vec::new();
        let fits = echo::Request::decode(reply).reply(case, usize::MAX, &mut echoed);
        assert_eq!(fits, Ok(()));
        assert!(is_answer(&echoed));
    }
}

fn encoded(encode: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    encode(&mut out);
    out
}

/// On both wires, with a key and without.
fn measure_replies(peer: SocketAddr, datagram: &[u8]) -> Vec<Vec<u8>> {
    use measure::{Gate, Key, Reply, Request, Secret, Version, Welcome};
    let keys = [None, Key::new(b"0123456789abcdef").ok()];
    let gates = keys.map(|key| Gate::new(Secret::new([7; 32]), key));
    let welcomed = |gate: &Gate, offer| {
        Reply::Calibrated(Some(Welcome {
            version: Version::OURS,
            grant: gate.grant(peer, &offer),
        }))
    };
    let replies = match Request::decode(datagram) {
        None => Vec::new(),
        Some(Request::Calibrate { offer, .. }) => {
            let welcomes = offer.map(|offer| gates.iter().map(move |gate| welcomed(gate, offer)));
            let welcomes = welcomes.into_iter().flatten();
            welcomes.chain([Reply::Calibrated(None)]).collect()
        }
        Some(Request::Exit) => vec![Reply::Stopping, Reply::NotStopping],
        Some(Request::Probe(_)) => vec![Reply::Acknowledged],
    };
    let classic = replies
        .into_iter()
        .map(|reply| encoded(|out| reply.encode(out)));
    classic.chain(native_replies(datagram)).collect()
}

fn native_replies(datagram: &[u8]) -> Vec<Vec<u8>> {
    use measure::native::{Incoming, Unknown};
    use measure::{Arrived, Session};
    let Some(incoming) = Incoming::decode(datagram) else {
        return Vec::new();
    };
    let (mut known, session) = (Session::default(), incoming.session());
    let arrived = Arrived {
        at: 1,
        by_kernel: true,
        service: Some(0xB8),
    };
    let answer = encoded(|out| match incoming {
        Incoming::Probe(probe) => known
            .probe(&probe, arrived, true)
            .encode(datagram.len(), out),
        Incoming::Ask(_) => known.report(session).encode(out),
    });
    assert_eq!(answer.len(), datagram.len(), "no answer is longer");
    let unknown = encoded(|out| Unknown { session, number: 0 }.encode(None, out));
    assert!(unknown.len() < datagram.len());
    vec![answer, unknown]
}

/// What the sender is told, and what somebody else receives.
fn relay_replies(peer: SocketAddr, datagram: &[u8]) -> Vec<Vec<u8>> {
    use relay::Reply;
    let from = peer;
    let longest;
    let replies = match Incoming::decode(datagram) {
        Incoming::Hello => vec![Reply::Address(peer)],
        Incoming::Rejected(status) => vec![Reply::Status(status)],
        Incoming::Message(relay::Message { content, .. }) => {
            longest = growing(content);
            vec![
                Reply::Status(Status::Sent),
                Reply::Status(Status::NotSent),
                Reply::Delivery { from, content },
                Reply::Delivery {
                    from,
                    content: &longest,
                },
            ]
        }
        Incoming::ExitServer | Incoming::Answer | Incoming::TooLong => Vec::new(),
    };
    let encoded = |reply: Reply<'_>| {
        let mut out = Vec::new();
        reply.encode(&mut out).is_ok().then_some(out)
    };
    replies.into_iter().filter_map(encoded).collect()
}

/// So much behind it that a delivery just fits a datagram, and fits none any more once it is upper-cased.
fn growing(content: &[u8]) -> Vec<u8> {
    const HEADER: usize = 64;
    const THREE_IN_UPPER_CASE: &str = "\u{390}";
    let room = MAX_DATAGRAM.saturating_sub(HEADER + content.len());
    let letters = THREE_IN_UPPER_CASE.repeat(room / THREE_IN_UPPER_CASE.len());
    [content, letters.as_bytes()].concat()
}

/// All but the names of months, which a person may send: they are no request to any of the servers, so what they get
/// is one of these, or one of the others' replies.
fn months_replies(datagram: &[u8]) -> Vec<months::Reply> {
    let mut conversation = months::Conversation::default();
    let replies = [datagram, datagram].map(|datagram| conversation.reply(datagram));
    let told = replies.into_iter().flatten();
    told.filter(|reply| !matches!(reply, months::Reply::Name(_)))
        .collect()
}
