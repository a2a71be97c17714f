//! A command for each message.

use std::io::{self, Write};
use std::process::{Command, ExitStatus, Stdio};

use proto::relay::native::client::Incoming;

use crate::words;

/// Runs it with the content on its standard input; whether it ended well. What went wrong is told.
pub(super) fn run(command: &str, message: &Incoming) -> bool {
    match attempt(command, message) {
        Ok(status) if status.success() => true,
        Ok(status) => {
            tracing::warn!("--exec ended with {status}");
            false
        }
        Err(error) => {
            tracing::warn!(%error, "--exec did not run");
            false
        }
    }
}

fn attempt(command: &str, message: &Incoming) -> io::Result<ExitStatus> {
    let room = message.room.map(|(room, _)| room.to_string());
    let mut child = Command::new("sh")
        .args(["-c", command])
        .env("RELAY_FROM", words::origin(message.from))
        .env("RELAY_ROOM", room.unwrap_or_default())
        .env("RELAY_ID", message.id.0.to_string())
        .env("RELAY_WAITED", message.waited.to_string())
        .stdin(Stdio::piped())
        .spawn()?;
    if let Some(mut input) = child.stdin.take() {
        // A command need not read what it was given.
        let written = input.write_all(&message.content);
        if let Err(error) = written.or_else(unread) {
            tracing::warn!(%error, "--exec did not get the whole message");
        }
    }
    child.wait()
}

fn unread(error: io::Error) -> io::Result<()> {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Ok(()),
        _ => Err(error),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use proto::relay::native::MessageId;
    use proto::relay::native::frames::{Body, Origin, Wants};

    use super::*;

    #[test]
    fn a_command_is_told_all_and_its_end_is_told() {
        let message = Incoming {
            from: Origin::Name("alice".parse().unwrap()),
            room: Some(("lobby".parse().unwrap(), 1)),
            id: MessageId(7),
            waited: 60,
            content: b"hello\n".to_vec(),
            body: Body::Plain,
            wants: Wants::Nothing,
        };
        let all = r#"test "$RELAY_FROM $RELAY_ROOM $RELAY_ID $RELAY_WAITED $(cat)" = "alice lobby 7 60 hello""#;
        assert!(run(all, &message));
        assert!(!run("exit 3", &message));
        assert!(run(
            "true",
            &Incoming {
                content: vec![0; 1 << 20],
                ..message
            }
        ));
    }
}
