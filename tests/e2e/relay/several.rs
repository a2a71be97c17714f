//! Clients that know several relays: one is lost, they go on with the next.

use harness::Server;

use super::{HERE, Home, serve};

#[cfg(unix)]
#[test]
fn a_client_goes_on_to_the_next_relay() {
    let home = Home::new();
    let (first, second) = (serve(&[]), serve(&[]));
    let both = format!("{},{}", first.target(), second.target());
    let (mut bob, _) = home.listen(&both, &["--name", "bob", "--room", "den"]);
    home.send(&[&both, "--name", "alice", "--to", "bob", "one"], "");
    assert_eq!(bob.next_line(), "alice: one");

    first.signal(harness::Signal::SIGKILL);
    first.wait();
    assert!(bob.next_line().starts_with("registered as "));
    home.send(&[&both, "--name", "alice", "--to", "bob", "two"], "");
    assert_eq!(bob.next_line(), "alice: two");
    home.send(&[&both, "--to", "#den", "three"], "");
    assert!(bob.next_line().ends_with(": three"));

    let status = home.run(&["status", &both, "--json"], "");
    let status: serde_json::Value = serde_json::from_str(&status.stdout).unwrap();
    assert_eq!(status["relay"], second.target());
    second.terminate();
}

#[cfg(unix)]
#[test]
fn a_relay_that_stops_sends_its_clients_on() {
    let home = Home::new();
    let (first, second) = (serve(&[]), serve(&[]));
    let both = format!("{},{}", first.target(), second.target());
    let (mut bob, _) = home.listen(&both, &["--name", "bob"]);
    first.terminate();
    assert!(bob.next_line().starts_with("registered as "));
    home.send(
        &[&second.target(), "--name", "alice", "--to", "bob", "hi"],
        "",
    );
    assert_eq!(bob.next_line(), "alice: hi");
    second.terminate();
}

#[test]
fn where_no_relay_is_all_are_named() {
    let home = Home::new();
    let gone: Vec<_> = (0..2)
        .map(|_| {
            let relay = Server::start("relay", &["serve", "--bind", HERE]);
            let target = relay.target();
            relay.terminate();
            target
        })
        .collect();
    let both = gone.join(",");
    let refused = home.run(&["send", &both, "--to", "alice", "x"], "");
    assert_eq!(refused.code(), Some(1));
    assert!(refused.stderr.contains(&both), "{refused:?}");
}
