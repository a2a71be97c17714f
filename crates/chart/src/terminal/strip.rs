//! A line of text in the making, whose characters have their place and their colour.

use crate::text::{clean, columns};

/// What colour a character has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    /// That of text.
    Plain,
    /// That of titles.
    Strong,
    /// That of axes and marks.
    Soft,
    /// That of a series.
    Series(usize),
}

/// Colours of the 256 that resemble those of the other forms and are legible on black and on white.
const COLOURS: [u8; 7] = [32, 202, 36, 175, 214, 75, 245];

impl Ink {
    fn start(self) -> String {
        match self {
            Self::Plain => String::new(),
            Self::Strong => "\x1b[1m".to_owned(),
            Self::Soft => "\x1b[2m".to_owned(),
            Self::Series(index) => format!("\x1b[38;5;{}m", COLOURS[index % COLOURS.len()]),
        }
    }

    fn end(self) -> &'static str {
        match self {
            Self::Plain => "",
            _ => "\x1b[0m",
        }
    }
}

/// Stands where the character to the left takes two columns.
const COVERED: char = '\0';

/// A line.
pub(super) struct Strip(Vec<(char, Ink)>);

impl Strip {
    /// A line of blanks.
    pub(super) fn new(width: usize) -> Self {
        Self(vec![(' ', Ink::Plain); width])
    }

    /// Writes from this column on; what finds no room is left out.
    pub(super) fn put(&mut self, column: usize, text: &str, ink: Ink) {
        let mut at = column;
        for c in clean(text).chars() {
            let width = columns(c) as usize;
            if width == 0 || at + width > self.0.len() {
                continue;
            }
            self.0[at] = (c, ink);
            for covered in &mut self.0[at + 1..at + width] {
                *covered = (COVERED, ink);
            }
            at += width;
        }
    }

    /// Whether nothing is written here yet.
    pub(super) fn is_blank(&self, column: usize) -> bool {
        self.0.get(column).is_some_and(|cell| cell.0 == ' ')
    }

    /// The line with its end, without blanks at the right.
    pub(super) fn finish(&self, color: bool) -> String {
        let used = self
            .0
            .iter()
            .rposition(|cell| cell.0 != ' ')
            .map_or(0, |last| last + 1);
        let mut line = String::new();
        for part in self.0[..used].chunk_by(|a, b| a.1 == b.1) {
            let ink = part[0].1;
            let text = part.iter().map(|cell| cell.0).filter(|c| *c != COVERED);
            if color {
                line += &ink.start();
                line.extend(text);
                line += ink.end();
            } else {
                line.extend(text);
            }
        }
        line.push('\n');
        line
    }
}

/// The columns that a text takes.
pub(super) fn width(text: &str) -> usize {
    text.chars().map(columns).sum::<f64>() as usize
}
