//! Loads of small servers on loopback: right ones, slow ones and wrong ones.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use proto::measure::Histogram;
use runtime::cli::Exit;
use socket2::SockRef;

use super::plan::{End, Pace};
use super::*;
use failure::Failure;

/// A server with a thread for each connection, which end with the test.
fn server(serve: impl Fn(TcpStream) + Clone + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, serve) = (stream.unwrap(), serve.clone());
            thread::spawn(move || serve(stream));
        }
    });
    addr
}

/// Answers what comes as `answer` makes it, until that is `None`.
fn echo(mut stream: TcpStream, mut answer: impl FnMut(&[u8]) -> Option<Vec<u8>>) {
    let mut buffer = [0; 4096];
    stream.set_nodelay(true).unwrap();
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        let Some(answer) = answer(&buffer[..length]) else {
            return;
        };
        if stream.write_all(&answer).is_err() {
            return;
        }
    }
}

fn upper(bytes: &[u8]) -> Option<Vec<u8>> {
    Some(bytes.to_ascii_uppercase())
}

fn plan(server: SocketAddr) -> Plan {
    Plan {
        server,
        connections: 4,
        size: 64,
        pipeline: 1,
        pace: Pace::Answers,
        end: End::Requests(1_000),
    }
}

fn run_until(plan: &Plan, shutdown: &Shutdown) -> Found {
    let readiness = Readiness::new(shutdown).unwrap();
    let (_, first) = open::first(&plan.server.into()).unwrap();
    let mut failures = Failures::default();
    let more = plan.connections - 1;
    let mut streams = open::more(plan.server, more, shutdown, &mut failures).unwrap();
    streams.insert(0, first);
    engine::load(plan, readiness, streams, failures, &Progress::default()).unwrap()
}

fn run(plan: &Plan) -> Found {
    run_until(plan, &Shutdown::new())
}

fn slower_than(times: &Histogram, than: Duration) -> u64 {
    let slower = times.buckets().filter(|(time, _)| *time > than);
    slower.map(|(_, count)| count).sum()
}

#[test]
fn every_request_is_answered_and_counted() {
    for (size, pipeline, pace) in [
        (64, 1, Pace::Answers),
        (1, 16, Pace::Answers),
        (100_000, 2, Pace::Answers),
        (64, 4, Pace::Schedule(20_000)),
    ] {
        let served = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&served);
        let addr = server(move |stream| {
            let counter = Arc::clone(&counter);
            echo(stream, move |bytes| {
                counter.fetch_add(bytes.len() as u64, Relaxed);
                upper(bytes)
            });
        });
        let plan = Plan {
            size,
            pipeline,
            pace,
            ..plan(addr)
        };
        let found = run(&plan);
        let count = &found.count;
        assert_eq!((count.sent, count.answered), (1_000, 1_000));
        assert_eq!((count.failures.all(), found.unsent), (0, 0));
        assert_eq!(count.from_send.count(), 1_000);
        assert_eq!(served.load(Relaxed), 1_000 * size as u64);
        assert_eq!((found.opened, found.exit()), (4, Exit::Success));
        assert!(found.elapsed > Duration::ZERO && !found.interrupted);
    }
}

#[test]
fn a_load_ends_on_time_with_all_that_is_in_flight() {
    let addr = server(|stream| echo(stream, upper));
    let end = End::After(Duration::from_millis(100));
    for pace in [Pace::Answers, Pace::Schedule(1_000)] {
        let found = run(&Plan {
            pace,
            end,
            ..plan(addr)
        });
        let count = &found.count;
        assert_eq!(found.elapsed, Duration::from_millis(100));
        assert!(count.answered > 0 && count.in_time <= count.answered);
        let due = matches!(pace, Pace::Schedule(_)).then_some(100);
        assert!(due.is_none_or(|due| count.sent + found.unsent == due));
    }
}

#[test]
fn wrong_answers_end_their_connection_and_fail_the_load() {
    let addr = server(|stream| {
        let mut answered = 0;
        echo(stream, move |bytes| {
            answered += 1;
            let mut answer = upper(bytes)?;
            answer[7] ^= u8::from(answered == 10);
            Some(answer)
        });
    });
    let found = run(&plan(addr));
    let count = &found.count;
    assert_eq!((count.failures.of(Failure::Wrong), count.lost), (4, 4));
    assert_eq!((count.answered, found.unanswered()), (36, 4));
    assert_eq!(found.exit(), Exit::Failure);
}

#[test]
fn a_server_that_closes_early_is_told_from_one_that_resets() {
    for (failure, linger) in [
        (Failure::Closed, None),
        (Failure::Reset, Some(Duration::ZERO)),
    ] {
        let addr = server(move |stream| {
            SockRef::from(&stream).set_linger(linger).unwrap();
            let mut left = 5;
            echo(stream, move |bytes| {
                left -= 1;
                if left == 0 { None } else { upper(bytes) }
            });
        });
        let found = run(&plan(addr));
        let count = &found.count;
        assert_eq!(count.failures.of(failure), 4, "{:?}", count.failures);
        assert_eq!((count.answered, count.failures.all()), (16, 4));
    }
}

#[test]
fn a_stall_counts_for_all_who_would_have_waited() {
    const PAUSE: Duration = Duration::from_millis(100);
    let addr = server(|stream| {
        let mut answered = 0;
        echo(stream, move |bytes| {
            answered += 1;
            if answered == 50 {
                thread::sleep(PAUSE);
            }
            upper(bytes)
        });
    });
    let found = run(&Plan {
        connections: 1,
        pace: Pace::Schedule(1_000),
        end: End::Requests(400),
        ..plan(addr)
    });
    assert_eq!(found.count.answered, 400);
    // Of those that were due in the first 60 ms of the pause none was answered within 40 ms.
    let waited = |times| slower_than(times, PAUSE - Duration::from_millis(60));
    let scheduled = found.count.scheduled.unwrap();
    let from_due = waited(&scheduled.from_due);
    assert!(from_due >= 60, "{from_due}");
    assert!(waited(&found.count.from_send) + 55 <= from_due);
    assert!(scheduled.from_due.max() >= Some(PAUSE));
    assert_eq!(scheduled.late.count(), 400);
}

#[test]
fn a_load_is_ended_early_with_what_there_is() {
    for pace in [Pace::Answers, Pace::Schedule(10_000)] {
        let shutdown = Shutdown::new();
        let trigger = shutdown.clone();
        let addr = server(move |stream| {
            let trigger = trigger.clone();
            let mut answered = 0;
            echo(stream, move |bytes| {
                answered += 1;
                if answered == 20 {
                    trigger.trigger();
                }
                upper(bytes)
            });
        });
        let plan = Plan {
            pace,
            end: End::After(Duration::from_secs(3600)),
            ..plan(addr)
        };
        let found = run_until(&plan, &shutdown);
        assert!(found.interrupted && found.elapsed < Duration::from_secs(3600));
        assert!(found.count.answered >= 19 && found.count.failures.all() == 0);
    }
}

#[test]
fn what_people_and_programs_read() {
    let addr = server(|stream| echo(stream, upper));
    let found = run(&Plan {
        pace: Pace::Schedule(10_000),
        ..plan(addr)
    });
    let (mut out, mut object) = (Vec::new(), Vec::new());
    text::end(&found, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    // A paragraph may break between any two words.
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "1000 sent, 1000 answered, 0 unanswered",
        "10 krequests/s asked for",
        "latency from due",
        "sent late",
        "p99.9",
    ] {
        assert!(words.contains(part), "{part}: {text}");
    }
    let widest = text.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(chart::columns::WIDTH), "{text}");
    json::print(&found, &mut object).unwrap();
    let object: serde_json::Value = serde_json::from_slice(&object).unwrap();
    assert_eq!(object["schema"], "plumbline/load/1");
    assert_eq!(object["latency_from_due_ns"]["count"], 1_000);
    assert_eq!(object["failed_connections"]["reset"], 0);
}
