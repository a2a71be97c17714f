//! Datagrams that mean nothing, always the same ones.

/// Makes up bytes.
#[derive(Debug)]
pub struct Noise(u64);

impl Default for Noise {
    fn default() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }
}

impl Noise {
    /// Fills the payload, and says how much of it is the datagram: from nothing to all of it.
    pub fn fill(&mut self, payload: &mut [u8; 64]) -> usize {
        for bytes in payload.chunks_exact_mut(8) {
            bytes.copy_from_slice(&self.next().to_le_bytes());
        }
        (self.next() % 65) as usize
    }

    /// Marsaglia's xorshift64.
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}
