//! A TCP server with a thread for each connection.

use std::convert::Infallible;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use anyhow::Result;

use super::READ_SIZE;

const STACK_SIZE: usize = 64 << 10;

/// Accepts, and starts a thread.
pub(crate) fn serve(listener: &TcpListener) -> Result<Infallible> {
    loop {
        let (stream, _) = listener.accept()?;
        // A connection that fails concerns its own thread only.
        thread::Builder::new()
            .stack_size(STACK_SIZE)
            .spawn(|| echo(stream))?;
    }
}

fn echo(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = [0; READ_SIZE];
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            length => stream.write_all(&buffer[..length])?,
        }
    }
}
