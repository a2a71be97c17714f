//! What all parts of the bus say and hear by.

use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use async_nats::connection::State;
use async_nats::message::OutboundMessage;
use async_nats::{Client, HeaderMap, Message, Subject, Subscriber, jetstream};
use bytes::Bytes;
use futures_util::{Sink, Stream};
use proto::frame;
use proto::relay::fleet::{MailWaits, RelayId};
use proto::relay::hub::elsewhere::{News, Outcome, Ticket};
use proto::relay::letter::{Letter, Place};
use proto::relay::native::Name;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::mpsc::error::SendError;
use tokio::sync::oneshot;

use super::figures::Figures;
use super::lanes::{Carrier, Mail, Serial, Weather};
use super::replies::{About, Replies};
use super::subjects::Subjects;
use super::work::Work;

/// How many messages that nobody waits for are kept for a bus that takes none.
const MOST_QUEUED: usize = 65_536;

/// A connection that breaks is known to be broken within this time: what was said before it has been heard.
const HEARD: Duration = Duration::from_secs(10);

/// How many bytes there are beside the content, at the most: of a frame, and of what the stream is told.
const HEADS: usize = 512;

/// The way to the bus and back to the hub.
pub(super) struct Line {
    pub(super) client: Client,
    pub(super) stream: jetstream::Context,
    pub(super) subjects: Subjects,
    pub(super) relay: RelayId,
    pub(super) replies: Replies,
    pub(super) works: UnboundedSender<Work>,
    pub(super) news: Vec<News>,
    pub(super) figures: Arc<Figures>,
    pub(super) weather: Weather,
    out: Client,
    queue: VecDeque<OutboundMessage>,
    /// Who was told of mail, since when: that may be lost when the connection breaks.
    told: HashMap<Name, Instant>,
}

impl Line {
    pub(super) fn new(
        client: Client,
        subjects: Subjects,
        relay: RelayId,
        works: UnboundedSender<Work>,
        figures: Arc<Figures>,
    ) -> Self {
        let is_up = client.connection_state() == State::Connected;
        Self {
            stream: jetstream::new(client.clone()),
            replies: Replies::new(&client.new_inbox()),
            out: client.clone(),
            client,
            subjects,
            relay,
            works,
            news: Vec::new(),
            figures,
            weather: Weather {
                now: Instant::now(),
                is_up,
                mail: Mail::Later,
            },
            queue: VecDeque::new(),
            told: HashMap::new(),
        }
    }

    pub(super) fn now(&self) -> Instant {
        self.weather.now
    }

    /// How long a content may be to pass.
    pub(super) fn most_content(&self) -> usize {
        self.client.max_payload().saturating_sub(HEADS).max(1)
    }

    /// Says something.
    pub(super) fn publish(&mut self, subject: Subject, reply: Option<Subject>, payload: Bytes) {
        self.enqueue(OutboundMessage {
            subject,
            reply,
            payload,
            headers: None,
        });
    }

    /// Says something that nobody answers, and that is of no use later.
    pub(super) fn say(&mut self, subject: Subject, reply: Option<Subject>, payload: Bytes) {
        if self.weather.is_up && self.queue.len() < MOST_QUEUED {
            self.publish(subject, reply, payload);
        }
    }

    fn enqueue(&mut self, message: OutboundMessage) {
        self.queue.push_back(message);
    }

    /// Tells those again of mail who were told before the connection broke, or shortly before.
    pub(super) fn tell_again(&mut self) {
        for name in std::mem::take(&mut self.told).into_keys() {
            self.tell_of_mail(name);
        }
    }

    /// Forgets who was told so long ago that they have heard it.
    pub(super) fn forget_told(&mut self) {
        let now = self.now();
        if self.weather.is_up {
            self.told.retain(|_, told| now < *told + HEARD);
        }
    }

    /// What was not said yet is not said: whatever counts is said again.
    pub(super) fn forget_unsaid(&mut self) {
        self.queue.clear();
    }

    /// Hands the client what is to be said, as far as it takes it.
    pub(super) fn poll_send(&mut self, context: &mut Context<'_>) {
        while !self.queue.is_empty() {
            match Pin::new(&mut self.out).poll_ready(context) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => {
                    tracing::debug!(%error, "the connection to NATS is closed");
                    return self.queue.clear();
                }
                Poll::Pending => return,
            }
            let message = self.queue.pop_front();
            if let Some(Err(error)) =
                message.map(|message| Pin::new(&mut self.out).start_send(message))
            {
                tracing::debug!(%error, "NATS does not take a message");
            }
        }
    }

    /// Whether all was handed to the client.
    pub(super) fn is_sent(&self) -> bool {
        self.queue.is_empty()
    }

    /// Has something done, and is told of it by its work.
    pub(super) fn start(&self, work: impl Future<Output = Work> + Send + 'static) {
        let works = self.works.clone();
        tokio::spawn(async move {
            // It fails when the relay ends.
            let _ = works.send(work.await);
        });
    }

    /// Hears what is said to a subject. `ready` is told when the client has the subscription, before anything that is
    /// heard by it; `over` when it has been told to end it.
    pub(super) fn listen(
        &self,
        subject: Subject,
        is_shared: bool,
        (ready, over): (Work, Option<Work>),
        heard: impl Fn(Message) -> Work + Send + Sync + 'static,
    ) -> Listener {
        let (stop, stopped) = oneshot::channel();
        let (client, works) = (self.client.clone(), self.works.clone());
        tokio::spawn(async move {
            let subscribed = match is_shared {
                true => client.queue_subscribe(subject, "relays".to_owned()).await,
                false => client.subscribe(subject).await,
            };
            match subscribed {
                Ok(subscriber) => {
                    let _ = works.send(ready);
                    let heard = |message| {
                        let _ = works.send(heard(message));
                    };
                    let told = || over.map(|over| works.send(over));
                    hear(subscriber, stopped, heard, told).await;
                }
                Err(error) => tracing::debug!(%error, "not subscribed: the relay stops"),
            }
        });
        Listener { _stop: stop }
    }
}

/// Hears until it is dropped; what has come by then is heard still.
#[derive(Debug)]
pub(super) struct Listener {
    _stop: oneshot::Sender<()>,
}

async fn hear(
    mut subscriber: Subscriber,
    mut stopped: oneshot::Receiver<()>,
    heard: impl Fn(Message) + Send,
    over: impl FnOnce() -> Option<Result<(), SendError<Work>>> + Send,
) {
    while let Some(message) = next(&mut subscriber, Some(&mut stopped)).await {
        heard(message);
    }
    if subscriber.unsubscribe().await.is_ok() {
        over();
        while let Some(message) = next(&mut subscriber, None).await {
            heard(message);
        }
    }
}

/// The next message; `None` when it was stopped, or there are no more.
async fn next(
    subscriber: &mut Subscriber,
    mut stopped: Option<&mut oneshot::Receiver<()>>,
) -> Option<Message> {
    std::future::poll_fn(|context| {
        if let Poll::Ready(message) = Pin::new(&mut *subscriber).poll_next(context) {
            return Poll::Ready(message);
        }
        let stopped = stopped
            .as_mut()
            .is_some_and(|stopped| Pin::new(&mut **stopped).poll(context).is_ready());
        if stopped {
            return Poll::Ready(None);
        }
        Poll::Pending
    })
    .await
}

impl Carrier for Line {
    fn ask(&mut self, to: Name, serial: Serial, frame: &Bytes) {
        let reply = self.replies.expect(About::Asked(to, serial), self.now());
        self.publish(self.subjects.to(to), Some(reply), frame.clone());
    }

    fn store(&mut self, letter: &Letter, from: Name, serial: Serial, frame: &Bytes) {
        let reply = self
            .replies
            .expect(About::Stored(letter.to, serial), self.now());
        let id = format!("{}/{}/{}", letter.to, from, letter.id.0);
        let mut headers = HeaderMap::new();
        headers.insert(async_nats::header::NATS_MESSAGE_ID, id);
        self.enqueue(OutboundMessage {
            subject: self.subjects.mail(letter.to, from),
            reply: Some(reply),
            payload: frame.clone(),
            headers: Some(headers),
        });
    }

    fn look(&mut self, name: Name) {
        self.start(super::names::look(self, name));
    }

    fn settle(&mut self, ticket: Ticket, outcome: Outcome) {
        match outcome {
            Outcome::Taken => self.figures.passed.add(1),
            Outcome::Kept => self.figures.kept.add(1),
            Outcome::Refused(_) => self.figures.refused.add(1),
        }
        self.news.push(News::Settled { ticket, outcome });
    }

    fn discard(&mut self, place: Place) {
        self.start(super::mail::discard(self, place));
    }

    fn tell_of_mail(&mut self, name: Name) {
        if let Some(payload) = encode(&MailWaits { to: name }, &[]) {
            self.publish(self.subjects.to(name), None, payload);
            self.told.insert(name, self.now());
        }
    }
}

/// A frame; `None` for what no frame can say.
pub(super) fn encode<M: frame::Message>(message: &M, bulk: &[u8]) -> Option<Bytes> {
    let mut bytes = Vec::with_capacity(bulk.len() + 128);
    match frame::encode(message, bulk, &mut bytes) {
        Ok(()) => Some(bytes.into()),
        Err(error) => {
            tracing::debug!(%error, "not said to other relays");
            None
        }
    }
}
