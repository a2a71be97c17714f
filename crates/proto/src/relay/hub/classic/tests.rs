//! What the hub says on the classic wire, with time in hand.

use std::net::IpAddr;

use super::*;
use crate::relay::hub::RunId;

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
