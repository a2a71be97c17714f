//! Getting to a relay: which wire it speaks, and what may be wrong.

use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, anyhow, bail};
use proto::relay::native::client::{Event, Settings};
use proto::relay::native::handshake::Purpose;
use proto::relay::native::{Client, MessageId};
use runtime::random;
use runtime::udp::ClientError;
use runtime::units;

use super::driver::Driver;
use super::machine::Machine;
use super::{Happening, Heard, Inbox, Peer, Wire};
use crate::relays::{Relays, Way};
use crate::who::Who;
use crate::words;

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// How much longer for each further relay.
const EACH: Duration = Duration::from_secs(2);

/// Which relay, and on which wire
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Reach {
    /// Relay: HOST, HOST:PORT or [V6]:PORT, or several of one community: A,B,C [default port: 9000]
    pub(crate) target: Relays,
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
        purpose: Purpose,
        inbox: &Inbox<L>,
    ) -> anyhow::Result<Arrival> {
        let started = Instant::now();
        let machine = match self.classic {
            true => Machine::classic(Duration::ZERO),
            false => Machine::Native(Box::new(self.client(who, purpose)?)),
        };
        let ways = self.target.resolve()?;
        let first = ways.first().copied();
        let driver = Driver::new(ways, &inbox.teller())?;
        let peer = Peer::start(machine, started, &self.target, driver)?;
        let at = self.wait(&peer, inbox, started + self.patience(), first)?;
        if peer.wire() == Wire::Classic && who.name().is_some() && who.insists() {
            bail!(
                "the relay {} speaks the classic wire, which has no names: leave out --name",
                peer.relay()
            );
        }
        Ok(Arrival { peer, at })
    }

    fn wait<L: Send + 'static>(
        &self,
        peer: &Peer,
        inbox: &Inbox<L>,
        deadline: Instant,
        first: Option<Way>,
    ) -> anyhow::Result<SocketAddr> {
        loop {
            match inbox.next(Some(deadline)) {
                Happening::Heard(Heard::Event(Event::Registered { at, .. })) => return Ok(at),
                Happening::Heard(Heard::Event(Event::Refused(why))) => {
                    bail!("{}", words::refusal(why, peer.relay()))
                }
                Happening::Heard(Heard::Trouble(error)) => return Err(self.unreachable(error)),
                Happening::Timeout => return Err(self.silent(peer, first)),
                Happening::Stop => bail!("stopped before the relay answered"),
                Happening::Heard(_) | Happening::Local(_) => {}
            }
        }
    }

    /// How long the first session may take: each relay has its turn.
    fn patience(&self) -> Duration {
        let others = self.target.all().len().saturating_sub(1);
        PATIENCE + EACH * others as u32
    }

    fn unreachable(&self, error: ClientError) -> anyhow::Error {
        match self.target.are_several() {
            false => error.into(),
            true => anyhow!(
                "none of {} can be reached; the last of them: {error}",
                self.target
            ),
        }
    }

    fn silent(&self, peer: &Peer, first: Option<Way>) -> anyhow::Error {
        if let Some(why) = peer.put_off() {
            return anyhow!("{}", words::refusal(why, peer.relay()));
        }
        let wire = match peer.wire() {
            Wire::Native => "; --classic asks on the classic wire alone",
            Wire::Classic => "",
        };
        let (of, addr) = match (self.target.are_several(), first) {
            (false, Some(first)) => ("", format!(" (udp://{})", first.addr)),
            (false, None) => ("", String::new()),
            (true, _) => ("any of ", String::new()),
        };
        let time = units::show_time(self.patience());
        anyhow!(
            "no answer from {of}{}{addr} within {time}: check that a relay runs there, its address and port, and the \
             firewalls between{wire}",
            self.target
        )
    }

    fn client(&self, who: &Who, purpose: Purpose) -> anyhow::Result<Client> {
        let seed = random::bytes().context("cannot get random numbers from the system")?;
        let settings = Settings {
            name: who.claim(),
            seed,
            first: MessageId(micros()),
        };
        let mut client = Client::new(settings, Duration::ZERO);
        client.set_purpose(purpose);
        for (name, key) in who.known() {
            client.trust(*name, *key);
        }
        if self.target.are_several() {
            client.expect_others();
        }
        Ok(client)
    }
}

/// The time since 1970.
fn micros() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_micros() as u64)
}
