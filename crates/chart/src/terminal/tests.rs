//! What a terminal gets to see.

use proptest::prelude::*;

use super::*;
use crate::svg::tests::charts;
use crate::{Axis, Mark, Series, Unit};

fn narrow(chart: &Chart) -> String {
    terminal(chart, Width::new(0), false)
}

#[test]
fn a_sweep() {
    let rates = (0..=10).map(|step| f64::from(step) * 100e6);
    let carried = rates.clone().map(|rate| (rate, rate.min(500e6)));
    let lost = rates.map(|rate| (rate, (rate - 500e6).max(0.0) / rate.max(1.0) * 100.0));
    let chart = Chart::new("A sweep", Axis::new("offered", Unit::BitsPerSecond))
        .with(
            Panel::new(Axis::new("throughput", Unit::BitsPerSecond).from_zero())
                .with(Series::line("carried", carried.collect()))
                .marked(Mark::new(500e6, "knee"))
                .marked(Mark::new(520e6, "capacity")),
        )
        .with(
            Panel::new(Axis::new("loss", Unit::Percent)).with(Series::bars("lost", lost.collect())),
        );
    assert_eq!(narrow(&chart), include_str!("snapshots/sweep.txt"));
}

#[test]
fn steps_and_points_with_gaps_on_a_logarithmic_axis() {
    let delays =
        |factor: f64| move |i: u32| (f64::from(i), factor * 10f64.powf(f64::from(i % 25) / 8.0));
    let gap = |(x, y): (f64, f64)| {
        (
            x,
            if (10.0..20.0).contains(&x) {
                f64::NAN
            } else {
                y
            },
        )
    };
    let chart = Chart::new("", Axis::new("time", Unit::Seconds)).with(
        Panel::new(Axis::new("delay", Unit::Seconds).logarithmic())
            .with(Series::steps(
                "there",
                (0..=50).map(delays(20e-6)).map(gap).collect(),
            ))
            .with(Series::points(
                "back",
                (0..=50).map(delays(100e-6)).collect(),
            )),
    );
    assert_eq!(narrow(&chart), include_str!("snapshots/steps.txt"));
}

#[test]
fn nothing_and_a_single_point() {
    let axis = |label| Axis::new(label, Unit::Plain);
    let chart = Chart::new("Odd", axis("x"))
        .with(Panel::new(axis("none")))
        .with(Panel::new(axis("one")).with(Series::line("", vec![(3.0, 7.0)])));
    assert_eq!(narrow(&chart), include_str!("snapshots/odd.txt"));
}

#[test]
fn colours_are_there_only_if_asked_for() {
    let axis = |label| Axis::new(label, Unit::Plain);
    let series = Series::bars("s", vec![(3.0, 7.0)]);
    let chart = Chart::new("T", axis("x")).with(Panel::new(axis("y")).with(series));
    let colored = terminal(&chart, Width::default(), true);
    assert!(colored.contains("\x1b[1mT\x1b[0m\n"));
    assert!(colored.contains("\x1b[38;5;32m█\x1b[0m s\n"));
    let mut plain = colored;
    for code in ["\x1b[1m", "\x1b[2m", "\x1b[38;5;32m", "\x1b[0m"] {
        plain = plain.replace(code, "");
    }
    assert_eq!(plain, terminal(&chart, Width::default(), false));
}

proptest! {
    #[test]
    fn any_chart_fits_and_is_harmless(chart in charts(), columns in 0..300usize) {
        let width = Width::new(columns);
        for line in terminal(&chart, width, false).lines() {
            prop_assert!(!line.chars().any(char::is_control), "{line:?}");
            prop_assert!(strip::width(line) <= width.0, "{line:?}");
        }
    }
}
