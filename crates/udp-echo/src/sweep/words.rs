//! What a sweep found, in words.

use std::time::Duration;

use chart::Unit;
use proto::measure::{Falling, Losses, PacketSize, Step, Steps};
use runtime::udp::StampClock;
use runtime::units::show_time;

use super::found::{Doubt, Found, Rung};
use crate::probe::{MAX_SOCKETS, Plan, Wire};
use chart::number::{self, grouped};

/// How much more than it carries a path must have taken for it to be said.
const QUEUED: f64 = 1.15;

/// A rate with three digits that tell: `12,400`, `49.2`.
pub(super) fn rate(value: f64) -> String {
    if !value.is_finite() || value <= 0.0 {
        return "0".to_owned();
    }
    let below = 2 - value.log10().floor() as i32;
    if below > 0 {
        return number::three_digits(value);
    }
    let unit = 10f64.powi(-below);
    grouped(((value / unit).round() * unit) as u64)
}

/// Packets a second, and what they carry one way.
fn rate_and_bits(packets: f64, size: PacketSize) -> String {
    let bits = packets * size.bytes() as f64 * 8.0;
    let digit = 10f64.powi(bits.max(1.0).log10().floor() as i32 - 2);
    let bits = Unit::BitsPerSecond.show((bits / digit).round() * digit);
    format!("{} packets/s ({bits})", rate(packets))
}

pub(super) fn percent(share: f64) -> String {
    match share * 100.0 {
        0.0 => "0 %".to_owned(),
        small if small < 0.1 => format!("{small:.3} %"),
        percent => format!("{percent:.1} %"),
    }
}

/// Whose clock the round-trip times are by.
pub(super) fn clock(wire: Wire) -> &'static str {
    match wire.clock() {
        StampClock::Program => "the program's, around its system calls",
        StampClock::Kernel => {
            "the program's, around its system calls (the kernel stamps packets beside)"
        }
        StampClock::Card => {
            "the program's, around its system calls (the network card stamps packets beside)"
        }
    }
}

/// What is about to be done, and how long it takes.
pub(super) fn plan(sweep: &Falling, packets: u64) -> String {
    let steps = sweep.steps();
    let each = if packets == 1 { "packet" } else { "packets" };
    format!(
        "{steps} {} of {} {each} {}, {}",
        if steps == 1 { "step" } else { "steps" },
        grouped(packets),
        range(sweep),
        length(sweep.length())
    )
}

/// The lowest rate and the highest.
pub(super) fn range(sweep: &Falling) -> String {
    let mut steps = Steps::new(sweep);
    // Steps are told up to the last one with a packet.
    steps.sent(sweep.steps() - 1);
    let steps = steps.steps();
    let rates = [steps.first(), steps.last()].map(|step| step.map_or(0.0, Step::rate));
    format!("from {} to {} packets/s", rate(rates[0]), rate(rates[1]))
}

/// A time in seconds, as many digits as tell.
fn length(time: Duration) -> String {
    match time.as_secs_f64() {
        short if short < 1.0 => show_time(Duration::from_millis(time.as_millis() as u64)),
        short if short < 9.95 => format!("{short:.1} s"),
        seconds if seconds < 600.0 => format!("{seconds:.0} s"),
        seconds if seconds < 36_000.0 => format!("{:.0} min", seconds / 60.0),
        seconds => format!("{:.0} h", seconds / 3600.0),
    }
}

/// What is measured and how, in two lines.
pub(super) fn header(plan: &Plan, wire: Wire, sweep: &Falling, packets: u64) -> String {
    format!(
        "sweeping udp://{} ({}) with packets of {} bytes:\n{}",
        plan.server,
        wire.server(),
        plan.size,
        self::plan(sweep, packets)
    )
}

/// The knee, and what it must be taken with.
pub(super) fn verdict(found: &Found) -> Vec<String> {
    let mut lines = vec![knee(found)];
    lines.extend(queues(found));
    lines.extend(missed(found));
    lines.extend(ports(found));
    lines.extend(places(&found.summary.losses));
    lines.extend(late(found));
    if found.interrupted {
        lines.push("ended early: higher rates were not tried".to_owned());
    }
    lines
}

fn knee(found: &Found) -> String {
    let limit = &found.limit;
    let answered: u64 = found.rungs.iter().map(|rung| rung.step.answered).sum();
    if answered == 0 {
        return "no answer at all: nothing is known of the path".to_owned();
    }
    let delay = delay(found);
    let Some(top) = found.rung(limit.without_loss) else {
        return if found.rungs.iter().any(Rung::is_judged) {
            format!(
                "most packets were lost at the lowest rate already: no limit can be found{delay}"
            )
        } else {
            "no step can be judged: no limit can be found".to_owned()
        };
    };
    let top = rate_and_bits(top.rate(), found.plan.size);
    let own = limit.own_loss.filter(|own| *own > 0.0).map(percent);
    let beyond = own.map_or_else(String::new, |own| {
        format!(" beyond the {own} that this path always loses")
    });
    match found.rung(limit.loss_begins) {
        Some(from) => format!(
            "without loss{beyond} up to {top}, loss sets in at {} packets/s{delay}{}",
            rate(from.rate()),
            comes_through(found)
        ),
        None => format!(
            "no limit found: without loss{beyond} up to {top}, the highest rate that was judged{delay}"
        ),
    }
}

fn delay(found: &Found) -> String {
    match found.rung(found.limit.delay_climbs) {
        Some(rung) => format!("; delay starts to climb at {} packets/s", rate(rung.rate())),
        None => "; delay does not climb".to_owned(),
    }
}

fn comes_through(found: &Found) -> String {
    match found.limit.comes_through {
        None => String::new(),
        Some(0.0) => format!(
            "; under overload nothing is answered within {}",
            show_time(found.plan.timeout * 2)
        ),
        Some(rate) => format!(
            "; under overload {} come through",
            rate_and_bits(rate, found.plan.size)
        ),
    }
}

/// Says that queues have taken what the path does not carry for long.
fn queues(found: &Found) -> Option<String> {
    let top = found.rung(found.limit.without_loss)?.rate();
    let carried = found.limit.comes_through.filter(|rate| *rate > 0.0)?;
    (top > carried * QUEUED).then(|| {
        "queues take more than the path carries for as long as a step lasts: more --packets bring the rate without loss closer to what comes through".to_owned()
    })
}

/// What this machine did not send.
fn missed(found: &Found) -> Option<String> {
    let not_sent: u64 = found.rungs.iter().map(Rung::missed).sum();
    let missed = found.pace.missed.max(not_sent);
    if missed == 0 {
        return None;
    }
    let line = format!(
        "this machine missed {} of {} slots",
        grouped(missed),
        grouped(found.pace.slots)
    );
    let Some(first) = found.doubtful(Doubt::Missed).next() else {
        return Some(line);
    };
    let first = rate(first.step.rate());
    Some(match found.doubtful(Doubt::Missed).count() {
        1 => format!(
            "{line}; the step of {first} packets/s, in which it missed more than a tenth, is not judged"
        ),
        steps => format!(
            "{line}; the {steps} steps in which it missed more than a tenth (the first asked for {first} packets/s) are not judged"
        ),
    })
}

fn ports(found: &Found) -> Option<String> {
    let first = found.doubtful(Doubt::Ports).next()?;
    Some(format!(
        "from {} packets/s on nothing is judged: the answers of the classic wire look alike, and each of {MAX_SOCKETS} ports is used again there before all answers have come",
        rate(first.step.rate())
    ))
}

/// Where packets were lost, as far as it is known.
fn places(losses: &Losses) -> Option<String> {
    let places = [
        (losses.there, "on the way there"),
        (losses.back, "on the way back"),
        (losses.local, "in buffers of this machine"),
        (losses.emulated, "by the loss that the server emulates"),
        (losses.unknown, "who knows where"),
    ];
    if losses.unknown == losses.lost() {
        return None;
    }
    let places = places.iter().filter(|(lost, _)| *lost > 0);
    let places: Vec<_> = places
        .map(|(lost, place)| format!("{} {place}", grouped(*lost)))
        .collect();
    Some(format!("lost: {}", places.join(", ")))
}

/// Says why throughput over time may be lower than the answers.
fn late(found: &Found) -> Option<String> {
    let answered: u64 = found.rungs.iter().map(|rung| rung.step.answered).sum();
    let in_time: u64 = found.rungs.iter().map(|rung| rung.in_time).sum();
    (in_time < answered).then(|| {
        format!(
            "{} of {} answers came after the interval of their packet had passed: \"in time\" leaves them out, as the classic client does",
            grouped(answered - in_time),
            grouped(answered)
        )
    })
}
