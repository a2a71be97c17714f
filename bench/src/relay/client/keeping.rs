//! The load of messages that are kept for somebody who is away: so many are without a verdict, whenever one comes the next
//! is sent.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::time::{ClockId, clock_gettime};

use super::told::{Latency, Told};
use crate::stats::Durations;

/// Who sends, and hears what became of it in the order in which it was sent.
pub(super) trait Keeper {
    /// Says a message; it may wait for others until [`Self::hear`].
    fn say(&mut self) -> Result<()>;

    /// Sends what was said, and takes verdicts, after waiting for one; that none comes is an error.
    fn hear(&mut self) -> Result<u64>;
}

/// When no more is said.
#[derive(Clone, Copy, Debug)]
pub(super) enum Until {
    /// After this time.
    Time(Duration),
    /// After so many messages.
    Count(u64),
}

/// Keeps messages without a verdict, and waits for the last of them.
pub(super) fn keep(keeper: &mut dyn Keeper, most: usize, until: Until) -> Result<Told> {
    let mut waiting = VecDeque::with_capacity(most);
    let mut durations = Durations::default();
    let (cpu, began) = (cpu_time()?, Instant::now());
    let mut sent = 0;
    loop {
        let goes_on = |sent| match until {
            Until::Time(length) => began.elapsed() < length,
            Until::Count(count) => sent < count,
        };
        while waiting.len() < most && goes_on(sent) {
            waiting.push_back(Instant::now());
            keeper.say()?;
            sent += 1;
        }
        if waiting.is_empty() {
            break;
        }
        for _ in 0..keeper.hear()? {
            let said = waiting.pop_front();
            durations.push(said.context("more is answered than was said")?.elapsed());
        }
    }
    Ok(Told {
        latency: Some(Latency::of(durations)),
        ..of_all(sent, began, cpu)?
    })
}

/// What is told of so many messages, none of which was lost.
pub(super) fn of_all(messages: u64, began: Instant, cpu: Duration) -> Result<Told> {
    let seconds = began.elapsed().as_secs_f64();
    let cpu = cpu_time()?.saturating_sub(cpu);
    Ok(Told {
        sent: messages,
        lost: 0,
        delivered: messages,
        seconds,
        latency: None,
        cpu_seconds: Some(cpu.as_secs_f64()),
    })
}

/// The CPU time that this process has used so far.
pub(super) fn cpu_time() -> Result<Duration> {
    let time = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID);
    Ok(time.context("cannot read the CPU time")?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers at most three at a time.
    #[derive(Default)]
    struct Fake {
        said: u64,
        waiting: u64,
        most: u64,
    }

    impl Keeper for Fake {
        fn say(&mut self) -> Result<()> {
            self.said += 1;
            self.waiting += 1;
            self.most = self.most.max(self.waiting);
            Ok(())
        }

        fn hear(&mut self) -> Result<u64> {
            let heard = self.waiting.min(3);
            self.waiting -= heard;
            Ok(heard)
        }
    }

    #[test]
    fn so_many_are_without_a_verdict_and_all_are_waited_for() {
        let mut fake = Fake::default();
        let told = keep(&mut fake, 8, Until::Count(20)).unwrap();
        assert_eq!((told.sent, told.delivered, told.lost), (20, 20, 0));
        assert_eq!((fake.said, fake.waiting, fake.most), (20, 0, 8));
        assert!(told.latency.is_some() && told.cpu_seconds.is_some());
    }

    #[test]
    fn nothing_more_is_said_when_the_time_is_over() {
        let mut fake = Fake::default();
        let until = Until::Time(Duration::from_millis(1));
        let told = keep(&mut fake, 2, until).unwrap();
        assert_eq!((told.delivered, fake.waiting), (fake.said, 0));
        assert!(fake.said > 0 && fake.most <= 2);
    }
}
