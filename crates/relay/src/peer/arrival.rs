//! Getting to a relay: which wire it speaks, and what may be wrong.

use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, anyhow, bail};
use proto::relay::DEFAULT_PORT;
use proto::relay::native::client::{Event, Settings};
use proto::relay::native::{Client, MessageId};
use runtime::addr::Target;
use runtime::random;

use super::driver::Driver;
use super::machine::Machine;
use super::{Happening, Heard, Inbox, Peer, Wire};
use crate::who::Who;
use crate::words;

/// How long an answer of the native wire is waited for before the classic one is tried beside it.
const PATIENCE: Duration = Duration::from_secs(5);

/// Which relay, and on which wire
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Reach {
    /// Relay: HOST, HOST:PORT or [V6]:PORT [default port: 9000]
    pub(crate) target: Target,
    /// Speak the classic wire, whatever the relay speaks: no names, no rooms, addresses alone
    #[arg(long)]
    pub(crate) classic: bool,
}

/// A connection that stands.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) peer: Peer,
    /// Where the relay sees this client.
    pub(crate) at: SocketAddr,
}

impl Reach {
    /// Connects, and waits until the relay has answered.
    pub(crate) fn connect<L: Send + 'static>(
        &self,
        who: &Who,
        inbox: &Inbox<L>,
    ) -> anyhow::Result<Arrival> {
        let started = Instant::now();
        let machine = match self.classic {
            true => Machine::classic(Duration::ZERO),
            false => Machine::Native(Box::new(client(who)?)),
        };
        let addrs = self.target.resolve(DEFAULT_PORT)?;
        let first = addrs.first().copied();
        let driver = Driver::new(addrs, &inbox.teller())?;
        let peer = Peer::start(machine, started, driver)?;
        let at = self.wait(&peer, inbox, started + PATIENCE, first)?;
        if peer.wire() == Wire::Classic && who.name().is_some() && who.insists() {
            bail!(
                "the relay {} speaks the classic wire, which has no names: leave out --name",
                self.target
            );
        }
        Ok(Arrival { peer, at })
    }

    fn wait<L: Send + 'static>(
        &self,
        peer: &Peer,
        inbox: &Inbox<L>,
        deadline: Instant,
        first: Option<SocketAddr>,
    ) -> anyhow::Result<SocketAddr> {
        loop {
            match inbox.next(Some(deadline)) {
                Happening::Heard(Heard::Event(Event::Registered { at, .. })) => return Ok(at),
                Happening::Heard(Heard::Event(Event::Refused(why))) => {
                    bail!("{}", words::refusal(why, &self.target))
                }
                Happening::Heard(Heard::Trouble(error)) => return Err(error.into()),
                Happening::Timeout => return Err(self.silent(peer, first)),
                Happening::Stop => bail!("stopped before the relay answered"),
                Happening::Heard(_) | Happening::Local(_) => {}
            }
        }
    }

    fn silent(&self, peer: &Peer, first: Option<SocketAddr>) -> anyhow::Error {
        let wire = match peer.wire() {
            Wire::Native => "; --classic asks on the classic wire alone",
            Wire::Classic => "",
        };
        let addr = first.map_or_else(String::new, |addr| format!(" (udp://{addr})"));
        anyhow!(
            "no answer from {}{addr} within 5 s: check that a relay runs there, its address and port, and the firewalls \
             between{wire}",
            self.target
        )
    }
}

fn client(who: &Who) -> anyhow::Result<Client> {
    let seed = random::bytes().context("cannot get random numbers from the system")?;
    let mut client = Client::new(
        Settings {
            name: who.claim(),
            seed,
            first: MessageId(micros()),
        },
        Duration::ZERO,
    );
    for (name, key) in who.known() {
        client.trust(*name, *key);
    }
    Ok(client)
}

/// The time since 1970.
fn micros() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_micros() as u64)
}
