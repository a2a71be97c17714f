//! What the threads of a relay share: the hub, above all.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use proto::relay::hub::elsewhere::News;
use proto::relay::hub::{Counts, Effect, Hub, Outbox};
use runtime::metrics::Shows;
use runtime::shutdown::Shutdown;
use runtime::timing;
use runtime::udp::{Socket, Totals};

use super::alarm::Alarm;
use super::outside::Outside;
use super::post::Post;
use super::ways::Ways;

/// A relay at work.
pub(super) struct Relay {
    hub: Mutex<Hub>,
    /// Held from when classic messages were taken until their senders are answered: the hub keeps in mind which of the
    /// runs they went to, and those are of one thread.
    turn: Mutex<()>,
    began: Instant,
    sockets: Vec<Arc<Socket>>,
    ways: Ways,
    totals: Arc<Totals>,
    alarm: Arc<Alarm>,
    /// Who runs the hub's errands.
    outside: Outside,
    /// What the store counts, where there is one.
    /// What has figures of its own.
    parts: Vec<Arc<dyn Shows>>,
    shutdown: Shutdown,
}

impl Relay {
    /// A relay on these sockets; time is counted from now on.
    pub(super) fn new(
        hub: Hub,
        sockets: Vec<Arc<Socket>>,
        outside: Outside,
        shutdown: Shutdown,
    ) -> Self {
        let alarm = Arc::new(Alarm::default());
        for socket in &sockets {
            let socket = Arc::clone(socket);
            shutdown.on_trigger(move || socket.wake());
        }
        Self {
            hub: Mutex::new(hub),
            turn: Mutex::new(()),
            began: Instant::now(),
            ways: Ways::new(sockets.len()),
            sockets,
            totals: Arc::default(),
            alarm,
            outside,
            parts: Vec::new(),
            shutdown,
        }
    }

    /// The same, with parts that have figures of their own.
    pub(super) fn with_parts(self, parts: Vec<Arc<dyn Shows>>) -> Self {
        Self { parts, ..self }
    }

    pub(super) fn parts(&self) -> &[Arc<dyn Shows>] {
        &self.parts
    }

    pub(super) fn local_addrs(&self) -> impl Iterator<Item = SocketAddr> {
        self.sockets.iter().map(|socket| socket.local_addr())
    }

    pub(super) fn sockets(&self) -> &[Arc<Socket>] {
        &self.sockets
    }

    pub(super) fn ways(&self) -> &Ways {
        &self.ways
    }

    pub(super) fn totals(&self) -> &Arc<Totals> {
        &self.totals
    }

    pub(super) fn shutdown(&self) -> &Shutdown {
        &self.shutdown
    }

    pub(super) fn uptime(&self) -> Duration {
        self.began.elapsed()
    }

    /// What the hub has counted.
    pub(super) fn counts(&self) -> Counts {
        let hub = self.hub();
        hub.counts(self.uptime())
    }

    /// Has the hub hear what came, at this time since the relay began, and carries out what it says.
    pub(super) fn turn(&self, post: &mut Post, hear: impl FnOnce(&mut Hub, Duration, &mut Outbox)) {
        let turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let (now, has_answers, has_errands) = {
            let mut hub = self.hub();
            // Who has the hub looks at the clock: to the hub time never goes back.
            let now = self.uptime();
            hear(&mut hub, now, post.out());
            hub.flush(now, post.out());
            let has_errands = self.note(&mut hub);
            (now, hub.has_answers(), has_errands)
        };
        if !has_answers {
            drop(turn);
            if has_errands {
                self.outside.wake();
            }
            return post.send(self);
        }
        post.send_and_keep(self);
        {
            let mut hub = self.hub();
            hub.answer(now, post.out());
            self.note(&mut hub);
        }
        drop(turn);
        self.outside.wake();
        post.send(self);
    }

    /// Sees to what is due when nothing comes, until it is time to stop.
    pub(super) fn keep_time(&self) {
        timing::wake_precisely();
        let alarm = Arc::clone(&self.alarm);
        self.shutdown.on_trigger(move || alarm.stop());
        let mut post = Post::default();
        while self.alarm.wait(self.began) {
            self.turn(&mut post, |_, _, _| ());
        }
    }

    /// Tells the hub what came of its errands.
    pub(super) fn hear(&self, post: &mut Post, news: impl IntoIterator<Item = News>) {
        self.turn(post, |hub, now, out| {
            news.into_iter().for_each(|news| hub.news(news, now, out));
        });
    }

    /// Says goodbye; what that leaves to be done is the last that those who run errands are told.
    pub(super) fn close(&self) {
        let mut post = Post::default();
        let mut hub = self.hub();
        hub.close(self.uptime(), post.out());
        self.note(&mut hub);
        drop(hub);
        post.send(self);
        self.outside.wake();
        self.outside.close();
    }

    /// Carries out what the hub wants done, and takes note of when it wants to be looked after. Says whether others are
    /// to do something.
    fn note(&self, hub: &mut Hub) -> bool {
        let mut errands = Vec::new();
        for effect in hub.take_effects() {
            match effect {
                Effect::Stop => self.shutdown.trigger(),
                Effect::Errand(errand) => errands.push(errand),
            }
        }
        let has_errands = !errands.is_empty();
        if has_errands {
            self.outside.run(errands);
        }
        if let Some(deadline) = hub.deadline() {
            self.alarm.set(deadline);
        }
        has_errands
    }

    fn hub(&self) -> MutexGuard<'_, Hub> {
        // The hub is valid between any two statements that could panic.
        self.hub.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
