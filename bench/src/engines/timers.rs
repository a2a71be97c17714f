//! How late a thread wakes from a sleep until a given time.

use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use nix::poll::ppoll;
use nix::sys::prctl;
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, ClockNanosleepFlags, clock_nanosleep};
use serde::Serialize;

use super::Args;
use crate::pin::Core;
use crate::setup::progress;
use crate::stats::{Durations, alternate};

/// How far ahead a deadline is at least.
const AHEAD: Duration = Duration::from_millis(1);

/// How much further the deadlines are spread, evenly: one that is whole milliseconds ahead would flatter the sleepers
/// that know only those.
const SPREAD: Duration = Duration::from_millis(1);

/// How many deadlines each sleeper waits for, in all runs together.
const DEADLINES: u32 = 2000;

const CLOCK: ClockId = ClockId::CLOCK_MONOTONIC;

/// A way to sleep.
#[derive(Clone, Copy, Debug)]
enum Sleeper {
    Std,
    Condvar,
    ClockNanosleep,
    Ppoll,
    Mio,
    Tokio,
}

impl Sleeper {
    const ALL: [Self; 6] = [
        Self::Std,
        Self::Condvar,
        Self::ClockNanosleep,
        Self::Ppoll,
        Self::Mio,
        Self::Tokio,
    ];

    fn label(self) -> &'static str {
        match self {
            Self::Std => "thread::sleep (std)",
            Self::Condvar => "Condvar::wait_timeout (std), slack 1 ns",
            Self::ClockNanosleep => "clock_nanosleep, absolute, slack 1 ns",
            Self::Ppoll => "ppoll, slack 1 ns",
            Self::Mio => "epoll_wait (mio; whole ms)",
            Self::Tokio => "tokio::time::sleep_until",
        }
    }

    /// Whether the kernel is told not to put off this thread's time-outs (by 50 µs unless told so).
    fn wants_least_slack(self) -> bool {
        matches!(self, Self::Condvar | Self::ClockNanosleep | Self::Ppoll)
    }

    fn sleep(self, times: u32) -> Result<Durations> {
        match self {
            Self::Std => lateness(times, |deadline| {
                thread::sleep(left(deadline)?);
                Ok(())
            }),
            Self::Condvar => sleep_on_condvar(times),
            Self::ClockNanosleep => lateness(times, |deadline| {
                let flags = ClockNanosleepFlags::TIMER_ABSTIME;
                clock_nanosleep(CLOCK, flags, &TimeSpec::from_duration(deadline))?;
                Ok(())
            }),
            Self::Ppoll => lateness(times, |deadline| {
                ppoll(
                    &mut [],
                    Some(TimeSpec::from_duration(left(deadline)?)),
                    None,
                )?;
                Ok(())
            }),
            Self::Mio => sleep_on_mio(times),
            Self::Tokio => sleep_on_tokio(times),
        }
    }
}

fn sleep_on_condvar(times: u32) -> Result<Durations> {
    let (lock, condvar) = (Mutex::new(()), Condvar::new());
    lateness(times, |deadline| {
        let guard = lock.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = condvar.wait_timeout(guard, left(deadline)?);
        Ok(())
    })
}

fn sleep_on_mio(times: u32) -> Result<Durations> {
    let mut poll = mio::Poll::new()?;
    let mut events = mio::Events::with_capacity(1);
    lateness(times, |deadline| {
        Ok(poll.poll(&mut events, Some(left(deadline)?))?)
    })
}

fn sleep_on_tokio(times: u32) -> Result<Durations> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().build()?;
    lateness(times, |deadline| {
        let left = left(deadline)?;
        runtime.block_on(async {
            tokio::time::sleep_until(tokio::time::Instant::now() + left).await;
        });
        Ok(())
    })
}

/// How late one sleeper woke.
#[derive(Serialize)]
pub(crate) struct Row {
    /// The sleeper's label.
    pub(crate) sleeper: &'static str,
    /// The median lateness.
    pub(crate) p50_us: f64,
    /// The 99th percentile of the lateness.
    pub(crate) p99_us: f64,
}

/// Measures every sleeper on the core of the servers, each run with its share of the deadlines.
pub(crate) fn measure(args: &Args) -> Result<Vec<Row>> {
    progress(&title());
    let share = DEADLINES.div_ceil(args.common.runs);
    let measured = alternate(args.common.runs, &Sleeper::ALL, |sleeper| {
        run(sleeper, share, args.common.server_core)
    });
    let rows = measured.into_iter().map(|(sleeper, runs)| {
        let mut all = Durations::default();
        for run in runs {
            all.append(run.with_context(|| format!("cannot sleep by {}", sleeper.label()))?);
        }
        let [p50_us, p99_us] = all.percentiles_us([50.0, 99.0]);
        let sleeper = sleeper.label();
        Ok(Row {
            sleeper,
            p50_us,
            p99_us,
        })
    });
    rows.collect()
}

/// What is measured, as the report says it.
pub(crate) fn title() -> String {
    let longest = AHEAD + SPREAD;
    format!("Lateness after {DEADLINES} sleeps of {AHEAD:?} to {longest:?}")
}

/// Sleeps in a thread of its own, because core and slack belong to a thread.
fn run(sleeper: Sleeper, times: u32, core: Core) -> Result<Durations> {
    let sleeping = thread::spawn(move || {
        core.pin_this_thread()?;
        if sleeper.wants_least_slack() {
            prctl::set_timerslack(1)?;
        }
        sleeper.sleep(times)
    });
    sleeping
        .join()
        .map_err(|_| anyhow!("the sleeping thread panicked"))?
}

/// Sleeps until one deadline after another; `sleep` may come back early, and is then called again.
fn lateness(times: u32, mut sleep: impl FnMut(Duration) -> Result<()>) -> Result<Durations> {
    let mut late = Durations::default();
    for number in 0..times {
        let deadline = now()? + AHEAD + SPREAD * number / times;
        let mut woken = now()?;
        while woken < deadline {
            sleep(deadline)?;
            woken = now()?;
        }
        late.push(woken - deadline);
    }
    Ok(late)
}

fn now() -> Result<Duration> {
    Ok(CLOCK.now()?.into())
}

fn left(deadline: Duration) -> Result<Duration> {
    Ok(deadline.saturating_sub(now()?))
}
