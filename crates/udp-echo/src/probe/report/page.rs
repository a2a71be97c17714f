//! A measurement as a page: how it was measured, charts, figures.

use chart::{Chart, Page};
use runtime::timing::unix_nanos;
use runtime::units::{date, show_time};

use super::super::Outcome;
use super::{table, text, words};

/// The page, with these charts.
pub(in crate::probe) fn page(outcome: &Outcome, charts: Vec<Chart>) -> Page {
    Page {
        title: format!("The path to udp://{}", outcome.plan.server),
        intro: intro(outcome),
        charts,
        tables: [table::times(outcome), table::jitter(outcome)]
            .into_iter()
            .flatten()
            .collect(),
        notes: notes(outcome),
    }
}

fn intro(outcome: &Outcome) -> Vec<(String, String)> {
    let (plan, found) = (&outcome.plan, &outcome.summary);
    let mut intro = vec![
        ("Command line", runtime::cli::command_line()),
        ("Ended", date(unix_nanos())),
        ("Server", words::server(outcome.wire)),
        ("Packets", words::packets(plan)),
        ("Time-out", show_time(plan.timeout)),
        ("Counts", words::counts(found)),
    ];
    let others = [
        ("Losses", words::losses(found)),
        ("Also", words::oddities(found)),
        ("Pace", words::pace(plan, &outcome.measured.pace)),
    ];
    // The sentences name what they speak of, as the list does here.
    let bare = |text: String| match text.split_once(": ") {
        Some(("lost" | "pace", rest)) => rest.to_owned(),
        _ => text,
    };
    intro.extend(
        others
            .into_iter()
            .filter_map(|(name, text)| Some((name, bare(text?)))),
    );
    intro
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

fn notes(outcome: &Outcome) -> Vec<String> {
    let cut_short = text::is_cut_short(outcome).then(|| text::CUT_SHORT.to_owned());
    let mut notes: Vec<_> = cut_short.into_iter().collect();
    notes.extend(words::round_trips(outcome));
    notes.extend(text::clocks(outcome));
    notes.push(words::JITTER.to_owned());
    notes.extend(outcome.notes.iter().cloned());
    notes
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn a_page_says_how_it_was_measured_and_what_came_out() {
        let page = page(&sample::native(), Vec::new());
        let names: Vec<_> = page.intro.iter().map(|(name, _)| name.as_str()).collect();
        let expected = [
            "Command line",
            "Ended",
            "Server",
            "Packets",
            "Time-out",
            "Counts",
            "Losses",
            "Also",
            "Pace",
        ];
        assert_eq!(names, expected);
        assert!(
            page.intro[8]
                .1
                .starts_with("one packet every 1 ms asked for")
        );
        let rows: Vec<_> = page.tables.iter().map(|table| table.rows.len()).collect();
        assert_eq!(rows, [4, 4]);
        assert!(
            page.notes
                .contains(&"the server was started anew".to_owned())
        );
        assert!(chart::html(&page).contains("application RTT"));
    }
}
