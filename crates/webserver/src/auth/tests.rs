//! Requests and who asks, on a real connection: only a server has callers.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::{self, JoinHandle};

use proto::http::{Fields, Then, Version};
use runtime::shutdown::Shutdown;
use runtime::tcp::{Conversation, Listener, Next, Out, Policy, Server};

use super::hash::Hash;
use super::*;

/// Nothing takes that long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Judges a request whose `Authorization` is what it hears, and says what became of it.
struct Gate {
    guard: Guard,
    peer: Peer,
    caller: Caller,
    waiting: Option<Box<Waiting>>,
}

impl Conversation for Gate {
    fn take(&mut self, bytes: &[u8], out: &mut Out) -> Next {
        let request = asking(bytes);
        match judge(
            Some(&self.guard),
            &request,
            self.peer,
            out.now(),
            &self.caller,
        ) {
            Verdict::Admitted(user) => say(out, &format!("at once {user:?}")),
            Verdict::Refused(why) => say(out, &format!("{} {}", why.status(), why.line().trim())),
            Verdict::Wait(waiting) => {
                self.waiting = Some(waiting);
                Next::Wait
            }
        }
    }

    fn go_on(&mut self, out: &mut Out) -> Next {
        let waiting = self.waiting.take().unwrap();
        match waiting.verdict() {
            None => {
                self.waiting = Some(waiting);
                Next::Wait
            }
            Some(Ok(user)) => say(out, &format!("looked up {user:?}")),
            Some(Err(why)) => say(out, &why.status().to_string()),
        }
    }
}

fn say(out: &mut Out, text: &str) -> Next {
    out.bytes().extend_from_slice(text.as_bytes());
    out.bytes().push(b'\n');
    Next::GoOn
}

fn asking(authorization: &[u8]) -> Request<'_> {
    Request {
        method: Method::Get,
        method_text: "GET",
        target: "/",
        version: Version::Http11,
        then: Then::Persist,
        host: Some("localhost"),
        fields: Fields {
            authorization: Some(authorization.into()),
            ..Fields::default()
        },
    }
}

struct Users(PathBuf);

impl Users {
    fn new(text: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("plumbline-users-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, text).unwrap();
        Self(path)
    }
}

impl Drop for Users {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

struct Running {
    addr: SocketAddr,
    shutdown: Shutdown,
    thread: JoinHandle<std::io::Result<()>>,
}

impl Running {
    fn start(guard: Guard) -> Self {
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let addr = listener.local_addr();
        let server = Server::new(vec![listener], Policy::default());
        let shutdown = Shutdown::new();
        let stop = shutdown.clone();
        let thread = thread::spawn(move || {
            server.run(&stop, |peer, caller| Gate {
                guard: guard.clone(),
                peer,
                caller,
                waiting: None,
            })
        });
        Self {
            addr,
            shutdown,
            thread,
        }
    }

    fn begin(&self, said: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.addr).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(said.as_bytes()).unwrap();
        stream
    }

    fn ask(&self, said: &str) -> String {
        hear(&mut self.begin(said))
    }

    fn stop(self) {
        self.shutdown.trigger();
        self.thread.join().unwrap().unwrap();
    }
}

fn hear(stream: &mut TcpStream) -> String {
    let (mut heard, mut byte) = (String::new(), [0]);
    while !heard.ends_with('\n') {
        stream.read_exact(&mut byte).unwrap();
        heard.push(byte[0].into());
    }
    heard.trim_end().to_owned()
}

/// alice:one, alice:two and carol:one, as they are sent.
const ALICE_ONE: &str = "Basic YWxpY2U6b25l";
const ALICE_TWO: &str = "Basic YWxpY2U6dHdv";
const CAROL_ONE: &str = "Basic Y2Fyb2w6b25l";

#[test]
fn what_was_proven_is_remembered_until_the_file_is_read_anew() {
    let users = Users::new(&format!("alice:{}\n", Hash::quick("one").text()));
    let guard = Guard::open(&users.0).unwrap();
    let running = Running::start(guard.clone());
    for (said, expected) in [
        (
            "nothing",
            "401 Unauthorized WWW-Authenticate: Basic realm=\"files\", charset=\"UTF-8\"",
        ),
        (ALICE_TWO, "401 Unauthorized"),
        (CAROL_ONE, "401 Unauthorized"),
        (ALICE_ONE, "looked up \"alice\""),
        (ALICE_ONE, "at once Some(\"alice\")"),
        (ALICE_TWO, "401 Unauthorized"),
    ] {
        assert_eq!(running.ask(said), expected, "{said}");
    }
    std::fs::write(&users.0, "alice:one").unwrap();
    let fault = format!("{:#}", guard.reload().unwrap_err());
    assert!(
        fault.contains("line 1") && !fault.contains("one;"),
        "{fault}"
    );
    assert_eq!(
        running.ask(ALICE_ONE),
        "at once Some(\"alice\")",
        "all stays as it was"
    );
    std::fs::write(&users.0, format!("alice:{}\n", Hash::quick("two").text())).unwrap();
    guard.reload().unwrap();
    assert_eq!(running.ask(ALICE_ONE), "401 Unauthorized");
    assert_eq!(running.ask(ALICE_TWO), "looked up \"alice\"");
    running.stop();
}

#[test]
fn who_guesses_has_to_wait_and_who_was_let_in_goes_on() {
    let users = Users::new(&format!("alice:{}\n", Hash::quick("one").text()));
    let running = Running::start(Guard::open(&users.0).unwrap());
    assert_eq!(running.ask(ALICE_ONE), "looked up \"alice\"");
    // In the time that they take there may be more than ten tries.
    let mut guesses = (0..1000).map(|_| running.ask(ALICE_TWO));
    let refused = guesses.find(|heard| heard != "401 Unauthorized");
    let refused = refused.unwrap();
    assert!(
        refused.starts_with("429 Too Many Requests Retry-After: "),
        "{refused}"
    );
    assert_eq!(running.ask(ALICE_ONE), "at once Some(\"alice\")");
    running.stop();
}

#[test]
fn many_who_say_the_same_at_once_are_one_try() {
    let users = Users::new(&format!("alice:{}\n", Hash::of("one").unwrap().text()));
    let running = Running::start(Guard::open(&users.0).unwrap());
    let mut streams: Vec<_> = (0..40).map(|_| running.begin(ALICE_ONE)).collect();
    for stream in &mut streams {
        let heard = hear(stream);
        assert!(
            heard.ends_with("\"alice\"") || heard.ends_with("(\"alice\")"),
            "{heard}"
        );
    }
    running.stop();
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let fault = format!(
        "{:#}",
        Guard::open(Path::new("/nowhere/users")).unwrap_err()
    );
    assert!(fault.contains("/nowhere/users"), "{fault}");
}

#[test]
fn everyone_may_ask_where_there_is_no_guard_and_for_leave_to_ask() {
    let mut request = asking(b"");
    assert!(!is_preflight(&request));
    request.method = Method::Options;
    request.fields.origin = Some(b"https://example.org".into());
    assert!(!is_preflight(&request));
    request.fields.access_control_request_method = Some(b"GET".into());
    assert!(is_preflight(&request));
}
