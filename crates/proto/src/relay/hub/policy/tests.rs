use super::*;
use crate::relay::Incoming;
use crate::relay::hub::{ExitPolicy, Reach};

fn settings() -> Settings {
    let own = [
        "192.0.2.1",
        "10.0.0.1",
        "2001:db8::1",
        "fe80::1",
        "10.0.0.255",
    ];
    Settings {
        targets: Targets::Any,
        exit: ExitPolicy::Never,
        secret: [0; 32],
        own: own.map(|ip| ip.parse().unwrap()).to_vec(),
        ports: vec![9000, 9001],
        clients: 10,
        history: 0,
        reach: Reach::Here,
    }
}

/// Senders: elsewhere, in the same network, on the same link, on the same machine in two ways.
const SENDERS: [&str; 5] = [
    "203.0.113.9:5000",
    "10.9.9.9:5000",
    "169.254.3.4:5000",
    "127.0.0.1:5000",
    "192.0.2.1:5000",
];

/// Which of the senders may have this target written to: a letter each, `-` for those who may not.
fn who(to: SocketAddr) -> String {
    let letters = SENDERS.iter().zip("gplho".chars());
    letters
        .map(|(from, letter)| {
            let may = may_write(&settings(), from.parse().unwrap(), to);
            if may { letter } else { '-' }
        })
        .collect()
}

#[test]
fn who_may_write_where() {
    let table = [
        ("198.51.100.7:80", "gplho"),
        ("[2001:db8::7]:80", "gplho"),
        // Unspecified, reserved, multicast, broadcast.
        ("0.0.0.0:80", "-----"),
        ("0.1.2.3:80", "-----"),
        ("224.0.0.1:80", "-----"),
        ("239.255.255.255:80", "-----"),
        ("240.0.0.1:80", "-----"),
        ("255.255.255.255:80", "-----"),
        ("[::]:80", "-----"),
        ("[ff02::1]:80", "-----"),
        ("198.51.100.7:0", "-----"),
        // By scope: o comes from a global address, but is this machine.
        ("127.0.0.1:80", "---h-"),
        ("127.255.255.254:80", "---h-"),
        ("[::1]:80", "---h-"),
        ("169.254.169.254:80", "--lh-"),
        ("[fe80::2]:80", "--lh-"),
        ("10.1.2.3:80", "-plh-"),
        ("172.16.0.1:80", "-plh-"),
        ("172.31.255.255:80", "-plh-"),
        ("172.32.0.1:80", "gplho"),
        ("192.168.1.1:80", "-plh-"),
        ("100.64.0.1:80", "-plh-"),
        ("100.128.0.1:80", "gplho"),
        ("198.18.0.1:80", "-plh-"),
        ("[fd00::1]:80", "-plh-"),
        ("[fec0::1]:80", "-plh-"),
        // The relay's own.
        ("192.0.2.1:80", "---ho"),
        ("[2001:db8::1]:80", "---ho"),
        ("10.0.0.1:80", "---h-"),
        ("[fe80::1]:80", "---h-"),
        ("10.0.0.255:80", "---h-"),
        ("192.0.2.1:9000", "-----"),
        ("127.0.0.1:9000", "-----"),
        ("127.0.0.2:9001", "-----"),
        ("[::1]:9000", "-----"),
        ("[::ffff:127.0.0.1]:9000", "-----"),
        ("[64:ff9b::c000:201]:9000", "-----"),
        ("198.51.100.7:9000", "gplho"),
        // In other dress: mapped, NAT64, 6to4.
        ("[::ffff:127.0.0.1]:80", "---h-"),
        ("[::ffff:7f00:1]:80", "---h-"),
        ("[::ffff:0.0.0.0]:80", "-----"),
        ("[::ffff:10.1.2.3]:80", "-plh-"),
        ("[::ffff:192.0.2.1]:80", "---ho"),
        ("[::ffff:255.255.255.255]:80", "-----"),
        ("[::ffff:198.51.100.7]:80", "gplho"),
        ("[64:ff9b::7f00:1]:80", "---h-"),
        ("[64:ff9b::a9fe:a9fe]:80", "--lh-"),
        ("[64:ff9b::e000:1]:80", "-----"),
        ("[64:ff9b::198.51.100.7]:80", "gplho"),
        ("[2002:7f00:1::]:80", "---h-"),
        ("[2002:a00:1::1]:80", "---h-"),
        ("[2002:a00:2::1]:80", "-plh-"),
        ("[2002:c633:6407::1]:80", "gplho"),
        // Compatible, translated, Teredo, ISATAP, NAT64 of a network.
        ("[::127.0.0.1]:80", "-----"),
        ("[::2]:80", "-----"),
        ("[::198.51.100.7]:80", "-----"),
        ("[::ffff:0:127.0.0.1]:80", "-----"),
        ("[2001:0:4136:e378:8000:63bf:3fff:fdd2]:80", "-----"),
        ("[2001:db8::5efe:7f00:1]:80", "-----"),
        ("[2001:db8::200:5efe:7f00:1]:80", "-----"),
        ("[64:ff9b:1::7f00:1]:80", "-----"),
    ];
    for (to, expected) in table {
        assert_eq!(who(to.parse().unwrap()), expected, "{to}");
    }
}

#[test]
fn a_sender_in_other_dress_is_who_it_is() {
    let write =
        |from: &str, to: &str| may_write(&settings(), from.parse().unwrap(), to.parse().unwrap());
    assert!(write("[::ffff:127.0.0.1]:1", "127.0.0.1:80"));
    assert!(write("[::ffff:192.0.2.1]:1", "192.0.2.1:80"));
    assert!(!write("[::ffff:203.0.113.9]:1", "10.1.2.3:80"));
    assert!(!write("[::127.0.0.1]:1", "127.0.0.1:80"));
}

/// What a message can name. The spellings that other programs read as addresses are none here.
#[test]
fn targets_as_they_are_spelt() {
    let spelt = [
        "0",
        "127.1",
        "0x7f.1",
        "0x7f000001",
        "2130706433",
        "017700000001",
        "127.0.0.01",
        "127.0.0.1.",
        "127.0.0.1%lo",
        "localhost",
        "",
        "*",
        "[::1%lo]",
        "[fe80::1%2]",
        "[127.0.0.1]",
        "[0]",
        "[::ffff:127.1]",
        "[::1",
        "0.0.0.0",
        "127.0.0.1",
        "[::]",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::FFFF:7F00:1]",
        "[::127.0.0.1]",
        "[0:0:0:0:0:ffff:127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[2002:7f00:1::]",
        "10.0.0.1",
        "169.254.169.254",
        "255.255.255.255",
        "192.0.2.1",
        "[fe80::1]",
        "[fd00::1]",
    ];
    for ip in spelt {
        let text = format!("to : {ip} / 9000 ; content : a");
        match Incoming::decode(text.as_bytes()) {
            Incoming::Message(message) => {
                let from = SENDERS[0].parse().unwrap();
                assert!(!may_write(&settings(), from, message.to), "{ip}");
            }
            Incoming::Rejected(_) => {}
            other => panic!("{ip}: {other:?}"),
        }
    }
}

#[test]
fn who_may_register() {
    let table = [
        ("198.51.100.7:4000", true),
        ("127.0.0.1:4000", true),
        ("10.1.2.3:9000", true),
        ("192.0.2.1:4000", true),
        ("192.0.2.1:9000", false),
        ("127.0.0.1:9000", false),
        ("[::ffff:127.0.0.1]:9001", false),
        ("198.51.100.7:0", false),
        ("0.0.0.0:4000", false),
        ("224.0.0.1:4000", false),
        ("255.255.255.255:4000", false),
        ("[::]:4000", false),
        ("[ff02::1]:4000", false),
    ];
    for (addr, expected) in table {
        assert_eq!(
            may_register(&settings(), addr.parse().unwrap()),
            expected,
            "{addr}"
        );
    }
}
