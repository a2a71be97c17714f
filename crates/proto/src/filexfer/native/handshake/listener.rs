//! The side that was listening.

use super::agreed::{Agreed, Share, is_same, opening};
use super::{
    ANSWER, HELLO, HandshakeError, Keys, PROOF, Refusal, VERDICT, VERSION, Wishes, is_native_start,
};
use crate::filexfer::Key;

/// The answer of a listener that does not go on.
pub fn refuse(refusal: Refusal, wishes: Wishes) -> [u8; ANSWER] {
    opening(refusal.encode(), wishes, &[])
}

/// The verdict of a listener that does not go on, whatever the proof is.
pub fn reject(refusal: Refusal) -> [u8; VERDICT] {
    let mut verdict = [0; VERDICT];
    verdict[0] = refusal.encode();
    verdict
}

/// The side that was listening, and waits for a proof.
pub struct Exchange(Agreed);

impl Exchange {
    /// Takes a hello, with a seed that nobody else knows and that is never used again. The answer is to be sent.
    ///
    /// # Errors
    /// [`HandshakeError`]: for a [`HandshakeError::Refused`] [`refuse`] makes the answer, for the others there is none.
    pub fn new(
        key: &Key,
        wishes: Wishes,
        seed: &[u8; 64],
        hello: &[u8; HELLO],
    ) -> Result<(Self, [u8; ANSWER]), HandshakeError> {
        if is_native_start(hello) != Some(true) {
            return Err(HandshakeError::NotNative);
        }
        if hello[8] != VERSION {
            return Err(Refusal::Version(hello[8]).into());
        }
        let connector_wishes = Wishes::decode(hello[10]);
        wishes.check(connector_wishes)?;
        let (share, bytes) = Share::of_listener(key, seed);
        let shared = share.join(hello)?;
        let answer = opening(0, wishes, &bytes);
        let agreed = Agreed::new(&shared, hello, &answer, (connector_wishes, wishes));
        Ok((Self(agreed), answer))
    }

    /// Takes the proof: whether the connector knows the key. A wrong one is one wrong guess.
    ///
    /// # Errors
    /// [`Refusal::WrongKey`]; [`reject`] makes the verdict.
    pub fn check(self, proof: &[u8; PROOF]) -> Result<Welcome, Refusal> {
        match is_same(proof, &self.0.connector_proof()) {
            true => Ok(Welcome(self.0)),
            false => Err(Refusal::WrongKey),
        }
    }
}

/// The side that was listening, and knows that the connector has the key.
pub struct Welcome(Agreed);

impl Welcome {
    /// Lets the connector in. The verdict is to be sent.
    pub fn accept(self) -> (Keys, [u8; VERDICT]) {
        let mut verdict = [0; VERDICT];
        verdict[1..].copy_from_slice(&self.0.listener_proof());
        let (out, back) = (self.0.listener_secret(), self.0.connector_secret());
        (self.0.keys(&out, &back), verdict)
    }
}
