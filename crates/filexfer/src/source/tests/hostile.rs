//! A sink that breaks the rules.

use proto::filexfer::native::message::{
    Alive, Done, Entry, Kind, Leave, Ready, Refused, Saved, Take,
};
use proto::frame::Message;

use super::super::*;
use super::peer::*;

/// Sends one file to a sink that says this as soon as the file is named.
fn after_naming(
    say_it: impl FnOnce(&mut crate::session::Sending) + Send + 'static,
) -> TransferError {
    let unique = format!("hostile-{:?}", std::thread::current().id());
    let scratch = Scratch::new(&unique);
    let offer = paths([scratch.file("f", &noise(3 * MIB))]);
    let sent = transfer(&offer, &PLAIN, |mut session| {
        while session.receiving.next().unwrap().unwrap().prefix.kind != Entry::KIND {}
        say_it(&mut session.sending);
        drain(session.receiving);
    });
    sent.result.unwrap_err()
}

fn is_broken(error: &TransferError) -> bool {
    matches!(error, TransferError::Rules { .. })
}

#[test]
fn answers_to_nothing() {
    let leave_twice = |out: &mut crate::session::Sending| {
        out.say(&Leave::Same).unwrap();
        say(out, &Leave::Same);
    };
    for error in [
        after_naming(|out| say(out, &Saved)),
        after_naming(|out| say(out, &not_saved())),
        after_naming(|out| say(out, &Done)),
        after_naming(leave_twice),
    ] {
        assert!(is_broken(&error), "{error}");
    }
}

#[test]
fn messages_that_are_no_answers() {
    let entry = Entry::new(name("x"), Kind::Folder);
    for error in [
        after_naming(|out| say(out, &Ready)),
        after_naming(move |out| say(out, &entry)),
    ] {
        assert!(is_broken(&error), "{error}");
    }
    let error = after_naming(|out| say(out, &Refused::WrongWay));
    assert!(matches!(error, TransferError::Refused(Refused::WrongWay)));
}

#[test]
fn beginnings_that_cannot_be() {
    let block = MIB as u64;
    let table = [
        (block / 2, 0),
        (3 * block, 2),
        (u64::MAX, 0),
        (u64::MAX / block * block, 40),
        (2 * block, 0),
        (0, 1),
    ];
    for (from, hashes) in table {
        let stack = vec![[1; 32]; hashes];
        let error = after_naming(move |out| {
            say(
                out,
                &Take {
                    from,
                    stack,
                    basis: None,
                },
            )
        });
        assert!(is_broken(&error), "{from} {hashes}: {error}");
    }
}

/// Answers without end, to nothing.
#[test]
fn a_flood_of_answers() {
    let error = after_naming(|out| {
        for _ in 0..1_000_000 {
            if out.say(&Alive).and_then(|()| out.say(&Saved)).is_err() {
                break;
            }
        }
    });
    assert!(is_broken(&error), "{error}");
}

/// Saved, though it was told that the file changed.
#[test]
fn a_file_that_is_worth_nothing_is_saved() {
    let scratch = Scratch::new("worthless");
    let path = scratch.file("f", b"1");
    let offer = paths([path.clone()]);
    let sent = transfer(&offer, &PLAIN, move |mut session| {
        while session.receiving.next().unwrap().unwrap().prefix.kind != Entry::KIND {}
        std::fs::remove_file(path).unwrap();
        let stack = vec![];
        session
            .sending
            .say(&Take {
                from: 0,
                stack,
                basis: None,
            })
            .unwrap();
        say(&mut session.sending, &Saved);
        drain(session.receiving);
    });
    assert!(is_broken(&sent.result.unwrap_err()));
}

#[test]
fn a_sink_that_goes_away() {
    let scratch = Scratch::new("gone");
    let offer = paths([scratch.file("f", &noise(MIB))]);
    let sent = transfer(&offer, &PLAIN, |session| session.sending.cut());
    let error = sent.result.unwrap_err();
    assert!(matches!(error, TransferError::Lost { .. }), "{error}");
}
