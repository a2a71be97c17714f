//! The time as the clock on a person's wall shows it.

use std::fmt;
use std::time::Duration;

use jiff::Zoned;
use jiff::civil::Date;

/// A time of the day, where the person is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeOfDay {
    hour: i8,
    minute: i8,
}

impl TimeOfDay {
    /// It is now; in UTC where the system does not say which zone this is.
    pub fn now() -> Self {
        Self::of(&Zoned::now())
    }

    fn of(moment: &Zoned) -> Self {
        Self {
            hour: moment.hour(),
            minute: moment.minute(),
        }
    }
}

/// A moment of the past: its time of the day, and its day where that is not today.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Past {
    day: Option<Date>,
    time: TimeOfDay,
}

impl Past {
    /// So long ago; now, where the calendar does not go back that far.
    pub fn ago(time: Duration) -> Self {
        let now = Zoned::now();
        let then = now.checked_sub(time).unwrap_or_else(|_| now.clone());
        Self::seen_from(&now, &then)
    }

    fn seen_from(now: &Zoned, then: &Zoned) -> Self {
        Self {
            day: (then.date() != now.date()).then(|| then.date()),
            time: TimeOfDay::of(then),
        }
    }
}

impl fmt::Display for Past {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(day) = self.day {
            write!(f, "{day} ")?;
        }
        self.time.fmt(f)
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.hour, self.minute)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use jiff::tz::TimeZone;

    use super::*;

    #[test]
    fn it_has_four_digits() {
        let time = TimeOfDay { hour: 7, minute: 5 };
        assert_eq!(time.to_string(), "07:05");
        assert_eq!(TimeOfDay::now().to_string().len(), 5);
    }

    #[test]
    fn another_day_is_named() {
        let at = |day, hour, minute| {
            let moment = date(2026, 11, day).at(hour, minute, 0, 0);
            moment.to_zoned(TimeZone::UTC).unwrap()
        };
        let now = at(22, 0, 30);
        for (then, shown) in [
            (at(22, 0, 5), "00:05"),
            (at(21, 23, 59), "2026-11-21 23:59"),
        ] {
            assert_eq!(Past::seen_from(&now, &then).to_string(), shown);
        }
        assert_eq!(
            Past::ago(Duration::from_secs(200_000)).to_string().len(),
            16
        );
        assert_eq!(Past::ago(Duration::MAX).to_string().len(), 5);
    }
}
