//! What a community over several relays can do when all is well; with the programs that people use.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::super::Home;
use super::super::counted::Program;
use super::Fleet;
use crate::terminal::Terminal;

#[test]
fn a_name_at_one_relay_is_reached_from_another() {
    let Some(mut fleet) = Fleet::new(2) else {
        return;
    };
    let home = Home::new();
    let [here, there] = [&fleet.binds[0], &fleet.binds[1]];
    let (mut alice, _) = home.listen(here, &["--name", "alice"]);
    let (mut bob, _) = home.listen(there, &["--name", "bob"]);
    for (target, from, to, heard) in [
        (there, "carl", "alice", &mut alice),
        (here, "dora", "bob", &mut bob),
    ] {
        let args = [target, "--name", from, "--to", to, "--lines"];
        home.send(&args, "one\ntwo\nthree\n");
        for text in ["one", "two", "three"] {
            assert_eq!(heard.next_line(), format!("{from}: {text}"));
        }
        let args = [
            target,
            "--name",
            from,
            "--to",
            to,
            "--receipt",
            "read",
            "four",
        ];
        assert_eq!(home.send(&args, ""), "read\n");
        assert_eq!(heard.next_line(), format!("{from}: four"));
        let long = "long".repeat(20_000);
        home.send(&[target, "--name", from, "--to", to, "-"], &long);
        assert_eq!(heard.next_line(), format!("{from}: {long}"));
    }
    let nobody = home.run(&["send", here, "--name", "carl", "--to", "nobody", "x"], "");
    assert!(
        nobody.stderr.contains("nobody has ever gone by"),
        "{nobody:?}"
    );
    drop((alice, bob));
    fleet.end();
}

#[test]
fn rooms_span_all_relays() {
    let Some(mut fleet) = Fleet::new(3) else {
        return;
    };
    let home = Home::new();
    let mut listeners: Vec<_> = (0..3)
        .map(|number| {
            let name = format!("listener{number}");
            let args = ["--name", &name, "--room", "den"];
            home.listen(&fleet.binds[number], &args).0
        })
        .collect();
    for (number, bind) in fleet.binds.iter().enumerate() {
        let name = format!("sender{number}");
        home.send(
            &[bind, "--name", &name, "--to", "#den", "--lines"],
            "one\ntwo\n",
        );
        for listener in &mut listeners {
            assert_eq!(listener.next_line(), format!("#den {name}: one"));
            assert_eq!(listener.next_line(), format!("#den {name}: two"));
        }
    }
    let args = ["chat", &fleet.binds[1], "--name", "bob", "--room", "den"];
    let mut chat = Terminal::start(home.command(&args));
    for (typed, shown) in [
        ("/who\r", "-- 4: "),
        ("/rooms\r", "#den (4)"),
        ("/keys listener2\r", "listener2 has the key "),
    ] {
        chat.types(typed);
        chat.shows(shown);
    }
    chat.types("/quit\r");
    chat.ends(0);
    drop(listeners);
    fleet.end();
}

#[test]
fn the_status_shows_all_relays() {
    let Some(mut fleet) = Fleet::new(3) else {
        return;
    };
    let home = Home::new();
    let (_alice, _) = home.listen(&fleet.binds[2], &["--name", "alice"]);
    let mut asking = Program::new(None, &fleet.addrs()[..1], &Arc::default());
    asking.until_registered();
    asking.until_relays("all three are well", |relays| {
        let well = relays.iter().filter(|relay| relay.troubles.is_empty());
        let sessions: u64 = relays.iter().map(|relay| relay.sessions).sum();
        well.count() == 3 && sessions >= 2
    });
    let shown = home.run(&["status", &fleet.binds[0]], "");
    for number in 0..3 {
        assert!(
            shown.stdout.contains(&format!("relay {number}")),
            "{shown:?}"
        );
    }
    let json = home.run(&["status", &fleet.binds[0], "--json"], "");
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    let relays = json["relays"].as_array().unwrap();
    let mut labels: Vec<_> = relays
        .iter()
        .filter_map(|relay| relay["label"].as_str())
        .collect();
    labels.sort();
    assert_eq!(labels, ["relay 0", "relay 1", "relay 2"], "{json}");
    drop(_alice);
    fleet.end();
}

#[test]
fn a_name_is_one_at_all_relays() {
    let Some(mut fleet) = Fleet::new(2) else {
        return;
    };
    let (alice, eve) = (Home::new(), Home::new());
    let (first, _) = alice.listen(&fleet.binds[0], &["--name", "alice"]);
    let refused = eve.run(&["listen", &fleet.binds[1], "--name", "alice"], "");
    assert_eq!(refused.code(), Some(1), "{refused:?}");
    assert!(
        refused.stderr.contains("somebody else holds this name"),
        "{refused:?}"
    );
    // Of two that come at the same time, either may stay.
    thread::sleep(Duration::from_secs(1));
    let (mut second, _) = alice.listen(&fleet.binds[1], &["--name", "alice"]);
    let (status, messages) = first.wait();
    assert_eq!(status.code(), Some(1));
    assert!(messages.contains("from elsewhere"), "{messages}");
    eve.send(
        &[&fleet.binds[0], "--name", "eve", "--to", "alice", "hello"],
        "",
    );
    assert_eq!(second.next_line(), "eve: hello");
    drop(second);
    fleet.end();
}
