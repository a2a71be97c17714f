//! A disk that is full, and has room again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use harness::{Disk, PATIENCE, Server, Signal, say};
use proto::relay::native::Name;
use proto::relay::native::frames::{Trouble, Why};

use super::super::counted::{Program, Tally};

/// How long the messages are: some hundred fill what the disk has left.
const LENGTH: usize = 16 * 1024;

/// How many are said at once.
const BATCH: u64 = 20;

/// What it has left, in bytes.
const LEFT: u64 = 3 * 1024 * 1024;

fn start(disk: &Disk, bind: &str) -> Server {
    let args = ["serve", "--bind", bind, "--store", &disk.file("mail")];
    Server::of(disk.command("relay", &args), 1)
}

/// Says some messages, and hears what became of them.
fn say_batch(sender: &mut Program, to: &[Name], next: &mut u64) {
    for number in *next..*next + BATCH {
        let to = to[number as usize % to.len()];
        assert!(sender.say(to, number, LENGTH));
    }
    *next += BATCH;
    sender.until_answered();
}

#[test]
fn a_full_disk_refuses_and_loses_nothing() {
    let Some(disk) = Disk::new(96) else { return };
    let relay = start(&disk, super::super::HERE);
    let (target, at) = (relay.target(), [relay.addr()]);
    let tally = Arc::new(Tally::default());
    let names = ["ann", "ben", "cleo"];
    for name in names {
        let mut known = Program::new(Some(name), &at, &tally);
        known.until_registered();
        known.close();
    }
    let to = names.map(|name| name.parse().unwrap());
    let mut sender = Program::new(Some("sender"), &at, &tally);
    sender.until_registered();
    let mut next = 0;
    say_batch(&mut sender, &to, &mut next);
    assert_eq!(tally.count().queued, BATCH, "{}", tally.count());

    fill(&disk, &mut sender, &to, &mut next, &tally);
    sender.until_relays("the store is full", |relays| {
        relays[0].troubles.contains(&Trouble::StoreFull)
    });
    disk.remove("ballast");
    make_good(&mut sender, &to, &mut next, &tally);
    sender.until_relays("nothing is wrong", |relays| relays[0].troubles.is_empty());

    // Killed while it is full, it has what it had.
    fill(&disk, &mut sender, &to, &mut next, &tally);
    tally.crash();
    relay.signal(Signal::SIGKILL);
    relay.wait();
    disk.remove("ballast");
    let relay = start(&disk, &target);
    make_good(&mut sender, &to, &mut next, &tally);
    sender.close();
    for name in names {
        let mut receiver = Program::new(Some(name), &at, &tally);
        let me: Name = name.parse().unwrap();
        receiver.until("it has its mail", |_| tally.has_all(me));
        receiver.close();
    }
    let count = tally.check();
    say(&count.to_string());
    let (status, messages) = relay.terminate();
    assert_eq!(status.code(), Some(0), "{messages}");
}

/// Fills the disk: first most of it at once, then by messages until they are refused.
fn fill(disk: &Disk, sender: &mut Program, to: &[Name], next: &mut u64, tally: &Tally) {
    disk.fill("ballast", LEFT);
    let (before, last) = (tally.count(), *next + 200 * BATCH);
    while tally.count().refused == before.refused {
        assert!(*next < last, "the disk has room: {}", tally.count());
        say_batch(sender, to, next);
    }
    // Nobody is told anything else.
    say_batch(sender, to, next);
    let count = tally.count();
    assert_eq!(tally.refused(Why::Full) as u64, count.refused, "{count}");
}

/// Says messages until all are taken.
fn make_good(sender: &mut Program, to: &[Name], next: &mut u64, tally: &Tally) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let before = tally.count();
        say_batch(sender, to, next);
        if tally.count().queued == before.queued + BATCH {
            return;
        }
        assert!(
            Instant::now() < deadline,
            "the disk is still full: {before}"
        );
        sender.stay(Duration::from_millis(50));
    }
}
