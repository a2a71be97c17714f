//! When packets are due.

use std::time::Duration;

use proto::measure::Falling;

/// When packets are due, and when there are enough of them.
#[derive(Clone, Debug)]
pub(crate) enum Schedule {
    /// One every interval, from 0 on.
    Even { interval: Duration, limit: Limit },
    /// Each as soon as the one before is answered or given up.
    BackToBack { limit: Limit },
    /// The interval falls.
    Falling(Falling),
}

/// When to stop. A measurement without a limit goes on until it is told to stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Limit {
    /// The most packets, missed slots included.
    pub(crate) count: Option<u64>,
    /// No packet is due at this time or later.
    pub(crate) time: Option<Duration>,
}

/// A moment at which a packet is due, and how long after it the next one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) due: Duration,
    pub(crate) interval: Duration,
}

impl Limit {
    pub(crate) fn allows(&self, number: u64, due: Duration) -> bool {
        self.count.is_none_or(|count| number < count) && self.time.is_none_or(|time| due < time)
    }
}

impl Schedule {
    /// The slots in order. Back to back there are none: each packet follows from the one before.
    pub(crate) fn slots(&self) -> Box<dyn Iterator<Item = Slot> + Send + '_> {
        match self {
            Self::BackToBack { .. } => Box::new(std::iter::empty()),
            Self::Even { interval, limit } => {
                let (interval, limit) = (*interval, *limit);
                let slot = move |number: u64| {
                    let nanos = interval.as_nanos().saturating_mul(number.into());
                    let due = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
                    limit.allows(number, due).then_some(Slot { due, interval })
                };
                Box::new((0..).map_while(slot))
            }
            Self::Falling(falling) => {
                let slots = falling.slots();
                Box::new(slots.map(|slot| Slot {
                    due: slot.due,
                    interval: slot.interval,
                }))
            }
        }
    }

    /// The packets that were asked for, where their number is known.
    pub(crate) fn count(&self) -> Option<u64> {
        match self {
            Self::BackToBack { limit } => limit.count,
            Self::Falling(falling) => Some(falling.total()),
            Self::Even { interval, limit } => {
                let in_time = limit.time.map(|time| {
                    let slots = time.as_nanos().div_ceil(interval.as_nanos().max(1));
                    u64::try_from(slots).unwrap_or(u64::MAX)
                });
                match (limit.count, in_time) {
                    (Some(count), Some(in_time)) => Some(count.min(in_time)),
                    (count, in_time) => count.or(in_time),
                }
            }
        }
    }

    /// The interval, where there is one.
    pub(crate) fn interval(&self) -> Option<Duration> {
        match self {
            Self::Even { interval, .. } => Some(*interval),
            Self::BackToBack { .. } | Self::Falling(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dues(count: Option<u64>, time: Option<u64>) -> (Vec<u64>, Option<u64>) {
        let limit = Limit {
            count,
            time: time.map(Duration::from_millis),
        };
        let interval = Duration::from_millis(10);
        let schedule = Schedule::Even { interval, limit };
        let dues = schedule.slots().take(5);
        let dues = dues.map(|slot| slot.due.as_millis() as u64).collect();
        (dues, schedule.count())
    }

    #[test]
    fn whichever_limit_is_reached_first_ends_it() {
        assert_eq!(dues(Some(3), None), (vec![0, 10, 20], Some(3)));
        assert_eq!(dues(None, Some(20)), (vec![0, 10], Some(2)));
        assert_eq!(dues(None, Some(21)), (vec![0, 10, 20], Some(3)));
        assert_eq!(dues(Some(2), Some(1000)), (vec![0, 10], Some(2)));
        assert_eq!(dues(None, None), (vec![0, 10, 20, 30, 40], None));
    }
}
