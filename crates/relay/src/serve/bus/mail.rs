//! Mail: one stream that keeps all letters, with a subject for each pair of receiver and sender.
//!
//! What a subject may hold is limited, and beyond it refused: so one sender's quota is not another's. Whoever comes back
//! reads by a consumer that lives as long as that takes: with one for each name that stays, JetStream breaks down at some
//! ten thousands. What has come is purged up to its place, which is its number in the stream.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::context::{CreateStreamError, CreateStreamErrorKind};
use async_nats::jetstream::stream::{Config, DiscardPolicy, StorageType, Stream};
use async_nats::jetstream::{self, ErrorCode};
use futures_util::StreamExt;
use proto::frame;
use proto::relay::hub::elsewhere::Errand;
use proto::relay::letter::{Kept, Letter, Place};
use proto::relay::native::Name;
use tokio::time::timeout;

use super::line::Line;
use super::subjects::Subjects;
use super::work::{Unprepared, Work};
use super::{Limits, names};

/// How long the stream has to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// When something that failed is tried again.
const PAUSE: Duration = Duration::from_millis(500);

/// For how many names letters are fetched at once, or purged.
const AT_ONCE: usize = 32;

/// How many letters are fetched at once at the most.
const MOST_FETCHED: usize = 4096;

/// For how long the server knows what it has kept by the letters' numbers.
const REMEMBERED: Duration = Duration::from_secs(600);

/// How long a consumer outlives what it was made for where it cannot be deleted.
const INACTIVE: Duration = Duration::from_secs(10);

/// The stream of mail.
fn config(subjects: &Subjects, limits: &Limits) -> Config {
    Config {
        name: subjects.stream(),
        subjects: vec![subjects.all_mail()],
        description: Some("mail of a community for those who are away".to_owned()),
        max_messages: -1,
        max_bytes: i64::try_from(limits.size).unwrap_or(i64::MAX),
        max_messages_per_subject: i64::try_from(limits.quota).unwrap_or(i64::MAX),
        max_age: limits.keep,
        discard: DiscardPolicy::New,
        discard_new_per_subject: true,
        duplicate_window: REMEMBERED.min(limits.keep),
        storage: StorageType::File,
        num_replicas: limits.replicas,
        ..Config::default()
    }
}

/// Makes both streams, or has them be as they are to be.
pub(super) fn prepare(line: &Line, limits: Limits) -> impl Future<Output = Work> + Send + use<> {
    let (subjects, context) = (line.subjects.clone(), line.stream.clone());
    async move {
        let preparing = async {
            make(&context, names::config(&subjects, limits.replicas)).await?;
            make(&context, config(&subjects, &limits)).await
        };
        let late = || Err(CreateStreamError::new(CreateStreamErrorKind::TimedOut));
        let prepared = timeout(PATIENCE, preparing)
            .await
            .unwrap_or_else(|_| late());
        Work::Prepared(prepared.map_err(unprepared))
    }
}

/// A stream that is there is asked first: to make it anew would be refused where it was made otherwise.
async fn make(context: &jetstream::Context, config: Config) -> Result<(), CreateStreamError> {
    context.create_or_update_stream(config).await.map(|_| ())
}

fn unprepared(error: CreateStreamError) -> Unprepared {
    let none = [
        ErrorCode::JETSTREAM_NOT_ENABLED,
        ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT,
    ];
    match error.kind() {
        CreateStreamErrorKind::JetStreamUnavailable => Unprepared::NoJetStream,
        CreateStreamErrorKind::JetStream(said) if none.contains(&said.error_code()) => {
            Unprepared::NoJetStream
        }
        _ => Unprepared::Failed(error),
    }
}

/// What is fetched, and what is forgotten.
#[derive(Debug, Default)]
pub(super) struct Mails {
    fetches: HashMap<Name, Fetch>,
    /// Up to where letters have come, for those names whose letters are not purged yet.
    forgets: BTreeMap<Name, Place>,
    forgetting: HashSet<Name>,
    fetching: usize,
    again: Option<Instant>,
}

#[derive(Debug)]
struct Fetch {
    round: u32,
    after: Place,
    /// The round that is being fetched.
    runs: Option<u32>,
}

impl Mails {
    /// Letters are asked for; who asks again for the same name wants that alone.
    pub(super) fn fetch(&mut self, name: Name, round: u32, after: Place) {
        let fetch = self.fetches.entry(name).or_insert(Fetch {
            round,
            after,
            runs: None,
        });
        (fetch.round, fetch.after) = (round, after);
    }

    /// A name is not here any more.
    pub(super) fn leave(&mut self, name: Name) {
        if let Some(fetch) = self.fetches.remove(&name) {
            self.fetching -= usize::from(fetch.runs.is_some());
        }
    }

    pub(super) fn forget(&mut self, name: Name, until: Place) {
        let place = self.forgets.entry(name).or_default();
        *place = until.max(*place);
    }

    /// Whether nothing is left to be purged.
    pub(super) fn is_done(&self) -> bool {
        self.forgets.is_empty() && self.forgetting.is_empty()
    }

    /// Starts what may run now. Those who are not heard for yet wait: what comes for them meanwhile would be missed. And
    /// what was forgotten is purged before anything is read again.
    pub(super) fn start(&mut self, line: &Line, is_heard: impl Fn(&Name) -> bool) {
        if self.again.is_some_and(|again| line.now() < again) {
            return;
        }
        self.again = None;
        for (name, fetch) in &mut self.fetches {
            if self.fetching >= AT_ONCE {
                break;
            }
            let is_purged = !self.forgets.contains_key(name) && !self.forgetting.contains(name);
            if fetch.runs.is_none() && is_purged && is_heard(name) {
                fetch.runs = Some(fetch.round);
                self.fetching += 1;
                line.start(read(line, *name, fetch.round, fetch.after));
            }
        }
        while self.forgetting.len() < AT_ONCE {
            let next = |(name, _): &(&Name, &Place)| !self.forgetting.contains(name);
            let Some((name, until)) = self.forgets.iter().find(next).map(|(n, p)| (*n, *p)) else {
                return;
            };
            self.forgets.remove(&name);
            self.forgetting.insert(name);
            line.start(purge(line, name, until));
        }
    }

    /// Letters came, or not: whether they are what is asked for still.
    pub(super) fn fetched(&mut self, name: Name, round: u32, came: bool, now: Instant) -> bool {
        let Some(fetch) = self.fetches.get_mut(&name) else {
            return false;
        };
        if fetch.runs != Some(round) {
            return false;
        }
        fetch.runs = None;
        self.fetching -= 1;
        if !came {
            self.again = Some(now + PAUSE);
            return false;
        }
        if fetch.round != round {
            return false;
        }
        self.fetches.remove(&name);
        true
    }

    /// Letters were purged, or not.
    pub(super) fn forgotten(&mut self, name: Name, until: Place, is_done: bool, now: Instant) {
        self.forgetting.remove(&name);
        if !is_done {
            self.forget(name, until);
            self.again = Some(now + PAUSE);
        }
    }
}

fn read(
    line: &Line,
    name: Name,
    round: u32,
    after: Place,
) -> impl Future<Output = Work> + Send + use<> {
    let (stream, filter) = (line.subjects.stream(), line.subjects.mail_to(name));
    let context = line.stream.clone();
    async move {
        let reading = letters(&context, &stream, filter, name, after);
        let read = match timeout(PATIENCE, reading).await {
            Ok(Ok(read)) => Some(read),
            Ok(Err(error)) => {
                tracing::debug!(%name, %error, "letters could not be fetched");
                None
            }
            Err(_) => None,
        };
        Work::Fetched(name, round, read)
    }
}

async fn letters(
    context: &jetstream::Context,
    stream: &str,
    filter: String,
    name: Name,
    after: Place,
) -> Result<(Vec<Kept>, bool), async_nats::Error> {
    let config = pull::Config {
        deliver_policy: DeliverPolicy::ByStartSequence {
            start_sequence: after.0 + 1,
        },
        ack_policy: AckPolicy::None,
        filter_subject: filter,
        inactive_threshold: INACTIVE,
        memory_storage: true,
        num_replicas: 1,
        ..pull::Config::default()
    };
    let consumer = context.create_consumer_on_stream(config, stream).await?;
    let waiting = consumer.cached_info().num_pending;
    let mut read = Reader {
        name,
        letters: Vec::new(),
        bytes: 0,
        left: waiting,
    };
    if waiting > 0 {
        let request = consumer.fetch().max_messages(MOST_FETCHED);
        read.take(request.max_bytes(2 * Errand::FETCHED).messages().await?)
            .await;
        if read.left == waiting {
            // The first is longer than that.
            read.take(consumer.fetch().max_messages(1).messages().await?)
                .await;
        }
    }
    let (context, stream) = (context.clone(), stream.to_owned());
    tokio::spawn(async move {
        // Where it fails the server deletes it after a while.
        let name = &consumer.cached_info().name;
        let _ = context.delete_consumer_from_stream(name, stream).await;
    });
    if waiting > 0 && read.left == waiting {
        return Err("expected letters, none came".into());
    }
    Ok((read.letters, read.left == 0))
}

struct Reader {
    name: Name,
    letters: Vec<Kept>,
    bytes: usize,
    /// How many letters come after the last one that came.
    left: u64,
}

impl Reader {
    async fn take(&mut self, mut batch: pull::Batch) {
        while self.left > 0 && self.bytes < Errand::FETCHED {
            let Some(Ok(message)) = batch.next().await else {
                return;
            };
            let Ok(info) = message.info() else {
                return;
            };
            self.left = info.pending;
            self.bytes += message.payload.len();
            let (place, published) = (Place(info.stream_sequence), info.published);
            let waited = since(published.unix_timestamp());
            self.letters
                .extend(kept(self.name, place, waited, &message.payload));
        }
    }
}

/// What is no letter for this name is passed over; it is purged with those after it.
fn kept(name: Name, place: Place, waited: u32, payload: &[u8]) -> Option<Kept> {
    match frame::decode_datagram::<Letter>(payload) {
        Ok((letter, content)) if letter.to == name => Some(Kept {
            place,
            waited,
            letter,
            content: content.to_vec(),
        }),
        _ => {
            tracing::debug!(%name, "something that is no letter is passed over");
            None
        }
    }
}

/// How many seconds have passed since this time, in seconds since 1970. The server's clock may be another.
fn since(time: i64) -> u32 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.map_or(0, |now| i64::try_from(now.as_secs()).unwrap_or(i64::MAX));
    u32::try_from(now.saturating_sub(time).max(0)).unwrap_or(u32::MAX)
}

fn purge(line: &Line, name: Name, until: Place) -> impl Future<Output = Work> + Send + use<> {
    let (stream, filter) = (line.subjects.stream(), line.subjects.mail_to(name));
    let context = line.stream.clone();
    async move {
        let purging = async {
            let stream: Stream<()> = context.get_stream_no_info(stream).await?;
            stream.purge().filter(filter).sequence(until.0 + 1).await?;
            Ok::<_, async_nats::Error>(())
        };
        let purged = timeout(PATIENCE, purging).await;
        if let Ok(Err(error)) = &purged {
            tracing::debug!(%name, %error, "letters could not be purged");
        }
        Work::Forgotten(name, until, matches!(purged, Ok(Ok(()))))
    }
}

/// Deletes one letter. If that fails, whoever gets it drops it.
pub(super) fn discard(line: &Line, place: Place) -> impl Future<Output = Work> + Send + use<> {
    let (stream, context) = (line.subjects.stream(), line.stream.clone());
    async move {
        let deleting = async {
            let stream: Stream<()> = context.get_stream_no_info(stream).await.ok()?;
            stream.delete_message(place.0).await.ok()
        };
        let _ = timeout(PATIENCE, deleting).await;
        Work::Measured(None)
    }
}

/// Counts the letters that are kept.
pub(super) fn measure(line: &Line) -> impl Future<Output = Work> + Send + use<> {
    let (stream, context) = (line.subjects.stream(), line.stream.clone());
    async move {
        let measuring = async {
            let stream: Stream<()> = context.get_stream_no_info(stream).await.ok()?;
            let state = stream.get_info().await.ok()?.state;
            Some((state.messages, state.bytes))
        };
        Work::Measured(timeout(PATIENCE, measuring).await.ok().flatten())
    }
}

/// Looks up for whom letters wait.
pub(super) fn look(line: &Line) -> impl Future<Output = Work> + Send + use<> {
    let (subjects, context) = (line.subjects.clone(), line.stream.clone());
    async move {
        let looking = async {
            let stream: Stream<()> = context.get_stream_no_info(subjects.stream()).await.ok()?;
            let mut found = stream.info_with_subjects(subjects.all_mail()).await.ok()?;
            let mut names = HashSet::new();
            while let Some(Ok((subject, _))) = found.next().await {
                names.extend(subjects.receiver(&subject));
            }
            Some(names.into_iter().collect())
        };
        let names = timeout(PATIENCE * 4, looking).await.ok().flatten();
        Work::Waiting(names.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    #[test]
    fn who_asks_again_is_answered_once_and_with_the_last() {
        let (mut mails, now, bob) = (Mails::default(), Instant::now(), name("bob"));
        mails.fetch(bob, 1, Place(0));
        mails.fetches.get_mut(&bob).unwrap().runs = Some(1);
        mails.fetching = 1;
        mails.fetch(bob, 2, Place(7));
        assert!(!mails.fetched(bob, 1, true, now));
        assert_eq!(mails.fetches[&bob].round, 2);
        mails.fetches.get_mut(&bob).unwrap().runs = Some(2);
        mails.fetching = 1;
        assert!(!mails.fetched(bob, 2, false, now));
        mails.fetches.get_mut(&bob).unwrap().runs = Some(2);
        mails.fetching = 1;
        assert!(mails.fetched(bob, 2, true, now));
        assert!(mails.fetches.is_empty() && mails.fetching == 0);
        assert!(!mails.fetched(bob, 2, true, now));
    }

    #[test]
    fn what_was_not_purged_is_purged_later() {
        let (mut mails, now, bob) = (Mails::default(), Instant::now(), name("bob"));
        mails.forget(bob, Place(9));
        mails.forget(bob, Place(5));
        assert_eq!(mails.forgets[&bob], Place(9));
        mails.forgets.clear();
        mails.forgetting.insert(bob);
        assert!(!mails.is_done());
        mails.forgotten(bob, Place(9), false, now);
        assert_eq!(mails.forgets[&bob], Place(9));
    }
}
