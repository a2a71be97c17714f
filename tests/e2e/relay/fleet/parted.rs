//! A relay that its network parts from NATS, while its clients still reach it.

use std::sync::Arc;

use harness::{Namespaces, Nats, Server, say};
use proto::relay::native::frames::{Trouble, Why};

use super::super::counted::{Habit, Place, Play, Program};

/// Clients are at `a`, NATS at `b`, relays at `c` and `d`. Clients and NATS each have a cable to either relay.
const CABLED: &[&str] = &[
    "ip link add {c} netns {a} type veth peer name {a} netns {c}",
    "ip link add {d} netns {a} type veth peer name {a} netns {d}",
    "ip link add {c} netns {b} type veth peer name {b} netns {c}",
    "ip link add {d} netns {b} type veth peer name {b} netns {d}",
    "ip -n {a} addr add 10.213.1.1/24 dev {c}",
    "ip -n {a} addr add 10.213.2.1/24 dev {d}",
    "ip -n {b} addr add 10.213.3.1/24 dev {c}",
    "ip -n {b} addr add 10.213.4.1/24 dev {d}",
    "ip -n {b} addr add 10.213.5.1/32 dev lo",
    "ip -n {c} addr add 10.213.1.2/24 dev {a}",
    "ip -n {c} addr add 10.213.3.2/24 dev {b}",
    "ip -n {d} addr add 10.213.2.2/24 dev {a}",
    "ip -n {d} addr add 10.213.4.2/24 dev {b}",
    "ip -n {a} link set {c} up",
    "ip -n {a} link set {d} up",
    "ip -n {b} link set {c} up",
    "ip -n {b} link set {d} up",
    "ip -n {b} link set lo up",
    "ip -n {c} link set {a} up",
    "ip -n {c} link set {b} up",
    "ip -n {d} link set {a} up",
    "ip -n {d} link set {b} up",
    "ip -n {c} route add 10.213.5.1/32 via 10.213.3.1",
    "ip -n {d} route add 10.213.5.1/32 via 10.213.4.1",
];

/// At the end of the cable.
const PART: &str = "ip -n {b} link set {c} down";
const HEAL: &[&str] = &["ip -n {b} link set {c} up"];

fn serve(namespaces: &Namespaces, letter: char, bind: &str, nats: &Nats) -> Server {
    let (url, label) = (nats.url(), format!("at {letter}"));
    let args = ["serve", "--bind", bind, "--nats", &url, "--label", &label];
    Server::of(namespaces.command(letter, "relay", &args), 1)
}

#[test]
fn a_partition_heals() {
    let Some(namespaces) = Namespaces::new(4, CABLED).map(Arc::new) else {
        return;
    };
    let Some(nats) = Nats::within(&namespaces, 'b', "10.213.5.1") else {
        return;
    };
    let first = serve(&namespaces, 'c', "10.213.1.2:9000", &nats);
    let second = serve(&namespaces, 'd', "10.213.2.2:9000", &nats);
    let relays = [first.addr(), second.addr()];
    let place = Place(Some(Arc::clone(&namespaces)));
    let mut asking = Program::at(place.clone(), None, &relays[..1], &Arc::default());
    let play = Play {
        senders: &["sender1", "sender2"],
        receivers: &[
            ("ann", Habit::Stays),
            ("ben", Habit::Stays),
            ("cleo", Habit::Roams),
            ("dan", Habit::Restarts),
        ],
        place,
        relays: &relays,
        seed: 3,
    };
    let (count, tally) = play.run(|tally| {
        tally.wait("it runs", |count| count.queued >= 300);
        tally.crash();
        namespaces.change(PART);
        asking.until_registered();
        asking.until_relays("it says that it is cut off", |relays| {
            relays[0].troubles.contains(&Trouble::CutOff)
        });
        HEAL.iter().for_each(|step| namespaces.change(step));
        asking.until_relays("both are joined again", |relays| {
            let well = relays.iter().filter(|relay| relay.troubles.is_empty());
            well.count() == 2
        });
        let enough = tally.count().queued + 300;
        tally.wait("it goes on", |count| count.queued >= enough);
    });
    say(&format!("parted and healed: {count}"));
    let expected = tally.refused(Why::CutOff) as u64 + tally.torn();
    assert_eq!(count.refused, expected, "{:?}", tally.refusals());
    for relay in [first, second] {
        let (status, messages) = relay.terminate();
        assert_eq!(status.code(), Some(0), "{messages}");
    }
}
