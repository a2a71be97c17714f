//! Two clients of the classic wire.

use std::net::{SocketAddr, SocketAddrV4};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use proto::relay::{HELLO, Message, Reply, Status};
use runtime::udp::{Flow, Options};

use super::datagrams::{Datagrams, Offload, Words, ask};

/// For how long our relay takes clients that spoke one after the other for contenders, of whom it holds back each where it
/// falls behind. Here one of them, who spoke last, speaks alone.
pub(super) const CONTENTION: Duration = Duration::from_millis(1100);

/// A sender and a receiver, both registered.
pub(super) fn pair(
    server: SocketAddrV4,
    content: &[u8],
    at_once: u64,
    offload: Offload,
) -> Result<Datagrams> {
    let options = Options::default();
    let receiver = registered(server, &options)?;
    let sender = registered(server, &options)?;
    let words = words(sender.local_addr(), receiver.local_addr(), content)?;
    Datagrams::new(sender, receiver, words, at_once, offload)
}

/// Registers a client at this address, and leaves it.
pub(in crate::relay) fn register(server: SocketAddrV4, source: SocketAddr) -> Result<()> {
    let options = Options {
        source: Some(source),
        ..Options::default()
    };
    registered(server, &options).map(drop)
}

fn registered(server: SocketAddrV4, options: &Options) -> Result<Flow> {
    let mut flow = Flow::connect(server.into(), options)?;
    let answer = ask(&mut flow, HELLO.as_bytes())?;
    let at = Reply::Address(flow.local_addr());
    ensure!(
        Reply::decode(&answer) == Some(at),
        "the relay sees another address than {}",
        flow.local_addr()
    );
    Ok(flow)
}

fn words(from: SocketAddr, to: SocketAddr, content: &[u8]) -> Result<Words> {
    let (mut message, mut delivery, mut answer) = (Vec::new(), Vec::new(), Vec::new());
    Message { to, content }.encode(&mut message)?;
    Reply::Delivery { from, content }
        .encode(&mut delivery)
        .context("the content is too long")?;
    Status::Sent.encode(&mut answer);
    Ok(Words {
        message,
        delivery,
        answer: Some(answer),
    })
}
