//! Looking for the other side again when it is lost.

use std::time::{Duration, Instant};

use proto::filexfer::native::message::Course;
use runtime::cli::Exit;
use runtime::shutdown::Shutdown;
use runtime::units::show_time;

use crate::session::SessionError;
use crate::show::Show;
use crate::transfer::{Summary, TransferError};

/// Why one attempt came to nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// There was no session.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// It ended before its time.
    #[error(transparent)]
    Transfer(#[from] TransferError),
}

impl Failure {
    /// Whether the other side may be back in a moment, where it was there before or not.
    fn may_pass(&self, before: bool) -> bool {
        match self {
            Self::Session(error) => before && error.may_pass(),
            Self::Transfer(error) => matches!(error, TransferError::Lost { .. }),
        }
    }
}

/// When to try again. Time is an argument.
#[derive(Clone, Debug)]
struct Patience {
    all: Duration,
    /// Since when the other side is lost.
    lost: Option<Instant>,
    wait: Duration,
}

impl Patience {
    const FIRST: Duration = Duration::from_millis(500);
    const LONGEST: Duration = Duration::from_secs(5);

    fn new(all: Duration) -> Self {
        Self {
            all,
            lost: None,
            wait: Self::FIRST,
        }
    }

    /// Something was transferred: patience is as it was at first.
    fn renew(&mut self) {
        *self = Self::new(self.all);
    }

    /// When to try again; `None` where it is over.
    fn next(&mut self, now: Instant) -> Option<Instant> {
        let lost = *self.lost.get_or_insert(now);
        let next = now + self.wait;
        self.wait = (self.wait * 3 / 2).min(Self::LONGEST);
        (next <= lost + self.all).then_some(next)
    }
}

/// Whether what was begun can be begun anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// What is there already is not transferred again.
    GoesOn,
    /// What came or went once does not come again: a pipe.
    Once,
}

/// Does it until it is done, or the reason why not is one that stays, or the other side was lost for too long.
pub(crate) fn persist<T>(
    patience: Duration,
    again: Again,
    shutdown: &Shutdown,
    show: &mut Show,
    mut attempt: impl FnMut(&mut Show) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let mut patience = Patience::new(patience);
    let mut was_there = false;
    loop {
        let before = show.come();
        let failure = match attempt(show) {
            Ok(done) => return Ok(done),
            Err(_) if shutdown.is_triggered() => return Err(TransferError::Interrupted.into()),
            Err(failure) => failure,
        };
        show.begin_again();
        was_there |= matches!(failure, Failure::Transfer(_));
        if show.come() > before {
            patience.renew();
        }
        let is_first = patience.lost.is_none();
        let is_lost = again == Again::Once && show.come() > (0, 0);
        if is_lost || !failure.may_pass(was_there) {
            return Err(failure);
        }
        let Some(next) = patience.next(Instant::now()) else {
            return Err(failure);
        };
        if is_first {
            let all = show_time(patience.all);
            show.note(&format!("{failure}; looking for it again for {all}"));
        }
        if shutdown.wait_until(next) {
            return Err(TransferError::Interrupted.into());
        }
    }
}

/// Says how it ended. One that is followed has no end but that one of the sides is told to stop.
pub(crate) fn conclude(show: Show, ended: Result<Summary, Failure>) -> anyhow::Result<Exit> {
    match ended {
        Ok(summary) => {
            if show.course() == Course::Follow {
                show.note("the other side has ended");
            }
            Ok(show.finish(Some(summary.wire)))
        }
        Err(Failure::Transfer(TransferError::Interrupted)) if show.rests() => {
            show.note("stopped between two rounds");
            Ok(show.finish(None))
        }
        Err(failure) => Err(failure.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_has_an_end() {
        let start = Instant::now();
        let mut patience = Patience::new(Duration::from_secs(20));
        let mut now = start;
        let mut waits = Vec::new();
        while let Some(next) = patience.next(now) {
            waits.push((next - now).as_millis());
            now = next;
        }
        assert_eq!(waits, [500, 750, 1125, 1687, 2531, 3796, 5000]);
        assert!(now <= start + Duration::from_secs(20));
        patience.renew();
        assert_eq!(patience.next(now), Some(now + Patience::FIRST));
        assert_eq!(Patience::new(Duration::ZERO).next(now), None);
    }
}
