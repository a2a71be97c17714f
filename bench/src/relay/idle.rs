//! Clients that register and say nothing more, and the memory that a server keeps for them.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use anyhow::{Context, Result, bail};

use super::client::{classic, mqtt, native, nats};
use super::load::Run;
use super::program::{Clients, Program};
use crate::child::Server;

/// How many register with ours, and how many connect to the others.
const OURS: u32 = 20_000;
const OTHERS: u32 = 2_000;

/// Registers them; what the server has resident beyond what it had with the first is theirs.
pub(super) fn measure(server: &Server, program: Program) -> Result<Run> {
    let address = server.address();
    match program {
        Program::Ours(Clients::Classic) => each(server, OURS, |number| {
            classic::register(address, source(number))
        }),
        Program::Ours(Clients::Nameless) => each(server, OURS, |number| {
            native::register(address, source(number), None)
        }),
        Program::Ours(Clients::Named) => each(server, OURS, |number| {
            native::register(address, source(number), Some(number))
        }),
        Program::Nats | Program::AsyncNats => {
            each(server, OTHERS, |_| nats::connected(address, "SUB t 1\r\n"))
        }
        Program::MosquittoQos0 | Program::MosquittoQos1 => each(server, OTHERS, |_| {
            mqtt::subscribed(address, mqtt::Qos::Zero)
        }),
        _ => bail!("nobody registers there"),
    }
}

fn each<T>(server: &Server, count: u32, one: impl Fn(u32) -> Result<T>) -> Result<Run> {
    // With the first, what the server keeps for all of them is there.
    let first = one(0)?;
    let before = server.memory()?.now;
    let held = (1..=count)
        .map(|number| one(number).with_context(|| format!("client {number} is not let in")));
    let held: Vec<_> = held.collect::<Result<_>>()?;
    let after = server.memory()?.now;
    let bytes = after.saturating_sub(before) as f64 / held.len() as f64;
    drop(first);
    Ok(Run::Idle(bytes))
}

/// The first port of [`source`]: below those that systems choose, one of which is the server's.
const FIRST_PORT: u16 = 10_000;

/// An address and a port of this machine for each: a relay knows its clients by theirs, and is to see them in many networks.
/// It lets in nobody on its own port.
fn source(number: u32) -> SocketAddr {
    let [_, _, high, low] = number.to_be_bytes();
    let port = FIRST_PORT + u16::from_be_bytes([high, low]);
    SocketAddrV4::new(Ipv4Addr::new(127, 1, high, low), port).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_comes_from_elsewhere() {
        let sources: Vec<_> = (0..=OURS).map(source).collect();
        let increases = sources.windows(2).all(|two| two[0].port() < two[1].port());
        assert!(increases && sources[20_000].port() < 32_768);
    }
}
