//! What goes wrong, and how it is said.

use harness::check_refusals;

use super::{Home, serve};

#[test]
fn what_goes_wrong_is_said_in_one_line() {
    let relay = serve(&[]);
    let target = &relay.target();
    let closed = &harness::loopback_socket().local_addr().unwrap().to_string();
    let table: &[(&[&str], &str)] = &[
        (
            &["send", target, "--to", "nobody", "x"],
            "nobody has ever gone by \"nobody\"",
        ),
        (
            &["send", target, "--to", "192.0.2.7/5", "x"],
            "nothing at 192.0.2.7/5 is registered",
        ),
        (
            &["send", target, "--to", "a b", "x"],
            "expected a name, a #room, or an address",
        ),
        (
            &["send", target, "--to", "#den", "--receipt", "read", "x"],
            "leave out --receipt",
        ),
        (&["send", closed, "--to", "alice", "x"], "port unreachable"),
        (
            &["send", "no.such.host.invalid", "--to", "alice", "x"],
            "cannot resolve",
        ),
        (
            &["listen", target, "--name", "a b"],
            "expected a name of 1 to 32",
        ),
        (&["listen", target, "--count", "0"], "invalid value '0'"),
        (&["serve", "--bind", target], "in use"),
    ];
    check_refusals("relay", table);
}

#[test]
fn a_name_stays_with_its_key() {
    let (relay, alice, eve) = (serve(&[]), Home::new(), Home::new());
    let target = relay.target();
    let (mut listener, _) = alice.listen(&target, &["--name", "alice"]);
    let refused = eve.run(&["listen", &target, "--name", "alice"], "");
    assert_eq!(refused.code(), Some(1));
    assert!(
        refused.stderr.contains("somebody else holds this name"),
        "{refused:?}"
    );
    eve.send(&[&target, "--name", "eve", "--to", "alice", "hello"], "");
    assert_eq!(listener.next_line(), "eve: hello");
    drop(listener);
    let (again, _) = alice.listen(&target, &["--name", "alice"]);
    let (_newer, _) = alice.listen(&target, &["--name", "alice"]);
    let (status, messages) = again.wait();
    assert_eq!(status.code(), Some(1));
    assert!(messages.contains("from elsewhere"), "{messages}");
}

#[test]
fn another_key_is_not_trusted_silently() {
    let (alice, bob, mallory) = (Home::new(), Home::new(), Home::new());
    let relay = serve(&[]);
    let (target, bind) = (relay.target(), relay.target());
    let (listener, _) = alice.listen(&target, &["--name", "alice"]);
    let to_alice = [&*target, "--name", "bob", "--to", "alice", "hello"];
    bob.send(&to_alice, "");
    drop(listener);
    relay.terminate();
    // It has forgotten whose names are.
    let _relay = harness::Server::start("relay", &["serve", "--bind", &bind]);
    let (_other, _) = mallory.listen(&target, &["--name", "alice"]);
    let refused = bob.run(&[&["send"], &to_alice[..]].concat(), "");
    assert_eq!(refused.code(), Some(1), "{refused:?}");
    assert!(
        refused.stderr.contains("the key of alice has changed"),
        "{refused:?}"
    );
    let known = bob.0.file("plumbline/relay/known_names");
    let lines = std::fs::read_to_string(&known).unwrap();
    let kept: Vec<_> = lines
        .lines()
        .filter(|line| !line.contains(" alice "))
        .collect();
    std::fs::write(&known, kept.join("\n")).unwrap();
    bob.send(&to_alice, "");
}

#[cfg(unix)]
#[test]
fn a_key_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;

    let (relay, home) = (serve(&[]), Home::new());
    let args = [
        "listen",
        &relay.target(),
        "--name",
        "alice",
        "--identity",
        &home.0.file("key"),
    ];
    let first = harness::Server::of(home.command(&args), 0);
    let mut first = first;
    first.next_line();
    drop(first);
    let mode = |mode| std::fs::set_permissions(home.0.file("key"), PermissionsExt::from_mode(mode));
    mode(0o644).unwrap();
    let refused = home.run(&args, "");
    assert_eq!(refused.code(), Some(1));
    assert!(refused.stderr.contains("chmod 600"), "{refused:?}");
}
