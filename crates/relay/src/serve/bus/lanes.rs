//! Letters on their way out: a lane for each receiver, in which they keep their order.
//!
//! A letter is asked for first: whether a relay that has its receiver takes it. Where none does, or none answers, it is
//! kept in the stream of mail. As long as a letter of a lane is on its way there, those after it take the same way.
//! What went out and was not answered is in doubt: it may have arrived. It is kept then, and whoever gets it twice drops
//! one. Only what was never handed over is given up, after [`PATIENCE`].

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;
use proto::relay::hub::elsewhere::{Outcome, Ticket, Way};
use proto::relay::letter::{Letter, Place};
use proto::relay::native::Name;
use proto::relay::native::frames::{Origin, Why};

#[cfg(test)]
mod tests;

/// How long a letter that cannot be handed over waits.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// How many letters of a lane the stream is handed before it has answered: it refuses more than it can hold, and those
/// after them would come first.
const MOST_STORING: usize = 1000;

/// How long nothing is tried after a failure.
const PAUSE: Duration = Duration::from_millis(500);

/// Of all letters, each has another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Serial(pub(super) u64);

/// Whether mail is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mail {
    /// Letters may be kept.
    Ready,
    /// Not yet, or not for the moment.
    Later,
    /// There is nothing that would keep them.
    Never,
}

/// How things stand outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Weather {
    /// Now.
    pub(super) now: Instant,
    /// Whether the bus is there.
    pub(super) is_up: bool,
    /// Whether it keeps mail.
    pub(super) mail: Mail,
}

impl Weather {
    fn keeps(self) -> bool {
        self.is_up && self.mail == Mail::Ready
    }
}

/// What the lanes have done.
pub(super) trait Carrier {
    /// Asks whether a relay takes a letter.
    fn ask(&mut self, to: Name, serial: Serial, frame: &Bytes);
    /// Has the stream keep a letter from somebody.
    fn store(&mut self, letter: &Letter, from: Name, serial: Serial, frame: &Bytes);
    /// Asks whether a name is known.
    fn look(&mut self, name: Name);
    /// A letter is settled.
    fn settle(&mut self, ticket: Ticket, outcome: Outcome);
    /// What was kept has come to its receiver by another way.
    fn discard(&mut self, place: Place);
    /// Something was kept for somebody who may have come meanwhile.
    fn tell_of_mail(&mut self, name: Name);
}

/// What was answered, or not, about a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// A relay: its receiver has it.
    Taken,
    /// A relay: it is to be kept.
    Keep,
    /// No relay has its receiver.
    Nobody,
    /// Nobody answered in time.
    Silence,
    /// The stream has it, in this place.
    Stored(Place),
    /// The stream does not take it.
    Refused(Why),
    /// The stream does not take it for the moment.
    NotNow,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The bus is away.
    Held,
    /// A relay was asked.
    Asked,
    /// It is not known whether anybody knows its receiver.
    Looking,
    /// It is to be kept.
    Keep,
    /// The stream was asked.
    Storing,
    Done,
}

#[derive(Debug)]
struct Item {
    serial: Serial,
    ticket: Ticket,
    letter: Letter,
    frame: Bytes,
    way: Way,
    stage: Stage,
    since: Instant,
    /// Whether it may have arrived.
    is_in_doubt: bool,
}

/// Letters to one receiver.
#[derive(Debug, Default)]
struct Lane {
    items: VecDeque<Item>,
    /// How many of them are looked for, to be kept, or being kept.
    keeping: usize,
    /// How many are being kept.
    storing: usize,
    /// All before this one are done or with the stream.
    stored: Serial,
    /// Whether somebody is known to know the receiver.
    is_known: bool,
    /// Whether that is being asked.
    is_looking: bool,
    /// Until when nothing is tried.
    pause: Option<Instant>,
}

impl Default for Serial {
    fn default() -> Self {
        Self(0)
    }
}

/// All lanes.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    lanes: HashMap<Name, Lane>,
    next: u64,
    /// Those that are tried again later.
    paused: HashSet<Name>,
    /// Letters that were taken after the stream was asked to keep them.
    taken: HashSet<Serial>,
}

impl Lanes {
    /// Whether nothing is on its way.
    pub(super) fn is_empty(&self) -> bool {
        self.lanes.is_empty()
    }

    /// Takes a letter, and its frame.
    pub(super) fn send(
        &mut self,
        ticket: Ticket,
        (letter, frame): (Letter, Bytes),
        way: Way,
        weather: Weather,
        carrier: &mut impl Carrier,
    ) {
        self.next += 1;
        let serial = Serial(self.next);
        let lane = self.lanes.entry(letter.to).or_default();
        lane.is_known |= way != Way::FindOut;
        lane.items.push_back(Item {
            serial,
            ticket,
            letter,
            frame,
            way,
            stage: Stage::Held,
            since: weather.now,
            is_in_doubt: false,
        });
        let place = lane.items.len() - 1;
        lane.start(place, weather, carrier);
        self.tidy(letter.to);
    }

    /// Hears what was answered about a letter.
    pub(super) fn hear(
        &mut self,
        to: Name,
        serial: Serial,
        answer: Answer,
        weather: Weather,
        carrier: &mut impl Carrier,
    ) {
        if self.taken.remove(&serial)
            && let Answer::Stored(place) = answer
        {
            return carrier.discard(place);
        }
        let Some(lane) = self.lanes.get_mut(&to) else {
            return;
        };
        let Some(place) = lane.find(serial) else {
            return;
        };
        if answer == Answer::Taken && lane.items[place].stage == Stage::Storing {
            self.taken.insert(serial);
        }
        lane.hear(place, answer, weather, carrier);
        if lane.pause.is_some() {
            self.paused.insert(to);
        }
        self.tidy(to);
    }

    /// Hears whether a name is known; `None` where nobody could say.
    pub(super) fn looked(
        &mut self,
        name: Name,
        is_known: Option<bool>,
        weather: Weather,
        carrier: &mut impl Carrier,
    ) {
        let Some(lane) = self.lanes.get_mut(&name) else {
            return;
        };
        lane.looked(is_known, weather, carrier);
        if lane.pause.is_some() {
            self.paused.insert(name);
        }
        self.tidy(name);
    }

    /// The bus is there again: what was under way is in doubt, and what was held goes.
    pub(super) fn come_back(&mut self, weather: Weather, carrier: &mut impl Carrier) {
        self.each(|lane| lane.come_back(weather, carrier));
    }

    /// The receiver has left the relay that had it: what was on its way there may be lost, and is not waited for.
    pub(super) fn doubt(&mut self, name: Name, weather: Weather, carrier: &mut impl Carrier) {
        if let Some(lane) = self.lanes.get_mut(&name) {
            for place in 0..lane.items.len() {
                if lane.items[place].stage == Stage::Asked {
                    lane.hear(place, Answer::Silence, weather, carrier);
                }
            }
        }
        self.tidy(name);
    }

    /// Whether mail is kept has changed.
    pub(super) fn go_on(&mut self, weather: Weather, carrier: &mut impl Carrier) {
        self.each(|lane| lane.go_on(weather, carrier));
    }

    /// Looks after what has waited.
    pub(super) fn tick(&mut self, weather: Weather, carrier: &mut impl Carrier) {
        if !weather.keeps() {
            self.each(|lane| lane.give_up(weather, carrier));
        }
        for name in std::mem::take(&mut self.paused) {
            if let Some(lane) = self.lanes.get_mut(&name) {
                lane.give_up(weather, carrier);
                lane.go_on(weather, carrier);
                if lane.pause.is_some() {
                    self.paused.insert(name);
                }
            }
            self.tidy(name);
        }
    }

    fn each(&mut self, mut see: impl FnMut(&mut Lane)) {
        self.lanes.retain(|_, lane| {
            see(lane);
            lane.drop_done();
            !lane.items.is_empty()
        });
    }

    fn tidy(&mut self, name: Name) {
        if let Some(lane) = self.lanes.get_mut(&name) {
            lane.drop_done();
            if lane.items.is_empty() {
                self.lanes.remove(&name);
            }
        }
    }
}

impl Lane {
    fn find(&self, serial: Serial) -> Option<usize> {
        let found = self
            .items
            .binary_search_by_key(&serial, |item| item.serial)
            .ok()?;
        (self.items[found].stage != Stage::Done).then_some(found)
    }

    fn drop_done(&mut self) {
        while let Some(Stage::Done) = self.items.front().map(|item| item.stage) {
            self.items.pop_front();
        }
    }

    /// Sends a letter on the way that it is to take.
    fn start(&mut self, place: usize, weather: Weather, carrier: &mut impl Carrier) {
        let item = &mut self.items[place];
        // What has no sender's name cannot be kept, and need not wait for what is.
        let is_named = matches!(item.letter.from, Origin::Name(_));
        let is_behind = self.keeping > 0 && self.is_known && is_named;
        if item.way == Way::Keep || is_behind {
            return self.keep(place, weather, carrier);
        }
        if weather.is_up {
            item.stage = Stage::Asked;
            carrier.ask(item.letter.to, item.serial, &item.frame);
        }
    }

    fn hear(&mut self, place: usize, answer: Answer, weather: Weather, carrier: &mut impl Carrier) {
        let stage = self.items[place].stage;
        match answer {
            Answer::Taken => self.settle(place, Outcome::Taken, carrier),
            Answer::Stored(_) => {
                carrier.tell_of_mail(self.items[place].letter.to);
                self.settle(place, Outcome::Kept, carrier);
            }
            Answer::Keep => {
                self.is_known = true;
                if stage == Stage::Asked {
                    self.keep(place, weather, carrier);
                }
            }
            Answer::Nobody if stage == Stage::Asked => self.keep(place, weather, carrier),
            Answer::Silence if stage == Stage::Asked => {
                self.items[place].is_in_doubt = true;
                self.keep(place, weather, carrier);
            }
            Answer::Refused(why) => self.settle(place, Outcome::Refused(why), carrier),
            Answer::Silence | Answer::NotNow if stage == Stage::Storing => {
                self.items[place].is_in_doubt |= answer == Answer::Silence;
                self.set_stage(place, Stage::Keep);
                self.stored = self.stored.min(self.items[place].serial);
                self.pause = Some(weather.now + PAUSE);
            }
            Answer::Nobody | Answer::Silence | Answer::NotNow => {}
        }
        // Whoever came after it may have waited for it.
        self.go_on(weather, carrier);
    }

    /// A letter is to be kept, if its receiver is known and its sender has a name.
    fn keep(&mut self, place: usize, weather: Weather, carrier: &mut impl Carrier) {
        self.set_stage(
            place,
            if self.is_known {
                Stage::Keep
            } else {
                Stage::Looking
            },
        );
        self.go_on(weather, carrier);
    }

    /// Does what can be done.
    fn go_on(&mut self, weather: Weather, carrier: &mut impl Carrier) {
        if self.keeping == 0 || self.pause.is_some_and(|until| weather.now < until) {
            return;
        }
        self.pause = None;
        if weather.mail == Mail::Never {
            return self.refuse(
                |stage| matches!(stage, Stage::Keep | Stage::Looking),
                Why::CutOff,
                carrier,
            );
        }
        if !weather.keeps() {
            return;
        }
        if !self.is_known && !self.is_looking && self.has(Stage::Looking) {
            self.is_looking = true;
            carrier.look(self.items[0].letter.to);
        }
        self.store(carrier);
    }

    /// Hands the stream what comes next, as far as nothing before it is open.
    fn store(&mut self, carrier: &mut impl Carrier) {
        let first = self.items.partition_point(|item| item.serial < self.stored);
        for place in first..self.items.len() {
            if self.storing >= MOST_STORING {
                return;
            }
            let item = &self.items[place];
            match (item.stage, item.letter.from) {
                (Stage::Storing | Stage::Done, _) => {}
                (Stage::Keep, Origin::Name(from)) => {
                    carrier.store(&item.letter, from, item.serial, &item.frame);
                    self.set_stage(place, Stage::Storing);
                }
                (Stage::Keep, Origin::Address(_)) => {
                    self.settle(place, Outcome::Refused(Why::Nameless), carrier);
                }
                (Stage::Held | Stage::Asked | Stage::Looking, _) => return,
            }
            self.stored = Serial(self.items[place].serial.0 + 1);
        }
    }

    fn looked(&mut self, is_known: Option<bool>, weather: Weather, carrier: &mut impl Carrier) {
        self.is_looking = false;
        match is_known {
            Some(true) => {
                self.is_known = true;
                for item in &mut self.items {
                    if item.stage == Stage::Looking {
                        item.stage = Stage::Keep;
                    }
                }
            }
            Some(false) => self.refuse(|stage| stage == Stage::Looking, Why::Unknown, carrier),
            None => self.pause = Some(weather.now + PAUSE),
        }
        self.go_on(weather, carrier);
    }

    fn come_back(&mut self, weather: Weather, carrier: &mut impl Carrier) {
        self.pause = None;
        self.stored = Serial(0);
        for place in 0..self.items.len() {
            let stage = match self.items[place].stage {
                Stage::Asked if self.is_known => Stage::Keep,
                Stage::Asked => Stage::Looking,
                Stage::Storing => Stage::Keep,
                _ => continue,
            };
            self.items[place].is_in_doubt = true;
            self.set_stage(place, stage);
        }
        for place in 0..self.items.len() {
            if self.items[place].stage == Stage::Held {
                self.start(place, weather, carrier);
            }
        }
        self.go_on(weather, carrier);
    }

    /// Refuses what was never handed over and has waited for too long.
    fn give_up(&mut self, weather: Weather, carrier: &mut impl Carrier) {
        for place in 0..self.items.len() {
            let item = &self.items[place];
            let is_open = matches!(item.stage, Stage::Held | Stage::Keep | Stage::Looking);
            let is_late = weather.now.saturating_duration_since(item.since) >= PATIENCE;
            if is_open && is_late && !item.is_in_doubt {
                self.settle(place, Outcome::Refused(Why::CutOff), carrier);
            }
        }
    }

    fn refuse(&mut self, of: impl Fn(Stage) -> bool, why: Why, carrier: &mut impl Carrier) {
        for place in 0..self.items.len() {
            if of(self.items[place].stage) {
                self.settle(place, Outcome::Refused(why), carrier);
            }
        }
    }

    fn settle(&mut self, place: usize, outcome: Outcome, carrier: &mut impl Carrier) {
        carrier.settle(self.items[place].ticket, outcome);
        self.set_stage(place, Stage::Done);
        self.items[place].frame = Bytes::new();
    }

    fn set_stage(&mut self, place: usize, stage: Stage) {
        let counts = |stage| matches!(stage, Stage::Looking | Stage::Keep | Stage::Storing);
        let item = &mut self.items[place];
        self.keeping += usize::from(counts(stage));
        self.keeping -= usize::from(counts(item.stage));
        self.storing += usize::from(stage == Stage::Storing);
        self.storing -= usize::from(item.stage == Stage::Storing);
        item.stage = stage;
    }

    fn has(&self, stage: Stage) -> bool {
        self.items.iter().any(|item| item.stage == stage)
    }
}
