//! Events as JSON, one a line.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::Instant;

use proto::filexfer::native::message::Totals;
use proto::filexfer::native::name::Name;
use serde::Serialize;

use super::counts::Counts;
use super::summary::hex;
use super::tally::Tally;
use crate::transfer::{Event, Left};

/// One line.
#[derive(Debug, Serialize)]
pub(super) struct Line<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    /// Who the other side is, where there may be several.
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<SocketAddr>,
    #[serde(flatten)]
    what: What<'a>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum What<'a> {
    Totals {
        files: u64,
        bytes: u64,
    },
    Begun {
        #[serde(flatten)]
        file: File<'a>,
        size: Option<u64>,
        from: u64,
    },
    Progress {
        #[serde(flatten)]
        file: Option<File<'a>>,
        at: u64,
        size: Option<u64>,
        files: u64,
        of: Option<u64>,
        bytes_there: u64,
        of_bytes: Option<u64>,
        moved_bytes: u64,
        bytes_per_second: Option<u64>,
    },
    Saved {
        #[serde(flatten)]
        file: File<'a>,
        size: u64,
        blake3: String,
    },
    Left {
        #[serde(flatten)]
        file: File<'a>,
        size: Option<u64>,
        why: &'static str,
    },
    Failed {
        #[serde(flatten)]
        file: File<'a>,
        reason: &'a str,
    },
    Name {
        #[serde(flatten)]
        file: File<'a>,
    },
    Wanted {
        #[serde(flatten)]
        file: File<'a>,
        size: Option<u64>,
    },
    Skipped {
        #[serde(flatten)]
        file: File<'a>,
        reason: &'a str,
        is_failure: bool,
    },
    Round {
        round: u64,
        #[serde(flatten)]
        counts: View,
        duration_ns: u64,
    },
    Summary {
        /// What the source named, where it was said.
        files: Option<u64>,
        bytes: Option<u64>,
        #[serde(flatten)]
        counts: View,
        wire_bytes: Option<u64>,
        /// Bytes that did not have to go over the wire.
        spared_bytes: Option<u64>,
        rounds: u64,
        duration_ns: u64,
    },
}

#[derive(Clone, Copy, Debug, Serialize)]
struct View {
    saved: u64,
    same: u64,
    kept: u64,
    failed: u64,
    left_out: u64,
    made: u64,
    removed: u64,
    wanted: u64,
    wanted_bytes: u64,
    moved_bytes: u64,
    reused_bytes: u64,
}

impl From<Counts> for View {
    fn from(counts: Counts) -> Self {
        Self {
            saved: counts.saved,
            same: counts.same,
            kept: counts.kept,
            failed: counts.failed,
            left_out: counts.left_out,
            made: counts.made,
            removed: counts.removed,
            wanted: counts.wanted,
            wanted_bytes: counts.wanted_bytes,
            moved_bytes: counts.moved,
            reused_bytes: counts.reused,
        }
    }
}

/// A name; its bytes in hexadecimal too where it is no UTF-8.
#[derive(Debug, Serialize)]
pub(crate) struct File<'a> {
    name: std::borrow::Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name_hex: Option<String>,
}

impl<'a> From<&'a Name> for File<'a> {
    fn from(name: &'a Name) -> Self {
        name.as_bytes().into()
    }
}

impl<'a> From<&'a [u8]> for File<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        let is_text = str::from_utf8(bytes).is_ok();
        Self {
            name: String::from_utf8_lossy(bytes),
            name_hex: (!is_text).then(|| hex(bytes)),
        }
    }
}

/// The line of an event. Bytes that moved and the end of a round have none of their own.
pub(super) fn event<'a>(event: &Event<'a>, peer: Option<SocketAddr>) -> Option<Line<'a>> {
    let (kind, what) = match *event {
        Event::Totals(Totals { files, bytes }) => ("totals", What::Totals { files, bytes }),
        Event::Begun { name, size, from } => {
            let file = name.into();
            ("begun", What::Begun { file, size, from })
        }
        Event::Moved(_) | Event::Reused(_) | Event::Paused => return None,
        Event::Saved { name, size, hash } => {
            let (file, blake3) = (name.into(), hex(&hash));
            ("saved", What::Saved { file, size, blake3 })
        }
        Event::Left { name, size, why } => {
            let (file, why) = (name.into(), reason(why));
            ("left", What::Left { file, size, why })
        }
        Event::Made { name } => ("made", What::Name { file: name.into() }),
        Event::Removed { name } => ("removed", What::Name { file: name.into() }),
        Event::Wanted { name, size } => {
            let file = name.into();
            ("wanted", What::Wanted { file, size })
        }
        Event::Skipped {
            path,
            reason,
            is_failure,
        } => {
            let file = path.into();
            let what = What::Skipped {
                file,
                reason,
                is_failure,
            };
            ("skipped", what)
        }
        Event::Failed { name, reason } => {
            let file = name.into();
            ("failed", What::Failed { file, reason })
        }
    };
    Some(Line { kind, peer, what })
}

fn reason(why: Left) -> &'static str {
    match why {
        Left::Same => "same",
        Left::Other => "other",
        Left::Unwanted => "unwanted",
    }
}

/// How far it has come.
pub(super) fn progress(tally: &Tally, peer: Option<SocketAddr>, now: Instant) -> Line<'_> {
    let current = tally.current.as_ref();
    let what = What::Progress {
        file: current.map(|current| (&current.name).into()),
        at: current.map_or(0, |current| current.at),
        size: current.and_then(|current| current.size),
        files: tally.files_there,
        of: tally.totals.map(|totals| totals.files),
        bytes_there: tally.bytes_there,
        of_bytes: tally.totals.map(|totals| totals.bytes),
        moved_bytes: tally.all().moved,
        bytes_per_second: tally.rate(now).map(|rate| rate as u64),
    };
    let kind = "progress";
    Line { kind, peer, what }
}

/// How it ended.
pub(super) fn summary(
    tally: &Tally,
    peer: Option<SocketAddr>,
    wire: Option<u64>,
    now: Instant,
) -> Line<'static> {
    let bytes = tally.totals.map(|totals| totals.bytes);
    let spared = bytes.zip(wire);
    let what = What::Summary {
        files: tally.totals.map(|totals| totals.files),
        bytes,
        counts: tally.all().into(),
        wire_bytes: wire,
        spared_bytes: spared.map(|(bytes, wire)| bytes.saturating_sub(wire)),
        rounds: tally.rounds,
        duration_ns: nanos(tally.began, now),
    };
    let kind = "summary";
    Line { kind, peer, what }
}

/// How a round ended.
pub(super) fn round(tally: &Tally, peer: Option<SocketAddr>, now: Instant) -> Line<'static> {
    let what = What::Round {
        round: tally.rounds,
        counts: tally.counts.into(),
        duration_ns: nanos(tally.round_began, now),
    };
    let kind = "paused";
    Line { kind, peer, what }
}

fn nanos(began: Instant, now: Instant) -> u64 {
    let time = now.saturating_duration_since(began);
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Writes one line at once.
pub(super) fn print(line: &impl Serialize, out: &mut impl Write) -> io::Result<()> {
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    out.write_all(&text)?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_table() {
        let (one, odd) = (Name::new(*b"one").unwrap(), Name::new(*b"\xff").unwrap());
        let peer: SocketAddr = "192.0.2.7:1".parse().unwrap();
        let table = [
            (
                Event::Totals(Totals { files: 1, bytes: 2 }),
                None,
                r#"{"type":"totals","files":1,"bytes":2}"#,
            ),
            (
                Event::Begun {
                    name: &one,
                    size: None,
                    from: 0,
                },
                Some(peer),
                r#"{"type":"begun","peer":"192.0.2.7:1","name":"one","size":null,"from":0}"#,
            ),
            (
                Event::Left {
                    name: &odd,
                    size: None,
                    why: Left::Other,
                },
                None,
                "{\"type\":\"left\",\"name\":\"\u{fffd}\",\"name_hex\":\"ff\",\"size\":null,\"why\":\"other\"}",
            ),
            (
                Event::Failed {
                    name: &one,
                    reason: "full\x1b",
                },
                None,
                r#"{"type":"failed","name":"one","reason":"full\u001b"}"#,
            ),
        ];
        for (happened, peer, expected) in table {
            let mut out = Vec::new();
            print(&event(&happened, peer).unwrap(), &mut out).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), format!("{expected}\n"));
        }
    }
}
