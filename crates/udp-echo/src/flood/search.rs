//! The highest rate that the path carries, by trials.

use proto::measure::flood::{Search, Trial, Way};
use runtime::shutdown::Shutdown;

use super::found::{Searched, Tried};
use super::line::Line;
use super::live::Live;
use super::one_way;
use super::plan::Plan;
use crate::args::Flood;

/// How exact the rate is to be, as a part of it.
const RESOLUTION: f64 = 0.01;

/// Makes trials until the rate is found or the user ends it.
pub(super) fn search(
    args: &Flood,
    plan: &Plan,
    lines: &mut [Line],
    live: &mut Live,
    shutdown: &Shutdown,
) -> anyhow::Result<Option<Searched>> {
    let max_loss = args.max_loss.fraction();
    let (mut search, mut trials) = (Search::new(max_loss, RESOLUTION), Vec::new());
    while let Some(trial) = search.trial() {
        let rate = match trial {
            Trial::Unlimited => None,
            Trial::At(rate) => Some(rate),
        };
        let way = plan.ways.first().copied().unwrap_or(Way::There);
        let seen = one_way(plan, way, rate, lines, live, shutdown)?;
        if shutdown.is_triggered() {
            break; // it was not made to its end
        }
        let loss = seen.loss();
        let sent = seen.sent_per_second();
        let tried = Tried {
            wanted: rate.map(|rate| rate.packets()),
            sent,
            delivered: sent * (1.0 - loss),
            loss,
            verdict: search.seen(sent, loss),
        };
        live.trial(trials.len() + 1, &tried)?;
        trials.push(tried);
    }
    Ok(Some(Searched {
        max_loss,
        found: search.found(),
        trials,
    }))
}
