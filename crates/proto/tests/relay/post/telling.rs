//! What people see who look into a world: with `SEED` what became of what was said, with `TRACE` as well what happened.
#![expect(clippy::print_stderr, reason = "for people who look into a world")]

use std::collections::BTreeMap;
use std::fmt::{Debug, Display};
use std::time::Duration;

use super::World;

/// Tells what happened to whom.
pub(super) fn trace(now: Duration, who: impl Display, what: &impl Debug) {
    if std::env::var_os("TRACE").is_some() {
        eprintln!("{now:?} {who}: {}", without_bytes(&format!("{what:?}")));
    }
}

/// Contents and keys are long.
fn without_bytes(text: &str) -> String {
    let mut parts = text.split('[');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |mut out, part| {
        let is_bytes =
            |(inner, _): &(&str, &str)| inner.bytes().all(|it| b"0123456789, ".contains(&it));
        match part.split_once(']').filter(is_bytes) {
            Some((_, rest)) => out.extend(["[..]", rest]),
            None => out.extend(["[", part]),
        }
        out
    })
}

impl World {
    /// How much was said, and what became of it.
    pub(super) fn tell(&self) {
        if std::env::var_os("SEED").is_none() {
            return;
        }
        let mut verdicts = BTreeMap::<String, usize>::new();
        for said in &self.said {
            let verdict = said.verdict.map(|(_, stage)| stage);
            *verdicts.entry(format!("{verdict:?}")).or_default() += 1;
        }
        let arrived: usize = self.said.iter().map(|said| said.arrived.len()).sum();
        let waiting = self.mail().len();
        let (now, said) = (self.now, self.said.len());
        eprintln!("{now:?}: {said} said, {arrived} arrived, {waiting} wait, {verdicts:?}");
    }
}
