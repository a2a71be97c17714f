//! The two servers, upper-case echo and measurement echo, and the reflector beside them.

mod flood;
mod measure;
mod stamp;
mod upper;

use std::io;
use std::time::Duration;

use anyhow::ensure;
use proto::echo::{self, Case};
use proto::measure::{DEFAULT_PORT, Gate, Secret};
use runtime::cli::Exit;
use runtime::impair::Profile;
use runtime::random;
use runtime::shutdown::Shutdown;
use runtime::udp::{Policy, Server, Socket};
use runtime::units::{Percent, TimeRange};

use crate::args::{Reply, Serve};
use crate::key;
pub(crate) use flood::Floods;
pub(crate) use measure::Measure;
use upper::Upper;

pub(crate) fn run(args: &Serve) -> anyhow::Result<Exit> {
    let default_port = match args.reply {
        Reply::Upper => echo::DEFAULT_PORT,
        Reply::Ack => DEFAULT_PORT,
    };
    ensure!(
        args.key_file.is_none() || args.reply == Reply::Ack,
        "expected --key-file with --reply ack: the upper-case echo has no keys"
    );
    let policy = policy(args);
    let mut sockets = Socket::bind_all(&args.bind, default_port)?;
    if args.reply == Reply::Ack {
        let stamped = sockets.into_iter().map(Socket::stamped_by_kernel);
        sockets = stamped.collect::<io::Result<_>>()?;
    }
    let (server, shutdown) = (Server::new(sockets, policy), Shutdown::on_signal()?);
    let reflector = stamp::start(args, &shutdown)?;
    let note = note(&policy);
    match args.reply {
        Reply::Upper => {
            let case = if args.ascii {
                Case::Ascii
            } else {
                Case::Unicode
            };
            server.run_until_signal(&shutdown, &note, |_| Upper::new(case))?;
        }
        Reply::Ack => {
            let key = args.key_file.as_deref().map(key::read).transpose()?;
            let gate = Gate::new(Secret::new(random::bytes()?), key);
            let floods = Floods::new(args.flood_to, args.rate_limit, &shutdown);
            let measure = |addr| Measure::new(args.exit, gate.clone(), addr, floods.clone());
            server.run_until_signal(&shutdown, &note, measure)?;
            floods.finish();
        }
    }
    reflector.map_or(Ok(()), stamp::Reflecting::join)?;
    Ok(Exit::Success)
}

/// What the measurement server emulates unless it is told otherwise: loss of one in ten, delays from 0.1 to 500 ms.
pub(crate) fn documented_impairment() -> Profile {
    Profile {
        loss: Percent::new(10.0).unwrap_or_default(),
        delay: TimeRange::new(Duration::from_micros(100), Duration::from_millis(500))
            .unwrap_or_default(),
        ..Profile::default()
    }
}

fn policy(args: &Serve) -> Policy {
    let default = match args.reply {
        Reply::Upper => Profile::default(),
        Reply::Ack => documented_impairment(),
    };
    Policy {
        impairment: Profile {
            loss: args.loss.unwrap_or(default.loss),
            delay: args.delay.unwrap_or(default.delay),
            duplicate: args.duplicate,
            reorder: args.reorder,
        },
        seed: args.seed.unwrap_or_else(|| fastrand::u64(..1 << 32)),
        rate_limit: args.rate_limit,
        spin: args.spin,
    }
}

/// What a user is told of the emulated impairment; nothing where there is none.
fn note(policy: &Policy) -> String {
    let (emulated, seed) = (&policy.impairment, policy.seed);
    if emulated.is_none() {
        return String::new();
    }
    format!("emulating {emulated} (--seed {seed}); --loss 0 --delay 0 turns loss and delay off\n")
}
