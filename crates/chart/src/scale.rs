//! From values to places along an axis: its range, its ticks and their labels.

use crate::unit::{Prefix, Unit, number};
use crate::{Axis, Scale, Start};

/// An axis with its range and ticks settled.
#[derive(Clone, Debug)]
pub(crate) struct Ruler {
    scale: Scale,
    /// The ends, as [`project`] gives them.
    low: f64,
    high: f64,
    /// The label of the axis with the unit of its ticks: `delay (ms)`.
    pub(crate) caption: String,
    /// In ascending order.
    pub(crate) ticks: Vec<Tick>,
    /// What is lined lightly between the ticks of a logarithmic axis.
    pub(crate) minor: Vec<f64>,
}

/// A tick of a [`Ruler`].
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tick {
    /// Where, from 0 to 1.
    pub(crate) at: f64,
    /// Its number, in the unit of the caption.
    pub(crate) label: String,
}

/// How a range follows from the values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fit {
    /// Widened to the next ticks.
    Rounded,
    /// From the smallest value to the largest, and so much further at both ends, as [projected](project).
    Exact(f64),
}

/// Beyond this a value is taken for infinite, so that no difference overflows; below its reciprocal for zero.
const LARGEST: f64 = 1e100;

/// A range narrower than this share of its values is one value.
const NARROWEST: f64 = 1e-9;

/// Where a value lies on a scale of this kind, before it is laid along an axis; `None` for a gap.
pub(crate) fn project(scale: Scale, value: f64) -> Option<f64> {
    if !(value.is_finite() && value.abs() <= LARGEST) {
        return None;
    }
    let tiny = value.abs() < 1.0 / LARGEST;
    match scale {
        Scale::Linear => Some(if tiny { 0.0 } else { value }),
        Scale::Log => (!tiny && value > 0.0).then(|| value.log10()),
    }
}

impl Ruler {
    /// The axis for these values, with about `count` ticks.
    pub(crate) fn new(
        axis: &Axis,
        values: impl Iterator<Item = f64>,
        fit: Fit,
        count: usize,
    ) -> Self {
        let range = values.filter_map(|value| project(axis.scale, value)).fold(
            None,
            |range: Option<(f64, f64)>, value| {
                let (low, high) = range.unwrap_or((value, value));
                Some((low.min(value), high.max(value)))
            },
        );
        let count = count.max(2);
        let raw = match axis.scale {
            Scale::Linear => linear(linear_range(range, axis.start, fit), fit, axis.unit, count),
            Scale::Log => logarithmic(log_range(range, fit), axis.unit, count),
        };
        raw.lay(axis)
    }

    /// Where a value lies, from 0 to 1; `None` for a gap.
    pub(crate) fn place(&self, value: f64) -> Option<f64> {
        let value = project(self.scale, value)?;
        Some(((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0))
    }

    /// Where a length (as [projected](project)) would end that begins at 0.
    pub(crate) fn share(&self, length: f64) -> f64 {
        (length / (self.high - self.low)).clamp(0.0, 1.0)
    }

    /// Where bars stand: at zero, or at the end of the axis that is next to it.
    pub(crate) fn base(&self) -> f64 {
        self.place(0.0).unwrap_or(0.0)
    }
}

/// A range with its ticks, all as [`project`] gives them.
struct Raw {
    low: f64,
    high: f64,
    prefix: Prefix,
    ticks: Vec<(f64, String)>,
    minor: Vec<f64>,
}

impl Raw {
    fn lay(self, axis: &Axis) -> Ruler {
        let at = |value: f64| ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0);
        let ticks = self.ticks.iter().map(|(value, label)| Tick {
            at: at(*value),
            label: label.clone(),
        });
        Ruler {
            scale: axis.scale,
            ticks: ticks.collect(),
            minor: self.minor.iter().map(|value| at(*value)).collect(),
            low: self.low,
            high: self.high,
            caption: caption(&axis.label, self.prefix.name),
        }
    }
}

fn caption(label: &str, unit: &str) -> String {
    match (label.is_empty(), unit.is_empty()) {
        (false, false) => format!("{label} ({unit})"),
        (false, true) => label.to_owned(),
        (true, _) => unit.to_owned(),
    }
}

fn linear_range(range: Option<(f64, f64)>, start: Start, fit: Fit) -> (f64, f64) {
    let Some((mut low, mut high)) = range else {
        return (0.0, 1.0);
    };
    if start == Start::Zero {
        (low, high) = (low.min(0.0), high.max(0.0));
    }
    if let Fit::Exact(pad) = fit {
        (low, high) = (low - pad, high + pad);
    }
    let largest = low.abs().max(high.abs());
    if largest == 0.0 {
        (0.0, 1.0)
    } else if high - low <= largest * NARROWEST {
        (low - largest / 10.0, high + largest / 10.0)
    } else {
        (low, high)
    }
}

fn linear((mut low, mut high): (f64, f64), fit: Fit, unit: Unit, count: usize) -> Raw {
    // Up to twice a unit the next smaller one needs fewer digits: 0 to 1500 ms rather than 0.0 to 1.5 s.
    let prefix = unit.prefix(low.abs().max(high.abs()) / 2.0);
    let (step, exponent) = nice_step((high - low) / count as f64);
    let mut first = (low / step - 1e-6).ceil();
    let mut last = (high / step + 1e-6).floor();
    if fit == Fit::Rounded {
        first = (low / step + 1e-6).floor();
        last = (high / step - 1e-6).ceil();
        (low, high) = (first * step, last * step);
    }
    let decimals = usize::try_from(prefix.exponent - exponent).unwrap_or(0);
    let steps = (last - first).clamp(0.0, 100.0) as u32;
    let ticks = (0..=steps).map(|index| {
        let value = (first + f64::from(index)) * step;
        (value, number(value / prefix.factor(), decimals))
    });
    Raw {
        low,
        high,
        prefix,
        ticks: ticks.collect(),
        minor: Vec::new(),
    }
}

/// The next step of 1, 2 or 5 times a power of ten, and that power.
fn nice_step(least: f64) -> (f64, i32) {
    let exponent = least.log10().floor();
    let power = exponent as i32;
    let ratio = least / 10f64.powf(exponent);
    let times = |factor: f64| factor * 10f64.powi(power);
    match ratio - 1e-6 {
        ..=1.0 => (times(1.0), power),
        ..=2.0 => (times(2.0), power),
        ..=5.0 => (times(5.0), power),
        _ => (times(10.0), power + 1),
    }
}

fn log_range(range: Option<(f64, f64)>, fit: Fit) -> (f64, f64) {
    let (mut low, mut high) = range.unwrap_or((0.0, 1.0));
    match fit {
        Fit::Rounded => (low, high) = (round_log(low, f64::floor), round_log(high, f64::ceil)),
        Fit::Exact(pad) => (low, high) = (low - pad, high + pad),
    }
    if high - low <= NARROWEST {
        return (low - 0.5, high + 0.5);
    }
    (low, high)
}

/// The next of 1, 2, 5 or 10 times a power of ten, up or down.
fn round_log(value: f64, round: fn(f64) -> f64) -> f64 {
    let decade = value.floor();
    let slack = if round(0.5) > 0.0 { -1e-9 } else { 1e-9 };
    let steps = [0.0, 2f64.log10(), 5f64.log10(), 1.0];
    let within = value - decade + slack;
    let up = steps.iter().position(|step| *step >= within).unwrap_or(3);
    let index = if slack < 0.0 {
        up
    } else {
        up.saturating_sub(1)
    };
    decade + steps.get(index).copied().unwrap_or(0.0)
}

fn logarithmic((low, high): (f64, f64), unit: Unit, count: usize) -> Raw {
    let prefix = unit.prefix(10f64.powf((low + high) / 2.0));
    let decades = (high - low) as usize + 1;
    let stride = decades.div_ceil(count);
    let fine = multiples(low, high, 1, &[1, 2, 5]);
    let coarse = multiples(low, high, stride, &[1]);
    let picked = if fine.len() <= count + 1 {
        fine
    } else {
        coarse
    };
    if picked.len() < 2 {
        return narrow_log((low, high), unit, count);
    }
    let minor = match stride {
        1 => multiples(low, high, 1, &[1, 2, 3, 4, 5, 6, 7, 8, 9]),
        _ => multiples(low, high, 1, &[1]),
    };
    let label = |(times, decade): (u8, i32)| {
        let power = decade - prefix.exponent;
        let decimals = usize::try_from(-power).unwrap_or(0);
        number(f64::from(times) * 10f64.powi(power), decimals)
    };
    let value = |(times, decade): (u8, i32)| f64::from(times).log10() + f64::from(decade);
    Raw {
        low,
        high,
        prefix,
        minor: minor.iter().map(|tick| value(*tick)).collect(),
        ticks: picked
            .iter()
            .map(|tick| (value(*tick), label(*tick)))
            .collect(),
    }
}

/// A range that holds hardly a power of ten, with the ticks of a linear axis at their logarithmic places.
fn narrow_log((low, high): (f64, f64), unit: Unit, count: usize) -> Raw {
    let values = (10f64.powf(low), 10f64.powf(high));
    let mut raw = linear(values, Fit::Exact(0.0), unit, count);
    for (value, _) in &mut raw.ticks {
        *value = value.log10();
    }
    raw.ticks.retain(|(value, _)| value.is_finite());
    Raw { low, high, ..raw }
}

/// These multiples of each `stride`th power of ten within a range.
fn multiples(low: f64, high: f64, stride: usize, times: &[u8]) -> Vec<(u8, i32)> {
    let decades = (low.floor() as i32)..=(high.floor() as i32);
    let inside = |tick: &(u8, i32)| {
        let value = f64::from(tick.0).log10() + f64::from(tick.1);
        (low - 1e-9..=high + 1e-9).contains(&value)
    };
    let stride = i32::try_from(stride).unwrap_or(i32::MAX).max(1);
    decades
        .filter(|decade| decade.rem_euclid(stride) == 0)
        .flat_map(|decade| times.iter().map(move |times| (*times, decade)))
        .filter(inside)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis, values: &[f64], fit: Fit) -> (String, String) {
        let ruler = Ruler::new(axis, values.iter().copied(), fit, 5);
        let labels: Vec<_> = ruler.ticks.iter().map(|tick| tick.label.as_str()).collect();
        (ruler.caption, labels.join(" "))
    }

    #[test]
    fn ticks_of_linear_axes() {
        let table: &[(Unit, &[f64], &str, &str)] = &[
            (Unit::Plain, &[], "v", "0.0 0.2 0.4 0.6 0.8 1.0"),
            (Unit::Plain, &[0.0, 0.0], "v", "0.0 0.2 0.4 0.6 0.8 1.0"),
            (Unit::Plain, &[0.0, 10.0], "v", "0 2 4 6 8 10"),
            (Unit::Plain, &[5.0], "v", "4.4 4.6 4.8 5.0 5.2 5.4 5.6"),
            (Unit::Plain, &[-3.0, 4.0], "v", "-4 -2 0 2 4"),
            (
                Unit::Plain,
                &[f64::NAN, 1.0, f64::INFINITY, 2.0],
                "v",
                "1.0 1.2 1.4 1.6 1.8 2.0",
            ),
            (Unit::Seconds, &[0.0, 0.0123], "v (ms)", "0 5 10 15"),
            (Unit::Seconds, &[31e-6, 87e-6], "v (µs)", "20 40 60 80 100"),
            (
                Unit::BitsPerSecond,
                &[0.0, 930e6],
                "v (Mbit/s)",
                "0 200 400 600 800 1000",
            ),
            (
                Unit::BitsPerSecond,
                &[0.0, 2.3e9],
                "v (Gbit/s)",
                "0.0 0.5 1.0 1.5 2.0 2.5",
            ),
            (Unit::Percent, &[0.0, 98.5], "v (%)", "0 20 40 60 80 100"),
            (Unit::Plain, &[0.0, 1e300, 7.0], "v", "0 2 4 6 8"),
            (Unit::Plain, &[0.0, 3e60], "v", "0 1e60 2e60 3e60"),
            (Unit::Plain, &[0.0, 3e-60], "v", "0 1e-60 2e-60 3e-60"),
        ];
        for (unit, values, caption, ticks) in table {
            let found = labels(&Axis::new("v", *unit), values, Fit::Rounded);
            assert_eq!(
                (found.0.as_str(), found.1.as_str()),
                (*caption, *ticks),
                "{values:?}"
            );
        }
    }

    #[test]
    fn ticks_of_logarithmic_axes() {
        let table: &[(Unit, &[f64], &str, &str)] = &[
            (Unit::Seconds, &[10e-6, 0.5], "v (ms)", "0.01 0.1 1 10 100"),
            (Unit::Seconds, &[0.0012, 0.018], "v (ms)", "1 2 5 10 20"),
            (Unit::Seconds, &[0.003], "v (ms)", "2 5"),
            (
                Unit::BitsPerSecond,
                &[1e6, 1e9],
                "v (Mbit/s)",
                "1 10 100 1000",
            ),
            (Unit::Plain, &[0.0, -1.0, 3.0, 30.0], "v", "2 5 10 20 50"),
            (Unit::Plain, &[], "v", "1 2 5 10"),
            (Unit::Plain, &[1e-90, 1e90], "v", "1e-74 1e-37 1 1e37 1e74"),
        ];
        for (unit, values, caption, ticks) in table {
            let found = labels(&Axis::new("v", *unit).logarithmic(), values, Fit::Rounded);
            assert_eq!(
                (found.0.as_str(), found.1.as_str()),
                (*caption, *ticks),
                "{values:?}"
            );
        }
    }

    #[test]
    fn an_exact_axis_ends_where_its_values_end() {
        let axis = Axis::new("v", Unit::Plain);
        let ruler = Ruler::new(&axis, [3.0, 17.0].into_iter(), Fit::Exact(0.0), 5);
        assert_eq!(ruler.place(3.0), Some(0.0));
        assert_eq!(ruler.place(17.0), Some(1.0));
        assert_eq!(ruler.place(10.0), Some(0.5));
        assert_eq!(ruler.place(f64::NAN), None);
        let narrow = labels(&axis.logarithmic(), &[310.0, 390.0], Fit::Exact(0.0));
        assert_eq!(narrow.1, "320 340 360 380");
    }

    #[test]
    fn zero_is_on_the_axis_if_asked_for() {
        let axis = Axis::new("v", Unit::Plain).from_zero();
        assert_eq!(
            labels(&axis, &[80.0, 95.0], Fit::Rounded).1,
            "0 20 40 60 80 100"
        );
        assert_eq!(
            labels(&axis, &[-80.0, -95.0], Fit::Rounded).1,
            "-100 -80 -60 -40 -20 0"
        );
    }
}
