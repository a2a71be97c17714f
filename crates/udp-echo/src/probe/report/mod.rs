//! What a measurement looks like: text for people, JSON and CSV for programs, a page.

pub(super) mod csv;
pub(super) mod json;
pub(super) mod lines;
pub(super) mod page;
#[cfg(test)]
mod sample;
mod table;
pub(super) mod text;
mod view;
mod words;

pub(crate) use table::ENOUGH;
pub(crate) use view::{SCHEMA, SeriesView};
