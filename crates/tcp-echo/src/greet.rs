//! A short conversation with an acknowledging echo.

use std::io::{self, Write};
use std::time::Instant;

use anyhow::{Context, ensure};
use proto::ack::{self, Acknowledgements, Request};
use runtime::cli::Exit;
use runtime::tcp::{Client, ClientError};

use crate::args::Greet;
use crate::reach;

/// What starts a server that answers this.
const SERVER: &str = "tcp-echo serve --reply ack";

pub(crate) fn run(args: &Greet) -> anyhow::Result<Exit> {
    let message = message(&args.message)?;
    let mut conversation = Conversation {
        server: reach::connect(&args.target, ack::DEFAULT_PORT, args.timeout, SERVER)?,
        answers: Acknowledgements::default(),
        args,
    };
    for said in 1..=args.count {
        conversation.say(message)?;
        conversation
            .hear(u64::from(said))
            .with_context(|| format!("message {said} of {}", args.count))?;
        let mut out = io::stdout().lock();
        writeln!(out, "{}", ack::ACKNOWLEDGEMENT)?;
        out.flush()?;
    }
    conversation.end();
    Ok(Exit::Success)
}

/// What can be said on this wire and is answered.
fn message(text: &str) -> anyhow::Result<Request<'_>> {
    ensure!(
        (1..=ack::MAX_MESSAGE).contains(&text.len()),
        "expected a message of 1 to {} bytes, got {}",
        ack::MAX_MESSAGE,
        text.len()
    );
    let message = Request::decode(text.as_bytes());
    ensure!(
        message != Request::Exit,
        "expected another message than '{}', which ends the connection without an answer",
        ack::EXIT
    );
    Ok(message)
}

struct Conversation<'a> {
    server: Client,
    answers: Acknowledgements,
    args: &'a Greet,
}

impl Conversation<'_> {
    fn say(&self, request: Request<'_>) -> Result<(), ClientError> {
        let mut wire = Vec::new();
        request.encode(&mut wire);
        self.server.send(&wire, self.args.timeout)
    }

    /// Waits until so many answers have come since the beginning. A message that the network cut in two gets two.
    fn hear(&mut self, wanted: u64) -> anyhow::Result<()> {
        let deadline = Instant::now() + self.args.timeout;
        while self.answers.count() < wanted {
            self.read_until(deadline)?;
        }
        Ok(())
    }

    fn read_until(&mut self, deadline: Instant) -> anyhow::Result<()> {
        let (server, timeout) = (&self.server, self.args.timeout);
        let mut buffer = [0; 1024];
        let bytes = server
            .receive_until(deadline, timeout, &mut buffer)
            .with_context(|| format!("expected \"{}\"", ack::ACKNOWLEDGEMENT))?;
        let counted = self.answers.read(bytes);
        counted.with_context(|| format!("is tcp://{} a `{SERVER}`?", server.server_addr()))?;
        Ok(())
    }

    /// Says that this is all, and waits for the server to close: what is not read by then would break its connection
    /// off before it has read the last word. All was answered by now, so nothing here is a failure.
    fn end(&mut self) {
        let mut ended = self.say(Request::Exit).map_err(Into::into);
        self.server.finish();
        let deadline = Instant::now() + self.args.timeout;
        while ended.is_ok() {
            ended = self.read_until(deadline);
        }
        match ended.map_err(|error| error.downcast()) {
            Err(Ok(ClientError::Closed { .. })) | Ok(()) => {}
            Err(Ok(error)) => tracing::warn!("after '{}': {error}", ack::EXIT),
            Err(Err(error)) => tracing::warn!("after '{}': {error:#}", ack::EXIT),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_said() {
        let long = "x".repeat(ack::MAX_MESSAGE);
        for text in [ack::GREETING, "Exit", &long] {
            assert_eq!(message(text).unwrap(), Request::Message(text.as_bytes()));
        }
        let too_long = long.clone() + "x";
        let table = [
            ("", "1 to 1024 bytes, got 0"),
            ("exit", "another message"),
            (&too_long, "got 1025"),
        ];
        for (text, words) in table {
            let error = message(text).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
