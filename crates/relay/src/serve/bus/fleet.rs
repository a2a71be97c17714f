//! The other relays: how they are, and what is asked of all of them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use proto::relay::fleet::{Asked, Beat, Listed};
use proto::relay::hub::elsewhere::{News, Ticket};
use proto::relay::native::frames::{RelayState, Trouble};

use super::lanes::Mail;
use super::line::{Line, encode};
use super::replies::About;

/// How many relays are remembered.
const MOST_RELAYS: usize = 1000;

/// For how long something that went wrong is told.
const TOLD: Duration = Duration::from_secs(10);

/// The relays of the community.
#[derive(Debug)]
pub(super) struct Fleet {
    label: String,
    began: Instant,
    others: BTreeMap<u64, (RelayState, Instant)>,
    next: Instant,
    /// When this relay last heard itself.
    heard: Instant,
    full: Option<Instant>,
    dropped: Option<Instant>,
}

impl Fleet {
    pub(super) fn new(label: String, now: Instant) -> Self {
        Self {
            label: cut(label),
            began: now,
            others: BTreeMap::new(),
            next: now,
            heard: now,
            full: None,
            dropped: None,
        }
    }

    /// Whether it is time for a beat.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        let is_due = now >= self.next;
        if is_due {
            self.next = now + Duration::from_millis(Beat::EVERY_MILLIS);
        }
        is_due
    }

    /// Says that this relay is alive, and tells the hub how all are.
    pub(super) fn beat(&mut self, counts: RelayState, line: &mut Line) {
        let now = line.now();
        let gone = Duration::from_millis(Beat::GONE_MILLIS);
        self.others.retain(|_, (_, heard)| now < *heard + gone);
        let own = self.own(counts, line);
        let beat = Beat { state: own };
        if let Some(payload) = encode(&beat, &[]) {
            line.say(line.subjects.beat(), None, payload);
        }
        line.figures.relays.set(1 + self.others.len() as u64);
        let mut relays = vec![beat.state];
        relays.extend(self.others.values().map(|other| shown(other, now)));
        line.news.push(News::Fleet { relays });
    }

    fn own(&self, counts: RelayState, line: &Line) -> RelayState {
        let mut troubles = Vec::new();
        let now = line.now();
        let recent = |when: Option<Instant>| when.is_some_and(|when| now < when + TOLD);
        if !line.weather.is_up || self.is_unheard(now) || recent(self.dropped) {
            troubles.push(Trouble::CutOff);
        }
        match line.weather.mail {
            Mail::Never => troubles.push(Trouble::NoMail),
            Mail::Later if line.weather.is_up => troubles.push(Trouble::StoreFails),
            Mail::Ready | Mail::Later => {}
        }
        if recent(self.full) {
            troubles.push(Trouble::StoreFull);
        }
        RelayState {
            id: line.relay.0,
            label: self.label.clone(),
            uptime: now.saturating_duration_since(self.began).as_secs(),
            heard: 0,
            mail: line.figures.mail.get(),
            mail_bytes: line.figures.mail_bytes.get(),
            troubles,
            ..counts
        }
    }

    /// Whether this relay has not heard itself for so long that its connection is no good.
    fn is_unheard(&self, now: Instant) -> bool {
        now >= self.heard + Duration::from_millis(Beat::SILENT_MILLIS)
    }

    /// The bus is there again.
    pub(super) fn come_back(&mut self, now: Instant) {
        self.heard = now;
        self.next = now;
    }

    /// Mail has reached its size.
    pub(super) fn is_full(&mut self, now: Instant) {
        self.full = Some(now);
    }

    /// Something that came was lost.
    pub(super) fn has_dropped(&mut self, now: Instant) {
        self.dropped = Some(now);
    }

    /// A relay is alive.
    pub(super) fn hear(&mut self, beat: Beat, line: &Line) {
        let mut state = beat.state;
        if state.id == line.relay.0 {
            self.heard = line.now();
            return;
        }
        if self.others.len() >= MOST_RELAYS && !self.others.contains_key(&state.id) {
            return;
        }
        state.label = cut(state.label);
        state.troubles.truncate(RelayState::TROUBLES);
        self.others.insert(state.id, (state, line.now()));
    }

    /// Asks all other relays.
    pub(super) fn gather(&self, ticket: Ticket, asked: &Asked, line: &mut Line) {
        let is_alone = self.others.is_empty() || !line.weather.is_up;
        match encode(asked, &[]) {
            Some(payload) if !is_alone => {
                let reply = line.replies.expect(About::Gathered(ticket), line.now());
                line.publish(line.subjects.ask(), Some(reply), payload);
            }
            _ => gathered(ticket, line),
        }
    }

    /// Hears what a relay answers.
    pub(super) fn listed(ticket: Ticket, mut listed: Listed, line: &mut Line) {
        match &mut listed {
            Listed::Members(members) => members.truncate(Listed::MOST),
            Listed::Rooms(rooms) => rooms.truncate(Listed::MOST),
        }
        line.news.push(News::Gathered {
            ticket,
            listed: Some(listed),
            is_all: false,
        });
    }
}

/// All have answered, or had the time to.
pub(super) fn gathered(ticket: Ticket, line: &mut Line) {
    line.news.push(News::Gathered {
        ticket,
        listed: None,
        is_all: true,
    });
}

fn shown((state, heard): &(RelayState, Instant), now: Instant) -> RelayState {
    let millis = now.saturating_duration_since(*heard).as_millis();
    let mut state = RelayState {
        heard: u64::try_from(millis).unwrap_or(u64::MAX),
        ..state.clone()
    };
    if state.heard >= Beat::SILENT_MILLIS {
        state.troubles.truncate(RelayState::TROUBLES - 1);
        state.troubles.push(Trouble::Silent);
    }
    state
}

/// As much of a label as may be said.
fn cut(mut label: String) -> String {
    label.truncate(label.floor_char_boundary(RelayState::LABEL));
    label
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_cut_between_characters() {
        assert_eq!(cut("short".into()), "short");
        let long = "ä".repeat(40);
        assert_eq!(cut(long), "ä".repeat(32));
        assert_eq!(cut("x".to_owned() + &"ä".repeat(40)).len(), 63);
    }

    #[test]
    fn a_relay_that_is_not_heard_of_is_shown_as_silent() {
        let now = Instant::now();
        let state = RelayState::default();
        assert!(shown(&(state.clone(), now), now).troubles.is_empty());
        let later = now + Duration::from_millis(Beat::SILENT_MILLIS);
        let shown = shown(&(state, now), later);
        assert_eq!(shown.troubles, [Trouble::Silent]);
        assert_eq!(shown.heard, Beat::SILENT_MILLIS);
    }
}
