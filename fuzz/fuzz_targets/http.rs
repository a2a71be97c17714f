//! Requests: however the bytes are cut and whenever an answer makes the rest wait, the same is heard; what is given out
//! breaks no rule that who answers relies on; nothing is held but what is not answered yet.
#![no_main]

use std::time::Duration;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use proto::http::{Connection, Heard, Limits, Request, Version};
use proto_fuzz::Cuts;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    cuts: Cuts,
    /// Whether the limits are so tight that a short request reaches them.
    tight: bool,
    bytes: &'a [u8],
}

fuzz_target!(|input: Input<'_>| {
    let limits = match input.tight {
        true => Limits {
            target: 20,
            fields: 4,
            name: 20,
            value: 24,
            head: 120,
            body: 10,
            ..Limits::default()
        },
        false => Limits::default(),
    };
    let whole = heard(&limits, [input.bytes], Rest::HandedIn);
    for rest in [Rest::HandedIn, Rest::Kept] {
        assert_eq!(heard(&limits, input.cuts.reads(input.bytes), rest), whole);
    }
    assert_eq!(heard(&limits, input.bytes.chunks(1), Rest::Kept), whole);
});

/// What becomes of a read when a request in it is answered.
#[derive(Clone, Copy)]
enum Rest {
    HandedIn,
    Kept,
}

fn heard<'a>(
    limits: &Limits,
    reads: impl IntoIterator<Item = &'a [u8]>,
    rest: Rest,
) -> Vec<String> {
    let now = Duration::from_secs(1);
    let mut connection = Connection::new(now, limits);
    let mut all = Vec::new();
    for mut bytes in reads {
        loop {
            let heard = connection.next(&mut bytes, now, limits);
            match &heard {
                Heard::Pending => break assert!(bytes.is_empty() && connection.is_idle()),
                Heard::Request(request) => check(request, limits),
                Heard::Refused(refusal) => assert!((400..600).contains(&refusal.status().code())),
                Heard::Over => {}
            }
            all.push(format!("{heard:?}"));
            if !matches!(heard, Heard::Request(_)) {
                return all;
            }
            if let Rest::Kept = rest {
                connection.keep(bytes);
                bytes = &[];
            }
        }
        let due = connection.due();
        assert!(due == now + limits.idle || due == now + limits.head_time);
    }
    all
}

fn check(request: &Request<'_>, limits: &Limits) {
    let Request { target, host, .. } = *request;
    assert!(target.starts_with('/') || target == "*" && request.method_text == "OPTIONS");
    assert!(target.len() <= limits.target);
    assert!(!target.contains(|one: char| one.is_ascii_control() || one == ' ' || one == '#'));
    assert!(host.is_some() || request.version == Version::Http10);
    let strange = |one: char| !one.is_ascii_graphic() || "/?#@\\<>\",".contains(one);
    assert!(!host.unwrap_or_default().contains(strange));
    for value in [&request.fields.accept, &request.fields.range] {
        let value = value.as_deref().unwrap_or_default();
        assert!(!value.iter().any(|byte| b"\r\n\0".contains(byte)));
    }
}
