//! Clocks, and waking up on time.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::shutdown::Shutdown;

/// Nanoseconds since the Unix epoch, by the clock that people set; 0 before it.
pub fn unix_nanos() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    })
}

/// Asks the system to wake this thread as close to its deadlines as it can. Linux may otherwise be 50 µs late on
/// purpose, to wake several threads at once (`PR_SET_TIMERSLACK`, prctl(2)); other systems have no such setting.
pub fn wake_precisely() {
    #[cfg(target_os = "linux")]
    if let Err(error) = nix::sys::prctl::set_timerslack(1) {
        tracing::debug!(%error, "timer slack stays as it is");
    }
}

/// The two clocks of this machine, side by side: one that runs evenly, and one that people and programs set.
///
/// It turns stamps of the second into times of the first, also when that is set while it is watched.
#[derive(Clone, Debug)]
pub struct Clocks {
    start: Instant,
    /// What the second shows at `start`, in nanoseconds since the Unix epoch: now, and before it was set last.
    epoch: i128,
    before: i128,
    checked: Instant,
    set_by: Option<i128>,
}

impl Clocks {
    /// How often the clocks are compared.
    const CHECK: Duration = Duration::from_millis(50);

    /// What they may differ by from one comparison to the next, in nanoseconds: more means that one was set.
    const TOLERANCE: u128 = 100_000;

    /// A stamp that is further away than this, in nanoseconds, has the clocks compared at once.
    const SUSPICIOUS: u128 = 2_000_000;

    /// Begins at `start`.
    pub fn new(start: Instant) -> Self {
        let epoch = Self::read(start);
        Self {
            start,
            epoch,
            before: epoch,
            checked: start,
            set_by: None,
        }
    }

    /// What the clock that can be set shows at `start`, going by now.
    fn read(start: Instant) -> i128 {
        // The readings are not one: the closest pair of some is taken.
        let pair = |_| {
            let (before, unix, after) = (Instant::now(), unix_nanos(), Instant::now());
            (after - before, unix, before + (after - before) / 2)
        };
        let closest = (0..5).map(pair).min_by_key(|(apart, ..)| *apart);
        closest.map_or(0, |(_, unix, at)| {
            i128::from(unix) - signed_nanos(at, start)
        })
    }

    /// When the watch began, in nanoseconds since the Unix epoch by the clock that can be set, as it is set now.
    pub fn epoch(&self) -> u64 {
        u64::try_from(self.epoch).unwrap_or(0)
    }

    /// The time since the start that this stamp stands for; `near` is a moment not far from it.
    pub fn since_start(&mut self, unix: u64, near: Instant) -> Duration {
        if near.saturating_duration_since(self.checked) > Self::CHECK {
            self.check(near);
        }
        let near_nanos = signed_nanos(near, self.start);
        let mut since = self.nearest(unix, near_nanos);
        if since.abs_diff(near_nanos) > Self::SUSPICIOUS {
            self.check(near);
            since = self.nearest(unix, near_nanos);
        }
        Duration::from_nanos(u64::try_from(since).unwrap_or(0))
    }

    fn nearest(&self, unix: u64, near: i128) -> i128 {
        let (now, before) = (
            i128::from(unix) - self.epoch,
            i128::from(unix) - self.before,
        );
        if now.abs_diff(near) <= before.abs_diff(near) {
            now
        } else {
            before
        }
    }

    fn check(&mut self, now: Instant) {
        self.checked = now;
        let epoch = Self::read(self.start);
        if epoch.abs_diff(self.epoch) > Self::TOLERANCE {
            self.set_by = Some(epoch - self.epoch);
            self.before = self.epoch;
            self.epoch = epoch;
        }
    }

    /// By how much the clock was set, in nanoseconds, if it was since this was asked last.
    pub fn was_set(&mut self) -> Option<i64> {
        let by = self.set_by.take()?;
        Some(i64::try_from(by).unwrap_or(if by < 0 { i64::MIN } else { i64::MAX }))
    }
}

fn signed_nanos(at: Instant, start: Instant) -> i128 {
    let after = at.saturating_duration_since(start).as_nanos() as i128;
    after - start.saturating_duration_since(at).as_nanos() as i128
}

/// Waits for deadlines to the microsecond: it sleeps until shortly before, and spins from there on.
///
/// How shortly before follows from how late this machine wakes threads up: early enough nine times in ten, as long as
/// that takes no more of a core than one part in 64. Where deadlines are closer than that it spins all the time.
#[derive(Clone, Debug)]
pub struct Pacer {
    median: Quantile,
    tail: Quantile,
}

impl Default for Pacer {
    fn default() -> Self {
        wake_precisely();
        Self {
            median: Quantile::new(30, 1, 1),
            tail: Quantile::new(100, 9, 1),
        }
    }
}

impl Pacer {
    /// The part of the time that is spent spinning at the most.
    const SPIN: u32 = 64;

    /// Waits until `due` or until it is time to stop, which is what the answer says.
    pub fn wait_until(&mut self, due: Instant, shutdown: &Shutdown) -> bool {
        let now = Instant::now();
        let spin = due.saturating_duration_since(now) / Self::SPIN;
        let margin = self.tail.value.min(self.median.value + spin);
        let wake = due.checked_sub(margin).unwrap_or(due);
        if now < wake {
            if shutdown.wait_until(wake) {
                return true;
            }
            let late = wake.elapsed();
            self.median.add(late);
            self.tail.add(late);
        }
        while Instant::now() < due {
            std::hint::spin_loop();
        }
        shutdown.is_triggered()
    }
}

/// An estimate of a quantile of times, by steps up and down whose ratio makes it settle there (stochastic approximation;
/// Robbins and Monro, 1951).
#[derive(Clone, Debug)]
struct Quantile {
    value: Duration,
    up: Duration,
    down: Duration,
}

impl Quantile {
    const STEP: Duration = Duration::from_nanos(200);
    const MOST: Duration = Duration::from_micros(200);

    /// A quantile below which `below` times are for each `above` that are above it.
    const fn new(micros: u64, below: u32, above: u32) -> Self {
        Self {
            value: Duration::from_micros(micros),
            up: Self::STEP.saturating_mul(below),
            down: Self::STEP.saturating_mul(above),
        }
    }

    fn add(&mut self, time: Duration) {
        self.value = if time > self.value {
            (self.value + self.up).min(Self::MOST)
        } else {
            self.value.saturating_sub(self.down)
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_become_times_since_the_start() {
        let start = Instant::now();
        let mut clocks = Clocks::new(start);
        let (unix, now) = (unix_nanos(), Instant::now());
        let since = clocks.since_start(unix, now);
        assert!(since.abs_diff(now - start) < Duration::from_millis(5));
        assert_eq!(clocks.was_set(), None);
    }

    #[test]
    fn a_clock_that_was_set_is_noticed() {
        let start = Instant::now();
        let mut clocks = Clocks::new(start);
        let an_hour = 3_600_000_000_000;
        clocks.epoch += an_hour; // as if it had been an hour ahead until now
        let old = (clocks.epoch + 1_000) as u64;
        let near = start + Clocks::CHECK * 2;
        let fresh = (clocks.epoch - an_hour + signed_nanos(near, start)) as u64;
        assert!(clocks.since_start(fresh, near).abs_diff(near - start) < Duration::from_millis(5));
        let by = clocks.was_set().unwrap();
        assert!((i128::from(by) + an_hour).abs() < 1_000_000);
        assert_eq!(clocks.was_set(), None);
        let since = clocks.since_start(old, start);
        assert_eq!(since, Duration::from_nanos(1_000), "a stamp from before");
    }

    #[test]
    fn quantiles_settle() {
        let (mut median, mut tail) = (Quantile::new(30, 1, 1), Quantile::new(30, 9, 1));
        for number in 0..20_000u64 {
            let time = Duration::from_micros(number * 37 % 100);
            median.add(time);
            tail.add(time);
        }
        let near = |value: Duration, micros| {
            value.abs_diff(Duration::from_micros(micros)) < Duration::from_micros(10)
        };
        assert!(
            near(median.value, 50) && near(tail.value, 90),
            "{median:?} {tail:?}"
        );
    }

    #[test]
    fn a_deadline_is_never_missed_early() {
        let (mut pacer, shutdown) = (Pacer::default(), Shutdown::new());
        let start = Instant::now();
        for number in 1..20 {
            let due = start + Duration::from_micros(500) * number;
            assert!(!pacer.wait_until(due, &shutdown));
            assert!(Instant::now() >= due);
        }
        shutdown.trigger();
        assert!(pacer.wait_until(start + Duration::from_secs(3600), &shutdown));
    }
}
