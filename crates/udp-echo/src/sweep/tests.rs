//! Constructed sweeps: what their records are counted as, what is found in them, and how it is written.

use std::time::Duration;

use chart::Width;
use proto::measure::{Came, Falling, PacketSize, Record, State, Tally};
use runtime::udp::{Options, StampClock};

use super::collect::{Collector, Moment};
use super::found::{Asked, Doubt, Found, limit, rungs};
use super::text::Screen;
use super::{charts, json, page, text, words};
use crate::probe::{Pace, Plan, Schedule, Wire};

fn us(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn record(state: State, sent: Duration, round_trip: Option<Duration>) -> Record {
    Record {
        number: 0,
        state,
        sent,
        left: None,
        at_server: None,
        came: round_trip.map(|round_trip| Came {
            at: sent + round_trip,
            stamp: None,
        }),
        times: None,
        network: None,
    }
}

/// A sweep of an imagined path. It says of each slot how long the round trip is, what became of the packet, or that
/// this machine missed the slot.
struct Imagined {
    sweep: Falling,
    asked: Asked,
    wire: Wire,
}

/// What an imagined path makes of a packet.
enum Fate {
    Answered(Duration),
    Lost,
    Missed,
}

const NATIVE: Wire = Wire::Native {
    keyed: false,
    clock: StampClock::Kernel,
};

impl Imagined {
    fn new(interval: Duration, shrink: f64, packets: u64, until: Duration) -> Self {
        Self {
            sweep: Falling::new(interval, shrink, packets, until).unwrap(),
            asked: Asked {
                interval,
                shrink,
                packets,
                until,
            },
            wire: NATIVE,
        }
    }

    fn found(self, path: impl Fn(usize, u64) -> Fate) -> Found {
        let size = PacketSize::new(125).unwrap();
        let mut collector = Collector::new(&self.sweep, size);
        let mut pace = Pace::default();
        let packets = self.asked.packets;
        for (number, slot) in (0..).zip(self.sweep.slots()) {
            pace.slots += 1;
            let round_trip = match path(slot.step, number % packets) {
                Fate::Missed => {
                    pace.missed += 1;
                    continue;
                }
                Fate::Lost => None,
                Fate::Answered(round_trip) => Some(round_trip),
            };
            let state = round_trip.map_or(State::Overdue, |_| State::OnTime);
            collector.take(&record(state, slot.due, round_trip));
            pace.last = slot.due;
        }
        let collected = collector.finish();
        let rungs = rungs(&collected, packets, pace.slots, self.wire);
        Found {
            asked: self.asked,
            plan: self.plan(size),
            sweep: self.sweep,
            wire: self.wire,
            summary: Tally::new(ms(1000), 0).summary(),
            pace,
            interrupted: false,
            notes: vec!["a note".to_owned()],
            began: 1_795_261_692_000_000_000,
            seconds: collected.seconds,
            limit: limit(&rungs),
            rungs,
        }
    }

    fn plan(&self, size: PacketSize) -> Plan {
        Plan {
            server: "192.0.2.7:8080".parse().unwrap(),
            schedule: Schedule::Falling(self.sweep.clone()),
            size,
            timeout: ms(1000),
            spin: false,
            options: Options::default(),
        }
    }
}

/// Steps of 100 packets from 100 to 3,906 packets/s over a path that carries 1,000 packets/s.
fn narrow() -> Found {
    let imagined = Imagined::new(ms(10), 0.8, 100, us(250));
    let steps: Vec<f64> = (0..)
        .map(|step| 100.0 / 0.8f64.powi(step))
        .take(20)
        .collect();
    imagined.found(|step, number| match steps[step] {
        rate if rate < 1000.0 => Fate::Answered(us(500 + number)),
        rate if (number as f64) < 100.0 * (1.0 - 1000.0 / rate) => Fate::Lost,
        _ => Fate::Answered(us(20_000 + number)),
    })
}

#[test]
fn records_are_counted_in_their_slots_steps_and_seconds() {
    // Due at 0, 400 | 800, 1000 | 1200, 1300.
    let sweep = Falling::new(ms(400), 0.5, 2, ms(100)).unwrap();
    let mut collector = Collector::new(&sweep, PacketSize::new(100).unwrap());
    let table = [
        (State::OnTime, 0, Some(400)),
        (State::OnTime, 410, Some(401)),
        // The slot at 800 was missed.
        (State::Overdue, 1000, None),
        (State::Late, 1200, Some(1500)),
        (State::NotSent, 1290, None),
        (State::Waiting, 1301, None),
    ];
    let mut told = Vec::new();
    for (state, sent, round_trip) in table {
        told.extend(collector.ended(ms(sent)));
        collector.take(&record(state, ms(sent), round_trip.map(ms)));
    }
    assert_eq!((told.len(), collector.rest().len()), (1, 1));
    let collected = collector.finish();
    let counts = |moment: &Moment| {
        let second = |second: &proto::measure::Second| {
            let delay = second.delay.as_micros();
            (second.sent, second.answered, second.throughput_bps, delay)
        };
        (second(&moment.in_time), second(&moment.all))
    };
    assert_eq!(
        counts(&told[0]),
        ((2, 1, 1600.0, 400_000), (2, 2, 3200.0, 400_500))
    );
    let last = ((2, 0, 0.0, 0), (2, 1, 1600.0, 1_500_000));
    assert_eq!(counts(&collected.seconds[1]), last);
    let rungs = rungs(&collected, 2, 6, NATIVE);
    let counts = rungs.iter().map(|rung| {
        let step = &rung.step;
        let of_slots = (rung.slots, rung.missed(), rung.waiting);
        (of_slots, step.sent, step.answered, rung.in_time, step.lost)
    });
    let expected = [
        ((2, 0, 0), 2, 2, 1, 0),
        ((2, 1, 0), 1, 0, 0, 1),
        ((2, 0, 1), 1, 1, 0, 0),
    ];
    assert_eq!(counts.collect::<Vec<_>>(), expected);
}

#[test]
fn seconds_are_told_once() {
    let sweep = Falling::new(ms(500), 0.5, 9, ms(500)).unwrap();
    let mut collector = Collector::new(&sweep, PacketSize::MAX);
    let mut told = Vec::new();
    for sent in [0, 500, 900, 3100, 3200, 4400] {
        let ended = collector.ended(ms(sent));
        told.extend(ended.iter().map(|moment| moment.all.second));
        collector.take(&record(State::Overdue, ms(sent), None));
    }
    assert_eq!(told, [0, 3]);
}

#[test]
fn a_bottleneck_is_found_and_said() {
    let found = narrow();
    let lines = words::verdict(&found);
    assert_eq!(
        lines[0],
        "without loss up to 931 packets/s (931 kbit/s), loss sets in at 1,160 packets/s; delay starts to climb at 1,160 packets/s; under overload 988 packets/s (988 kbit/s) come through"
    );
    assert!(lines[1].contains("came after the interval"), "{lines:?}");
}

#[test]
fn a_path_that_carries_everything_has_no_limit() {
    let found = Imagined::new(ms(10), 0.8, 100, us(250)).found(|_, _| Fate::Answered(us(200)));
    let lines = words::verdict(&found);
    let expected = "no limit found: without loss up to 3,550 packets/s (3.55 Mbit/s), the highest rate that was judged; delay does not climb";
    assert_eq!(lines, [expected]);
    assert_eq!(found.limit.loss_begins, None);
}

#[test]
fn a_path_that_loses_at_all_rates_has_its_own_loss() {
    let lossy = |_, number| match number % 10 {
        0 => Fate::Lost,
        _ => Fate::Answered(us(200)),
    };
    let found = Imagined::new(ms(10), 0.8, 100, us(250)).found(lossy);
    let line = &words::verdict(&found)[0];
    assert!(
        line.contains("without loss beyond the 10.0 % that this path always loses"),
        "{line}"
    );
    let found = Imagined::new(ms(10), 0.8, 100, us(250)).found(|_, _| Fate::Lost);
    assert_eq!(
        words::verdict(&found),
        ["no answer at all: nothing is known of the path"]
    );
    let rare = |_, number| match number {
        0 => Fate::Answered(us(200)),
        _ => Fate::Lost,
    };
    let found = Imagined::new(ms(10), 0.8, 100, us(250)).found(rare);
    let line = &words::verdict(&found)[0];
    assert!(line.contains("no limit can be found"), "{line}");
}

#[test]
fn round_trips_that_are_long_for_a_while_are_no_climb() {
    let found = Imagined::new(ms(10), 0.8, 100, us(250)).found(|step, _| {
        let is_longer = (4..9).contains(&step);
        Fate::Answered(us(if is_longer { 300 } else { 100 }))
    });
    assert_eq!(found.limit.delay_climbs, None);
    let found = Imagined::new(ms(10), 0.8, 100, us(250)).found(|step, _| {
        let is_longer = (4..9).contains(&step) || step >= 14;
        Fate::Answered(us(if is_longer { 300 } else { 100 }))
    });
    assert_eq!(found.limit.delay_climbs, Some(14));
}

#[test]
fn what_this_machine_did_not_send_is_not_the_limit_of_the_path() {
    // It sends two packets in three from step 10 on, and loses answers because it is busy.
    let found =
        Imagined::new(ms(10), 0.8, 100, us(250)).found(|step, number| match (step, number % 3) {
            (10.., 0) => Fate::Missed,
            (10.., 1) => Fate::Lost,
            _ => Fate::Answered(us(200)),
        });
    assert_eq!(
        (found.limit.without_loss, found.limit.loss_begins),
        (Some(9), None)
    );
    assert_eq!(found.rungs[10].doubt, Some(Doubt::Missed));
    let rung = &found.rungs[16];
    assert!((rung.rate() / rung.step.rate() - 0.66).abs() < 0.001);
    let lines = words::verdict(&found);
    let expected = "this machine missed 238 of 1,700 slots; the 7 steps in which it missed more than a tenth (the first asked for 931 packets/s) are not judged";
    assert_eq!(lines[1], expected);
    let json: serde_json::Value =
        serde_json::from_str(&json::result(&found, false).unwrap()).unwrap();
    assert_eq!(
        (&json["steps"][10]["judged"], &json["steps"][10]["why_not"]),
        (&false.into(), &"missed".into())
    );
}

#[test]
fn packets_of_one_are_judged_with_their_neighbours() {
    // Every third slot of the last hundred is missed.
    let imagined = Imagined::new(ms(100), 0.97, 1, ms(1));
    let steps = imagined.sweep.steps();
    let found = imagined.found(|step, _| match step {
        step if step >= steps - 100 && step % 3 == 0 => Fate::Missed,
        _ => Fate::Answered(us(200)),
    });
    let doubts: Vec<_> = found.rungs.iter().map(|rung| rung.doubt).collect();
    assert_eq!(doubts[..steps - 120], vec![None; steps - 120]);
    assert_eq!(doubts[steps - 80..], vec![Some(Doubt::Missed); 80]);
}

#[test]
fn ports_that_come_again_too_soon_are_not_trusted() {
    // Round trips of 300 ms; 800 ports are used again after 8 s at first, after 200 ms at the end.
    let mut imagined = Imagined::new(ms(10), 0.8, 100, us(250));
    imagined.wire = Wire::Classic(None);
    let found = imagined.found(|_, _| Fate::Answered(ms(300)));
    let first = found
        .rungs
        .iter()
        .position(|rung| rung.doubt == Some(Doubt::Ports));
    assert_eq!(first, Some(15), "375 µs for each of 800 ports are 300 ms");
    let lines = words::verdict(&found);
    assert!(
        lines[1].contains("from 2,840 packets/s on nothing is judged"),
        "{lines:?}"
    );
}

#[test]
fn numbers_for_people() {
    let table = [
        (0.0, "0"),
        (0.1, "0.1"),
        (1.0, "1"),
        (49.96, "50"),
        (123.4, "123"),
        (12_377.0, "12,400"),
        (1_234_567.0, "1,230,000"),
        (f64::INFINITY, "0"),
    ];
    for (value, text) in table {
        assert_eq!(words::rate(value), text);
    }
    assert_eq!(
        [
            words::percent(0.0),
            words::percent(0.0004),
            words::percent(0.1)
        ],
        ["0 %", "0.040 %", "10.0 %"]
    );
    let sweep = Falling::new(ms(10), 0.95, 100, us(20)).unwrap();
    assert_eq!(
        words::plan(&sweep, 100),
        "122 steps of 100 packets from 100 to 49,600 packets/s, 20 s"
    );
}

#[test]
fn the_text_of_a_sweep() {
    let mut out = Vec::new();
    text::result(&narrow(), screen(Some(80)), &mut out).unwrap();
    check(
        &String::from_utf8(out).unwrap(),
        include_str!("snapshots/narrow.txt"),
        "narrow.txt",
    );
}

#[test]
fn the_json_of_a_sweep() {
    // Two steps of three packets: one is late, one lost.
    let found = || {
        Imagined::new(ms(400), 0.5, 3, ms(200)).found(|step, number| match (step, number) {
            (0, 1) => Fate::Answered(ms(401)),
            (1, 2) => Fate::Lost,
            (_, number) => Fate::Answered(ms(10 + 10 * number)),
        })
    };
    let json = json::result(&found(), true).unwrap() + "\n";
    check(&json, include_str!("snapshots/small.json"), "small.json");
    check(
        &json::csv(&found()),
        include_str!("snapshots/small.csv"),
        "small.csv",
    );
}

#[test]
fn the_page_of_a_sweep_has_all_of_it() {
    let found = narrow();
    let html = chart::html(&page::page(&found));
    for words in [
        "Sweep of udp://192.0.2.7:8080",
        "Command line",
        "2026-11-21T11:48:12Z",
        "no loss yet",
        "a note",
    ] {
        assert!(html.contains(words), "{words}");
    }
    assert_eq!(html.matches("<svg").count(), charts::CHARTS);
    let rows = found.rungs.len() + found.seconds.len();
    assert_eq!(html.matches("<tr>").count(), rows + 2, "and two headers");
}

fn screen(wrap: Option<usize>) -> Screen {
    Screen {
        width: Width::default(),
        wrap,
        color: false,
    }
}

#[test]
fn text_is_wrapped_at_words() {
    let narrow = screen(Some(10));
    assert_eq!(
        narrow.wrapped("three packets and overlongwords x"),
        "three\n  packets\n  and\n  overlongwords\n  x"
    );
    let endless = screen(None);
    assert_eq!(endless.wrapped("as it is"), "as it is");
}

/// Compares with what was kept, which is written anew where `SNAPSHOTS` names a folder.
fn check(text: &str, expected: &str, name: &str) {
    if let Some(folder) = std::env::var_os("SNAPSHOTS") {
        std::fs::write(std::path::Path::new(&folder).join(name), text).unwrap();
        return;
    }
    assert_eq!(text, expected, "{name}");
}
