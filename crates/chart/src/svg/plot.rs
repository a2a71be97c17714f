//! The part of a vector image that shows values.

use std::collections::BTreeSet;

use super::{SOFT, label, px};
use crate::frame::{Across, Bar, Spot, bars, is_empty, runs, thin};
use crate::scale::Ruler;
use crate::text::xml;
use crate::{Axis, Panel, Series, Style};

/// Colours that readers with any colour vision tell apart, after Okabe and Ito.
const COLOURS: [&str; 7] = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#444444",
];

/// Dashes, so that lines can be told apart without colours too.
const DASHES: [&str; 5] = ["", "7 3", "2 3", "9 3 2 3", "14 4"];

/// Up to so many points are shown as markers (or bars as elements) that say their values.
const FEW: usize = 60;

/// From so many points on a line is thin and without dashes, which its spikes would fall between.
const MANY: usize = 400;

/// A rectangle of the picture to draw in, in pixels.
pub(super) struct Plot {
    pub(super) left: f64,
    pub(super) width: f64,
    pub(super) top: f64,
    pub(super) height: f64,
}

impl Plot {
    pub(super) fn x(&self, share: f64) -> f64 {
        self.left + share * self.width
    }

    pub(super) fn y(&self, share: f64) -> f64 {
        self.top + (1.0 - share) * self.height
    }

    /// Vertical lines, as a part of a path.
    pub(super) fn columns(&self, shares: &[f64]) -> String {
        let line = |share: &f64| {
            let x = px(self.x(*share).round() + 0.5);
            format!("M{x} {}v{}", px(self.top), px(self.height))
        };
        shares.iter().map(line).collect()
    }

    /// Horizontal lines, as a part of a path.
    pub(super) fn lines(&self, shares: &[f64]) -> String {
        let line = |share: &f64| {
            let y = px(self.y(*share).round() + 0.5);
            format!("M{} {y}h{}", px(self.left), px(self.width))
        };
        shares.iter().map(line).collect()
    }
}

/// What a panel's series are drawn from.
pub(super) struct Scene<'a> {
    pub(super) plot: Plot,
    pub(super) x_axis: &'a Axis,
    pub(super) across: &'a Across,
    pub(super) panel: &'a Panel,
    pub(super) y: &'a Ruler,
}

impl Scene<'_> {
    /// The series with bars.
    pub(super) fn draw_bars(&self, out: &mut String) {
        for (index, series) in self.panel.series.iter().enumerate() {
            if series.style == Style::Bars {
                let bars = bars(self.panel, index, self.across, self.y, self.plot.width);
                self.draw_bars_of(&bars, series, index, out);
            }
        }
    }

    /// The series with lines or points.
    pub(super) fn draw_lines(&self, out: &mut String) {
        for (index, series) in self.panel.series.iter().enumerate() {
            let runs = runs(series, self.across, self.y);
            match series.style {
                Style::Bars => {}
                Style::Points => self.draw_points(&runs, series, index, out),
                Style::Line | Style::Steps => self.draw_line(&runs, series, index, out),
            }
        }
    }

    /// Says so if there are no values.
    pub(super) fn draw_absence(&self, out: &mut String) {
        if is_empty(self.panel, self.across, self.y) {
            let style = format!(r#"{SOFT} text-anchor="middle""#);
            *out += &label(self.plot.x(0.5), self.plot.y(0.5), &style, "no values");
        }
    }

    fn draw_line(&self, runs: &[Vec<Spot>], series: &Series, index: usize, out: &mut String) {
        let thinned = runs.iter().map(|run| thin(run, self.plot.width));
        let (lone, joined): (Vec<_>, Vec<_>) = thinned.partition(|run| run.len() == 1);
        let path: String = joined
            .iter()
            .map(|run| self.path(run, series.style))
            .collect();
        if !path.is_empty() {
            *out += &format!("<path {} d=\"{path}\"/>\n", stroke(series, index));
        }
        if is_few(series) && series.style == Style::Line {
            self.draw_markers(runs.iter().flatten(), series, index, out);
        } else {
            self.draw_dots(lone.iter().flatten(), index, out);
        }
    }

    fn draw_points(&self, runs: &[Vec<Spot>], series: &Series, index: usize, out: &mut String) {
        if is_few(series) {
            self.draw_markers(runs.iter().flatten(), series, index, out);
        } else {
            self.draw_dots(runs.iter().flatten(), index, out);
        }
    }

    fn draw_bars_of(&self, bars: &[Bar], series: &Series, index: usize, out: &mut String) {
        let few = bars.len() <= FEW * 4;
        let fill = fill(index);
        if few {
            for bar in bars {
                let title = self.title(series, bar.spot);
                let path = self.bar(bar);
                *out += &format!("<path {fill} d=\"{path}\"><title>{title}</title></path>\n");
            }
        } else {
            let path: String = bars.iter().map(|bar| self.bar(bar)).collect();
            *out += &format!("<path {fill} d=\"{path}\"/>\n");
        }
    }

    fn bar(&self, bar: &Bar) -> String {
        let (left, base) = (self.plot.x(bar.left), self.plot.y(bar.base));
        let width = ((bar.right - bar.left) * self.plot.width).max(1.0);
        let height = self.plot.y(bar.spot.y) - base;
        let (width, back) = (px(width), px(-width));
        format!(
            "M{} {}v{}h{width}v{}h{back}z",
            px(left),
            px(base),
            px(height),
            px(-height)
        )
    }

    fn draw_markers<'a>(
        &self,
        spots: impl Iterator<Item = &'a Spot>,
        series: &Series,
        index: usize,
        out: &mut String,
    ) {
        let fill = fill(index);
        for spot in spots {
            let title = self.title(series, *spot);
            let path = marker(index, self.plot.x(spot.x), self.plot.y(spot.y));
            *out += &format!("<path {fill} d=\"{path}\"><title>{title}</title></path>\n");
        }
    }

    /// Dots of two pixels, none of them twice: round for every other series, else square.
    fn draw_dots<'a>(&self, spots: impl Iterator<Item = &'a Spot>, index: usize, out: &mut String) {
        let cell = |spot: &Spot| {
            let (x, y) = (self.plot.x(spot.x), self.plot.y(spot.y));
            ((x * 0.5).round() as i64 * 2, (y * 0.5).round() as i64 * 2)
        };
        let cells: BTreeSet<_> = spots.map(cell).collect();
        let path: String = cells.iter().map(|(x, y)| format!("M{x} {y}h0")).collect();
        if !path.is_empty() {
            let cap = if index.is_multiple_of(2) {
                "round"
            } else {
                "square"
            };
            let class = class('l', index);
            let colour = colour(index);
            *out += &format!(
                "<path {class} fill=\"none\" stroke=\"{colour}\" stroke-width=\"2.6\" stroke-linecap=\"{cap}\" d=\"{path}\"/>\n"
            );
        }
    }

    /// What a point says of itself: `p99: 12.3 ms at 480 Mbit/s`.
    fn title(&self, series: &Series, spot: Spot) -> String {
        let (x, y) = spot.value;
        let values = format!(
            "{} at {}",
            self.panel.y.unit.show(y),
            self.x_axis.unit.show(x)
        );
        match series.name.as_str() {
            "" => xml(&values),
            name => xml(&format!("{name}: {values}")),
        }
    }

    fn path(&self, run: &[Spot], style: Style) -> String {
        let mut path = String::new();
        for (at, spot) in run.iter().enumerate() {
            let (x, y) = (px(self.plot.x(spot.x)), px(self.plot.y(spot.y)));
            path += &match (at, style) {
                (0, _) => format!("M{x} {y}"),
                (_, Style::Steps) => format!("H{x}V{y}"),
                _ => format!("L{x} {y}"),
            };
        }
        path
    }
}

/// How a series looks, for a legend: 26 pixels wide, its middle at this height.
pub(super) fn sample(series: &Series, index: usize, x: f64, y: f64) -> String {
    let fill = fill(index);
    let line = format!(
        "<path {} d=\"M{} {}h26\"/>\n",
        stroke(series, index),
        px(x),
        px(y)
    );
    let marker = marker(index, x + 13.0, y);
    let marker = format!("<path {fill} d=\"{marker}\"/>\n");
    match series.style {
        Style::Bars => {
            let (x, y) = (px(x + 6.0), px(y - 6.0));
            format!("<path {fill} d=\"M{x} {y}h14v12h-14z\"/>\n")
        }
        Style::Points => marker,
        Style::Line if is_few(series) => line + &marker,
        Style::Line | Style::Steps => line,
    }
}

/// A marker around a place: a circle, a square, a triangle or a diamond.
fn marker(index: usize, x: f64, y: f64) -> String {
    let from = |dx: f64, dy: f64| format!("M{} {}", px(x + dx), px(y + dy));
    match index % 4 {
        0 => from(-3.5, 0.0) + "a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0 -7 0z",
        1 => from(-3.2, -3.2) + "h6.4v6.4h-6.4z",
        2 => from(0.0, -4.4) + "l4.4 7.6h-8.8z",
        _ => from(0.0, -4.6) + "l4.6 4.6l-4.6 4.6l-4.6 -4.6z",
    }
}

fn is_few(series: &Series) -> bool {
    series.points.len() <= FEW
}

fn class(kind: char, index: usize) -> String {
    format!("class=\"{kind}{}\"", index % COLOURS.len())
}

fn colour(index: usize) -> &'static str {
    COLOURS[index % COLOURS.len()]
}

fn fill(index: usize) -> String {
    format!("{} fill=\"{}\"", class('f', index), colour(index))
}

fn stroke(series: &Series, index: usize) -> String {
    let (class, colour) = (class('l', index), colour(index));
    let dash = DASHES[index % DASHES.len()];
    let (width, dash) = match series.points.len() {
        MANY.. => ("1.2", String::new()),
        _ if dash.is_empty() => ("2", String::new()),
        _ => ("2", format!(" stroke-dasharray=\"{dash}\"")),
    };
    format!(
        "{class} fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\" stroke-linejoin=\"round\"{dash}"
    )
}
