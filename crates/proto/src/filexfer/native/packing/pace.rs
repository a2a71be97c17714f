//! How fast blocks went lately.

use super::{MIB, Sent};

/// Sums over the last blocks; older ones count less and less.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    size: f64,
    wire: f64,
    writing: f64,
    whole: f64,
}

impl Pace {
    /// Beyond so many bytes, or so many seconds, what there is counts half.
    const BYTES: f64 = 16.0 * MIB as f64;
    const SECONDS: f64 = 0.5;

    pub(super) fn add(&mut self, block: &Sent) {
        if self.size > Self::BYTES || self.whole > Self::SECONDS {
            let Self {
                size,
                wire,
                writing,
                whole,
            } = self;
            for sum in [size, wire, writing, whole] {
                *sum /= 2.0;
            }
        }
        self.size += block.size as f64;
        self.wire += block.wire as f64;
        self.writing += block.writing.as_secs_f64();
        self.whole += block.whole.as_secs_f64();
    }

    /// Seconds that were spent writing.
    pub(super) fn waited(&self) -> f64 {
        self.writing
    }

    /// Seconds that a byte of the files takes in all.
    pub(super) fn whole(&self) -> f64 {
        self.whole / self.size.max(1.0)
    }

    /// Seconds of it that are spent writing.
    pub(super) fn writing(&self) -> f64 {
        self.writing / self.size.max(1.0)
    }

    /// Seconds that are spent writing a byte on the wire.
    pub(super) fn writing_on_wire(&self) -> f64 {
        self.writing / self.wire.max(1.0)
    }
}
