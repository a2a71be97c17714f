//! The relays that serve one community, as a table and as JSON.

use proto::relay::native::frames::{RelayState, Trouble};
use runtime::escape::Escaped;
use serde::Serialize;

use crate::words::{self, count};

/// The longest label that is shown, in characters.
const LABEL: usize = 32;

/// One relay, as JSON.
#[derive(Debug, Serialize)]
pub(super) struct Relay {
    id: String,
    label: String,
    uptime_s: u64,
    heard_ms: u64,
    classic_clients: u64,
    sessions: u64,
    rooms: u64,
    mail: u64,
    mail_bytes: u64,
    troubles: Vec<&'static str>,
}

impl From<&RelayState> for Relay {
    fn from(state: &RelayState) -> Self {
        Self {
            id: format!("{:016x}", state.id),
            label: state.label.clone(),
            uptime_s: state.uptime,
            heard_ms: state.heard,
            classic_clients: state.classic,
            sessions: state.sessions,
            rooms: state.rooms,
            mail: state.mail,
            mail_bytes: state.mail_bytes,
            troubles: state.troubles.iter().copied().map(key).collect(),
        }
    }
}

fn key(trouble: Trouble) -> &'static str {
    match trouble {
        Trouble::StoreFails => "store-fails",
        Trouble::StoreFull => "store-full",
        Trouble::CutOff => "cut-off",
        Trouble::NoMail => "no-mail",
        Trouble::Silent => "silent",
    }
}

/// How much mail waits. Relays that share it say the same, but for those that cannot know.
pub(super) fn mail(relays: &[RelayState]) -> (u64, u64) {
    let most = relays.iter().map(|state| (state.mail, state.mail_bytes));
    most.max().unwrap_or_default()
}

/// The mail of one relay or of all, where there is any.
pub(super) fn mail_row(relays: &[RelayState]) -> Option<(&'static str, String)> {
    let (messages, bytes) = mail(relays);
    if messages == 0 && relays.len() < 2 {
        return None;
    }
    let wait = if messages == 1 { "waits" } else { "wait" };
    let messages = count(messages, "message", "messages");
    Some(("mail", format!("{messages} {wait}, {bytes} bytes")))
}

/// A row for each relay, where there are several, and what is degraded, in words.
pub(super) fn table(relays: &[RelayState]) -> String {
    let mut text = String::new();
    if relays.len() > 1 {
        text += &format!(
            "{} serve this community; * has answered\n",
            count(relays.len() as u64, "relay", "relays")
        );
        text += &rows(relays);
    }
    for state in relays {
        for trouble in &state.troubles {
            text += &format!("  !! {}: {}\n", name(state), cure(*trouble, state));
        }
    }
    text
}

fn rows(relays: &[RelayState]) -> String {
    const HEADS: [&str; 6] = ["relay", "up for", "clients", "rooms", "heard", "state"];
    let heads = HEADS.map(str::to_owned);
    let rows: Vec<_> = [heads]
        .into_iter()
        .chain(
            relays
                .iter()
                .enumerate()
                .map(|(place, state)| row(place, state)),
        )
        .collect();
    let widths: [usize; 6] = std::array::from_fn(|column| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or(0)
    });
    rows.iter().map(|row| line(row, &widths)).collect()
}

fn line(row: &[String; 6], widths: &[usize; 6]) -> String {
    let cells = row.iter().zip(widths);
    let cells: Vec<_> = cells
        .map(|(cell, width)| format!("{cell:<width$}"))
        .collect();
    format!("  {}\n", cells.join("  ").trim_end())
}

fn row(place: usize, state: &RelayState) -> [String; 6] {
    let mark = if place == 0 { "* " } else { "  " };
    let health = match state.troubles.as_slice() {
        [] => "fine".to_owned(),
        troubles => troubles
            .iter()
            .copied()
            .map(word)
            .collect::<Vec<_>>()
            .join(", "),
    };
    [
        format!("{mark}{}", name(state)),
        words::since(state.uptime),
        (state.sessions + state.classic).to_string(),
        state.rooms.to_string(),
        heard(place, state.heard),
        health,
    ]
}

/// What its owner calls it, or else its number.
fn name(state: &RelayState) -> String {
    if state.label.is_empty() {
        return format!("{:016x}", state.id);
    }
    let label = Escaped(state.label.as_bytes()).to_string();
    match label.char_indices().nth(LABEL) {
        Some((end, _)) => format!("{}…", &label[..end]),
        None => label,
    }
}

fn heard(place: usize, millis: u64) -> String {
    match (place, millis) {
        (0, _) => "-".to_owned(),
        (_, 0..1000) => format!("{millis} ms ago"),
        _ => format!("{} ago", words::since(millis / 1000)),
    }
}

fn word(trouble: Trouble) -> &'static str {
    match trouble {
        Trouble::StoreFails => "cannot write mail",
        Trouble::StoreFull => "full of mail",
        Trouble::CutOff => "cut off",
        Trouble::NoMail => "no mail",
        Trouble::Silent => "silent",
    }
}

fn cure(trouble: Trouble, state: &RelayState) -> String {
    match trouble {
        Trouble::StoreFails => {
            "its disk takes no mail, which is refused: look at its log, and at the disk of --store".to_owned()
        }
        Trouble::StoreFull => {
            "no more mail fits: make room on the disk, raise --store-size, or shorten --keep".to_owned()
        }
        Trouble::CutOff => "it does not reach NATS: whoever is at another relay cannot be reached, mail is neither \
             kept nor fetched. Check nats-server, and the network between"
            .to_owned(),
        Trouble::NoMail => {
            "its NATS server keeps no mail: start that with JetStream (nats-server -js)".to_owned()
        }
        Trouble::Silent => format!(
            "not heard of for {}: see whether it runs, and reaches NATS. Its clients go to the others, if they know them",
            words::since(state.heard / 1000)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relay(label: &str, troubles: &[Trouble]) -> RelayState {
        RelayState {
            id: 0xAB,
            label: label.to_owned(),
            uptime: 3660,
            heard: 12_345,
            classic: 1,
            sessions: 4,
            rooms: 2,
            mail: 7,
            mail_bytes: 900,
            troubles: troubles.to_vec(),
        }
    }

    #[test]
    fn each_relay_has_a_row_and_each_trouble_a_cure() {
        let relays = [
            relay("a", &[]),
            relay("\x1b[2J", &[Trouble::Silent, Trouble::CutOff]),
            relay("", &[]),
        ];
        let shown = table(&relays);
        let expected = "3 relays serve this community; * has answered
  relay               up for     clients  rooms  heard     state
  * a                 1 h 1 min  5        2      -         fine
    \\u{1b}[2J         1 h 1 min  5        2      12 s ago  silent, cut off
    00000000000000ab  1 h 1 min  5        2      12 s ago  fine
";
        assert!(shown.starts_with(expected), "{shown}");
        assert!(shown.contains("  !! \\u{1b}[2J: not heard of for 12 s: "));
        assert!(shown.contains("does not reach NATS"));
        assert_eq!(mail_row(&relays).unwrap().1, "7 messages wait, 900 bytes");
    }

    #[test]
    fn one_alone_has_no_table() {
        assert_eq!(table(&[relay("a", &[])]), "");
        let full = table(&[relay("a", &[Trouble::StoreFull])]);
        assert!(full.starts_with("  !! a: no more mail fits"));
        assert_eq!(mail_row(&[RelayState::default()]), None);
        assert_eq!(mail(&[relay("a", &[]), RelayState::default()]), (7, 900));
    }

    #[test]
    fn a_label_has_its_end() {
        let shown = name(&relay(&"ü".repeat(64), &[]));
        assert_eq!(shown.chars().count(), LABEL + 1);
    }
}
