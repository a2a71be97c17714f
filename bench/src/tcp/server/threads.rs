//! A thread for each connection, which may hold what it reads for a while.

use std::convert::Infallible;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::super::truth::{ENQUIRY, Tally};

/// Of a thread, in bytes; the buffer lies on it.
const STACK_SIZE: usize = 64 << 10;

const READ_SIZE: usize = 4096;

/// Accepts, and starts a thread, which waits for so long between reading and answering.
pub(super) fn serve(listener: &TcpListener, tally: Tally, hold: Duration) -> Result<Infallible> {
    let tally = Arc::new(tally);
    loop {
        let (stream, _) = listener.accept()?;
        let tally = Arc::clone(&tally);
        // A connection that fails concerns its own thread only.
        thread::Builder::new()
            .stack_size(STACK_SIZE)
            .spawn(move || echo(stream, &tally, hold))?;
    }
}

fn echo(mut stream: TcpStream, tally: &Tally, hold: Duration) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = [0; READ_SIZE];
    loop {
        let length = stream.read(&mut buffer)?;
        match &mut buffer[..length] {
            [] => return Ok(()),
            [ENQUIRY] => return stream.write_all(&tally.tell()),
            answer => send(&mut stream, answer, tally, hold)?,
        }
    }
}

fn send(
    stream: &mut TcpStream,
    answer: &mut [u8],
    tally: &Tally,
    hold: Duration,
) -> io::Result<()> {
    let there = Instant::now();
    answer.make_ascii_uppercase();
    tally.answered(answer.len());
    if hold.is_zero() {
        return stream.write_all(answer);
    }
    thread::sleep(hold);
    tally.held(there.elapsed());
    stream.write_all(answer)
}
