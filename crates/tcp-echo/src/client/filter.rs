//! Standard input to the server, its answers to standard output, both at once: each way has a thread, so that neither
//! waits for the other however full the pipes are.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
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
    /// With all of the input.
    All,
    InputFailed(io::Error),
    /// The connection took no more; the receiving side says why.
    Stopped,
}

/// What both sides know.
struct Exchange {
    server: Client,
    /// How long the answer to what was sent is.
    due: Mutex<AnswerLength>,
}

impl Exchange {
    fn due(&self) -> MutexGuard<'_, AnswerLength> {
        self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        if let Err(error) = self.server.stream().shutdown(Shutdown::Both) {
            tracing::debug!(%error, "the connection was not closed");
        }
    }
}

pub(super) fn run(server: Client) -> anyhow::Result<Exit> {
    let (due, (told, sent)) = (Mutex::default(), mpsc::channel());
    let exchange = Arc::new(Exchange { server, due });
    let sending = Arc::clone(&exchange);
    thread::Builder::new().name("input".into()).spawn(move || {
        let ended = send_input(&sending);
        let failed = matches!(ended, Sent::InputFailed(_));
        // Told first, so that it is known when the answer to the end comes.
        let _ = told.send(ended);
        if failed {
            sending.close();
        } else {
            sending.server.finish();
        }
    })?;
    let (received, end) = print_answers(&exchange.server)?;
    let so_far = exchange.due().is_reached_by(received);
    let sent = match &end {
        // A server that answers once may close before the end of the input is seen: what comes of it decides.
        ClientError::Closed { .. } if so_far => {
            exchange.close();
            sent.recv().ok()
        }
        _ => sent.try_recv().ok(),
    };
    let answered = exchange.due().is_reached_by(received);
    judge(&end, received, sent, answered)
}

fn send_input(exchange: &Exchange) -> Sent {
    let (mut stream, mut input) = (exchange.server.stream(), io::stdin().lock());
    let mut buffer = vec![0; BUFFER];
    loop {
        let piece = match input.read(&mut buffer) {
            Ok(0) => return Sent::All,
            Ok(read) => &buffer[..read],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Sent::InputFailed(error),
        };
        // Before it is sent, since the answer and the end may come at once.
        exchange.due().sent(piece);
        if let Err(error) = stream.write_all(piece) {
            tracing::debug!(%error, "the server takes no more");
            return Sent::Stopped;
        }
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

fn judge(
    end: &ClientError,
    received: u64,
    sent: Option<Sent>,
    answered: bool,
) -> anyhow::Result<Exit> {
    match (end, sent) {
        (_, Some(Sent::InputFailed(error))) => {
            Err(anyhow!("cannot read from standard input: {error}"))
        }
        (ClientError::Closed { .. }, Some(Sent::All)) if answered => Ok(Exit::Success),
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

    #[test]
    fn how_a_connection_may_end() {
        let addr = ([127, 0, 0, 1], 12_000).into();
        let closed = || ClientError::Closed { addr };
        let reset = || ClientError::Reset { addr };
        let lost = ClientError::new(addr, io::ErrorKind::TimedOut.into());
        let folder = Sent::InputFailed(io::ErrorKind::IsADirectory.into());
        type Row = (ClientError, Option<Sent>, bool, Option<&'static str>);
        let table: [Row; 7] = [
            (closed(), Some(Sent::All), true, None),
            (
                closed(),
                Some(Sent::All),
                false,
                Some("before the end, after 7 bytes"),
            ),
            (closed(), Some(Sent::Stopped), true, Some("before the end")),
            (closed(), None, false, Some(CLASSIC)),
            (
                reset(),
                Some(Sent::All),
                true,
                Some("reset the connection after 7 bytes"),
            ),
            (lost, None, false, Some("cannot talk")),
            (
                closed(),
                Some(folder),
                true,
                Some("cannot read from standard input: "),
            ),
        ];
        for (end, sent, answered, words) in table {
            match (judge(&end, 7, sent, answered), words) {
                (Ok(exit), None) => assert_eq!(exit, Exit::Success),
                (Err(error), Some(words)) => {
                    assert!(error.to_string().contains(words), "{error}");
                }
                (judged, words) => panic!("{end}: {judged:?}, {words:?}"),
            }
        }
    }
}
