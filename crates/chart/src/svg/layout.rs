//! Where the heading of a panel, its legend and the labels of its marks stand: above the plot, so that they cover no
//! value, and beside one another.

use super::{PLOT_HEIGHT, RIGHT, WIDTH, width};
use crate::Panel;
use crate::frame::{Across, stack};
use crate::scale::Ruler;
use crate::text::{ems, fit};

/// The height of a line of a panel's heading, and of a line of labels of its marks.
pub(super) const HEADING_LINE: f64 = 21.0;
pub(super) const MARK_LINE: f64 = 17.0;
/// The lines that labels of marks may take; what finds no room in them is only a line.
const MARK_LINES: usize = 3;
/// The widest that a name in a legend or the label of a mark gets.
const NAME: f64 = 280.0;
/// The part of a legend's entry that is no text.
const SAMPLE: f64 = 36.0;

/// A panel with its layout settled.
pub(super) struct Layout<'a> {
    pub(super) panel: &'a Panel,
    pub(super) y: Ruler,
    pub(super) legend: Vec<Entry>,
    heading_lines: usize,
    /// For each mark, where there is room.
    pub(super) labels: Vec<Option<Label>>,
    mark_lines: usize,
}

/// An entry of the legend.
pub(super) struct Entry {
    pub(super) series: usize,
    pub(super) name: String,
    pub(super) x: f64,
    pub(super) line: usize,
}

/// The label of a mark.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Label {
    pub(super) text: String,
    /// The middle of the text, from the left of the picture.
    pub(super) middle: f64,
    /// The line, upwards from the plot.
    pub(super) line: usize,
}

impl<'a> Layout<'a> {
    /// The layout of a panel whose plot begins at `left`.
    pub(super) fn new(panel: &'a Panel, y: Ruler, across: &Across, left: f64) -> Self {
        let legend = legend(panel, &y, left);
        let labels = place_labels(panel, across, left);
        let lines = labels.iter().flatten().map(|label| label.line + 1);
        Self {
            panel,
            heading_lines: legend.last().map_or(1, |entry| entry.line + 1),
            mark_lines: lines.max().unwrap_or(0),
            y,
            legend,
            labels,
        }
    }

    /// From the top of the panel to that of its plot.
    pub(super) fn heading(&self) -> f64 {
        self.heading_lines as f64 * HEADING_LINE + self.mark_lines as f64 * MARK_LINE + 4.0
    }

    pub(super) fn height(&self) -> f64 {
        self.heading() + PLOT_HEIGHT + 20.0
    }
}

/// The entries of the legend, beside the caption of the axis and, where there is no room, below it.
fn legend(panel: &Panel, y: &Ruler, left: f64) -> Vec<Entry> {
    let end = WIDTH - RIGHT;
    let caption = fit(&y.caption, end - left, |c| ems(c) * 13.0);
    let (mut x, mut line) = (left + width(&caption, 13.0) + 28.0, 0);
    let mut legend = Vec::new();
    for (index, series) in panel.series.iter().enumerate() {
        if series.name.is_empty() {
            continue;
        }
        let name = fit(&series.name, NAME, |c| ems(c) * 12.0);
        let room = SAMPLE + width(&name, 12.0);
        if x + room > end {
            (x, line) = (left, line + 1);
        }
        legend.push(Entry {
            series: index,
            name,
            x,
            line,
        });
        x += room + 22.0;
    }
    legend
}

fn place_labels(panel: &Panel, across: &Across, left: f64) -> Vec<Option<Label>> {
    let texts = panel
        .marks
        .iter()
        .map(|mark| fit(&mark.label, NAME, |c| ems(c) * 12.0));
    let texts: Vec<_> = texts.collect();
    let reach = |text: &String, x: f64| {
        let half = width(text, 12.0) / 2.0 + 5.0;
        let middle = left + across.ruler.place(x)? * (WIDTH - left - RIGHT);
        let middle = middle.min(WIDTH - half).max(half);
        (!text.is_empty()).then_some((middle - half, middle + half))
    };
    let marks = texts.iter().zip(&panel.marks);
    let reaches: Vec<_> = marks.map(|(text, mark)| reach(text, mark.x)).collect();
    let shown: Vec<_> = reaches.iter().flatten().copied().collect();
    let mut lines = stack(&shown, MARK_LINES).into_iter();
    let label = |(text, reach): (String, Option<(f64, f64)>)| {
        let (begin, end) = reach?;
        Some(Label {
            text,
            middle: (begin + end) / 2.0,
            line: lines.next()??,
        })
    };
    texts.into_iter().zip(reaches).map(label).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Axis, Chart, Mark, Unit};

    #[test]
    fn labels_of_marks_that_would_meet_stand_one_above_the_other() {
        let axis = || Axis::new("", Unit::Plain);
        let places = [50.0, 51.0, 52.0, 53.0, f64::NAN, 0.0, 100.0];
        let panel = places.iter().fold(Panel::new(axis()), |panel, x| {
            panel.marked(Mark::new(*x, "the knee"))
        });
        let chart = Chart::new("", axis()).with(panel);
        let labels = place_labels(&chart.panels[0], &Across::new(&chart, 9), 60.0);
        let lines = labels
            .iter()
            .map(|label| label.as_ref().map(|label| label.line));
        let expected = [Some(0), Some(1), Some(2), None, None, Some(0), Some(0)];
        assert_eq!(lines.collect::<Vec<_>>(), expected);
    }
}
