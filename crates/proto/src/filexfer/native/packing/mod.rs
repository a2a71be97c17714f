//! When a source compresses: where it makes the transfer faster, as is found by measuring it.
//!
//! A wire that is slower than the source lets its writes wait. What they wait for each byte is what compression may cost
//! at the most. So blocks go as they are until the writes wait; then a small piece of a block is compressed to see what
//! that costs and saves; and where it pays whole blocks are, as long as they come faster that way.
//!
//! What pays is judged again and again, each time after a longer while: data that does not shrink, a wire that became
//! faster, a sink that is held up by something else than the wire.

mod pace;

use std::time::Duration;

use pace::Pace;

/// What to do with the next block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Send it as it is.
    AsIs,
    /// Send it as it is, and tell [`Packing::sampled`] what became of a piece of it.
    Sample,
    /// Compress it at this level of zstd. What does not shrink is sent as it is.
    Pack(i32),
}

/// How a block went.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sent {
    /// Bytes of the file.
    pub size: usize,
    /// Bytes on the wire.
    pub wire: usize,
    /// How long compressing it took.
    pub packing: Duration,
    /// How long writing to the wire took, waiting included.
    pub writing: Duration,
    /// How long it took from the end of the last block to the end of this one.
    pub whole: Duration,
}

/// Decides for each block of a transfer.
#[derive(Clone, Debug)]
pub struct Packing {
    state: State,
    /// How blocks go that are sent as they are, and those that are compressed.
    plain: Pace,
    packed: Pace,
    /// What compressing cost last, in seconds for each byte, and what was left of a byte.
    cost: f64,
    ratio: f64,
    /// Whether the sample that was taken last says that packing pays.
    pays: bool,
    /// Bytes to send before the next sample, and how many those will be after one that does not shrink.
    skip: usize,
    next_skip: usize,
    /// Bytes for which packing is left alone since it made nothing faster, and how many those will be the next time.
    held: usize,
    next_hold: usize,
    /// After so many packed bytes sending as it is is tried again.
    patience: usize,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Plain,
    /// Compressing, for so many bytes. As they were they took so long, in seconds for each.
    Packed {
        bytes: usize,
        plain: f64,
    },
    /// As it is for a while, to see whether that has become faster.
    Trial {
        bytes: usize,
        seconds: f64,
        late: f64,
    },
}

const MIB: usize = 1 << 20;

impl Packing {
    /// The level that is used: the best beside what it costs.
    const LEVEL: i32 = 1;

    /// Smaller blocks are not worth a look.
    const LEAST: usize = 1024;

    /// How much of a block is a sample.
    pub const SAMPLE: usize = 64 * 1024;

    /// What compressing costs at the least, in seconds for each byte.
    const CHEAPEST: f64 = 1e-9;

    /// Writes have to wait for so long before their pace is believed: buffers have to fill first.
    const EVIDENCE: f64 = 0.015;

    /// What is left of a block that is worth its time, and what the time has to shrink to.
    const SHRUNK: f64 = 0.9;
    const FASTER: f64 = 0.9;

    /// Sending as it is needs no better proof than to be about as fast.
    const AS_FAST: f64 = 1.03;

    /// The writing of a byte that waits for nothing takes less, in seconds.
    const UNHINDERED: f64 = 0.75e-9;

    const MOST_SKIP: usize = 64 * MIB;
    const FIRST_HOLD: usize = 32 * MIB;
    const MOST_HOLD: usize = 1024 * MIB;
    const FIRST_PATIENCE: usize = 64 * MIB;
    const MOST_PATIENCE: usize = 2048 * MIB;

    /// How many packed bytes tell how fast they are.
    const JUDGED: usize = 8 * MIB;

    /// How long a trial is: half of it may only fill buffers.
    const TRIAL: usize = 16 * MIB;

    /// A transfer of which nothing is known.
    pub fn new() -> Self {
        Self {
            state: State::Plain,
            plain: Pace::default(),
            packed: Pace::default(),
            cost: 0.0,
            ratio: 1.0,
            pays: false,
            skip: 0,
            next_skip: MIB,
            held: 0,
            next_hold: Self::FIRST_HOLD,
            patience: Self::FIRST_PATIENCE,
        }
    }

    /// A file of so many bytes begins: it may shrink where the last one did not.
    pub fn begin(&mut self, size: u64) {
        if size >= MIB as u64 {
            self.skip = 0;
        }
    }

    /// What to do with the next block, of `size` bytes.
    pub fn choose(&self, size: usize) -> Choice {
        if size < Self::LEAST {
            return Choice::AsIs;
        }
        match self.state {
            State::Packed { .. } => Choice::Pack(Self::LEVEL),
            State::Plain if self.skip == 0 && self.held == 0 && self.may_pay() => Choice::Sample,
            State::Plain | State::Trial { .. } => Choice::AsIs,
        }
    }

    /// A piece of `size` bytes of the block became `packed` bytes in this time.
    pub fn sampled(&mut self, size: usize, packed: usize, took: Duration) {
        self.learn(size, packed, took);
        if self.ratio > Self::SHRUNK {
            self.back_off();
        } else if self.would_pay() {
            self.next_skip = MIB;
            self.pays = true;
        } else {
            self.back_off();
        }
    }

    /// A block was sent as was chosen: last, or while the blocks before it were still compressed.
    pub fn sent(&mut self, block: Sent) {
        match self.state {
            State::Plain | State::Trial { .. } if !block.packing.is_zero() => {}
            State::Plain => {
                self.plain.add(&block);
                self.skip = self.skip.saturating_sub(block.size);
                self.held = self.held.saturating_sub(block.size);
                if std::mem::take(&mut self.pays) {
                    self.pack(self.plain.whole());
                }
            }
            State::Packed { bytes, plain } => self.packed_one(&block, bytes, plain),
            State::Trial {
                bytes,
                seconds,
                late,
            } => self.tried_one(&block, bytes, seconds, late),
        }
    }

    /// Whether writes wait for longer than compressing would take at the least. What the last sample took says less: it
    /// may have been interrupted.
    fn may_pay(&self) -> bool {
        self.plain.waited() >= Self::EVIDENCE && self.plain.writing() > Self::CHEAPEST
    }

    fn learn(&mut self, size: usize, packed: usize, took: Duration) {
        if size > 0 {
            self.cost = took.as_secs_f64() / size as f64;
            self.ratio = packed as f64 / size as f64;
        }
    }

    /// A byte takes either the source's time or the wire's, whichever is longer.
    fn would_pay(&self) -> bool {
        let whole = self.plain.whole();
        let source = whole - self.plain.writing() + self.cost + self.ratio * Self::UNHINDERED;
        source.max(self.ratio * whole) < Self::FASTER * whole
    }

    fn back_off(&mut self) {
        self.skip = self.next_skip;
        self.next_skip = (2 * self.next_skip).min(Self::MOST_SKIP);
    }

    fn packed_one(&mut self, block: &Sent, bytes: usize, plain: f64) {
        let bytes = bytes + block.size;
        self.packed.add(block);
        self.state = State::Packed { bytes, plain };
        if block.size < Self::LEAST {
            return;
        }
        self.learn(block.size, block.wire, block.packing);
        if self.ratio > Self::SHRUNK {
            self.back_off();
            self.state = State::Plain;
        } else if bytes >= Self::JUDGED && self.is_doubtful(bytes, plain) {
            self.state = State::Trial {
                bytes: 0,
                seconds: 0.0,
                late: 0.0,
            };
        }
    }

    /// Whether it may be faster without: it was, or the wire waits for the source and nobody knows for what speed.
    fn is_doubtful(&self, bytes: usize, plain: f64) -> bool {
        let unhindered = self.packed.writing_on_wire() < Self::UNHINDERED;
        self.packed.whole() > plain || unhindered && bytes >= self.patience
    }

    fn tried_one(&mut self, block: &Sent, bytes: usize, seconds: f64, late: f64) {
        let took = block.whole.as_secs_f64();
        let is_late = bytes >= Self::TRIAL / 2;
        let bytes = bytes + block.size;
        let seconds = seconds + took;
        let late = late + if is_late { took } else { 0.0 };
        self.state = State::Trial {
            bytes,
            seconds,
            late,
        };
        let packed = self.packed.whole();
        if seconds > packed * (1.2 * bytes as f64 + block.size as f64) {
            self.keep_packing(seconds / bytes as f64);
        } else if bytes >= Self::TRIAL {
            let late = late / (bytes - Self::TRIAL / 2) as f64;
            if late > Self::AS_FAST * packed {
                self.keep_packing(late);
            } else {
                self.stop_packing();
            }
        }
    }

    fn keep_packing(&mut self, plain: f64) {
        self.patience = (4 * self.patience).min(Self::MOST_PATIENCE);
        self.pack(plain);
    }

    fn pack(&mut self, plain: f64) {
        self.packed = Pace::default();
        self.state = State::Packed { bytes: 0, plain };
    }

    fn stop_packing(&mut self) {
        self.held = self.next_hold;
        self.next_hold = (2 * self.next_hold).min(Self::MOST_HOLD);
        self.patience = Self::FIRST_PATIENCE;
        self.plain = Pace::default();
        self.state = State::Plain;
    }
}

impl Default for Packing {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
