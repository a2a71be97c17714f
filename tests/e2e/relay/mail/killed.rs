//! A relay that is killed again and again, with mail waiting and senders at work.

use std::thread;
use std::time::Duration;

use harness::{Server, Signal, say};

use super::super::counted::{Habit, Place, Play, Random, Tally, rounds};
use super::Kept;

const SENDERS: &[&str] = &["sender1", "sender2", "sender3", "sender4"];

const RECEIVERS: &[(&str, Habit)] = &[
    ("ann", Habit::Stays),
    ("ben", Habit::Roams),
    ("cleo", Habit::Roams),
    ("dan", Habit::Restarts),
    ("eve", Habit::Restarts),
    ("fred", Habit::Restarts),
];

#[test]
fn what_was_answered_is_heard_once_whenever_the_relay_is_killed() {
    let kills = rounds("RELAY_KILLS", 10);
    let mut kept = Kept::new(&[]);
    let mut relay = Some(kept.start());
    let play = Play {
        senders: SENDERS,
        receivers: RECEIVERS,
        place: Place::default(),
        relays: &[kept.addr()],
        seed: 1,
    };
    let (count, tally) = play.run(|tally| {
        for kill in 0..kills {
            let killed = relay.take().unwrap();
            relay = Some(kill_at_some_point(kill, killed, &mut kept, tally));
        }
    });
    say(&format!("{kills} kills: {count}"));
    assert_eq!(count.refused, tally.torn(), "{:?}", tally.refusals());
    let (status, messages) = relay.unwrap().terminate();
    assert_eq!(status.code(), Some(0), "{messages}");
}

#[test]
fn who_comes_and_goes_hears_everything_once() {
    let mut kept = Kept::new(&[]);
    let relay = kept.start();
    let play = Play {
        senders: SENDERS,
        receivers: RECEIVERS,
        place: Place::default(),
        relays: &[relay.addr()],
        seed: 4,
    };
    let (count, tally) = play.run(|tally| {
        tally.wait("they have come and gone", |count| count.queued > 3_000);
    });
    say(&count.to_string());
    assert_eq!(count.refused, tally.torn(), "{:?}", tally.refusals());
    let (status, messages) = relay.terminate();
    assert_eq!(status.code(), Some(0), "{messages}");
}

/// Kills the relay when a few more messages were answered, and starts it again.
fn kill_at_some_point(kill: usize, relay: Server, kept: &mut Kept, tally: &Tally) -> Server {
    let mut random = Random(kill as u64);
    // Now and then at once: while it reads what it has, or its clients come back.
    let more = match random.within(0..5) {
        0 => 0,
        _ => random.within(1..500),
    };
    let enough = tally.count().queued + more;
    tally.wait(&format!("kill {kill}"), |count| count.queued >= enough);
    thread::sleep(Duration::from_micros(random.within(0..20_000)));
    tally.crash();
    relay.signal(Signal::SIGKILL);
    relay.wait();
    kept.start()
}
