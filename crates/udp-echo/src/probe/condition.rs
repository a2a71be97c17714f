//! Conditions on a result, such as `p99>5ms` or `loss>1%`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use proto::measure::{Distribution, Summary, Times};
use runtime::units::{self, Percent, show_time};

/// A condition that a result may fulfil.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Condition {
    text: String,
    what: What,
    relation: Relation,
    value: f64,
}

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Loss,
    Time(Series, Figure),
}

/// Of which times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Series {
    /// The network's, the program's where they are not known.
    Best,
    Network,
    Application,
    There,
    Back,
}

/// Which figure of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Figure {
    Min,
    Mean,
    P50,
    P90,
    P95,
    P99,
    P999,
    P9999,
    Max,
    Stddev,
    Jitter,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relation {
    Above,
    AtLeast,
    Below,
    AtMost,
}

const SERIES: [(&str, Series); 4] = [
    ("net", Series::Network),
    ("app", Series::Application),
    ("there", Series::There),
    ("back", Series::Back),
];

const FIGURES: [(&str, Figure); 12] = [
    ("min", Figure::Min),
    ("mean", Figure::Mean),
    ("median", Figure::P50),
    ("p50", Figure::P50),
    ("p90", Figure::P90),
    ("p95", Figure::P95),
    ("p99", Figure::P99),
    ("p99.9", Figure::P999),
    ("p99.99", Figure::P9999),
    ("max", Figure::Max),
    ("stddev", Figure::Stddev),
    ("jitter", Figure::Jitter),
];

/// Longer ones first, so that `>=` is not read as `>`.
const RELATIONS: [(&str, Relation); 4] = [
    (">=", Relation::AtLeast),
    ("<=", Relation::AtMost),
    (">", Relation::Above),
    ("<", Relation::Below),
];

impl FromStr for Condition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::read(text).ok_or_else(|| {
            "expected a condition such as 'p99>5ms', 'loss>1%', 'jitter>=2ms' or 'app.max>0.1s': loss, or [net.|app.|there.|back.] and min, mean, median, p90, p95, p99, p99.9, p99.99, max, stddev or jitter".to_owned()
        })
    }
}

impl Condition {
    fn read(text: &str) -> Option<Self> {
        let split = |(sign, relation): &(&str, Relation)| {
            let (what, value) = text.split_once(sign)?;
            Some((what.trim(), value.trim(), *relation))
        };
        let (what, value, relation) = RELATIONS.iter().find_map(split)?;
        let what = What::read(what)?;
        let value = match what {
            What::Loss => value.parse::<Percent>().ok()?.fraction() * 100.0,
            What::Time(..) => units::time(value).ok()?.as_secs_f64(),
        };
        Some(Self {
            text: text.to_owned(),
            what,
            relation,
            value,
        })
    }

    /// Whether it holds, and what the result has; `None` where it has no such figure.
    pub(crate) fn holds(&self, summary: &Summary) -> Option<(bool, String)> {
        let (found, shown) = match self.what {
            What::Loss => {
                let loss = summary.loss_percent();
                (loss, format!("{loss:.3} %"))
            }
            What::Time(series, figure) => {
                let time = figure.of(series.of(summary)?)?;
                (time.as_secs_f64(), show_time(time))
            }
        };
        let holds = match self.relation {
            Relation::Above => found > self.value,
            Relation::AtLeast => found >= self.value,
            Relation::Below => found < self.value,
            Relation::AtMost => found <= self.value,
        };
        Some((holds, shown))
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

impl What {
    fn read(text: &str) -> Option<Self> {
        if text == "loss" {
            return Some(Self::Loss);
        }
        let (series, figure) = SERIES
            .iter()
            .find_map(|(name, series)| {
                let figure = text.strip_prefix(name)?.strip_prefix('.')?;
                Some((*series, figure))
            })
            .unwrap_or((Series::Best, text));
        let (_, figure) = FIGURES.iter().find(|(name, _)| *name == figure)?;
        Some(Self::Time(series, *figure))
    }
}

impl Series {
    fn of(self, summary: &Summary) -> Option<&Times> {
        match self {
            Self::Best => summary.network.as_ref().or(summary.application.as_ref()),
            Self::Network => summary.network.as_ref(),
            Self::Application => summary.application.as_ref(),
            Self::There => summary.there.as_ref(),
            Self::Back => summary.back.as_ref(),
        }
    }
}

impl Figure {
    fn of(self, times: &Times) -> Option<Duration> {
        let Distribution {
            min,
            mean,
            median,
            p90,
            p95,
            p99,
            p999,
            p9999,
            max,
            stddev,
            ..
        } = times.distribution;
        Some(match self {
            Self::Min => min,
            Self::Mean => mean,
            Self::P50 => median,
            Self::P90 => p90,
            Self::P95 => p95,
            Self::P99 => p99,
            Self::P999 => p999,
            Self::P9999 => p9999,
            Self::Max => max,
            Self::Stddev => stddev,
            Self::Jitter => return times.jitter.rfc3550,
        })
    }
}

#[cfg(test)]
mod tests {
    use proto::measure::Tally;

    use super::*;

    fn summary() -> Summary {
        let ms = Duration::from_millis;
        let mut tally = Tally::new(ms(100), 0);
        for number in 0..4 {
            tally.sent(ms(10 * number));
        }
        for (number, at) in [(0, 3), (1, 15), (2, 25)] {
            tally.answered(number, ms(at));
        }
        while tally.overdue(ms(150)).is_some() {}
        tally.summary()
    }

    #[test]
    fn conditions_of_the_table() {
        let table = [
            ("loss>20%", Some(true)),
            ("loss > 25", Some(false)),
            ("loss>=25", Some(true)),
            ("max>5ms", Some(false)),
            ("max>=5ms", Some(true)),
            ("app.min<4ms", Some(true)),
            ("p99<=4ms", Some(false)),
            ("jitter>1s", Some(false)),
            ("net.p50>1ms", None),
        ];
        for (text, expected) in table {
            let condition: Condition = text.parse().unwrap();
            let holds = condition.holds(&summary()).map(|(holds, _)| holds);
            assert_eq!(holds, expected, "{text}");
        }
        for text in [
            "", "p99", "p99>", "p98>1ms", "loss>1ms", "p99>1%", "app.>1ms", "a.b>1",
        ] {
            assert!(text.parse::<Condition>().is_err(), "{text}");
        }
    }
}
