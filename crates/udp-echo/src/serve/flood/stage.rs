//! The thread of one flood: it receives and counts, returns, or sends.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proto::measure::flood::{self, Called, Counts, Host, Order, Phase, Run, Way};
use runtime::cpu;
use runtime::limit::Meter;
use runtime::shutdown::Shutdown;
use runtime::timing::{unix_nanos, wake_precisely};
use runtime::udp::{Flow, Room, is_no_room};

use super::super::measured::Measured;
use crate::pump::{self, Pump};

/// A flood whose client has not been heard for so long is over; one that is sent to him stops sooner.
const SILENCE: Duration = Duration::from_secs(5);
const SILENCE_OF_RECEIVER: Duration = Duration::from_millis(1500);

/// How often a thread that sends looks for orders.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// A server sends for no longer than this on one order.
const LONGEST: Duration = Duration::from_hours(1);

/// What a client is granted.
pub(super) struct Terms {
    /// Whether a flood is sent to him.
    pub(super) sends: bool,
    /// How fast he may send.
    pub(super) meter: Option<Meter>,
    pub(super) shutdown: Shutdown,
    pub(super) measured: Arc<Measured>,
}

pub(super) struct Stage {
    flow: Flow,
    room: Room,
    host: Host,
    terms: Terms,
    /// Whether single packets that are only counted are let gather.
    gathers: bool,
    /// Packets that go back, one behind the other, and the size of each.
    back: Vec<u8>,
    size: usize,
    sending: Option<Sending>,
    /// When the client was heard last.
    heard: Instant,
    /// Processor time and overflows when the run began.
    before: (Duration, u32),
    overflows: u32,
    /// What the server's own counts have of this run.
    told: Counts,
    has_ended: bool,
}

/// A flood that is sent.
struct Sending {
    pump: Pump,
    until: Instant,
    looked: Instant,
}

impl Stage {
    pub(super) fn new(flow: Flow, host: Host, terms: Terms) -> Self {
        Self {
            flow,
            room: Room::new(flood::SIZE, false),
            host,
            terms,
            gathers: false,
            back: Vec::new(),
            size: flood::SIZE,
            sending: None,
            heard: Instant::now(),
            before: (Duration::ZERO, 0),
            overflows: 0,
            told: Counts::default(),
            has_ended: false,
        }
    }

    /// Serves until the client has ended it or is silent.
    pub(super) fn run(mut self) {
        wake_precisely();
        while !self.has_ended && !self.terms.shutdown.is_triggered() {
            let done = match self.sending.take() {
                Some(sending) => self.send(sending),
                None => self.receive(),
            };
            if let Err(error) = done {
                // The client's system says that nobody listens there any more.
                tracing::debug!(%error, "a flood ends");
                return;
            }
        }
    }

    fn receive(&mut self) -> io::Result<()> {
        let bundles = match self.gathers {
            true => self.room.gather(&self.flow)?,
            false => self.room.receive(&self.flow)?,
        };
        self.take(bundles)?;
        self.has_ended |= self.heard.elapsed() > SILENCE;
        Ok(())
    }

    /// Handles what was received.
    fn take(&mut self, bundles: usize) -> io::Result<()> {
        if bundles == 0 {
            return Ok(());
        }
        let (now, unix) = (Instant::now(), unix_nanos());
        self.overflows = self.room.overflows().unwrap_or(self.overflows);
        let (mut has_counted, mut orders) = (false, Vec::new());
        for place in 0..bundles {
            let Some(bundle) = self.room.get(place) else {
                continue;
            };
            for packet in bundle.packets.chunks_mut(bundle.size) {
                // An order may end the run that the packets beside it belong to: they are counted first.
                if flood::is_order(packet) {
                    orders.push(packet.to_vec());
                    continue;
                }
                if let Some(meter) = &mut self.terms.meter
                    && !meter.allows(now)
                {
                    over_rate(&mut self.host);
                    continue;
                }
                match self.host.take(packet) {
                    Called::Counted => has_counted = true,
                    Called::Return => {
                        has_counted = true;
                        self.host.turn(packet);
                        self.back.extend_from_slice(packet);
                    }
                    _ => {}
                }
            }
        }
        if has_counted {
            self.heard = now;
            self.host.came(unix);
            self.send_back()?;
            self.account();
        }
        for order in orders {
            let called = self.host.take(&order);
            self.obey(called, now)?;
        }
        Ok(())
    }

    /// Adds what happened since the last time to the server's own counts.
    fn account(&mut self) {
        let (floods, told) = (&self.terms.measured.floods, &mut self.told);
        let Some((now, _)) = self.host.beside() else {
            return;
        };
        floods.received.add(now.received - told.received);
        floods.received_bytes.add(now.bytes - told.bytes);
        let sent = now.sent - told.sent;
        floods.sent.add(sent);
        floods.sent_bytes.add(sent * self.size as u64);
        *told = *now;
    }

    fn send_back(&mut self) -> io::Result<()> {
        let mut left = &self.back[..];
        while !left.is_empty() {
            let sent = match self.flow.send(left, self.size) {
                Err(error) if is_no_room(&error) => break,
                sent => sent?,
            };
            left = left.get(sent * self.size..).unwrap_or_default();
            if let Some((counts, _)) = self.host.beside() {
                counts.sent += sent as u64;
            }
        }
        self.back.clear();
        Ok(())
    }

    fn obey(&mut self, called: Called, now: Instant) -> io::Result<()> {
        if called != Called::Nothing {
            self.heard = now;
        }
        match called {
            Called::Begin(order, run) if run.way == Way::Back && !self.terms.sends => {
                self.host.end();
                self.tell(&order, Some(Phase::Refused))
            }
            Called::Begin(order, run) => {
                self.begin(&run, now);
                self.tell(&order, None)
            }
            Called::Tell(order) => self.tell(&order, None),
            Called::End(order) => {
                self.has_ended = true;
                self.tell(&order, None)
            }
            Called::Nothing | Called::Counted | Called::Return => Ok(()),
        }
    }

    fn begin(&mut self, run: &Run, now: Instant) {
        self.size = run.size.bytes();
        let offload = flood::Offload {
            send: run.way != Way::There
                && self
                    .flow
                    .set_send_offload(run.offload.send.then_some(self.size)),
            receive: self.flow.set_receive_offload(run.offload.receive),
        };
        self.room = Room::new(self.size.max(flood::SIZE), offload.receive);
        self.gathers = run.way == Way::There && !offload.receive;
        self.before = (processor(), self.overflows);
        self.told = Counts::default();
        if let Some((_, used)) = self.host.beside() {
            *used = offload;
        }
        let sending = |train| Sending {
            pump: Pump::new(train, run.size, run.rate, now),
            until: now + run.duration.min(LONGEST),
            looked: now,
        };
        let train = self
            .host
            .train(pump::at_once(run.size))
            .filter(|_| run.way == Way::Back);
        self.sending = train.map(sending);
    }

    fn tell(&mut self, order: &Order, phase: Option<Phase>) -> io::Result<()> {
        let (processor, overflows) = (processor(), self.overflows);
        if let Some((counts, _)) = self.host.beside() {
            let spent = processor.saturating_sub(self.before.0);
            counts.processor = spent.as_nanos() as u64;
            counts.overflows = u64::from(overflows.wrapping_sub(self.before.1));
        }
        let mut state = self.host.state(order);
        state.phase = phase.unwrap_or(state.phase);
        let mut packet = Vec::new();
        self.host.encode(&state, &mut packet);
        match self.flow.send(&packet, packet.len()) {
            Err(error) if !is_no_room(&error) => Err(error),
            _ => Ok(()),
        }
    }

    /// Sends what is due, or waits until something is.
    fn send(&mut self, mut sending: Sending) -> io::Result<()> {
        let now = Instant::now();
        if now.saturating_duration_since(sending.looked) > LOOK_EVERY {
            sending.looked = now;
            let bundles = self.room.poll(&self.flow)?;
            self.take(bundles)?;
            if self.sending.is_some() {
                return Ok(()); // another one began
            }
        }
        let is_silent = now.saturating_duration_since(self.heard) > SILENCE_OF_RECEIVER;
        if now >= sending.until || is_silent {
            self.host.end();
            return Ok(());
        }
        let wait = sending.until.min(now + LOOK_EVERY);
        let shutdown = &self.terms.shutdown;
        let pump = &mut sending.pump;
        pump.send(&mut self.flow, unix_nanos(), wait, shutdown)?;
        if let Some((counts, _)) = self.host.beside() {
            (counts.sent, counts.missed) = (pump.sent(), pump.missed());
        }
        self.account();
        self.sending = Some(sending);
        Ok(())
    }
}

fn over_rate(host: &mut Host) {
    if let Some((counts, _)) = host.beside() {
        counts.over_rate += 1;
    }
}

/// The processor time of this thread.
fn processor() -> Duration {
    cpu::thread_time().unwrap_or_default()
}
