//! The result of a sweep as a page.

use chart::number::grouped;
use chart::{Page, Table, Unit};
use runtime::units::{date, show_time};

use super::charts::charts;
use super::collect::Moment;
use super::found::Found;
use super::text;
use super::words;

pub(super) fn page(found: &Found) -> Page {
    let mut notes = words::verdict(found);
    notes.push(
        "In time: the answer came before the interval of its packet had passed, which is what the classic client counts. \
         Throughput is that of the payload, there and back; a packet belongs to the second in which it was sent. Lost: \
         no answer within twice the time-out."
            .to_owned(),
    );
    notes.extend(found.notes.iter().cloned());
    Page {
        title: format!("Sweep of udp://{}", found.plan.server),
        intro: intro(found),
        charts: charts(found).into(),
        tables: vec![steps(found), seconds(found)],
        notes,
    }
}

fn intro(found: &Found) -> Vec<(String, String)> {
    let mut intro = vec![
        ("Found", words::verdict(found).swap_remove(0)),
        ("Command line", runtime::cli::command_line()),
        (
            "Target",
            format!("udp://{}, {}", found.plan.server, found.wire.server()),
        ),
        (
            "Packets",
            format!("{} bytes of UDP payload", found.plan.size),
        ),
        ("Sweep", words::plan(&found.sweep, found.asked.packets)),
        ("Time-out", show_time(found.plan.timeout)),
        ("Times by", words::clock(found.wire).to_owned()),
        (
            "Began",
            format!("{} by this machine's clock", date(found.began)),
        ),
    ];
    if found.pace.missed > 0 {
        let missed = format!(
            "{} of {}",
            grouped(found.pace.missed),
            grouped(found.pace.slots)
        );
        intro.push(("Slots missed here", missed));
    }
    intro
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

fn steps(found: &Found) -> Table {
    let header = [
        "packets/s",
        "achieved",
        "sent",
        "answered",
        "loss %",
        "RTT p50 ms",
        "p99 ms",
        "max ms",
        "",
    ];
    let row = |place: usize| {
        let mut row = text::cells(&found.rungs[place]).to_vec();
        row.push(text::note(found, place).to_owned());
        row
    };
    Table {
        caption: "Steps".to_owned(),
        header: header.map(str::to_owned).to_vec(),
        rows: (0..found.rungs.len()).map(row).collect(),
    }
}

fn seconds(found: &Found) -> Table {
    let header = [
        "second",
        "sent",
        "in time",
        "throughput",
        "mean delay",
        "answered",
        "throughput",
        "mean delay",
    ];
    let row = |moment: &Moment| {
        let series = [&moment.in_time, &moment.all].map(|second| {
            [
                grouped(second.answered),
                Unit::BitsPerSecond.show(second.throughput_bps),
                Unit::Seconds.show(second.delay.as_secs_f64()),
            ]
        });
        let first = [
            moment.in_time.second.to_string(),
            grouped(moment.in_time.sent),
        ];
        first
            .into_iter()
            .chain(series.into_iter().flatten())
            .collect()
    };
    Table {
        caption: "Seconds: answers in time, then all".to_owned(),
        header: header.map(str::to_owned).to_vec(),
        rows: found.seconds.iter().map(row).collect(),
    }
}
