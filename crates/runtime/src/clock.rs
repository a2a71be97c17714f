//! The time as the clock on a person's wall shows it.

use std::fmt;

use jiff::Zoned;

/// A time of the day, where the person is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeOfDay {
    hour: i8,
    minute: i8,
}

impl TimeOfDay {
    /// It is now; in UTC where the system does not say which zone this is.
    pub fn now() -> Self {
        let now = Zoned::now();
        Self {
            hour: now.hour(),
            minute: now.minute(),
        }
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.hour, self.minute)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_four_digits() {
        let time = TimeOfDay { hour: 7, minute: 5 };
        assert_eq!(time.to_string(), "07:05");
        assert_eq!(TimeOfDay::now().to_string().len(), 5);
    }
}
