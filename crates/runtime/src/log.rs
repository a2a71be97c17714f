//! Log lines on standard error, and keeping a flood of events from becoming a flood of lines.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use clap::Args;
use tracing_subscriber::EnvFilter;

/// How much a program says on standard error.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct Verbosity {
    /// Log more (-v debug, -vv trace)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    /// Log only warnings and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
}

impl Verbosity {
    /// Whether only warnings and errors are asked for.
    pub fn is_quiet(self) -> bool {
        self.quiet
    }

    /// Whether more is asked for than usual.
    pub fn is_verbose(self) -> bool {
        self.verbose > 0
    }

    /// Sets the log up for the whole process: to standard error, `RUST_LOG` taking precedence where it is set. Further
    /// calls do nothing.
    pub fn start_log(self) {
        self.start_log_without(&[]);
    }

    /// The same without what these libraries say, by the names of their crates, but for `-vv`: what they say of each
    /// message is of use to those alone who want all.
    pub fn start_log_without(self, libraries: &[&str]) {
        let level = match (self.quiet, self.verbose) {
            (true, _) => "warn",
            (_, 0) => "info",
            (_, 1) => "debug",
            _ => "trace",
        };
        let muted = libraries.iter().filter(|_| self.verbose < 2);
        let muted: String = muted.map(|library| format!(",{library}=off")).collect();
        let filter = EnvFilter::try_from_default_env()
            .unwrap_or_else(|_| EnvFilter::new(format!("{level}{muted}")));
        let log = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_target(false)
            // Where standard error is gone there is nowhere to say so, and trying would end the thread.
            .log_internal_errors(false)
            .with_ansi(std::io::stderr().is_terminal())
            .with_writer(std::io::stderr);
        if log.try_init().is_err() {
            tracing::debug!("the log was set up before");
        }
    }
}

/// Lets through a few events of a kind each second and counts the others, so that a peer cannot fill a disk.
///
/// ```
/// # use std::time::Instant;
/// # use runtime::log::Throttle;
/// let mut refused = Throttle::default();
/// if refused.admits(Instant::now()) {
///     tracing::warn!(unlogged = refused.unlogged(), "refused");
/// }
/// ```
#[derive(Debug, Default)]
pub struct Throttle {
    second: Option<Instant>,
    logged: u32,
    unlogged: u64,
}

impl Throttle {
    const PER_SECOND: u32 = 5;

    /// Whether to log this event.
    pub fn admits(&mut self, now: Instant) -> bool {
        let running = self
            .second
            .is_some_and(|start| now.saturating_duration_since(start) < Duration::from_secs(1));
        if !running {
            self.second = Some(now);
            self.logged = 0;
        }
        if self.logged == Self::PER_SECOND {
            self.unlogged += 1;
            return false;
        }
        self.logged += 1;
        true
    }

    /// How many events went unlogged since this was last asked; `None` if all were logged.
    pub fn unlogged(&mut self) -> Option<u64> {
        match std::mem::take(&mut self.unlogged) {
            0 => None,
            unlogged => Some(unlogged),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_events_is_a_trickle_of_lines() {
        let start = Instant::now();
        let mut throttle = Throttle::default();
        let lines = (0..1000).filter(|_| throttle.admits(start)).count();
        assert_eq!((lines, throttle.unlogged()), (5, Some(995)));
        assert!(throttle.admits(start + Duration::from_secs(1)));
        assert_eq!(throttle.unlogged(), None);
    }
}
