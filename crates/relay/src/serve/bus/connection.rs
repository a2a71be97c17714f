//! The connection to NATS: how it is made, and what is said of it.

use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use async_nats::{Client, ClientError, ConnectErrorKind, ConnectOptions, Event, ServerAddr};
use runtime::escape::Escaped;
use tokio::sync::mpsc::UnboundedSender;

use super::args::{Args, Login};
use super::work::Work;

/// How often the server is asked whether it is there. It is gone when it has not answered twice.
const PING: Duration = Duration::from_secs(2);

/// How long a server has to answer when the connection is made.
const HANDSHAKE: Duration = Duration::from_secs(2);

/// How many things that are to be said the client takes before they are written.
const COMMANDS: usize = 8192;

/// How many messages of one subject may wait to be heard. They take room only as they come; what is beyond is lost.
const UNHEARD: usize = 1 << 20;

/// From this version on a server can be told to write all to the disk before it answers.
const SYNCS: (u32, u32) = (2, 10);

/// Connects; where nobody is there, it goes on trying.
///
/// # Errors
/// Where it is no use to go on: the credentials are refused or cannot be read.
pub(super) async fn connect(args: &Args, works: UnboundedSender<Work>) -> anyhow::Result<Client> {
    let options = options(args, works).await?;
    let servers: Vec<ServerAddr> = args.nats.iter().map(|url| url.addr.clone()).collect();
    let shown = shown(args);
    match options.clone().connect(&*servers).await {
        Ok(client) => return Ok(client),
        Err(error) => match error.kind() {
            ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication => {
                bail!(
                    "expected credentials that {shown} accepts: give --nats-creds FILE, or nats://USER:PASSWORD@HOST"
                )
            }
            ConnectErrorKind::Tls | ConnectErrorKind::ServerParse => {
                return Err(error).with_context(|| format!("cannot speak to NATS at {shown}"));
            }
            _ => {
                let (why, hint) = (Said(&error), "start one there, or see --nats");
                tracing::warn!(
                    "no NATS server answers at {shown} ({why}): {hint}; this relay is alone until then"
                );
            }
        },
    }
    let retrying = options.retry_on_initial_connect();
    Ok(retrying.connect(&*servers).await?)
}

fn shown(args: &Args) -> String {
    let urls: Vec<_> = args.nats.iter().map(ToString::to_string).collect();
    urls.join(", ")
}

/// An error and what it is due to, without line breaks.
struct Said<'a>(&'a dyn std::error::Error);

impl std::fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = self.0.to_string();
        write!(f, "{}", Escaped(text.as_bytes()))
    }
}

async fn options(args: &Args, works: UnboundedSender<Work>) -> anyhow::Result<ConnectOptions> {
    let mut options = ConnectOptions::new()
        .name("plumbline relay")
        .ping_interval(PING)
        .connection_timeout(HANDSHAKE)
        .request_timeout(Some(Duration::from_secs(5)))
        .client_capacity(COMMANDS)
        .subscription_capacity(UNHEARD)
        .skip_subject_validation(true)
        .reconnect_delay_callback(delay)
        .event_callback(move |event| {
            if let Some(work) = work(event) {
                // It fails when the relay ends.
                let _ = works.send(work);
            }
            std::future::ready(())
        });
    match login(args)? {
        Some(Login::Token(token)) => options = options.token(token.clone()),
        Some(Login::User(user, password)) => {
            options = options.user_and_password(user.clone(), password.clone());
        }
        None => {}
    }
    if let Some(path) = &args.nats_creds {
        let shown = Escaped(path.as_os_str().as_encoded_bytes());
        let read = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {shown}, the file of --nats-creds"))?;
        options = options.credentials(&read).map_err(|_| {
            anyhow!("expected a .creds file of NATS for --nats-creds, {shown} is none")
        })?;
    }
    Ok(options)
}

/// The client has one login for all servers.
fn login(args: &Args) -> anyhow::Result<Option<&Login>> {
    let mut logins = args.nats.iter().filter_map(|url| url.login.as_ref());
    let first = logins.next();
    if logins.any(|login| Some(login) != first) {
        bail!("expected one user for all servers of --nats: they are to be of one cluster");
    }
    Ok(first)
}

/// How long to wait before a connection is tried for so many times.
fn delay(attempts: usize) -> Duration {
    match attempts {
        0 | 1 => Duration::ZERO,
        2..10 => Duration::from_millis(100),
        _ => Duration::from_millis(500),
    }
}

fn work(event: Event) -> Option<Work> {
    match event {
        Event::Connected => Some(Work::Up),
        Event::Disconnected => Some(Work::Down),
        Event::SlowConsumer(_) => Some(Work::Dropped),
        Event::ServerError(error) => Some(Work::Complaint(error.to_string())),
        Event::ClientError(ClientError::Other(text)) if is_refusal(&text) => {
            Some(Work::Complaint(text))
        }
        Event::ClientError(_) => None,
        Event::LameDuckMode | Event::Draining | Event::Closed => None,
    }
}

/// Whether an attempt to connect was turned down: that nobody is there is known without it.
fn is_refusal(text: &str) -> bool {
    let refusals = [
        ConnectErrorKind::AuthorizationViolation,
        ConnectErrorKind::Authentication,
        ConnectErrorKind::Tls,
    ];
    refusals.iter().any(|kind| kind.to_string() == text)
}

/// What a server's version and the number of copies mean for what is kept.
pub(super) fn promise(version: &str, replicas: usize) -> String {
    let copies = match replicas {
        1 => "one copy: it lives as long as that server's disk",
        _ => "copies on several servers: it outlives the loss of one",
    };
    let sync = match number(version) {
        Some(found) if found >= SYNCS => {
            "it survives a loss of power only where that server has \"sync_interval: always\", which cannot be seen from here"
        }
        _ => {
            "it survives that this relay or the server is killed, not a loss of power: that needs 2.10 or later, with \"sync_interval: always\""
        }
    };
    format!(
        "mail is kept by nats-server {}: {copies}; {sync}",
        Escaped(version.as_bytes())
    )
}

fn number(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.trim_start_matches('v').split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_version_promises_is_said() {
        assert!(promise("2.9.10", 1).contains("not a loss of power"));
        assert!(promise("2.10.0", 3).contains("cannot be seen"));
        assert!(promise("2.10.0", 3).contains("several"));
        assert!(promise("v2.11.4-RC.1", 1).contains("cannot be seen"));
        assert!(promise("\u{1b}[31m", 1).contains("not a loss of power"));
        assert!(!promise("\u{1b}[31m", 1).contains('\u{1b}'));
    }
}
