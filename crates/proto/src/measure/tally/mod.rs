//! The count of a measurement: which probes were answered in time, late, twice or never, where the others were lost, and
//! what the times of the answers say.

mod packet;
mod summary;

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use super::clock::{ClockFit, Fit, RoundTrip};
use super::histogram::Histogram;
use super::jitter::Jitter;
use super::native::{Echo, Left, Report};
pub use packet::{EchoTimes, Record, State};
use packet::{Packet, Settled};
use summary::Ways;
pub use summary::{Bursts, Clocks, JitterSummary, Losses, Recent, Summary, Times};

/// What an answer turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// It came within the time-out; its round-trip time by the program's clock.
    OnTime(Duration),
    /// It came after the time-out; its round-trip time by the program's clock.
    Late(Duration),
    /// The probe had been answered before.
    Duplicate,
    /// No such probe is waited for: it was never sent, or is older than twice the time-out.
    Unknown,
}

/// When an answer came, since the measurement began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Came {
    /// When the program read it.
    pub at: Duration,
    /// When the kernel or the card got it.
    pub stamp: Option<Duration>,
}

/// From the last time at which an answer is on time to the first at which it is overdue.
const JUST_AFTER: Duration = Duration::from_nanos(1);

/// How often the clocks are fitted anew while the measurement runs.
const FIT_EVERY: Duration = Duration::from_secs(1);

/// What clocks may disagree by beyond the error of their fit before a round trip is not believed.
const SLACK: Duration = Duration::from_micros(100);

/// How far beyond its round trips a fit is trusted at the most: this part of the time that they span.
const FIT_REACH: u32 = 8;

/// Whether a round trip can be true by these clocks: one whose stamps are partly from before a clock was set is not.
fn agrees(fit: &Fit, trip: &RoundTrip) -> bool {
    let slack = i128::try_from((fit.bound() + SLACK).as_nanos()).unwrap_or(i128::MAX);
    let length = i128::from(trip.there_ns) + i128::from(trip.back_ns);
    let there = i128::from(trip.there_ns) - i128::from(fit.offset(trip.at));
    (-slack..=length + slack).contains(&there)
}

/// A series of times, and how it varies.
#[derive(Clone, Debug, Default)]
struct Track {
    times: Histogram,
    jitter: Jitter,
}

impl Track {
    fn arrived(&mut self, time: Duration) {
        self.times.record(time);
        self.jitter.arrived(nanos(time));
    }

    fn in_order(&mut self, number: u64, time: Option<Duration>) {
        if let Some(time) = time {
            self.jitter.in_order(number, nanos(time));
        }
    }
}

fn nanos(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}

/// Counts the probes of one measurement. It has no clock: all times are since the measurement began, and those given to
/// one method must not go back.
///
/// Call [`sent`](Self::sent) for each probe in order, [`answered`](Self::answered) (or [`echoed`](Self::echoed) on the
/// native wire) for each answer, and [`overdue`](Self::overdue) whenever time has passed;
/// [`summary`](Self::summary) may be asked for at any time. An answer is *on time* within the time-out, *late* within
/// twice the time-out, and a probe without either is *lost*.
///
/// Memory: about 10 MB, and 150 bytes for each probe of the last two time-outs, of which the latest
/// [`CAPACITY`](Self::CAPACITY) are kept.
#[derive(Clone, Debug)]
pub struct Tally {
    timeout: Duration,
    epoch: u64,
    stamps: bool,
    window: VecDeque<Packet>,
    first: u64,
    checked: u64,
    highest_answered: Option<u64>,
    counts: Counts,
    losses: Losses,
    /// Probes of which it is known how many were lost on which way, but not which, or not any more.
    unplaced: Ways,
    bursts: Bursts,
    application: Track,
    network: Track,
    there: Histogram,
    back: Histogram,
    there_jitter: Jitter,
    back_jitter: Jitter,
    clock: ClockFit,
    fit: Option<(Fit, Duration)>,
    server: ServerTotals,
    dropped_here: u64,
    recent: Recent,
    records: Option<VecDeque<Record>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    answered: u64,
    late: u64,
    duplicates: u64,
    reordered: u64,
    strays: u64,
}

/// What the server says of its sessions; one that was started anew begins a second session.
#[derive(Clone, Copy, Debug, Default)]
struct ServerTotals {
    is_final: bool,
    ended_received: u64,
    ended_emulated: u64,
    ended_duplicates: u64,
    received: u64,
    emulated: u64,
    duplicates: u64,
    restarts: u64,
}

impl Tally {
    /// The most probes that are waited for at once. One more is sent only by giving up the oldest.
    pub const CAPACITY: usize = 1 << 17;

    /// A measurement whose probes are answered on time within `timeout`, that duration included. It began `epoch`
    /// nanoseconds after the Unix epoch by the client's clock, which only the offset to the server's clock depends on.
    pub fn new(timeout: Duration, epoch: u64) -> Self {
        Self {
            timeout,
            epoch,
            stamps: false,
            window: VecDeque::new(),
            first: 0,
            checked: 0,
            highest_answered: None,
            counts: Counts::default(),
            losses: Losses::default(),
            unplaced: Ways::default(),
            bursts: Bursts::default(),
            application: Track::default(),
            network: Track::default(),
            there: Histogram::new(),
            back: Histogram::new(),
            there_jitter: Jitter::new(),
            back_jitter: Jitter::new(),
            clock: ClockFit::new(),
            fit: None,
            server: ServerTotals::default(),
            dropped_here: 0,
            recent: Recent::default(),
            records: None,
        }
    }

    /// Says that every probe is stamped on its way out and every answer when it comes, by the kernel or the card. A
    /// lost probe without a stamp has then not left this machine.
    pub fn expect_stamps(&mut self) {
        self.stamps = true;
    }

    /// Keeps a record of each probe until [`record`](Self::record) takes it.
    pub fn keep_records(&mut self) {
        self.records = Some(VecDeque::new());
    }

    /// The record of the next probe whose fate is sealed: in order of their numbers, after twice the time-out or when
    /// [`finish`](Self::finish) was called.
    pub fn record(&mut self) -> Option<Record> {
        self.records.as_mut()?.pop_front()
    }

    /// The next probe went out at `at`. Its number, from 0, is returned.
    pub fn sent(&mut self, at: Duration) -> u64 {
        if self.window.len() == Self::CAPACITY {
            self.expire_first();
        }
        self.recent.sent += 1;
        self.window.push_back(Packet::new(at));
        self.first + self.window.len() as u64 - 1
    }

    /// The probe did not go out: this machine had no room for it.
    pub fn not_sent(&mut self, number: u64) {
        if let Some(packet) = self.packet(number)
            && packet.state == State::Waiting
        {
            packet.state = State::NotSent;
            self.recent.lost += 1;
        }
    }

    /// The probe truly left at `at`.
    pub fn left(&mut self, number: u64, at: Duration) {
        if let Some(packet) = self.packet(number) {
            packet.left = Some(at);
            self.settle(number);
        }
    }

    fn packet(&mut self, number: u64) -> Option<&mut Packet> {
        let place = number.checked_sub(self.first)?;
        self.window.get_mut(usize::try_from(place).ok()?)
    }

    /// An answer to probe `number` came at `at`. The number is the one that [`sent`](Self::sent) returned.
    pub fn answered(&mut self, number: u64, at: Duration) -> Arrival {
        let came = Came { at, stamp: None };
        self.take(number, came, None)
    }

    /// An answer to probe `number` came from a server that says its times at once, those of leaving included.
    pub fn reflected(&mut self, number: u64, times: EchoTimes, came: Came) -> Arrival {
        self.take(number, came, Some(times))
    }

    /// The server received so many of these probes, by its own count, whichever of them are answered later. Where it is
    /// neither all nor none, it is not known which.
    pub fn counted(&mut self, numbers: Range<u64>, received: u64) {
        let count = numbers.end.saturating_sub(numbers.start);
        let back = received.min(count);
        let (kept, next) = (
            numbers.start.max(self.first),
            self.first + self.window.len() as u64,
        );
        if back > 0 && back < count {
            self.unplaced.there += count - back;
            self.unplaced.back += back;
            return;
        }
        let dropped = kept.min(numbers.end).saturating_sub(numbers.start);
        let way = if back > 0 {
            &mut self.unplaced.back
        } else {
            &mut self.unplaced.there
        };
        *way += dropped;
        for number in kept..numbers.end.min(next) {
            if let Some(packet) = self.packet(number) {
                packet.at_server = Some(back > 0);
            }
        }
    }

    /// The echo of a probe came.
    pub fn echoed(&mut self, echo: &Echo, came: Came) -> Arrival {
        self.server.note(echo);
        let arrival = self.take(echo.number, came, Some(EchoTimes::of(echo)));
        self.note_before(echo);
        if let Some(left) = echo.left {
            self.server_left(left);
        }
        arrival
    }

    fn take(&mut self, number: u64, came: Came, times: Option<EchoTimes>) -> Arrival {
        self.forget(came.at);
        let timeout = self.timeout;
        let Some(packet) = self.packet(number) else {
            self.counts.strays += 1;
            return Arrival::Unknown;
        };
        if packet.is_answered() {
            self.counts.duplicates += 1;
            return Arrival::Duplicate;
        }
        let round_trip = packet.answer(came, times, timeout);
        self.counts.reordered += u64::from(self.highest_answered > Some(number));
        self.highest_answered = self.highest_answered.max(Some(number));
        if round_trip > timeout {
            self.counts.late += 1;
            return Arrival::Late(round_trip);
        }
        self.counts.answered += 1;
        self.application.arrived(round_trip);
        self.recent.answered(round_trip);
        self.settle(number);
        Arrival::OnTime(round_trip)
    }

    /// Takes note of which probes before this one the server had received.
    fn note_before(&mut self, echo: &Echo) {
        for bit in 0..u64::from(u32::BITS) {
            let Some(number) = echo.number.checked_sub(bit + 1) else {
                return;
            };
            let received = echo.before >> bit & 1 == 1;
            if let Some(packet) = self.packet(number)
                && !packet.is_answered()
            {
                packet.at_server = Some(received || packet.at_server == Some(true));
            }
        }
    }

    fn server_left(&mut self, left: Left) {
        if let Some(packet) = self.packet(left.number)
            && let Some(times) = &mut packet.times
        {
            times.left = Some(times.sent.saturating_add(u64::from(left.after)));
            self.settle(left.number);
        }
    }

    /// The server's totals at the end.
    pub fn report(&mut self, report: &Report) {
        self.server.end(report);
        for left in &report.left {
            self.server_left(*left);
        }
    }

    /// So many answers came to this machine and found no room in its buffer, modulo 2³².
    pub fn dropped_here(&mut self, dropped: u32) {
        let more = dropped.wrapping_sub(self.dropped_here as u32);
        self.dropped_here = self.dropped_here.saturating_add(u64::from(more));
    }

    /// The server does not know the session any more; another begins.
    pub fn server_restarted(&mut self) {
        self.server.restart();
    }

    /// Counts the times of a probe once all are known that will be.
    fn settle(&mut self, number: u64) {
        let (stamps, epoch) = (self.stamps, self.epoch);
        let Some(settled) = self
            .packet(number)
            .and_then(|packet| packet.settle(stamps, epoch))
        else {
            return;
        };
        if let Some(network) = settled.network {
            self.network.arrived(network);
            self.recent.network(network);
        }
        self.one_way(number, &settled);
    }

    fn one_way(&mut self, number: u64, settled: &Settled) {
        let trip = &settled.trip;
        if self.clock.add(trip).is_some() {
            self.fit = None;
        }
        let is_old = |(_, at): (Fit, Duration)| {
            let reach = (trip.at / FIT_REACH).min(FIT_EVERY);
            trip.at.saturating_sub(at) >= reach
        };
        if self.fit.is_none_or(is_old) {
            self.fit = self.clock.fit().map(|fit| (fit, trip.at));
        }
        let Some((fit, _)) = self.fit else { return };
        if !agrees(&fit, trip) {
            return;
        }
        let ways = fit.one_way(trip);
        self.there.record(ways.there);
        self.back.record(ways.back);
        // Less the offset, so that the drift of the clocks is not taken for delay; not cut off at 0 as the delays are.
        let offset = fit.offset(trip.at);
        let there = trip.there_ns.saturating_sub(offset);
        let back = trip.back_ns.saturating_add(offset);
        self.there_jitter.arrived(there);
        self.back_jitter.arrived(back);
        if let Some(packet) = self.packet(number) {
            packet.ways = Some((there, back));
        }
    }

    /// Counts what asks for the order in which packets were sent.
    fn in_order(&mut self, number: u64, packet: &Packet) {
        if packet.state == State::OnTime {
            self.application.in_order(number, packet.application());
            self.network.in_order(number, packet.network());
        }
        if let Some((there, back)) = packet.ways {
            self.there_jitter.in_order(number, there);
            self.back_jitter.in_order(number, back);
        }
        self.bursts.add(packet);
    }

    /// The next probe whose time-out has passed unanswered at `now`, once for each; `None` when there is no further.
    ///
    /// Call it until it says `None`. It also drops what is older than twice the time-out: such probes are lost, and an
    /// answer that comes for one of them still is [`Arrival::Unknown`]. Where it is called so seldom that a probe is
    /// that old before it was named overdue, the probe counts as lost and is never named.
    pub fn overdue(&mut self, now: Duration) -> Option<u64> {
        self.forget(now);
        self.checked = self.checked.max(self.first);
        loop {
            let (number, timeout) = (self.checked, self.timeout);
            let packet = self.packet(number)?;
            if packet.state == State::Waiting {
                if now.saturating_sub(packet.sent) <= timeout {
                    return None;
                }
                packet.state = State::Overdue;
                self.checked += 1;
                self.recent.lost += 1;
                return Some(number);
            }
            self.checked += 1;
        }
    }

    /// The earliest time at which [`overdue`](Self::overdue) names another probe, unless its answer comes first.
    pub fn next_overdue(&self) -> Option<Duration> {
        let from = self.checked.saturating_sub(self.first) as usize;
        self.window
            .iter()
            .skip(from)
            .find(|packet| packet.state == State::Waiting)
            .map(|packet| (packet.sent.saturating_add(self.timeout)).saturating_add(JUST_AFTER))
    }

    /// Whether a probe is still within its time-out and unanswered.
    pub fn is_waiting(&self) -> bool {
        self.next_overdue().is_some()
    }

    /// Whether a stamp of an answered probe may still come, from this machine or in a later answer of the server.
    pub fn is_unsettled(&self) -> bool {
        self.window
            .iter()
            .any(|packet| packet.is_answered() && !packet.settled)
    }

    /// Drops from the window what is older than twice the time-out: unanswered by then is lost.
    fn forget(&mut self, now: Duration) {
        while let Some(packet) = self.window.front()
            && now.saturating_sub(packet.sent) > self.timeout.saturating_mul(2)
        {
            self.expire_first();
        }
    }

    fn expire_first(&mut self) {
        if let Some(packet) = self.window.front_mut()
            && packet.state == State::Waiting
        {
            packet.state = State::Overdue;
            self.recent.lost += 1;
        }
        self.drop_first();
    }

    /// Nothing more is waited for: every probe's fate is what is known now.
    pub fn finish(&mut self) {
        while !self.window.is_empty() {
            self.drop_first();
        }
    }

    fn drop_first(&mut self) {
        let Some(packet) = self.window.pop_front() else {
            return;
        };
        match packet.state {
            State::Overdue | State::NotSent => self.losses.add(&packet, self.stamps),
            State::Waiting => self.losses.waiting += 1,
            State::OnTime | State::Late => {}
        }
        self.in_order(self.first, &packet);
        if let Some(records) = &mut self.records {
            records.push_back(Record::of(self.first, &packet));
        }
        self.first += 1;
    }

    /// What is known so far; of the IPDV and the bursts, what [`finish`](Self::finish) or the passing of twice the
    /// time-out has settled. Call [`overdue`](Self::overdue) before, so that what is lost by now counts as lost.
    pub fn summary(&self) -> Summary {
        let count = |state| {
            let packets = self.window.iter().filter(|packet| packet.state == state);
            packets.count() as u64
        };
        let mut losses = self.losses;
        let overdue = self.window.iter().filter(|packet| packet.is_lost());
        overdue.for_each(|packet| losses.add(packet, self.stamps));
        losses.place(self.unplaced);
        let sent = self.first + self.window.len() as u64;
        let lost = losses.lost();
        Summary {
            sent,
            answered: self.counts.answered,
            late: self.counts.late,
            lost,
            waiting: count(State::Waiting) + losses.waiting,
            duplicates: self.counts.duplicates,
            reordered: self.counts.reordered,
            strays: self.counts.strays,
            losses: self.server.split(
                losses,
                self.counts.answered + self.counts.late,
                self.dropped_here,
            ),
            bursts: self.bursts,
            application: Times::of(&self.application.times, &self.application.jitter),
            network: Times::of(&self.network.times, &self.network.jitter),
            there: Times::of(&self.there, &self.there_jitter),
            back: Times::of(&self.back, &self.back_jitter),
            clocks: Clocks::of(&self.clock),
            server_duplicates: self.server.duplicates,
            server_restarts: self.server.restarts,
        }
    }

    /// What happened since this was asked last.
    pub fn recent(&mut self) -> Recent {
        std::mem::take(&mut self.recent)
    }

    /// The round-trip times by the program's clock, and those of the network.
    pub fn histograms(&self) -> (&Histogram, &Histogram) {
        (&self.application.times, &self.network.times)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::SessionId;
    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn every_kind_of_arrival() {
        let mut tally = Tally::new(ms(100), 0);
        for number in 0..5 {
            assert_eq!(tally.sent(ms(10 * number)), number);
        }
        assert_eq!(tally.answered(1, ms(20)), Arrival::OnTime(ms(10)));
        assert_eq!(tally.answered(0, ms(30)), Arrival::OnTime(ms(30)));
        assert_eq!(tally.answered(1, ms(31)), Arrival::Duplicate);
        assert_eq!(tally.answered(9, ms(31)), Arrival::Unknown);
        let next = tally.next_overdue().unwrap();
        assert_eq!(next, ms(120) + Duration::from_nanos(1));
        assert_eq!(tally.overdue(ms(120)), None);
        assert_eq!(tally.overdue(ms(121)), Some(2));
        assert_eq!(tally.overdue(ms(121)), None);
        assert_eq!(tally.answered(2, ms(125)), Arrival::Late(ms(105)));
        assert_eq!(tally.overdue(ms(500)), None, "3 and 4 are past being late");
        assert_eq!(tally.answered(3, ms(500)), Arrival::Unknown);
        let summary = tally.summary();
        assert_eq!(
            (summary.sent, summary.answered, summary.late, summary.lost),
            (5, 2, 1, 2)
        );
        assert_eq!((summary.duplicates, summary.reordered), (1, 1));
        assert_eq!((summary.waiting, summary.strays), (0, 2));
        assert_eq!(summary.loss_percent(), 40.0);
        assert_eq!((summary.bursts.count, summary.bursts.longest), (1, 2));
        assert!(!tally.is_waiting());
    }

    #[test]
    fn what_still_waits_is_not_lost() {
        let mut tally = Tally::new(ms(100), 0);
        for number in 0..4 {
            tally.sent(ms(50 * number));
        }
        assert_eq!(tally.overdue(ms(101)), Some(0));
        for finished in [false, true] {
            if finished {
                tally.finish();
            }
            let summary = tally.summary();
            assert_eq!((summary.lost, summary.waiting), (1, 3));
            assert_eq!(summary.loss_percent(), 100.0);
        }
    }

    #[test]
    fn a_measurement_without_probes_has_no_figures() {
        let summary = Tally::new(ms(1), 0).summary();
        assert_eq!((summary.sent, summary.application), (0, None));
        assert_eq!(
            (summary.loss_percent(), summary.loss_interval()),
            (0.0, None)
        );
    }

    /// A server that says its times at once and counts what it receives.
    fn reflected(tally: &mut Tally, number: u64) {
        let sent = us(1000 * number + 3);
        tally.left(number, sent);
        let received = EPOCH + AHEAD + (sent + us(30)).as_nanos() as u64;
        let times = EchoTimes {
            received,
            received_by_kernel: true,
            sent: received + 7_000,
            tells_left: false,
            left: Some(received + 7_000),
            service: None,
        };
        let stamp = sent + us(67);
        let came = Came {
            at: stamp + us(40),
            stamp: Some(stamp),
        };
        let arrival = tally.reflected(number, times, came);
        assert_eq!(arrival, Arrival::OnTime(us(110)));
    }

    #[test]
    fn a_server_that_counts_places_what_is_lost() {
        let mut tally = Tally::new(ms(100), EPOCH);
        tally.expect_stamps();
        for number in 0..20 {
            tally.sent(ms(number));
            tally.left(number, us(1000 * number + 3));
        }
        for number in [0, 4, 6, 12, 17] {
            reflected(&mut tally, number);
        }
        tally.counted(1..4, 0);
        tally.counted(5..6, 1);
        tally.counted(7..12, 2);
        while tally.overdue(ms(300)).is_some() {}
        tally.counted(13..17, 4); // all are given up by now
        tally.finish();
        let summary = tally.summary();
        let Losses {
            there,
            back,
            unknown,
            ..
        } = summary.losses;
        assert_eq!((there, back, unknown), (3 + 3, 1 + 2 + 4, 2), "{summary:?}");
        let network = summary.network.unwrap().distribution;
        assert_eq!((network.count, network.min), (5, us(60)));
        assert!(summary.there.is_some() && summary.back.is_some());
    }

    /// A server whose clock is 5 s ahead, 30 µs away, and that keeps each probe for 7 µs.
    const EPOCH: u64 = 1_000_000_000_000;
    const AHEAD: u64 = 5_000_000_000;

    fn us(micros: u64) -> Duration {
        Duration::from_micros(micros)
    }

    fn echo(number: u64, sent: Duration) -> Echo {
        let received = EPOCH + AHEAD + (sent + us(30)).as_nanos() as u64;
        Echo {
            session: SessionId(1),
            number,
            received,
            received_by_kernel: true,
            sent: received + 5_000,
            tells_left: true,
            left: number.checked_sub(1).map(|number| Left {
                number,
                after: 2_000,
            }),
            service: None,
            count: number as u32 + 1,
            emulated: 0,
            before: u32::MAX,
        }
    }

    /// The program sends 3 µs before the probe leaves and reads 40 µs after the echo has come.
    fn exchange(tally: &mut Tally, number: u64, answered: bool) -> Echo {
        let sent = ms(number);
        assert_eq!(tally.sent(sent), number);
        let left = sent + us(3);
        tally.left(number, left);
        let echo = echo(number, left);
        if answered {
            let stamp = left + us(30 + 7 + 30);
            let came = Came {
                at: stamp + us(40),
                stamp: Some(stamp),
            };
            assert_eq!(tally.echoed(&echo, came), Arrival::OnTime(us(110)));
        }
        echo
    }

    #[test]
    fn the_network_is_told_from_the_programs() {
        let mut tally = Tally::new(ms(100), EPOCH);
        tally.expect_stamps();
        for number in 0..100 {
            exchange(&mut tally, number, true);
        }
        assert_eq!(tally.summary().network.unwrap().distribution.count, 99);
        let left = Left {
            number: 99,
            after: 2_000,
        };
        tally.report(&Report {
            received: 100,
            left: vec![left],
            ..Report::default()
        });
        tally.finish();
        let summary = tally.summary();
        let (application, network) = (summary.application.unwrap(), summary.network.unwrap());
        assert_eq!(
            (application.distribution.min, application.distribution.max),
            (us(110), us(110))
        );
        assert_eq!(
            (network.distribution.min, network.distribution.max),
            (us(60), us(60))
        );
        assert_eq!(network.distribution.count, 100);
        let clocks = summary.clocks.unwrap();
        let ways = [summary.there.unwrap(), summary.back.unwrap()];
        for way in ways.map(|way| way.distribution.median) {
            assert!(way.abs_diff(us(30)) <= clocks.fit.bound(), "{way:?}");
        }
        let offset = clocks.fit.offset(ms(50)) as u64;
        assert!(offset.abs_diff(AHEAD) <= clocks.fit.bound().as_nanos() as u64);
        assert_eq!(network.jitter.ipdv.unwrap().max, us(0));
    }

    #[test]
    fn losses_have_a_place() {
        let mut tally = Tally::new(ms(10), EPOCH);
        tally.expect_stamps();
        exchange(&mut tally, 0, true);
        tally.sent(ms(1)); // 1 never leaves
        tally.sent(ms(2));
        tally.not_sent(2);
        for number in 3..6 {
            tally.sent(ms(number));
            tally.left(number, ms(number));
        }
        // Of 3, 4 and 5 the server got 4 and 5, and its emulation lost 5.
        let mut last = exchange(&mut tally, 6, false);
        (last.before, last.count, last.emulated) = (0b100_0011, 4, 1);
        let came = Came {
            at: ms(7),
            stamp: Some(ms(7)),
        };
        tally.echoed(&last, came);
        while tally.overdue(ms(100)).is_some() {}
        let losses = tally.summary().losses;
        let places = (losses.local, losses.there, losses.emulated, losses.back);
        assert_eq!((places, losses.unknown), ((2, 1, 1, 1), 0));
    }

    #[test]
    fn totals_say_where_those_were_lost_of_which_no_echo_spoke() {
        let mut tally = Tally::new(ms(10), EPOCH);
        exchange(&mut tally, 0, true);
        for number in 1..6 {
            tally.sent(ms(number));
        }
        while tally.overdue(ms(16)).is_some() {}
        assert_eq!(tally.summary().losses.unknown, 5);
        tally.report(&Report {
            received: 4,
            emulated: 2,
            ..Report::default()
        });
        let losses = tally.summary().losses;
        assert_eq!((losses.there, losses.back, losses.emulated), (2, 1, 2));
    }

    #[test]
    fn records_come_in_order() {
        let mut tally = Tally::new(ms(10), EPOCH);
        tally.keep_records();
        for number in 0..4 {
            exchange(&mut tally, number, number != 2);
        }
        assert_eq!(tally.record(), None);
        tally.finish();
        let records: Vec<_> = std::iter::from_fn(|| tally.record()).collect();
        assert_eq!(
            records
                .iter()
                .map(|record| record.number)
                .collect::<Vec<_>>(),
            [0, 1, 2, 3]
        );
        assert_eq!(records[0].network, Some(us(60)));
        assert_eq!(
            (records[2].state, records[2].at_server),
            (State::Waiting, Some(true))
        );
        assert_eq!(records[3].application(), Some(us(110)));
    }

    proptest! {
        /// Whatever happens in whatever order, each probe is counted exactly once.
        #[test]
        fn nothing_is_lost_in_the_count(steps in proptest::collection::vec((0u8..6, 0u64..40, 0u64..60), 0..200)) {
            let mut tally = Tally::new(ms(100), 0);
            tally.keep_records();
            let mut now = ms(0);
            let mut sent = 0;
            for (step, number, passes) in steps {
                now += ms(passes);
                match step {
                    0 => { prop_assert_eq!(tally.sent(now), sent); sent += 1; }
                    1 => { tally.answered(number, now); }
                    2 => { tally.echoed(&echo(number, now), Came { at: now, stamp: None }); }
                    3 => tally.left(number, now),
                    4 => tally.not_sent(number),
                    _ => while tally.overdue(now).is_some() {},
                }
            }
            for finished in [false, true] {
                if finished { tally.finish(); }
                let summary = tally.summary();
                prop_assert_eq!(summary.sent, sent);
                let decided = summary.answered + summary.late + summary.lost;
                prop_assert_eq!(decided + summary.waiting, sent);
                prop_assert_eq!(summary.losses.lost(), summary.lost);
            }
            prop_assert_eq!(std::iter::from_fn(|| tally.record()).count() as u64, sent);
        }
    }
}
