//! The native wire: names, rooms, sealed messages, verdicts.

use std::io::{Read, Write};
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use std::thread;

use harness::{Folder, Server, loopback_socket};
use serde_json::Value;

use super::{Home, serve};

#[test]
fn names_and_rooms() {
    let (relay, home) = (serve(&[]), Home::new());
    let target = relay.target();
    let (mut alice, _) = home.listen(&target, &["--name", "alice", "--room", "#den"]);
    let (mut bob, _) = home.listen(&target, &["--name", "Bob", "--room", "den"]);
    let sent = home.send(
        &[&target, "--name", "carol", "--to", "alice", "for: you"],
        "",
    );
    assert_eq!(sent, "queued\n");
    assert_eq!(alice.next_line(), "carol: for: you");
    home.send(&[&target, "--to", "bob", "two\nlines \x1b[2J"], "");
    assert!(bob.next_line().ends_with(": two\\nlines \\u{1b}[2J"));
    home.send(
        &[&target, "--name", "carol", "--to", "#den", "--lines"],
        "one\ntwo\n",
    );
    for listener in [&mut alice, &mut bob] {
        assert_eq!(listener.next_line(), "#den carol: one");
        assert_eq!(listener.next_line(), "#den carol: two");
    }
    let status = home.run(&["status", &target, "--json"], "");
    let status: Value = serde_json::from_str(&status.stdout).unwrap();
    assert_eq!(
        (&status["wire"], &status["names"]),
        (&"native".into(), &3.into()),
        "{status}"
    );
    assert_eq!(
        (&status["messages"], &status["deliveries"]),
        (&4.into(), &6.into()),
        "{status}"
    );
}

#[test]
fn any_content_arrives_as_it_was() {
    let (relay, home) = (serve(&[]), Home::new());
    let target = relay.target();
    let args = [
        "listen", &target, "--name", "alice", "--json", "--count", "3",
    ];
    let mut alice = Server::of(home.command(&args), 0);
    let mut next = || serde_json::from_str::<Value>(&alice.next_line()).unwrap();
    assert_eq!(next()["type"], "registered");
    let long: String = (0..40_000).map(|number| format!("{number} ")).collect();
    for (name, sealed) in [(Some("bob"), true), (None, false)] {
        let named = name.map_or(vec![], |name| vec!["--name", name]);
        home.send(
            &[&[&*target, "--to", "alice", "-"], &named[..]].concat(),
            &long,
        );
        let heard = next();
        assert!(heard["text"] == *long, "another text came");
        assert_eq!(heard["sealed"], sealed);
        assert!(name.is_none_or(|name| heard["from"] == name));
    }
    let folder = Folder::new();
    let bytes = folder.file("bytes");
    std::fs::write(&bytes, b"\xff\x00\n:;").unwrap();
    let mut send = home.command(&["send", &target, "--to", "alice"]);
    send.stdin(std::fs::File::open(bytes).unwrap());
    assert!(send.output().unwrap().status.success());
    assert_eq!(next()["base64"], "/wAKOjs=");
    assert_eq!(alice.wait().0.code(), Some(0));
}

#[test]
fn each_message_can_be_a_command() {
    let (relay, home, folder) = (serve(&[]), Home::new(), Folder::new());
    let (target, out) = (relay.target(), folder.file("out"));
    let command = format!("test \"$RELAY_FROM\" = bob && cat >> {out}");
    let (listener, address) = home.listen(
        &target,
        &["--name", "alice", "--count", "3", "--exec", &command],
    );
    let read = ["--name", "bob", "--to", "alice", "--receipt", "read"];
    assert_eq!(
        home.send(&[&[&*target], &read[..], &["one "]].concat(), ""),
        "read\n"
    );
    home.send(&[&target, "--to", "alice", "not for it"], "");
    home.send(&[&[&*target], &read[..], &["two"]].concat(), "");
    let (status, messages) = listener.wait();
    assert_eq!(status.code(), Some(0), "{messages} {address}");
    assert!(messages.contains("--exec ended with"), "{messages}");
    assert_eq!(std::fs::read_to_string(out).unwrap(), "one two");
}

#[cfg(unix)]
#[test]
fn a_listener_ends_well_by_a_signal() {
    let (relay, home) = (serve(&[]), Home::new());
    let (listener, _) = home.listen(&relay.target(), &["--name", "alice"]);
    listener.signal(harness::Signal::SIGINT);
    assert_eq!(listener.wait().0.code(), Some(0));
    let away = home.run(&["send", &relay.target(), "--to", "alice", "hello"], "");
    assert_eq!(away.code(), Some(1));
    assert!(away.stderr.contains("alice is away"), "{away:?}");
}

#[test]
fn either_wire_writes_to_the_other() {
    let (relay, home) = (serve(&[]), Home::new());
    let target = relay.target();
    let (mut native, native_at) = home.listen(&target, &["--name", "alice"]);
    let (mut classic, classic_at) = home.listen(&target, &["--classic"]);
    home.send(&[&target, "--to", &classic_at, "to the old wire"], "");
    assert!(classic.next_line().ends_with(": to the old wire"));
    home.send(
        &[&target, "--classic", "--to", &native_at, "to the new wire"],
        "",
    );
    assert!(native.next_line().ends_with(": to the new wire"));
    let long = "x".repeat(2000);
    let refused = home.run(&["send", &target, "--to", &classic_at, "-"], &long);
    assert_eq!(refused.code(), Some(1));
    assert!(
        refused
            .stderr
            .contains("classic wire, which cannot say this"),
        "{refused:?}"
    );
}

#[test]
fn a_conversation_through_pipes() {
    let (relay, home) = (serve(&[]), Home::new());
    let target = relay.target();
    let (mut alice, _) = home.listen(&target, &["--name", "alice", "--room", "den"]);
    let typed =
        "to the room\n/msg alice to you\n/who\n/rooms\n/keys alice\n/msg nobody hi\n/nonsense\n";
    let chat = home.run(&["chat", &target, "--name", "bob", "--room", "den"], typed);
    assert_eq!(chat.code(), Some(0), "{chat:?}");
    let heard = [alice.next_line(), alice.next_line()];
    for words in ["#den bob: to the room", "bob: to you"] {
        assert!(heard.iter().any(|line| line == words), "{heard:?}");
    }
    for words in [
        "you are bob (127.0.0.1/",
        "you are in #den, with 1 other",
        "2: alice, bob",
        "#den (2)",
        "alice has the key ",
        "not delivered to nobody: nobody has ever gone by \"nobody\"",
        "there is no /nonsense",
    ] {
        assert!(chat.stdout.contains(words), "{words}: {}", chat.stdout);
    }
    let typed = "/join #other\n/leave\nto nobody\n";
    let chat = home.run(&["chat", &target, "--name", "bob"], typed);
    for words in ["you have left #other", "to whom?"] {
        assert!(chat.stdout.contains(words), "{words}: {}", chat.stdout);
    }
}

/// A stretch of network between clients and a relay, which keeps all that it carries.
struct Tapped {
    addr: SocketAddr,
    carried: Arc<Mutex<Vec<u8>>>,
}

impl Tapped {
    fn new(relay: SocketAddr) -> Self {
        let (front, carried) = (loopback_socket(), Arc::default());
        let tapped = Self {
            addr: front.local_addr().unwrap(),
            carried: Arc::clone(&carried),
        };
        thread::spawn(move || {
            let mut clients: Vec<(SocketAddr, UdpSocket)> = Vec::new();
            let mut buffer = [0; 65_535];
            while let Ok((length, from)) = front.recv_from(&mut buffer) {
                carried.lock().unwrap().extend_from_slice(&buffer[..length]);
                if !clients.iter().any(|(client, _)| *client == from) {
                    let back = carry_back(front.try_clone().unwrap(), from, relay, &carried);
                    clients.push((from, back));
                }
                let (_, there) = clients.iter().find(|(client, _)| *client == from).unwrap();
                let _ = there.send(&buffer[..length]);
            }
        });
        tapped
    }

    fn has_carried(&self, text: &str) -> bool {
        let carried = self.carried.lock().unwrap();
        carried
            .windows(text.len())
            .any(|place| place == text.as_bytes())
    }
}

fn carry_back(
    front: UdpSocket,
    client: SocketAddr,
    relay: SocketAddr,
    carried: &Arc<Mutex<Vec<u8>>>,
) -> UdpSocket {
    let socket = loopback_socket();
    socket.connect(relay).unwrap();
    let (there, carried) = (socket.try_clone().unwrap(), Arc::clone(carried));
    thread::spawn(move || {
        let mut buffer = [0; 65_535];
        while let Ok(length) = there.recv(&mut buffer) {
            carried.lock().unwrap().extend_from_slice(&buffer[..length]);
            let _ = front.send_to(&buffer[..length], client);
        }
    });
    socket
}

#[test]
fn between_names_neither_the_network_nor_the_relay_can_read() {
    const SECRET: &str = "the secret of the two of us";
    const OPEN: &str = "what everybody in the room may know";
    let (relay, home) = (serve(&[]), Home::new());
    let network = Tapped::new(relay.addr());
    let target = network.addr.to_string();
    let (mut alice, _) = home.listen(&target, &["--name", "alice", "--room", "den"]);
    home.send(
        &[
            &target,
            "--name",
            "bob",
            "--to",
            "alice",
            "--receipt",
            "read",
            SECRET,
        ],
        "",
    );
    assert_eq!(alice.next_line(), format!("bob: {SECRET}"));
    home.send(&[&target, "--name", "bob", "--to", "#den", OPEN], "");
    assert_eq!(alice.next_line(), format!("#den bob: {OPEN}"));
    assert!(network.has_carried(OPEN) && !network.has_carried(SECRET));
    #[cfg(target_os = "linux")]
    assert!(relay.remembers(OPEN.as_bytes()) && !relay.remembers(SECRET.as_bytes()));
}

#[test]
fn lines_are_sent_as_they_come() {
    use std::process::Stdio;

    let (relay, home) = (serve(&[]), Home::new());
    let target = relay.target();
    let (mut alice, _) = home.listen(&target, &["--name", "alice"]);
    let mut send = home.command(&["send", &target, "--to", "alice", "--lines", "--json"]);
    let mut send = send
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut typed = send.stdin.take().unwrap();
    for line in ["one", "two"] {
        writeln!(typed, "{line}").unwrap();
        assert!(alice.next_line().ends_with(line));
    }
    drop(typed);
    assert!(send.wait().unwrap().success());
    let mut said = String::new();
    send.stdout
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&said["done"], &said["failed"]), (&2.into(), &0.into()));
}
