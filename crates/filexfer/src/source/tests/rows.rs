//! A sink that tells of what it has as it should not.

use proto::filexfer::native::chunks::encode_row;
use proto::filexfer::native::message::{
    AskChunks, Basis, Chunks, Data, Done, Entry, Finish, MAX_ROWS, Parts, Saved, Take,
};
use proto::frame::Message;

use super::super::*;
use super::peer::*;
use crate::session::Sending;

fn with(part: u32, size: usize) -> Take {
    let basis = Basis {
        size: size as u64,
        part,
        moves: true,
    };
    Take {
        from: 0,
        stack: Vec::new(),
        basis: Some(basis),
    }
}

fn rows<M: Message>(out: &mut Sending, message: &M, bytes: &[u8]) {
    // The source may have ended the connection already.
    let _ = out.say_with(message, bytes).and_then(|()| out.flush());
}

/// Sends one file to a sink that says this as soon as the file is named.
fn after_naming(name: &str, say_it: impl FnOnce(&mut Sending) + Send + 'static) -> TransferError {
    let scratch = Scratch::new(&format!("rows-{name}"));
    let offer = paths([scratch.file("f", &noise(MIB))]);
    let sent = transfer(&offer, &PLAIN, |mut session| {
        while session.receiving.next().unwrap().unwrap().prefix.kind != Entry::KIND {}
        say_it(&mut session.sending);
        drain(session.receiving);
    });
    sent.result.unwrap_err()
}

fn assert_broken(error: &TransferError, expected: &str) {
    let TransferError::Rules { what, .. } = error else {
        panic!("{error}");
    };
    assert!(what.contains(expected), "{what}");
}

#[test]
fn rows_that_nobody_awaits() {
    let is_last = false;
    let error = after_naming("none", move |out| rows(out, &Parts { is_last }, &[0; 16]));
    assert_broken(&error, "no more parts");
    let error = after_naming("chunks", move |out| {
        say(out, &with(16 << 10, MIB));
        rows(out, &Chunks { is_last }, &[0; 20]);
    });
    assert_broken(&error, "not asked for");
    let error = after_naming("more", move |out| {
        say(out, &with(16 << 10, MIB));
        rows(out, &Parts { is_last }, &[0; 65 * 16]);
    });
    assert_broken(&error, "no more parts");
    let error = after_naming("halves", move |out| {
        say(out, &with(16 << 10, MIB));
        rows(out, &Parts { is_last }, &[0; 17]);
    });
    assert_broken(&error, "whole rows");
}

#[test]
fn bases_that_cannot_be() {
    for part in [0, 1, 8 << 10, 2 << 20] {
        let error = after_naming(&format!("part-{part}"), move |out| {
            say(out, &with(part, MIB));
        });
        assert_broken(&error, "in parts of 16 KiB");
    }
}

/// More than the source would ever hold, in frames as small and as large as can be.
#[test]
fn rows_without_end() {
    let frame = vec![0; MAX_ROWS as usize / 20 * 20];
    let error = after_naming("flood", move |out| {
        say(out, &with(1 << 20, usize::MAX));
        for _ in 0..2000 {
            let is_last = false;
            if out.say_with(&Chunks { is_last }, &frame).is_err() || out.flush().is_err() {
                return;
            }
        }
    });
    assert!(matches!(error, TransferError::Rules { .. }), "{error}");
}

#[test]
fn an_answer_before_the_last_row() {
    let scratch = Scratch::new("rows-early");
    let offer = paths([scratch.file("f", &noise(MIB))]);
    let sent = transfer(&offer, &PLAIN, |mut session| {
        let out = &mut session.sending;
        while session.receiving.next().unwrap().unwrap().prefix.kind != Entry::KIND {}
        say(out, &with(16 << 10, 64 << 20));
        rows(out, &Parts { is_last: false }, &[0; 64 * 16]);
        while let Ok(Some(incoming)) = session.receiving.next() {
            match incoming.prefix.kind {
                Finish::KIND => say(out, &Saved),
                AskChunks::KIND => rows(out, &Chunks { is_last: true }, &[]),
                _ => {}
            }
        }
    });
    // What lies beyond the file is not waited for.
    assert_broken(&sent.result.unwrap_err(), "the last of a basis");
}

/// Whatever a sink claims to have, the source ends: the sink harms itself alone.
#[test]
fn rows_that_lie() {
    let scratch = Scratch::new("rows-lie");
    let offer = paths([scratch.file("f", &noise(4 * MIB))]);
    let sent = transfer(&offer, &PLAIN, |mut session| {
        let out = &mut session.sending;
        while session.receiving.next().unwrap().unwrap().prefix.kind != Entry::KIND {}
        say(out, &with(16 << 10, 4 * MIB));
        rows(out, &Parts { is_last: true }, &[7; 256 * 16]);
        let mut came = 0;
        while let Some(incoming) = session.receiving.next().unwrap() {
            match incoming.prefix.kind {
                Data::KIND => came += incoming.decode::<Data>().unwrap().bulk.len(),
                AskChunks::KIND => {
                    let mut lies = Vec::new();
                    for length in [0, 1, u32::MAX, 70_000] {
                        encode_row(length, &[9; 16], &mut lies);
                    }
                    rows(out, &Chunks { is_last: true }, &lies);
                }
                Finish::KIND => say(out, &Saved),
                Done::KIND => say(out, &Done),
                _ => {}
            }
        }
        session.sending.end().unwrap();
        came
    });
    assert_eq!((sent.result.unwrap().bytes, sent.sink), (4 << 20, 4 << 20));
}
