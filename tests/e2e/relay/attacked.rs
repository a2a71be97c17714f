//! Those who mean it harm: floods, a million datagrams that mean nothing, and targets that are none of theirs.

use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use harness::{Namespaces, Noise, Server, ask, ask_again, finish, total};

use super::{Home, serve};
use crate::all_processors;

#[test]
fn a_flood_from_one_source_does_not_lose_the_messages_of_others() {
    const MESSAGES: usize = 300;
    let _all = all_processors();
    let (relay, home) = (serve(&[]), Home::new());
    let (mut alice, _) = home.listen(&relay.target(), &["--name", "alice"]);
    let flood = relay.connect();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let message = b"to : 127.0.0.1 / 9 ; content : flood";
            for _ in 0..20_000_000 {
                if done.load(Ordering::Relaxed) {
                    return;
                }
                // The answers are never read: the kernel drops them.
                let _ = flood.send(message);
            }
        });
        let lines: String = (0..MESSAGES).map(|number| format!("{number}\n")).collect();
        let args = [
            "send",
            &relay.target(),
            "--name",
            "bob",
            "--to",
            "alice",
            "--lines",
            "-t",
            "50s",
        ];
        let sent = home.run(&args, &lines);
        done.store(true, Ordering::Relaxed);
        assert_eq!(
            sent.stdout,
            format!("{MESSAGES} messages queued\n"),
            "{sent:?}"
        );
    });
    for number in 0..MESSAGES {
        assert_eq!(alice.next_line(), format!("bob: {number}"));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_million_datagrams_that_mean_nothing_change_nothing_but_counters() {
    const DATAGRAMS: u64 = 1_000_000;
    let _all = all_processors();
    let relay = serve(&[]);
    let attacker = relay.connect();
    let mut noise = Noise::default();
    let hello = [1, 1, 0, 0, 0, 17, 0, 0, 0, 64]; // the beginning of a native greeting
    assert!(ask(&attacker, "hii").starts_with("('127.0.0.1', "));
    let before = relay.memory();
    let mut payload = [0; 64];
    for number in 0..DATAGRAMS {
        let length = noise.fill(&mut payload);
        match number % 4 {
            0 => payload[..11].copy_from_slice(b"to : 1.2.3 "),
            1 => payload[0] = 1,
            2 => payload[0] = 2,
            _ => payload[..10].copy_from_slice(&hello[..10]),
        }
        attacker.send(&payload[..length]).unwrap();
    }
    let answer = ask_again(&relay, "hii");
    assert!(answer.starts_with("('127.0.0.1', "), "{answer}");
    relay.ends_quietly(before + 8192);
}

#[test]
fn a_free_relay_does_not_write_to_itself_nor_to_nobody() {
    let relay = serve(&["--to", "any", "--exit", "never"]);
    let sink = UdpSocket::bind("0.0.0.0:0").unwrap();
    let port = sink.local_addr().unwrap().port();
    let own = relay.addr().port();
    let client = relay.connect();
    for target in [
        format!("0.0.0.0 / {port}"),
        format!("[::] / {port}"),
        format!("[::ffff:0.0.0.0] / {port}"),
        format!("255.255.255.255 / {port}"),
        format!("224.0.0.1 / {port}"),
        format!("[ff02::1] / {port}"),
        format!("127.0.0.1 / {own}"),
        format!("[::ffff:127.0.0.1] / {own}"),
        "127.0.0.1 / 0".to_owned(),
        "127.0.0.1 / 65536".to_owned(),
    ] {
        let answer = ask(
            &client,
            format!("to : {target} ; content : forbidden, and long enough"),
        );
        let expected = "405, Could not send the message to the requested address";
        assert_eq!(answer, expected, "{target}");
    }
    // Whom it may write to is reached, whichever way the address is written.
    for target in [
        format!("127.0.0.1 / {port}"),
        format!("[::ffff:127.0.0.1] / {port}"),
    ] {
        let answer = ask(&client, format!("to : {target} ; content : allowed"));
        assert_eq!(answer, "200, UDP Packet Sent Successfully", "{target}");
    }
    let mut buffer = [0; 100];
    for _ in 0..2 {
        let length = sink.recv(&mut buffer).unwrap();
        assert!(buffer[..length].ends_with(b"; content : allowed"));
    }
    sink.set_nonblocking(true).unwrap();
    assert!(
        sink.recv(&mut buffer).is_err(),
        "something forbidden arrived"
    );
}

/// A relay at a public address, which is also in a private network; `{a}` is a stranger.
const NETWORKS: &[&str] = &[
    "ip link add {a} netns {a} type veth peer name {b} netns {b}",
    "ip -n {a} addr add 203.0.113.2/24 dev {a}",
    "ip -n {b} addr add 203.0.113.1/24 dev {b}",
    "ip -n {b} addr add 10.213.9.1/24 dev lo",
    "ip -n {b} addr add 169.254.9.1/16 dev lo",
    "ip -n {a} link set {a} up",
    "ip -n {b} link set {b} up",
    "ip -n {b} link set lo up",
];

#[test]
fn a_stranger_reaches_nothing_behind_a_free_relay() {
    const PORT: u16 = 7777;
    let Some(networks) = Namespaces::new(2, NETWORKS) else {
        return;
    };
    let serve = ["serve", "--bind", "203.0.113.1:9000", "--to", "any"];
    let relay = Server::of(networks.command('b', "relay", &serve), 1);
    let behind = ["serve", "--bind", "0.0.0.0:7777", "--bind", "[::]:7777"];
    let behind = Server::of(networks.command('b', "udp-echo", &behind), 2);
    for ip in [
        "127.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::127.0.0.1]",
        "10.213.9.1",
        "[::ffff:10.213.9.1]",
        "[64:ff9b::10.213.9.1]",
        "[2002:ad5:901::1]",
        "169.254.9.1",
        "203.0.113.1",
        "[::ffff:203.0.113.1]",
        "203.0.113.255",
        "127.9.9.9",
        "0.0.0.1",
    ] {
        let to = format!("{ip}/{PORT}");
        let args = [
            "send",
            "203.0.113.1",
            "--classic",
            "--to",
            &to,
            "not for a stranger, and long enough",
        ];
        let sent = finish(networks.command('a', "relay", &args), "");
        assert_eq!(sent.code(), Some(1), "{ip}: {sent:?}");
        assert!(sent.stderr.contains("registered"), "{ip}: {sent:?}");
    }
    let (_, messages) = behind.terminate();
    assert_eq!(total(&messages, "received"), 0, "{messages}");
    relay.terminate();
}

#[test]
fn a_stranger_cannot_stop_it() {
    let relay = serve(&["--exit", "never"]);
    let client = relay.connect();
    client.send(b"exit server").unwrap();
    client
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    assert!(ask(&client, "hii").starts_with("('127.0.0.1', "));
}
