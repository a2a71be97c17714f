//! Very many names with mail.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use harness::{PATIENCE, Server, say};
use proto::relay::native::Name;

use super::super::counted::{Program, Tally, rounds};
use super::Kept;
use crate::all_processors;

/// How many go at the same time.
const AT_ONCE: usize = 16;

/// How many senders there are.
const SENDERS: usize = 4;

/// The content of each message in bytes.
const LENGTH: usize = 128;

/// Does something for each of these, some at the same time.
fn for_all(numbers: &[usize], act: impl Fn(usize) + Sync) {
    let act = &act;
    thread::scope(|scope| {
        for share in numbers.chunks(numbers.len().div_ceil(AT_ONCE)) {
            scope.spawn(move || share.iter().for_each(|number| act(*number)));
        }
    });
}

fn name(number: usize) -> String {
    format!("name{number}")
}

/// One message to each of these, from some senders.
fn send_to(numbers: &[usize], kept: &Kept, tally: &Arc<Tally>) {
    let ahead = 200;
    thread::scope(|scope| {
        let shares = numbers.chunks(numbers.len().div_ceil(SENDERS));
        for (sender, share) in shares.enumerate() {
            scope.spawn(move || {
                let sender = format!("sender{sender}");
                let mut sender = Program::new(Some(&sender), &[kept.addr()], tally);
                sender.until_registered();
                for number in share {
                    let to: Name = name(*number).parse().unwrap();
                    assert!(sender.say(to, *number as u64, LENGTH));
                    sender.until("some are answered", |sender| sender.unanswered() < ahead);
                }
                sender.until_answered();
                sender.close();
            });
        }
    });
}

/// How many messages wait.
fn until_mail(kept: &Kept, wanted: u64) {
    let mut asking = Program::new(None, &[kept.addr()], &Arc::default());
    asking.until_registered();
    asking.until_relays(&format!("{wanted} messages wait"), |relays| {
        relays[0].mail == wanted
    });
    asking.close();
}

/// Where a relay says its figures: it says so after where it listens.
fn metrics(relay: &mut Server) -> String {
    let line = relay.next_line();
    let addr = line.strip_prefix("listening on http://");
    let addr = addr.and_then(|addr| addr.strip_suffix("/metrics"));
    addr.unwrap().to_owned()
}

/// Waits until so many messages have expired.
fn until_expired(metrics: &str, wanted: usize) {
    let line = format!("relay_mail_expired_total {wanted}\n");
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut stream = TcpStream::connect(metrics).unwrap();
        let request = "GET /metrics HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).unwrap();
        let mut page = String::new();
        stream.read_to_string(&mut page).unwrap();
        if page.contains(&line) {
            return;
        }
        assert!(Instant::now() < deadline, "{line}: {page}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_message_for_each_of_very_many_names() {
    let names = rounds("RELAY_NAMES", 2_000);
    let _all = all_processors();
    let (all, mut kept) = ((0..names).collect::<Vec<_>>(), Kept::new(&[]));
    let (fetched, expired) = all.split_at(names / 2);
    let relay = kept.start();
    let mut began = Instant::now();
    let mut phase = |what: &str, relay: &Server| {
        let seconds = std::mem::replace(&mut began, Instant::now()).elapsed();
        let memory = relay.memory() / 1024;
        say(&format!(
            "{names} names: {what} in {seconds:.1?}; {memory} MiB"
        ));
    };
    let tally = Arc::default();
    for_all(&all, |number| {
        let mut known = Program::new(Some(&name(number)), &[kept.addr()], &tally);
        known.until_registered();
        known.close();
    });
    phase("known", &relay);

    let (one, other) = (Arc::default(), Arc::default());
    send_to(fetched, &kept, &one);
    send_to(expired, &kept, &other);
    until_mail(&kept, names as u64);
    phase("stored", &relay);
    let memory = relay.memory();
    assert!(memory < 64 * 1024, "{memory} KiB");
    relay.terminate();
    let relay = kept.start();
    until_mail(&kept, names as u64);
    phase("read again", &relay);

    for_all(fetched, |number| fetch(number, &kept, &one));
    let count = one.check();
    assert_eq!(
        (count.queued, count.heard),
        (fetched.len() as u64, count.queued),
        "{count}"
    );
    until_mail(&kept, expired.len() as u64);
    phase("half of them fetched", &relay);
    relay.terminate();

    kept.options = vec!["--keep", "1s", "--metrics", "127.0.0.1:0"];
    let mut relay = kept.start();
    until_mail(&kept, 0);
    phase("the others expired", &relay);
    // What comes now expires while it runs.
    let late = Arc::default();
    send_to(&expired[..1], &kept, &late);
    until_expired(&metrics(&mut relay), expired.len() + 1);
    for number in expired.iter().take(20) {
        hears_nothing_old(*number, &kept);
    }
    let heard = other.count().heard + late.count().heard;
    assert_eq!(heard, 0, "{} {}", other.count(), late.count());
    relay.terminate();
}

/// Hears the one message that there is for this name.
fn fetch(number: usize, kept: &Kept, tally: &Arc<Tally>) {
    let mut receiver = Program::new(Some(&name(number)), &[kept.addr()], tally);
    let me: Name = name(number).parse().unwrap();
    receiver.until("it has its message", |_| tally.has_all(me));
    receiver.close();
}

/// Hears what is said now and nothing else: the book that it has knows of nothing else.
fn hears_nothing_old(number: usize, kept: &Kept) {
    let tally = Arc::default();
    let mut receiver = Program::new(Some(&name(number)), &[kept.addr()], &tally);
    receiver.until_registered();
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut sender = Program::new(Some("late"), &[kept.addr()], &tally);
            sender.until_registered();
            sender.say(name(number).parse().unwrap(), 0, LENGTH);
            sender.until_answered();
            sender.close();
        });
        receiver.until("it hears it", |_| tally.count().heard == 1);
        receiver.close();
    });
    tally.check();
}
