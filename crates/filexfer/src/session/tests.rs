//! Sessions over real sockets on loopback.

mod guarded;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread::{self, JoinHandle};

use proto::filexfer::native::handshake::{HELLO, MAGIC};
use proto::filexfer::native::message::{Alive, Course, Data, Done, MAX_DATA, Request};

use super::*;
use crate::transfer::TransferError;

const LONG: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(200);

fn key(secret: &str) -> Key {
    Key::new(secret.as_bytes()).unwrap()
}

/// A listener that has one peer prove `oyster`, and says what came of it.
struct Host {
    addr: SocketAddr,
    accepting: JoinHandle<Result<Session, SessionError>>,
}

impl Host {
    fn new(protection: Protection, timeout: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let accepting = thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            Session::accept(stream, &key("oyster"), protection, timeout)
        });
        Self { addr, accepting }
    }

    fn encrypted() -> Self {
        Self::new(Protection::Encrypted, LONG)
    }

    fn accepted(self) -> Result<Session, SessionError> {
        self.accepting.join().unwrap()
    }

    fn refused(self) -> SessionError {
        self.accepted().map(|_| "a session").unwrap_err()
    }

    fn connect(&self, secret: &str, protection: Protection) -> Result<Session, SessionError> {
        let target = self.addr.to_string().parse().unwrap();
        Session::connect(&target, &key(secret), protection, LONG)
    }

    fn stream(&self) -> TcpStream {
        let stream = TcpStream::connect(self.addr).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream
    }
}

fn pair(protection: Protection) -> (Session, Session) {
    let host = Host::new(protection, LONG);
    let connected = host.connect("oyster", protection).unwrap();
    (connected, host.accepted().unwrap())
}

fn refusal(error: SessionError) -> Refusal {
    match error {
        SessionError::Handshake {
            reason: HandshakeError::Refused(refusal),
            ..
        }
        | SessionError::TurnedAway { refusal, .. } => refusal,
        other => panic!("{other}"),
    }
}

fn is_whole(incoming: &Incoming<'_>, expected: &[u8]) {
    let frame = incoming.decode::<Data>().unwrap();
    assert_eq!(frame.message, Data { unpacked: None });
    assert!(frame.bulk == expected, "{} bytes", frame.bulk.len());
}

#[test]
fn frames_come_as_they_went() {
    for protection in [Protection::Encrypted, Protection::Plain] {
        let (mut out, mut back) = pair(protection);
        out.sending.say(&Request::Put(Course::Once)).unwrap();
        for (byte, length) in [(b'a', MAX_DATA as usize), (b'b', 1), (b'c', 100_000)] {
            let filled = out.sending.fill(|room| {
                assert!(room.len() >= 64 * 1024, "{}", room.len());
                room[..length].fill(byte);
                Ok(length)
            });
            assert_eq!(filled.unwrap().unwrap(), length);
        }
        assert_eq!(out.sending.fill(|_| Ok(0)).unwrap().unwrap(), 0);
        out.sending
            .packed(Data { unpacked: Some(9) }, b"packed")
            .unwrap();
        out.sending.say(&Done).unwrap();
        let sending = thread::spawn(|| {
            let wire = out.sending.wire();
            out.sending.end().map(|()| wire)
        });
        let receiving = &mut back.receiving;
        let request = receiving.next().unwrap().unwrap();
        assert_eq!(
            request.decode::<Request>().unwrap().message,
            Request::Put(Course::Once)
        );
        is_whole(
            &receiving.next().unwrap().unwrap(),
            &[b'a'; MAX_DATA as usize],
        );
        is_whole(&receiving.next().unwrap().unwrap(), b"b");
        is_whole(&receiving.next().unwrap().unwrap(), &[b'c'; 100_000]);
        let packed = receiving.next().unwrap().unwrap();
        let frame = packed.decode::<Data>().unwrap();
        assert_eq!(
            (frame.message.unpacked, frame.bulk),
            (Some(9), &b"packed"[..])
        );
        assert!(receiving.next().unwrap().unwrap().decode::<Done>().is_ok());
        for _ in 0..2 {
            assert!(receiving.next().unwrap().is_none());
        }
        assert!(sending.join().unwrap().unwrap() >= u64::from(MAX_DATA));
    }
}

#[test]
fn both_ways_at_once() {
    let (mut near, far) = pair(Protection::Encrypted);
    let Session {
        mut sending,
        mut receiving,
        ..
    } = far;
    let echo = thread::spawn(move || {
        while let Some(incoming) = receiving.next().unwrap() {
            incoming.decode::<Alive>().unwrap();
            sending.say(&Alive).unwrap();
            sending.flush().unwrap();
        }
        sending.end().unwrap();
    });
    for _ in 0..100 {
        near.sending.say(&Alive).unwrap();
        near.sending.flush().unwrap();
        near.receiving
            .next()
            .unwrap()
            .unwrap()
            .decode::<Alive>()
            .unwrap();
    }
    near.sending.end().unwrap();
    assert!(near.receiving.next().unwrap().is_none());
    echo.join().unwrap();
}

#[test]
fn a_wrong_key_is_said_to_both() {
    let host = Host::encrypted();
    let error = host
        .connect("lobster", Protection::Encrypted)
        .map(|_| ())
        .unwrap_err();
    assert!(!error.may_pass());
    assert_eq!(refusal(error), Refusal::WrongKey);
    assert_eq!(refusal(host.refused()), Refusal::WrongKey);
}

#[test]
fn both_have_to_wish_for_the_same() {
    use Protection::{Encrypted, Plain};
    for (here, there, expected) in [
        (Encrypted, Plain, Refusal::Encrypted),
        (Plain, Encrypted, Refusal::Plain),
    ] {
        let host = Host::new(here, LONG);
        let error = host.connect("oyster", there).map(|_| ()).unwrap_err();
        assert_eq!(refusal(error), expected);
        assert_eq!(refusal(host.refused()), expected);
    }
}

#[test]
fn another_version_learns_which_is_spoken() {
    let host = Host::encrypted();
    let mut stream = host.stream();
    let mut hello = [0; HELLO];
    hello[..8].copy_from_slice(&MAGIC);
    hello[8] = 9;
    stream.write_all(&hello).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert_eq!(answer.len(), 64);
    assert_eq!((&answer[..8], answer[8], answer[9]), (&MAGIC[..], 1, 1));
    drop(stream);
    assert_eq!(refusal(host.refused()), Refusal::Version(9));
}

#[test]
fn a_silent_peer_runs_out_of_time() {
    let host = Host::new(Protection::Encrypted, SHORT);
    let stream = host.stream();
    let error = host.refused();
    assert!(matches!(error, SessionError::Late { .. }), "{error}");
    drop(stream);
}

#[test]
fn a_peer_that_sends_byte_after_byte_wins_no_time() {
    let begun = Instant::now();
    let host = Host::new(Protection::Encrypted, SHORT);
    let mut stream = host.stream();
    let trickle = thread::spawn(move || {
        let bytes = MAGIC.iter().chain(&[0; 1_000_000]);
        for byte in bytes {
            thread::sleep(SHORT / 10);
            if stream.write_all(&[*byte]).is_err() {
                return;
            }
        }
    });
    let error = host.refused();
    assert!(matches!(error, SessionError::Late { .. }), "{error}");
    assert!(begun.elapsed() >= SHORT);
    trickle.join().unwrap();
}

#[test]
fn what_is_no_handshake_is_refused() {
    for garbage in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"SECRET_KEY", &[0; 200]] {
        let host = Host::encrypted();
        host.stream().write_all(garbage).unwrap();
        let error = host.refused();
        let native = matches!(
            error,
            SessionError::Handshake {
                reason: HandshakeError::NotNative,
                ..
            }
        );
        assert!(native, "{error}");
    }
    let host = Host::encrypted();
    host.stream().write_all(&MAGIC).unwrap();
    let error = host.refused();
    assert!(matches!(error, SessionError::Lost { .. }), "{error}");
}

#[test]
fn other_servers_are_known_by_what_they_say() {
    let banner = &b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"[..];
    for said in [&b"AUTH_ERROR"[..], banner] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let target = listener.local_addr().unwrap().to_string().parse().unwrap();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.read_exact(&mut [0; HELLO]).unwrap();
            stream.write_all(said).unwrap();
            stream
        });
        let connected = Session::connect(&target, &key("oyster"), Protection::Encrypted, LONG);
        let text = connected.map(|_| "a session").unwrap_err().to_string();
        assert!(text.contains("is no filexfer"), "{text}");
        drop(server.join().unwrap());
    }
}

#[test]
fn a_stream_that_ends_before_its_end_is_lost() {
    let (mut near, mut far) = pair(Protection::Encrypted);
    near.sending.say(&Done).unwrap();
    near.sending.flush().unwrap();
    drop(near);
    assert!(far.receiving.next().unwrap().is_some());
    let lost = far.receiving.next().map(|_| ()).unwrap_err();
    assert!(matches!(lost, TransferError::Lost { .. }), "{lost}");
}

/// A host behind a wire that turns a bit of the byte at this place, counted from the connector's first.
fn behind_a_fault(place: usize) -> (Host, SocketAddr) {
    let host = Host::encrypted();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let mut far = host.stream();
    thread::spawn(move || {
        let (mut near, _) = listener.accept().unwrap();
        let (mut back_from, mut back_to) = (far.try_clone().unwrap(), near.try_clone().unwrap());
        let back = thread::spawn(move || {
            let _ = std::io::copy(&mut back_from, &mut back_to);
            let _ = back_to.shutdown(std::net::Shutdown::Both);
        });
        for number in 0..=place {
            let mut byte = [0];
            if near.read_exact(&mut byte).is_err() {
                break;
            }
            byte[0] ^= u8::from(number == place);
            far.write_all(&byte).unwrap();
        }
        // Either side may hang up.
        let _ = std::io::copy(&mut near, &mut far);
        let _ = far.shutdown(std::net::Shutdown::Both);
        back.join().unwrap();
    });
    (host, addr)
}

#[test]
fn a_wire_that_changes_a_bit_is_found_out() {
    const HANDSHAKE: usize = 64 + 32;
    let in_the_handshake = [0, 10, 40, 64].map(|place| (place, false));
    let in_the_record = [0, 1, 3, 7, 8, 17, 33].map(|place| (HANDSHAKE + place, true));
    for (place, is_session) in in_the_handshake.into_iter().chain(in_the_record) {
        let (host, addr) = behind_a_fault(place);
        let target = addr.to_string().parse().unwrap();
        let connected = Session::connect(&target, &key("oyster"), Protection::Encrypted, LONG);
        assert_eq!(connected.is_ok(), is_session, "{place}");
        let Ok(mut near) = connected else {
            assert!(host.accepted().is_err(), "{place}");
            continue;
        };
        near.sending.say(&Done).unwrap();
        // The other side may have hung up by then.
        let _ = near.sending.end();
        let lost = host.accepted().unwrap().receiving.next().map(|_| ());
        match lost.unwrap_err() {
            TransferError::Lost { reason, .. } => {
                assert_eq!(
                    reason.kind(),
                    std::io::ErrorKind::InvalidData,
                    "{place} {reason}"
                );
            }
            other => panic!("{place}: {other}"),
        }
    }
}
