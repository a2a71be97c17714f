//! What was found, as JSON.

use proto::measure::mtu::{End, Family, Limit, Reach};
use serde::Serialize;

use super::search::Word;
use super::{Found, words};

/// Names what the fields mean.
const SCHEMA: &str = "plumbline/mtu/1";

#[derive(Serialize)]
pub(super) struct View {
    schema: &'static str,
    target: String,
    ip_version: u8,
    keyed: bool,
    end: &'static str,
    path_mtu_bytes: u32,
    udp_payload_bytes: usize,
    tcp_mss_bytes: u32,
    there: ReachView,
    back: ReachView,
    black_hole: bool,
    interface_mtu_bytes: Option<u32>,
    icmp: Vec<WordView>,
    packets_sent: u64,
    packets_answered: u64,
    duration_ns: u64,
}

#[derive(Serialize)]
struct ReachView {
    mtu_bytes: u32,
    limit: &'static str,
}

#[derive(Serialize)]
struct WordView {
    from: String,
    mtu_bytes: u32,
    confirmed: bool,
}

impl View {
    pub(super) fn of(found: &Found) -> Self {
        let (finding, mtu) = (&found.finding, found.finding.there.mtu);
        let is_hole = |reach: Reach| reach.limit == Limit::Silent;
        Self {
            schema: SCHEMA,
            target: found.server.to_string(),
            ip_version: match found.family {
                Family::V4 => 4,
                Family::V6 => 6,
            },
            keyed: found.is_keyed,
            end: end(finding.end),
            path_mtu_bytes: mtu.0,
            udp_payload_bytes: mtu.payload(found.family),
            tcp_mss_bytes: words::mss(found),
            there: ReachView::of(finding.there),
            back: ReachView::of(finding.back),
            black_hole: is_hole(finding.there) || is_hole(finding.back),
            interface_mtu_bytes: finding.interface.map(|mtu| mtu.0),
            icmp: found
                .words
                .iter()
                .map(|word| WordView::of(word, found))
                .collect(),
            packets_sent: finding.sent,
            packets_answered: finding.answered,
            duration_ns: u64::try_from(found.took.as_nanos()).unwrap_or(u64::MAX),
        }
    }
}

fn end(end: End) -> &'static str {
    match end {
        End::Complete => "complete",
        End::Silent => "silent",
        End::TooMany => "too_many_packets",
        End::Early => "interrupted",
    }
}

impl ReachView {
    fn of(reach: Reach) -> Self {
        Self {
            mtu_bytes: reach.mtu.0,
            limit: match reach.limit {
                Limit::Longest => "longest_packet",
                Limit::Interface => "interface",
                Limit::Told => "icmp",
                Limit::Silent => "black_hole",
                Limit::Cut => "fragments",
                Limit::There => "there",
                Limit::Open => "unknown",
            },
        }
    }
}

impl WordView {
    fn of(word: &Word, found: &Found) -> Self {
        Self {
            from: word.by.to_string(),
            mtu_bytes: word.mtu.0,
            confirmed: word.mtu == found.finding.there.mtu,
        }
    }
}
