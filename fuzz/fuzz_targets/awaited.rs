//! What a client of the upper-casing stream awaits: where the answers end does not depend on how they or the requests
//! were cut, and is where std's upper case ends, by either rule; so is their length.
#![no_main]

use std::sync::LazyLock;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use proto::echo::{AnswerLength, Answers, Awaited, Case};
use proto_fuzz::Cuts;

const CASES: [Case; 2] = [Case::Unicode, Case::Ascii];

/// As long in upper case.
const LETTER: &str = "é";

/// A letter that is not ASCII has it make its table, which takes longer than all the rest of an input.
static AFTER_A_LETTER: LazyLock<AnswerLength> = LazyLock::new(|| {
    let mut length = AnswerLength::default();
    length.sent(LETTER.as_bytes());
    length
});

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    sending: Cuts,
    receiving: Cuts,
    damage: Option<Damage>,
    text: &'a [u8],
}

/// What a server does to its answer.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Damage {
    EndsAt(u16),
    Changes(u16, u8),
    Adds(u8),
}

fuzz_target!(|input: Input<'_>| {
    for case in CASES {
        turn_by_turn(&input, case);
        all_at_the_end(&input, case);
        before_it_was_asked(&input, case);
    }
    lengths(&input);
});

/// The upper case of all characters that are whole, and what was cut off behind them.
fn upper(text: &[u8], case: Case) -> (Vec<u8>, &[u8]) {
    if case == Case::Ascii {
        return (text.to_ascii_uppercase(), &[]);
    }
    let (mut out, mut last): (_, &[u8]) = (Vec::new(), &[]);
    for chunk in text.utf8_chunks() {
        out.extend_from_slice(last);
        out.extend_from_slice(chunk.valid().to_uppercase().as_bytes());
        last = chunk.invalid();
    }
    let is_cut = std::str::from_utf8(last).is_err_and(|error| error.error_len().is_none());
    if !is_cut {
        out.extend_from_slice(last);
        last = &[];
    }
    (out, last)
}

impl Damage {
    fn to(self, answer: &mut Vec<u8>) {
        match self {
            Self::EndsAt(place) => answer.truncate(place.into()),
            Self::Changes(place, byte) => {
                if let Some(changed) = answer.get_mut(usize::from(place)) {
                    *changed = byte;
                }
            }
            Self::Adds(byte) => answer.push(byte),
        }
    }
}

/// A server that is right and has answered all that it can leaves nothing to be awaited.
fn turn_by_turn(input: &Input<'_>, case: Case) {
    let (mut answers, mut sent, mut received) = (Answers::default(), 0, 0);
    for request in input.sending.reads(input.text) {
        answers.sent(request);
        sent += request.len();
        let (answer, _) = upper(&input.text[..sent], case);
        for read in input.receiving.reads(&answer[received..]) {
            assert_ne!(answers.received(read), Awaited::Unknown);
        }
        received = answer.len();
        assert_eq!(answers.awaited(), Awaited::Nothing, "after {sent} bytes");
    }
}

/// All is sent before anything comes: then each read leaves to be awaited what the whole of both streams says.
fn all_at_the_end(input: &Input<'_>, case: Case) {
    let expected = CASES.map(|case| upper(input.text, case).0);
    let (mut answer, _) = upper(input.text, case);
    if let Some(damage) = input.damage {
        damage.to(&mut answer);
    }
    let mut answers = Answers::default();
    for request in input.sending.reads(input.text) {
        answers.sent(request);
    }
    let mut received = 0;
    for read in input.receiving.reads(&answer) {
        received += read.len();
        let awaited = awaited(&expected, &answer[..received]);
        assert_eq!(answers.received(read), awaited, "after {received} bytes");
        assert_eq!(answers.awaited(), awaited);
    }
}

fn awaited(expected: &[Vec<u8>], received: &[u8]) -> Awaited {
    let follows = |answer: &&Vec<u8>| answer.starts_with(received);
    let mut followed = expected.iter().filter(follows).peekable();
    if followed.peek().is_none() {
        return Awaited::Unknown;
    }
    match followed.any(|answer| answer.len() == received.len()) {
        true => Awaited::Nothing,
        false => Awaited::More,
    }
}

/// What comes before its request was sent is no answer, whatever is sent afterwards.
fn before_it_was_asked(input: &Input<'_>, case: Case) {
    let (answer, _) = upper(input.text, case);
    if answer.is_empty() {
        return;
    }
    let mut answers = Answers::default();
    assert_eq!(answers.received(&answer), Awaited::Unknown);
    for request in input.sending.reads(input.text) {
        answers.sent(request);
        assert_eq!(answers.awaited(), Awaited::Unknown);
    }
}

/// The answer to a stream that has ended has one of two lengths; a longer one is no upper case.
fn lengths(input: &Input<'_>) {
    let (mut length, mut sent) = (AFTER_A_LETTER.clone(), 0);
    for request in input.sending.reads(input.text) {
        length.sent(request);
        sent += request.len();
        let [unicode, ascii] = CASES.map(|case| {
            let (answer, cut) = upper(&input.text[..sent], case);
            (LETTER.len() + answer.len() + cut.len()) as u64
        });
        let (shorter, longer) = (unicode.min(ascii), unicode.max(ascii));
        for received in shorter - 2..=longer + 2 {
            let reached = received == shorter || received >= longer;
            let found = length.is_reached_by(received);
            assert_eq!(found, reached, "{received} of {sent}");
        }
    }
}
