//! Very many clients.

use std::net::UdpSocket;
use std::time::Duration;

use harness::{ask, hear, loopback_socket, skip};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use proto::relay::native::MessageId;
use proto::relay::native::client::{Client, Event, Settings};

use super::serve;
use crate::all_processors;

/// As many as this machine lets one process open, at most so many.
fn sockets(most: usize) -> Vec<UdpSocket> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    let spare = 200; // for the tests beside this one
    let room = usize::try_from(hard)
        .unwrap_or(usize::MAX)
        .saturating_sub(spare);
    (0..most.min(room)).map(|_| loopback_socket()).collect()
}

#[test]
fn ten_thousand_classic_clients_are_registered_and_reached() {
    const CLIENTS: usize = 10_000;
    let _all = all_processors();
    let relay = serve(&[]);
    let clients = sockets(CLIENTS);
    if clients.len() < CLIENTS {
        skip(&format!("only {} files may be open", clients.len()));
        return;
    }
    for client in &clients {
        client.connect(relay.addr()).unwrap();
        let at = client.local_addr().unwrap();
        assert_eq!(ask(client, "hii"), format!("('127.0.0.1', {})", at.port()));
    }
    for (one, other) in clients.iter().zip(clients.iter().rev()).step_by(97) {
        let (from, to) = (one.local_addr().unwrap(), other.local_addr().unwrap());
        let message = format!("to : 127.0.0.1 / {} ; content : hello", to.port());
        assert_eq!(ask(one, message), "200, UDP Packet Sent Successfully");
        assert_eq!(
            hear(other),
            format!("127.0.0.1/{} ; content : hello", from.port())
        );
    }
}

#[test]
fn two_thousand_sessions_are_kept() {
    const CLIENTS: usize = 2_000;
    let _all = all_processors();
    let relay = serve(&[]);
    let clients = sockets(CLIENTS);
    for (number, socket) in clients.iter().enumerate() {
        socket.connect(relay.addr()).unwrap();
        register(socket, number);
    }
    let home = super::Home::new();
    let status = home.run(&["status", &relay.target(), "--json"], "");
    let status: serde_json::Value = serde_json::from_str(&status.stdout).unwrap();
    assert_eq!(status["sessions"], clients.len() + 1, "{status}");
}

/// Registers without a name, and forgets all about it.
fn register(socket: &UdpSocket, number: usize) {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&number.to_le_bytes());
    let settings = Settings {
        name: None,
        seed,
        first: MessageId(1),
    };
    let now = Duration::ZERO;
    let mut client = Client::new(settings, now);
    let mut buffer = [0; 2048];
    loop {
        client.transmit(now, |datagram| {
            socket.send(datagram).unwrap();
        });
        let length = socket.recv(&mut buffer).unwrap();
        client.receive(&buffer[..length], now);
        if matches!(client.next_event(), Some(Event::Registered { .. })) {
            return;
        }
    }
}
