//! A publisher and a subscriber by the client library of NATS, each with a connection of its own.

use std::net::SocketAddrV4;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use async_nats::{Client, Subscriber};
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use tokio::runtime::Runtime;

use super::keeping::{cpu_time, of_all};
use super::pump::{LONG_PATIENCE, Window};
use super::told::{Latency, Told};
use crate::stats::Durations;

const SUBJECT: &str = "t";

/// Keeps messages in flight for this long, then waits for the last of them; all of it in this thread.
pub(super) fn load(
    server: SocketAddrV4,
    content: Vec<u8>,
    window: Window,
    length: Duration,
) -> Result<Told> {
    runtime()?.block_on(async {
        let load = Load::begin(server, content).await?;
        load.run(window, length).await
    })
}

/// Sends one message after the other, each when the one before has come; after a tenth as many more that do not count.
pub(super) fn one_by_one(server: SocketAddrV4, content: Vec<u8>, messages: u64) -> Result<Told> {
    runtime()?.block_on(async {
        let mut load = Load::begin(server, content).await?;
        for _ in 0..messages / 10 {
            load.round().await?;
        }
        let mut durations = Durations::default();
        let (cpu, began) = (cpu_time()?, Instant::now());
        for _ in 0..messages {
            durations.push(load.round().await?);
        }
        Ok(Told {
            latency: Some(Latency::of(durations)),
            ..of_all(messages, began, cpu)?
        })
    })
}

/// A runtime that has no thread but this.
pub(super) fn runtime() -> Result<Runtime> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.context("cannot start a runtime")
}

struct Load {
    publisher: Client,
    subscriber: Subscriber,
    content: Bytes,
    sent: u64,
    came: u64,
}

impl Load {
    async fn begin(server: SocketAddrV4, content: Vec<u8>) -> Result<Self> {
        let publisher = async_nats::connect(server.to_string()).await?;
        let client = async_nats::connect(server.to_string()).await?;
        let mut subscriber = client.subscribe(SUBJECT).await?;
        // What comes back on the same connection was sent after the subscription: the server has that.
        client.publish(SUBJECT, Bytes::new()).await?;
        subscriber
            .next()
            .await
            .context("there is no subscription")?;
        Ok(Self {
            publisher,
            subscriber,
            content: content.into(),
            sent: 0,
            came: 0,
        })
    }

    /// How long a message takes from before it is published until the subscriber has it. It leaves at once: told to
    /// flush, the library would only do more.
    async fn round(&mut self) -> Result<Duration> {
        let began = Instant::now();
        self.publish(1).await?;
        self.receive_until(self.sent).await?;
        Ok(began.elapsed())
    }

    async fn run(mut self, window: Window, length: Duration) -> Result<Told> {
        let began = Instant::now();
        while began.elapsed() < length {
            self.publish(window.at_once).await?;
            self.publisher.flush().await.context("cannot publish")?;
            let room = window.messages - window.at_once;
            self.receive_until(self.sent.saturating_sub(room)).await?;
        }
        self.receive_until(self.sent).await?;
        Ok(Told {
            sent: self.sent,
            lost: 0,
            delivered: self.came,
            seconds: began.elapsed().as_secs_f64(),
            latency: None,
            cpu_seconds: None,
        })
    }

    async fn publish(&mut self, count: u64) -> Result<()> {
        for _ in 0..count {
            let content = self.content.clone();
            self.publisher.publish(SUBJECT, content).await?;
        }
        self.sent += count;
        Ok(())
    }

    /// Takes what is there, and waits until so many have come in all.
    async fn receive_until(&mut self, count: u64) -> Result<()> {
        while let Some(message) = self.subscriber.next().now_or_never() {
            self.count(message)?;
        }
        while self.came < count {
            let message = tokio::time::timeout(LONG_PATIENCE, self.subscriber.next());
            let message = message.await.context("a message is lost")?;
            self.count(message)?;
        }
        Ok(())
    }

    fn count(&mut self, message: Option<async_nats::Message>) -> Result<()> {
        let message = message.context("the server closed a connection")?;
        ensure!(message.payload == self.content, "another message has come");
        self.came += 1;
        Ok(())
    }
}
