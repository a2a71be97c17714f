//! One way of a flood on one flow: sent, received, counted.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use proto::measure::Histogram;
use proto::measure::flood::{Counts, Phase, Run, State, Train, Way, What};
use runtime::cpu;
use runtime::shutdown::Shutdown;
use runtime::timing::wake_precisely;
use runtime::udp::{Flow, is_no_room};

use super::line::{Heard, Line};
use crate::pump::{Pump, at_once};

/// How often the server is asked how it stands.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A flood from the server that brings nothing for so long has ended.
const SILENCE: Duration = Duration::from_secs(2);

/// Packets that are on their way there and back for so long are given up, and others sent in their place.
const GIVE_UP_AFTER: Duration = Duration::from_millis(250);

/// What is seen of a leg while it runs.
#[derive(Debug, Default)]
pub(super) struct Progress {
    pub(super) sent: AtomicU64,
    pub(super) received: AtomicU64,
}

/// What came of a leg.
#[derive(Clone, Debug)]
pub(super) struct Leg {
    /// Packets sent, and those whose time passed before they were.
    pub(super) sent: u64,
    pub(super) missed: u64,
    /// How long was sent.
    pub(super) sending: Duration,
    /// What was counted where packets ended.
    pub(super) counts: Counts,
    /// The server's word at the end.
    pub(super) state: State,
    /// Processor time of the client's threads.
    pub(super) processor: Option<Duration>,
    /// Whether the client's system cut, and put together, packets.
    pub(super) offload_here: bool,
    pub(super) receives_offloaded: bool,
    /// Round trips of packets, and of orders beside them.
    pub(super) rtts: Histogram,
    pub(super) looks: Histogram,
}

/// What a thread that sends has done.
#[derive(Clone, Copy, Debug, Default)]
struct Sent {
    packets: u64,
    missed: u64,
    time: Duration,
    processor: Option<Duration>,
    offload: bool,
}

/// What one way takes.
pub(super) struct Task<'a> {
    pub(super) run: Run,
    pub(super) in_flight: usize,
    pub(super) progress: &'a Progress,
    pub(super) shutdown: &'a Shutdown,
}

impl Task<'_> {
    /// Carries it out.
    pub(super) fn run(&self, line: &mut Line) -> anyhow::Result<Leg> {
        line.begin(&self.run)?;
        let leg = match (self.run.way, self.run.rate) {
            (Way::There, _) => self.there(line),
            (Way::Back, _) => self.back(line),
            (Way::Echo, None) => self.echo(line),
            (Way::Echo, Some(_)) => self.echo_at_rate(line),
        }?;
        Ok(Leg {
            receives_offloaded: line.receives_offloaded,
            ..leg
        })
    }

    fn there(&self, line: &mut Line) -> anyhow::Result<Leg> {
        let sent = self.beside_sending(line, |line| {
            line.order(What::Look)?;
            line.listen(None)?;
            if let Some(state) = line.state {
                self.progress.received.store(state.counts.received, Relaxed);
            }
            Ok(())
        })?;
        let looks = std::mem::replace(&mut line.looks, Histogram::new());
        let state = line.settle()?;
        Ok(Leg {
            counts: state.counts,
            looks,
            ..leg(sent, state)
        })
    }

    fn back(&self, line: &mut Line) -> anyhow::Result<Leg> {
        wake_precisely();
        let (start, before) = (Instant::now(), cpu::thread_time());
        let mut heard = line.heard(&self.run);
        let (mut looked, mut came) = (start, start);
        line.order(What::Look)?;
        while !self.shutdown.is_triggered() && came.elapsed() < SILENCE {
            if line.listen(Some(&mut heard))? > 0 {
                came = Instant::now();
                self.progress
                    .received
                    .store(heard.counter.counts().received, Relaxed);
            } else if line.state.is_some_and(|state| state.phase == Phase::Ended) {
                break;
            }
            if looked.elapsed() >= LOOK_EVERY {
                looked = Instant::now();
                line.order(What::Look)?;
            }
        }
        let processor = spent(before);
        let looks = std::mem::replace(&mut line.looks, Histogram::new());
        let state = line.settle()?;
        let sent = Sent {
            packets: state.counts.sent,
            missed: state.counts.missed,
            time: self.run.duration.min(start.elapsed()),
            processor,
            offload: false,
        };
        Ok(Leg {
            counts: with_overflows(&heard, line),
            looks,
            ..leg(sent, state)
        })
    }

    /// As many at once as may be in flight; the next follow as these return.
    fn echo(&self, line: &mut Line) -> anyhow::Result<Leg> {
        let (start, before) = (Instant::now(), cpu::thread_time());
        let (mut train, mut heard) = (line.train(&self.run), line.heard(&self.run));
        let mut window = Window::new(self.in_flight, at_once(self.run.size));
        let (until, mut came) = (start + self.run.duration, start);
        loop {
            let returned = heard.counter.counts().next;
            let is_over = Instant::now() >= until || self.shutdown.is_triggered();
            if is_over && window.flying(returned) == 0 {
                break;
            }
            if !is_over && window.has_room(returned) {
                self.send_some(&mut train, &mut window, line)?;
                if window.has_room(returned) {
                    continue;
                }
            }
            if line.listen(Some(&mut heard))? > 0 {
                came = Instant::now();
                let received = heard.counter.counts().received;
                self.progress.received.store(received, Relaxed);
            } else if came.elapsed() > GIVE_UP_AFTER {
                window.give_up();
                came = Instant::now();
            }
        }
        let sent = Sent {
            packets: window.sent,
            missed: 0,
            time: self.run.duration.min(start.elapsed()),
            processor: spent(before),
            offload: line.flow.sends_offloaded(),
        };
        self.returned(line, sent, heard)
    }

    /// Sends as many as the window takes at once.
    fn send_some(
        &self,
        train: &mut Train,
        window: &mut Window,
        line: &mut Line,
    ) -> anyhow::Result<()> {
        let packets = train.load(window.batch, line.now());
        let sent = match line.flow.send(packets, self.run.size.bytes()) {
            Err(error) if is_no_room(&error) => 0,
            sent => sent.map_err(|error| line.explain(error))?,
        };
        train.take_back(window.batch - sent);
        window.sent += sent as u64;
        self.progress.sent.store(window.sent, Relaxed);
        Ok(())
    }

    /// Packets go out at a rate, whether those before have returned or not.
    fn echo_at_rate(&self, line: &mut Line) -> anyhow::Result<Leg> {
        let mut heard = line.heard(&self.run);
        let sent = self.beside_sending(line, |line| {
            line.listen(Some(&mut heard))?;
            let received = heard.counter.counts().received;
            self.progress.received.store(received, Relaxed);
            Ok(())
        })?;
        let mut came = Instant::now();
        while came.elapsed() < GIVE_UP_AFTER && heard.counter.counts().next < sent.packets {
            if line.listen(Some(&mut heard))? > 0 {
                came = Instant::now();
            }
        }
        self.returned(line, sent, heard)
    }

    fn returned(&self, line: &mut Line, sent: Sent, heard: Heard) -> anyhow::Result<Leg> {
        let state = line.settle()?;
        Ok(Leg {
            counts: with_overflows(&heard, line),
            rtts: heard.rtts,
            looks: Histogram::new(),
            ..leg(sent, state)
        })
    }

    /// Sends in a thread of its own; `meanwhile` is done again and again until all is sent.
    fn beside_sending(
        &self,
        line: &mut Line,
        mut meanwhile: impl FnMut(&mut Line) -> anyhow::Result<()>,
    ) -> anyhow::Result<Sent> {
        let (flow, base) = (line.flow.try_clone()?, line.base());
        let start = Instant::now();
        let pump = Pump::new(line.train(&self.run), self.run.size, self.run.rate, start);
        let waits = self.run.way == Way::There;
        let (done, ended) = mpsc::channel();
        thread::scope(|scope| {
            let sending =
                thread::Builder::new()
                    .name("send".into())
                    .spawn_scoped(scope, move || {
                        let sent = self.send(flow, pump, base, start);
                        let _ = done.send(());
                        sent
                    })?;
            loop {
                let wait = if waits { LOOK_EVERY } else { Duration::ZERO };
                match ended.recv_timeout(wait) {
                    Err(RecvTimeoutError::Timeout) => meanwhile(line)?,
                    _ => break,
                }
            }
            let sent = sending.join();
            let sent = sent.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            sent.map_err(|error| line.explain(error))
        })
    }

    fn send(
        &self,
        mut flow: Flow,
        mut pump: Pump,
        base: Instant,
        start: Instant,
    ) -> std::io::Result<Sent> {
        let before = cpu::thread_time();
        let until = start + self.run.duration;
        loop {
            let now = Instant::now();
            if now >= until || self.shutdown.is_triggered() {
                break;
            }
            let stamp = (now - base).as_nanos() as u64;
            pump.send(&mut flow, stamp, until, self.shutdown)?;
            self.progress.sent.store(pump.sent(), Relaxed);
        }
        Ok(Sent {
            packets: pump.sent(),
            missed: pump.missed(),
            time: start.elapsed(),
            processor: spent(before),
            offload: flow.sends_offloaded(),
        })
    }
}

/// Which packets are on their way there and back.
struct Window {
    /// How many there may be, and how many are sent at once: half of them, so that both ends have something to do.
    most: u64,
    batch: usize,
    sent: u64,
    given_up: u64,
}

impl Window {
    fn new(most: usize, at_once: usize) -> Self {
        Self {
            most: most as u64,
            batch: most.div_ceil(2).min(at_once),
            sent: 0,
            given_up: 0,
        }
    }

    /// Packets on their way, where those before number `returned` have returned or are lost.
    fn flying(&self, returned: u64) -> u64 {
        self.sent.saturating_sub(returned.max(self.given_up))
    }

    fn has_room(&self, returned: u64) -> bool {
        self.flying(returned) + self.batch as u64 <= self.most
    }

    /// Nothing returns any more: all are lost.
    fn give_up(&mut self) {
        self.given_up = self.sent;
    }
}

fn spent(before: Option<Duration>) -> Option<Duration> {
    Some(cpu::thread_time()?.saturating_sub(before?))
}

/// What was counted here, and how often the socket had no room.
fn with_overflows(heard: &Heard, line: &Line) -> Counts {
    Counts {
        overflows: u64::from(line.room.overflows().unwrap_or(0)),
        ..heard.counter.counts()
    }
}

fn leg(sent: Sent, state: State) -> Leg {
    Leg {
        sent: sent.packets,
        missed: sent.missed,
        sending: sent.time,
        counts: Counts::default(),
        state,
        processor: sent.processor,
        offload_here: sent.offload,
        receives_offloaded: false,
        rtts: Histogram::new(),
        looks: Histogram::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_filled_as_packets_return() {
        let mut window = Window::new(512, 100);
        for returned in [0, 0, 0, 0, 0, 88, 88] {
            if window.has_room(returned) {
                window.sent += window.batch as u64;
            }
        }
        assert_eq!((window.sent, window.flying(88)), (600, 512));
        window.give_up();
        assert_eq!(window.flying(88), 0);
        // A server may claim what was never sent.
        assert_eq!(window.flying(u64::MAX), 0);
        let smallest = Window::new(1, 256);
        assert!(smallest.batch == 1 && smallest.has_room(0));
    }
}
