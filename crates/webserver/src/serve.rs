//! The server: where it listens, what it serves, and how it ends.

use std::cell::RefCell;
use std::rc::Rc;

use proto::http;
use runtime::cli::{self, Exit};
use runtime::host;
use runtime::shutdown::Shutdown;
use runtime::tcp::{Listener, Policy, Server};

use crate::args::Args;
use crate::secrets::Secrets;
use crate::shop::Shop;
use crate::visit::Visit;

pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    let shutdown = Shutdown::on_signal()?;
    let policy = Policy {
        max_connections: args.max_connections,
        grace: args.grace,
        ..Policy::default()
    };
    let secrets = Secrets::open(args, &shutdown)?;
    let mut server = Server::new(Listener::bind_all(&args.bind, http::DEFAULT_PORT)?, policy);
    let mut shop = Shop::new(args, &shutdown);
    shop.guard = secrets.guard;
    let shop = Rc::new(RefCell::new(shop));
    if let Some(tls) = secrets.tls {
        server = server.sealed(tls);
    }
    let announcement = host::announcement(secrets.scheme, &server.local_addrs());
    cli::announce(&(announcement + &secrets.introduction))?;
    server.run(&shutdown, |peer, caller| {
        Visit::new(peer, caller, Rc::clone(&shop))
    })?;
    Ok(Exit::Success)
}
