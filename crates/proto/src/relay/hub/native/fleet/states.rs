//! How the relays of a community are, as clients are told.

use std::time::Duration;

use crate::relay::hub::{Counts, Hub};
use crate::relay::native::frames::{RELAYS_LISTED, RelayState, Reply, Trouble};

/// The most relays that are told of.
const MOST: usize = 256;

impl Hub {
    /// How the relays are, this one first.
    pub(in crate::relay::hub) fn fleet_is(&mut self, mut relays: Vec<RelayState>) {
        relays.truncate(MOST);
        relays.iter_mut().for_each(shorten);
        let own = relays.first();
        self.native.is_cut_off = own.is_some_and(|own| own.troubles.contains(&Trouble::CutOff));
        self.native.relays = relays;
    }

    /// Answers how the relays are: of this one, what it counts itself is true now.
    pub(in crate::relay::hub::native) fn tell_relays(
        &mut self,
        index: u32,
        number: u32,
        now: Duration,
    ) {
        let mut relays = self.native.relays.clone();
        if relays.is_empty() {
            relays.push(RelayState::default());
        }
        fill_in(&mut relays[0], &self.count(now));
        let asker = (self.native.sessions.key(index), number);
        let frames = relays.chunks(RELAYS_LISTED);
        let last = frames.len() - 1;
        for (at, some) in frames.enumerate() {
            let reply = Reply::Relays(some.to_vec());
            self.native.reply(asker, reply, at < last);
        }
    }
}

fn fill_in(own: &mut RelayState, counts: &Counts) {
    own.uptime = counts.uptime;
    own.heard = 0;
    own.classic = counts.classic_clients;
    own.sessions = counts.sessions;
    own.rooms = counts.rooms;
}

/// Others may say more than an answer has room for.
fn shorten(state: &mut RelayState) {
    let end = state.label.floor_char_boundary(RelayState::LABEL);
    state.label.truncate(end);
    state.troubles.truncate(RelayState::TROUBLES);
}
