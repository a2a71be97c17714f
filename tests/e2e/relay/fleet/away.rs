//! Mail of a community: kept by way of one relay, fetched at another.

use super::super::Home;
use super::Fleet;

#[test]
fn mail_is_fetched_at_whichever_relay_they_come_to() {
    let Some(mut fleet) = Fleet::new(3) else {
        return;
    };
    let home = Home::new();
    let (alice, _) = home.listen(&fleet.binds[0], &["--name", "alice"]);
    alice.terminate();
    let long = "long".repeat(20_000);
    for number in [1, 2] {
        let (bind, name) = (&fleet.binds[number], format!("sender{number}"));
        let to_alice = |more: &[&str], stdin: &str| {
            let args = [&[bind, "--name", &name, "--to", "alice"], more].concat();
            home.send(&args, stdin)
        };
        to_alice(&["--lines"], "one\ntwo\nthree\n");
        to_alice(&["-"], &long);
    }
    for number in 0..3 {
        let relay = fleet.take(number);
        relay.terminate();
        fleet.start(number);
    }
    let (mut alice, _) = home.listen(&fleet.binds[2], &["--name", "alice"]);
    let mut heard: Vec<_> = (0..8).map(|_| alice.next_line()).collect();
    for number in [1, 2] {
        let theirs: Vec<_> = heard
            .extract_if(.., |line| line.contains(&format!("sender{number}")))
            .collect();
        let texts = ["one", "two", "three", &long];
        for (line, text) in theirs.iter().zip(texts) {
            assert!(line.ends_with(text), "{}", &line[..line.len().min(100)]);
        }
        assert_eq!(theirs.len(), 4);
    }
    assert!(heard.is_empty());
    alice.terminate();
    // What was fetched is kept no longer.
    let (mut alice, _) = home.listen(&fleet.binds[1], &["--name", "alice"]);
    let args = [
        &*fleet.binds[0],
        "--name",
        "sender1",
        "--to",
        "alice",
        "now",
    ];
    home.send(&args, "");
    assert_eq!(alice.next_line(), "sender1: now");
    drop(alice);
    fleet.end();
}
