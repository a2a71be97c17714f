//! What is read from the runs, beside whom, and what it ought to be.

use super::Part;
use super::load::Run;
use super::program::Program;
use crate::goal::{self, Bound, Target, Topic};

/// This topic.
pub(super) struct Web;

impl Topic for Web {
    type Part = Part;
    type Program = Program;
    type Run = Run;
}

/// A figure, and the goal.
pub(super) type Goal = goal::Goal<Web>;

type Series = goal::Series<Web>;
type Read = fn(&Run) -> Option<f64>;

const OURS: &str = "ours";
const UNCACHED: &str = "ours --cache 0";
const NGINX: &str = "nginx";

/// All of them, in the order of the report.
pub(super) const GOALS: &[Goal] = &[
    requests(Part::Small, &[nginx(Run::requests_per_s)], 1.2),
    Goal {
        ours: Series::of(Program::OursUncached, UNCACHED, Run::requests_per_s),
        ..requests(Part::Small, &[nginx(Run::requests_per_s)], 1.2)
    },
    requests(Part::Small, &[static_web_server(Run::requests_per_s)], 1.5),
    requests(
        Part::Small,
        &[Series::of(
            Program::Python,
            "http.server",
            Run::requests_per_s,
        )],
        200.0,
    ),
    processor(
        Part::Small,
        &[nginx(Run::cpu_us), static_web_server(Run::cpu_us)],
    ),
    requests(Part::Cached, &[nginx_cached(Run::requests_per_s)], 1.15),
    requests(Part::Cached, &[lighttpd(Run::requests_per_s)], 1.0),
    processor(
        Part::Cached,
        &[nginx_cached(Run::cpu_us), lighttpd(Run::cpu_us)],
    ),
    requests(Part::Many, &[nginx_cached(Run::requests_per_s)], 1.15),
    requests(Part::Many, &[lighttpd(Run::requests_per_s)], 1.0),
    processor(
        Part::Many,
        &[nginx_cached(Run::cpu_us), lighttpd(Run::cpu_us)],
    ),
    requests(Part::Medium, &[nginx(Run::requests_per_s)], 1.1),
    rate(&[nginx(Run::mebibytes_per_s)], 1.6),
    rate(&[static_web_server(Run::mebibytes_per_s)], 1.9),
    requests(Part::NotFound, &[nginx(Run::requests_per_s)], 1.3),
    processor(Part::NotFound, &[nginx(Run::cpu_us)]),
    requests(Part::Close, &[nginx(Run::requests_per_s)], 0.98),
    processor(Part::Close, &[nginx(Run::cpu_us)]),
    latency("p50, µs", &[nginx(Run::p50_us)], ours(Run::p50_us)),
    latency("p99, µs", &[nginx(Run::p99_us)], ours(Run::p99_us)),
    memory(
        Part::Idle,
        "idle process, MB",
        ours(Run::idle_megabytes),
        &[nginx(Run::idle_megabytes), lighttpd(Run::idle_megabytes)],
        4.0,
    ),
    memory(
        Part::Idle,
        "each connection, KB",
        ours(Run::kilobytes_each),
        &[nginx(Run::kilobytes_each), lighttpd(Run::kilobytes_each)],
        2.0,
    ),
    memory(
        Part::Sending,
        "at most, MB",
        ours(Run::sending_megabytes),
        &[
            nginx(Run::sending_megabytes),
            static_web_server(Run::sending_megabytes),
        ],
        12.0,
    ),
];

const fn requests(part: Part, others: &'static [Series], at_least: f64) -> Goal {
    Goal {
        part,
        figure: "requests/s",
        ours: ours(Run::requests_per_s),
        others,
        target: Target::ratio(Bound::AtLeast, at_least),
    }
}

const fn rate(others: &'static [Series], at_least: f64) -> Goal {
    Goal {
        part: Part::Large,
        figure: "MiB/s",
        ours: ours(Run::mebibytes_per_s),
        others,
        target: Target::ratio(Bound::AtLeast, at_least),
    }
}

/// What a request costs the server, which tells more than their number where wrk is what is slow.
const fn processor(part: Part, others: &'static [Series]) -> Goal {
    Goal {
        part,
        figure: "CPU µs a request",
        ours: ours(Run::cpu_us),
        others,
        target: Target::ratio(Bound::AtMost, 1.0),
    }
}

const fn latency(figure: &'static str, others: &'static [Series], ours: Series) -> Goal {
    Goal {
        part: Part::One,
        figure,
        ours,
        others,
        target: Target::ratio(Bound::AtMost, 1.0),
    }
}

const fn memory(
    part: Part,
    figure: &'static str,
    ours: Series,
    others: &'static [Series],
    at_most: f64,
) -> Goal {
    Goal {
        part,
        figure,
        ours,
        others,
        target: Target::itself(Bound::AtMost, at_most),
    }
}

const fn ours(read: Read) -> Series {
    Series::of(Program::Ours, OURS, read)
}

const fn nginx(read: Read) -> Series {
    Series::of(Program::Nginx, NGINX, read)
}

const fn nginx_cached(read: Read) -> Series {
    Series::of(Program::NginxCached, "nginx, open_file_cache", read)
}

const fn lighttpd(read: Read) -> Series {
    Series::of(Program::Lighttpd, "lighttpd", read)
}

const fn static_web_server(read: Read) -> Series {
    Series::of(Program::StaticWebServer, "static-web-server", read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_has_a_goal_and_a_place_in_the_report() {
        crate::goal::check_parts(GOALS, &Part::ALL);
    }
}
