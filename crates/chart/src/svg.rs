//! The chart as a vector image.
//!
//! Colours stand twice: as attributes, for a picture of its own on white, and as classes, by which a [page](crate::html)
//! gives them colours that follow the reader's. There are no ids, so several pictures can stand in one document.

mod layout;
mod plot;

use crate::Chart;
use crate::frame::{Across, stack, upright};
use crate::scale::Tick;
use crate::text::{ems, fit, xml};
use layout::{HEADING_LINE, Layout, MARK_LINE};
use plot::{Plot, Scene};

/// The width of every picture, in pixels (of a screen at its usual scale).
const WIDTH: f64 = 900.0;
/// The height of what a panel draws in.
const PLOT_HEIGHT: f64 = 196.0;
/// The room at the right, for half a label of the last tick.
const RIGHT: f64 = 30.0;

const INK: &str = r##"class="ink" fill="#222222""##;
const SOFT: &str = r##"class="soft" fill="#555555""##;
const GRID: &str = r##"class="grid" stroke="#dddddd""##;
const FAINT: &str = r##"class="faint" stroke="#f0f0f0""##;
const AXIS: &str = r##"class="axis" stroke="#888888""##;
const MARK: &str = r##"class="mark" stroke="#444444" stroke-dasharray="2 3""##;
/// Paper below the line of a mark, so that it is seen on a bar.
const UNDER_MARK: &str = r##"class="halo" stroke="#ffffff" stroke-width="3" opacity="0.5""##;
/// Text with a rim of paper around it.
const HALO: &str = r##"class="soft halo" fill="#555555" stroke="#ffffff" stroke-width="4" paint-order="stroke" text-anchor="middle""##;

/// The chart as SVG: text that stands by itself in a file or inside a page, 900 pixels wide and about 260 high for each
/// panel.
///
/// It asks for no other file. Text is in DejaVu Sans where that is installed.
pub fn svg(chart: &Chart) -> String {
    Drawing::new(chart).draw()
}

/// The height of the picture, in pixels.
pub(crate) fn height(chart: &Chart) -> f64 {
    Drawing::new(chart).height()
}

/// A chart with its layout settled.
struct Drawing<'a> {
    chart: &'a Chart,
    across: Across,
    panels: Vec<Layout<'a>>,
    left: f64,
    top: f64,
}

impl<'a> Drawing<'a> {
    fn new(chart: &'a Chart) -> Self {
        let across = Across::new(chart, 9);
        let rulers: Vec<_> = chart.panels.iter().map(|panel| upright(panel, 5)).collect();
        let ticks = rulers.iter().flat_map(|ruler| &ruler.ticks);
        let widest = ticks
            .map(|tick| width(&tick.label, 12.0))
            .fold(0.0, f64::max);
        let left = (widest + 26.0).clamp(56.0, 160.0);
        let panels = chart.panels.iter().zip(rulers);
        let panels = panels.map(|(panel, y)| Layout::new(panel, y, &across, left));
        Self {
            chart,
            panels: panels.collect(),
            across,
            left,
            top: if chart.title.is_empty() { 12.0 } else { 46.0 },
        }
    }

    fn height(&self) -> f64 {
        self.top + self.panels.iter().map(Layout::height).sum::<f64>() + 40.0
    }

    fn draw(&self) -> String {
        let (height, title) = (px(self.height()), xml(&self.chart.title));
        let mut out = format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{title}" width="{WIDTH}" height="{height}" "#
        );
        out += &format!(
            r#"viewBox="0 0 {WIDTH} {height}" font-family="'DejaVu Sans', sans-serif" font-size="12">"#
        );
        out += &format!("\n<title>{title}</title>\n");
        out +=
            &format!(r##"<rect class="paper" width="{WIDTH}" height="{height}" fill="#ffffff"/>"##);
        out.push('\n');
        let shown = fit(&self.chart.title, WIDTH - self.left - RIGHT, |c| {
            ems(c) * 16.0
        });
        out += &label(self.left, 28.0, &format!(r#"{INK} font-size="16""#), &shown);
        let mut top = self.top;
        for layout in &self.panels {
            self.draw_panel(layout, top, &mut out);
            top += layout.height();
        }
        self.draw_x_axis(top - 20.0, &mut out);
        out + "</svg>\n"
    }

    fn draw_panel(&self, layout: &Layout, top: f64, out: &mut String) {
        let plot = Plot {
            left: self.left,
            width: WIDTH - self.left - RIGHT,
            top: top + layout.heading(),
            height: PLOT_HEIGHT,
        };
        draw_heading(layout, &plot, top, out);
        self.draw_grid(layout, &plot, out);
        let scene = Scene {
            plot,
            x_axis: &self.chart.x,
            across: &self.across,
            panel: layout.panel,
            y: &layout.y,
        };
        scene.draw_bars(out);
        self.draw_marks(layout, &scene.plot, out);
        scene.draw_lines(out);
        scene.draw_absence(out);
    }

    fn draw_grid(&self, layout: &Layout, plot: &Plot, out: &mut String) {
        let at = |ticks: &[Tick]| ticks.iter().map(|tick| tick.at).collect::<Vec<_>>();
        let x = &self.across.ruler;
        *out += &lines(FAINT, &plot.columns(&x.minor), &plot.lines(&layout.y.minor));
        *out += &lines(
            GRID,
            &plot.columns(&at(&x.ticks)),
            &plot.lines(&at(&layout.y.ticks)),
        );
        *out += &lines(AXIS, &plot.columns(&[0.0]), &plot.lines(&[0.0]));
        for tick in &layout.y.ticks {
            let (x, y) = (plot.left - 8.0, plot.y(tick.at) + 4.0);
            *out += &label(x, y, &format!(r#"{SOFT} text-anchor="end""#), &tick.label);
        }
    }

    /// The lines of the marks, then their labels, which a line to a higher label may pass below.
    fn draw_marks(&self, layout: &Layout, plot: &Plot, out: &mut String) {
        let label_y = |line: usize| plot.top - 6.0 - line as f64 * MARK_LINE;
        let mut last = f64::NAN;
        for (mark, shown) in layout.panel.marks.iter().zip(&layout.labels) {
            let x = self.across.ruler.place(mark.x).map(|at| plot.x(at));
            let Some(x) = x.filter(|x| shown.is_some() || (x - last).abs() >= 1.0 || last.is_nan())
            else {
                continue;
            };
            last = x;
            let top = shown
                .as_ref()
                .map_or(plot.top, |label| label_y(label.line) + 4.0);
            let path = format!("M{} {}V{}", px(x), px(top), px(plot.top + plot.height));
            *out += &format!("<path {UNDER_MARK} d=\"{path}\"/>\n<path {MARK} d=\"{path}\"/>\n");
        }
        for shown in layout.labels.iter().flatten() {
            *out += &label(shown.middle, label_y(shown.line), HALO, &shown.text);
        }
    }

    fn draw_x_axis(&self, bottom: f64, out: &mut String) {
        let plot = WIDTH - self.left - RIGHT;
        let ticks = &self.across.ruler.ticks;
        let reach = |tick: &Tick| {
            let (middle, half) = (tick.at * plot, width(&tick.label, 12.0) / 2.0 + 4.0);
            (middle - half, middle + half)
        };
        let free = stack(&ticks.iter().map(reach).collect::<Vec<_>>(), 1);
        let middle = format!(r#"{SOFT} text-anchor="middle""#);
        for (tick, _) in ticks.iter().zip(free).filter(|(_, free)| free.is_some()) {
            *out += &label(
                self.left + tick.at * plot,
                bottom + 18.0,
                &middle,
                &tick.label,
            );
        }
        let caption = fit(&self.across.ruler.caption, plot, |c| ems(c) * 13.0);
        let style = format!(r#"{INK} font-size="13" text-anchor="middle""#);
        *out += &label(self.left + plot / 2.0, bottom + 40.0, &style, &caption);
    }
}

fn draw_heading(layout: &Layout, plot: &Plot, top: f64, out: &mut String) {
    let caption = fit(&layout.y.caption, plot.width, |c| ems(c) * 13.0);
    let style = format!(r#"{INK} font-size="13""#);
    *out += &label(plot.left, top + 12.0, &style, &caption);
    for entry in &layout.legend {
        let y = top + 12.0 + entry.line as f64 * HEADING_LINE;
        if let Some(series) = layout.panel.series.get(entry.series) {
            *out += &plot::sample(series, entry.series, entry.x, y - 4.0);
        }
        *out += &label(entry.x + 36.0, y, INK, &entry.name);
    }
}

fn label(x: f64, y: f64, style: &str, text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    format!(
        "<text x=\"{}\" y=\"{}\" {style}>{}</text>\n",
        px(x),
        px(y),
        xml(text)
    )
}

/// Lines in one style, as parts of a path.
fn lines(style: &str, columns: &str, lines: &str) -> String {
    if columns.is_empty() && lines.is_empty() {
        return String::new();
    }
    format!("<path {style} fill=\"none\" d=\"{columns}{lines}\"/>\n")
}

/// The width of a text of this size.
fn width(text: &str, size: f64) -> f64 {
    text.chars().map(|c| ems(c) * size).sum()
}

/// A length with a tenth of a pixel at most.
fn px(length: f64) -> String {
    let text = format!("{length:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

#[cfg(test)]
pub(crate) mod tests;
