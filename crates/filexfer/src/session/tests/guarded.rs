//! Sessions where a guard decides who may try, and who may come in.

use super::*;
use crate::guard::Claim;

/// A listener whose key is guarded.
struct Desk {
    listener: TcpListener,
    guard: Arc<Guard>,
}

type Accepting = JoinHandle<Result<(Session, Claim), SessionError>>;

impl Desk {
    fn new(kind: Kind, uses: Uses) -> Self {
        Self {
            listener: TcpListener::bind("127.0.0.1:0").unwrap(),
            guard: Guard::new(kind, uses),
        }
    }

    fn caller(&self) -> Caller {
        let (stream, peer) = self.listener.accept().unwrap();
        Caller::new(stream, peer, &self.guard, LONG).unwrap()
    }

    fn connect(&self, secret: &'static str) -> JoinHandle<Result<Session, SessionError>> {
        let target = self.listener.local_addr().unwrap().to_string();
        let target = target.parse().unwrap();
        thread::spawn(move || Session::connect(&target, &key(secret), Protection::Encrypted, LONG))
    }

    /// Both sides of one try.
    fn try_key(
        &self,
        secret: &'static str,
    ) -> (
        Result<Session, SessionError>,
        Result<(Session, Claim), SessionError>,
    ) {
        let connecting = self.connect(secret);
        let accepted = self.caller().accept(&key("oyster"), Protection::Encrypted);
        (connecting.join().unwrap(), accepted)
    }

    /// Both are told the same.
    fn refuses(&self, secret: &'static str, expected: Refusal) {
        let (connected, accepted) = self.try_key(secret);
        let connected = connected.map(|_| "a session").unwrap_err();
        assert_eq!(refusal(connected), expected);
        let accepted = accepted.map(|_| "a session").unwrap_err();
        assert_eq!(refusal(accepted), expected);
    }

    /// As if this address had tried a wrong key.
    fn wrong_from(&self, address: &str) {
        let wrong = Err(Refusal::WrongKey);
        let peer = address.parse().unwrap();
        assert!(self.guard.admit(peer, wrong, Instant::now()).is_err());
    }
}

#[test]
fn a_code_is_good_for_one() {
    let desk = Desk::new(Kind::Code, Uses::One);
    let (_near, first) = desk.try_key("oyster");
    let (_far, claim) = first.unwrap();
    desk.refuses("oyster", Refusal::Busy);
    desk.refuses("lobster", Refusal::Busy);
    drop(claim);
    let (_, second) = desk.try_key("oyster");
    second.unwrap().1.finish();
    desk.refuses("oyster", Refusal::UsedUp);
}

#[test]
fn who_is_late_by_a_moment_is_told() {
    let desk = Desk::new(Kind::Code, Uses::One);
    let [near, far] = [(); 2].map(|()| desk.connect("oyster"));
    let callers = [desk.caller(), desk.caller()];
    let accepting = callers.map(|caller| -> Accepting {
        thread::spawn(move || caller.accept(&key("oyster"), Protection::Encrypted))
    });
    let mut accepted: Vec<_> = accepting.into_iter().map(|it| it.join().unwrap()).collect();
    accepted.sort_by_key(Result::is_err);
    let refused = accepted.pop().unwrap().map(|_| "a session").unwrap_err();
    assert_eq!(refusal(refused), Refusal::Busy);
    assert!(accepted.pop().unwrap().is_ok());
    let connected = [near, far].map(|it| it.join().unwrap());
    assert_eq!(connected.iter().filter(|it| it.is_ok()).count(), 1);
}

#[test]
fn the_fifth_wrong_key_ends_a_code() {
    let desk = Desk::new(Kind::Code, Uses::One);
    for network in 1..5 {
        desk.wrong_from(&format!("192.0.{network}.1"));
    }
    desk.refuses("lobster", Refusal::Ended);
    desk.refuses("oyster", Refusal::Ended);
    assert_eq!(desk.guard.is_over(), Some(Refusal::Ended));
}

#[test]
fn a_network_with_too_many_wrong_keys_is_refused() {
    let desk = Desk::new(Kind::File, Uses::Many);
    for _ in 0..5 {
        desk.wrong_from("127.0.0.1");
    }
    desk.refuses("oyster", Refusal::TooMany);
}

#[test]
fn after_a_wrong_key_the_next_waits() {
    let desk = Desk::new(Kind::File, Uses::Many);
    desk.wrong_from("127.0.0.1");
    let begun = Instant::now();
    let (connected, accepted) = desk.try_key("oyster");
    assert!(connected.is_ok() && accepted.is_ok());
    assert!(begun.elapsed() >= Duration::from_millis(900));
}

#[test]
fn who_hangs_up_while_it_waits_is_gone() {
    let desk = Desk::new(Kind::File, Uses::Many);
    for _ in 0..4 {
        desk.wrong_from("127.0.0.1");
    }
    let mut stream = TcpStream::connect(desk.listener.local_addr().unwrap()).unwrap();
    let wishes = wishes(Protection::Encrypted);
    let (_, hello) = Connector::new(&key("oyster"), wishes, &[1; 64]);
    stream.write_all(&hello).unwrap();
    drop(stream);
    let gone = desk.caller().accept(&key("oyster"), Protection::Encrypted);
    let gone = gone.map(|_| "a session").unwrap_err();
    assert!(matches!(gone, SessionError::Lost { .. }), "{gone}");
}

#[test]
fn peers_that_prove_nothing_do_not_keep_others_out() {
    let desk = Desk::new(Kind::File, Uses::Many);
    let addr = desk.listener.local_addr().unwrap();
    let silent: Vec<_> = (0..20)
        .map(|_| (TcpStream::connect(addr).unwrap(), desk.caller()))
        .collect();
    let (connected, accepted) = desk.try_key("oyster");
    assert!(connected.is_ok() && accepted.is_ok());
    drop(silent);
}

#[test]
fn another_wire_gets_what_was_read() {
    let desk = Desk::new(Kind::File, Uses::Many);
    let mut stream = TcpStream::connect(desk.listener.local_addr().unwrap()).unwrap();
    stream.write_all(b"SECRET_KEY").unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut caller = desk.caller();
    assert_eq!(caller.start().unwrap(), Start::Other);
    let (mut stream, mut received, _entered) = caller.into_stream();
    stream.read_to_end(&mut received).unwrap();
    assert_eq!(received, b"SECRET_KEY");
}
