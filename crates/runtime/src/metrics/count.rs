//! Figures that are counted in one place and shown in another.

use std::sync::atomic::{AtomicU64, Ordering};

use super::page::{Kind, Page, Value};

/// A figure that one thread changes while another looks.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Adds to it.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// Adds to it where nobody else does, so that there is no need to lock the bus for it: of two threads that did at once
    /// one would not count.
    pub fn add_alone(&self, more: u64) {
        self.set(self.get().wrapping_add(more));
    }

    /// Sets it, where it goes up and down.
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// As it is.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What is said of one [`Count`] among the figures `F`.
#[derive(Debug)]
pub struct Figure<F> {
    /// Its name, see [`Page::metric`].
    pub name: &'static str,
    /// What kind it is.
    pub kind: Kind,
    /// What is counted.
    pub help: &'static str,
    /// How it is read.
    pub read: fn(&F) -> &Count,
}

impl<F> Figure<F> {
    /// One that only grows.
    pub const fn counter(name: &'static str, help: &'static str, read: fn(&F) -> &Count) -> Self {
        let kind = Kind::Counter;
        Self {
            name,
            kind,
            help,
            read,
        }
    }

    /// One that goes up and down.
    pub const fn gauge(name: &'static str, help: &'static str, read: fn(&F) -> &Count) -> Self {
        let kind = Kind::Gauge;
        Self {
            name,
            kind,
            help,
            read,
        }
    }

    /// Adds it to a page.
    pub fn show(&self, figures: &F, page: &mut Page) {
        let value = Value::Count((self.read)(figures).get());
        page.single(self.name, self.kind, self.help, value);
    }
}

/// A part of a program that has figures of its own.
pub trait Shows: Send + Sync {
    /// Adds them to a page, as they are now.
    fn show(&self, page: &mut Page);
}
