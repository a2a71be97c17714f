//! The frames: golden bytes, and that the longest of each fits what its type allows.

use std::fmt::Debug;

use proptest::prelude::*;

use super::*;
use crate::frame::{self, PREFIX};

fn name(text: &str) -> Name {
    Name::new(text.as_bytes()).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The header of the frame, which is read as it was written.
fn header<M: Message + PartialEq + Debug>(message: &M) -> Vec<u8> {
    let mut wire = Vec::new();
    frame::encode(message, &[], &mut wire).unwrap();
    assert_eq!(wire[..2], [frame::VERSION, M::KIND]);
    let decoded = frame::decode::<M>(&wire).unwrap().unwrap();
    assert_eq!((&decoded.message, decoded.length), (message, wire.len()));
    wire.split_off(PREFIX)
}

#[test]
fn golden_headers() {
    let moment = Moment {
        seconds: -1,
        nanos: 5,
    };
    let entry = Entry {
        name: name("a/b"),
        kind: Kind::File(Some(300)),
        modified: Some(moment),
        mode: Some(0o644),
        ..Entry::new(name("a/b"), Kind::Folder)
    };
    let folder = Entry::new(name("a"), Kind::Folder);
    let link = Entry::new(name("a"), Kind::Link(b"b".to_vec().try_into().unwrap()));
    let owner = Some(Owner { user: 1, group: 2 });
    let again = Entry {
        owner,
        ..Entry::new(name("a"), Kind::Again(7))
    };
    let basis = Basis {
        size: 9,
        part: 16384,
        moves: true,
    };
    let whole = Take {
        from: 0,
        stack: Vec::new(),
        basis: Some(basis),
    };
    let take = Take {
        from: 1 << 20,
        stack: vec![[0xaa; 32]],
        basis: None,
    };
    let skipped = Skipped {
        path: SkippedPath::new(b"a"),
        reason: Reason::new("no"),
        is_failure: true,
    };
    let filter = Filter::Exclude("*~".to_owned().try_into().unwrap());
    let totals = Totals { files: 2, bytes: 9 };
    let no = || Reason::new("no");
    let hash = "aa".repeat(32);
    let table = [
        (header(&Request::List), "00".to_owned()),
        (header(&Request::Get(Course::Preview)), "0101".to_owned()),
        (header(&Request::Put(Course::Once)), "0200".to_owned()),
        (header(&Want { name: name("a") }), "0161".to_owned()),
        (header(&Ready), String::new()),
        (header(&Refused::WrongWay), "00".to_owned()),
        (header(&Refused::NoSuchName(name("a"))), "010161".to_owned()),
        (header(&Refused::Busy), "02".to_owned()),
        (header(&Refused::Other(no())), "03026e6f".to_owned()),
        (header(&totals), "0209".to_owned()),
        (
            header(&entry),
            "03612f620001fb2c0101010501fba4010000".to_owned(),
        ),
        (header(&folder), "01610100000000".to_owned()),
        (header(&link), "016102016200000000".to_owned()),
        (header(&again), "01610307000001010200".to_owned()),
        (header(&take), format!("fc0000100001{hash}00")),
        (header(&whole), "00000109fb004001".to_owned()),
        (header(&Leave::Same), "00".to_owned()),
        (header(&Leave::Kept), "01".to_owned()),
        (header(&Leave::Failed(no())), "02026e6f".to_owned()),
        (header(&Data { unpacked: None }), "00".to_owned()),
        (header(&Data { unpacked: Some(7) }), "0107".to_owned()),
        (header(&Finish::Whole([0xaa; 32])), format!("00{hash}")),
        (header(&Finish::Changed), "01".to_owned()),
        (header(&Finish::Failed(no())), "02026e6f".to_owned()),
        (header(&FromBasis { from: 1, length: 2 }), "0102".to_owned()),
        (header(&Hole { length: 3 }), "03".to_owned()),
        (header(&AskChunks { from: 1, length: 2 }), "0102".to_owned()),
        (header(&Parts { is_last: true }), "01".to_owned()),
        (header(&Chunks { is_last: false }), "00".to_owned()),
        (header(&Removed { name: name("a") }), "0161".to_owned()),
        (header(&skipped), "0161026e6f01".to_owned()),
        (header(&filter), "01022a7e".to_owned()),
        (header(&Pause), String::new()),
        (header(&Saved), String::new()),
        (header(&NotSaved { reason: no() }), "026e6f".to_owned()),
        (header(&Alive), String::new()),
        (header(&Done), String::new()),
    ];
    for (bytes, expected) in table {
        assert_eq!(hex(&bytes), expected);
    }
}

#[test]
fn the_longest_of_each_fits() {
    let part = "d".repeat(255);
    let longest = || name(&[part.as_str(); 16].join("/"));
    assert_eq!(longest().as_bytes().len(), MAX_NAME - 1);
    let reason = || Reason::new(&"r".repeat(2 * MAX_REASON));
    assert_eq!(reason().as_str().len(), MAX_REASON);
    header(&Want { name: longest() });
    header(&Refused::NoSuchName(longest()));
    header(&Refused::Other(reason()));
    header(&Totals {
        files: u64::MAX,
        bytes: u64::MAX,
    });
    header(&Entry {
        name: longest(),
        kind: Kind::File(Some(u64::MAX)),
        modified: Some(Moment {
            seconds: i64::MIN,
            nanos: u32::MAX,
        }),
        mode: Some(u32::MAX),
        owner: Some(Owner {
            user: u32::MAX,
            group: u32::MAX,
        }),
        number: Some(u32::MAX),
    });
    let mut link = Entry::new(
        longest(),
        Kind::Link(vec![b't'; MAX_TARGET].try_into().unwrap()),
    );
    link.modified = Some(Moment {
        seconds: i64::MIN,
        nanos: u32::MAX,
    });
    header(&link);
    header(&Skipped {
        path: SkippedPath::new(&[b'p'; 2 * MAX_NAME]),
        reason: reason(),
        is_failure: true,
    });
    header(&Removed { name: longest() });
    let pattern = || "p".repeat(MAX_PATTERN).try_into().unwrap();
    header(&Filter::Include(pattern()));
    header(&FromBasis {
        from: u64::MAX,
        length: u64::MAX,
    });
    header(&Hole { length: u64::MAX });
    header(&Data {
        unpacked: Some(u32::MAX),
    });
    header(&Finish::Failed(reason()));
    header(&NotSaved { reason: reason() });
    header(&Take {
        from: u64::MAX,
        stack: vec![[0xff; 32]; MAX_STACK],
        basis: Some(Basis {
            size: u64::MAX,
            part: u32::MAX,
            moves: true,
        }),
    });
}

#[test]
fn what_a_peer_may_not_say() {
    // A name that leads elsewhere, and a reason that is too long.
    let refused = frame_of::<Want>(b"\x02..");
    assert!(refused.contains("without '.' and '..'"), "{refused}");
    let text = [&b"\xfb\x01\x02"[..], &[b'r'; 513]].concat();
    let refused = frame_of::<NotSaved>(&text);
    assert!(refused.contains("shorter reason"), "{refused}");
    assert!(frame_of::<Finish>(b"\x03").contains("kind 13"));
    // A link that leads nowhere, one with a NUL; a pattern of nothing.
    let link = |target: &[u8]| {
        let length = target.len() as u8;
        [&b"\x01a\x02"[..], &[length], target, &[0; 4]].concat()
    };
    for target in [&b""[..], b"a\0"] {
        let refused = frame_of::<Entry>(&link(target));
        assert!(refused.contains("target of a link"), "{refused}");
    }
    assert!(frame_of::<Filter>(b"\x00\x00").contains("a pattern of 1 to"));
    let long = [&[1, 0xfb, 1, 4][..], &[b'p'; MAX_PATTERN + 1]].concat();
    assert!(frame_of::<Filter>(&long).contains("a pattern of 1 to"));
}

/// Why this header is none.
fn frame_of<M: Message + Debug>(header: &[u8]) -> String {
    let length = (header.len() as u32).to_be_bytes();
    let wire = [&[frame::VERSION, M::KIND][..], &length, &[0; 4], header].concat();
    frame::decode::<M>(&wire).unwrap_err().to_string()
}

#[test]
fn a_reason_ends_between_letters() {
    let text = "ü".repeat(MAX_REASON);
    assert_eq!(Reason::new(&text).as_str(), &text[..MAX_REASON]);
    let text = format!("x{text}");
    assert_eq!(Reason::new(&text).as_str(), &text[..MAX_REASON - 1]);
}

/// What can be read can be written, and is read again as the same.
fn survives<M: Message + PartialEq + Debug>(bytes: &[u8]) {
    if let Ok(Some(frame)) = frame::decode::<M>(bytes) {
        header(&frame.message);
    }
}

proptest! {
    #[test]
    fn any_bytes_are_judged(header: Vec<u8>, kind in 0..40u8) {
        let length = (header.len() as u32).to_be_bytes();
        let wire = [&[frame::VERSION, kind][..], &length, &[0; 4], &header].concat();
        survives::<Request>(&wire);
        survives::<Want>(&wire);
        survives::<Refused>(&wire);
        survives::<Totals>(&wire);
        survives::<Entry>(&wire);
        survives::<Take>(&wire);
        survives::<Data>(&wire);
        survives::<Finish>(&wire);
        survives::<NotSaved>(&wire);
        survives::<Filter>(&wire);
        survives::<FromBasis>(&wire);
        survives::<AskChunks>(&wire);
        survives::<Skipped>(&wire);
        survives::<Leave>(&wire);
        survives::<Removed>(&wire);
    }
}
