//! Somebody is away, and back; with the programs that people use.

use std::fs;
use std::path::Path;

use harness::Server;
use serde_json::Value;

use super::super::Home;
use super::Kept;

/// The next message that somebody hears as JSON.
fn next_message(listener: &mut Server) -> Value {
    let line = listener.next_line();
    let message: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(message["type"], "message", "{line}");
    message
}

/// Goes by this name, and leaves.
fn introduce(home: &Home, target: &str, name: &str) {
    let (listener, _) = home.listen(target, &["--name", name]);
    let (status, messages) = listener.terminate();
    assert_eq!(status.code(), Some(0), "{messages}");
}

#[test]
fn what_is_sent_to_somebody_away_is_heard_when_they_come() {
    let (mut kept, home) = (Kept::new(&[]), Home::new());
    let relay = kept.start();
    let target = relay.target();
    introduce(&home, &target, "alice");
    home.send(&[&target, "--name", "bob", "--to", "alice", "one"], "");
    home.send(
        &[&target, "--name", "bob", "--to", "alice", "--lines"],
        "two\nthree\n",
    );
    let long = "four ".repeat(50_000);
    home.send(&[&target, "--name", "bob", "--to", "alice", "-"], &long);
    relay.terminate();

    let relay = kept.start();
    let args = ["--name", "alice", "--json", "--count", "5"];
    let args = [&["listen", &target], &args[..]].concat();
    let mut alice = Server::of(home.command(&args), 0);
    alice.next_line(); // registered
    for text in ["one", "two", "three", &long] {
        let message = next_message(&mut alice);
        assert_eq!(message["text"], text);
        assert_eq!(
            (&message["from"], &message["sealed"]),
            (&"bob".into(), &true.into())
        );
        assert!(message["waited_s"].as_u64() > Some(0), "{text}");
    }
    home.send(&[&target, "--name", "bob", "--to", "alice", "five"], "");
    let message = next_message(&mut alice);
    assert_eq!(message["text"], "five");
    assert_eq!(message["waited_s"], 0, "{message}");
    let (status, messages) = alice.wait();
    assert_eq!(status.code(), Some(0), "{messages}");

    // What was fetched is kept no longer.
    let (mut alice, _) = home.listen(&target, &["--name", "alice"]);
    home.send(&[&target, "--name", "bob", "--to", "alice", "six"], "");
    assert_eq!(alice.next_line(), "bob: six");
    relay.terminate();
}

#[test]
fn mail_is_sealed_on_the_disk() {
    const SECRET: &str = "what neither the relay nor its disk may know";
    let (mut kept, home) = (Kept::new(&[]), Home::new());
    let relay = kept.start();
    let target = relay.target();
    introduce(&home, &target, "alice");
    relay.terminate();
    // Whose the name is, it knows from its store: bob seals for a key that he has never seen.
    let (relay, bob) = (kept.start(), Home::new());
    bob.send(&[&target, "--name", "bob", "--to", "alice", SECRET], "");
    relay.terminate();
    let relay = kept.start();
    assert!(!holds(
        Path::new(&kept.folder.file("mail")),
        SECRET.as_bytes()
    ));
    let (mut alice, _) = home.listen(&target, &["--name", "alice"]);
    let heard = alice.next_line();
    assert!(
        heard.starts_with("bob") && heard.ends_with(SECRET),
        "{heard}"
    );
    relay.terminate();
}

/// Whether any file below has these bytes.
fn holds(folder: &Path, bytes: &[u8]) -> bool {
    let mut entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries.any(|path| match path.is_dir() {
        true => holds(&path, bytes),
        false => {
            let content = fs::read(&path).unwrap();
            content.windows(bytes.len()).any(|place| place == bytes)
        }
    })
}

#[test]
fn who_has_no_name_leaves_no_mail() {
    let (mut kept, home) = (Kept::new(&[]), Home::new());
    let relay = kept.start();
    let target = relay.target();
    introduce(&home, &target, "alice");
    let refused = home.run(&["send", &target, "--to", "alice", "who am I"], "");
    assert_eq!(refused.code(), Some(1), "{refused:?}");
    assert!(
        refused.stderr.contains("only from those who go by a name"),
        "{refused:?}"
    );
    let args = ["send", &target, "--name", "bob", "--to", "nobody", "x"];
    let refused = home.run(&args, "");
    assert!(
        refused.stderr.contains("nobody has ever gone by"),
        "{refused:?}"
    );
    let (mut alice, _) = home.listen(&target, &["--name", "alice"]);
    home.send(&[&target, "--to", "alice", "now you are there"], "");
    assert!(alice.next_line().ends_with(": now you are there"));
    relay.terminate();
}

#[test]
fn one_who_has_used_up_their_room_leaves_others_theirs() {
    let (mut kept, home) = (Kept::new(&["--quota", "3"]), Home::new());
    let relay = kept.start();
    let target = relay.target();
    for name in ["alice", "dave"] {
        introduce(&home, &target, name);
    }
    let lines = "1\n2\n3\n4\n5\n";
    let args = ["send", &target, "--name", "bob", "--to", "alice", "--lines"];
    let sent = home.run(&args, lines);
    assert_eq!(sent.code(), Some(4), "{sent:?}");
    assert_eq!(
        sent.stderr.matches("as much mail from you").count(),
        2,
        "{sent:?}"
    );
    home.send(&[&target, "--name", "carol", "--to", "alice", "hers"], "");
    home.send(&[&target, "--name", "bob", "--to", "dave", "another's"], "");
    let (mut alice, _) = home.listen(&target, &["--name", "alice"]);
    let mut heard: Vec<_> = (0..4).map(|_| alice.next_line()).collect();
    heard.sort();
    let said = |line: &String, text: &str| line.ends_with(&format!(": {text}"));
    for text in ["1", "2", "3", "hers"] {
        assert!(
            heard.iter().any(|line| said(line, text)),
            "{text}: {heard:?}"
        );
    }
    alice.terminate();
    // There is room again.
    home.send(&[&target, "--name", "bob", "--to", "alice", "6"], "");
    relay.terminate();
}
