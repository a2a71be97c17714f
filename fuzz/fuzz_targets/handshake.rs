//! The key exchange: whoever has another key, or whose bytes were changed on their way, is not let in. Code phrases: any
//! text is judged, and a code is read as it prints.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use proto::filexfer::Key;
use proto::filexfer::native::code::Code;
use proto::filexfer::native::handshake::{
    ANSWER, AesHardware, Connector, Exchange, HELLO, HandshakeError, Keys, MAGIC, PROOF, VERDICT,
    Wishes, is_native_start,
};
use proto::filexfer::native::record::Protection;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    /// What is made of the messages on their way: these bits are turned.
    hello: [[u8; 32]; 2],
    answer: [[u8; 32]; 2],
    proof: [u8; PROOF],
    verdict: (u8, [u8; PROOF]),
    plain: bool,
    typed: &'a str,
    seed: [u8; 5],
}

fuzz_target!(|input: Input<'_>| {
    code(input.typed, input.seed);
    start(input.typed.as_bytes());
    let changed = input.hello != [[0; 32]; 2]
        || input.answer != [[0; 32]; 2]
        || input.proof != [0; 32]
        || input.verdict != (0, [0; 32]);
    assert_eq!(session(&input, b"oyster").is_ok(), !changed);
    assert!(session(&input, b"lobster").is_err());
});

fn code(typed: &str, seed: [u8; 5]) {
    let code = Code::new(seed);
    assert_eq!(code.to_string().parse(), Ok(code));
    match typed.parse::<Code>() {
        Ok(code) => assert_eq!(code.to_string().parse(), Ok(code)),
        Err(error) => assert!(error.to_string().len() < 200),
    }
}

fn start(received: &[u8]) {
    let whole = is_native_start(received);
    assert_eq!(whole == Some(true), received.starts_with(&MAGIC));
    for end in 0..received.len().min(16) {
        let part = is_native_start(&received[..end]);
        assert!(part.is_none() || part == whole);
    }
}

fn turn(bytes: &mut [u8], bits: &[u8]) {
    for (byte, bits) in bytes.iter_mut().zip(bits) {
        *byte ^= bits;
    }
}

fn key(secret: &[u8]) -> Key {
    Key::new(secret).expect("a key has a length")
}

fn session(input: &Input<'_>, secret: &[u8]) -> Result<Keys, HandshakeError> {
    let wishes = Wishes {
        protection: match input.plain {
            true => Protection::Plain,
            false => Protection::Encrypted,
        },
        aes: AesHardware::Absent,
    };
    let (connector, hello) = Connector::new(&key(secret), wishes, &[1; 64]);
    let mut hello: [u8; HELLO] = hello;
    turn(&mut hello, input.hello.as_flattened());
    let (exchange, answer) = Exchange::new(&key(b"oyster"), wishes, &[2; 64], &hello)?;
    let mut answer: [u8; ANSWER] = answer;
    turn(&mut answer, input.answer.as_flattened());
    let (proving, mut proof) = connector.answer(&answer)?;
    turn(&mut proof, &input.proof);
    let (_, verdict) = exchange.check(&proof)?.accept();
    let mut verdict: [u8; VERDICT] = verdict;
    verdict[0] ^= input.verdict.0;
    turn(&mut verdict[1..], &input.verdict.1);
    proving.verdict(&verdict)
}
