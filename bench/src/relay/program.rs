//! The programs that are compared, and how the server of each is started.

use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Serialize;

use super::Args;
use super::client::Wire;
use super::disk::{Disk, Folder};
use super::mosquitto::Settings;
use crate::child::{Listens, free, words};
use crate::installed::{self, Installed};

/// A server, and how its clients talk to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    /// Ours.
    Ours(Clients),
    /// Ours with --busy-poll, by the classic wire.
    OursBusy,
    /// Ours with a store, so many of whose messages are without a verdict.
    Store(InFlight),
    /// Two of ours, and NATS that joins them.
    Fleet,
    /// The one that is kept here.
    Bare,
    /// By a raw client.
    Nats,
    /// By the client library.
    AsyncNats,
    /// With a stream in files, by the client library.
    JetStream(InFlight),
    /// By messages that arrive at most once.
    MosquittoQos0,
    /// By messages that arrive at least once.
    MosquittoQos1,
    Coturn,
}

/// The clients of our own relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clients {
    /// On the classic wire.
    Classic,
    /// On the native one, without a name.
    Nameless,
    /// On the native one, each with a name and a key.
    Named,
}

/// How many messages are without a verdict, where they are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InFlight {
    /// 64.
    Few,
    /// 256.
    Many,
}

/// How a server is called.
pub(super) struct Call {
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<String>,
    pub(super) listens: Listens,
    /// What has to be there while it runs.
    _settings: Option<Settings>,
    _folder: Option<Folder>,
}

impl Program {
    /// What the report calls it.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Ours(Clients::Classic) => "ours",
            Self::Ours(Clients::Nameless) => "ours, native",
            Self::Ours(Clients::Named) => "ours, native with names",
            Self::OursBusy => "ours --busy-poll",
            Self::Store(InFlight::Few) => "ours --store",
            Self::Store(InFlight::Many) => "ours --store, 256",
            Self::Fleet => "ours --nats",
            Self::Bare => "bare relay",
            Self::Nats => "NATS, raw client",
            Self::AsyncNats => "NATS, async-nats",
            Self::JetStream(InFlight::Few) => "JetStream",
            Self::JetStream(InFlight::Many) => "JetStream, 256",
            Self::MosquittoQos0 => "mosquitto QoS 0",
            Self::MosquittoQos1 => "mosquitto QoS 1",
            Self::Coturn => "coturn",
        }
    }

    /// What its clients speak.
    pub(super) fn wire(self) -> Wire {
        match self {
            Self::Ours(Clients::Classic) | Self::OursBusy | Self::Bare => Wire::Classic,
            Self::Ours(Clients::Nameless | Clients::Named) | Self::Store(_) | Self::Fleet => {
                Wire::Native
            }
            Self::Nats => Wire::Nats,
            Self::AsyncNats => Wire::AsyncNats,
            Self::JetStream(_) => Wire::JetStream,
            Self::MosquittoQos0 => Wire::MqttQos0,
            Self::MosquittoQos1 => Wire::MqttQos1,
            Self::Coturn => Wire::Turn,
        }
    }

    /// How many messages are without a verdict, where they are kept.
    pub(super) fn in_flight(self) -> usize {
        match self {
            Self::Store(InFlight::Many) | Self::JetStream(InFlight::Many) => 256,
            _ => 64,
        }
    }

    /// What joins a fleet.
    pub(super) fn joining() -> Self {
        Self::JetStream(InFlight::Few)
    }

    /// How one of ours is started that NATS, at this address, joins with others.
    pub(super) fn call_joined(self, programs: &Programs, nats: SocketAddrV4) -> Result<Call> {
        let program = programs.path(self).map_err(anyhow::Error::msg)?.to_owned();
        let (arguments, listens) = ours(&format!("--nats nats://{nats} --quota {QUOTA}"));
        Ok(Call {
            program,
            arguments,
            listens,
            _settings: None,
            _folder: None,
        })
    }

    /// How its server is started for one run.
    pub(super) fn call(self, programs: &Programs) -> Result<Call> {
        let program = programs.path(self).map_err(anyhow::Error::msg)?.to_owned();
        let (mut settings, mut folder) = (None, None);
        let (arguments, listens) = match self {
            Self::Ours(_) | Self::Fleet => ours(""),
            Self::OursBusy => ours("--busy-poll"),
            Self::Store(_) => {
                let folder = folder.insert(programs.disk.folder()?);
                let (mut arguments, listens) =
                    ours(&format!("--quota {QUOTA} --store-size 16G --store"));
                arguments.push(format!("{}/mail", folder.path()?));
                (arguments, listens)
            }
            Self::Bare => (words("relay-bare"), Listens::Announced("")),
            Self::Nats | Self::AsyncNats => nats(free::tcp()?),
            Self::JetStream(_) => {
                let folder = folder.insert(programs.disk.folder()?);
                let (mut arguments, listens) = nats(free::tcp()?);
                arguments.extend(["--jetstream", "--store_dir", folder.path()?].map(str::to_owned));
                (arguments, listens)
            }
            Self::MosquittoQos0 | Self::MosquittoQos1 => {
                let address = free::tcp()?;
                let settings = settings.insert(Settings::write(address)?);
                let arguments = vec!["-c".to_owned(), settings.path()?.to_owned()];
                (arguments, Listens::Tcp(address))
            }
            Self::Coturn => coturn(free::udp()?),
        };
        Ok(Call {
            program,
            arguments,
            listens,
            _settings: settings,
            _folder: folder,
        })
    }
}

/// Messages that one sender may have waiting for a name: more than any part sends.
const QUOTA: u32 = 100_000_000;

fn ours(more: &str) -> (Vec<String>, Listens) {
    let arguments = words(&format!("serve --bind 127.0.0.1:0 {more}"));
    (arguments, Listens::Announced("listening on udp://"))
}

fn nats(address: SocketAddrV4) -> (Vec<String>, Listens) {
    let (ip, port) = (address.ip(), address.port());
    let arguments = words(&format!("--addr {ip} --port {port} --log /dev/null"));
    (arguments, Listens::Tcp(address))
}

/// Anyone may have a channel, to addresses of this machine too; one thread relays.
fn coturn(address: SocketAddrV4) -> (Vec<String>, Listens) {
    let (ip, port) = (address.ip(), address.port());
    let arguments = words(&format!(
        "-n --listening-ip={ip} --relay-ip={ip} --listening-port={port} -m 1 --no-auth --allow-loopback-peers --no-tls \
         --no-dtls --no-tcp --no-tcp-relay --no-cli --no-software-attribute --simple-log --no-stdout-log \
         --log-file=/dev/null --pidfile=/dev/null"
    ));
    (arguments, Listens::At(address))
}

/// Where the programs lie, and which are there at all.
#[derive(Serialize)]
pub(crate) struct Programs {
    ours: Installed,
    nats: Option<Installed>,
    mosquitto: Option<Installed>,
    coturn: Option<Installed>,
    /// This one, which has the bare relay.
    #[serde(skip)]
    bench: PathBuf,
    /// Where servers keep what they keep.
    #[serde(skip)]
    disk: Disk,
}

impl Programs {
    /// Looks for all of them; only ours has to be there.
    pub(crate) fn find(args: &Args) -> Result<Self> {
        let bench = std::env::current_exe().context("cannot tell where this program lies")?;
        let mosquitto = find(["mosquitto", "/usr/sbin/mosquitto"], "-h")?;
        let coturn = find(["turnserver", "/usr/bin/turnserver"], "--version")?;
        Ok(Self {
            ours: Installed::relay(args.relay.as_deref())?,
            nats: find(["nats-server", "/usr/sbin/nats-server"], "--version")?,
            mosquitto: mosquitto.map(|one| one.whose_version_has("mosquitto version")),
            coturn: coturn.map(|one| one.named("coturn")),
            bench,
            disk: Disk::make(&args.disk)?,
        })
    }

    /// Where the program lies, or what the report says if it is not there.
    pub(crate) fn path(&self, program: Program) -> Result<&Path, &'static str> {
        let (installed, missing) = match program {
            Program::Ours(_) | Program::OursBusy | Program::Store(_) => {
                return Ok(self.ours.path());
            }
            Program::Fleet => {
                let nats = self.path(Program::joining());
                return nats.map(|_| self.ours.path());
            }
            Program::Bare => return Ok(&self.bench),
            Program::Nats | Program::AsyncNats | Program::JetStream(_) => {
                (&self.nats, "not installed (apt install nats-server)")
            }
            Program::MosquittoQos0 | Program::MosquittoQos1 => {
                (&self.mosquitto, "not installed (apt install mosquitto)")
            }
            Program::Coturn => (&self.coturn, "not installed (apt install coturn)"),
        };
        let installed = installed.as_ref().ok_or(missing)?;
        Ok(installed.path())
    }

    /// Where servers keep what they keep.
    pub(super) fn disk(&self) -> &Disk {
        &self.disk
    }

    /// Where this program lies, which has the load.
    pub(super) fn bench(&self) -> &Path {
        &self.bench
    }

    /// The versions of those that are there.
    pub(crate) fn versions(&self) -> String {
        installed::versions([
            Some(&self.ours),
            self.nats.as_ref(),
            self.mosquitto.as_ref(),
            self.coturn.as_ref(),
        ])
    }
}

/// The first of these that is there; servers lie where not everybody's path leads.
fn find<const N: usize>(places: [&str; N], version: &str) -> Result<Option<Installed>> {
    for place in places {
        if let Some(found) = Installed::find(Path::new(place), version)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn programs() -> Programs {
        Programs {
            ours: Installed::of("relay", "relay 1"),
            nats: Some(Installed::of("nats-server", "nats-server: v2")),
            mosquitto: None,
            coturn: Some(Installed::of("turnserver", "4.6").named("coturn")),
            bench: "bench".into(),
            disk: Disk::make(&std::env::temp_dir()).unwrap(),
        }
    }

    #[test]
    fn what_is_missing_is_told_with_its_cure() {
        let programs = programs();
        let missing = programs.path(Program::MosquittoQos1).unwrap_err();
        assert!(missing.contains("apt install mosquitto"), "{missing}");
        for (program, path) in [
            (Program::Ours(Clients::Named), "relay"),
            (Program::Bare, "bench"),
            (Program::AsyncNats, "nats-server"),
        ] {
            assert_eq!(programs.path(program), Ok(Path::new(path)));
        }
        assert_eq!(programs.versions(), "relay 1; nats-server: v2; coturn 4.6");
    }

    #[test]
    fn servers_listen_on_this_machine_alone() {
        for program in [
            Program::Ours(Clients::Classic),
            Program::OursBusy,
            Program::Store(InFlight::Few),
            Program::Nats,
            Program::JetStream(InFlight::Many),
            Program::Coturn,
        ] {
            let arguments = program.call(&programs()).unwrap().arguments;
            assert!(arguments.join(" ").contains("127.0.0.1"), "{arguments:?}");
        }
    }
}
