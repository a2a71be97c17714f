//! File transfer: the answer and the file do not depend on how the stream was cut, and only the key is the key.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use proto::filexfer::{AuthAnswer, Fetch, FetchError, Key, KeyCheck, MAX_KEY, Progress};
use proto_fuzz::Cuts;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    cuts: Cuts,
    /// How many bytes of the stream are the key.
    key: u16,
    /// Which bit of the key is wrong.
    wrong: u16,
    stream: &'a [u8],
}

fuzz_target!(|input: Input<'_>| {
    answer(input.stream);
    fetch(&input);
    let length = usize::from(input.key).min(input.stream.len());
    let (secret, _) = input.stream.split_at(length);
    key(secret, input.stream, input.wrong.into());
});

/// Once there is an answer, or none can come any more, further bytes change nothing.
fn answer(stream: &[u8]) {
    let decoded = AuthAnswer::decode(stream);
    if let Ok(Some((answer, taken))) = decoded {
        assert_eq!(stream.get(..taken), Some(answer.as_str().as_bytes()));
    }
    for end in 0..stream.len().min(16) {
        match AuthAnswer::decode(&stream[..end]) {
            Ok(None) => {}
            early => assert_eq!(early, decoded),
        }
    }
}

fn fetch(input: &Input<'_>) {
    let (file, end) = fetched(input.cuts.reads(input.stream));
    let (whole_file, whole_end) = fetched([input.stream].into_iter());
    assert_eq!(file, whole_file);
    assert_eq!(end, whole_end);
    match AuthAnswer::decode(input.stream) {
        Ok(Some((AuthAnswer::Success, taken))) => {
            assert_eq!(end, Ok(AuthAnswer::Success));
            assert_eq!(file, input.stream[taken..]);
        }
        Ok(Some((AuthAnswer::Error, taken))) if taken == input.stream.len() => {
            assert_eq!(end, Ok(AuthAnswer::Error));
        }
        Ok(Some((AuthAnswer::Error, _))) => assert_eq!(end, Err(FetchError::BytesAfterRefusal)),
        Ok(None) => assert_eq!(end, Err(FetchError::EndBeforeAnswer(input.stream.len()))),
        Err(error) => assert_eq!(end, Err(error)),
    }
}

/// The file, and how the stream ended.
fn fetched<'a>(reads: impl Iterator<Item = &'a [u8]>) -> (Vec<u8>, Result<AuthAnswer, FetchError>) {
    let (mut fetch, mut file, mut told) = (Fetch::default(), Vec::new(), None);
    for read in reads {
        match fetch.read(read) {
            Ok(Progress::Pending) => assert_eq!(told, None),
            Ok(Progress::Accepted(bytes)) => {
                assert_eq!(told.replace(AuthAnswer::Success), None, "it is said once");
                file.extend_from_slice(bytes);
            }
            Ok(Progress::Chunk(bytes)) => {
                assert_eq!(told, Some(AuthAnswer::Success));
                file.extend_from_slice(bytes);
            }
            Ok(Progress::Refused) => told = Some(AuthAnswer::Error),
            Err(error) => {
                assert_eq!(error == FetchError::BytesAfterRefusal, told.is_some());
                assert_eq!(fetch.end(), Err(error));
                assert_eq!(fetch.read(b"AUTH_SUCCESS"), Err(error));
            }
        }
    }
    (file, fetch.end())
}

fn key(secret: &[u8], received: &[u8], wrong: usize) {
    let Ok(key) = Key::new(secret) else {
        assert!(secret.is_empty() || secret.len() > MAX_KEY);
        return;
    };
    for end in 0..=received.len() {
        let expected = match end {
            end if end < secret.len() => KeyCheck::Partial,
            end if end == secret.len() => KeyCheck::Right,
            _ => KeyCheck::Wrong,
        };
        assert_eq!(key.check(&received[..end]), expected);
    }
    let mut guess = secret.to_vec();
    let (place, bit) = (wrong / 8 % secret.len(), wrong % 8);
    guess[place] ^= 1 << bit;
    assert_eq!(key.check(&guess), KeyCheck::Wrong);
    assert_eq!(format!("{key:?}"), "***");
    let mut wire = Vec::new();
    key.encode(&mut wire);
    assert_eq!(wire, secret);
}
