//! What a vector image must be, whatever goes in.

use proptest::prelude::*;

use super::*;
use crate::{Axis, Mark, Panel, Series, Style, Unit};

/// Reads the picture with all its text and shapes as a renderer does.
fn parse(svg: &str) -> resvg::usvg::Tree {
    crate::png::parse(svg).expect("an SVG")
}

fn values() -> impl Strategy<Value = f64> {
    prop_oneof![
        3 => -1e3..1e3f64,
        2 => any::<f64>(),
        1 => prop::sample::select(vec![f64::NAN, f64::INFINITY, 0.0, -0.0, f64::MAX, f64::MIN, 5e-324, 1.0]),
    ]
}

fn axes() -> impl Strategy<Value = Axis> {
    let units = prop::sample::select(vec![
        Unit::Seconds,
        Unit::BitsPerSecond,
        Unit::PacketsPerSecond,
        Unit::RequestsPerSecond,
        Unit::Bytes,
        Unit::Percent,
        Unit::Plain,
    ]);
    (any::<String>(), units, any::<bool>(), any::<bool>()).prop_map(|(label, unit, log, zero)| {
        let axis = Axis::new(label, unit);
        let axis = if log { axis.logarithmic() } else { axis };
        if zero { axis.from_zero() } else { axis }
    })
}

fn series() -> impl Strategy<Value = Series> {
    let styles = vec![Style::Line, Style::Steps, Style::Bars, Style::Points];
    let points = prop::collection::vec((values(), values()), 0..80);
    (any::<String>(), points, prop::sample::select(styles)).prop_map(|(name, points, style)| {
        Series {
            name,
            points,
            style,
        }
    })
}

fn panels() -> impl Strategy<Value = Panel> {
    let marks = (values(), any::<String>()).prop_map(|(x, label)| Mark { x, label });
    let series = prop::collection::vec(series(), 0..4);
    (axes(), series, prop::collection::vec(marks, 0..5)).prop_map(|(y, series, marks)| Panel {
        y,
        series,
        marks,
    })
}

/// Any chart that can be built.
pub(crate) fn charts() -> impl Strategy<Value = Chart> {
    (
        any::<String>(),
        axes(),
        prop::collection::vec(panels(), 0..3),
    )
        .prop_map(|(title, x, panels)| Chart { title, x, panels })
}

proptest! {
    #[test]
    fn any_chart_is_well_formed(chart in charts()) {
        let svg = svg(&chart);
        let tree = parse(&svg);
        prop_assert_eq!(f64::from(tree.size().width()), WIDTH);
        for path in svg.split(" d=\"").skip(1) {
            let path = path.split('"').next().unwrap_or_default();
            prop_assert!(path.chars().all(|c| c.is_ascii_digit() || "MLHVahlvz .-".contains(c)), "{path}");
        }
    }
}

fn line(points: Vec<(f64, f64)>) -> Chart {
    let axis = |label| Axis::new(label, Unit::Plain);
    Chart::new("A <title> & more", axis("x"))
        .with(Panel::new(axis("y")).with(Series::line("s", points)))
}

#[test]
fn a_reader_who_cannot_see_it_is_told_what_it_is() {
    let svg = svg(&line(vec![(1.0, 2.0), (2.0, 3.0)]));
    assert!(svg.contains(r#"role="img" aria-label="A &lt;title&gt; &amp; more""#));
    assert!(svg.contains("\n<title>A &lt;title&gt; &amp; more</title>\n"));
    assert!(svg.contains("<title>s: 3 at 2</title>"));
}

#[test]
fn many_points_stay_small() {
    let points = (0..200_000).map(|i| (f64::from(i), f64::from(i * 7919 % 1000)));
    let svg = svg(&line(points.collect()));
    assert!(svg.len() < 60_000, "{}", svg.len());
}

#[test]
fn a_chart_without_values_says_so() {
    assert!(svg(&line(vec![])).contains(">no values</text>"));
    assert!(svg(&line(vec![(f64::NAN, 1.0)])).contains(">no values</text>"));
}
