//! Clients of NATS with JetStream, by its client library: a publisher who waits for acknowledgements, and a consumer who
//! fetches what is kept.

use std::collections::VecDeque;
use std::future::IntoFuture;
use std::net::SocketAddrV4;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use async_nats::jetstream::consumer::{AckPolicy, pull};
use async_nats::jetstream::context::{Context, PublishAckFuture};
use async_nats::jetstream::stream::{Config, StorageType};
use async_nats::jetstream::{self, message::Message};
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use tokio::runtime::Runtime;

use super::keeping::{Keeper, cpu_time, of_all};
use super::pump::LONG_PATIENCE;
use super::told::Told;

const STREAM: &str = "MAIL";

/// How many messages are asked for at once, and acknowledged with one word: with more it is not faster.
const FETCHED: usize = 5000;

type Ack = <PublishAckFuture as IntoFuture>::IntoFuture;

/// Publishes messages to so many subjects of a stream, one after the other.
pub(super) struct Publisher {
    runtime: Runtime,
    context: Context,
    content: Bytes,
    subjects: u32,
    said: u32,
    acks: VecDeque<Ack>,
}

impl Publisher {
    /// One for a stream that is made where it is not there.
    pub(super) fn to(server: SocketAddrV4, content: Vec<u8>, subjects: u32) -> Result<Self> {
        let runtime = super::asynchronous::runtime()?;
        let context = runtime.block_on(async {
            let context = connected(server).await?;
            let config = Config {
                name: STREAM.to_owned(),
                subjects: vec!["mail.>".to_owned()],
                storage: StorageType::File,
                ..Config::default()
            };
            context.create_stream(config).await?;
            anyhow::Ok(context)
        })?;
        Ok(Self {
            runtime,
            context,
            content: content.into(),
            subjects,
            said: 0,
            acks: VecDeque::new(),
        })
    }
}

async fn connected(server: SocketAddrV4) -> Result<Context> {
    let client = async_nats::connect(server.to_string()).await?;
    Ok(jetstream::new(client))
}

impl Keeper for Publisher {
    fn say(&mut self) -> Result<()> {
        let subject = match self.subjects {
            1 => "mail.away.sender".to_owned(),
            subjects => format!("mail.away-{}.sender", self.said % subjects),
        };
        self.said += 1;
        let publish = self.context.publish(subject, self.content.clone());
        let ack = self.runtime.block_on(publish)?;
        self.acks.push_back(ack.into_future());
        Ok(())
    }

    fn hear(&mut self) -> Result<u64> {
        let acks = &mut self.acks;
        self.runtime.block_on(async {
            let first = acks.pop_front().context("nothing was said")?;
            first.await?;
            let mut heard = 1;
            while let Some(next) = acks.front_mut()
                && let Some(ack) = next.now_or_never()
            {
                ack?;
                acks.pop_front();
                heard += 1;
            }
            Ok(heard)
        })
    }
}

/// Fetches what is kept, and acknowledges it. The time is that from before it connects.
pub(super) fn drain(server: SocketAddrV4, content: &[u8], count: u64) -> Result<Told> {
    let (cpu, began) = (cpu_time()?, Instant::now());
    let runtime = super::asynchronous::runtime()?;
    runtime.block_on(async {
        let context = connected(server).await?;
        let stream = context.get_stream_no_info(STREAM).await?;
        let config = pull::Config {
            ack_policy: AckPolicy::All,
            max_ack_pending: 10 * FETCHED as i64,
            ..pull::Config::default()
        };
        let consumer = stream.create_consumer(config).await?;
        let messages = consumer.stream().max_messages_per_batch(FETCHED);
        let mut messages = messages.messages().await?;
        let mut came = 0;
        while came < count {
            let message = tokio::time::timeout(LONG_PATIENCE, messages.next());
            let message = message.await.context("a message is missing")?;
            let message = message.context("the server closed a connection")??;
            ensure!(message.payload == content, "another message has come");
            came += 1;
            if came % FETCHED as u64 == 0 || came == count {
                acknowledge(&message).await?;
            }
        }
        context.client().flush().await?;
        of_all(count, began, cpu)
    })
}

async fn acknowledge(message: &Message) -> Result<()> {
    message.ack().await.map_err(anyhow::Error::msg)
}
