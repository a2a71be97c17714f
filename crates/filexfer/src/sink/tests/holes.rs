//! Files with holes.

use proto::filexfer::native::message::Hole;

use super::*;

/// A run of a file: zeros that are sent as a hole, or other bytes.
#[derive(Clone, Copy)]
enum Run {
    Hole(usize),
    Data(usize),
}

fn whole(runs: &[Run]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for run in runs {
        match run {
            Run::Hole(length) => bytes.resize(bytes.len() + length, 0),
            Run::Data(length) => bytes.extend_from_slice(&content(*length)),
        }
    }
    bytes
}

fn send(source: &mut Source, runs: &[Run]) {
    for run in runs {
        match run {
            Run::Hole(length) => {
                let length = *length as u64;
                source.say(&Hole { length });
            }
            Run::Data(length) => {
                // No frame goes beyond the end of a block.
                source.data(&content(*length));
            }
        }
    }
}

#[cfg(target_os = "linux")]
fn allocated(scratch: &Scratch, name: &str) -> u64 {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(scratch.path(name)).unwrap().blocks() * 512
}

#[test]
fn at_the_beginning_in_the_middle_and_at_the_end() {
    use Run::{Data, Hole};
    let table: [&[Run]; 5] = [
        &[Hole(20 * BLOCK)],
        &[Hole(10 * BLOCK), Data(BLOCK)],
        &[Data(BLOCK), Hole(10 * BLOCK)],
        &[
            Data(2 * BLOCK),
            Hole(9 * BLOCK),
            Data(BLOCK),
            Hole(5 * BLOCK),
        ],
        &[
            Data(BLOCK - 5),
            Hole(10),
            Data(BLOCK - 5),
            Hole(3 * BLOCK + 7),
        ],
    ];
    for (number, runs) in table.into_iter().enumerate() {
        let scratch = Scratch::new();
        let bytes = whole(runs);
        let outcome = receive_from(&scratch.place(), &keep(), |mut source| {
            source.say(&file("a", bytes.len()));
            source.hear::<Take>();
            send(&mut source, runs);
            source.whole(&bytes);
            source.hear::<Saved>();
            source.done();
        });
        assert!(scratch.read("a") == bytes, "{number}");
        let holes = runs.iter().map(|run| match run {
            Hole(length) => *length as u64,
            Data(_) => 0,
        });
        assert_eq!(outcome.summary().reused, holes.sum::<u64>());
        #[cfg(target_os = "linux")]
        {
            let most = bytes.len() as u64 - outcome.summary().reused + 3 * BLOCK as u64;
            assert!(allocated(&scratch, "a") <= most, "{number}");
        }
    }
}

#[test]
fn a_file_with_holes_goes_on_where_it_stood() {
    use Run::{Data, Hole};
    let scratch = Scratch::new();
    let runs = [Data(BLOCK), Hole(5 * BLOCK + 9), Data(BLOCK)];
    let bytes = whole(&runs);
    let outcome = receive_from(&scratch.place(), &keep(), |mut source| {
        source.say(&file("a", bytes.len()));
        source.hear::<Take>();
        send(&mut source, &runs[..2]);
        source.sending.flush().unwrap();
    });
    assert!(outcome.is_lost());
    receive_from(&scratch.place(), &keep(), |mut source| {
        source.say(&file("a", bytes.len()));
        assert_eq!(source.hear::<Take>().from, 6 * BLOCK as u64);
        send(&mut source, &[Hole(9), Data(BLOCK)]);
        source.whole(&bytes);
        source.hear::<Saved>();
        source.done();
    });
    assert!(scratch.read("a") == bytes);
    assert_eq!(names(&scratch.path("")), ["a"]);
}

#[test]
fn more_zeros_than_the_file_has() {
    let scratch = Scratch::new();
    let outcome = receive_from(&scratch.place(), &keep(), |mut source| {
        source.say(&file("a", 5));
        source.hear::<Take>();
        source.say(&Hole { length: u64::MAX });
        let _ = source.sending.flush();
        while let Ok(Some(_)) = source.receiving.next() {}
    });
    assert_eq!(outcome.rule(), "expected 5 bytes of \"a\", got more");
}
