//! The chart as text for a terminal.

mod canvas;
mod strip;

use crate::frame::{Across, bars, is_empty, runs, stack, thin, upright};
use crate::scale::{Ruler, Tick};
use crate::text::{columns, fit};
use crate::{Chart, Panel, Style};
use canvas::{Canvas, ROWS};
use strip::{Ink, Strip, width};

/// The width of a terminal in columns, 60 to 200.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Width(usize);

impl Width {
    /// The width, or the next one that a chart can have.
    pub fn new(columns: usize) -> Self {
        Self(columns.clamp(60, 200))
    }
}

impl Default for Width {
    fn default() -> Self {
        Self(80)
    }
}

/// About how many ticks a y axis has.
const TICKS: usize = 5;
/// The lines that labels of marks may take.
const MARK_LINES: usize = 3;
/// The widest that a name in a legend or the label of a mark gets.
const NAME: f64 = 32.0;

/// The chart as text, twelve lines for each plot: lines and points in Braille dots, bars in block elements. With `color`
/// it has escape sequences for colours; without, the series of a panel still differ by the markers on them.
///
/// Nothing else in it can steer a terminal, whatever stands in a title or a name.
pub fn terminal(chart: &Chart, width: Width, color: bool) -> String {
    Screen::new(chart, width.0, color).draw()
}

/// A chart with what its lines share.
struct Screen<'a> {
    chart: &'a Chart,
    across: Across,
    panels: Vec<(&'a Panel, Ruler)>,
    width: usize,
    /// The columns left of the plots, which the labels of the y axes and the axes themselves take.
    gutter: usize,
    color: bool,
}

impl<'a> Screen<'a> {
    fn new(chart: &'a Chart, columns: usize, color: bool) -> Self {
        let panels = chart
            .panels
            .iter()
            .map(|panel| (panel, upright(panel, TICKS)));
        let panels: Vec<_> = panels.collect();
        let ticks = panels.iter().flat_map(|(_, ruler)| &ruler.ticks);
        let widest = ticks.map(|tick| width(&tick.label)).max();
        Self {
            chart,
            across: Across::new(chart, columns / 11),
            panels,
            width: columns,
            gutter: widest.unwrap_or(0).clamp(4, 20) + 3,
            color,
        }
    }

    /// The columns of a plot; one stays free at the right for half a label.
    fn columns(&self) -> usize {
        self.width - self.gutter - 2
    }

    fn draw(&self) -> String {
        let mut out = String::new();
        if !self.chart.title.is_empty() {
            let title = fit(
                &self.chart.title,
                (self.width - self.gutter) as f64,
                columns,
            );
            out += &self.line(&[(self.gutter, &title, Ink::Strong)]);
        }
        for (panel, y) in &self.panels {
            out.push('\n');
            self.draw_panel(panel, y, &mut out);
        }
        self.draw_x_axis(&mut out);
        out
    }

    fn line(&self, texts: &[(usize, &str, Ink)]) -> String {
        let mut strip = Strip::new(self.width);
        for (column, text, ink) in texts {
            strip.put(*column, text, *ink);
        }
        strip.finish(self.color)
    }

    fn draw_panel(&self, panel: &Panel, y: &Ruler, out: &mut String) {
        let mut canvas = Canvas::new(self.columns());
        self.draw_heading(panel, &y.caption, out);
        self.draw_marks(panel, &mut canvas, out);
        self.draw_series(panel, y, &mut canvas);
        let is_empty = is_empty(panel, &self.across, y);
        for row in 0..ROWS {
            let mut strip = Strip::new(self.width);
            let here = |tick: &&Tick| {
                let dot = (1.0 - tick.at) * (ROWS * 4 - 1) as f64;
                dot.round() as usize / 4 == row
            };
            let tick = y.ticks.iter().find(here);
            let axis = if tick.is_some() { "┤" } else { "│" };
            let label = tick.map_or("", |tick| &tick.label);
            strip.put(
                (self.gutter - 2).saturating_sub(width(label)),
                label,
                Ink::Plain,
            );
            strip.put(self.gutter - 1, axis, Ink::Soft);
            canvas.write(row, self.gutter, &mut strip);
            if is_empty && row == ROWS / 2 {
                strip.put(self.gutter + self.columns() / 2 - 4, "no values", Ink::Soft);
            }
            *out += &strip.finish(self.color);
        }
        *out += &self.x_line();
    }

    fn x_line(&self) -> String {
        let canvas = Canvas::new(self.columns());
        let mut strip = Strip::new(self.width);
        strip.put(self.gutter - 1, "└", Ink::Soft);
        strip.put(self.gutter, &"─".repeat(self.columns()), Ink::Soft);
        for tick in &self.across.ruler.ticks {
            strip.put(self.gutter + canvas.column(tick.at), "┬", Ink::Soft);
        }
        strip.finish(self.color)
    }

    /// The caption of the y axis and the legend, in as many lines as they need.
    fn draw_heading(&self, panel: &Panel, caption: &str, out: &mut String) {
        let mut strip = Strip::new(self.width);
        let caption = fit(caption, self.columns() as f64, columns);
        strip.put(self.gutter, &caption, Ink::Plain);
        let mut at = self.gutter + width(&caption) + 3;
        let mut bars_before = 0;
        for (index, series) in panel.series.iter().enumerate() {
            let sample = match series.style {
                Style::Bars => canvas::fill(bars_before),
                _ => canvas::marker(index),
            };
            bars_before += usize::from(series.style == Style::Bars);
            if series.name.is_empty() {
                continue;
            }
            let name = fit(&series.name, NAME, columns);
            if at + 2 + width(&name) > self.width {
                *out += &strip.finish(self.color);
                (strip, at) = (Strip::new(self.width), self.gutter);
            }
            strip.put(at, sample.encode_utf8(&mut [0; 4]), Ink::Series(index));
            strip.put(at + 2, &name, Ink::Plain);
            at += width(&name) + 5;
        }
        *out += &strip.finish(self.color);
    }

    /// All series, bars below the others.
    fn draw_series(&self, panel: &Panel, y: &Ruler, canvas: &mut Canvas) {
        let columns = (self.columns() * 2) as f64;
        let is_bars = |style: Style| style == Style::Bars;
        let series = || panel.series.iter().enumerate();
        for (order, (index, _)) in series().filter(|(_, s)| is_bars(s.style)).enumerate() {
            for bar in bars(panel, index, &self.across, y, columns) {
                canvas.draw_bar(&bar, index, canvas::fill(order));
            }
        }
        let lines: Vec<_> = series().filter(|(_, s)| !is_bars(s.style)).collect();
        for (order, (index, series)) in lines.iter().enumerate() {
            let runs = runs(series, &self.across, y);
            let runs: Vec<_> = runs.iter().map(|run| thin(run, columns)).collect();
            let is_lone = runs.len() == 1 && runs[0].len() == 1;
            let marked = (lines.len() > 1 || is_lone).then_some((order, lines.len()));
            canvas.draw_runs(&runs, series.style, *index, marked);
        }
    }

    /// The lines of the marks in the plot, and their labels above it.
    fn draw_marks(&self, panel: &Panel, canvas: &mut Canvas, out: &mut String) {
        let mut labels = Vec::new();
        for mark in &panel.marks {
            let Some(at) = self.across.ruler.place(mark.x) else {
                continue;
            };
            canvas.draw_mark(at);
            let text = fit(&mark.label, NAME, columns);
            if !text.is_empty() {
                let column = self.gutter + canvas.column(at);
                let left = column.saturating_sub(width(&text) / 2);
                let left = left.min(self.width - width(&text));
                labels.push((left, column, text));
            }
        }
        let reach =
            |(left, _, text): &(usize, usize, String)| (*left as f64, (left + width(text)) as f64);
        let rows = stack(&labels.iter().map(reach).collect::<Vec<_>>(), MARK_LINES);
        let highest = rows.iter().flatten().max().map_or(0, |row| row + 1);
        for line in (0..highest).rev() {
            let mut strip = Strip::new(self.width);
            for ((left, column, text), row) in labels.iter().zip(&rows) {
                match row {
                    Some(row) if *row == line => strip.put(*left, text, Ink::Soft),
                    Some(row) if *row > line && strip.is_blank(*column) => {
                        strip.put(*column, "┊", Ink::Soft);
                    }
                    _ => {}
                }
            }
            *out += &strip.finish(self.color);
        }
    }

    /// The labels of the x axis below the last panel, and its caption.
    fn draw_x_axis(&self, out: &mut String) {
        let canvas = Canvas::new(self.columns());
        let left = |tick: &Tick| {
            let middle = self.gutter + canvas.column(tick.at);
            let left = middle.saturating_sub(width(&tick.label) / 2);
            left.min(self.width.saturating_sub(width(&tick.label)))
        };
        let ticks = &self.across.ruler.ticks;
        let reach = |tick: &Tick| {
            let left = left(tick);
            (left as f64, (left + width(&tick.label)) as f64)
        };
        let free = stack(&ticks.iter().map(reach).collect::<Vec<_>>(), 1);
        let shown = ticks.iter().zip(free).filter(|(_, row)| row.is_some());
        let texts: Vec<_> = shown
            .map(|(tick, _)| (left(tick), tick.label.as_str(), Ink::Plain))
            .collect();
        *out += &self.line(&texts);
        let caption = fit(&self.across.ruler.caption, self.columns() as f64, columns);
        let left = self.gutter + (self.columns() - width(&caption)) / 2;
        *out += &self.line(&[(left, &caption, Ink::Plain)]);
    }
}

#[cfg(test)]
mod tests;
