//! Counting what is sent and what comes back, and saying what happens.

use std::io;
use std::sync::mpsc::{Receiver, Sender};
use std::time::{Duration, Instant};

use proto::measure::native::Echo;
use proto::measure::{Arrival, Came, EchoTimes, Recent, Record, Tally};

use super::send::Message;

/// What happened, for whoever shows it. Packets are numbered from 0.
#[derive(Debug)]
pub(crate) enum Event {
    /// An answer came.
    Answered(u64, Arrival),
    /// The time-out has passed.
    Overdue(u64),
    /// A packet could not be sent; said once for each kind of error.
    NotSent(u64, io::Error),
    /// Something that the user should know, in one line; said once.
    Note(String),
    /// What happened in the last period, which ended then.
    Period(Duration, Box<Recent>),
    /// A packet's fate is sealed.
    Record(Box<Record>),
}

/// Which events are wanted beside notes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wanted {
    /// One for each packet and answer.
    pub(crate) packets: bool,
    pub(crate) records: bool,
    /// One at the end of each period.
    pub(crate) period: Option<Duration>,
}

/// Counts for the receiving side of either wire.
pub(super) struct Counter {
    pub(super) tally: Tally,
    pub(super) start: Instant,
    wanted: Wanted,
    to_count: Receiver<Message>,
    events: Sender<Event>,
    sent: u64,
    all_sent: bool,
    next_period: Option<Duration>,
    trouble: Option<io::ErrorKind>,
    refused: bool,
}

impl Counter {
    pub(super) fn new(
        mut tally: Tally,
        start: Instant,
        wanted: Wanted,
        to_count: Receiver<Message>,
        events: Sender<Event>,
    ) -> Self {
        if wanted.records {
            tally.keep_records();
        }
        Self {
            tally,
            start,
            wanted,
            to_count,
            events,
            sent: 0,
            all_sent: false,
            next_period: wanted.period,
            trouble: None,
            refused: false,
        }
    }

    /// How many packets were sent.
    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    /// Whether all packets were sent and none is waited for.
    pub(super) fn is_done(&self) -> bool {
        self.all_sent && !self.tally.is_waiting()
    }

    /// Takes what the sending side has told by now.
    pub(super) fn hear(&mut self) {
        loop {
            match self.to_count.try_recv() {
                Ok(message) => self.take(message),
                Err(std::sync::mpsc::TryRecvError::Empty) => return,
                Err(std::sync::mpsc::TryRecvError::Disconnected) => {
                    self.all_sent = true;
                    return;
                }
            }
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Sent(at) => {
                self.tally.sent(at);
                self.sent += 1;
            }
            Message::Left(number, at) => self.tally.left(number, at),
            Message::NotSent(number, error) => self.not_sent(number, error),
            Message::ClockSet(by) => {
                let by = by as f64 / 1e9;
                self.note(format!(
                    "this machine's clock was set by {by:+.6} s; the times of the packets under way are corrected"
                ));
            }
        }
    }

    /// The packet could not be sent.
    pub(super) fn not_sent(&mut self, number: u64, error: io::Error) {
        if is_refusal(&error) {
            // The packet before was refused, and this one not sent for that.
            self.refused();
        }
        self.tally.not_sent(number);
        if self.is_news(&error) {
            self.say(Event::NotSent(number, error));
        }
    }

    /// The host says that the server's port is closed.
    pub(super) fn refused(&mut self) {
        if !std::mem::replace(&mut self.refused, true) {
            let gone = "the host answers \"port unreachable\": the server is gone; packets go on, should it come back";
            self.note(gone.to_owned());
        }
    }

    /// The receiving side met an error that is not the end; said once for each kind.
    pub(super) fn trouble(&mut self, error: &io::Error) {
        if self.is_news(error) {
            self.note(error.to_string());
        }
    }

    /// Whether this kind of error was not the last one.
    fn is_news(&mut self, error: &io::Error) -> bool {
        self.trouble.replace(error.kind()) != Some(error.kind())
    }

    /// An answer to packet `number`, on the classic wire.
    pub(super) fn answered(&mut self, number: u64, at: Duration) {
        let arrival = self.tally.answered(number, at);
        self.arrived(number, arrival);
    }

    /// An answer on the native wire.
    pub(super) fn echoed(&mut self, echo: &Echo, came: Came) {
        let arrival = self.tally.echoed(echo, came);
        self.arrived(echo.number, arrival);
    }

    /// An answer of a reflector.
    pub(super) fn reflected(&mut self, number: u64, times: EchoTimes, came: Came) {
        let arrival = self.tally.reflected(number, times, came);
        self.arrived(number, arrival);
    }

    fn arrived(&mut self, number: u64, arrival: Arrival) {
        self.refused = false;
        if self.wanted.packets {
            self.say(Event::Answered(number, arrival));
        }
    }

    /// Gives up what is overdue, ends the period if it is time, hands out records; says what time it is.
    pub(super) fn tick(&mut self) -> Duration {
        self.hear();
        let now = self.start.elapsed();
        while let Some(number) = self.tally.overdue(now) {
            if self.wanted.packets {
                self.say(Event::Overdue(number));
            }
        }
        if let (Some(period), Some(next)) = (self.wanted.period, self.next_period)
            && now >= next
        {
            let recent = Box::new(self.tally.recent());
            self.say(Event::Period(now, recent));
            // Periods that nothing happened in are not made up for.
            let passed = now.as_nanos() / period.as_nanos().max(1) + 1;
            self.next_period =
                Some(period.saturating_mul(u32::try_from(passed).unwrap_or(u32::MAX)));
        }
        self.hand_out();
        now
    }

    fn hand_out(&mut self) {
        while let Some(record) = self.tally.record() {
            self.say(Event::Record(Box::new(record)));
        }
    }

    /// Nothing more is waited for.
    pub(super) fn finish(mut self) -> Tally {
        self.hear();
        self.tally.finish();
        self.hand_out();
        self.tally
    }

    pub(super) fn note(&self, note: String) {
        self.say(Event::Note(note));
    }

    fn say(&self, event: Event) {
        // Nobody listens where the output has failed: the measurement ends soon.
        let _ = self.events.send(event);
    }
}

/// Whether an error says that the server's port is closed.
pub(super) fn is_refusal(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset
    )
}
