//! The cells of a panel's plot: lines of Braille dots (two by four in a cell), bars of block elements.

use std::cmp::Ordering;

use super::strip::{Ink, Strip};
use crate::Style;
use crate::frame::{BAR_WIDTH, Bar, Spot};

/// The rows of a plot.
pub(super) const ROWS: usize = 12;

/// The dots of a cell: those of its left column from the top, then those of its right one.
const DOTS: [[u32; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];

/// What tells the series apart where there are no colours.
const MARKERS: [char; 8] = ['●', '■', '▲', '◆', '○', '□', '△', '◇'];

/// What the bars of several series are filled with.
const FILLS: [char; 4] = ['█', '▒', '▓', '░'];

/// The marker of a series.
pub(super) fn marker(index: usize) -> char {
    MARKERS[index % MARKERS.len()]
}

/// What the bars of a series are filled with, by its place among those with bars.
pub(super) fn fill(order: usize) -> char {
    FILLS[order % FILLS.len()]
}

/// A plot in the making.
pub(super) struct Canvas {
    columns: usize,
    /// Row by row from the top.
    cells: Vec<Option<(char, Ink)>>,
}

impl Canvas {
    pub(super) fn new(columns: usize) -> Self {
        Self {
            columns,
            cells: vec![None; columns * ROWS],
        }
    }

    /// The column in which a share of the width lies.
    pub(super) fn column(&self, share: f64) -> usize {
        (share * (self.columns * 2 - 1) as f64).round() as usize / 2
    }

    /// A dotted vertical line.
    pub(super) fn draw_mark(&mut self, share: f64) {
        let column = self.column(share);
        for row in 0..ROWS {
            self.cells[row * self.columns + column] = Some(('┊', Ink::Soft));
        }
    }

    /// A bar of the series at `index`.
    pub(super) fn draw_bar(&mut self, bar: &Bar, index: usize, fill: char) {
        let (left, right) = self.sides(bar);
        let eighths = |share: f64| (share * (ROWS * 8) as f64).round() as usize;
        let (base, mut top) = (eighths(bar.base), eighths(bar.spot.y));
        if top == base && bar.spot.value.1 > 0.0 {
            top += 1;
        }
        for row in 0..ROWS {
            let Some(block) = block(base.min(top), base.max(top), row * 8, fill) else {
                continue;
            };
            for column in left..right {
                let cell = &mut self.cells[(ROWS - 1 - row) * self.columns + column];
                let lower = |old: &(char, Ink)| old.1 != Ink::Series(index) || old.0 < block;
                if cell.as_ref().is_none_or(lower) {
                    *cell = Some((block, Ink::Series(index)));
                }
            }
        }
    }

    /// The first column of a bar and the one behind its last. Wide bars have a gap between them, and all the same width;
    /// narrow ones touch.
    fn sides(&self, bar: &Bar) -> (usize, usize) {
        let columns = self.columns as f64;
        let room = (bar.right - bar.left) / BAR_WIDTH * columns;
        let middle = f64::midpoint(bar.left, bar.right) * columns;
        // The end of a bar and the beginning of the next differ by the errors of arithmetic; both are rounded alike.
        let edge = |place: f64| (place - 1e-6).round() as usize;
        let left = edge(middle - room / 2.0).min(self.columns - 1);
        let right = match room {
            3.0.. => left + room as usize - 1,
            _ => edge(middle + room / 2.0),
        };
        (left, right.clamp(left + 1, self.columns))
    }

    /// The lines or points of the series at `index`, with its marker on it in `marked` if it is one of several: which,
    /// and of how many.
    pub(super) fn draw_runs(
        &mut self,
        runs: &[Vec<Spot>],
        style: Style,
        index: usize,
        marked: Option<(usize, usize)>,
    ) {
        let mut dots = vec![0; self.cells.len()];
        for run in runs {
            self.trace(run, style, &mut dots);
        }
        for (cell, dots) in self.cells.iter_mut().zip(&dots) {
            if *dots != 0 {
                let below = cell
                    .map(|cell| cell.0 as u32)
                    .filter(|c| c & !0xff == 0x2800);
                let both = char::from_u32(below.unwrap_or(0x2800) | dots).unwrap_or(' ');
                *cell = Some((both, Ink::Series(index)));
            }
        }
        if let Some((order, of)) = marked {
            self.draw_markers(&dots, index, order, of);
        }
    }

    fn trace(&self, run: &[Spot], style: Style, dots: &mut [u32]) {
        let mut from = None;
        for spot in run {
            let x = (spot.x * (self.columns * 2 - 1) as f64).round() as i32;
            let y = ((1.0 - spot.y) * (ROWS * 4 - 1) as f64).round() as i32;
            match (from, style) {
                (Some(from), Style::Line) => self.segment(from, (x, y), dots),
                (Some(from), Style::Steps) => {
                    self.segment(from, (x, from.1), dots);
                    self.segment((x, from.1), (x, y), dots);
                }
                _ => self.segment((x, y), (x, y), dots),
            }
            from = Some((x, y));
        }
    }

    /// A straight line between two dots (Bresenham's).
    fn segment(&self, from: (i32, i32), to: (i32, i32), dots: &mut [u32]) {
        let (mut x, mut y) = from;
        let (across, down) = ((to.0 - x).abs(), -(to.1 - y).abs());
        let mut error = across + down;
        loop {
            self.dot(x, y, dots);
            if (x, y) == to {
                return;
            }
            let twice = error * 2;
            if twice >= down {
                error += down;
                x += (to.0 - x).signum();
            }
            if twice <= across {
                error += across;
                y += (to.1 - y).signum();
            }
        }
    }

    fn dot(&self, x: i32, y: i32, dots: &mut [u32]) {
        let (x, y) = (x.unsigned_abs() as usize, y.unsigned_abs() as usize);
        if let Some(cell) = dots.get_mut(y / 4 * self.columns + x / 2) {
            *cell |= DOTS[x % 2][y % 4];
        }
    }

    /// Puts the marker of a series on it at some places, other ones for each series; at least once.
    fn draw_markers(&mut self, dots: &[u32], index: usize, order: usize, of: usize) {
        let middle = |column: usize| {
            let cells = (0..ROWS).map(|row| row * self.columns + column);
            let cells: Vec<_> = cells.filter(|cell| dots[*cell] != 0).collect();
            cells.get(cells.len() / 2).copied()
        };
        let turns = (self.columns / 24).max(2);
        let places = (0..turns).map(|turn| (turn * of + order) * self.columns / (turns * of));
        let mut places: Vec<_> = places.filter_map(middle).collect();
        if places.is_empty() {
            places.extend(dots.iter().position(|dots| *dots != 0));
        }
        for place in places {
            self.cells[place] = Some((marker(index), Ink::Series(index)));
        }
    }

    /// Writes a row of the plot from this column of the line on.
    pub(super) fn write(&self, row: usize, column: usize, strip: &mut Strip) {
        let cells = &self.cells[row * self.columns..][..self.columns];
        for (at, cell) in cells.iter().enumerate() {
            if let Some((c, ink)) = cell {
                strip.put(column + at, c.encode_utf8(&mut [0; 4]), *ink);
            }
        }
    }
}

/// What of a bar from `low` to `high` lies in a cell that begins at `from`; all in eighths of a cell.
fn block(low: usize, high: usize, from: usize, fill: char) -> Option<char> {
    let (begin, end) = (low.clamp(from, from + 8), high.clamp(from, from + 8));
    let part = end.saturating_sub(begin) as u32;
    match part.cmp(&8) {
        _ if part == 0 => None,
        Ordering::Less if fill == '█' && begin == from => char::from_u32(0x2580 + part),
        Ordering::Less if part < 4 && high - low >= 8 => None,
        _ => Some(fill),
    }
}
