//! One connection: its requests in turn, each answered before the next is looked at.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Instant;

use proto::http::{Connection, Heard, Then};
use runtime::tcp::{Caller, Conversation, Next, Out, Peer};

use crate::auth::{self, Verdict, Waiting};
use crate::respond::{self, Rest};
use crate::shop::Shop;

/// A connection and what it has still to say.
#[derive(Debug)]
pub(crate) struct Visit {
    shop: Rc<RefCell<Shop>>,
    http: Connection,
    /// What is left of an answer that does not go out in one go.
    rest: Option<Box<Rest>>,
    /// What becomes of the connection when that is said.
    then: Then,
    /// A request whose asker is looked up.
    waiting: Option<Box<Waiting>>,
    peer: Peer,
    caller: Caller,
}

impl Visit {
    pub(crate) fn new(peer: Peer, caller: Caller, shop: Rc<RefCell<Shop>>) -> Self {
        let http = {
            let shop = shop.borrow();
            Connection::new(shop.since_began(Instant::now()), &shop.limits)
        };
        Self {
            shop,
            http,
            rest: None,
            then: Then::Persist,
            waiting: None,
            peer,
            caller,
        }
    }

    /// Answers requests until one has a body that is sent on its own, or no whole request is left.
    fn answer(&mut self, mut bytes: &[u8], out: &mut Out) -> Next {
        let shop = &mut *self.shop.borrow_mut();
        loop {
            let now = shop.since_began(out.now());
            let heard = self.http.next(&mut bytes, now, &shop.limits);
            let (said, then) = match heard {
                Heard::Pending => return Next::GoOn,
                Heard::Over => return Next::Close,
                Heard::Refused(refusal) => {
                    respond::refuse(shop, refusal, out);
                    return Next::Close;
                }
                Heard::Request(request) => {
                    let guard = shop.guard.as_ref();
                    let verdict = auth::judge(guard, &request, self.peer, out.now(), &self.caller);
                    let then = request.then;
                    let said = match verdict {
                        Verdict::Admitted(_user) => respond::respond(shop, &request, out),
                        Verdict::Refused(why) => respond::turn_away(shop, why, &request, out),
                        Verdict::Wait(waiting) => {
                            self.waiting = Some(waiting);
                            self.then = then;
                            self.http.keep(bytes);
                            return Next::Wait;
                        }
                    };
                    (said, then)
                }
            };
            self.then = then;
            if shop.once {
                self.then = Then::Close;
                shop.shutdown.trigger();
            }
            self.rest = said.map(Box::new);
            if self.rest.is_some() || out.has_body() || self.then == Then::Close {
                self.http.keep(bytes);
                return self.next();
            }
        }
    }

    /// Answers a request that waited until it was known who asks.
    fn answer_waiting(&mut self, waiting: Box<Waiting>, out: &mut Out) -> Next {
        let Some(found) = waiting.verdict() else {
            self.waiting = Some(waiting);
            return Next::Wait;
        };
        let shop = &mut *self.shop.borrow_mut();
        let request = waiting.kept.request();
        let said = match found {
            Ok(_user) => respond::respond(shop, &request, out),
            Err(why) => respond::turn_away(shop, why, &request, out),
        };
        if shop.once {
            self.then = Then::Close;
            shop.shutdown.trigger();
        }
        self.rest = said.map(Box::new);
        self.next()
    }

    fn next(&self) -> Next {
        match (&self.rest, self.then) {
            (None, Then::Close) => Next::Close,
            _ => Next::More,
        }
    }
}

impl Conversation for Visit {
    fn take(&mut self, bytes: &[u8], out: &mut Out) -> Next {
        self.answer(bytes, out)
    }

    fn go_on(&mut self, out: &mut Out) -> Next {
        if let Some(rest) = &mut self.rest {
            if respond::go_on(rest, out) == respond::Left::Nothing {
                self.rest = None;
            }
            return self.next();
        }
        if let Some(waiting) = self.waiting.take() {
            return self.answer_waiting(waiting, out);
        }
        self.answer(&[], out)
    }

    fn due(&self) -> Option<Instant> {
        Some(self.shop.borrow().instant(self.http.due()))
    }

    fn overdue(&mut self, out: &mut Out) {
        if let Some(refusal) = self.http.overdue() {
            respond::refuse(&mut self.shop.borrow_mut(), refusal, out);
        }
    }

    fn is_idle(&self) -> bool {
        self.http.is_idle()
    }
}
