//! A TCP server on tokio's runtime of one thread.

use std::convert::Infallible;
use std::io;

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;

use super::READ_SIZE;

/// Accepts, and starts a task.
pub(crate) fn serve(listener: std::net::TcpListener) -> Result<Infallible> {
    listener.set_nonblocking(true)?;
    Builder::new_current_thread()
        .enable_io()
        .build()?
        .block_on(async {
            let listener = TcpListener::from_std(listener)?;
            loop {
                let (stream, _) = listener.accept().await?;
                // A connection that fails concerns its own task only.
                tokio::spawn(echo(stream));
            }
        })
}

async fn echo(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = [0; READ_SIZE];
    loop {
        match stream.read(&mut buffer).await? {
            0 => return Ok(()),
            length => stream.write_all(&buffer[..length]).await?,
        }
    }
}
