//! Write what comes to standard output, or hand it to a command.

mod exec;
mod show;

use std::num::NonZeroU64;

use anyhow::bail;
use proto::relay::native::Name;
use proto::relay::native::client::{Event, Incoming};
use proto::relay::native::frames::{Ending, Wants};
use proto::relay::native::handshake::Purpose;
use runtime::cli::Exit;

use crate::peer::{Arrival, Happening, Heard, Inbox, Peer, Reach, Wire};
use crate::to;
use crate::who::{Naming, Who};
use crate::words;
use show::Shown;

/// Write what comes to standard output
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  relay listen example.org                        messages to the address that the first line names
  relay listen example.org --name alice           messages to alice, sealed between names
  relay listen example.org --room lobby --json    what is said in #lobby, an object a line
  relay listen example.org --name printer --exec 'lp -t \"from $RELAY_FROM\"'

The first line is `registered as IP/PORT`. What the relay kept while alice was away comes first, with the time when it was
sent: `bob (2026-11-20 14:05): hello`, in JSON `waited_s`. --exec has the content on its standard input, and RELAY_FROM,
RELAY_ROOM, RELAY_ID and RELAY_WAITED (seconds) in its environment; one command runs at a time. Ctrl-C ends with 0,
when what has come by then is written.")]
pub(crate) struct Args {
    #[command(flatten)]
    reach: Reach,
    #[command(flatten)]
    naming: Naming,
    /// Be in this room (repeatable)
    #[arg(long, value_name = "ROOM", value_parser = to::room)]
    room: Vec<Name>,
    /// Print a JSON object for each message, one a line
    #[arg(long)]
    json: bool,
    /// Run `sh -c CMD` for each message, instead of printing it
    #[arg(long, value_name = "CMD", conflicts_with = "json")]
    exec: Option<String>,
    /// End after so many messages, and those that came with the last of them
    #[arg(long, value_name = "N")]
    count: Option<NonZeroU64>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    let who = args.naming.settle(&args.reach.target)?;
    let inbox = Inbox::<()>::new()?;
    let Arrival { peer, at } = args.reach.connect(&who, Purpose::Hear, &inbox)?;
    if peer.wire() == Wire::Classic && !args.room.is_empty() {
        bail!(
            "the relay {} speaks the classic wire, which has no rooms",
            peer.relay()
        );
    }
    if args.count.is_some() && args.exec.is_none() {
        peer.take_little();
    }
    for room in &args.room {
        peer.join(*room, None);
    }
    let mut shown = Shown::new(args.json)?;
    shown.registered(at, who.name())?;
    let mut listener = Listener {
        args,
        who,
        peer,
        shown,
        left: args.count.map_or(u64::MAX, NonZeroU64::get),
    };
    listener.listen(&inbox)
}

struct Listener<'a> {
    args: &'a Args,
    who: Who,
    peer: Peer,
    shown: Shown,
    left: u64,
}

impl Listener<'_> {
    fn listen(&mut self, inbox: &Inbox<()>) -> anyhow::Result<Exit> {
        while self.left > 0 {
            if inbox.is_empty() {
                self.shown.flush()?;
            }
            match inbox.next(None) {
                Happening::Stop => break,
                Happening::Heard(Heard::Event(event)) => self.hear(event)?,
                Happening::Heard(_) | Happening::Local(()) | Happening::Timeout => {}
            }
        }
        self.finish(inbox)?;
        self.shown.flush()?;
        Ok(Exit::Success)
    }

    /// What has come by now is kept nowhere else.
    fn finish(&mut self, inbox: &Inbox<()>) -> anyhow::Result<()> {
        self.peer.take_no_more();
        for happening in inbox.rest() {
            if let Happening::Heard(Heard::Event(Event::Message(message))) = happening {
                self.take(&message)?;
            }
        }
        Ok(())
    }

    fn hear(&mut self, event: Event) -> anyhow::Result<()> {
        match event {
            Event::Message(message) => return self.take(&message),
            Event::KeyMet { name, key } => self.who.keep(name, key),
            Event::KeyChanged { name, was, is } => {
                let words = words::key_changed(name, &was, &is, &self.who);
                tracing::warn!("messages from {name} are held back: {words}");
            }
            Event::Registered { at, .. } => {
                if self.peer.has_others() {
                    tracing::warn!("connected again, to {}", self.peer.relay());
                }
                self.shown.registered(at, self.who.name())?;
            }
            Event::Lost => tracing::warn!("the connection is lost; trying again"),
            Event::Ended(Ending::Stopping) => tracing::warn!("the relay has stopped; trying again"),
            Event::Ended(why) => bail!("{}", words::ending(why)),
            Event::Refused(why) => bail!("{}", words::refusal(why, self.peer.relay())),
            Event::Joined(joined) => match joined.missed {
                Some(0) | None => {}
                Some(missed) => {
                    let said = words::count(missed, "message was", "messages were");
                    tracing::warn!("{said} said in #{} meanwhile and kept no more", joined.room);
                }
            },
            Event::Unreadable { from, .. } => {
                let from = words::origin(from);
                tracing::warn!("a message from {from} cannot be opened; it is gone");
            }
            Event::Classic if self.who.insists() => {
                bail!("the relay speaks the classic wire now, which has no names")
            }
            Event::Classic | Event::Receipt { .. } | Event::Happened(_) | Event::Answer(_) => {}
        }
        Ok(())
    }

    fn take(&mut self, message: &Incoming) -> anyhow::Result<()> {
        let is_read = match &self.args.exec {
            None => self.shown.message(message).map(|()| true)?,
            Some(command) => exec::run(command, message),
        };
        if is_read && message.wants == Wants::Read {
            self.shown.flush()?;
            self.peer.read(message.from, message.id);
        }
        self.left = self.left.saturating_sub(1);
        Ok(())
    }
}
