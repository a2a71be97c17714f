//! Standard input to the server, its answers to standard output, both at once: each way has a thread, so that neither
//! waits for the other however full the pipes are.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;

use anyhow::{Context, anyhow, bail};
use proto::echo::AnswerLength;
use runtime::cli::Exit;
use runtime::tcp::{Client, ClientError};

use super::output::Output;

/// How much is read at once, in bytes: with less, system calls take the time.
const BUFFER: usize = 256 * 1024;

/// What to know of a server that ends a connection too early.
const CLASSIC: &str = "a classic server answers one read and closes";

/// How the sending side ended.
enum Sent {
    /// All of the input, whose answer is so long.
    All(AnswerLength),
    InputFailed(io::Error),
    /// The connection took no more; the receiving side says why.
    Stopped,
}

pub(super) fn run(server: Client) -> anyhow::Result<Exit> {
    let server = Arc::new(server);
    let (told, sent) = mpsc::channel();
    let to = Arc::clone(&server);
    thread::Builder::new().name("input".into()).spawn(move || {
        let ended = send_input(&to);
        let failed = matches!(ended, Sent::InputFailed(_));
        // Told first, so that it is known when the answer to the end comes.
        let _ = told.send(ended);
        if failed {
            let _ = to.stream().shutdown(Shutdown::Both);
        } else {
            to.finish();
        }
    })?;
    let (received, end) = print_answers(&server)?;
    // An input that goes on is not waited for: its thread ends with the process.
    judge(&end, received, sent.try_recv().ok())
}

fn send_input(server: &Client) -> Sent {
    let (mut stream, mut input) = (server.stream(), io::stdin().lock());
    let (mut buffer, mut length) = (vec![0; BUFFER], AnswerLength::default());
    loop {
        let piece = match input.read(&mut buffer) {
            Ok(0) => return Sent::All(length),
            Ok(read) => &buffer[..read],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Sent::InputFailed(error),
        };
        if let Err(error) = stream.write_all(piece) {
            tracing::debug!(%error, "the server takes no more");
            return Sent::Stopped;
        }
        length.sent(piece);
    }
}

/// Until the connection ends: how many bytes came, and how it ended.
fn print_answers(server: &Client) -> anyhow::Result<(u64, ClientError)> {
    let addr = server.server_addr();
    let (mut stream, mut output) = (server.stream(), Output::new()?);
    let (mut buffer, mut received) = (vec![0; BUFFER], 0);
    let end = loop {
        match stream.read(&mut buffer) {
            Ok(0) => break ClientError::Closed { addr },
            Ok(length) => {
                let printed = output.write(&buffer[..length]);
                printed.context("cannot write to standard output")?;
                received += length as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => break ClientError::new(addr, error),
        }
    };
    output.finish().context("cannot write to standard output")?;
    Ok((received, end))
}

fn judge(end: &ClientError, received: u64, sent: Option<Sent>) -> anyhow::Result<Exit> {
    match (end, sent) {
        (_, Some(Sent::InputFailed(error))) => {
            Err(anyhow!("cannot read from standard input: {error}"))
        }
        (ClientError::Closed { .. }, Some(Sent::All(length))) if length.is_reached_by(received) => {
            Ok(Exit::Success)
        }
        (ClientError::Closed { .. }, _) => {
            bail!("{end} before the end, after {received} bytes of answers; {CLASSIC}")
        }
        (ClientError::Reset { .. }, _) => {
            bail!("{end} after {received} bytes of answers; {CLASSIC}")
        }
        _ => bail!("{end}, after {received} bytes of answers"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_of(input: &[u8]) -> Option<Sent> {
        let mut length = AnswerLength::default();
        length.sent(input);
        Some(Sent::All(length))
    }

    #[test]
    fn how_a_connection_may_end() {
        let addr = ([127, 0, 0, 1], 12_000).into();
        let closed = || ClientError::Closed { addr };
        let lost = || io::ErrorKind::TimedOut.into();
        let table = [
            (closed(), 2, all_of(b"hi"), None),
            (
                closed(),
                1,
                all_of(b"hi"),
                Some("before the end, after 1 bytes"),
            ),
            (closed(), 1, Some(Sent::Stopped), Some("before the end")),
            (closed(), 1, None, Some(CLASSIC)),
            (
                ClientError::Reset { addr },
                2,
                all_of(b"hi"),
                Some("reset the connection after 2 bytes"),
            ),
            (ClientError::new(addr, lost()), 0, None, Some("cannot talk")),
            (
                closed(),
                0,
                Some(Sent::InputFailed(io::ErrorKind::IsADirectory.into())),
                Some("cannot read from standard input: "),
            ),
        ];
        for (end, received, sent, words) in table {
            match (judge(&end, received, sent), words) {
                (Ok(exit), None) => assert_eq!(exit, Exit::Success),
                (Err(error), Some(words)) => {
                    assert!(error.to_string().contains(words), "{error}");
                }
                (judged, words) => panic!("{end}: {judged:?}, {words:?}"),
            }
        }
    }
}
