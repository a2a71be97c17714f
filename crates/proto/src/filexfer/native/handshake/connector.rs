//! The side that has connected.

use super::agreed::{Agreed, Share, is_same, opening};
use super::{
    ANSWER, HELLO, HandshakeError, Keys, PROOF, Refusal, VERDICT, VERSION, Wishes, is_native_start,
};
use crate::filexfer::Key;

/// The side that has connected, and waits for the answer to its hello.
pub struct Connector {
    share: Share,
    wishes: Wishes,
    hello: [u8; HELLO],
}

impl Connector {
    /// Starts, with a seed that nobody else knows and that is never used again. The hello is to be sent.
    pub fn new(key: &Key, wishes: Wishes, seed: &[u8; 64]) -> (Self, [u8; HELLO]) {
        let (share, bytes) = Share::of_connector(key, seed);
        let hello = opening(0, wishes, &bytes);
        let connector = Self {
            share,
            wishes,
            hello,
        };
        (connector, hello)
    }

    /// Takes the answer to the hello. The proof is to be sent.
    ///
    /// # Errors
    /// [`HandshakeError`]: there is nothing more to send.
    pub fn answer(self, answer: &[u8; ANSWER]) -> Result<(Proving, [u8; PROOF]), HandshakeError> {
        if is_native_start(answer) != Some(true) {
            return Err(HandshakeError::NotNative);
        }
        let [version, status, wishes] = [answer[8], answer[9], answer[10]];
        Refusal::decode(status, version)?;
        if version != VERSION {
            return Err(Refusal::Version(version).into());
        }
        let listener = Wishes::decode(wishes);
        listener.check(self.wishes)?;
        let shared = self.share.join(answer)?;
        let agreed = Agreed::new(&shared, &self.hello, answer, (self.wishes, listener));
        let proof = agreed.connector_proof();
        Ok((Proving(agreed), proof))
    }
}

/// The side that has connected, and waits for the verdict on its proof.
pub struct Proving(Agreed);

impl Proving {
    /// Takes the verdict: the listener knows the key.
    ///
    /// # Errors
    /// [`HandshakeError::Refused`], or [`HandshakeError::Impostor`] where it does not know the key.
    pub fn verdict(self, verdict: &[u8; VERDICT]) -> Result<Keys, HandshakeError> {
        let [status, proof @ ..] = verdict;
        Refusal::decode(*status, VERSION)?;
        if !is_same(proof, &self.0.listener_proof()) {
            return Err(HandshakeError::Impostor);
        }
        let (out, back) = (self.0.connector_secret(), self.0.listener_secret());
        Ok(self.0.keys(&out, &back))
    }
}
