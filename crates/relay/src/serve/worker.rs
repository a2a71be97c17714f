//! The thread of one socket.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use proto::relay::hub::{Burst, Via};
use runtime::udp::Intake;

use super::post::Post;
use super::relay::Relay;
use super::ways::Way;

/// How long a relay that is to stop goes on with what comes without a pause.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// Receives what comes to one socket, and has it passed on.
pub(super) struct Worker<'a> {
    relay: &'a Relay,
    socket: usize,
    intake: Intake,
    post: Post,
    /// The way of the last burst: most have the same.
    last: (Option<IpAddr>, Via),
    busy_poll: bool,
}

impl<'a> Worker<'a> {
    /// For the socket of this number.
    pub(super) fn new(relay: &'a Relay, socket: usize, intake: Intake, busy_poll: bool) -> Self {
        let way = Way { socket, from: None };
        Self {
            relay,
            socket,
            intake,
            post: Post::default(),
            last: (None, relay.ways().number(way)),
            busy_poll,
        }
    }

    /// Serves until it is time to stop, and then what has come by then.
    pub(super) fn run(mut self) {
        let mut ends = None;
        loop {
            let came = match self.busy_poll {
                true => self.intake.look(),
                false => self.intake.wait(),
            };
            if came > 0 {
                self.serve();
            }
            if self.relay.shutdown().is_triggered() {
                let now = Instant::now();
                if came == 0 || now > *ends.get_or_insert(now + LAST_WORDS) {
                    return;
                }
            }
        }
    }

    fn serve(&mut self) {
        let (relay, socket, last) = (self.relay, self.socket, &mut self.last);
        let (now, uptime) = (Instant::now(), relay.uptime());
        relay.turn(&mut self.post, uptime, |hub, out| {
            self.intake.each(now, |burst| {
                if last.0 != burst.to {
                    let from = burst.to;
                    *last = (from, relay.ways().number(Way { socket, from }));
                }
                let burst = Burst {
                    from: burst.from,
                    via: last.1,
                    bytes: burst.bytes,
                    size: burst.size,
                };
                hub.handle(&burst, uptime, out);
            });
        });
    }
}
