//! Say how a relay is.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use anyhow::bail;
use proto::relay::native::client::Event;
use proto::relay::native::frames::{Question, Reply, Status};
use runtime::cli::Exit;
use runtime::json;
use runtime::units;
use serde::Serialize;

use crate::peer::{Arrival, Happening, Heard, Inbox, Reach};
use crate::to::Address;
use crate::who::Who;

/// How long the answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Say how a relay is
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  relay status example.org           its clients, names, rooms, messages
  relay status example.org --json    the same as an object")]
pub(crate) struct Args {
    #[command(flatten)]
    reach: Reach,
    /// Print it as one JSON object
    #[arg(long)]
    json: bool,
}

/// How a relay is, as JSON. What the classic wire does not tell is not there.
#[derive(Debug, Default, Serialize)]
struct Object {
    relay: String,
    wire: &'static str,
    at: String,
    #[serde(flatten)]
    figures: Option<Figures>,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Figures {
    uptime_s: u64,
    classic_clients: u64,
    sessions: u64,
    names: u64,
    rooms: u64,
    messages: u64,
    deliveries: u64,
    refused: u64,
    dropped: u64,
    waiting_bytes: u64,
    stuck: u64,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    let inbox = Inbox::<()>::new()?;
    let Arrival { peer, at } = args.reach.connect(&Who::nameless(), &inbox)?;
    let figures = match peer.ask(Question::Status) {
        None => None,
        Some(_) => Some(Figures::from(answer(&inbox)?)),
    };
    let object = Object {
        relay: args.reach.target.to_string(),
        wire: if figures.is_some() {
            "native"
        } else {
            "classic"
        },
        at: Address(at).to_string(),
        figures,
    };
    let mut out = io::stdout().lock();
    if args.json {
        json::print(&object, &mut out)?;
    } else {
        out.write_all(table(&object).as_bytes())?;
    }
    Ok(Exit::Success)
}

fn answer(inbox: &Inbox<()>) -> anyhow::Result<Status> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match inbox.next(Some(deadline)) {
            Happening::Heard(Heard::Event(Event::Answer(answer))) => {
                if let Reply::Status(status) = answer.reply {
                    return Ok(status);
                }
            }
            Happening::Timeout => bail!("the relay did not say how it is within 5 s; try again"),
            Happening::Stop => bail!("stopped before the relay answered"),
            Happening::Heard(_) | Happening::Local(()) => {}
        }
    }
}

impl From<Status> for Figures {
    fn from(status: Status) -> Self {
        Self {
            uptime_s: status.uptime,
            classic_clients: status.classic,
            sessions: status.sessions,
            names: status.names,
            rooms: status.rooms,
            messages: status.messages,
            deliveries: status.deliveries,
            refused: status.refused,
            dropped: status.dropped,
            waiting_bytes: status.waiting,
            stuck: status.stuck,
        }
    }
}

fn table(object: &Object) -> String {
    let Object { relay, at, .. } = object;
    let Some(figures) = object.figures else {
        return format!(
            "relay {relay} answers on the classic wire, which tells no more than the address that it sees: {at}\n"
        );
    };
    let rows = [
        ("up for", since(figures.uptime_s)),
        ("clients", clients(&figures)),
        ("names", figures.names.to_string()),
        ("rooms", figures.rooms.to_string()),
        (
            "messages",
            format!("{} taken, {} refused", figures.messages, figures.refused),
        ),
        (
            "deliveries",
            format!(
                "{}, {} passed slow members by",
                figures.deliveries, figures.dropped
            ),
        ),
        (
            "waiting",
            format!("{} bytes in queues", figures.waiting_bytes),
        ),
        ("you", at.clone()),
    ];
    let rows = rows.map(|(what, value)| format!("  {what:<11} {value}\n"));
    format!("relay {relay}\n{}", rows.concat())
}

fn clients(figures: &Figures) -> String {
    let Figures {
        sessions,
        classic_clients,
        stuck,
        ..
    } = figures;
    let stuck = match stuck {
        0 => String::new(),
        stuck => format!(", {stuck} of them take nothing"),
    };
    format!("{sessions} native{stuck}, {classic_clients} classic")
}

fn since(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => units::show_time(Duration::from_secs(seconds)),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_is_shown() {
        let status = Status {
            uptime: 93_784,
            classic: 2,
            sessions: 5,
            names: 4,
            rooms: 1,
            messages: 100,
            deliveries: 130,
            refused: 3,
            ..Status::default()
        };
        let mut object = Object {
            relay: "example.org".into(),
            at: "192.0.2.7/50123".into(),
            figures: Some(status.into()),
            ..Object::default()
        };
        let expected = "relay example.org
  up for      1 d 2 h
  clients     5 native, 2 classic
  names       4
  rooms       1
  messages    100 taken, 3 refused
  deliveries  130, 0 passed slow members by
  waiting     0 bytes in queues
  you         192.0.2.7/50123
";
        assert_eq!(table(&object), expected);
        object.figures = None;
        assert!(table(&object).contains("classic wire"));
    }

    #[test]
    fn how_long_it_has_run() {
        let table = [
            (7, "7 s"),
            (120, "2 min"),
            (3660, "1 h 1 min"),
            (86_400, "1 d 0 h"),
        ];
        for (seconds, expected) in table {
            assert_eq!(since(seconds), expected);
        }
    }
}
