//! What a measurement server does at a public address: many [`sessions`], strangers who send anything ([`random`]), and
//! clients that [`contend`] with a flood for it.
//!
//! [`client`] opens sessions as a client does, [`attack`] makes what strangers send.

pub(crate) mod attack;
mod client;
pub(crate) mod contend;
pub(crate) mod random;
pub(crate) mod sessions;

use std::fmt::{self, Display};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::child::{self, Listens, Server, launch};

const SERVE: &str = "serve --reply ack --loss 0 --delay 0 --exit never --bind 127.0.0.1:0";

/// Starts the server, which is fresh and without emulated impairment.
fn start(path: &Path) -> Result<Server> {
    start_for(path, child::LIFETIME)
}

/// The same, for as long as this at the most. It logs errors alone, for nobody reads its log.
fn start_for(path: &Path, lifetime: Duration) -> Result<Server> {
    let arguments: Vec<_> = SERVE.split(' ').map(str::to_owned).collect();
    let mut command = launch::command_for(lifetime, None, path, &arguments)?;
    command.env("RUST_LOG", "error");
    Server::start(&mut command, Listens::Announced("listening on udp://"))
}

/// The udp-echo that was named, or the one beside this program.
fn udp_echo(named: Option<&PathBuf>) -> Result<PathBuf> {
    let path = match named {
        Some(path) => path.clone(),
        None => {
            let this = std::env::current_exe().context("cannot tell where this program lies")?;
            this.with_file_name("udp-echo")
        }
    };
    ensure!(
        path.exists(),
        "there is no {}: build it with `cargo build --release -p udp-echo`, or name one by --udp-echo",
        path.display()
    );
    Ok(path)
}

/// A goal that is told by one figure.
struct Goal<'a> {
    figure: &'a str,
    value: f64,
    below: f64,
}

impl Display for Goal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            figure,
            value,
            below,
        } = self;
        let verdict = if value < below {
            "reached"
        } else {
            "not reached"
        };
        writeln!(f, "{figure}: {value:.1}, goal under {below}: {verdict}")
    }
}
