//! Prints the measurements that Plumbline's choices rest on, side by side.
//!
//! One subcommand is one topic and one file (or folder) here: [`engines`], [`probe`], [`flood`], [`tcp`], [`filexfer`],
//! [`relay`], [`web`], and three in `reflector`.
//! What topics share lies beside them: [`options`], and on Linux `setup` (what was measured on), `stats` (alternating runs,
//! medians, percentiles), `table`, [`pin`] (cores), `child` (programs in processes of their own, whose CPU time can be read
//! from outside), `scratch` (folders that go again), and for programs that are compared `installed`, `goal`, `turns` and `verdict`.

#[cfg(target_os = "linux")]
mod child;
mod engines;
mod filexfer;
mod flood;
#[cfg(target_os = "linux")]
mod goal;
#[cfg(target_os = "linux")]
mod installed;
mod options;
mod pin;
mod probe;
#[cfg(target_os = "linux")]
mod reflector;
mod relay;
#[cfg(target_os = "linux")]
mod scratch;
#[cfg(target_os = "linux")]
mod setup;
#[cfg(target_os = "linux")]
mod stats;
#[cfg(target_os = "linux")]
mod table;
mod tcp;
#[cfg(target_os = "linux")]
mod turns;
#[cfg(target_os = "linux")]
mod verdict;
mod web;

use clap::{Parser, Subcommand};

/// Measurements that the project's choices rest on, printed side by side.
///
/// All traffic stays on 127.0.0.1. Figures drift from machine to machine: compare them within one table.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    topic: Topic,
}

#[derive(Subcommand)]
enum Topic {
    Engines(engines::Args),
    Probe(probe::Args),
    Flood(flood::Args),
    Tcp(tcp::Args),
    Filexfer(filexfer::Args),
    Relay(relay::Args),
    Web(web::Args),
    #[cfg(target_os = "linux")]
    Sessions(reflector::sessions::Args),
    #[cfg(target_os = "linux")]
    Random(reflector::random::Args),
    #[cfg(target_os = "linux")]
    Contend(reflector::contend::Args),
    #[cfg(target_os = "linux")]
    #[command(hide = true)]
    EngineServer(engines::server::Args),
    #[cfg(target_os = "linux")]
    #[command(hide = true)]
    Launch(child::launch::Args),
    #[cfg(target_os = "linux")]
    #[command(hide = true)]
    Hog(probe::hogs::Args),
    #[cfg(target_os = "linux")]
    #[command(hide = true)]
    Attack(reflector::attack::Args),
    #[cfg(target_os = "linux")]
    #[command(hide = true)]
    TcpServer(tcp::server::Args),
    #[cfg(target_os = "linux")]
    #[command(hide = true)]
    TcpClient(tcp::client::Args),
    #[cfg(target_os = "linux")]
    #[command(hide = true)]
    TransferSide(filexfer::side::Args),
    #[cfg(target_os = "linux")]
    #[command(hide = true)]
    RelayBare(relay::bare::Args),
    #[cfg(target_os = "linux")]
    #[command(hide = true)]
    RelayClient(relay::client::Args),
    #[cfg(target_os = "linux")]
    #[command(hide = true)]
    WebClient(web::client::Args),
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().topic {
        Topic::Engines(args) => engines::run(&args),
        Topic::Probe(args) => probe::run(&args),
        Topic::Flood(args) => flood::run(&args),
        Topic::Tcp(args) => tcp::run(&args),
        Topic::Filexfer(args) => filexfer::run(&args),
        Topic::Relay(args) => relay::run(&args),
        Topic::Web(args) => web::run(&args),
        #[cfg(target_os = "linux")]
        Topic::Sessions(args) => reflector::sessions::run(&args),
        #[cfg(target_os = "linux")]
        Topic::Random(args) => reflector::random::run(&args),
        #[cfg(target_os = "linux")]
        Topic::Contend(args) => reflector::contend::run(&args),
        #[cfg(target_os = "linux")]
        Topic::Attack(args) => reflector::attack::run(&args),
        #[cfg(target_os = "linux")]
        Topic::TcpServer(args) => tcp::server::run(&args),
        #[cfg(target_os = "linux")]
        Topic::TcpClient(args) => tcp::client::run(&args),
        #[cfg(target_os = "linux")]
        Topic::TransferSide(args) => filexfer::side::run(&args),
        #[cfg(target_os = "linux")]
        Topic::RelayBare(args) => relay::bare::run(&args),
        #[cfg(target_os = "linux")]
        Topic::RelayClient(args) => relay::client::run(&args),
        #[cfg(target_os = "linux")]
        Topic::WebClient(args) => web::client::run(&args),
        #[cfg(target_os = "linux")]
        Topic::EngineServer(args) => engines::server::run(&args),
        #[cfg(target_os = "linux")]
        Topic::Launch(args) => child::launch::run(&args),
        #[cfg(target_os = "linux")]
        Topic::Hog(args) => probe::hogs::run(&args),
    }
}
