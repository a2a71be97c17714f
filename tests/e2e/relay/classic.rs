//! The classic wire: the Python programs and ours, each in both roles.

use std::process::Command;

use harness::{Finished, Server, classic, finish, run};

use super::{Home, serve};

/// The classic relay.
fn python_relay() -> Option<Server> {
    Some(Server::of(classic("relay_server.py")?, 1))
}

fn python_client(server: &Server) -> Option<Command> {
    let mut client = classic("relay_client.py")?;
    client
        .arg("127.0.0.1")
        .arg(server.addr().port().to_string());
    Some(client)
}

/// What a client says after a question mark or a colon, without the questions.
fn answers(done: &Finished) -> Vec<String> {
    assert_eq!(done.code(), Some(0), "{done:?}");
    let questions = ["IP: ", "Port: ", "Message: ", "Choice: ", "Text: "];
    let lines = done.stdout.lines().map(|line| {
        let question = |line: &str| questions.iter().any(|question| line.starts_with(question));
        let mut line = line;
        while question(line) {
            line = line.split_once(": ").map_or("", |(_, rest)| rest);
        }
        line.to_owned()
    });
    let menu =
        |line: &String| line.starts_with(|c: char| c.is_ascii_digit()) && line.contains("  ");
    let menu_of_theirs = |line: &String| line.starts_with("1. My address");
    lines
        .filter(|line| !line.is_empty() && !menu(line) && !menu_of_theirs(line))
        .collect()
}

#[test]
fn the_five_choices_with_our_menu_and_either_relay() {
    let ours = serve(&[]);
    for relay in [Some(ours), python_relay()].into_iter().flatten() {
        let home = Home::new();
        let (mut listener, address) = home.listen(&relay.target(), &["--classic"]);
        let (ip, port) = address.split_once('/').unwrap();
        let typed = format!(
            "1\n6\n2\nhere\n{ip}\n0\n{port}\nhello there\n2\n{ip}\n{port}\na:b\n3\n20ms\n4\nno\n4\nyes\n5\n"
        );
        let done = run("relay", &["menu", &relay.target()], &typed);
        let said = answers(&done);
        let expected = [
            "Your address: 127.0.0.1, port ",
            "Expected a number from 1 to 5, got '6'.",
            "Expected an address such as 192.0.2.7",
            "Expected a number from 1 to 65535, got '0'.",
            "Sent (200): the relay has passed it on.",
            "Not sent: the relay speaks the classic wire, which cannot say this",
            "How long",
            "Stop it for everybody? (yes/no): It goes on.",
            "Stop it for everybody? (yes/no): The relay has stopped.",
        ];
        assert_eq!(said.len(), expected.len(), "{said:#?}");
        for (said, expected) in said.iter().zip(expected) {
            assert!(said.starts_with(expected), "{said} is not {expected}");
        }
        let heard = listener.next_line();
        assert!(heard.ends_with(": hello there"), "{heard}");
        assert_eq!(relay.wait().0.code(), Some(0));
    }
}

#[test]
fn the_five_choices_with_the_python_menu_and_our_relay() {
    let relay = serve(&[]);
    let Some(client) = python_client(&relay) else {
        return;
    };
    let home = Home::new();
    let (mut listener, address) = home.listen(&relay.target(), &[]);
    let (ip, port) = address.split_once('/').unwrap();
    let typed = format!("1\n2\n{ip}\n{port}\nhello\n2\n{ip}\nx\nhello\n2\n{ip}\n1\nhello\n4\n5\n");
    let said = answers(&finish(client, &typed));
    let (own, statuses) = said.split_first().unwrap();
    assert!(own.starts_with("('127.0.0.1', "), "{own}");
    let expected = [
        "200, UDP Packet Sent Successfully",
        "403",
        "405, Could not send the message to the requested address",
    ];
    assert_eq!(statuses, expected);
    let port = own.split([' ', ')']).nth(1).unwrap();
    assert_eq!(listener.next_line(), format!("127.0.0.1/{port}: hello"));
    assert_eq!(relay.wait().0.code(), Some(0));
}

#[test]
fn two_python_clients_through_our_relay() {
    use std::io::{BufRead, BufReader, Write};
    use std::process::Stdio;

    let relay = serve(&[]);
    let (Some(mut one), Some(other)) = (python_client(&relay), python_client(&relay)) else {
        return;
    };
    let mut one = one
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut typed, mut lines) = (
        one.stdin.take().unwrap(),
        BufReader::new(one.stdout.take().unwrap()).lines(),
    );
    typed.write_all(b"1\n").unwrap();
    let mut next = || {
        lines
            .by_ref()
            .map(Result::unwrap)
            .find(|line| !line.starts_with("1."))
    };
    let own = next().unwrap();
    let port = own.split([' ', ')']).nth(1).unwrap().to_owned();
    typed.write_all(b"3\n").unwrap();
    let said = answers(&finish(
        other,
        &format!("2\n127.0.0.1\n{port}\nhello from afar\n5\n"),
    ));
    assert_eq!(said, ["200, UDP Packet Sent Successfully"]);
    let heard = next().unwrap();
    assert!(heard.ends_with(" ; content : hello from afar"), "{heard}");
    typed.write_all(b"5\n").unwrap();
    assert!(one.wait().unwrap().success());
}

#[test]
fn ours_through_the_python_relay() {
    let Some(relay) = python_relay() else { return };
    let (home, target) = (Home::new(), relay.target());
    let (mut listener, address) = home.listen(&target, &[]);
    let sent = home.send(&[&target, "--to", &address, "found out by itself"], "");
    assert_eq!(sent, "queued\n");
    assert!(listener.next_line().ends_with(": found out by itself"));
    home.send(&[&target, "--to", &address, "--lines"], "one\ntwo\n");
    for expected in ["one", "two"] {
        assert!(listener.next_line().ends_with(expected));
    }
    let status = home.run(&["status", &target], "");
    assert!(
        status.stdout.contains("answers on the classic wire"),
        "{status:?}"
    );
    let typed = format!("/msg {address} from a chat\n/rooms\nnobody\n");
    let chat = home.run(&["chat", &target], &typed);
    assert_eq!(chat.code(), Some(0), "{chat:?}");
    for words in [
        "speaks the classic wire",
        "knows addresses alone",
        "to whom?",
    ] {
        assert!(chat.stdout.contains(words), "{words}: {chat:?}");
    }
    assert!(listener.next_line().ends_with(": from a chat"));
    let table: &[(&[&str], &str)] = &[
        (&["send", &target, "--to", "alice", "x"], "has no names"),
        (
            &["send", &target, "--to", &address, "a:b"],
            "expected content without ':'",
        ),
        (&["listen", &target, "--room", "den"], "has no rooms"),
        (
            &["send", &target, "--to", &address, "--receipt", "read", "x"],
            "leave out --receipt",
        ),
    ];
    harness::check_refusals("relay", table);
    let named = home.run(&["listen", &target, "--name", "alice"], "");
    assert!(named.stderr.contains("leave out --name"), "{named:?}");
}
