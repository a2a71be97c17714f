//! Connections that asked once and on which nothing happens any more, and the memory that a server keeps for them.

use std::io::{Read, Write};
use std::net::{SocketAddrV4, TcpStream};

use anyhow::{Context, Result, ensure};

use super::site::File;
use crate::child::Server;

/// How many are held.
const HELD: usize = 10_000;

/// A server's memory while nobody asks, in bytes, and for each idle connection.
pub(super) fn measure(server: &Server) -> Result<(f64, f64)> {
    let idle = server.memory()?.now as f64;
    // With the first, what the server keeps for all of them is there.
    let _first = ask(server.address())?;
    let before = server.memory()?.now;
    let held = (0..HELD).map(|_| ask(server.address()));
    let held: Vec<_> = held
        .collect::<Result<_>>()
        .context("are so many open files allowed here?")?;
    let after = server.memory()?.now;
    Ok((
        idle,
        after.saturating_sub(before) as f64 / held.len() as f64,
    ))
}

/// Asks for a small file, and reads the answer whole.
pub(super) fn ask(server: SocketAddrV4) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(server)?;
    let path = File::Small.path();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: {server}\r\n\r\n").as_bytes())?;
    let mut answer = Vec::new();
    let mut room = [0; 4096];
    let wanted = usize::try_from(File::Small.length().unwrap_or(0))?;
    loop {
        let read = stream.read(&mut room)?;
        ensure!(read > 0, "the server closed a connection");
        answer.extend_from_slice(&room[..read]);
        let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n");
        if end.is_some_and(|end| answer.len() >= end + 4 + wanted) {
            ensure!(answer.starts_with(b"HTTP/1.1 200 "), "expected 200");
            return Ok(stream);
        }
    }
}
