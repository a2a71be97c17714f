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
            let heard = if came > 0 { self.serve() } else { 0 };
            if self.relay.shutdown().is_triggered() {
                let now = Instant::now();
                if heard == 0 || now > *ends.get_or_insert(now + LAST_WORDS) {
                    return;
                }
            }
        }
    }

    /// Has the hub hear what came, and says how many bursts that were.
    fn serve(&mut self) -> usize {
        let (relay, socket, last) = (self.relay, self.socket, &mut self.last);
        let (intake, mut heard) = (&mut self.intake, 0);
        relay.turn(&mut self.post, |hub, uptime, out| {
            heard = intake.each(Instant::now(), |burst| {
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
        heard
    }
}
