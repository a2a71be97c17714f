//! How far a server's clock is from the client's, and how fast it runs away, from nothing but round trips.
//!
//! Half of a round trip says nothing about either way: paths are not symmetric. But no way takes less than no time, so
//! each round trip holds the offset between two limits, and the offset of clocks that run evenly is a line within the
//! limits of all round trips. [`ClockFit`] keeps the tightest limits, [`Fit`] is the line in the middle of the widest gap
//! between them, with the largest error that it can have.

use std::time::Duration;

use super::histogram::{nanos, time};

/// A drift of one part in this many is the most that two clocks are taken to have: 1,000 ppm. A clock under NTP is
/// slewed by 500 ppm at most (RFC 5905, MAXFREQ), and there are two.
const MAX_DRIFT_PART: i128 = 1_000;
const MAX_DRIFT: f64 = 1.0 / MAX_DRIFT_PART as f64;

/// What clocks that are read in coarse steps may contradict each other by without a step: 100 µs.
const STEP_TOLERANCE: i128 = 100_000;

/// One packet's way to the server and back, by two clocks that do not agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoundTrip {
    /// When the client sent the packet, by its clock, since the measurement began.
    pub at: Duration,
    /// How long the server kept the packet, by its clock.
    pub stay: Duration,
    /// The server's time of reception less the client's time of sending, in nanoseconds: the way there and the offset.
    pub there_ns: i64,
    /// The client's time of reception less the server's time of sending, in nanoseconds: the way back less the offset.
    pub back_ns: i64,
}

impl RoundTrip {
    /// How long the packet was under way at most, in nanoseconds, without its stay: the clocks drift apart during
    /// that. It is below zero only where a clock stepped or lied.
    fn longest(&self) -> i128 {
        let length = i128::from(self.there_ns) + i128::from(self.back_ns);
        length + drift(nanos(self.stay))
    }

    /// How far the clocks can drift apart on either way.
    fn slack(&self) -> i128 {
        self.longest().max(0) / MAX_DRIFT_PART
    }

    /// What the offset cannot be above when the packet was sent, since the way there takes some time.
    fn upper(&self) -> Limit {
        Limit {
            at: nanos(self.at),
            offset: saturate(i128::from(self.there_ns) + self.slack()),
        }
    }

    /// What the offset cannot be below when the packet had stayed at the server, since the way back takes some time.
    fn lower(&self) -> Limit {
        Limit {
            at: nanos(self.at.saturating_add(self.stay)),
            offset: saturate(-i128::from(self.back_ns) - self.slack()),
        }
    }

    /// The step of the server's clock between an earlier round trip and this one in nanoseconds, above zero where it
    /// went forward; `None` where no step is needed to explain the two.
    ///
    /// A step is certain where the two hold the offset between limits that exclude each other by more than the clocks
    /// can drift apart meanwhile (1,000 ppm) and 100 µs. That is where `there_ns` rose by more than this round trip,
    /// or fell by more than the earlier one.
    pub fn step_since(&self, earlier: &Self) -> Option<i64> {
        Limits::of(earlier).step(self)
    }
}

/// The limits that all round trips so far leave to the offset at a moment, as far as the clocks can drift.
#[derive(Clone, Copy, Debug)]
struct Limits {
    at: u64,
    lower: i128,
    upper: i128,
}

impl Limits {
    fn of(round_trip: &RoundTrip) -> Self {
        let (lower, upper) = (round_trip.lower(), round_trip.upper());
        Self {
            at: upper.at,
            lower: i128::from(lower.offset) - drift(lower.at - upper.at),
            upper: i128::from(upper.offset),
        }
    }

    /// The same limits at another moment, sooner or later: wider by the drift.
    fn moved(self, at: u64) -> Self {
        let drift = drift(at.abs_diff(self.at));
        Self {
            at,
            lower: self.lower - drift,
            upper: self.upper + drift,
        }
    }

    fn step(&self, round_trip: &RoundTrip) -> Option<i64> {
        let this = Self::of(round_trip);
        let before = self.moved(this.at);
        let too_high = this.lower - before.upper > STEP_TOLERANCE;
        let too_low = before.lower - this.upper > STEP_TOLERANCE;
        (too_high || too_low).then(|| saturate(this.middle() - before.middle()))
    }

    fn middle(&self) -> i128 {
        (self.lower + self.upper) / 2
    }

    /// Both limits, at the later of the two moments.
    fn narrowed(self, other: Self) -> Self {
        let at = self.at.max(other.at);
        let (here, there) = (self.moved(at), other.moved(at));
        Self {
            at,
            lower: here.lower.max(there.lower),
            upper: here.upper.min(there.upper),
        }
    }
}

/// How far the clocks can drift apart in this time, both in nanoseconds.
fn drift(elapsed: u64) -> i128 {
    i128::from(elapsed) / MAX_DRIFT_PART
}

fn saturate(nanos: i128) -> i64 {
    nanos.clamp(i64::MIN.into(), i64::MAX.into()) as i64
}

/// A limit and when it held, both in nanoseconds.
#[derive(Clone, Copy, Debug)]
struct Limit {
    at: u64,
    offset: i64,
}

/// The tightest limits of a stretch of time.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    lower: Limit,
    upper: Limit,
}

impl Bucket {
    fn of(round_trip: &RoundTrip) -> Self {
        Self {
            lower: round_trip.lower(),
            upper: round_trip.upper(),
        }
    }

    fn merged(self, other: Self) -> Self {
        let lower = self.lower.offset >= other.lower.offset;
        let upper = self.upper.offset <= other.upper.offset;
        Self {
            lower: if lower { self.lower } else { other.lower },
            upper: if upper { self.upper } else { other.upper },
        }
    }
}

/// The tightest limits of a run, spread over its time: in at most 256 buckets of equal width, which doubles whenever
/// the run outgrows them.
#[derive(Clone, Debug, Default)]
struct Buckets {
    origin: u64,
    /// When the first round trip began and the last one had stayed at the server: a bucket forgets those of its round
    /// trips that are not the tightest.
    span: (u64, u64),
    doublings: u32,
    buckets: Vec<Option<Bucket>>,
}

impl Buckets {
    const MAX: usize = 256;
    /// The width at first is 2 to the power of this, in nanoseconds: about a millisecond.
    const FIRST_WIDTH: u32 = 20;

    fn from(origin: u64) -> Self {
        Self {
            origin,
            span: (origin, origin),
            doublings: 0,
            buckets: Vec::with_capacity(Self::MAX),
        }
    }

    fn add(&mut self, bucket: Bucket) {
        // What was sent before the first round trip that came back is in the first bucket.
        let since = bucket.upper.at.saturating_sub(self.origin);
        let (first, last) = self.span;
        self.span = (first.min(bucket.upper.at), last.max(bucket.lower.at));
        while self.place(since) >= Self::MAX {
            self.double();
        }
        let place = self.place(since);
        if self.buckets.len() <= place {
            self.buckets.resize(place + 1, None);
        }
        let merged = self.buckets[place].map_or(bucket, |old| old.merged(bucket));
        self.buckets[place] = Some(merged);
    }

    fn place(&self, since: u64) -> usize {
        let place = since >> (Self::FIRST_WIDTH + self.doublings);
        usize::try_from(place).unwrap_or(usize::MAX)
    }

    fn double(&mut self) {
        self.doublings += 1;
        let pairs = self.buckets.chunks(2);
        self.buckets = pairs
            .map(|pair| pair.iter().copied().flatten().reduce(Bucket::merged))
            .collect();
    }
}

/// Collects round trips and fits a line through the offset between the two clocks: server less client, over the
/// client's time.
///
/// Give it every round trip, in the order in which they came back. Where the server's clock was set meanwhile, what came
/// before is void: the fit starts afresh, and the step is counted. A clock that is set back and forth makes a step of
/// each. A round trip of less than no time is left out.
///
/// Memory: 10 KiB, whatever the length of the run. [`add`](Self::add) takes constant time;
/// [`fit`](Self::fit) a few hundred thousand operations, which is cheap enough for once a second.
#[derive(Clone, Debug, Default)]
pub struct ClockFit {
    buckets: Buckets,
    limits: Option<Limits>,
    steps: u64,
    last_step: Option<i64>,
}

impl ClockFit {
    /// Before the first round trip.
    pub fn new() -> Self {
        Self::default()
    }

    /// A packet came back. Returned is the step of the server's clock that it gives away, in nanoseconds, as from
    /// [`RoundTrip::step_since`], but with regard to all round trips since the last step.
    pub fn add(&mut self, round_trip: &RoundTrip) -> Option<i64> {
        if round_trip.longest() < 0 {
            return None;
        }
        let this = Limits::of(round_trip);
        let Some(limits) = self.limits else {
            self.start(round_trip);
            return None;
        };
        let Some(step) = limits.step(round_trip) else {
            self.limits = Some(limits.narrowed(this));
            self.buckets.add(Bucket::of(round_trip));
            return None;
        };
        if this.at < limits.at {
            return None; // overtaken by a packet that was sent after the step
        }
        self.steps = self.steps.saturating_add(1);
        self.last_step = Some(step);
        self.start(round_trip);
        Some(step)
    }

    fn start(&mut self, round_trip: &RoundTrip) {
        let limits = Limits::of(round_trip);
        self.limits = Some(limits);
        self.buckets = Buckets::from(limits.at);
        self.buckets.add(Bucket::of(round_trip));
    }

    /// How often the server's clock was set.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// By how much the server's clock was set last, in nanoseconds, above zero where it went forward.
    pub fn last_step(&self) -> Option<i64> {
        self.last_step
    }

    /// The line through the offsets since the last step; `None` before the first round trip.
    pub fn fit(&self) -> Option<Fit> {
        Some(Corridor::of(&self.buckets)?.fit())
    }
}

/// All limits, relative to a point in their middle, in nanoseconds: small enough for floats to be exact.
#[derive(Debug)]
struct Corridor {
    at: u64,
    offset: i64,
    lower: Vec<(f64, f64)>,
    upper: Vec<(f64, f64)>,
    first: f64,
    last: f64,
}

/// Of the lines with one slope those that are within the limits: from `lower` to `upper` at the center, or none, where
/// `upper` is the smaller.
#[derive(Clone, Copy, Debug)]
struct Passage {
    slope: f64,
    lower: f64,
    upper: f64,
    /// How fast the gap widens with the slope.
    widening: f64,
}

impl Passage {
    fn gap(&self) -> f64 {
        self.upper - self.lower
    }

    fn middle(&self) -> f64 {
        (self.lower + self.upper) / 2.0
    }

    /// The range of lines at a moment.
    fn at(&self, at: f64) -> (f64, f64) {
        let rise = self.slope * at;
        (self.lower + rise, self.upper + rise)
    }
}

impl Corridor {
    /// Halving the range of slopes this often leaves nothing of it that matters: 2⁻⁴⁰ of 1,000 ppm.
    const HALVINGS: u32 = 40;

    fn of(buckets: &Buckets) -> Option<Self> {
        let (first, last) = buckets.span;
        let buckets: Vec<Bucket> = buckets.buckets.iter().copied().flatten().collect();
        let (at, offset) = (first + (last - first) / 2, buckets.first()?.upper.offset);
        let relative = |limit: Limit| {
            let since = i128::from(limit.at) - i128::from(at);
            let offset = i128::from(limit.offset) - i128::from(offset);
            (since as f64, offset as f64)
        };
        Some(Self {
            at,
            offset,
            lower: buckets
                .iter()
                .map(|bucket| relative(bucket.lower))
                .collect(),
            upper: buckets
                .iter()
                .map(|bucket| relative(bucket.upper))
                .collect(),
            first: -((at - first) as f64),
            last: (last - at) as f64,
        })
    }

    fn passage(&self, slope: f64) -> Passage {
        let center = |&(at, offset): &(f64, f64)| (offset - slope * at, at);
        let by_offset = |one: &(f64, f64), other: &(f64, f64)| one.0.total_cmp(&other.0);
        let upper = self.upper.iter().map(center).min_by(by_offset);
        let lower = self.lower.iter().map(center).max_by(by_offset);
        let ((upper, upper_at), (lower, lower_at)) =
            (upper.unwrap_or_default(), lower.unwrap_or_default());
        Passage {
            slope,
            lower,
            upper,
            widening: lower_at - upper_at,
        }
    }

    /// The slope between two at which `beyond` turns from false to true.
    fn turn(mut before: f64, mut after: f64, beyond: impl Fn(f64) -> bool) -> f64 {
        for _ in 0..Self::HALVINGS {
            let middle = (before + after) / 2.0;
            if beyond(middle) {
                after = middle;
            } else {
                before = middle;
            }
        }
        before
    }

    /// A slope with the widest gap. The gap is a concave function of the slope.
    fn widest(&self) -> Passage {
        let slope = Self::turn(-MAX_DRIFT, MAX_DRIFT, |slope| {
            self.passage(slope).widening < 0.0
        });
        self.passage(slope)
    }

    /// The least and the greatest slope with at least this gap, around one that has it.
    fn slopes(&self, inside: f64, gap: f64) -> (f64, f64) {
        let edge = |end| {
            if self.passage(end).gap() >= gap {
                return end;
            }
            Self::turn(inside, end, |slope| self.passage(slope).gap() < gap)
        };
        (edge(-MAX_DRIFT), edge(MAX_DRIFT))
    }

    fn fit(&self) -> Fit {
        let widest = self.widest();
        if widest.gap() < 0.0 {
            return self.line(widest, self.farthest(widest), MAX_DRIFT, false);
        }
        // Where many slopes have almost the same gap, the one in their middle: the widest may be far to a side.
        let (least, greatest) = self.slopes(widest.slope, widest.gap() * NEARLY);
        let line = self.passage((least + greatest) / 2.0);
        let (least, greatest) = self.slopes(line.slope, 0.0);
        let drift = (greatest - line.slope).max(line.slope - least);
        self.line(line, self.deviation(line, least, greatest), drift, true)
    }

    /// How far a line within the limits can be from this one. At the last moment the steepest lines are the highest and
    /// the others the lowest, at the first the reverse; between them no line is further away.
    fn deviation(&self, line: Passage, least: f64, greatest: f64) -> f64 {
        let (least, greatest) = (self.passage(least), self.passage(greatest));
        let at = |moment: f64, low: Passage, high: Passage| {
            let middle = line.middle() + line.slope * moment;
            (middle - low.at(moment).0).max(high.at(moment).1 - middle)
        };
        at(self.last, least, greatest).max(at(self.first, greatest, least))
    }

    /// How far the farthest limit is from the line, on whichever side.
    fn farthest(&self, line: Passage) -> f64 {
        let limits = self.lower.iter().chain(&self.upper);
        let away = limits.map(|(at, offset)| (offset - line.slope * at - line.middle()).abs());
        away.fold(0.0, f64::max)
    }

    fn line(&self, line: Passage, bound: f64, drift_bound: f64, even: bool) -> Fit {
        Fit {
            at: self.at,
            offset: saturate(i128::from(self.offset) + line.middle().round() as i128),
            slope: line.slope,
            drift_bound_ppm: drift_bound * 1e6,
            bound: time(bound.max(0.0).ceil()),
            even,
        }
    }
}

/// A slope is as good as the best if its gap is at least this part of the widest.
const NEARLY: f64 = 0.99;

/// The offset between two clocks as a line over the client's time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    at: u64,
    offset: i64,
    slope: f64,
    drift_bound_ppm: f64,
    bound: Duration,
    even: bool,
}

/// The two ways of a round trip, which together take as long as the round trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OneWay {
    /// From the client to the server.
    pub there: Duration,
    /// From the server to the client.
    pub back: Duration,
}

impl Fit {
    /// The server's clock less the client's, in nanoseconds, at a time since the measurement began.
    pub fn offset(&self, at: Duration) -> i64 {
        let since = i128::from(nanos(at)) - i128::from(self.at);
        let rise = (self.slope * since as f64).round();
        saturate(i128::from(self.offset) + rise as i128)
    }

    /// How much faster the server's clock runs than the client's, in parts per million, −1,000 to 1,000.
    pub fn drift_ppm(&self) -> f64 {
        self.slope * 1e6
    }

    /// How far the drift can be from that at most, in parts per million; 1,000 or more says that nothing is known of
    /// it, as after a single round trip or where the clocks run [unevenly](Self::even).
    pub fn drift_bound_ppm(&self) -> f64 {
        self.drift_bound_ppm
    }

    /// How far the offset can be from the true one at most, between the first round trip and the last.
    ///
    /// Where the clocks run [evenly](Self::even) this is certain: no line that agrees with all round trips and drifts by
    /// 1,000 ppm at most is further away. It cannot be less than half of the shortest round trip, since nobody can tell
    /// the two ways of one apart. Otherwise it is the distance to the farthest limit of any stretch of time (1 ⁄ 256 to
    /// 1 ⁄ 128 of the run), whose round trips hold the offset within it.
    pub fn bound(&self) -> Duration {
        self.bound
    }

    /// Whether any line agrees with all round trips. If not, a clock changed its pace: the line is then the one that
    /// contradicts the limits least, and [`bound`](Self::bound) is as much wider.
    pub fn even(&self) -> bool {
        self.even
    }

    /// The two ways of a round trip, each within [`bound`](Self::bound) of the true one but for the drift on the way.
    /// Neither is below zero: what would be is zero, and the other way takes the whole time.
    pub fn one_way(&self, round_trip: &RoundTrip) -> OneWay {
        let (sent, stay) = (round_trip.at, round_trip.stay);
        let there = i128::from(round_trip.there_ns) - i128::from(self.offset(sent));
        let returned = sent.saturating_add(stay);
        let back = i128::from(round_trip.back_ns) + i128::from(self.offset(returned));
        let length = (there + back).max(0);
        let there = there.clamp(0, length);
        OneWay {
            there: duration(there),
            back: duration(length - there),
        }
    }
}

/// A number of nanoseconds that is not below zero; what is beyond 584 years is taken as that.
fn duration(nanos: i128) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const MS: i64 = 1_000_000;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// A round trip at this time in ms, of two ways in ns, with the server's clock ahead by `offset` ns.
    fn trip(at: u64, there: i64, back: i64, offset: i64) -> RoundTrip {
        RoundTrip {
            at: ms(at),
            stay: Duration::ZERO,
            there_ns: there + offset,
            back_ns: back - offset,
        }
    }

    /// The server's clock: ahead by so much at the start, faster by so many ppm.
    #[derive(Clone, Copy, Debug)]
    struct Server {
        offset: i64,
        ppm: f64,
    }

    impl Server {
        fn offset(self, at: i64) -> i64 {
            self.offset + (at as f64 * self.ppm * 1e-6).round() as i64
        }

        /// A round trip of known ways, exactly as the two clocks would see it.
        fn trip(self, at: Duration, there: i64, stay: i64, back: i64) -> RoundTrip {
            let received = nanos(at) as i64 + there;
            let sent = received + stay;
            RoundTrip {
                at,
                stay: Duration::from_nanos(stay as u64),
                there_ns: there + self.offset(received),
                back_ns: back - self.offset(sent),
            }
        }
    }

    fn fitted(trips: &[RoundTrip]) -> ClockFit {
        let mut clocks = ClockFit::new();
        for trip in trips {
            clocks.add(trip);
        }
        clocks
    }

    #[test]
    fn one_round_trip_says_what_it_can() {
        assert_eq!(ClockFit::new().fit(), None);
        let fit = fitted(&[trip(5, 30 * MS, 10 * MS, 7000 * MS)])
            .fit()
            .unwrap();
        // Between −(10 − 7000) and 7030 ms, and the drift on the way.
        assert_eq!(fit.offset(ms(5)), 7010 * MS);
        assert_eq!(fit.bound(), Duration::from_micros(20_040));
        assert_eq!((fit.drift_ppm(), fit.drift_bound_ppm()), (0.0, 1000.0));
        assert!(fit.even());
    }

    #[test]
    fn an_even_path_gives_offset_and_drift() {
        let server = Server {
            offset: -3_000_000 * MS,
            ppm: 37.5,
        };
        let trips: Vec<_> = (0..6000)
            .map(|number| {
                server.trip(
                    ms(10 * number),
                    40_000 + (number as i64 % 7) * 5_000,
                    2_000,
                    40_000,
                )
            })
            .collect();
        let clocks = fitted(&trips);
        let fit = clocks.fit().unwrap();
        assert!((fit.drift_ppm() - 37.5).abs() < 0.1, "{fit:?}");
        assert!(fit.drift_bound_ppm() < 5.0);
        assert!(
            fit.bound() > Duration::from_micros(40) && fit.bound() < Duration::from_micros(90),
            "{fit:?}"
        );
        assert!((fit.offset(ms(30_000)) - server.offset(30_000 * MS)).abs() < 3_000);
        assert_eq!(clocks.steps(), 0);
        let ways = fit.one_way(&trips[700]);
        assert!(ways.there.abs_diff(Duration::from_micros(40)) < Duration::from_micros(3));
        assert!(ways.back.abs_diff(Duration::from_micros(40)) < Duration::from_micros(3));
    }

    #[test]
    fn an_asymmetric_path_is_within_the_bound() {
        let server = Server {
            offset: 500,
            ppm: 0.0,
        };
        let trips: Vec<_> = (0..100)
            .map(|number| server.trip(ms(1000 * number), 9 * MS, 0, MS))
            .collect();
        let fit = fitted(&trips).fit().unwrap();
        let error = (fit.offset(ms(50_000)) - 500).unsigned_abs();
        assert!(fit.even() && error > 3_900_000 && Duration::from_nanos(error) <= fit.bound());
    }

    #[test]
    fn a_short_run_is_not_certain_of_the_drift() {
        let trips: Vec<_> = (0..5)
            .map(|number| trip(10 * number, 20_000, 20_000, 0))
            .collect();
        let fit = fitted(&trips).fit().unwrap();
        assert!(fit.drift_bound_ppm() > 900.0, "{fit:?}");
        assert!(fit.bound() >= Duration::from_micros(20), "{fit:?}");
        assert!(fit.bound() <= Duration::from_micros(45), "{fit:?}");
    }

    #[test]
    fn a_bound_holds_for_round_trips_that_a_bucket_forgot() {
        // The first one's limits are the widest of their bucket, the last one's of theirs.
        let mut trips = vec![trip(0, 40 * MS, 40 * MS, 0), trip(1, MS, MS, 0)];
        trips.extend([trip(999, MS, MS, 0), trip(1000, 40 * MS, 40 * MS, 0)]);
        let clocks = fitted(&trips);
        assert_eq!(clocks.buckets.span, (0, nanos(ms(1000))));
        assert!(clocks.fit().unwrap().bound() >= ms(1));
    }

    #[test]
    fn a_clock_that_changes_its_pace_is_not_even() {
        let pace = |at: i64| if at < 50_000 { at } else { 100_000 - at } * 100; // ±100 ppm
        let trips: Vec<_> = (0..1000)
            .map(|number| trip(100 * number, 20_000, 20_000, pace(100 * number as i64)))
            .collect();
        let clocks = fitted(&trips);
        let fit = clocks.fit().unwrap();
        assert!(!fit.even() && clocks.steps() == 0);
        assert!(fit.bound() > ms(2) && fit.bound() < ms(3), "{fit:?}");
        for at in (0..100_000).step_by(100) {
            let error = (fit.offset(ms(at)) - pace(at as i64)).unsigned_abs();
            assert!(
                Duration::from_nanos(error) <= fit.bound(),
                "{at} ms: {error} ns"
            );
        }
    }

    #[test]
    fn steps_of_a_table() {
        let before = trip(0, 10 * MS, 10 * MS, 0);
        let table = [
            (trip(10, 10 * MS, 10 * MS, 0), None),
            // A change of either way explains these.
            (trip(10, 30 * MS, 10 * MS, 0), None),
            (trip(10, 0, 20 * MS, 10 * MS), None),
            (trip(10, 10 * MS, 10 * MS, 20 * MS), None),
            (trip(10, 10 * MS, 10 * MS, -20 * MS), None),
            (trip(10, 10 * MS, 10 * MS, 21 * MS), Some(21 * MS)),
            (trip(10, 10 * MS, 10 * MS, -21 * MS), Some(-21 * MS)),
            // In 100 s the clocks may have drifted by 100 ms.
            (trip(100_000, 10 * MS, 10 * MS, 119 * MS), None),
            (trip(100_000, 10 * MS, 10 * MS, 121 * MS), Some(121 * MS)),
        ];
        for (this, expected) in table {
            assert_eq!(this.step_since(&before), expected, "{this:?}");
        }
    }

    #[test]
    fn after_a_step_the_fit_starts_afresh() {
        let mut clocks = ClockFit::new();
        for number in 0..50 {
            clocks.add(&trip(10 * number, MS, MS, 0));
        }
        assert_eq!(
            clocks.add(&trip(500, MS, MS, 3_600_000 * MS)),
            Some(3_600_000 * MS)
        );
        assert_eq!(
            clocks.add(&trip(490, MS, MS, 0)),
            None,
            "overtaken: sent before the step"
        );
        for number in 51..100 {
            assert_eq!(clocks.add(&trip(10 * number, MS, MS, 3_600_000 * MS)), None);
        }
        assert_eq!(
            (clocks.steps(), clocks.last_step()),
            (1, Some(3_600_000 * MS))
        );
        let fit = clocks.fit().unwrap();
        assert_eq!(fit.offset(ms(750)), 3_600_000 * MS);
        assert!(fit.even() && fit.bound() < ms(2));
    }

    #[test]
    fn a_packet_that_was_under_way_during_the_step_hides_nothing() {
        let mut clocks = fitted(&[trip(0, MS, MS, 0), trip(10, MS, MS, 0)]);
        // The clock goes back by a second while the server has the packet: a round trip of a second.
        let torn = RoundTrip {
            back_ns: 1001 * MS,
            ..trip(20, MS, MS, 0)
        };
        assert_eq!(clocks.add(&torn), None);
        let step = clocks.add(&trip(30, MS, MS, -1000 * MS)).unwrap();
        assert!((step + 1000 * MS).abs() < MS);
        // It goes forward: a round trip that ended before it began.
        let torn = RoundTrip {
            back_ns: -999 * MS,
            ..trip(40, MS, MS, -1000 * MS)
        };
        assert_eq!(clocks.add(&torn), None);
        assert_eq!(clocks.steps(), 1);
    }

    #[test]
    fn the_buckets_stay_bounded() {
        let mut clocks = ClockFit::new();
        for bits in 0..64 {
            let at = Duration::from_nanos(1 << bits);
            clocks.add(&RoundTrip {
                at,
                ..trip(0, MS, MS, 0)
            });
        }
        assert!(clocks.buckets.buckets.len() <= Buckets::MAX);
        assert!(clocks.buckets.buckets.capacity() <= Buckets::MAX);
        assert!(size_of::<Option<Bucket>>() * Buckets::MAX <= 10 * 1024);
        let fit = clocks.fit().unwrap();
        assert!(fit.even() && fit.drift_ppm().abs() < 1e-3);
    }

    fn ways() -> impl Strategy<Value = Vec<(u64, i64, i64, i64)>> {
        // What passes until the packet is sent (µs), the way there, the stay and the way back (ns).
        let packet = (0u64..300_000, 0..40 * MS, 0..500 * MS, 0..40 * MS);
        vec(packet, 1..200)
    }

    proptest! {
        #[test]
        fn the_truth_is_within_the_bounds(
            offset in -(1i64 << 60)..1 << 60,
            ppm in -950.0..950.0,
            ways in ways(),
        ) {
            let server = Server { offset, ppm };
            let (mut clocks, mut first, mut last) = (ClockFit::new(), None, Duration::ZERO);
            for (passes, there, stay, back) in ways {
                last += Duration::from_micros(passes);
                first.get_or_insert(last);
                let trip = server.trip(last, there, stay, back);
                prop_assert_eq!(clocks.add(&trip), None);
            }
            let first = first.unwrap_or_default();
            let fit = clocks.fit().unwrap();
            prop_assert!(fit.even());
            prop_assert!((fit.drift_ppm() - ppm).abs() <= fit.drift_bound_ppm() + 1e-3);
            for part in 0..=10 {
                let at = first + (last - first) * part / 10;
                let error = (fit.offset(at) - server.offset(nanos(at) as i64)).unsigned_abs();
                prop_assert!(error <= nanos(fit.bound()) + 10, "{error} ns, {fit:?}");
            }
        }

        /// No slope has a wider gap than the one found, and no line within the limits is further away than it says.
        #[test]
        fn it_agrees_with_trying_all_slopes(ways in vec((1u64..1000, 0..MS, 0..MS), 1..30), offset in -MS..MS) {
            let (mut clocks, mut at) = (ClockFit::new(), 0);
            for (passes, there, back) in ways {
                at += passes;
                clocks.add(&trip(at, there, back, offset));
            }
            let corridor = Corridor::of(&clocks.buckets).unwrap();
            let (widest, fit) = (corridor.widest(), corridor.fit());
            for step in -1000..=1000 {
                let passage = corridor.passage(f64::from(step) * MAX_DRIFT / 1000.0);
                prop_assert!(passage.gap() <= widest.gap() + 0.01);
                if passage.gap() < 0.0 {
                    continue;
                }
                let line = corridor.passage(fit.slope);
                for at in [corridor.first, corridor.last] {
                    let (low, high) = passage.at(at);
                    let middle = line.middle() + line.slope * at;
                    let away = (middle - low).max(high - middle);
                    prop_assert!(away <= fit.bound().as_nanos() as f64 + 0.01);
                }
            }
        }

        #[test]
        fn any_round_trips_are_taken(
            trips in vec((any::<Duration>(), any::<Duration>(), any::<i64>(), any::<i64>()), 0..40),
            near in vec((0u64..1000, -MS..MS, -MS..MS), 0..40),
            at: Duration,
        ) {
            let mut clocks = ClockFit::new();
            let near = near.into_iter().map(|(at, there, back)| trip(at, there, back, 0));
            let trips = trips.into_iter().map(|(at, stay, there_ns, back_ns)| RoundTrip { at, stay, there_ns, back_ns });
            for trip in trips.chain(near) {
                clocks.add(&trip);
                let Some(fit) = clocks.fit() else { continue };
                fit.offset(at);
                let ways = fit.one_way(&trip);
                prop_assert!(ways.there.checked_add(ways.back).is_some());
                prop_assert!(fit.drift_ppm().abs() <= 1000.0);
            }
        }

        #[test]
        fn the_two_ways_are_the_round_trip(there in 0..MS, back in 0..MS, offset in -(1i64 << 60)..1 << 60) {
            let trip = trip(1, there, back, offset);
            let ways = fitted(&[trip]).fit().unwrap().one_way(&trip);
            prop_assert_eq!(nanos(ways.there + ways.back) as i64, there + back);
        }
    }
}
