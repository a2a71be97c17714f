//! Connections that last: one request after the other, several at once, and how they end.

use super::talk::request;
use super::{Site, long_file};

fn site(options: &[&str]) -> Site {
    Site::of(&[("a", "one"), ("b", "two"), ("c", "three")], options)
}

#[test]
fn a_connection_serves_one_request_after_the_other() {
    let site = site(&[]);
    let mut line = site.line();
    for _ in 0..20 {
        assert_eq!(line.get("/a").text(), "one");
        assert_eq!(line.get("/nothing").status, 404);
        assert_eq!(line.ask("HEAD", "/b", "").status, 200);
        assert_eq!(line.get("/c").text(), "three");
    }
    let last = line.get_with("/a", "Connection: close\r\n");
    assert_eq!(
        (last.text().as_str(), last.field("connection")),
        ("one", "close")
    );
    line.ends();
}

#[test]
fn an_old_client_is_answered_once_unless_it_asks_for_more() {
    let site = site(&[]);
    let mut line = site.line();
    line.say("GET /a HTTP/1.0\r\n\r\n");
    assert_eq!(line.hear().text(), "one");
    line.ends();
    let mut line = site.line();
    for _ in 0..2 {
        line.say("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        let answer = line.hear();
        assert_eq!(answer.text(), "one");
        assert_eq!(
            answer.field("connection").to_ascii_lowercase(),
            "keep-alive"
        );
    }
}

#[test]
fn requests_that_come_together_are_answered_in_order() {
    let site = site(&[]);
    long_file(&site.folder, "long");
    let mut line = site.line();
    let mut said = String::new();
    for _ in 0..100 {
        said += &request("GET", "/a", "");
        said += &request("GET", "/nothing", "");
        said += &request("GET", "/long", "Range: bytes=0-199999\r\n");
        said += &request("GET", "/b", "If-None-Match: *\r\n");
    }
    said += &request("GET", "/c", "Connection: close\r\n");
    // What comes after the last is not answered.
    said += &request("GET", "/a", "");
    let mut sending = line.try_clone();
    let sender = std::thread::spawn(move || sending.say(said));
    for round in 0..100 {
        assert_eq!(line.hear().text(), "one", "{round}");
        assert_eq!(line.hear().status, 404, "{round}");
        assert_eq!(line.hear().body.len(), 200_000, "{round}");
        assert_eq!(line.hear().status, 304, "{round}");
    }
    assert_eq!(line.hear().text(), "three");
    line.ends();
    sender.join().unwrap();
}

#[test]
fn a_request_may_come_in_pieces() {
    let site = site(&[]);
    let said = request("GET", "/a", "Accept: */*\r\n");
    let mut line = site.line();
    for cut in 0..said.len() {
        line.say(&said[..cut]);
        line.say(&said[cut..]);
        assert_eq!(line.hear().text(), "one", "cut at {cut}");
    }
    let two = said.repeat(2);
    for byte in two.as_bytes() {
        line.say([*byte]);
    }
    assert_eq!(line.hear().text(), "one");
    assert_eq!(line.hear().text(), "one");
}

#[test]
fn who_has_nothing_more_to_ask_is_answered_all_the_same() {
    let site = site(&[]);
    let mut line = site.line();
    line.say(request("GET", "/a", "").repeat(3));
    line.end();
    for _ in 0..3 {
        assert_eq!(line.hear().text(), "one");
    }
    line.ends();
}

#[test]
fn a_file_of_any_length_comes_whole() {
    let site = site(&[]);
    let mut line = site.line();
    for length in [
        0, 1, 1_000, 16_383, 16_384, 16_385, 65_536, 131_072, 131_073, 300_000, 5_000_000,
    ] {
        let content: Vec<u8> = (0..length).map(|at: u32| (at % 251) as u8).collect();
        std::fs::write(site.folder.file("f"), &content).unwrap();
        let answer = line.get("/f");
        assert!(
            answer.body == content,
            "{length} bytes: {:?}",
            answer.fields_but(&[])
        );
        // The second time it may come from where it was kept.
        assert!(line.get("/f").body == content, "{length} bytes again");
    }
}

#[test]
fn who_reads_nothing_harms_nobody() {
    let site = site(&[]);
    let length = long_file(&site.folder, "long");
    let mut stalled: Vec<_> = (0..64).map(|_| site.line()).collect();
    for line in &mut stalled {
        line.say(request("GET", "/long", ""));
    }
    for _ in 0..50 {
        assert_eq!(site.get("/a").text(), "one");
    }
    // And what it did not read is still there when it does.
    assert_eq!(stalled.pop().unwrap().hear().body.len(), length);
    #[cfg(target_os = "linux")]
    assert!(
        site.server.memory() < 100 * 1024,
        "{} KiB",
        site.server.memory()
    );
}

#[test]
fn who_says_nothing_is_let_go() {
    let site = site(&["--idle-timeout", "50ms"]);
    site.line().ends();
    let mut line = site.line();
    assert_eq!(line.get("/a").text(), "one");
    line.ends();
    assert_eq!(site.get("/b").text(), "two");
}

#[test]
fn who_takes_too_long_over_a_request_is_told_so() {
    let site = site(&["--head-timeout", "50ms"]);
    let mut line = site.line();
    line.say("GET /a HTTP/1.1\r\nHost: loc");
    let answer = line.hear();
    assert_eq!((answer.status, answer.field("connection")), (408, "close"));
    line.ends();
}

#[test]
fn who_reads_nothing_at_all_is_let_go() {
    let site = site(&["--max-connections", "1", "--stall-timeout", "50ms"]);
    long_file(&site.folder, "long");
    let mut stalled = site.line();
    stalled.say(request("GET", "/long", ""));
    // There is no room for another before it is gone: it is not idle.
    stalled.take(1);
    assert_eq!(site.get("/a").text(), "one");
}

#[test]
fn a_full_house_lets_the_idle_go_for_who_comes() {
    let site = site(&["--max-connections", "10"]);
    let mut idle = Vec::new();
    for round in 0..50 {
        let mut line = site.line();
        match round % 3 {
            0 => assert_eq!(line.get("/a").text(), "one"),
            1 => line.say("GET /a HT"),
            _ => {}
        }
        idle.push(line);
    }
    assert_eq!(site.get("/c").text(), "three");
}

#[cfg(unix)]
#[test]
fn what_is_in_flight_is_finished_when_it_is_told_to_stop() {
    for signal in [harness::Signal::SIGTERM, harness::Signal::SIGINT] {
        let site = site(&[]);
        let length = long_file(&site.folder, "long");
        let mut idle = site.line();
        assert_eq!(idle.get("/a").text(), "one");
        let mut busy = site.line();
        busy.say(request("GET", "/long", ""));
        let begun = busy.take(1_000);
        site.server.signal(signal);
        idle.ends();
        assert!(begun.starts_with(b"HTTP/1.1 200 OK\r\n"));
        assert!(busy.rest().len() > length - 1_000);
        let (status, messages) = site.server.wait();
        assert_eq!(status.code(), Some(0), "{messages}");
    }
}

#[cfg(unix)]
#[test]
fn what_is_not_finished_in_time_is_cut() {
    let site = site(&["--grace", "100ms"]);
    long_file(&site.folder, "long");
    let mut busy = site.line();
    busy.say(request("GET", "/long", ""));
    busy.take(1_000);
    // Nothing of it is read until the server has ended.
    let (status, messages) = site.server.terminate();
    assert_eq!(status.code(), Some(0), "{messages}");
}

#[test]
fn a_file_that_is_cut_while_it_is_sent_ends_the_connection() {
    let site = site(&[]);
    let length = long_file(&site.folder, "long");
    let mut line = site.line();
    line.say(request("GET", "/long", ""));
    line.take(1_000);
    let file = std::fs::File::options()
        .write(true)
        .open(site.folder.file("long"));
    file.unwrap().set_len(1_000).unwrap();
    let rest = line.rest_or_reset();
    assert!(rest.len() < length, "{} bytes came", rest.len());
    assert_eq!(site.get("/long").body.len(), 1_000);
}

#[test]
fn hundreds_of_connections_at_once() {
    let site = site(&[]);
    let mut lines: Vec<_> = (0..300).map(|_| site.line()).collect();
    for _ in 0..3 {
        for line in &mut lines {
            line.say(request("GET", "/a", ""));
        }
        for line in &mut lines {
            assert_eq!(line.hear().text(), "one");
        }
    }
}

#[test]
fn several_threads_serve_the_same() {
    let site = site(&["--threads", "3"]);
    let mut lines: Vec<_> = (0..30).map(|_| site.line()).collect();
    for line in &mut lines {
        assert_eq!(line.get("/b").text(), "two");
    }
    #[cfg(unix)]
    {
        let (status, messages) = site.server.terminate();
        assert_eq!(status.code(), Some(0), "{messages}");
        assert_eq!(harness::total(&messages, "connections"), 30, "{messages}");
    }
}
