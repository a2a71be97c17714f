//! Pictures of measured values over time, over a rate or over one another: one model, four forms.
//!
//! A [`Chart`] has panels that stand one above the other and share the axis below them, such as throughput above delay.
//! [`terminal`] draws it in text, [`svg`] as a vector image, [`png`] as a pixel image that is the same on every machine;
//! [`html`] sets several of them, with tables, on a [`Page`] that needs no other file. [`number`] and [`columns`] write
//! figures and tables as text for people.
//!
//! Values go in, text or bytes come out: there are no sockets, no clock, no protocol here, and nothing is printed. No
//! values and no text make it panic: what is no number is a gap, and what is hostile in a name comes out harmless.
//!
//! # Example
//! ```
//! use chart::{Axis, Chart, Mark, Panel, Series, Unit, Width};
//!
//! let rate = Axis::new("offered", Unit::BitsPerSecond);
//! let delay = Axis::new("round trip", Unit::Seconds).logarithmic();
//! let chart = Chart::new("How much the path carries", rate).with(
//!     Panel::new(delay)
//!         .with(Series::line("p50", vec![(1e6, 0.001), (2e6, 0.001), (3e6, 0.050)]))
//!         .marked(Mark::new(2e6, "knee")),
//! );
//! assert!(chart::svg(&chart).starts_with("<svg"));
//! assert!(chart::terminal(&chart, Width::default(), false).contains("round trip (ms)"));
//! ```

pub mod columns;
mod frame;
mod html;
pub mod number;
mod png;
mod scale;
mod svg;
mod terminal;
mod text;
mod unit;

pub use html::{Page, Table, html};
pub use png::{Error, png};
pub use svg::svg;
pub use terminal::{Width, terminal};
pub use unit::Unit;

/// A picture: panels one above the other, which share the x axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// What the picture shows.
    pub title: String,
    /// The axis below all panels.
    pub x: Axis,
    /// From top to bottom.
    pub panels: Vec<Panel>,
}

impl Chart {
    /// A chart without panels.
    pub fn new(title: impl Into<String>, x: Axis) -> Self {
        Self {
            title: title.into(),
            x,
            panels: Vec::new(),
        }
    }

    /// The chart with this panel below those it has.
    #[must_use]
    pub fn with(mut self, panel: Panel) -> Self {
        self.panels.push(panel);
        self
    }
}

/// An axis: what its values are and how they are spread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Axis {
    /// What the values are, without their unit: `delay`.
    pub label: String,
    /// What the values count.
    pub unit: Unit,
    /// How they are spread along the axis.
    pub scale: Scale,
    /// Where the axis begins.
    pub start: Start,
}

impl Axis {
    /// A linear axis from the smallest value to the largest.
    pub fn new(label: impl Into<String>, unit: Unit) -> Self {
        Self {
            label: label.into(),
            unit,
            scale: Scale::Linear,
            start: Start::Smallest,
        }
    }

    /// The axis on a [logarithmic](Scale::Log) scale.
    #[must_use]
    pub fn logarithmic(mut self) -> Self {
        self.scale = Scale::Log;
        self
    }

    /// The axis with zero on it, see [`Start::Zero`].
    #[must_use]
    pub fn from_zero(mut self) -> Self {
        self.start = Start::Zero;
        self
    }
}

/// How values are spread along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Equal differences are equally far apart.
    Linear,
    /// Equal ratios are equally far apart. Zero and what is below it has no place: it is a gap.
    Log,
}

/// Where an axis begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At the smallest value.
    Smallest,
    /// At zero (or below, where values are negative). No matter on a [logarithmic](Scale::Log) axis.
    Zero,
}

/// One plot of a [`Chart`]. Its y axis starts at zero if it has [bars](Style::Bars).
#[derive(Clone, Debug, PartialEq)]
pub struct Panel {
    /// The axis at the left.
    pub y: Axis,
    /// What is drawn, the first one lowest.
    pub series: Vec<Series>,
    /// Places on the x axis that are pointed out.
    pub marks: Vec<Mark>,
}

impl Panel {
    /// A panel in which nothing is drawn.
    pub fn new(y: Axis) -> Self {
        Self {
            y,
            series: Vec::new(),
            marks: Vec::new(),
        }
    }

    /// The panel with this series on top of those it has.
    #[must_use]
    pub fn with(mut self, series: Series) -> Self {
        self.series.push(series);
        self
    }

    /// The panel with this mark.
    #[must_use]
    pub fn marked(mut self, mark: Mark) -> Self {
        self.marks.push(mark);
        self
    }
}

/// Values that belong together.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// What the legend says; nothing if it is empty.
    pub name: String,
    /// Pairs of x and y, in the order in which they are joined; usually that of x. A pair with a value that is not
    /// finite is a gap.
    pub points: Vec<(f64, f64)>,
    /// How they are drawn.
    pub style: Style,
}

impl Series {
    /// Points joined by straight [lines](Style::Line).
    pub fn line(name: impl Into<String>, points: Vec<(f64, f64)>) -> Self {
        Self::new(name, points, Style::Line)
    }

    /// Points joined by [steps](Style::Steps).
    pub fn steps(name: impl Into<String>, points: Vec<(f64, f64)>) -> Self {
        Self::new(name, points, Style::Steps)
    }

    /// [Bars](Style::Bars).
    pub fn bars(name: impl Into<String>, points: Vec<(f64, f64)>) -> Self {
        Self::new(name, points, Style::Bars)
    }

    /// [Points](Style::Points) that nothing joins.
    pub fn points(name: impl Into<String>, points: Vec<(f64, f64)>) -> Self {
        Self::new(name, points, Style::Points)
    }

    fn new(name: impl Into<String>, points: Vec<(f64, f64)>, style: Style) -> Self {
        Self {
            name: name.into(),
            points,
            style,
        }
    }
}

/// How the points of a [`Series`] are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Joined by straight lines.
    Line,
    /// Joined by steps: a value holds until the next one.
    Steps,
    /// A bar around each x, from zero to y. The bars of several series stand side by side.
    Bars,
    /// Not joined.
    Points,
}

/// A vertical line at a place on the x axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// Where.
    pub x: f64,
    /// What is there; nothing is written if it is empty.
    pub label: String,
}

impl Mark {
    /// A mark at `x`.
    pub fn new(x: f64, label: impl Into<String>) -> Self {
        Self {
            x,
            label: label.into(),
        }
    }
}
