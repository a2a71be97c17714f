//! Draws what a measurement may look like, in all forms, into the folder that is named: `gallery FOLDER`.

use std::io::Write;
use std::{env, fs, io, path::Path};

use chart::{Axis, Chart, Mark, Page, Panel, Series, Table, Unit, Width};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = env::args().nth(1).ok_or("expected a folder to draw into")?;
    let folder = Path::new(&folder);
    let charts = vec![sweep(), over_time(), histogram(), distribution(), odd()];
    let mut out = io::stdout().lock();
    for (index, chart) in charts.iter().enumerate() {
        fs::write(folder.join(format!("{index}.svg")), chart::svg(chart))?;
        fs::write(folder.join(format!("{index}.png")), chart::png(chart)?)?;
        for (width, color) in [(80, false), (120, true)] {
            writeln!(out, "{}", chart::terminal(chart, Width::new(width), color))?;
        }
    }
    fs::write(folder.join("page.html"), chart::html(&page(charts)))?;
    Ok(())
}

/// Rates at which a path was loaded, in Mbit/s, up to twice what it carries.
fn rates() -> impl Iterator<Item = f64> {
    (1..=20).map(|step| f64::from(step) * 50.0)
}

const CAPACITY: f64 = 520.0;

/// Throughput that stops rising at a knee, with delay and loss that climb there.
fn sweep() -> Chart {
    let series = |value: &dyn Fn(f64) -> f64| -> Vec<_> {
        rates().map(|rate| (rate * 1e6, value(rate))).collect()
    };
    let delay = |floor: f64, load: f64| {
        move |rate: f64| match rate / CAPACITY * load {
            share if share < 1.0 => (floor / (1.0 - share)).min(0.4),
            share => (0.3 * share).min(0.5),
        }
    };
    let loss = |rate: f64| ((rate - CAPACITY) / rate * 100.0).max(0.0);
    let knee = |label| Mark::new(500e6, label);
    Chart::new(
        "What the path carries: UDP, 1,200 bytes, 10 s a step",
        Axis::new("offered", Unit::BitsPerSecond).from_zero(),
    )
    .with(
        Panel::new(Axis::new("throughput", Unit::BitsPerSecond).from_zero())
            .with(Series::line("offered", series(&|rate| rate * 1e6)))
            .with(Series::line(
                "delivered",
                series(&|rate| rate.min(CAPACITY) * 1e6),
            ))
            .marked(knee("knee: 500 Mbit/s")),
    )
    .with(
        Panel::new(Axis::new("round trip", Unit::Seconds).logarithmic())
            .with(Series::line("p50", series(&delay(12e-6, 0.9))))
            .with(Series::line("p99", series(&delay(60e-6, 0.98))))
            .with(Series::line("p99.9", series(&delay(180e-6, 1.0))))
            .marked(knee("")),
    )
    .with(
        Panel::new(Axis::new("loss", Unit::Percent).from_zero())
            .with(Series::bars("lost", series(&loss)))
            .marked(knee("")),
    )
}

/// A small generator, so that the pictures are the same each time.
fn noise(seed: u32) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state >> 8) / f64::from(1 << 24)
    }
}

/// Delay of each of many datagrams, with some lost and a few very late.
fn over_time() -> Chart {
    let mut random = noise(7);
    let mut sample = |i: u32| {
        let time = f64::from(i) / 500.0;
        let wave = 0.004 * (1.0 + (time / 3.0).sin());
        let spike = if random() > 0.999 { 0.05 } else { 0.0 };
        let lost = random() > 0.99;
        (
            time,
            if lost {
                f64::NAN
            } else {
                0.021 + wave + random() * 0.003 + spike
            },
        )
    };
    let points: Vec<_> = (0..15_000).map(&mut sample).collect();
    let few: Vec<_> = points
        .iter()
        .step_by(7)
        .map(|(time, delay)| (*time, delay / 2.0))
        .collect();
    Chart::new("Round trips over 30 s", Axis::new("time", Unit::Seconds))
        .with(
            Panel::new(Axis::new("round trip", Unit::Seconds).from_zero())
                .with(Series::line("each", points)),
        )
        .with(
            Panel::new(Axis::new("one way", Unit::Seconds))
                .with(Series::points("there", few.clone()))
                .with(Series::points(
                    "back",
                    few.iter().map(|(x, y)| (*x, y * 1.4)).collect(),
                ))
                .marked(Mark::new(9.5, "route changed"))
                .marked(Mark::new(10.0, "and back"))
                .marked(Mark::new(30.0, "end of the run")),
        )
}

fn histogram() -> Chart {
    let bucket = |i: u32| {
        let x = 20e-6 * 1.1f64.powi(i as i32);
        let near = (-((f64::from(i) - 15.0) / 5.0).powi(2)).exp() * 4000.0;
        let tail = (-((f64::from(i) - 45.0) / 4.0).powi(2)).exp() * 300.0;
        (x, (near + tail).round())
    };
    Chart::new(
        "How long round trips took",
        Axis::new("round trip", Unit::Seconds).logarithmic(),
    )
    .with(
        Panel::new(Axis::new("round trips", Unit::Plain))
            .with(Series::bars("", (0..60).map(bucket).collect()))
            .marked(Mark::new(84e-6, "p50"))
            .marked(Mark::new(1.4e-3, "p99"))
            .marked(Mark::new(1.9e-3, "p99.9")),
    )
}

fn distribution() -> Chart {
    let share = |shift: f64| {
        let at = move |i: u32| {
            let x = 10f64.powf(f64::from(i) / 50.0 - 5.0);
            (x, 100.0 / (1.0 + (-(x.log10() + shift) * 4.0).exp()))
        };
        (0..=200).map(at).collect()
    };
    Chart::new(
        "Share of round trips that took at most so long",
        Axis::new("round trip", Unit::Seconds).logarithmic(),
    )
    .with(
        Panel::new(Axis::new("share", Unit::Percent).from_zero())
            .with(Series::steps("idle", share(4.2)))
            .with(Series::steps("half loaded", share(3.6)))
            .with(Series::steps("fully loaded", share(2.4))),
    )
}

/// What is hard to draw.
fn odd() -> Chart {
    let axis = |label: &str| Axis::new(label, Unit::Plain);
    let names = (0..9).map(|i| {
        Series::bars(
            format!("a rather long name, number {i}"),
            vec![(1.0, f64::from(i)), (2.0, 3.0)],
        )
    });
    let mut many = Panel::new(axis("many series"));
    many.series.extend(names);
    let title = "A title <b>that</b> is much too long & hostile \u{1b}[31m for its line, 漢字漢字 and which therefore is cut off somewhere";
    Chart::new(title, axis("x"))
        .with(Panel::new(axis("nothing")))
        .with(Panel::new(axis("one point")).with(Series::line("lone", vec![(1.5, 1e9)])))
        .with(many)
}

fn page(charts: Vec<Chart>) -> Page {
    let row = |rate: f64| {
        let delivered = Unit::BitsPerSecond.show(rate.min(CAPACITY) * 1e6);
        let loss = Unit::Percent.show(((rate - CAPACITY) / rate * 100.0).max(0.0));
        vec![
            Unit::BitsPerSecond.show(rate * 1e6),
            delivered,
            loss,
            (if rate > CAPACITY {
                "overloaded"
            } else {
                "fine"
            })
            .to_owned(),
        ]
    };
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Page {
        title: "Sweep of a path".to_owned(),
        intro: vec![
            pair("From, to", "host-a → host-b, port 8090"),
            pair("Datagrams", "1,200 bytes, evenly spaced, 10 s a step"),
            pair("Time stamps", "by the kernel at both ends; offset of the clocks estimated from the smallest round trips"),
        ],
        charts,
        tables: vec![Table {
            caption: "Steps".to_owned(),
            header: ["offered", "delivered", "loss", ""].map(str::to_owned).to_vec(),
            rows: rates().map(row).collect(),
        }],
        notes: vec!["The knee is the highest rate at which less than 0.1 % was lost and p99 stayed below ten times its floor.".to_owned()],
    }
}
