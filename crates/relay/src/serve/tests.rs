//! A relay in this process, on loopback.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use clap::Parser;

use proto::relay::hub;

use super::*;

/// How often something is asked again that may be lost: datagrams are.
const TRIES: usize = 500;

#[derive(Debug, Parser)]
struct Typed {
    #[command(flatten)]
    args: Args,
}

struct Running {
    addrs: Vec<SocketAddr>,
    relay: Arc<Relay>,
    thread: JoinHandle<anyhow::Result<()>>,
}

impl Running {
    fn start(options: &[&str]) -> Self {
        let words = [&["serve"], options].concat();
        let args = Typed::try_parse_from(words).unwrap().args;
        let serve = Serve::new(&args, &Shutdown::new()).unwrap();
        let relay = Arc::clone(&serve.relay);
        Self {
            addrs: relay.local_addrs().collect(),
            relay,
            thread: thread::spawn(move || serve.run()),
        }
    }

    fn here(options: &[&str]) -> Self {
        Self::start(&[&["--bind", "127.0.0.1:0"], options].concat())
    }

    /// A client of the socket of this number.
    fn client(&self, socket: usize) -> Client {
        let server = self.addrs[socket];
        let here = SocketAddr::new(server.ip(), 0);
        let socket = UdpSocket::bind(here).unwrap();
        socket.connect(server).unwrap();
        let patience = Some(Duration::from_secs(10));
        socket.set_read_timeout(patience).unwrap();
        Client(socket)
    }

    fn stop(self) -> hub::Counts {
        self.relay.shutdown().trigger();
        self.thread.join().unwrap().unwrap();
        self.relay.counts()
    }
}

struct Client(UdpSocket);

impl Client {
    fn addr(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    fn say(&self, text: &str) {
        self.0.send(text.as_bytes()).unwrap();
    }

    fn hear(&self) -> String {
        self.try_hear().unwrap()
    }

    fn try_hear(&self) -> io::Result<String> {
        let mut buffer = [0; 2048];
        let length = self.0.recv(&mut buffer)?;
        Ok(String::from_utf8_lossy(&buffer[..length]).into_owned())
    }

    fn register(self) -> Self {
        self.say("hii");
        assert!(self.hear().starts_with("('"));
        self
    }
}

/// How an address stands in a classic header.
fn written(addr: SocketAddr) -> (String, u16) {
    match addr {
        SocketAddr::V4(addr) => (addr.ip().to_string(), addr.port()),
        SocketAddr::V6(addr) => (format!("[{}]", addr.ip()), addr.port()),
    }
}

fn message(to: &Client, text: &str) -> String {
    let (ip, port) = written(to.addr());
    format!("to : {ip} / {port} ; content : {text}")
}

fn delivery(from: &Client, text: &str) -> String {
    let (ip, port) = written(from.addr());
    format!("{ip}/{port} ; content : {text}")
}

fn converse(from: &Client, to: &Client) {
    from.say(&message(to, "hello"));
    assert_eq!(to.hear(), delivery(from, "hello"));
    assert_eq!(from.hear(), "200, UDP Packet Sent Successfully");
}

#[test]
fn a_text_is_delivered_and_its_sender_told() {
    for options in [&[][..], &["--busy-poll"], &["--to", "any"]] {
        let running = Running::here(options);
        let (alice, bob) = (running.client(0).register(), running.client(0).register());
        converse(&alice, &bob);
        converse(&bob, &alice);
        let counts = running.stop();
        assert_eq!((counts.messages, counts.deliveries), (2, 2), "{options:?}");
    }
}

#[test]
fn who_has_not_registered_gets_nothing() {
    let running = Running::here(&[]);
    let (alice, bob) = (running.client(0).register(), running.client(0));
    alice.say(&message(&bob, "hello"));
    assert!(alice.hear().starts_with("405"));
    converse(&alice, &bob.register());
    running.stop();
}

#[test]
fn texts_pass_from_one_address_family_to_the_other() {
    let Ok(_) = UdpSocket::bind("[::1]:0") else {
        return; // a machine without IPv6
    };
    let running = Running::here(&["--bind", "[::1]:0"]);
    let (alice, bob) = (running.client(0).register(), running.client(1).register());
    converse(&alice, &bob);
    converse(&bob, &alice);
    running.stop();
}

#[cfg(target_os = "linux")]
#[test]
fn what_comes_to_an_address_of_ours_is_answered_from_there() {
    let running = Running::start(&["--bind", "0.0.0.0:0"]);
    let port = running.addrs[0].port();
    let at = |ip: [u8; 4]| {
        let client = running.client(0);
        client.0.connect(SocketAddr::from((ip, port))).unwrap();
        client.register()
    };
    let (alice, bob) = (at([127, 0, 0, 2]), at([127, 0, 0, 3]));
    converse(&alice, &bob);
    converse(&bob, &alice);
    running.stop();
}

#[test]
fn a_burst_is_delivered_in_order_and_each_is_answered() {
    const MESSAGES: usize = 200;
    let running = Running::here(&[]);
    let (alice, bob) = (running.client(0).register(), running.client(0).register());
    for number in 0..MESSAGES {
        alice.say(&message(&bob, &format!("number {number:03}")));
    }
    for number in 0..MESSAGES {
        let expected = delivery(&alice, &format!("number {number:03}"));
        assert_eq!(bob.hear(), expected);
        assert!(alice.hear().starts_with("200"));
    }
    running.stop();
}

#[test]
fn a_relay_that_is_asked_to_stop_does() {
    let running = Running::here(&[]);
    running.client(0).say("exit server");
    running.thread.join().unwrap().unwrap();
    assert!(running.relay.shutdown().is_triggered());
    let stays = Running::here(&["--exit", "never"]);
    let alice = stays.client(0);
    alice.say("exit server");
    alice.register();
    assert!(!stays.relay.shutdown().is_triggered());
    stays.stop();
}

#[test]
fn while_one_source_floods_another_is_served() {
    let running = Running::here(&[]);
    let (loud, quiet) = (running.client(0).register(), running.client(0).register());
    let (stop, loud) = (AtomicBool::new(false), &loud);
    thread::scope(|scope| {
        scope.spawn(|| {
            let flood = message(loud, "flood");
            while !stop.load(Ordering::Relaxed) {
                // Where the system has no room the datagram is lost, as it is in the relay's queue.
                let _ = loud.0.send(flood.as_bytes());
            }
        });
        let patience = Some(Duration::from_millis(50));
        quiet.0.set_read_timeout(patience).unwrap();
        for number in 0..5 {
            let asked = message(&quiet, &format!("number {number}"));
            let expected = delivery(&quiet, &format!("number {number}"));
            let served = (0..TRIES).any(|_| {
                quiet.say(&asked);
                while let Ok(heard) = quiet.try_hear() {
                    if heard == expected {
                        return true;
                    }
                }
                false
            });
            if number == 4 || !served {
                stop.store(true, Ordering::Relaxed);
            }
            assert!(served, "{number}");
        }
    });
    running.stop();
}

#[test]
fn every_metric_is_there_once_and_well_named() {
    let store = std::env::temp_dir().join(format!("plumbline-metrics-{}", std::process::id()));
    let options = ["--store", store.to_str().unwrap()];
    for (options, least) in [(&[][..], 25), (&options, 33)] {
        let running = Running::here(options);
        let page = metrics::page(&running.relay);
        let text = page.text();
        let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        let mut names: Vec<_> = types.collect();
        let count = names.len();
        for name in &names {
            let (name, kind) = name.split_once(' ').unwrap();
            assert_eq!(name.ends_with("_total"), kind == "counter", "{name}");
        }
        names.sort_unstable();
        names.dedup();
        assert!(count >= least && names.len() == count, "{text}");
        assert!(metrics::summary(&running.relay).contains(" 0 messages, 0 deliveries"));
        running.stop();
    }
    std::fs::remove_dir_all(store).unwrap();
}
