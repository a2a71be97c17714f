//! What a request of HTTP means: a path leads down, whatever it was written as; ranges lie within what there is and never
//! overlap; an answer is a head and nothing else, says how long what follows is, and is the same when it was prebuilt.
//!
//! The input is lines: the target, then header fields, each with one letter for its name.
#![no_main]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use libfuzzer_sys::fuzz_target;
use proto::http::range::{MAX_PARTS, Wanted, wanted};
use proto::http::{
    Accepted, Answer, Coding, Content, Date, Fields, Method, Parts, Path, Range, Representation,
    Request, Then, Validators, Varies, Version, media,
};

/// How long a representation is in bytes.
const LENGTH: u64 = 1000;

/// When it was last changed: Sun, 06 Nov 1994 08:49:37 GMT.
const CHANGED: Duration = Duration::from_secs(784_111_777);

fuzz_target!(|input: &[u8]| {
    let mut lines = input.split(|byte| *byte == b'\n');
    let target = String::from_utf8_lossy(lines.next().unwrap_or_default());
    path(&target);
    let fields = fields(lines);
    if let Some(value) = &fields.range {
        for length in [0, 1, LENGTH, u64::MAX] {
            ranges(value, length);
        }
    }
    accepted(&fields);
    for method in [Method::Get, Method::Head, Method::Options] {
        for version in [Version::Http10, Version::Http11] {
            answered(&request(method, version, &target, &fields));
        }
    }
});

fn fields<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Fields<'a> {
    let mut fields = Fields::default();
    for line in lines {
        let [name, value @ ..] = line else {
            continue;
        };
        let value = Some(value.into());
        match name {
            b'r' => fields.range = value,
            b'R' => fields.if_range = value,
            b'm' => fields.if_match = value,
            b'n' => fields.if_none_match = value,
            b's' => fields.if_modified_since = value,
            b'u' => fields.if_unmodified_since = value,
            _ => fields.accept_encoding = value,
        }
    }
    fields
}

fn request<'a>(
    method: Method,
    version: Version,
    target: &'a str,
    fields: &Fields<'a>,
) -> Request<'a> {
    Request {
        method,
        method_text: "",
        target,
        version,
        then: Then::Persist,
        host: None,
        fields: fields.clone(),
    }
}

fn path(target: &str) {
    let Ok(path) = Path::decode(target) else {
        return;
    };
    let bytes = path.bytes();
    assert!(!bytes.iter().any(|byte| matches!(byte, 0 | b'\\')));
    if !bytes.is_empty() {
        let mut names = bytes.split(|byte| *byte == b'/');
        assert!(names.all(|name| !matches!(name, b"" | b"." | b"..")));
    }
    assert!(bytes.len() < target.len());
    let encoded: String = bytes.iter().map(|byte| format!("%{byte:02x}")).collect();
    let again = Path::decode(&format!("/{}", encoded.replace("%2f", "/")));
    assert_eq!(again.as_ref().map(Path::bytes), Ok(bytes));
    assert!(media::of_name(bytes).contains('/'));
}

fn ranges(value: &[u8], length: u64) {
    let parts = match wanted(value, length) {
        Wanted::Whole | Wanted::Nothing => return,
        Wanted::Part(part) => vec![part],
        Wanted::Parts(parts) => parts,
    };
    assert!(parts.len() <= MAX_PARTS);
    for (at, part) in parts.iter().enumerate() {
        assert!(part.first <= part.last && part.last < length);
        for other in &parts[..at] {
            assert!(part.last < other.first || other.last < part.first);
        }
    }
}

fn accepted(fields: &Fields<'_>) {
    let accepted = Accepted::of(fields.accept_encoding.as_deref());
    let offered = [Coding::Zstd, Coding::Gzip, Coding::Identity];
    match accepted.best(&offered) {
        Some(best) => assert!(offered.contains(&best) && accepted.takes(best)),
        None => assert!(offered.iter().all(|coding| !accepted.takes(*coding))),
    }
}

fn answered(request: &Request<'_>) {
    let validators = Validators::strong(&[1, 2], Some(UNIX_EPOCH + CHANGED));
    let now = UNIX_EPOCH + CHANGED + Duration::from_secs(60);
    let representation = Representation {
        length: Some(LENGTH),
        media: "text/plain",
        coding: Coding::Identity,
        validators: Some(&validators),
        varies: Varies::ByCoding,
        more: b"",
    };
    let (answer, head) = answer(&representation, request, now);
    check(&answer, &head);
    let prebuilt = representation.prebuild(&Date::new(now)).map(|prebuilt| {
        let mut head = Vec::new();
        let answer = prebuilt.answer(request, &Date::new(now), &mut head);
        (answer, head)
    });
    match prebuilt {
        Some((Some(prebuilt), same)) if request.method != Method::Options => {
            assert_eq!((prebuilt, same), (answer, head));
        }
        Some((None, nothing)) => assert!(nothing.is_empty()),
        _ => {}
    }
}

fn answer(
    representation: &Representation<'_>,
    request: &Request<'_>,
    now: SystemTime,
) -> (Answer, Vec<u8>) {
    let mut head = Vec::new();
    let answer = representation.answer(request, "BOUNDARY", now, &Date::new(now), &mut head);
    (answer, head)
}

/// A head of whole lines, that is right about what follows.
fn check(answer: &Answer, head: &[u8]) {
    let text = std::str::from_utf8(head).expect("a head is ASCII");
    let lines = text.strip_suffix("\r\n\r\n").expect("it ends");
    assert!(lines.split("\r\n").all(|line| !line.is_empty()));
    assert!(!lines.replace("\r\n", "").contains(char::is_control));
    let said = lines.split("\r\n").filter_map(|line| line.split_once(": "));
    let said = said
        .filter(|(name, _)| *name == "Content-Length")
        .map(|(_, length)| length.parse())
        .collect::<Result<Vec<u64>, _>>()
        .expect("a length is a number");
    let follows = match &answer.content {
        Content::Nothing => None,
        Content::Whole => Some(LENGTH),
        Content::Part(part) => Some(within(*part)),
        Content::Parts(parts) => Some(long(parts)),
    };
    match answer.status.code() {
        304 => assert!(said.is_empty() && follows.is_none()),
        412 | 416 => assert!(said == [0] && follows.is_none()),
        200 | 206 => assert!(said.len() == 1 && follows.is_none_or(|length| said == [length])),
        code => panic!("{code}"),
    }
}

fn within(part: Range) -> u64 {
    assert!(part.first <= part.last && part.last < LENGTH);
    part.len()
}

fn long(parts: &Parts) -> u64 {
    let part = |(head, part): &(Vec<u8>, Range)| head.len() as u64 + within(*part);
    parts.parts.iter().map(part).sum::<u64>() + parts.end.len() as u64
}
