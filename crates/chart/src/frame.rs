//! What all forms of a chart share: the rulers of its axes, where its points lie and where its bars stand.

use crate::scale::{Fit, Ruler, project};
use crate::{Axis, Chart, Panel, Series, Start, Style};

/// The ruler of the x axis and what bars need of it.
pub(crate) struct Across {
    pub(crate) ruler: Ruler,
    /// The room that the bars around one x have together, as a share of the axis.
    slot: f64,
}

/// The share of the axis that a bar has if there is no other.
const LONE_SLOT: f64 = 0.1;

impl Across {
    /// The x axis of a chart, with about `count` ticks.
    pub(crate) fn new(chart: &Chart, count: usize) -> Self {
        let series = || chart.panels.iter().flat_map(|panel| &panel.series);
        let points = series().flat_map(|series| &series.points);
        let marks = chart.panels.iter().flat_map(|panel| &panel.marks);
        let values = points.map(|point| point.0).chain(marks.map(|mark| mark.x));
        let gap = series()
            .filter(|series| series.style == Style::Bars)
            .filter_map(|series| narrowest_gap(&chart.x, series))
            .reduce(f64::min);
        let ruler = Ruler::new(
            &chart.x,
            values,
            Fit::Exact(gap.unwrap_or(0.0) / 2.0),
            count,
        );
        let slot = gap.map_or(LONE_SLOT, |gap| ruler.share(gap));
        Self { ruler, slot }
    }
}

/// The smallest distance between two x of a series, as [projected](project).
fn narrowest_gap(axis: &Axis, series: &Series) -> Option<f64> {
    let places = series
        .points
        .iter()
        .map(|point| project(axis.scale, point.0));
    let mut places: Vec<f64> = places.flatten().collect();
    places.sort_by(f64::total_cmp);
    let gaps = places.windows(2).map(|pair| pair[1] - pair[0]);
    gaps.filter(|gap| *gap > 0.0).reduce(f64::min)
}

/// The ruler of a panel's y axis, with about `count` ticks.
pub(crate) fn upright(panel: &Panel, count: usize) -> Ruler {
    let mut axis = panel.y.clone();
    if panel
        .series
        .iter()
        .any(|series| series.style == Style::Bars)
    {
        axis.start = Start::Zero;
    }
    let points = panel.series.iter().flat_map(|series| &series.points);
    Ruler::new(&axis, points.map(|point| point.1), Fit::Rounded, count)
}

/// A point of a series, and where it lies: `x` from the left, `y` from the bottom, both from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spot {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) value: (f64, f64),
}

/// The points of a series, parted where there are gaps.
pub(crate) fn runs(series: &Series, across: &Across, y: &Ruler) -> Vec<Vec<Spot>> {
    let spot = |&value: &(f64, f64)| {
        Some(Spot {
            x: across.ruler.place(value.0)?,
            y: y.place(value.1)?,
            value,
        })
    };
    let spots: Vec<_> = series.points.iter().map(spot).collect();
    let runs = spots.split(Option::is_none).filter(|run| !run.is_empty());
    runs.map(|run| run.iter().copied().flatten().collect())
        .collect()
}

/// Whether a panel has no value that could be drawn.
pub(crate) fn is_empty(panel: &Panel, across: &Across, y: &Ruler) -> bool {
    panel
        .series
        .iter()
        .all(|series| runs(series, across, y).is_empty())
}

/// The run with at most four spots for each of `columns`: the first, the lowest, the highest and the last. No spike is
/// lost, and the line through them covers the same pixels.
pub(crate) fn thin(run: &[Spot], columns: f64) -> Vec<Spot> {
    let same = |a: &Spot, b: &Spot| (a.x * columns).floor() == (b.x * columns).floor();
    run.chunk_by(same).flat_map(extremes).collect()
}

fn extremes(column: &[Spot]) -> Vec<Spot> {
    if column.len() <= 4 {
        return column.to_vec();
    }
    let by_y = |a: &usize, b: &usize| column[*a].y.total_cmp(&column[*b].y);
    let lowest = (0..column.len()).min_by(by_y).unwrap_or(0);
    let highest = (0..column.len()).max_by(by_y).unwrap_or(0);
    let mut kept = vec![0, lowest, highest, column.len() - 1];
    kept.sort_unstable();
    kept.dedup();
    kept.iter().map(|index| column[*index]).collect()
}

/// How much of the room that it has a bar takes.
pub(crate) const BAR_WIDTH: f64 = 0.86;

/// A bar: its sides from the left, its ends from the bottom, all from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bar {
    pub(crate) left: f64,
    pub(crate) right: f64,
    pub(crate) base: f64,
    pub(crate) spot: Spot,
}

/// The bars of the series at `index` of a panel, beside those of the others, [thinned](thin).
pub(crate) fn bars(
    panel: &Panel,
    index: usize,
    across: &Across,
    y: &Ruler,
    columns: f64,
) -> Vec<Bar> {
    let is_bars = |series: &&Series| series.style == Style::Bars;
    let Some(series) = panel.series.get(index) else {
        return Vec::new();
    };
    let before = panel.series[..index].iter().filter(is_bars).count() as f64;
    let all = panel.series.iter().filter(is_bars).count().max(1) as f64;
    let width = across.slot * BAR_WIDTH / all;
    let base = y.base();
    let runs = runs(series, across, y);
    let spots = runs.iter().flat_map(|run| thin(run, columns));
    let bar = |spot: Spot| {
        let left = spot.x + width * (before - all / 2.0);
        Bar {
            left: left.max(0.0),
            right: (left + width).min(1.0),
            base,
            spot,
        }
    };
    spots.map(bar).collect()
}

/// For labels that begin and end at these places, in which of `rows` each stands so that none meets another; `None`
/// where there is no room.
pub(crate) fn stack(labels: &[(f64, f64)], rows: usize) -> Vec<Option<usize>> {
    let mut taken: Vec<Vec<(f64, f64)>> = vec![Vec::new(); rows];
    let mut place = |&(begin, end): &(f64, f64)| {
        let free = |row: &Vec<(f64, f64)>| row.iter().all(|other| end < other.0 || other.1 < begin);
        let row = taken.iter().position(free)?;
        taken[row].push((begin, end));
        Some(row)
    };
    labels.iter().map(&mut place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Unit;

    fn chart(series: Series) -> Chart {
        let axis = || Axis::new("", Unit::Plain);
        Chart::new("", axis()).with(Panel::new(axis()).with(series))
    }

    #[test]
    fn gaps_part_a_series() {
        let nan = f64::NAN;
        let points = vec![(0.0, 1.0), (1.0, nan), (2.0, 1.0), (3.0, 2.0), (nan, 2.0)];
        let chart = chart(Series::line("", points));
        let y = upright(&chart.panels[0], 4);
        let runs = runs(&chart.panels[0].series[0], &Across::new(&chart, 4), &y);
        assert_eq!(runs.iter().map(Vec::len).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(runs[1][1].value, (3.0, 2.0));
        assert_eq!((runs[1][1].x, runs[1][1].y), (1.0, 1.0));
    }

    #[test]
    fn a_spike_among_many_points_stays() {
        let value = |i: u32| {
            if i == 54_321 {
                9.0
            } else {
                f64::from(i % 7) / 7.0
            }
        };
        let points = (0..100_000).map(|i| (f64::from(i), value(i))).collect();
        let chart = chart(Series::line("", points));
        let y = upright(&chart.panels[0], 4);
        let runs = runs(&chart.panels[0].series[0], &Across::new(&chart, 4), &y);
        let thinned = thin(&runs[0], 800.0);
        assert!(thinned.len() <= 4 * 801, "{}", thinned.len());
        assert!(thinned.iter().any(|spot| spot.value == (54_321.0, 9.0)));
    }

    #[test]
    fn bars_stand_side_by_side_on_zero() {
        let points = || vec![(1.0, 5.0), (2.0, 10.0)];
        let mut chart = chart(Series::bars("", points()));
        chart.panels[0].series.push(Series::bars("", points()));
        let y = upright(&chart.panels[0], 4);
        let across = Across::new(&chart, 4);
        let first = bars(&chart.panels[0], 0, &across, &y, 100.0);
        let second = bars(&chart.panels[0], 1, &across, &y, 100.0);
        assert!((first[0].right - second[0].left).abs() < 1e-9);
        assert!(second[0].right < first[1].left);
        assert_eq!((first[0].base, first[0].spot.y), (0.0, 0.5));
    }

    #[test]
    fn labels_that_would_meet_stand_in_other_rows() {
        let labels = [(0.0, 5.0), (4.0, 9.0), (6.0, 8.0), (7.0, 9.0)];
        assert_eq!(stack(&labels, 2), [Some(0), Some(1), Some(0), None]);
    }
}
