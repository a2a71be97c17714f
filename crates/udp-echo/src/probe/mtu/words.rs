//! What was found, in sentences.

use proto::measure::mtu::{End, Family, Limit, Mtu, Progress, Reach, State};
use runtime::units::show_time;

use super::Found;
use super::search::{Line, Word};

/// What TCP can carry in a packet that fits both ways, without options (RFC 6691), in bytes.
pub(super) fn mss(found: &Found) -> u32 {
    let headers = match found.family {
        Family::V4 => 40,
        Family::V6 => 60,
    };
    narrowest(found).0.saturating_sub(headers)
}

fn narrowest(found: &Found) -> Mtu {
    found.finding.there.mtu.min(found.finding.back.mtu)
}

fn version(family: Family) -> &'static str {
    match family {
        Family::V4 => "IPv4",
        Family::V6 => "IPv6",
    }
}

/// What is about to be done.
pub(super) fn header(line: &Line) -> String {
    format!(
        "looking for the MTU of the path to udp://{} ({}{})",
        line.server,
        version(line.family()),
        if line.key.is_some() {
            ", with a key"
        } else {
            ""
        }
    )
}

/// How far it is.
pub(super) fn progress(progress: &Progress) -> String {
    let what = match progress.state {
        State::Base => "base",
        State::Error => "below the base",
        State::Search => "search",
        State::Complete => "complete",
    };
    format!(
        "{what}: {} bytes get through, trying {}; {} packets",
        progress.proven, progress.tried, progress.sent
    )
}

/// The result.
pub(super) fn result(found: &Found) -> Vec<String> {
    let mut lines = vec![first(found), there(found), back(found)];
    lines.extend(interface(found));
    lines.extend(found.words.iter().filter_map(|word| doubt(found, word)));
    lines.extend(cure(found));
    lines
}

fn first(found: &Found) -> String {
    let finding = &found.finding;
    let mtu = finding.there.mtu;
    let least = if finding.there.limit == Limit::Open {
        "at least "
    } else {
        ""
    };
    format!(
        "path MTU to udp://{}: {least}{mtu} bytes ({}; {} bytes of UDP payload), {} by {} packets in {} s",
        found.server,
        version(found.family),
        mtu.payload(found.family),
        if finding.end == End::Complete {
            "found"
        } else {
            "ended early,"
        },
        finding.sent,
        seconds(found)
    )
}

fn seconds(found: &Found) -> String {
    format!("{:.1}", found.took.as_secs_f64())
}

fn there(found: &Found) -> String {
    let mtu = found.finding.there.mtu;
    let why = match found.finding.there.limit {
        Limit::Longest => "no UDP packet is longer".to_owned(),
        Limit::Interface => "this machine's own interface takes nothing longer".to_owned(),
        Limit::Told => format!("{} says so (ICMP), and it is true", by(found, mtu)),
        Limit::Open => "longer ones were not all tried".to_owned(),
        _ => "longer packets vanish, and no host on the path says so: a black hole".to_owned(),
    };
    format!("there: {why}")
}

/// The hosts that speak of this MTU.
fn by(found: &Found, mtu: Mtu) -> String {
    let words = found.words.iter().filter(|word| word.mtu == mtu);
    let hosts: Vec<_> = words.map(|word| word.by.to_string()).collect();
    hosts.join(" and ")
}

fn back(found: &Found) -> String {
    let Reach { mtu, limit } = found.finding.back;
    let why = match limit {
        Limit::There => "echoes of that length come back in one piece".to_owned(),
        Limit::Cut => format!(
            "{mtu} bytes; the server's system sends longer echoes in fragments, as its own interface or a host on the path told it"
        ),
        Limit::Silent => format!(
            "{mtu} bytes; longer packets arrive, but their echoes vanish: a black hole on the way back"
        ),
        _ => format!("at least {mtu} bytes"),
    };
    format!("back: {why}")
}

fn interface(found: &Found) -> Option<String> {
    let interface = found.finding.interface?;
    Some(format!("this machine's interface: {interface} bytes"))
}

/// What is to be said of a host's word that is not the answer.
fn doubt(found: &Found, word: &Word) -> Option<String> {
    let mtu = found.finding.there.mtu;
    if word.mtu >= mtu {
        return None;
    }
    Some(format!(
        "also: {} spoke of {} bytes (ICMP), but longer packets get through: forged, or of another way",
        word.by, word.mtu
    ))
}

/// What helps against a black hole.
fn cure(found: &Found) -> Option<String> {
    let finding = &found.finding;
    let is_hole = |reach: Reach| reach.limit == Limit::Silent;
    if !is_hole(finding.there) && !is_hole(finding.back) {
        return None;
    }
    let icmp = match found.family {
        Family::V4 => "\"fragmentation needed\" (ICMP type 3, code 4)",
        Family::V6 => "\"packet too big\" (ICMPv6 type 2)",
    };
    Some(format!(
        "cure: let {icmp} pass the firewalls; or clamp the MSS of TCP to {}, or set the MTU of the tunnel or interface to {}",
        mss(found),
        narrowest(found)
    ))
}

/// The server answers no more.
pub(super) fn lost(found: &Found) -> String {
    let (server, finding) = (found.server, &found.finding);
    let why = if found.is_forgotten {
        "it was started anew; measure again"
    } else if found.is_refused {
        "its host answered \"port unreachable\"; is it still running?"
    } else {
        "check that it still runs, and give it longer with --timeout where the path is slow"
    };
    let so_far = match finding.answered {
        0 => String::new(),
        _ => format!(" (packets of {} bytes got through)", finding.there.mtu),
    };
    format!(
        "udp://{server} answers no more, after {} packets in {}: {why}{so_far}",
        finding.sent,
        show_time(found.took)
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proto::measure::mtu::Finding;

    use super::*;

    fn found(there: Limit, back: Reach) -> Found {
        let mtu = Mtu(1420);
        Found {
            server: "192.0.2.7:8080".parse().unwrap(),
            family: Family::V4,
            is_keyed: false,
            finding: Finding {
                there: Reach { mtu, limit: there },
                back,
                interface: Some(Mtu(1500)),
                sent: 23,
                answered: 17,
                end: End::Complete,
            },
            words: [(1, 1420), (2, 576)]
                .map(|(host, mtu)| Word {
                    by: [192, 0, 2, host].into(),
                    mtu: Mtu(mtu),
                })
                .to_vec(),
            took: Duration::from_millis(1234),
            is_refused: false,
            is_forgotten: false,
        }
    }

    fn reach(mtu: u32, limit: Limit) -> Reach {
        Reach {
            mtu: Mtu(mtu),
            limit,
        }
    }

    #[test]
    fn a_path_whose_hosts_speak() {
        let lines = result(&found(Limit::Told, reach(1420, Limit::There)));
        let expected = [
            "path MTU to udp://192.0.2.7:8080: 1420 bytes (IPv4; 1392 bytes of UDP payload), found by 23 packets in 1.2 s",
            "there: 192.0.2.1 says so (ICMP), and it is true",
            "back: echoes of that length come back in one piece",
            "this machine's interface: 1500 bytes",
            "also: 192.0.2.2 spoke of 576 bytes (ICMP), but longer packets get through: forged, or of another way",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn black_holes_have_a_cure() {
        for (there, back) in [
            (Limit::Silent, reach(1420, Limit::There)),
            (Limit::Told, reach(1300, Limit::Silent)),
        ] {
            let lines = result(&found(there, back));
            let text = lines.join("\n");
            let mss = format!("clamp the MSS of TCP to {}", back.mtu.0 - 40);
            assert!(text.contains("black hole") && text.contains(&mss), "{text}");
        }
    }

    #[test]
    fn what_is_not_known_is_not_said() {
        let mut early = found(Limit::Open, reach(1300, Limit::Open));
        early.finding.end = End::Early;
        let text = result(&early).join("\n");
        assert!(text.contains("at least 1420 bytes"), "{text}");
        assert!(!text.contains("black hole"), "{text}");
        assert!(lost(&early).contains("packets of 1420 bytes got through"));
        early.finding.answered = 0;
        assert!(!lost(&early).contains("got through"));
    }
}
