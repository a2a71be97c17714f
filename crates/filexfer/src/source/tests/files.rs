//! What is sent when nothing goes wrong.

use std::fs;
use std::io::Cursor;
use std::time::Instant;

use proto::filexfer::native::blocks::FileHash;
use proto::filexfer::native::message::{Entry, Finish, Kind, Leave, Reason, Take, Totals};
use proto::frame::Message;

use super::super::*;
use super::peer::*;

#[test]
fn files_and_folders() {
    let scratch = Scratch::new("files");
    let (big, odd) = (noise(3 * MIB + 5), noise(MIB - 1));
    scratch.file("d/big", &big);
    scratch.file("d/e/odd", &odd);
    scratch.file("d/empty", b"");
    scratch.file("über.txt", b"1");
    fs::create_dir(scratch.path("d/none")).unwrap();
    let offer = paths([scratch.path("über.txt"), scratch.path("d")]);
    let sent = transfer(&offer, &PLAIN, take_all);

    let got = sent.sink;
    let names = [
        "d/",
        "d/big",
        "d/e/",
        "d/e/odd",
        "d/empty",
        "d/none/",
        "über.txt",
    ];
    assert_eq!(got.names(), names);
    let bytes = (big.len() + odd.len() + 1) as u64;
    assert_eq!(got.totals, Some(Totals { files: 4, bytes }));
    let expected = [
        ("d/big", &big[..]),
        ("d/e/odd", &odd),
        ("d/empty", b""),
        ("über.txt", b"1"),
    ];
    assert_eq!(got.files.len(), 4);
    for (name, bytes) in expected {
        assert!(got.files[name] == bytes, "{name}");
        assert_eq!(got.finish(name), &Finish::Whole(hash_of(bytes)));
    }
    let facts = runtime::tree::file(&scratch.path("d/big")).unwrap().1;
    let entry = &got.entries[1];
    assert_eq!(entry.kind, Kind::File(Some(big.len() as u64)));
    assert_eq!(
        (entry.mode, entry.modified),
        (facts.mode, entries::modified(&facts))
    );

    let summary = sent.result.unwrap();
    assert_eq!(
        (summary.saved, summary.failed, summary.bytes),
        (4, 0, bytes)
    );
    assert_eq!(summary.wire, got.wire - 24, "all but the final record");
    let saved = |name, size| format!("saved {name} {size}");
    assert!(sent.log.contains(&saved("d/big", big.len())));
    assert_eq!(sent.log[0], format!("4 files of {bytes}"));
}

#[test]
fn what_was_asked_for_and_no_more() {
    let scratch = Scratch::new("wanted");
    for path in ["d/a", "d/b/c", "d/b.txt", "e", "f/g"] {
        scratch.file(path, path.as_bytes());
    }
    let offer = paths(["d", "e", "f"].map(|path| scratch.path(path)));
    let table = [
        (&["d/b"][..], &["d/b/", "d/b/c"][..]),
        (&["e", "d/b.txt"], &["d/b.txt", "e"]),
        (&["d/b/c", "d/b", "d/b"], &["d/b/", "d/b/c"]),
    ];
    for (wanted, expected) in table {
        let wanted = Wanted {
            names: wanted.iter().map(|text| name(text)).collect(),
            ..Wanted::default()
        };
        assert_eq!(check(&offer, &wanted, &PLAIN), Ok(()));
        let (source, session) = pair();
        let sink = std::thread::spawn(move || take_all(session));
        super::super::send(source, &offer, &wanted, &PLAIN, &mut Log::default()).unwrap();
        assert_eq!(sink.join().unwrap().names(), expected);
    }
    for missing in ["x", "d/x", "e/f", "d/b/c/d", "..", "d/../e"] {
        let Ok(missing) = Name::new(missing.as_bytes()) else {
            continue;
        };
        let wanted = Wanted {
            names: vec![name("e"), missing.clone()],
            ..Wanted::default()
        };
        assert_eq!(
            check(&offer, &wanted, &PLAIN),
            Err(Refused::NoSuchName(missing))
        );
    }
}

#[test]
fn paths_that_cannot_be_offered() {
    let scratch = Scratch::new("offered");
    scratch.file("a/x", b"1");
    scratch.file("b/x", b"2");
    let twice = paths([scratch.path("a/x"), scratch.path("b/x")]);
    let text = validate(&twice).unwrap_err().to_string();
    assert!(text.contains("two things named x"), "{text}");
    assert!(validate(&paths([scratch.path("none")])).is_err());
    assert!(validate(&paths(["/"])).is_err());
    assert!(validate(&paths([scratch.path("a/.."), scratch.path("b")])).is_ok());
}

#[test]
fn a_file_goes_on_where_the_sink_stands() {
    let scratch = Scratch::new("resumed");
    let bytes = noise(5 * MIB + 17);
    let offer = paths([scratch.file("f", &bytes)]);
    let mut hash = FileHash::new();
    hash.update(&bytes[..3 * MIB], |_| ());
    let take = Take {
        from: 3 * MIB as u64,
        stack: hash.stack().to_vec(),
        basis: None,
    };
    let sent = transfer(&offer, &PLAIN, take_by(move |_| Answer::Take(take.clone())));
    assert!(sent.sink.files["f"] == bytes[3 * MIB..]);
    assert_eq!(sent.sink.finish("f"), &Finish::Whole(hash_of(&bytes)));
    assert_eq!(sent.result.unwrap().bytes, (2 * MIB + 17) as u64);
    assert!(sent.log.contains(&format!("saved f {}", bytes.len())));
}

#[test]
fn what_the_sink_leaves_is_not_sent() {
    let scratch = Scratch::new("left");
    let offer = paths(["a", "b", "c", "d"].map(|path| scratch.file(path, b"1")));
    let sink = take_by(|entry| match entry.name.as_bytes() {
        b"a" => Answer::Leave(Leave::Same),
        b"b" => Answer::Leave(Leave::Kept),
        b"c" => Answer::Leave(Leave::Failed(Reason::new("no room"))),
        _ => WHOLE,
    });
    let sent = transfer(&offer, &PLAIN, sink);
    let summary = sent.result.unwrap();
    let Summary {
        same,
        kept,
        failed,
        saved,
        ..
    } = summary;
    assert_eq!((same, kept, failed, saved), (1, 1, 1, 1));
    for line in ["left a Same", "left b Other", "failed c: no room"] {
        assert!(sent.log.contains(&line.to_owned()), "{:?}", sent.log);
    }
}

#[test]
fn many_small_files_share_records() {
    let scratch = Scratch::new("many");
    fs::create_dir(scratch.path("d")).unwrap();
    for number in 0..10_000 {
        let path = scratch.path("d").join(format!("{number:05}"));
        fs::write(path, format!("file {number}")).unwrap();
    }
    let sent = transfer(&paths([scratch.path("d")]), &PLAIN, take_all);
    let got = sent.sink;
    assert_eq!((got.files.len(), got.finishes.len()), (10_000, 10_000));
    assert_eq!(got.files["d/09999"], b"file 9999");
    assert!(got.wire < 10_000 * 200, "{}", got.wire);
    assert_eq!(sent.result.unwrap().saved, 10_000);
}

#[test]
fn what_comes_from_a_pipe() {
    let bytes = noise(2 * MIB + 3);
    let offer = Offer::Stdin(Piped::new(name("backup.tar"), Cursor::new(bytes.clone())));
    let sent = transfer(&offer, &PLAIN, take_all);
    let got = sent.sink;
    assert_eq!(
        (got.totals, &got.entries[0].kind),
        (None, &Kind::File(None))
    );
    assert!(got.files["backup.tar"] == bytes);
    assert_eq!(got.finish("backup.tar"), &Finish::Whole(hash_of(&bytes)));
    assert_eq!(sent.result.unwrap().bytes, bytes.len() as u64);

    let again = transfer(&offer, &PLAIN, take_all);
    assert!(matches!(again.sink.finish("backup.tar"), Finish::Failed(_)));
    assert_eq!(again.result.unwrap().failed, 1);
}

#[test]
fn a_limit_is_kept() {
    let scratch = Scratch::new("limit");
    let offer = paths([scratch.file("f", &noise(300_000))]);
    let limit = ByteRate::new(1_000_000);
    let manner = Manner { limit, ..PLAIN };
    let start = Instant::now();
    let sent = transfer(&offer, &manner, take_all);
    let took = start.elapsed().as_secs_f64();
    assert!(
        took > 0.24,
        "{took}: 300 kB at 1 MB/s, but for the last piece"
    );
    assert_eq!(sent.result.unwrap().saved, 1);
}

#[test]
fn text_is_packed_on_a_slow_wire_and_noise_is_not() {
    let scratch = Scratch::new("packed");
    let words = ["plumb ", "line ", "wire ", "and ", "sink\n"];
    let choose = |byte: &u8| words[usize::from(*byte) % words.len()];
    let text: String = noise(MIB).iter().map(choose).collect();
    let text = scratch.file("text", text.as_bytes());
    let noise = scratch.file("noise", &noise(MIB));
    // Blocks are so small at the first rate that no other thread compresses them.
    for limit in [4_000_000, 8_000_000] {
        let manner = Manner {
            limit: ByteRate::new(limit),
            ..Manner::default()
        };
        let sent = transfer(&paths([&text]), &manner, take_all);
        assert!(sent.sink.files["text"] == fs::read(&text).unwrap());
        let summary = sent.result.unwrap();
        assert!(summary.wire * 2 < summary.bytes, "{summary:?}");

        let sent = transfer(&paths([&noise]), &manner, take_all);
        assert_eq!((sent.sink.packed, sent.result.unwrap().saved), (0, 1));
    }
}

#[test]
fn a_list_names_everything() {
    let scratch = Scratch::new("list");
    for number in 0..2000 {
        scratch.file(&format!("d/{number:04}"), b"1");
    }
    let offer = paths([scratch.path("d")]);
    let (source, mut session) = pair();
    let sink = std::thread::spawn(move || {
        let mut entries = 0;
        while let Some(incoming) = session.receiving.next().unwrap() {
            entries += u32::from(incoming.prefix.kind == Entry::KIND);
        }
        session.sending.end().unwrap();
        entries
    });
    list(source, &offer, &Wanted::default(), &PLAIN).unwrap();
    assert_eq!(sink.join().unwrap(), 2001);
}
