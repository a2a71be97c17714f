//! One connection: its requests in turn, each answered before the next is looked at.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Instant;

use proto::http::{Connection, Heard, Then};
use runtime::tcp::{Caller, Conversation, Next, Out, Peer};

use crate::respond::{self, Left, Rest};
use crate::shop::Shop;

/// Requests that came together are answered together until there is so much to send, in bytes.
const ENOUGH: usize = 64 * 1024;

/// A connection and what it has still to say.
#[derive(Debug)]
pub(crate) struct Visit {
    shop: Rc<RefCell<Shop>>,
    http: Connection,
    /// What is left of an answer that does not go out in one go.
    rest: Option<Box<Rest>>,
    /// What becomes of the connection when that is said.
    then: Then,
    _peer: Peer,
    _caller: Caller,
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
            _peer: peer,
            _caller: caller,
        }
    }

    /// Answers requests until one has a body that is sent on its own, or no whole request is left.
    fn answer(&mut self, mut bytes: &[u8], out: &mut Out) -> Next {
        let shop = &mut *self.shop.borrow_mut();
        let is_last = out.is_stopping() || shop.once;
        loop {
            if shop.is_done {
                return Next::Close;
            }
            let now = shop.since_began(out.now());
            let heard = self.http.next(&mut bytes, now, &shop.limits);
            let (said, then) = match heard {
                Heard::Pending => return Next::GoOn,
                Heard::Over => return Next::Close,
                Heard::Refused(refusal) => {
                    respond::refuse(shop, refusal, out);
                    shop.count_answer();
                    return Next::Close;
                }
                Heard::Request(mut request) => {
                    if is_last {
                        request.then = Then::Close;
                    }
                    (respond::respond(shop, &request, out), request.then)
                }
            };
            self.then = then;
            shop.count_answer();
            self.rest = said.rest.map(Box::new);
            let is_full = out.has_body() || out.bytes().len() >= ENOUGH;
            if self.rest.is_some() || is_full || self.then == Then::Close {
                self.http.keep(bytes);
                return self.next();
            }
        }
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
            match respond::go_on(rest, out) {
                Left::More => {}
                Left::Nothing => self.rest = None,
                Left::Broken => return Next::Close,
            }
            return self.next();
        }
        self.answer(&[], out)
    }

    fn due(&self) -> Option<Instant> {
        Some(self.shop.borrow().instant(self.http.due()))
    }

    fn overdue(&mut self, out: &mut Out) {
        let shop = &mut *self.shop.borrow_mut();
        if let Some(refusal) = self.http.overdue()
            && !shop.is_done
        {
            respond::refuse(shop, refusal, out);
            shop.count_answer();
        }
    }

    fn is_idle(&self) -> bool {
        self.http.is_idle()
    }
}
