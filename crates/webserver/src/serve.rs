//! The server: where it listens, what it serves, and how it ends.

use std::cell::RefCell;
use std::rc::Rc;

use proto::http;
use runtime::cli::{self, Exit};
use runtime::host;
use runtime::shutdown::Shutdown;
use runtime::tcp::{Listener, Policy, Server};

use crate::args::Args;
use crate::shop::Shop;
use crate::site::Site;
use crate::visit::Visit;

pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    Site::check(args)?;
    let shutdown = Shutdown::on_signal()?;
    let policy = Policy {
        max_connections: args.max_connections,
        grace: args.grace,
        ..Policy::default()
    };
    let server = Server::new(Listener::bind_all(&args.bind, http::DEFAULT_PORT)?, policy);
    let shop = Rc::new(RefCell::new(Shop::new(args, &shutdown)));
    cli::announce(&host::announcement("http", &server.local_addrs()))?;
    server.run(&shutdown, |peer, caller| {
        Visit::new(peer, caller, Rc::clone(&shop))
    })?;
    Ok(Exit::Success)
}
