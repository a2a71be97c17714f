//! What the hub says on the classic wire, with time in hand.

use std::net::IpAddr;

use proptest::prelude::*;

use super::*;
use crate::relay::hub::{Reach, RunId};

const NOW: Duration = Duration::from_secs(1000);

fn settings() -> Settings {
    Settings {
        targets: Targets::Registered,
        exit: ExitPolicy::Loopback,
        secret: [7; 32],
        own: vec![IpAddr::from([192, 0, 2, 1])],
        ports: vec![9000],
        clients: 1000,
        history: 10,
        reach: Reach::Here,
    }
}

/// A hub, what it has to send, and whom the system does not send to.
struct Relay {
    hub: Hub,
    out: Outbox,
    unreachable: Vec<SocketAddr>,
    now: Duration,
}

/// A datagram that was sent: to whom, by which way, and what.
type Sent = (SocketAddr, Via, String);

impl Relay {
    fn new(settings: Settings) -> Self {
        Self {
            hub: Hub::new(settings, NOW),
            out: Outbox::new(),
            unreachable: Vec::new(),
            now: NOW,
        }
    }

    fn hear(&mut self, from: &str, datagram: &[u8]) {
        let burst = Burst {
            from: addr(from),
            via: Via(3),
            bytes: datagram,
            size: datagram.len(),
        };
        self.hub.handle(&burst, self.now, &mut self.out);
    }

    /// Sends what is to be sent, and then the answers.
    fn send(&mut self) -> Vec<Sent> {
        self.hub.flush(self.now, &mut self.out);
        let mut sent = self.put_out();
        self.hub.answer(self.now, &mut self.out);
        sent.extend(self.put_out());
        self.out.clear();
        sent
    }

    fn put_out(&mut self) -> Vec<Sent> {
        let mut sent = Vec::new();
        let mut failed = Vec::new();
        for (number, run) in self.out.runs().enumerate() {
            if self.unreachable.contains(&run.to) {
                failed.push(RunId(number as u32));
                continue;
            }
            for datagram in run.datagrams.chunks(run.size) {
                let text = String::from_utf8_lossy(datagram).into_owned();
                sent.push((run.to, run.via, text));
            }
        }
        failed.into_iter().for_each(|run| self.out.fail(run));
        sent
    }

    /// What is sent after this datagram: to whom and what.
    fn ask(&mut self, from: &str, datagram: &[u8]) -> Vec<(String, String)> {
        self.hear(from, datagram);
        let sent = self.send().into_iter();
        sent.map(|(to, _, text)| (to.to_string(), text)).collect()
    }
}

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

const ALICE: &str = "198.51.100.7:4001";
const BOB: &str = "[2001:db8::7]:4002";
const SENT: &str = "200, UDP Packet Sent Successfully";
const NOT_SENT: &str = "405, Could not send the message to the requested address";

fn told(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(to, text): &(&str, &str)| (to.to_string(), text.to_string());
    pairs.iter().map(owned).collect()
}

#[test]
fn a_conversation() {
    let mut relay = Relay::new(settings());
    let tuple = "('198.51.100.7', 4001)";
    assert_eq!(relay.ask(ALICE, b"hii"), told(&[(ALICE, tuple)]));
    let tuple = "('2001:db8::7', 4002, 0, 0)";
    assert_eq!(relay.ask(BOB, b"HII"), told(&[(BOB, tuple)]));
    assert_eq!(relay.hub.counts(NOW).classic_clients, 2);
    let text = b"to : [2001:db8::7] / 4002 ; content : hi; Bob ";
    let delivery = "198.51.100.7/4001 ; content : hi; Bob";
    assert_eq!(
        relay.ask(ALICE, text),
        told(&[(BOB, delivery), (ALICE, SENT)])
    );
    let text = b"to:198.51.100.7/4001;content:hi Alice";
    let delivery = "[2001:db8::7]/4002 ; content : hi Alice";
    assert_eq!(
        relay.ask(BOB, text),
        told(&[(ALICE, delivery), (BOB, SENT)])
    );
    let counts = relay.hub.counts(NOW);
    assert_eq!(
        (counts.hellos, counts.messages, counts.deliveries),
        (2, 2, 2)
    );
}

/// Alice and Bob are registered.
fn with_both(settings: Settings) -> Relay {
    let mut relay = Relay::new(settings);
    for who in [ALICE, BOB] {
        relay.ask(who, b"hii");
    }
    relay
}

#[test]
fn the_documented_table() {
    let mut relay = with_both(settings());
    let to_bob = "to : [2001:db8::7] / 4002";
    let table = [
        ("good morning".to_owned(), "400"),
        ("to 198.51.100.7 / 4001 ; content : a".to_owned(), "401"),
        (format!("{to_bob} ; content : a : b"), "401"),
        (format!("from{to_bob} ; content : a"), "402"),
        ("to : 198.51.100.7 / x ; content : a".to_owned(), "403"),
        (format!("{to_bob} ; text : a"), "404"),
        ("to : 198.51.100.300 / 1 ; content : a".to_owned(), NOT_SENT),
        (
            "to : 198.51.100.7 / 65536 ; content : a".to_owned(),
            NOT_SENT,
        ),
        (
            "to : 198.51.100.7 / 4009 ; content : a".to_owned(),
            NOT_SENT,
        ),
    ];
    for (text, status) in &table {
        let answer = relay.ask(ALICE, text.as_bytes());
        assert_eq!(answer, told(&[(ALICE, status)]), "{text}");
    }
    let counts = relay.hub.counts(NOW);
    assert_eq!(
        (counts.malformed, counts.refused, counts.messages),
        (6, 3, 0)
    );
}

#[test]
fn answers_are_in_the_order_of_the_messages() {
    let mut relay = with_both(settings());
    relay.unreachable.push(addr(BOB));
    let (to_bob, to_alice) = (
        b"to : [2001:db8::7] / 4002 ; content : a",
        b"to : 198.51.100.7 / 4001 ; content : a",
    );
    let datagrams: [&[u8]; 9] = [
        to_alice, to_bob, to_bob, b"hii", b"x", to_alice, to_alice, b"x;", to_bob,
    ];
    for datagram in datagrams {
        relay.hear(ALICE, datagram);
    }
    let sent = relay.send().into_iter().map(|(_, _, text)| text);
    let delivery = "198.51.100.7/4001 ; content : a";
    let expected = [
        delivery,
        delivery,
        delivery,
        SENT,
        NOT_SENT,
        NOT_SENT,
        "('198.51.100.7', 4001)",
        "400",
        SENT,
        SENT,
        "401",
        NOT_SENT,
    ];
    assert_eq!(sent.collect::<Vec<_>>(), expected);
    let counts = relay.hub.counts(NOW);
    assert_eq!(
        (counts.messages, counts.deliveries, counts.refused),
        (3, 3, 3)
    );
    assert!(!relay.hub.has_answers());
}

#[test]
fn a_burst_is_one_run_each_way() {
    let mut relay = with_both(settings());
    let text = b"to : [2001:db8::7] / 4002 ; content : how are you?";
    let burst = Burst {
        from: addr(ALICE),
        via: Via(3),
        bytes: &text.repeat(40),
        size: text.len(),
    };
    relay.hub.handle(&burst, NOW, &mut relay.out);
    assert_eq!(relay.out.runs().len(), 1);
    relay.hub.answer(NOW, &mut relay.out);
    let runs: Vec<_> = relay.out.runs().collect();
    assert_eq!(runs.len(), 1);
    assert_eq!(runs[0].datagrams, SENT.repeat(40).as_bytes());
}

#[test]
fn everybody_is_reached_by_the_way_they_came() {
    let mut relay = with_both(settings());
    let hii = Burst {
        from: addr(BOB),
        via: Via(8),
        bytes: b"hii",
        size: 3,
    };
    relay.hub.handle(&hii, NOW, &mut relay.out);
    relay.send();
    relay.hear(ALICE, b"to : [2001:db8::7] / 4002 ; content : a");
    let ways: Vec<_> = relay.send().into_iter().map(|(_, via, _)| via.0).collect();
    assert_eq!(ways, [8, 3]);
}

#[test]
fn a_registration_lives_as_long_as_something_is_heard() {
    let mut relay = with_both(settings());
    relay.now += Duration::from_secs(290);
    relay.ask(BOB, b"x");
    relay.now += Duration::from_secs(20);
    let to_bob = b"to : [2001:db8::7] / 4002 ; content : a";
    let to_alice = b"to : 198.51.100.7 / 4001 ; content : a";
    assert_eq!(relay.ask(BOB, to_alice), told(&[(BOB, NOT_SENT)]));
    assert_eq!(relay.ask(ALICE, to_bob).len(), 2, "Bob has said something");
    assert_eq!(relay.hub.counts(NOW).classic_clients, 1);
    relay.now += Duration::from_secs(301);
    assert_eq!(relay.hub.deadline(), Some(relay.now));
    relay.send();
    assert_eq!(relay.hub.deadline(), None);
    assert_eq!(relay.hub.counts(NOW).classic_clients, 0);
}

#[test]
fn a_delivery_that_would_be_too_long_is_not_sent() {
    let mut relay = Relay::new(settings());
    relay.ask(ALICE, b"hii");
    let far = "[2001:db8:1111:2222:3333:4444:5555:6666]:54321";
    let text = |length| format!("to:198.51.100.7/4001;content:{}", "a".repeat(length));
    assert_eq!(relay.ask(far, text(965).as_bytes()).len(), 2);
    let answer = told(&[(far, NOT_SENT)]);
    assert_eq!(relay.ask(far, text(966).as_bytes()), answer, "1025 bytes");
    assert_eq!(
        relay.ask(far, text(966).as_bytes()),
        answer,
        "like the one before"
    );
    assert_eq!(relay.ask(far, text(995).as_bytes()), answer);
    assert_eq!(
        relay.ask(far, text(996).as_bytes()),
        [],
        "1025 bytes as it came"
    );
    assert_eq!(relay.hub.counts(NOW).too_long, 1);
}

#[test]
fn who_may_stop_it() {
    let here = ["127.0.0.1:4000", "[::1]:4000", "[::ffff:127.0.0.1]:4000"];
    for (exit, elsewhere, local) in [
        (ExitPolicy::Loopback, false, true),
        (ExitPolicy::Any, true, true),
        (ExitPolicy::Never, false, false),
    ] {
        let table = here.map(|from| (from, local));
        for (from, stops) in table
            .into_iter()
            .chain([(ALICE, elsewhere), (BOB, elsewhere)])
        {
            let mut relay = Relay::new(Settings { exit, ..settings() });
            assert_eq!(relay.ask(from, b"exit server"), []);
            let effects = relay.hub.take_effects();
            assert_eq!(effects == [Effect::Stop], stops, "{exit:?} {from}");
        }
    }
}

fn free() -> Settings {
    Settings {
        targets: Targets::Any,
        ..settings()
    }
}

#[test]
fn a_free_relay_writes_to_strangers() {
    let mut relay = Relay::new(free());
    let table = [
        ("198.51.100.8/9", "198.51.100.8:9"),
        ("[::ffff:198.51.100.8]/9", "198.51.100.8:9"),
    ];
    for (to, reached) in table {
        let (ip, port) = to.split_once('/').unwrap();
        let text = format!("to : {ip} / {port} ; content : a");
        let delivery = "198.51.100.7/4001 ; content : a";
        let expected = told(&[(reached, delivery), (ALICE, SENT)]);
        assert_eq!(relay.ask(ALICE, text.as_bytes()), expected, "{to}");
    }
    for refused in [
        "0.0.0.0",
        "10.1.2.3",
        "127.0.0.1",
        "192.0.2.1",
        "[::]",
        "[::ffff:127.0.0.1]",
    ] {
        let text = format!("to : {refused} / 9 ; content : a");
        let expected = told(&[(ALICE, NOT_SENT)]);
        assert_eq!(relay.ask(ALICE, text.as_bytes()), expected, "{refused}");
    }
}

/// What one sender was allowed is not what the next is, who says the same.
#[test]
fn a_free_relay_asks_for_each_sender() {
    let mut relay = Relay::new(free());
    let text = b"to : 127.0.0.1 / 9 ; content : a";
    assert_eq!(relay.ask("127.0.0.1:4000", text).len(), 2);
    assert_eq!(relay.ask(ALICE, text), told(&[(ALICE, NOT_SENT)]));
    assert_eq!(relay.ask("127.0.0.1:4000", text).len(), 2);
}

#[test]
fn a_free_relay_writes_to_the_other_family_by_its_way() {
    let mut relay = Relay::new(free());
    let text = b"to : [2001:db8::9] / 9 ; content : a";
    assert_eq!(
        relay.ask(ALICE, text),
        told(&[(ALICE, NOT_SENT)]),
        "no way is known"
    );
    let hii = Burst {
        from: addr(BOB),
        via: Via(8),
        bytes: b"hii",
        size: 3,
    };
    relay.hub.handle(&hii, NOW, &mut relay.out);
    relay.send();
    relay.hear(ALICE, text);
    let ways: Vec<_> = relay.send().into_iter().map(|(_, via, _)| via.0).collect();
    assert_eq!(ways, [8, 3]);
}

#[test]
fn strangers_are_answered_at_a_bounded_rate() {
    let mut relay = with_both(settings());
    let answered = |relay: &mut Relay, from: &str, count: usize| {
        (0..count).for_each(|_| relay.hear(from, b"x"));
        relay.send().len()
    };
    let stranger = "198.51.100.8:4001";
    assert_eq!(answered(&mut relay, stranger, 1500), 1000);
    assert_eq!(
        answered(&mut relay, "198.51.100.8:4002", 1),
        0,
        "the same address"
    );
    assert_eq!(answered(&mut relay, ALICE, 1500), 1500, "who is registered");
    assert_eq!(answered(&mut relay, "127.0.0.1:1", 1500), 1000);
    assert_eq!(
        answered(&mut relay, "127.0.0.1:2", 1500),
        1000,
        "ports are apart here"
    );
    relay.now += Duration::from_millis(100);
    assert_eq!(answered(&mut relay, stranger, 1500), 100);
    let withheld = relay.hub.counts(NOW).withheld;
    assert_eq!(withheld, 500 + 1 + 500 + 500 + 1400);
}

#[test]
fn a_network_is_answered_at_a_bounded_rate() {
    let mut relay = Relay::new(settings());
    let mut answered = 0;
    for number in 0..20 {
        for _ in 0..1000 {
            relay.hear(&format!("203.0.113.{number}:5000"), b"x");
        }
        answered += relay.send().len();
    }
    assert_eq!(answered, 10_000);
    assert_eq!(
        relay.ask("198.51.100.9:1", b"x").len(),
        1,
        "another network"
    );
}

/// Having asked for an address proves nothing: whoever forges it can ask.
#[test]
fn addresses_are_told_at_a_bounded_rate() {
    let mut relay = Relay::new(settings());
    (0..1500).for_each(|_| relay.hear(BOB, b"hii"));
    assert_eq!(relay.send().len(), 1000);
}

#[test]
fn what_would_be_much_longer_than_its_request_is_withheld() {
    let mut relay = Relay::new(settings());
    assert_eq!(relay.ask(ALICE, b"to:/1;content:"), []);
    assert_eq!(relay.hub.counts(NOW).withheld, 1);
    assert_eq!(
        relay.ask(BOB, b"to:/1;content:").len(),
        1,
        "its headers are longer"
    );
    assert_eq!(relay.ask(ALICE, b"to:1.2.3.4/0;content:").len(), 1);
}

#[test]
fn answers_are_not_answered() {
    let mut relay = with_both(free());
    let answers = [
        SENT,
        NOT_SENT,
        "400",
        "404",
        "('198.51.100.7', 4001)",
        "('2001:db8::7', 4002, 0, 0)",
        "198.51.100.7/4001 ; content : a",
        "[2001:db8::7]/4002 ; content : to",
        "Packet Acknowledged",
        "Goodbye.",
    ];
    for text in answers {
        for echoed in [text.to_owned(), text.to_uppercase(), format!("{text}\n")] {
            let is_told = text == "Packet Acknowledged" || text == "Goodbye.";
            if !(is_told && echoed.ends_with('\n')) {
                assert_eq!(relay.ask(ALICE, echoed.as_bytes()), [], "{echoed}");
            }
        }
    }
    assert_eq!(relay.hub.counts(NOW).answers_dropped, 10 * 3 - 2);
}

/// Two relays, or a relay and an echo, whatever a forged datagram tells one of them in the other's name.
#[test]
fn two_relays_fall_silent_and_so_does_an_echo() {
    let (here, there) = ("198.51.100.1:9000", "198.51.100.2:9000");
    let forged: [&[u8]; 8] = [
        b"hii",
        b"x",
        b"x;y",
        b"to : 198.51.100.1 / 9000 ; content : a",
        b"to : 198.51.100.2 / 9000 ; content : a",
        b"to : 198.51.100.2 / 9000 ; content : to",
        b"to : 198.51.100.3 / 0 ; content : hii",
        b"exit server ",
    ];
    for datagram in forged {
        let mut relays = [here, there].map(|at| {
            let own = vec![addr(at).ip()];
            Relay::new(Settings { own, ..free() })
        });
        relays[0].ask(there, b"hii");
        relays[1].ask(here, b"hii");
        let mut waiting = vec![(0, datagram.to_vec())];
        let mut heard = 0;
        while let Some((at, datagram)) = waiting.pop() {
            heard += 1;
            assert!(heard < 10, "{}", datagram.escape_ascii());
            let (from, other) = if at == 0 { (there, 1) } else { (here, 0) };
            let sent = relays[at].ask(from, &datagram).into_iter();
            waiting.extend(sent.map(|(_, text)| (other, text.into_bytes())));
        }
        for change in [str::to_owned, str::to_uppercase as fn(&str) -> String] {
            let mut relay = with_both(free());
            let answers = relay.ask(ALICE, datagram);
            for (_, text) in answers {
                assert_eq!(relay.ask(ALICE, change(&text).as_bytes()), [], "{text}");
            }
        }
    }
}

/// What a message is made of, in the right order or not.
fn words() -> impl Strategy<Value = Vec<u8>> {
    let word = prop::sample::select(vec![
        "to",
        "TO ",
        " : ",
        ":",
        "198.51.100.7",
        "[2001:db8::7]",
        "[::]",
        "0.0.0.0",
        "/",
        " / ",
        "4001",
        "4002",
        "0",
        "x",
        " ; ",
        ";",
        "content",
        "Content ",
        "hii",
        "exit server",
        "400",
        "(",
        "'",
        "\u{85}",
        "a",
        "[",
        "]",
    ]);
    prop_oneof![
        any::<Vec<u8>>(),
        proptest::collection::vec(word, 0..14).prop_map(|words| words.concat().into_bytes()),
        (0..4usize, "[ -~]{0,40}").prop_map(|(form, content)| {
            let to = ["198.51.100.7/4001", "[2001:db8::7]/4002", "1.1.1.1/1", "/0"][form];
            format!("to:{to};content:{content}").into_bytes()
        }),
    ]
}

proptest! {
    /// With the headers of IP and UDP; but for the one answer that there is no shorter way to ask for.
    #[test]
    fn no_answer_is_much_longer_than_what_it_answers(datagram in words(), from in prop::sample::select(vec![ALICE, BOB])) {
        let mut relay = with_both(free());
        relay.hear(from, &datagram);
        relay.put_out();
        relay.hub.answer(NOW, &mut relay.out);
        let headers = if addr(from).is_ipv4() { 28 } else { 48 };
        for (to, _, text) in relay.put_out() {
            prop_assert_eq!(to, addr(from));
            if !text.starts_with("('2001:") {
                prop_assert!(10 * (headers + text.len()) <= 18 * (headers + datagram.len()), "{}", text);
            }
        }
    }

    /// What is kept of the last message changes nothing of what the next one means.
    #[test]
    fn a_hub_that_heard_something_before_says_the_same(
        datagrams in proptest::collection::vec((words(), prop::sample::select(vec![ALICE, BOB])), 1..20),
    ) {
        let mut relay = with_both(free());
        for (datagram, from) in datagrams {
            let fresh = with_both(free()).ask(from, &datagram);
            for _ in 0..2 {
                prop_assert_eq!(relay.ask(from, &datagram), fresh.clone());
            }
            relay.now += Duration::from_secs(1);
            for who in [ALICE, BOB] {
                relay.ask(who, b"hii");
            }
        }
    }
}
