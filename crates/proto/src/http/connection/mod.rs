//! The server's side of a connection: requests one after the other, out of bytes as they come.
//!
//! Its owner hands each read to [`Connection::next`], which gives one [`Heard`] after the other, and answers each request
//! before it takes the next. What a request points to lies in the bytes that were handed in, unless it came in several
//! reads. However the bytes were cut, the same is heard.

mod body;

use std::ops::Range;
use std::time::Duration;

use self::body::Body;
use super::head::{self, Framing, Head, Looked, MAX_BLANK, Scan};
use super::limits::Limits;
use super::refusal::Refusal;
use super::request::{Method, Request, Then};

/// What a connection's bytes amount to.
#[derive(Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "it is given out, not kept, and a box would cost as much as all the rest"
)]
pub enum Heard<'a> {
    /// A request, whose body has come and is dropped: answer it.
    Request(Request<'a>),
    /// More has to come.
    Pending,
    /// What came is no request: answer this and close.
    Refused(Refusal),
    /// Nothing more is heard: close.
    Over,
}

/// The server's side of one connection. Times are durations since a moment that the caller chose.
#[derive(Debug)]
pub struct Connection {
    /// What has come and is not used up. It has no room while nothing has.
    held: Vec<u8>,
    /// How much of that is used up.
    used: usize,
    /// How much of it was looked at.
    looked: usize,
    state: State,
    /// When what is awaited has to be there.
    due: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing of a request has come, but for empty lines.
    Idle(Scan),
    /// Some of a head has.
    Head(Scan),
    /// The head has, and lies there; its body is still to be dropped.
    Body(Place, Body),
    /// Nothing more is heard.
    Over,
}

/// Where in what is held a head lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    from: u32,
    to: u32,
}

impl Place {
    fn range(self) -> Range<usize> {
        self.from as usize..self.to as usize
    }
}

impl State {
    fn idle() -> Self {
        Self::Idle(Scan::new())
    }
}

impl Connection {
    /// A connection that was accepted now.
    pub fn new(now: Duration, limits: &Limits) -> Self {
        Self {
            held: Vec::new(),
            used: 0,
            looked: 0,
            state: State::idle(),
            due: now + limits.idle,
        }
    }

    /// The next request of what is held and of `bytes`, from whose beginning it takes what it uses up. What is left when
    /// it is not whole is kept. To be asked with no bytes is to have answered all that was asked: the idle time begins.
    pub fn next<'s, 'b: 's>(
        &'s mut self,
        bytes: &mut &'b [u8],
        now: Duration,
        limits: &Limits,
    ) -> Heard<'s> {
        self.forget();
        if let Some(request) = self.at_once(bytes, now, limits) {
            return Heard::Request(request);
        }
        match self.go_on(bytes, now, limits) {
            Ok(Some((place, then))) => match head::read(&self.held[place.range()], limits) {
                Ok(Some(Head { mut request, .. })) => {
                    request.then = then;
                    Heard::Request(request)
                }
                // It was read before.
                _ => Heard::Over,
            },
            Ok(None) if self.state == State::Over => Heard::Over,
            Ok(None) => Heard::Pending,
            Err(refusal) => {
                self.end();
                Heard::Refused(refusal)
            }
        }
    }

    /// Keeps what was handed in and is not used up yet, for a later [`next`](Self::next): an answer goes out first.
    pub fn keep(&mut self, bytes: &[u8]) {
        if self.state != State::Over {
            self.held.extend_from_slice(bytes);
        }
    }

    /// Whether something was kept and not looked at, which may be a request.
    pub fn has_more(&self) -> bool {
        self.held.len() > self.looked
    }

    /// By when what is awaited has to be there; then [`overdue`](Self::overdue).
    pub fn due(&self) -> Duration {
        self.due
    }

    /// It is not there: what to answer, or nothing where no request had begun.
    pub fn overdue(&mut self) -> Option<Refusal> {
        let began = matches!(self.state, State::Head(_) | State::Body(..));
        self.end();
        began.then_some(Refusal::TooSlow)
    }

    /// Whether no whole request has come since the last that was given out: then nobody waits for an answer.
    pub fn is_idle(&self) -> bool {
        !self.has_more()
    }

    /// A request that has come whole and has no body, as nearly all do. Whatever else has come is left to
    /// [`go_on`](Self::go_on), which judges it.
    #[inline]
    fn at_once<'b>(
        &mut self,
        bytes: &mut &'b [u8],
        now: Duration,
        limits: &Limits,
    ) -> Option<Request<'b>> {
        if bytes.is_empty() || !self.held.is_empty() || !matches!(self.state, State::Idle(_)) {
            return None;
        }
        let mut rest = *bytes;
        for _ in 0..MAX_BLANK {
            rest = rest.strip_prefix(b"\r\n").unwrap_or(rest);
        }
        let head = head::read(rest, limits).ok()??;
        if head.framing != Framing::NONE {
            return None;
        }
        *bytes = &rest[head.length..];
        self.has_come(head.request.then, now, limits);
        Some(head.request)
    }

    /// A request is whole.
    fn has_come(&mut self, then: Then, now: Duration, limits: &Limits) {
        self.state = match then {
            Then::Persist => State::idle(),
            Then::Close => State::Over,
        };
        self.due = now + limits.idle;
    }

    /// Goes on until a request is whole, whose head lies there, or all is looked at.
    fn go_on(
        &mut self,
        bytes: &mut &[u8],
        now: Duration,
        limits: &Limits,
    ) -> Result<Option<(Place, Then)>, Refusal> {
        match self.state {
            State::Over => Ok(None),
            State::Idle(_) if bytes.is_empty() && !self.has_more() => {
                self.due = now + limits.idle;
                Ok(None)
            }
            State::Idle(scan) | State::Head(scan) => self.hear_head(scan, bytes, now, limits),
            State::Body(place, body) => self.hear_body(place, body, bytes, now, limits),
        }
    }

    fn hear_head(
        &mut self,
        mut scan: Scan,
        bytes: &mut &[u8],
        now: Duration,
        limits: &Limits,
    ) -> Result<Option<(Place, Then)>, Refusal> {
        if !self.look_at_head(&mut scan, bytes, limits)? {
            self.wait_for_head(scan, now, limits);
            return Ok(None);
        }
        let place = Place {
            from: (self.used + scan.blank()) as u32,
            to: self.looked as u32,
        };
        let head = head::read(&self.held[place.range()], limits)?;
        let head = head.ok_or(Refusal::Malformed("a head ends with an empty line"))?;
        if head.framing == Framing::NONE {
            let then = head.request.then;
            return Ok(Some(self.give(place, then, now, limits)));
        }
        let body = Body::new(head.framing, limits);
        // What is not awaited may come or not: no request after it can be told from it.
        if head.expects || body.is_err() && head.request.method == Method::Other {
            return Ok(Some(self.give(place, Then::Close, now, limits)));
        }
        self.due = now + limits.head_time;
        self.hear_body(place, body?, bytes, now, limits)
    }

    /// Looks at what is held, then at what came, which it holds as far as it is of the head; whether that is whole.
    fn look_at_head(
        &mut self,
        scan: &mut Scan,
        bytes: &mut &[u8],
        limits: &Limits,
    ) -> Result<bool, Refusal> {
        if let Looked::Whole(length) = scan.look(&self.held[self.looked..], limits)? {
            self.looked += length;
            return Ok(true);
        }
        let looked = scan.look(bytes, limits)?;
        let length = match looked {
            Looked::Whole(length) => length,
            Looked::Pending => bytes.len(),
        };
        let (of_head, rest) = bytes.split_at(length);
        self.held.extend_from_slice(of_head);
        self.looked = self.held.len();
        *bytes = rest;
        Ok(looked != Looked::Pending)
    }

    fn wait_for_head(&mut self, scan: Scan, now: Duration, limits: &Limits) {
        self.state = match (self.state, scan.has_begun()) {
            (State::Idle(_), false) => State::Idle(scan),
            (State::Idle(_), true) => {
                self.due = now + limits.head_time;
                State::Head(scan)
            }
            _ => State::Head(scan),
        };
    }

    fn hear_body(
        &mut self,
        place: Place,
        mut body: Body,
        bytes: &mut &[u8],
        now: Duration,
        limits: &Limits,
    ) -> Result<Option<(Place, Then)>, Refusal> {
        let of_held = body.look(&self.held[self.looked..], limits)?;
        if let Looked::Whole(length) = of_held {
            self.looked += length;
        } else {
            self.held.truncate(place.range().end);
            self.looked = self.held.len();
            let Looked::Whole(length) = body.look(bytes, limits)? else {
                *bytes = &[];
                self.state = State::Body(place, body);
                return Ok(None);
            };
            *bytes = &bytes[length..];
        }
        let head = head::read(&self.held[place.range()], limits)?;
        let then = head.map_or(Then::Close, |head| head.request.then);
        Ok(Some(self.give(place, then, now, limits)))
    }

    /// Gives out a request that is whole. What it points to is used up with the next look.
    fn give(&mut self, place: Place, then: Then, now: Duration, limits: &Limits) -> (Place, Then) {
        self.used = self.looked;
        self.has_come(then, now, limits);
        (place, then)
    }

    /// Lets go of what is used up, once nobody points to it.
    fn forget(&mut self) {
        if self.used > 0 && self.used == self.held.len() {
            self.held = Vec::new();
            self.used = 0;
            self.looked = 0;
        }
    }

    fn end(&mut self) {
        self.state = State::Over;
        self.held = Vec::new();
        self.used = 0;
        self.looked = 0;
    }
}

#[cfg(test)]
mod tests;
