//! What was measured and how, in sentences.

use proto::measure::{Clocks, Losses, Summary};
use proto::stamp::Numbering;
use runtime::udp::StampClock;
use runtime::units::show_time;

use super::super::schedule::Schedule;
use super::super::send::Pace;
use super::super::{Outcome, Plan, Wire};
use chart::number::{ms, signed_ms, three_digits};

/// The server, the wire and whose clock stamps the packets.
pub(super) fn server(wire: Wire) -> String {
    let server = wire.server();
    if let Wire::Classic(_) = wire {
        return server.to_owned();
    }
    let stamps = match wire.clock() {
        StampClock::Program => "without stamps of the kernel's",
        StampClock::Kernel => "stamped by the kernel",
        StampClock::Card => "stamped by the network card",
    };
    format!("{server}, {stamps}")
}

/// The packets and their pace.
pub(super) fn packets(plan: &Plan) -> String {
    let packets = match plan.schedule.count() {
        Some(count) => format!("{count} packets"),
        None => "packets".to_owned(),
    };
    let pace = match &plan.schedule {
        Schedule::Even { interval, .. } => format!("one every {}", show_time(*interval)),
        Schedule::BackToBack { .. } => "one in flight".to_owned(),
        Schedule::Falling(_) => "ever faster".to_owned(),
    };
    format!("{packets} of {} bytes, {pace}", plan.size)
}

/// What became of the packets.
pub(super) fn counts(found: &Summary) -> String {
    let mut text = format!(
        "{} sent, {} answered, {} late, {} lost",
        found.sent, found.answered, found.late, found.lost
    );
    if found.waiting > 0 {
        text += &format!(", {} still waiting", found.waiting);
    }
    text += &format!("; loss {} %", three_digits(found.loss_percent()));
    if let Some((low, high)) = found.loss_interval() {
        text += &format!(
            " (95 % interval {} to {} %)",
            three_digits(low),
            three_digits(high)
        );
    }
    text
}

/// Where packets were lost and how the losses follow each other; `None` without any.
pub(super) fn losses(found: &Summary) -> Option<String> {
    let Losses {
        local,
        there,
        emulated,
        back,
        unknown,
        ..
    } = found.losses;
    let places = [
        (there, "there"),
        (back, "back"),
        (emulated, "emulated by the server"),
        (local, "in this machine's buffers"),
        (unknown, "it is not known where"),
    ];
    let lost = nonzero(&places)?;
    let (count, longest) = (found.bursts.count, found.bursts.longest);
    let plural = if count == 1 { "" } else { "s" };
    Some(format!(
        "lost: {lost}; in {count} burst{plural}, the longest of {longest}"
    ))
}

/// What else happened; `None` if nothing did.
pub(super) fn oddities(found: &Summary) -> Option<String> {
    nonzero(&[
        (found.duplicates, "answered twice"),
        (
            found.reordered,
            "answers overtaken by those of later packets",
        ),
        (found.strays, "answers after their packet was given up"),
        (found.server_duplicates, "received twice by the server"),
        (found.server_restarts, "times the server was started anew"),
    ])
}

fn nonzero(counts: &[(u64, &str)]) -> Option<String> {
    let some = counts.iter().filter(|(count, _)| *count > 0);
    let texts: Vec<_> = some
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    (!texts.is_empty()).then(|| texts.join(", "))
}

/// How well the schedule was kept; `None` with fewer than two packets.
pub(super) fn pace(plan: &Plan, pace: &Pace) -> Option<String> {
    let mean = mean_interval_ns(pace)?;
    let kept = match plan.schedule.interval() {
        Some(interval) => {
            let asked = interval.as_secs_f64() * 1e3;
            format!(
                "one packet every {asked} ms asked for, every {:.6} ms kept ({:+.1} ppm)",
                mean / 1e6,
                interval_error_ppm(plan, pace).unwrap_or_default()
            )
        }
        None => format!(
            "one packet every {:.5} ms, {:.0} a second",
            mean / 1e6,
            1e9 / mean
        ),
    };
    let missed = match plan.schedule {
        Schedule::BackToBack { .. } => String::new(),
        _ => format!("; {} of {} slots missed", pace.missed, pace.slots),
    };
    Some(format!("pace: {kept}{missed}"))
}

/// The mean time between two slots as it was kept, in nanoseconds and parts of them.
pub(super) fn mean_interval_ns(pace: &Pace) -> Option<f64> {
    pace.interval()?;
    let slots = (pace.last_slot - pace.first_slot) as f64;
    Some((pace.last - pace.first).as_nanos() as f64 / slots)
}

/// How far the interval that was kept is from the one asked for.
pub(super) fn interval_error_ppm(plan: &Plan, pace: &Pace) -> Option<f64> {
    let asked = plan.schedule.interval()?.as_nanos() as f64;
    Some((mean_interval_ns(pace)? - asked) / asked * 1e6)
}

/// What the round-trip times are made of, and why some are missing.
pub(super) fn round_trips(outcome: &Outcome) -> Vec<String> {
    let found = &outcome.summary;
    let mut texts = Vec::new();
    if found.application.is_none() {
        texts.push("no answer in time: no round-trip times".to_owned());
        return texts;
    }
    if let Some(network) = found.network {
        texts.push(NETWORK.to_owned());
        let (known, answered) = (network.distribution.count, found.answered);
        if known < answered {
            texts.push(format!(
                "All four stamps came of {known} of the {answered} packets: the network RTT, there and back are of these."
            ));
        }
    }
    texts.push(APPLICATION.to_owned());
    if found.network.is_none() {
        texts.push(no_network(outcome.wire).to_owned());
    }
    texts.extend(reflector(outcome.wire).map(str::to_owned));
    texts
}

/// What is taken on the word of a reflector, and how the place of a loss is known.
fn reflector(wire: Wire) -> Option<&'static str> {
    let Wire::Stamp { numbering, .. } = wire else {
        return None;
    };
    Some(match numbering {
        Numbering::Counts => {
            "The reflector's stamps are taken as they are. It numbers its replies: losses there and back are told apart by that count, up to the last answer."
        }
        Numbering::Copies => {
            "The reflector's stamps are taken as they are. It does not number its replies, so that no place of a loss is known."
        }
    })
}

const NETWORK: &str = "network RTT: from the stamp of a packet on its way out to that of its answer, less the server's stay by the server's stamps.";

const APPLICATION: &str =
    "application RTT: around this program's system calls, the waits of both machines included.";

fn no_network(wire: Wire) -> &'static str {
    match wire {
        Wire::Classic(_) => {
            "No network RTT, no one-way delays and no place of a loss: packets of the classic wire carry no times or numbers."
        }
        Wire::Native {
            clock: StampClock::Program,
            ..
        }
        | Wire::Stamp {
            clock: StampClock::Program,
            ..
        } => {
            "No network RTT: packets were not stamped here (by default they are not with -i 0; --stamps kernel asks for it). One-way delays are by the programs' times, the waits of this machine included."
        }
        Wire::Native { .. } => {
            "No network RTT: packets were stamped here, but of none did the server's kernel stamp both its arrival and its answer."
        }
        Wire::Stamp { .. } => {
            "No network RTT: the reflector's stamps do not fit into a round trip."
        }
    }
}

/// The server's clock less this machine's, when the last packet was sent.
pub(super) fn offset_ns(outcome: &Outcome, clocks: &Clocks) -> i64 {
    clocks.fit.offset(outcome.measured.pace.last)
}

/// How the clocks stand to each other at this moment of the measurement.
pub(super) fn clocks(clocks: &Clocks, offset_ns: i64) -> Vec<String> {
    let fit = &clocks.fit;
    let bound = fit.drift_bound_ppm();
    let drift = if bound >= 1000.0 {
        "not known".to_owned()
    } else {
        format!("{:+.3} ppm (±{bound:.3})", fit.drift_ppm())
    };
    let mut texts = vec![format!(
        "one-way delays by a fitted clock: offset {} ms, drift {drift}, error at most ±{} ms (they cannot be known better than half the shortest round trip). How they vary is right whatever the offset.",
        signed_ms(offset_ns as f64),
        ms(fit.bound())
    )];
    if !fit.even() {
        texts.push("The clocks ran unevenly: no steady drift explains all packets, so the error is as much larger, and slow changes of a delay may be the clocks'.".to_owned());
    }
    if clocks.steps > 0 {
        let last = clocks.last_step.unwrap_or_default();
        texts.push(format!(
            "The server's clock was set {} times while this ran, last by {} ms; what is said of the clocks is from then on.",
            clocks.steps,
            signed_ms(last as f64)
        ));
    }
    texts
}

/// The names of the three kinds of jitter.
pub(super) const JITTER: &str = "RFC 3550: running estimate at the end. IPDV: from each packet to the next (RFC 3393, RFC 5481). PDV: above the shortest (RFC 5481).";
