//! One connection: its requests in turn, each answered before the next is looked at.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proto::http::{Connection, Heard, Refusal, Request, Then};
use runtime::tcp::{Caller, Conversation, Next, Out, Peer};

use crate::auth::{self, Verdict, Waiting};
use crate::log::Noted;
use crate::respond::{self, Awaited, Left, Reply, Rest, Said};
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
    then: Next,
    /// A request that waits.
    waits: Option<Box<Waits>>,
    peer: Peer,
    caller: Caller,
}

/// A request that waits.
#[derive(Debug)]
struct Waits {
    asked: Asked,
    until: Until,
}

/// Who asks, and since when.
#[derive(Debug)]
struct Asked {
    user: Option<Arc<str>>,
    /// Where somebody wants to know.
    began: Option<Instant>,
}

/// What a request waits for.
#[derive(Debug)]
enum Until {
    /// It is known who asks.
    Known(Box<Waiting>),
    /// A page is made.
    Made(Box<Awaited>),
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
            then: Next::More,
            waits: None,
            peer,
            caller,
        }
    }

    /// Answers requests until one has a body that is sent on its own, one has to wait, or no whole request is left.
    fn answer(&mut self, mut bytes: &[u8], out: &mut Out) -> Next {
        let shop = &mut *self.shop.borrow_mut();
        let is_last = out.is_stopping() || shop.once;
        loop {
            if shop.is_done {
                return Next::Close;
            }
            let now = shop.since_began(out.now());
            let mut request = match self.http.next(&mut bytes, now, &shop.limits) {
                Heard::Pending => return Next::GoOn,
                Heard::Over => return Next::Close,
                Heard::Refused(refusal) => {
                    refuse(shop, refusal, self.peer, out);
                    return Next::Close;
                }
                Heard::Request(request) => request,
            };
            self.then = match request.then {
                _ if is_last => Next::Close,
                Then::Persist => Next::More,
                Then::Close => Next::End,
            };
            if is_last {
                request.then = Then::Close;
            }
            match reply(shop, &request, self.peer, &self.caller, out) {
                Ok(rest) => self.rest = rest,
                Err(waits) => {
                    self.waits = Some(waits);
                    self.http.keep(bytes);
                    return Next::Wait;
                }
            }
            let is_full = out.has_body() || out.bytes().len() >= ENOUGH;
            if self.rest.is_some() || is_full || self.then != Next::More {
                self.http.keep(bytes);
                if self.http.has_more() && self.then == Next::End {
                    self.then = Next::Close;
                }
                return self.next();
            }
        }
    }

    /// Answers a request that waited, unless it has to wait on.
    fn answer_waiting(&mut self, waits: Waits, out: &mut Out) -> Next {
        let shop = &mut *self.shop.borrow_mut();
        match take_up(shop, waits, self.peer, &self.caller, out) {
            Ok(rest) => self.rest = rest,
            Err(waits) => {
                self.waits = Some(waits);
                return Next::Wait;
            }
        }
        self.next()
    }

    fn next(&self) -> Next {
        match self.rest {
            None => self.then,
            Some(_) => Next::More,
        }
    }
}

/// What is left to say of an answer, or what the request waits for.
type Outcome = Result<Option<Box<Rest>>, Box<Waits>>;

fn reply(
    shop: &mut Shop,
    request: &Request<'_>,
    peer: Peer,
    caller: &Caller,
    out: &mut Out,
) -> Outcome {
    let began = shop.journal.begin();
    let asked = |user| Asked { user, began };
    match auth::judge(shop.guard.as_ref(), request, peer, out.now(), caller) {
        Verdict::Admitted(user) => {
            let reply = respond::respond(shop, request, caller, out);
            settle(shop, reply, request, asked(user), peer)
        }
        Verdict::Refused(why) => {
            let said = respond::turn_away(shop, why, request, out);
            settle(shop, Reply::Said(said), request, asked(None), peer)
        }
        Verdict::Wait(waiting) => Err(Box::new(Waits {
            asked: asked(None),
            until: Until::Known(waiting),
        })),
    }
}

fn take_up(shop: &mut Shop, waits: Waits, peer: Peer, caller: &Caller, out: &mut Out) -> Outcome {
    let Waits { mut asked, until } = waits;
    let waiting = match until {
        Until::Known(waiting) => waiting,
        Until::Made(awaited) => {
            let request = awaited.kept.request();
            let reply = match awaited.answer(shop, &request, out) {
                Some(said) => Reply::Said(said),
                None => return Err(Box::new(still(asked, Until::Made(awaited)))),
            };
            return settle(shop, reply, &request, asked, peer);
        }
    };
    let request = waiting.kept.request();
    let reply = match waiting.verdict() {
        None => return Err(Box::new(still(asked, Until::Known(waiting)))),
        Some(Ok(user)) => {
            asked.user = Some(user);
            respond::respond(shop, &request, caller, out)
        }
        Some(Err(why)) => Reply::Said(respond::turn_away(shop, why, &request, out)),
    };
    settle(shop, reply, &request, asked, peer)
}

fn still(asked: Asked, until: Until) -> Waits {
    Waits { asked, until }
}

/// Takes note of an answer, if there is one yet.
fn settle(
    shop: &mut Shop,
    reply: Reply,
    request: &Request<'_>,
    asked: Asked,
    peer: Peer,
) -> Outcome {
    let Said {
        status,
        length,
        rest,
    } = match reply {
        Reply::Said(said) => said,
        Reply::Wait(awaited) => return Err(Box::new(still(asked, Until::Made(awaited)))),
    };
    shop.count_answer();
    shop.journal.note(&Noted {
        peer,
        user: asked.user.as_deref(),
        request: Some(request),
        status,
        bytes: length,
        took: asked.began.map_or(Duration::ZERO, |began| began.elapsed()),
    });
    Ok(rest)
}

/// Answers what is no request.
fn refuse(shop: &mut Shop, refusal: Refusal, peer: Peer, out: &mut Out) {
    let said = respond::refuse(shop, refusal, out);
    shop.count_answer();
    shop.journal.note_refused(peer, said.status, said.length);
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
        if let Some(waits) = self.waits.take() {
            return self.answer_waiting(*waits, out);
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
            refuse(shop, refusal, self.peer, out);
        }
    }

    fn is_idle(&self) -> bool {
        self.http.is_idle()
    }
}
