//! Folders, served to browsers.
//!
//! `proto` says what requests mean, `runtime` has sockets and files; here the two are wired together. A connection is a
//! `visit`, whose requests the `respond` module answers with what the `site` has at a path, or with a page of our own
//! (`pages`). What all connections of a thread share is its `shop`.

mod args;
mod auth;
mod journal;
mod lines;
mod log;
mod metrics;
mod pages;
mod respond;
mod secrets;
mod serve;
mod shop;
mod site;
mod tls;
mod visit;

use runtime::cli::Exit;

pub use args::Args;

/// Does what the command line asks for.
///
/// # Errors
/// With a message for the user, the cure included where it is known.
pub fn run(args: Args) -> anyhow::Result<Exit> {
    args.verbosity.start_log();
    match &args.hash_password {
        Some(user) => auth::hash_password(user),
        None => serve::run(&args),
    }
}
