//! Servers that offer themselves, in a network of the test's own.

use harness::Namespaces;

use super::*;

/// Two hosts and a cable.
const CABLED: &[&str] = &[
    "ip link add {a} netns {a} type veth peer name {b} netns {b}",
    "ip -n {a} addr add 10.213.9.1/24 dev {a}",
    "ip -n {b} addr add 10.213.9.2/24 dev {b}",
    "ip -n {a} link set lo up",
    "ip -n {b} link set lo up",
    "ip -n {a} link set {a} up",
    "ip -n {b} link set {b} up",
];

#[test]
fn a_server_that_offers_itself_is_found() {
    let Some(hosts) = Namespaces::new(2, CABLED) else {
        return;
    };
    let folder = Folder::new();
    let (source, key) = (file(&folder, "a", 100_000), key_file(&folder));
    let get = |output: &str| {
        let args = ["get", "--key-file", &key, "-o", output];
        finish(hosts.command('b', "filexfer", &args), "")
    };
    let none = get(&folder.file("none"));
    assert_eq!(none.code(), Some(1), "{none:?}");
    assert!(none.stderr.contains("found none"), "{none:?}");
    let serve = [
        "serve",
        &source,
        "--key-file",
        &key,
        "--announce",
        "--bind",
        "10.213.9.1:9090",
    ];
    let _server = Server::of(hosts.command('a', "filexfer", &serve), 1);
    let got = get(&folder.file("b"));
    assert_eq!(got.code(), Some(0), "{got:?}");
    assert!(got.stderr.contains("10.213.9.1:9090"), "{got:?}");
    same(&source, &folder.file("b"));
    let second = [
        "serve",
        &source,
        "--key-file",
        &key,
        "--announce",
        "--bind",
        "10.213.9.1:9091",
    ];
    let _second = Server::of(hosts.command('a', "filexfer", &second), 1);
    // It is some time until a name is announced: others are asked first whether they have it.
    let mut asked = (0..5).map(|number| get(&folder.file(&format!("c{number}"))));
    let several = asked.find(|got| got.code() == Some(1)).unwrap();
    for addr in ["10.213.9.1:9090", "10.213.9.1:9091"] {
        assert!(several.stderr.contains(addr), "{several:?}");
    }
}
