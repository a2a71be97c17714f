//! A relay that goes away and comes back.

use std::io::Write;
use std::process::Stdio;

use harness::Server;

use super::Home;

/// Starts the relay where it was.
fn serve_at(bind: &str, names: &str) -> Server {
    Server::start("relay", &["serve", "--bind", bind, "--names", names])
}

#[cfg(unix)]
#[test]
fn what_is_written_meanwhile_arrives() {
    let (home, folder) = (Home::new(), harness::Folder::new());
    let names = folder.file("names");
    let relay = serve_at(super::HERE, &names);
    let target = relay.target();
    let (mut alice, _) = home.listen(&target, &["--name", "alice", "--room", "den"]);
    let mut chat = home.command(&["chat", &target, "--name", "bob", "--room", "den"]);
    chat.stdin(Stdio::piped());
    let mut chat = chat.stdout(Stdio::null()).spawn().unwrap();
    let mut typed = chat.stdin.take().unwrap();
    writeln!(typed, "before").unwrap();
    assert_eq!(alice.next_line(), "#den bob: before");

    relay.signal(harness::Signal::SIGKILL);
    relay.wait();
    for line in ["one", "two"] {
        writeln!(typed, "{line}").unwrap();
    }
    let mut sending = home.command(&[
        "send", &target, "--name", "carol", "--to", "#den", "-t", "50s", "three",
    ]);
    // Nothing listens there now: it says so at once.
    let refused = sending.output().unwrap();
    assert_eq!(refused.status.code(), Some(1));

    let relay = serve_at(&target, &names);
    assert!(alice.next_line().starts_with("registered as "));
    for line in ["#den bob: one", "#den bob: two"] {
        assert_eq!(alice.next_line(), line);
    }
    drop(typed);
    assert!(chat.wait().unwrap().success());
    relay.terminate();
}
