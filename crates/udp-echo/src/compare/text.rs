//! The comparison for people. All times are in ms.

use std::io::{self, Write};
use std::time::Duration;

use chart::Table;

use super::found::{Change, Comparison, Loss, SeriesChange};
use chart::columns::{self, paragraph};
use chart::number::{NONE, cell, decimals, three_digits};

pub(super) fn print(comparison: &Comparison, out: &mut impl Write) -> io::Result<()> {
    for difference in &comparison.differences {
        paragraph(&format!("note: {difference}"), out)?;
    }
    loss(&comparison.loss, out)?;
    for series in &comparison.series {
        times(series, out)?;
    }
    if comparison.series.is_empty() {
        writeln!(out, "no times that both have")?;
    }
    Ok(())
}

fn loss(loss: &Loss, out: &mut impl Write) -> io::Result<()> {
    let (before, after) = (loss.change.before, loss.change.after);
    let row = vec![
        "loss".to_owned(),
        three_digits(before),
        three_digits(after),
        signed(loss.change.difference(), three_digits),
        ratio(loss.change),
    ];
    print_table("in percent", vec![row], out)?;
    let (Some(before), Some(after)) = (loss.before_95, loss.after_95) else {
        return Ok(());
    };
    let interval =
        |[low, high]: [f64; 2]| format!("{} to {} %", three_digits(low), three_digits(high));
    let text = format!(
        "95 % intervals of the loss: {} before, {} after; {}",
        interval(before),
        interval(after),
        verdict(loss.overlap)
    );
    paragraph(&text, out)
}

fn verdict(overlap: Option<bool>) -> &'static str {
    match overlap {
        Some(true) => "they overlap: the difference may be chance.",
        Some(false) => "they do not overlap: the difference is more than the scatter within a run.",
        None => "there are not enough figures to say whether the difference is chance.",
    }
}

fn times(series: &SeriesChange, out: &mut impl Write) -> io::Result<()> {
    let time = |nanos: f64| Duration::from_nanos(nanos as u64);
    let figures = &series.figures;
    let medians = figures
        .iter()
        .filter(|(name, ..)| *name == "p50" || *name == "mean");
    let digits =
        decimals(medians.flat_map(|(.., change)| [time(change.before), time(change.after)]));
    let show = |nanos: f64| cell(time(nanos), digits);
    let row = |(name, _, change): &(&str, &str, Change)| {
        vec![
            (*name).to_owned(),
            show(change.before),
            show(change.after),
            signed(change.difference(), show),
            ratio(*change),
        ]
    };
    writeln!(out)?;
    print_table(
        &format!("{} in ms", series.name),
        figures.iter().map(row).collect(),
        out,
    )?;
    let text = format!("95 % intervals of the mean: {}", verdict(series.overlap));
    paragraph(&text, out)
}

fn print_table(caption: &str, rows: Vec<Vec<String>>, out: &mut impl Write) -> io::Result<()> {
    let header = ["", "before", "after", "difference", "ratio"];
    let table = Table {
        // The first column of all tables is as wide, so that they stand below each other.
        caption: format!("{caption:<21}"),
        header: header.map(|name| format!("{name:>10}")).to_vec(),
        rows,
    };
    columns::table(&table, 1, out)
}

fn signed(value: f64, show: impl Fn(f64) -> String) -> String {
    let sign = if value < 0.0 { "-" } else { "+" };
    format!("{sign}{}", show(value.abs()))
}

fn ratio(change: Change) -> String {
    change
        .ratio()
        .map_or(NONE.to_owned(), |ratio| format!("{ratio:.3}"))
}

#[cfg(test)]
mod tests {
    use super::super::read::tests::found;
    use super::*;

    #[test]
    fn a_comparison_for_people() {
        let mut after = found(150, [0.0, 0.0, 0.38]);
        after.size_bytes = 1400;
        let before = found(100, [1.0, 0.55, 1.84]);
        let mut out = Vec::new();
        print(&Comparison::of(&before, &after), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(
            text.lines()
                .all(|line| line.chars().count() <= columns::WIDTH)
        );
        let start = "\
note: different packet size: 64 bytes before, 1400 bytes after
in percent                 before       after  difference       ratio
loss                            1           0          -1       0.000
95 % intervals of the loss: 0.55 to 1.84 % before, 0 to 0.38 % after; they do not overlap: the
  difference is more than the scatter within a run.

network RTT in ms          before       after  difference       ratio
min                        0.0500      0.0750     +0.0250       1.500
mean                       0.0600      0.0900     +0.0300       1.500
p50                        0.0580      0.0870     +0.0290       1.500
p90                        0.0700      0.1050     +0.0350       1.500
p99                        0.0900      0.1350     +0.0450       1.500
p99.9                      0.1200      0.1800     +0.0600       1.500
max                        0.1500      0.2250     +0.0750       1.500
jitter, RFC 3550           0.0070      0.0105     +0.0035       1.500
jitter, PDV p99            0.0400      0.0600     +0.0200       1.500
95 % intervals of the mean: they do not overlap: the difference is more than the scatter within a
  run.
";
        assert!(text.starts_with(start), "{text}");
        assert!(
            text.contains("\nthere in ms ") && !text.contains("\nback in ms "),
            "{text}"
        );
    }

    #[test]
    fn what_did_not_change_may_be_chance() {
        let same = found(100, [1.0, 0.55, 1.84]);
        let mut out = Vec::new();
        print(&Comparison::of(&same, &same), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(
            text.contains("they overlap: the difference may be chance."),
            "{text}"
        );
        assert!(
            !text.contains("note:") && text.contains("+0.0000       1.000"),
            "{text}"
        );
    }
}
