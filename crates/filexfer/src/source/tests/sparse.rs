//! Files with holes.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use proto::filexfer::native::blocks::FileHash;
use proto::filexfer::native::message::{Data, Done, Entry, Finish, Hole, Saved, Take, Totals};
use proto::frame::Message;

use super::super::*;
use super::peer::*;

/// Where something begins and ends.
type Places<'a> = &'a [(usize, usize)];

/// A file of this size with noise in these places.
fn sparse(scratch: &Scratch, name: &str, size: usize, data: Places<'_>) -> PathBuf {
    let path = scratch.path(name);
    let file = File::create(&path).unwrap();
    file.set_len(size as u64).unwrap();
    for (start, end) in data {
        file.write_all_at(&noise(end - start), *start as u64)
            .unwrap();
    }
    path
}

#[test]
fn holes_are_told_and_not_sent() {
    let scratch = Scratch::new("sparse");
    let kib = 1024;
    let size = 8 * MIB + 100 * kib;
    let table: &[(&str, usize, Places<'_>, usize)] = &[
        ("first", size, &[(5 * MIB, size)], 5 * MIB),
        (
            "middle",
            size,
            &[(0, MIB), (6 * MIB + 64 * kib, size)],
            5 * MIB + 64 * kib,
        ),
        ("last", size, &[(0, 3 * MIB)], size - 3 * MIB),
        ("all", size, &[], size),
        (
            "several",
            size,
            &[(MIB, 2 * MIB), (4 * MIB, 5 * MIB)],
            size - 2 * MIB,
        ),
        ("short", MIB, &[(0, 512 * kib), (544 * kib, MIB)], 0),
        ("dense", MIB, &[(0, MIB)], 0),
    ];
    for manner in [PLAIN, Manner::default()] {
        for (name, size, data, holes) in table {
            let path = sparse(&scratch, name, *size, data);
            let bytes = fs::read(&path).unwrap();
            let sent = transfer(&paths([path]), &manner, take_all);
            assert!(sent.sink.files[*name] == bytes, "{name}");
            assert_eq!(
                sent.sink.finish(name),
                &Finish::Whole(hash_of(&bytes)),
                "{name}"
            );
            let told: usize = sent.sink.holes.iter().map(|hole| hole.len()).sum();
            let summary = sent.result.unwrap();
            assert_eq!((told, summary.reused as usize), (*holes, *holes), "{name}");
            assert_eq!(summary.bytes as usize, size - holes, "{name}");
            assert!((summary.wire as usize) < size - holes + 10_000, "{name}");
        }
    }
}

#[test]
fn a_large_hole_is_told_in_pieces() {
    let scratch = Scratch::new("vast");
    let size = 130 * MIB;
    let path = sparse(&scratch, "vast", size, &[(0, 5)]);
    let hash = hash_of(&fs::read(&path).unwrap());
    let sent = transfer(&paths([path]), &PLAIN, |session| {
        let (mut sending, mut receiving) = (session.sending, session.receiving);
        let (mut holes, mut hash) = (Vec::new(), None);
        while let Some(incoming) = receiving.next().unwrap() {
            match incoming.prefix.kind {
                Entry::KIND => {
                    let Answer::Take(take) = WHOLE else { continue };
                    say(&mut sending, &take);
                }
                Hole::KIND => holes.push(decode::<Hole>(&incoming).length),
                Finish::KIND => {
                    hash = Some(decode::<Finish>(&incoming));
                    say(&mut sending, &Saved);
                }
                Done::KIND => {
                    say(&mut sending, &Done);
                }
                Data::KIND | Totals::KIND => {}
                kind => panic!("kind {kind}"),
            }
        }
        sending.end().unwrap();
        (holes, hash)
    });
    let (holes, finish) = sent.sink;
    assert_eq!(finish, Some(Finish::Whole(hash)));
    assert!(holes.len() == 3 && holes[0] == 64 << 20, "{holes:?}");
    assert_eq!(
        sent.log
            .iter()
            .filter(|line| line.starts_with("reused"))
            .count(),
        3
    );
}

#[test]
fn a_file_goes_on_within_a_hole() {
    let scratch = Scratch::new("within");
    let path = sparse(&scratch, "f", 8 * MIB, &[(0, MIB), (6 * MIB, 8 * MIB)]);
    let bytes = fs::read(&path).unwrap();
    for from in [1, 3, 6, 7] {
        let mut hash = FileHash::new();
        hash.update(&bytes[..from * MIB], |_| ());
        let take = Take {
            from: (from * MIB) as u64,
            stack: hash.stack().to_vec(),
            basis: None,
        };
        let sent = transfer(
            &paths([&path]),
            &PLAIN,
            take_by(move |_| Answer::Take(take.clone())),
        );
        assert!(sent.sink.files["f"] == bytes[from * MIB..], "{from}");
        assert_eq!(
            sent.sink.finish("f"),
            &Finish::Whole(hash_of(&bytes)),
            "{from}"
        );
        let holes = 6usize.saturating_sub(from) * MIB;
        assert_eq!(sent.result.unwrap().reused as usize, holes, "{from}");
    }
}

/// What is written into a hole that was told makes the file another one.
#[test]
fn a_hole_that_is_filled_meanwhile() {
    let scratch = Scratch::new("filled");
    let path = sparse(&scratch, "f", 40 * MIB, &[(32 * MIB, 40 * MIB)]);
    let mut written = false;
    let mut sink = Sink {
        answer: |_: &_| WHOLE,
        data: {
            let path = path.clone();
            move |_: &Got| {
                if !std::mem::replace(&mut written, true) {
                    let mut file = File::options().write(true).open(&path).unwrap();
                    file.write_all(b"late").unwrap();
                }
            }
        },
    };
    let sent = transfer(&paths([&path]), &PLAIN, move |session| sink.run(session));
    assert_eq!(sent.sink.finish("f"), &Finish::Changed);
}
