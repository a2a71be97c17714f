//! Who has had time enough.

use std::time::{Duration, Instant};

use super::{House, LOOK_AGAIN};
use crate::tcp::call::Caller;
use crate::tcp::connection::{Connection, Conversation, Overdue};
use crate::tcp::peer::Peer;

/// How late a look may be.
const LOOK_LATEST: Duration = Duration::from_secs(1);

impl<M: FnMut(Peer, Caller) -> C, C: Conversation> House<M, C> {
    /// Has a look taken at all connections at this moment at the latest.
    pub(super) fn look_at(&mut self, deadline: Option<Instant>) {
        self.look = self.look.into_iter().chain(deadline).min();
    }

    /// Closes connections on which nothing has come or gone for too long, or too little.
    pub(super) fn close_overdue(&mut self) {
        let now = self.desk.out.now;
        if self.look.is_none_or(|look| look > now) {
            return;
        }
        let policy = self.policy;
        let is_overdue = |one: &Connection<C>| one.deadline(&policy).is_some_and(|at| at <= now);
        for number in self.those(is_overdue) {
            self.close_if_overdue(number);
        }
        let deadlines = self.connections.iter();
        let next = deadlines.filter_map(|(_, one)| one.deadline(&policy)).min();
        let idle = policy.idle_timeout;
        let rest = idle.map_or(LOOK_AGAIN, |idle| (idle / 8).clamp(LOOK_AGAIN, LOOK_LATEST));
        self.look = next.map(|next| next.max(now + rest));
    }

    fn close_if_overdue(&mut self, number: usize) {
        let connection = &mut self.connections[number];
        match connection.judge(&self.policy, self.desk.out.now) {
            Overdue::Not => {}
            Overdue::Lingering => self.remove(number),
            Overdue::Stalled => {
                connection.stream().forget();
                self.desk.totals.count_stalled();
                self.remove(number);
            }
            Overdue::Silent => {
                self.desk.totals.count_idle();
                let step = connection.tell_overdue(&mut self.desk);
                self.follow(number, step);
            }
        }
    }
}
