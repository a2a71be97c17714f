//! A sender and a receiver over UDP, whose messages are all alike.

use std::io;

use anyhow::{Context, Result, ensure};
use runtime::udp::{Flow, Room};

use super::pump::{Came, PATIENCE, Pair, Wait};

/// Whether the system cuts what is sent into datagrams, and puts together what comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offload {
    On,
    Off,
}

/// The longest datagram of any of these wires.
const LONGEST: usize = 2048;

/// A sender and a receiver.
pub(super) struct Datagrams {
    sender: Flow,
    /// Messages, one behind the other.
    burst: Vec<u8>,
    /// The length of each.
    size: usize,
    deliveries: End,
    /// What the sender hears of each message; without one it hears nothing.
    answers: Option<End>,
}

/// Where datagrams come in, all alike.
struct End {
    flow: Flow,
    room: Room,
    expected: Vec<u8>,
}

/// The datagrams of a message.
pub(super) struct Words {
    /// As it is sent.
    pub(super) message: Vec<u8>,
    /// As it is delivered.
    pub(super) delivery: Vec<u8>,
    /// As it is answered, where it is.
    pub(super) answer: Option<Vec<u8>>,
}

impl Datagrams {
    /// These two, with at most so many messages sent at once.
    pub(super) fn new(
        mut sender: Flow,
        receiver: Flow,
        words: Words,
        at_once: u64,
        offload: Offload,
    ) -> Result<Self> {
        let size = words.message.len();
        let segment = (offload == Offload::On).then_some(size);
        let segmented = sender.set_send_offload(segment);
        ensure!(
            segmented == segment.is_some(),
            "no segmentation offload here"
        );
        let answering = sender.try_clone()?;
        let answers = words
            .answer
            .map(|answer| End::new(answering, answer, offload));
        Ok(Self {
            burst: words.message.repeat(usize::try_from(at_once)?),
            size,
            sender,
            deliveries: End::new(receiver, words.delivery, offload)?,
            answers: answers.transpose()?,
        })
    }
}

impl Pair for Datagrams {
    fn send(&mut self, count: u64) -> Result<u64> {
        let mut left = &self.burst[..usize::try_from(count)? * self.size];
        while !left.is_empty() {
            let sent = self.sender.send(left, self.size).context("cannot send")?;
            left = left.get(sent * self.size..).unwrap_or_default();
        }
        Ok(count)
    }

    fn receive(&mut self, wait: Wait) -> Result<Came> {
        let mut came = Came::default();
        if wait != Wait::Answer {
            came.deliveries = self.deliveries.take(wait == Wait::Delivery)?;
        }
        if let Some(answers) = &mut self.answers
            && wait != Wait::Delivery
        {
            came.answers = answers.take(wait == Wait::Answer)?;
        }
        Ok(came)
    }

    fn is_answered(&self) -> bool {
        self.answers.is_some()
    }
}

impl End {
    fn new(flow: Flow, expected: Vec<u8>, offload: Offload) -> Result<Self> {
        let wanted = offload == Offload::On;
        let coalesced = flow.set_receive_offload(wanted);
        ensure!(coalesced == wanted, "no receive offload here");
        flow.set_patience(Some(PATIENCE))?;
        Ok(Self {
            flow,
            room: Room::new(LONGEST, coalesced),
            expected,
        })
    }

    /// How many have come.
    fn take(&mut self, waits: bool) -> Result<u64> {
        let bundles = match waits {
            true => self.room.receive(&self.flow)?,
            false => self.room.poll(&self.flow)?,
        };
        let mut count = 0;
        for place in 0..bundles {
            let bundle = self.room.get(place).context("a bundle is missing")?;
            count += alike(bundle.packets, bundle.size, &self.expected)?;
        }
        Ok(count)
    }
}

/// How many these are, all of the length expected; the first is looked at.
fn alike(packets: &[u8], size: usize, expected: &[u8]) -> Result<u64> {
    let all_as_long = size.max(1) == expected.len() && packets.len().is_multiple_of(expected.len());
    ensure!(
        all_as_long && packets.starts_with(expected),
        "expected {:?}, got {:?}",
        String::from_utf8_lossy(expected),
        String::from_utf8_lossy(&packets[..packets.len().min(size)])
    );
    Ok((packets.len() / expected.len()) as u64)
}

/// Asks until something comes back, a few times: the answer.
pub(super) fn ask(flow: &mut Flow, question: &[u8]) -> Result<Vec<u8>> {
    const TRIES: u32 = 5;
    flow.set_patience(Some(PATIENCE))?;
    let mut room = Room::new(LONGEST, false);
    for _ in 0..TRIES {
        flow.send(question, question.len())?;
        if room.receive(flow).or_else(refused)? > 0 {
            let answer = room.get(0).context("an answer is missing")?;
            return Ok(answer.packets.to_vec());
        }
    }
    anyhow::bail!("no answer from the server")
}

/// A server that is not bound yet is asked again.
fn refused(error: io::Error) -> io::Result<usize> {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Ok(0),
        _ => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_expected_counts() {
        assert_eq!(alike(b"ababab", 2, b"ab").unwrap(), 3);
        assert_eq!(alike(b"ab", 2, b"ab").unwrap(), 1);
        for (packets, size) in [(&b"aba"[..], 2), (b"abab", 4), (b"ba", 2), (b"", 0)] {
            assert!(alike(packets, size, b"ab").is_err(), "{packets:?}");
        }
    }
}
