//! Guesses with time in hand, and sockets that make room.

use std::io::Read;
use std::net::TcpListener;

use super::*;

const WRONG_KEY: Result<(), Refusal> = Err(Refusal::WrongKey);

fn peer(address: &str) -> IpAddr {
    address.parse().unwrap()
}

fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

#[test]
fn the_next_try_waits() {
    let guard = Guard::new(Kind::File, Uses::Many);
    let mut now = Instant::now();
    let guesser = peer("192.0.2.7");
    for wait in [0, 1, 2, 4, 8] {
        assert_eq!(guard.begin(guesser, now), Ok(seconds(wait)));
        now += seconds(wait);
        let refused = guard.admit(guesser, WRONG_KEY, now).map(|_| ());
        assert_eq!(refused, WRONG_KEY);
    }
    for other_of_its_network in [guesser, peer("192.0.2.200")] {
        let begun = guard.begin(other_of_its_network, now + seconds(59));
        assert_eq!(begun, Err(Refusal::TooMany));
    }
    assert_eq!(guard.begin(peer("192.0.3.7"), now), Ok(Duration::ZERO));
    assert_eq!(guard.begin(guesser, now + REFUSED), Ok(Duration::ZERO));
    assert_eq!(guard.is_over(), None);
}

#[test]
fn tries_at_once_wait_for_each_other() {
    let guard = Guard::new(Kind::File, Uses::Many);
    let now = Instant::now();
    let guesser = peer("127.0.0.1");
    guard.admit(guesser, WRONG_KEY, now).unwrap_err();
    guard.admit(guesser, WRONG_KEY, now).unwrap_err();
    let waits: Vec<_> = (0..6).map(|_| guard.begin(guesser, now)).collect();
    let expected = [2, 4, 6, 8].map(|wait| Ok(seconds(wait)));
    assert_eq!(waits[..4], expected);
    assert_eq!(waits[4..], [Err(Refusal::TooMany); 2]);
}

#[test]
fn many_tries_at_once_are_five_guesses() {
    for kind in [Kind::Code, Kind::File] {
        let guard = Guard::new(kind, Uses::Many);
        let now = Instant::now();
        let guesser = peer("2001:db8::7");
        for _ in 0..WRONG {
            guard.admit(guesser, WRONG_KEY, now).unwrap_err();
        }
        let right = guard.admit(guesser, Ok(()), now).map(|_| ()).unwrap_err();
        let expected = match kind {
            Kind::Code => Refusal::Ended,
            Kind::File => Refusal::TooMany,
        };
        assert_eq!(right, expected);
    }
}

#[test]
fn a_code_ends_by_wrong_keys_from_anywhere() {
    let guard = Guard::new(Kind::Code, Uses::Many);
    let now = Instant::now();
    for host in 1..WRONG {
        let peer = peer(&format!("192.0.{host}.1"));
        let refused = guard.admit(peer, WRONG_KEY, now).map(|_| ());
        assert_eq!(refused, WRONG_KEY);
        assert_eq!(guard.is_over(), None);
    }
    let last = guard.admit(peer("198.51.100.1"), WRONG_KEY, now);
    assert_eq!(last.map(|_| ()), Err(Refusal::Ended));
    assert_eq!(guard.is_over(), Some(Refusal::Ended));
    assert_eq!(guard.begin(peer("203.0.113.1"), now), Err(Refusal::Ended));
}

#[test]
fn a_key_for_one() {
    let guard = Guard::new(Kind::Code, Uses::One);
    let (now, peer) = (Instant::now(), peer("192.0.2.7"));
    let broken_off = guard.admit(peer, Ok(()), now).unwrap();
    assert_eq!(guard.begin(peer, now), Err(Refusal::Busy));
    let other = guard.admit(peer, Ok(()), now).map(|_| ());
    assert_eq!(other, Err(Refusal::Busy));
    assert_eq!(guard.is_over(), None);
    drop(broken_off);
    guard.admit(peer, Ok(()), now).unwrap().finish();
    assert_eq!(guard.begin(peer, now), Err(Refusal::UsedUp));
    assert_eq!(guard.is_over(), Some(Refusal::UsedUp));
}

#[test]
fn a_key_for_many() {
    let guard = Guard::new(Kind::File, Uses::Many);
    let (now, peer) = (Instant::now(), peer("192.0.2.7"));
    let claims = [(); 3].map(|()| guard.admit(peer, Ok(()), now).unwrap());
    claims.into_iter().for_each(Claim::finish);
    assert_eq!(guard.begin(peer, now), Ok(Duration::ZERO));
}

#[test]
fn who_proves_nothing_makes_room() {
    let guard = Guard::new(Kind::File, Uses::Many);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let connect = || {
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        let entered = guard.enter(&server).unwrap();
        (client, server, entered)
    };
    let mut all: Vec<_> = (0..AT_ONCE).map(|_| connect()).collect();
    drop(all.pop());
    all.push(connect());
    all[0].0.set_nonblocking(true).unwrap();
    let kind = all[0].0.read(&mut [0]).unwrap_err().kind();
    assert_eq!(kind, std::io::ErrorKind::WouldBlock, "there was a place");
    all.push(connect());
    all[0].0.set_nonblocking(false).unwrap();
    assert_eq!(all[0].0.read(&mut [0]).unwrap(), 0);
    all[1].0.set_nonblocking(true).unwrap();
    assert!(all[1].0.read(&mut [0]).is_err());
}
