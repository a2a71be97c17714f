//! A bus whose hub is the test.

use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use clap::Parser;
use proto::relay::hub::elsewhere::{Errand, News, Outcome, Ticket, Way};
use proto::relay::letter::{Kept, Letter, Place};
use proto::relay::native::frames::{Body, Origin, RelayState, Wants};
use proto::relay::native::identity::{Identity, PublicKeys};
use proto::relay::native::{MessageId, Name};

use super::server::{PATIENCE, Server};
use crate::serve::bus::desk::Ear;
use crate::serve::bus::{Args, Bus, Limits};
use crate::serve::outside::{Runner, Wake};

#[derive(Parser)]
struct Typed {
    #[command(flatten)]
    bus: Args,
    #[arg(long)]
    store: Option<String>,
}

struct Heard(mpsc::Sender<News>);

impl Ear for Heard {
    fn hear(&mut self, news: &mut Vec<News>) {
        for news in news.drain(..) {
            let _ = self.0.send(news);
        }
    }

    fn counts(&self) -> RelayState {
        RelayState {
            sessions: 7,
            ..RelayState::default()
        }
    }
}

/// Ends when it is dropped.
pub(super) struct Station {
    runner: Option<(Runner, Wake)>,
    news: mpsc::Receiver<News>,
    /// What came and was not asked for yet.
    others: Vec<News>,
    thread: Option<JoinHandle<()>>,
    tickets: u64,
    round: u32,
}

pub(super) const LIMITS: Limits = Limits {
    quota: 10_000,
    keep: Duration::from_secs(3600),
    size: 256 * 1024 * 1024,
    replicas: 1,
};

impl Station {
    pub(super) fn new(server: &Server, community: &str) -> Self {
        Self::with(server, community, LIMITS)
    }

    pub(super) fn with(server: &Server, community: &str, limits: Limits) -> Self {
        let url = server.url();
        let typed = ["relay", "--nats", &url, "--community", community];
        let args = Typed::parse_from(typed).bus;
        let (bus, runner, wake) = Bus::connect(&args, limits, "test".to_owned()).unwrap();
        let (tell, news) = mpsc::channel();
        Self {
            runner: Some((runner, wake)),
            news,
            others: Vec::new(),
            thread: Some(thread::spawn(move || bus.run_for(Heard(tell)))),
            tickets: 0,
            round: 0,
        }
    }

    pub(super) fn run(&self, errands: Vec<Errand>) {
        if let Some((runner, wake)) = &self.runner {
            runner(errands);
            wake();
        }
    }

    /// The first news of this kind that was not taken yet.
    pub(super) fn hear<T>(&mut self, mut wanted: impl FnMut(&News) -> Option<T>) -> T {
        for place in 0..self.others.len() {
            if let Some(found) = wanted(&self.others[place]) {
                self.others.remove(place);
                return found;
            }
        }
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let news = self.news.recv_timeout(left).expect("news in time");
            if let Some(found) = wanted(&news) {
                return found;
            }
            self.others.push(news);
        }
    }

    /// All that has come and was not taken.
    pub(super) fn others(&mut self) -> &[News] {
        self.others.extend(self.news.try_iter());
        &self.others
    }

    /// Sends a letter; the ticket of it.
    pub(super) fn send(&mut self, letter: Letter, content: &[u8], way: Way) -> Ticket {
        let ticket = self.ticket();
        self.run(vec![Errand::Send {
            ticket,
            letter,
            content: content.to_vec(),
            way,
        }]);
        ticket
    }

    pub(super) fn ticket(&mut self) -> Ticket {
        self.tickets += 1;
        Ticket(self.tickets)
    }

    pub(super) fn settled(&mut self, wanted: Ticket) -> Outcome {
        self.hear(|news| match news {
            News::Settled { ticket, outcome } if *ticket == wanted => Some(*outcome),
            _ => None,
        })
    }

    /// A name is here from now on, and is heard.
    pub(super) fn begin(&mut self, name: Name) -> Vec<Kept> {
        self.run(vec![Errand::Present { name }]);
        self.fetch_all(name)
    }

    /// Fetches all letters, as the hub does.
    pub(super) fn fetch_all(&mut self, name: Name) -> Vec<Kept> {
        let mut all = Vec::<Kept>::new();
        loop {
            let after = all.last().map_or(Place(0), |kept| kept.place);
            let (letters, is_all) = self.fetch(name, after);
            all.extend(letters);
            if is_all {
                return all;
            }
        }
    }

    fn fetch(&mut self, name: Name, after: Place) -> (Vec<Kept>, bool) {
        self.round += 1;
        let round = self.round;
        self.run(vec![Errand::Fetch { name, round, after }]);
        self.hear(|news| match news {
            News::Fetched {
                round: found,
                letters,
                is_all,
                ..
            } if *found == round => Some((letters.clone(), *is_all)),
            _ => None,
        })
    }

    pub(super) fn claim(&mut self, name: Name, keys: PublicKeys) -> News {
        self.run(vec![Errand::Claim { name, keys }]);
        self.hear(|news| match news {
            News::Claimed { name: found, .. } if *found == name => Some(news.clone()),
            _ => None,
        })
    }

    /// How the relays are, once that is as it should be.
    pub(super) fn fleet(&mut self, wanted: impl Fn(&[RelayState]) -> bool) -> Vec<RelayState> {
        self.hear(|news| match news {
            News::Fleet { relays } if wanted(relays) => Some(relays.clone()),
            _ => None,
        })
    }
}

impl Drop for Station {
    fn drop(&mut self) {
        self.runner = None;
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(std::thread::panicking() || matches!(ended, Some(Ok(()))));
    }
}

pub(super) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

pub(super) fn keys(secret: u8) -> PublicKeys {
    Identity::new([secret; 32]).keys()
}

pub(super) fn letter(from: &str, to: &str, id: u64) -> Letter {
    Letter {
        from: Origin::Name(name(from)),
        to: name(to),
        id: MessageId(id),
        wants: Wants::Nothing,
        body: Body::Plain,
    }
}
