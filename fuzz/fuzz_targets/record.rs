//! Records: what was sealed opens once and in order, and nothing else does.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use proto::filexfer::native::record::{
    Cipher, HEADER, Header, MAX_BODY, Opener, Protection, RecordKind, Sealer, Secret, TAG,
};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    chacha: bool,
    plain: bool,
    last: bool,
    /// How many records go before.
    before: u8,
    /// Which bit is wrong.
    wrong: u16,
    /// A body, and what claims to be a record.
    bytes: &'a [u8],
}

fuzz_target!(|input: Input<'_>| {
    header(input.bytes);
    forged(&input);
    sealed(&input);
});

impl Input<'_> {
    fn pair(&self) -> (Sealer, Opener) {
        let secret = Secret::new([7; 32]);
        let cipher = match self.chacha {
            true => Cipher::ChaCha,
            false => Cipher::Aes,
        };
        let protection = match self.plain {
            true => Protection::Plain,
            false => Protection::Encrypted,
        };
        let sealer = Sealer::new(&secret, cipher, protection);
        (sealer, Opener::new(&secret, cipher, protection))
    }
}

/// No header lets more be allocated than a record may have.
fn header(bytes: &[u8]) {
    if let Some(Ok(header)) = bytes.first_chunk().map(Header::decode) {
        assert!((TAG..=MAX_BODY + TAG).contains(&header.length()));
        assert!(header.kind() == RecordKind::Frames || header.length() == TAG);
    }
}

/// Bytes that nobody sealed do not open, nor does anything after them.
fn forged(input: &Input<'_>) {
    let (mut sealer, mut opener) = input.pair();
    assert!(opener.open(&mut input.bytes.to_vec()).is_err());
    let mut record = [0; HEADER + TAG];
    assert!(sealer.seal(RecordKind::Frames, &mut record).is_ok());
    assert!(opener.open(&mut record).is_err());
}

fn sealed(input: &Input<'_>) {
    let (mut sealer, mut opener) = input.pair();
    let mut first = None;
    for _ in 0..input.before {
        let mut record = [0; HEADER + TAG];
        assert!(sealer.seal(RecordKind::Frames, &mut record).is_ok());
        first.get_or_insert(record);
        assert!(opener.open(&mut record).is_ok());
    }
    let (kind, body) = match input.last {
        true => (RecordKind::Final, &[][..]),
        false => (RecordKind::Frames, input.bytes),
    };
    let mut record = [&[0; HEADER][..], body, &[0; TAG]].concat();
    assert!(sealer.seal(kind, &mut record).is_ok());
    let mut changed = record.clone();
    let bit = usize::from(input.wrong) % (changed.len() * 8);
    changed[bit / 8] ^= 1 << (bit % 8);
    if input.wrong % 2 == 0 {
        assert_eq!(opener.open(&mut record), Ok((kind, body)));
    }
    // Neither a changed one opens, nor one that came before.
    assert!(opener.open(&mut changed).is_err());
    assert!(first.is_none_or(|mut first| opener.open(&mut first).is_err()));
}
