//! Servers that go while they are measured, and come back.

use std::net::{SocketAddr, UdpSocket};
use std::process::Command;
use std::thread;
use std::time::Duration;

use harness::{PATIENCE, Server, Signal, loopback_socket, program};
use serde_json::Value;

use super::{CLEAN_ACK, clean_ack, number, places};

/// A measurement that tells line by line how it goes.
struct Running(Server);

impl Running {
    fn start(target: SocketAddr, args: &[&str]) -> Self {
        let mut command = Command::new(program("udp-echo"));
        command.args(["probe", &target.to_string()]).args(args);
        command.args(["--json-lines", "--every", "50ms"]);
        Self(Server::of(command, 0))
    }

    fn line(&mut self) -> Value {
        serde_json::from_str(&self.0.next_line()).unwrap()
    }

    fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let line = self.line();
            if wanted(&line) {
                return line;
            }
            assert_ne!(line["type"], "result", "{line}");
        }
    }

    fn until_answered(&mut self) {
        self.until(|line| line["type"] == "period" && line["application_rtt_ns"].is_object());
    }

    fn until_note(&mut self, words: &str) {
        self.until(|line| {
            line["note"]
                .as_str()
                .is_some_and(|note| note.contains(words))
        });
    }

    fn interrupt(self) -> Value {
        self.0.signal(Signal::SIGINT);
        self.result()
    }

    fn result(mut self) -> Value {
        let result = self.until(|line| line["type"] == "result");
        let (status, messages) = self.0.wait();
        assert_eq!(status.code(), Some(0), "{messages}");
        result
    }
}

fn serve_at(addr: SocketAddr) -> Server {
    let (mut args, addr) = (CLEAN_ACK.to_vec(), addr.to_string());
    *args.last_mut().unwrap() = &addr;
    Server::start("udp-echo", &args)
}

fn notes(json: &Value) -> String {
    json["notes"].to_string()
}

#[test]
fn an_interrupted_measurement_has_a_result() {
    let server = clean_ack();
    for args in [&["-d", "1h"][..], &["-n", "1000000"], &["--continuous"]] {
        let args = [args, &["-i", "5ms"]].concat();
        let mut running = Running::start(server.addr(), &args);
        running.until_answered();
        let json = running.interrupt();
        assert_eq!(json["interrupted"], true, "{args:?}: {json}");
        assert!(number(&json, "/answered") > 0, "{args:?}: {json}");
        assert!(number(&json, "/sent") < 100_000, "{args:?}: {json}");
    }
}

#[test]
fn a_server_that_vanishes_leaves_a_partial_result() {
    let server = clean_ack();
    let args = ["-d", "800ms", "-i", "5ms", "-t", "300ms"];
    let mut running = Running::start(server.addr(), &args);
    running.until_answered();
    server.terminate();
    let json = running.result();
    assert!(number(&json, "/answered") > 0, "{json}");
    assert!(
        number(&json, "/lost") > 0 && json["interrupted"] == false,
        "{json}"
    );
    places(&json);
    for words in ["port unreachable", "does not give its totals"] {
        assert!(notes(&json).contains(words), "{json}");
    }
}

#[test]
fn a_server_that_comes_back_is_measured_on() {
    let server = clean_ack();
    let addr = server.addr();
    let mut running = Running::start(addr, &["--continuous", "-i", "5ms", "-t", "200ms"]);
    running.until_answered();
    server.terminate();
    running.until_note("port unreachable");
    let _again = serve_at(addr);
    running.until_note("started anew");
    running.until_answered();
    let json = running.interrupt();
    assert_eq!(number(&json, "/server_restarts"), 1, "{json}");
    assert!(notes(&json).contains("started anew"), "{json}");
    let without = number(&json, "/lost") + number(&json, "/waiting");
    assert!(without > 0, "{json}");
    places(&json);
}

/// A path that takes this long each way.
fn distant(server: SocketAddr, way: Duration) -> SocketAddr {
    let (near, far) = (loopback_socket(), loopback_socket());
    far.connect(server).unwrap();
    let addr = near.local_addr().unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 2048];
        let (length, client) = near.recv_from(&mut buffer).unwrap();
        near.connect(client).unwrap();
        pass_on(&far, &buffer[..length], way);
        let [near_too, far_too] = [&near, &far].map(|socket| socket.try_clone().unwrap());
        thread::spawn(move || carry(&far_too, &near_too, way));
        carry(&near, &far, way);
    });
    addr
}

fn pass_on(to: &UdpSocket, datagram: &[u8], way: Duration) {
    let (to, datagram) = (to.try_clone().unwrap(), datagram.to_vec());
    thread::spawn(move || {
        thread::sleep(way);
        // Nobody may be there.
        let _ = to.send(&datagram);
    });
}

/// Carries datagrams until nobody sends any more, or either end is gone for so long.
fn carry(from: &UdpSocket, to: &UdpSocket, way: Duration) {
    from.set_read_timeout(Some(PATIENCE / 10)).unwrap();
    let mut buffer = [0; 2048];
    loop {
        match from.recv(&mut buffer) {
            Ok(length) => pass_on(to, &buffer[..length], way),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {}
            Err(_) => return,
        }
    }
}

#[test]
fn one_restart_far_away_is_not_several() {
    let server = clean_ack();
    let addr = server.addr();
    let path = distant(addr, Duration::from_millis(30));
    let mut running = Running::start(path, &["--continuous", "-i", "5ms", "-t", "200ms"]);
    running.until_answered();
    server.terminate();
    let _again = serve_at(addr);
    running.until_note("started anew");
    for _ in 0..5 {
        running.until_answered();
    }
    let json = running.interrupt();
    assert_eq!(number(&json, "/server_restarts"), 1, "{json}");
    assert_eq!(notes(&json).matches("started anew").count(), 1, "{json}");
}
