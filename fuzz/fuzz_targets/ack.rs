//! The acknowledging echo: the answers counted are those that the stream starts with, however it was cut.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use proto::ack::{ACKNOWLEDGEMENT, AckError, Acknowledgements, EXIT, Request};
use proto_fuzz::Cuts;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    cuts: Cuts,
    stream: &'a [u8],
}

fuzz_target!(|input: Input<'_>| {
    request(input.stream);
    acknowledgements(input.cuts, input.stream);
});

fn request(read: &[u8]) {
    match Request::decode(read) {
        Request::Exit => assert_eq!(read, EXIT.as_bytes()),
        Request::Message(message) => {
            assert_ne!(read, EXIT.as_bytes());
            assert_eq!(message, read);
        }
    }
}

fn acknowledgements(cuts: Cuts, stream: &[u8]) {
    let (answers, end) = expected(stream);
    let mut whole = Acknowledgements::default();
    let all = whole.read(stream);
    let mut counter = Acknowledgements::default();
    let mut completed = 0;
    for read in cuts.reads(stream) {
        match counter.read(read) {
            Ok(more) => {
                completed += more;
                assert_eq!(completed, counter.count());
            }
            Err(error) => assert_eq!(end, Err(error)),
        }
    }
    assert_eq!(counter, whole);
    assert_eq!((counter.count(), counter.end()), (answers, end));
    match end {
        Err(error @ AckError::Unexpected { .. }) => assert_eq!(all, Err(error)),
        _ => assert_eq!(all, Ok(answers)),
    }
}

/// How many answers the stream starts with, and how it ends.
fn expected(stream: &[u8]) -> (u64, Result<(), AckError>) {
    let wanted = ACKNOWLEDGEMENT.bytes().cycle();
    let wrong = stream.iter().zip(wanted).enumerate();
    let wrong = wrong
        .filter(|(_, (found, expected))| *found != expected)
        .map(|(at, (&found, expected))| (at, found, expected))
        .next();
    let fine = wrong.map_or(stream.len(), |(at, ..)| at);
    let begun = fine % ACKNOWLEDGEMENT.len();
    let end = match wrong {
        Some((at, found, expected)) => Err(AckError::Unexpected {
            expected,
            found,
            at: at as u64,
        }),
        None if begun == 0 => Ok(()),
        None => Err(AckError::EndInside {
            missing: ACKNOWLEDGEMENT.len() - begun,
        }),
    };
    ((fine / ACKNOWLEDGEMENT.len()) as u64, end)
}
