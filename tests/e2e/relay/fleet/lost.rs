//! A relay of a community, or its NATS server, that is killed while senders are at work.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use harness::{Nats, Signal, say};
use proto::relay::native::frames::{Trouble, Why};

use super::super::Home;
use super::super::counted::{Count, Habit, Place, Play, Program, Random, Tally, rounds};
use super::Fleet;

const SENDERS: &[&str] = &["sender1", "sender2", "sender3"];

const RECEIVERS: &[(&str, Habit)] = &[
    ("ann", Habit::Stays),
    ("ben", Habit::Stays),
    ("cleo", Habit::Stays),
    ("dan", Habit::Roams),
    ("eve", Habit::Restarts),
    ("fred", Habit::Restarts),
];

/// Has all work while this happens.
fn play(relays: &[SocketAddr], happens: impl FnOnce(&Tally)) -> (Count, Arc<Tally>) {
    let play = Play {
        senders: SENDERS,
        receivers: RECEIVERS,
        place: Place::default(),
        relays,
        seed: 2,
    };
    play.run(happens)
}

/// Waits until so many more messages were queued.
fn go_on(tally: &Tally, more: u64) {
    let enough = tally.count().queued + more;
    tally.wait("it goes on", |count| count.queued >= enough);
}

#[test]
fn a_relay_that_is_killed_costs_its_clients_a_registration() {
    let kills = rounds("RELAY_FLEET_KILLS", 3);
    let Some(mut fleet) = Fleet::new(3) else {
        return;
    };
    let (count, tally) = play(&fleet.addrs(), |tally| {
        let mut random = Random(5);
        for kill in 0..kills {
            go_on(tally, random.within(100..500));
            thread::sleep(Duration::from_micros(random.within(0..20_000)));
            let relay = fleet.take(kill % 3);
            tally.crash();
            relay.signal(Signal::SIGKILL);
            relay.wait();
            // Its clients go on elsewhere.
            go_on(tally, 300);
            fleet.start(kill % 3);
        }
        go_on(tally, 300);
    });
    say(&format!("{kills} relays killed: {count}"));
    let expected = tally.refused(Why::CutOff) as u64 + tally.torn();
    assert_eq!(count.refused, expected, "{:?}", tally.refusals());
    fleet.end();
}

#[test]
fn nats_that_is_killed_comes_back() {
    let kills = rounds("RELAY_NATS_KILLS", 2);
    let Some(mut fleet) = Fleet::new(3) else {
        return;
    };
    let addrs = fleet.addrs();
    let (count, tally) = play(&addrs, |tally| {
        let mut random = Random(7);
        let mut asking = Program::new(None, &addrs[..1], &Arc::default());
        for kill in 0..kills {
            go_on(tally, random.within(100..500));
            tally.crash();
            match kill % 2 {
                0 => fleet.nats.kill(),
                _ => fleet.nats.stop(),
            }
            asking.until_registered();
            asking.until_relays("it says that it is cut off", |relays| {
                relays[0].troubles.contains(&Trouble::CutOff)
            });
            fleet.nats.start_again();
            asking.until_relays("it is joined again", |relays| {
                let well = relays.iter().filter(|relay| relay.troubles.is_empty());
                well.count() == 3
            });
            go_on(tally, 300);
        }
    });
    say(&format!("NATS killed {kills} times: {count}"));
    let expected = tally.refused(Why::CutOff) as u64 + tally.torn();
    assert_eq!(count.refused, expected, "{:?}", tally.refusals());
    fleet.end();
}

#[test]
fn a_relay_starts_without_nats_and_says_so() {
    let Some(mut nats) = Nats::start() else {
        return;
    };
    let url = nats.url();
    nats.stop();
    let serve = ["--nats", &url];
    let mut relay = super::super::serve(&serve);
    let said = relay.next_message();
    assert!(said.contains("WARN") && said.contains("NATS"), "{said}");
    // It serves those who are there, and says what is wrong.
    let home = Home::new();
    let status = home.run(&["status", &relay.target()], "");
    assert!(status.stdout.contains("NATS"), "{status:?}");
    let mut asking = Program::new(None, &[relay.addr()], &Arc::default());
    asking.until_registered();
    asking.until_relays("it is cut off", |relays| {
        relays[0].troubles.contains(&Trouble::CutOff)
    });
    let refused = home.run(&["listen", &relay.target(), "--name", "alice"], "");
    assert_eq!(refused.code(), Some(1), "{refused:?}");
    assert!(refused.stderr.contains("cut off"), "{refused:?}");
    nats.start_again();
    asking.until_relays("it is joined", |relays| relays[0].troubles.is_empty());
    let (mut alice, _) = home.listen(&relay.target(), &["--name", "alice"]);
    home.send(
        &[&relay.target(), "--name", "bob", "--to", "alice", "hello"],
        "",
    );
    assert_eq!(alice.next_line(), "bob: hello");
    drop(alice);
    relay.terminate();
}

#[test]
fn what_is_no_address_of_nats_is_said_at_once() {
    let serve = ["serve", "--bind", super::super::HERE, "--nats"];
    let with = |more: &[&'static str]| [&serve, more].concat();
    harness::check_refusals(
        "relay",
        &[
            (&with(&["nats://["]), "--nats"),
            (&with(&["nats://127.0.0.1:0:0"]), "--nats"),
        ],
    );
}
