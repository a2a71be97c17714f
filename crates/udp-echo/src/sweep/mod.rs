//! Finding the limit of a path: the packet rate rises step by step.

mod charts;
mod collect;
mod found;
mod json;
mod live;
mod page;
#[cfg(test)]
mod tests;
mod text;
mod walk;
mod words;

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use anyhow::anyhow;
use chart::Width;
use proto::measure::{BadSweep, Falling};
use runtime::cli::Exit;
use runtime::shutdown::Shutdown;
use runtime::timing::unix_nanos;

use crate::args::Sweep;
use crate::pictures;
use crate::probe::{self, Asked, Outcome, Plan, Schedule, Wire, connect_first, with_server};
use collect::Collected;
use found::{Found, limit, rungs};
use live::Live;
use text::Screen;

/// Answers are looked for at least so long, so that late ones are seen.
const LEAST_TIMEOUT: Duration = Duration::from_secs(1);

pub(crate) fn run(args: &Sweep) -> anyhow::Result<Exit> {
    let sweep = schedule(args)?;
    pictures::check(&args.output, charts::CHARTS)?;
    let shutdown = Shutdown::on_signal()?;
    let asked = Asked {
        schedule: Schedule::Falling(sweep.clone()),
        timeout: Some(args.interval.max(LEAST_TIMEOUT)),
    };
    let outcome = with_server(&args.path, &shutdown, |candidates, key| {
        let (ready, plan, wire) = connect_first(&args.path, &asked, candidates, key)?;
        begin(args, &sweep, &plan, wire)?;
        let began = unix_nanos();
        let mut live = Live::new(&args.output, &sweep, &plan);
        let wanted = live.wanted();
        let outcome = probe::measure(ready, plan, wire, &shutdown, wanted, |event| {
            live.show(event)
        })?;
        let (collected, notes) = live.finish()?;
        let outcome = Outcome { notes, ..outcome };
        // Before the server is asked to stop, which may fail.
        show(args, &found(args, &sweep, &outcome, collected, began))?;
        Ok(outcome)
    })?;
    Ok(outcome.exit())
}

/// The schedule; what cannot be is refused with the cure.
fn schedule(args: &Sweep) -> anyhow::Result<Falling> {
    let sweep = Falling::new(args.interval, args.shrink, args.packets, args.until);
    sweep.map_err(|error| {
        let cure = match error {
            BadSweep::Shrink(_) => "a --shrink such as 0.95 makes each interval 5 % shorter",
            BadSweep::NoPackets => "use --packets 1 or more",
            BadSweep::Until { .. } => "use a shorter --until or a longer --interval",
            BadSweep::TooManySteps => "use a smaller --shrink or a longer --until",
        };
        anyhow!("{error}; {cure}")
    })
}

/// Says what is about to be done.
fn begin(args: &Sweep, sweep: &Falling, plan: &Plan, wire: Wire) -> io::Result<()> {
    let header = words::header(plan, wire, sweep, args.packets);
    if !(args.output.json || args.output.json_lines) {
        writeln!(io::stdout().lock(), "{}", screen().wrapped(&header))
    } else if io::stderr().is_terminal() {
        writeln!(io::stderr().lock(), "{header}")
    } else {
        Ok(())
    }
}

fn found(
    args: &Sweep,
    sweep: &Falling,
    outcome: &Outcome,
    collected: Collected,
    began: u64,
) -> Found {
    let pace = outcome.measured.pace;
    let rungs = rungs(&collected, args.packets, pace.slots, outcome.wire);
    Found {
        asked: found::Asked {
            interval: args.interval,
            shrink: args.shrink,
            packets: args.packets,
            until: args.until,
        },
        sweep: sweep.clone(),
        plan: outcome.plan.clone(),
        wire: outcome.wire,
        summary: outcome.summary,
        pace,
        interrupted: outcome.interrupted,
        notes: outcome.notes.clone(),
        began,
        seconds: collected.seconds,
        limit: limit(&rungs),
        rungs,
    }
}

/// Prints the result, then writes the files: what cannot be written loses nothing that was measured.
fn show(args: &Sweep, found: &Found) -> anyhow::Result<()> {
    let output = &args.output;
    let mut out = io::stdout().lock();
    if output.json || output.json_lines {
        writeln!(out, "{}", json::result(found, output.json)?)?;
    } else {
        text::result(found, screen(), &mut out)?;
    }
    out.flush()?;
    drop(out);
    if let Some(path) = &output.csv {
        pictures::write_file(path, json::csv(found).as_bytes())?;
    }
    pictures::write(output, &charts::charts(found), || page::page(found))
}

/// How wide standard output is, and whether it takes colours.
fn screen() -> Screen {
    let out = io::stdout();
    let asked = std::env::var("COLUMNS").ok();
    let asked = asked.and_then(|columns| columns.parse().ok());
    let wrap = terminal_size::terminal_size_of(&out).map(|(width, _)| usize::from(width.0));
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|name| name == "dumb");
    Screen {
        width: asked.or(wrap).map_or_else(Width::default, Width::new),
        wrap,
        color: out.is_terminal() && !plain && !dumb,
    }
}
