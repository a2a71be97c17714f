//! The upper-casing echo: a datagram's answer is what std makes of it, a stream's does not depend on how it was cut,
//! and no two echo services keep each other busy.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use proto::echo::{Case, MAX_RETURNS, ReplyTooLong, Request, ReturnGuard, Upper};
use proto_fuzz::Cuts;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    cuts: Cuts,
    limit: u16,
    rounds: u16,
    text: &'a [u8],
}

fuzz_target!(|input: Input<'_>| {
    for case in [Case::Unicode, Case::Ascii] {
        datagram(&input, case);
        stream(&input, case);
    }
    client_of_a_guard(&input);
    if input.rounds.is_multiple_of(16) {
        two_echo_services(&input);
    }
});

fn upper(text: &[u8], case: Case) -> Vec<u8> {
    let mut out = Vec::new();
    let replied = Request::decode(text).reply(case, 3 * text.len(), &mut out);
    assert_eq!(replied, Ok(()), "more than three times the request");
    out
}

fn datagram(input: &Input<'_>, case: Case) {
    let expected = match (case, std::str::from_utf8(input.text)) {
        (Case::Unicode, Ok(text)) => text.to_uppercase().into_bytes(),
        _ => input.text.to_ascii_uppercase(),
    };
    assert_eq!(upper(input.text, case), expected);
    assert_eq!(upper(&expected, case), expected, "an echo of an echo");

    let request = Request::decode(input.text);
    assert!(request.is_answered_by(&expected));
    let (length, limit) = (expected.len(), usize::from(input.limit));
    let mut out = b"before".to_vec();
    if length > limit {
        let refused = Err(ReplyTooLong { length, limit });
        assert_eq!(request.reply(case, limit, &mut out), refused);
        assert_eq!(out, b"before");
    } else {
        assert_eq!(request.reply(case, limit, &mut out), Ok(()));
        assert_eq!(out, [b"before", expected.as_slice()].concat());
    }
}

fn stream(input: &Input<'_>, case: Case) {
    let expected: Vec<u8> = match case {
        Case::Ascii => input.text.to_ascii_uppercase(),
        Case::Unicode => input
            .text
            .utf8_chunks()
            .flat_map(|chunk| [chunk.valid().to_uppercase().as_bytes(), chunk.invalid()].concat())
            .collect(),
    };
    let mut out = Vec::new();
    let mut stream = Upper::new(case);
    for read in input.cuts.reads(input.text) {
        stream.push(read, &mut out);
        assert!(expected.starts_with(&out));
        let arrived = out.len();
        stream.clone().finish(&mut out);
        assert!(out.len() - arrived <= 3, "more held back than a character");
        out.truncate(arrived);
    }
    stream.finish(&mut out);
    assert_eq!(out, expected);
    assert!(out.len() <= 3 * input.text.len());
}

/// Only what the peer returned unchanged is ever withheld, and at most one reply in so many.
fn client_of_a_guard(input: &Input<'_>) {
    let mut guard = ReturnGuard::default();
    let mut returns = 0;
    let exchanges: Vec<_> = input
        .cuts
        .reads(input.text)
        .map(|request| (request, upper(request, Case::Unicode)))
        .collect();
    let rounds = usize::from(input.rounds % 1024);
    for (request, reply) in exchanges.iter().cycle().take(rounds) {
        if request != reply {
            continue;
        }
        returns += 1;
        if !guard.admits(reply) {
            assert!(returns > MAX_RETURNS, "withheld after {returns} returns");
            returns = 0;
        }
    }
}

/// Whatever goes round between two echo services, with a guard each, comes to an end.
fn two_echo_services(input: &Input<'_>) {
    const CIRCULATING: usize = 100;
    let (mut ours, mut theirs) = (ReturnGuard::default(), ReturnGuard::default());
    let mut on_the_wire: Vec<Vec<u8>> = input
        .cuts
        .reads(input.text)
        .take(CIRCULATING)
        .map(|text| upper(text, Case::Unicode))
        .collect();
    for _ in 0..8000 {
        if on_the_wire.is_empty() {
            break;
        }
        on_the_wire.retain(|text| ours.admits(text));
        on_the_wire.retain(|text| theirs.admits(text));
    }
    assert!(on_the_wire.is_empty(), "{} go on", on_the_wire.len());
}
