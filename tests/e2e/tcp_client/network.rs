//! Hosts that cannot be reached, each in its own way: on a network of the test's own.

use harness::{Namespaces, finish};

/// A cable to a machine that takes every packet and answers none, and hosts behind it.
const STEPS: &[&str] = &[
    "ip link add {a} netns {a} type veth peer name {b} netns {b}",
    "ip -n {a} addr add 10.213.9.1/24 dev {a}",
    "ip -n {a} link set {a} up",
    "ip -n {b} link set {b} up",
    "ip -n {a} neigh add 10.213.9.9 lladdr 02:00:00:00:00:01 dev {a}",
    "ip -n {a} route add unreachable 10.213.10.1",
];

#[test]
fn a_host_that_cannot_be_reached_is_explained() {
    let Some(network) = Namespaces::new(2, STEPS) else {
        return;
    };
    let table = [
        (
            "10.213.9.9",
            "no answer from tcp://10.213.9.9:12000 within 300 ms; the host may be down, or a firewall",
        ),
        (
            "10.213.10.1",
            "cannot reach tcp://10.213.10.1:12000: No route to host",
        ),
        (
            "10.213.11.1",
            "cannot reach tcp://10.213.11.1:12000: Network is unreachable",
        ),
    ];
    for (host, words) in table {
        for command in ["client", "greet"] {
            let args = [command, host, "-t", "300ms"];
            let done = finish(network.command('a', "tcp-echo", &args), "hello");
            assert_eq!(
                (done.code(), done.stdout.as_str()),
                (Some(1), ""),
                "{done:?}"
            );
            assert!(done.stderr.contains(words), "{done:?}");
        }
    }
}
