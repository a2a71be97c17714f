//! One client with its socket.

use std::net::{SocketAddr, SocketAddrV4};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use proto::relay::native::client::{Client, Event, SendError, Settings};
use proto::relay::native::frames::{Ending, Stage, To, Wants};
use proto::relay::native::{Identity, MAX_DATAGRAM, MessageId, Name};
use runtime::udp::{Flow, Options, Room};

use super::super::pump::Came;

/// The longest that a client looks at nothing while it begins, for what is due in it comes in between.
const LOOK: Duration = Duration::from_millis(5);

/// A client with its socket.
pub(super) struct Member {
    client: Client,
    flow: Flow,
    room: Room,
    out: Out,
    at: Option<SocketAddr>,
    joined: bool,
    /// The last message that came.
    last: MessageId,
    /// The last of its own messages that was answered.
    answered: MessageId,
}

/// Datagrams of one size that wait to be sent together.
#[derive(Default)]
struct Out {
    waiting: Vec<u8>,
    size: usize,
    /// The size that the system was last told to cut to.
    cut_to: usize,
}

impl Member {
    /// One that is to register.
    pub(super) fn open(
        server: SocketAddrV4,
        options: &Options,
        name: Option<(Name, Identity)>,
        began: Instant,
    ) -> Result<Self> {
        let flow = Flow::connect(server.into(), options)?;
        let coalesced = flow.set_receive_offload(true);
        let mut seed = [0; 32];
        fastrand::fill(&mut seed);
        let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let settings = Settings {
            name,
            seed,
            first: MessageId(u64::try_from(since.as_micros())?),
        };
        Ok(Self {
            client: Client::new(settings, began.elapsed()),
            room: Room::new(MAX_DATAGRAM, coalesced),
            flow,
            out: Out::default(),
            at: None,
            joined: false,
            last: MessageId::default(),
            answered: MessageId::default(),
        })
    }

    pub(super) fn flow(&self) -> &Flow {
        &self.flow
    }

    /// Where the relay sees it, once it is registered.
    pub(super) fn at(&self) -> Option<SocketAddr> {
        self.at
    }

    pub(super) fn has_joined(&self) -> bool {
        self.joined
    }

    pub(super) fn is_done(&self) -> bool {
        self.client.is_done()
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        self.client.deadline()
    }

    pub(super) fn join(&mut self, room: Name, began: Instant) -> Result<()> {
        self.client.join(room, None);
        self.flush(began.elapsed())
    }

    /// Says a message; [`Self::flush`] sends it.
    pub(super) fn say(
        &mut self,
        to: To,
        content: &[u8],
        wants: Wants,
        now: Duration,
    ) -> Result<(), SendError> {
        self.client.send(to, content, wants, now).map(drop)
    }

    /// Ends the session when all is said.
    pub(super) fn close(&mut self) {
        self.client.close();
    }

    /// Sends what is to be sent.
    pub(super) fn flush(&mut self, now: Duration) -> Result<()> {
        let Self {
            client, flow, out, ..
        } = self;
        let mut sent = Ok(());
        client.transmit(now, |datagram| {
            if sent.is_ok() {
                sent = out.add(datagram, flow);
            }
        });
        sent?;
        out.send(flow)
    }

    /// Waits for something, for a moment.
    pub(super) fn wait(&mut self, now: Duration) -> Result<()> {
        let due = self.deadline().map(|deadline| deadline.saturating_sub(now));
        let patience = due.unwrap_or(LOOK).clamp(Duration::from_micros(10), LOOK);
        self.flow.set_patience(Some(patience))?;
        let bundles = self.room.receive(&self.flow)?;
        self.take(bundles, now)
    }

    /// Takes what has come, if anything has, and sends what is to be sent; messages all say this.
    pub(super) fn go_on(&mut self, ready: bool, content: &[u8], began: Instant) -> Result<Came> {
        let now = began.elapsed();
        if ready {
            let bundles = self.room.poll(&self.flow)?;
            self.take(bundles, now)?;
        }
        let came = self.events(content)?;
        if ready || self.deadline().is_some_and(|deadline| deadline <= now) {
            self.flush(now)?;
        }
        Ok(came)
    }

    fn take(&mut self, bundles: usize, now: Duration) -> Result<()> {
        for place in 0..bundles {
            let bundle = self.room.get(place).context("a bundle is missing")?;
            for datagram in bundle.packets.chunks(bundle.size.max(1)) {
                self.client.receive(datagram, now);
            }
        }
        Ok(())
    }

    fn events(&mut self, content: &[u8]) -> Result<Came> {
        let mut came = Came::default();
        loop {
            while let Some(message) = self.client.next_message() {
                ensure!(message.content == content, "another message has come");
                ensure!(message.id > self.last, "a message has come twice");
                self.last = message.id;
                came.deliveries += 1;
            }
            match self.client.next_event() {
                None => return Ok(came),
                Some(event) => came.answers += self.hear(event)?,
            }
        }
    }

    /// How many messages it says are queued.
    fn hear(&mut self, event: Event) -> Result<u64> {
        match event {
            Event::Receipt {
                first,
                last,
                stage: Stage::Queued,
            } => {
                ensure!(first > self.answered, "answers are not in order");
                self.answered = last;
                return Ok(last.0 - first.0 + 1);
            }
            Event::Registered { at, .. } => self.at = Some(at),
            Event::Joined(_) => self.joined = true,
            Event::Happened(_) | Event::KeyMet { .. } | Event::Ended(Ending::Done) => {}
            event => bail!("unexpected: {event:?}"),
        }
        Ok(0)
    }
}

impl Out {
    /// As many as are sent at once.
    const MOST: usize = 64;

    /// Datagrams of one size wait for each other; a shorter one ends them.
    fn add(&mut self, datagram: &[u8], flow: &mut Flow) -> Result<()> {
        let is_longer = datagram.len() > self.size;
        if self.waiting.is_empty() || is_longer {
            self.send(flow)?;
            self.size = datagram.len();
        }
        self.waiting.extend_from_slice(datagram);
        let is_full = self.waiting.len() >= Self::MOST * self.size;
        match is_full || datagram.len() < self.size {
            true => self.send(flow),
            false => Ok(()),
        }
    }

    fn send(&mut self, flow: &mut Flow) -> Result<()> {
        if self.waiting.len() > self.size && self.cut_to != self.size {
            flow.set_send_offload(Some(self.size));
            self.cut_to = self.size;
        }
        let mut left = &self.waiting[..];
        while !left.is_empty() {
            let sent = flow.send(left, self.size).context("cannot send")?;
            left = left.get(sent * self.size..).unwrap_or_default();
        }
        self.waiting.clear();
        Ok(())
    }
}
