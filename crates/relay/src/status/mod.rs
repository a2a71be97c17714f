//! Say how a relay is, and those that serve its community with it.

mod fleet;

use std::io::{self, Write};
use std::time::{Duration, Instant};

use anyhow::bail;
use proto::relay::native::client::Event;
use proto::relay::native::frames::{Question, RelayState, Reply, Status};
use proto::relay::native::handshake::Purpose;
use runtime::cli::Exit;
use runtime::json;
use serde::Serialize;

use crate::peer::{Arrival, Happening, Heard, Inbox, Reach};
use crate::to::Address;
use crate::who::Who;
use crate::words;

/// How long the answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// How much longer that to the question about the other relays, which an older one does not give.
const FURTHER: Duration = Duration::from_millis(500);

/// Say how a relay is, and those that serve its community with it
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  relay status example.org              its clients, names, rooms, messages, mail
  relay status a.example,b.example      the first that answers; of relays on one NATS it tells all
  relay status example.org --json       the same as an object")]
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
    #[serde(flatten)]
    community: Option<Community>,
}

/// The relays of the community, the one that has answered first, and the mail that waits for all of it.
#[derive(Debug, Serialize)]
struct Community {
    mail: u64,
    mail_bytes: u64,
    relays: Vec<fleet::Relay>,
    #[serde(skip)]
    states: Vec<RelayState>,
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
    let Arrival { peer, at } = args
        .reach
        .connect(&Who::nameless(), Purpose::Speak, &inbox)?;
    let answer = match (peer.ask(Question::Status), peer.ask(Question::Relays)) {
        (None, _) => None,
        (Some(_), _) => Some(answer(&inbox)?),
    };
    let (figures, relays) = answer.unzip();
    let figures = figures.map(Figures::from);
    let object = Object {
        relay: peer.relay().to_string(),
        wire: if figures.is_some() {
            "native"
        } else {
            "classic"
        },
        at: Address(at).to_string(),
        figures,
        community: relays.flatten().map(Community::from),
    };
    let mut out = io::stdout().lock();
    if args.json {
        json::print(&object, &mut out)?;
    } else {
        out.write_all(table(&object).as_bytes())?;
    }
    Ok(Exit::Success)
}

/// What the relay says of itself, and of all, if it knows that question.
fn answer(inbox: &Inbox<()>) -> anyhow::Result<(Status, Option<Vec<RelayState>>)> {
    let (mut status, mut relays) = (None, None);
    let mut deadline = Instant::now() + PATIENCE;
    loop {
        match inbox.next(Some(deadline)) {
            Happening::Heard(Heard::Event(Event::Answer(answer))) => match answer.reply {
                Reply::Status(said) => {
                    status = Some(said);
                    deadline = deadline.min(Instant::now() + FURTHER);
                }
                Reply::Relays(said) => relays = Some(said),
                _ => {}
            },
            Happening::Timeout if status.is_none() => {
                bail!("the relay did not say how it is within 5 s; try again")
            }
            Happening::Stop => bail!("stopped before the relay answered"),
            Happening::Heard(_) | Happening::Local(()) | Happening::Timeout => {}
        }
        if let Some(status) = status
            && (relays.is_some() || Instant::now() >= deadline)
        {
            return Ok((status, relays));
        }
    }
}

impl From<Vec<RelayState>> for Community {
    fn from(states: Vec<RelayState>) -> Self {
        let (mail, mail_bytes) = fleet::mail(&states);
        let relays = states.iter().map(fleet::Relay::from).collect();
        Self {
            mail,
            mail_bytes,
            relays,
            states,
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
        ("up for", words::since(figures.uptime_s)),
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
    let states = object.community.as_ref().map(|all| all.states.as_slice());
    let states = states.unwrap_or_default();
    let rows = rows.into_iter().chain(fleet::mail_row(states));
    let rows = rows.map(|(what, value)| format!("  {what:<11} {value}\n"));
    format!(
        "relay {relay}\n{}{}",
        rows.collect::<String>(),
        fleet::table(states)
    )
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
}
