//! The load on a UDP echo server: a fixed number of datagrams in flight, each sent again as soon as it is back.

use std::net::{Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::sys::socket::MsgFlags;

use super::mmsg::{Batch, Destination};
use crate::child::Server;
use crate::engines::echo::{ANSWER_TIMEOUT, MESSAGE_SIZE, Meter, Run};

/// The start of a datagram: when it was sent, in nanoseconds since the load began, big endian.
const STAMP_SIZE: usize = size_of::<u64>();

/// Keeps `IN_FLIGHT` datagrams in flight for this long, after a warm-up. That one is lost is an error.
pub(crate) fn run<const IN_FLIGHT: usize>(server: &Server, length: Duration) -> Result<Run> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.connect(server.address())?;
    socket.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    let began = Instant::now();
    let mut meter = Meter::start(server, length);
    let mut batch = Batch::<IN_FLIGHT>::new(Destination::Connected);
    batch.fill(MESSAGE_SIZE);
    let mut stamp = stamp_of(began, began)?;
    loop {
        for datagram in batch.datagrams_mut() {
            datagram[..STAMP_SIZE].copy_from_slice(&stamp);
        }
        batch.send(&socket)?;
        let back = receive(&mut batch, &socket)?;
        let now = Instant::now();
        for datagram in batch.datagrams_mut() {
            meter.record((now - began).saturating_sub(age_of(datagram)?));
        }
        if !meter.goes_on(now)? {
            drain(&mut batch, &socket, IN_FLIGHT - back)?;
            return meter.finish();
        }
        stamp = stamp_of(began, now)?;
    }
}

fn stamp_of(began: Instant, now: Instant) -> Result<[u8; STAMP_SIZE]> {
    Ok(u64::try_from((now - began).as_nanos())?.to_be_bytes())
}

fn age_of(datagram: &[u8]) -> Result<Duration> {
    let stamp = datagram
        .first_chunk()
        .filter(|_| datagram.len() == MESSAGE_SIZE)
        .context("the server did not send back what it got")?;
    Ok(Duration::from_nanos(u64::from_be_bytes(*stamp)))
}

fn receive<const N: usize>(batch: &mut Batch<N>, socket: &UdpSocket) -> Result<usize> {
    batch
        .receive(socket, MsgFlags::MSG_WAITFORONE)
        .with_context(|| format!("no echo within {ANSWER_TIMEOUT:?}"))
}

/// Waits for the datagrams that are still on their way: one lost early would have made the load lighter unnoticed.
fn drain<const N: usize>(
    batch: &mut Batch<N>,
    socket: &UdpSocket,
    mut missing: usize,
) -> Result<()> {
    while missing > 0 {
        let back = receive(batch, socket).with_context(|| format!("{missing} of {N} were lost"))?;
        missing = missing.saturating_sub(back);
    }
    Ok(())
}
