//! The TCP echo's servers: raw sockets and the classic Python clients against them.

mod neighbours;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::Command;

use harness::{PATIENCE, Server, classic, finish, skip, total};

const HERE: [&str; 2] = ["--bind", "127.0.0.1:0"];

fn serve(args: &[&str]) -> Server {
    Server::start("tcp-echo", &[&["serve"], &HERE[..], args].concat())
}

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.addr()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// Says this, and hears as much as is expected.
fn exchange(stream: &mut TcpStream, says: impl AsRef<[u8]>, hears: impl AsRef<[u8]>) {
    stream.write_all(says.as_ref()).unwrap();
    hear(stream, hears.as_ref());
}

fn hear(stream: &mut TcpStream, expected: &[u8]) {
    let mut heard = vec![0; expected.len()];
    stream.read_exact(&mut heard).unwrap();
    assert_eq!(
        heard.escape_ascii().to_string(),
        expected.escape_ascii().to_string()
    );
}

/// Ends this side, and gives what is still to be heard.
fn end(mut stream: TcpStream) -> Vec<u8> {
    stream.shutdown(Shutdown::Write).unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    rest
}

#[test]
fn a_stream_is_upper_case_over_both_families() {
    let server = Server::start(
        "tcp-echo",
        &["serve", "--bind", "127.0.0.1:0", "--bind", "[::1]:0"],
    );
    for addr in &server.addrs {
        let mut stream = TcpStream::connect(addr).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        exchange(&mut stream, "no line end, straße", "NO LINE END, STRASSE");
        exchange(&mut stream, "and more\n", "AND MORE\n");
        assert_eq!(end(stream), b"");
    }
}

#[test]
fn a_character_cut_anywhere_is_one() {
    let server = serve(&[]);
    let text = "aß\u{390}漢\u{149}𐐨z";
    for cut in 0..=text.len() {
        let mut stream = connect(&server);
        let (one, two) = text.as_bytes().split_at(cut);
        // What is complete comes at once, so that the rest comes to the server in another read.
        let complete =
            std::str::from_utf8(one).unwrap_or_else(|error| &text[..error.valid_up_to()]);
        let first = complete.to_uppercase();
        exchange(&mut stream, one, &first);
        stream.write_all(two).unwrap();
        let rest = String::from_utf8(end(stream)).unwrap();
        assert_eq!(first + &rest, text.to_uppercase(), "cut at {cut}");
    }
}

#[test]
fn what_is_no_text_passes_through() {
    let server = serve(&[]);
    let mut stream = connect(&server);
    exchange(&mut stream, b"a\xffb\xe6", b"A\xffB");
    assert_eq!(end(stream), b"\xe6");
    let ascii = serve(&["--ascii"]);
    exchange(&mut connect(&ascii), "straße", "STRAßE");
}

#[test]
fn a_long_stream_comes_back_whole() {
    let server = serve(&[]);
    let mut sender = connect(&server);
    let mut receiver = sender.try_clone().unwrap();
    let text = "The quick brown fox jumps over the lazy Füchsin. ".repeat(200_000);
    let expected = text.to_uppercase();
    let sending = std::thread::spawn(move || {
        sender.write_all(text.as_bytes()).unwrap();
        sender.shutdown(Shutdown::Write).unwrap();
    });
    let mut heard = String::new();
    receiver.read_to_string(&mut heard).unwrap();
    assert!(heard == expected);
    sending.join().unwrap();
}

#[test]
fn each_read_is_acknowledged_until_exit() {
    let server = serve(&["--reply", "ack"]);
    let mut stream = connect(&server);
    for message in ["Hii Server", "exit now", "\u{1}", "EXIT"] {
        exchange(&mut stream, message, "Acknowledgement");
    }
    exchange(&mut stream, "exit", "");
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    // The end of the stream ends a connection as well, and the next is served.
    let mut stream = connect(&server);
    exchange(&mut stream, "hello", "Acknowledgement");
    assert_eq!(end(stream), b"");
}

#[test]
fn classic_clients_are_served() {
    let server = serve(&[]);
    let Some(mut client) = classic("tcp_upper_client.py") else {
        return;
    };
    client.args([
        server.addr().ip().to_string(),
        server.addr().port().to_string(),
    ]);
    let talked = finish(client, "one sentence, größer\n");
    assert_eq!(
        talked.stdout, "ONE SENTENCE, GRÖSSER\n",
        "{}",
        talked.stderr
    );

    let both = ["--reply", "ack", "--bind", "[::1]:0"];
    let server = serve(&both);
    for addr in &server.addrs {
        let Some(mut client) = classic("ack_client.py") else {
            return;
        };
        client.args([addr.ip().to_string(), addr.port().to_string()]);
        let talked = finish(client, "");
        assert_eq!(
            talked.stdout,
            "Acknowledgement\n".repeat(5),
            "{}",
            talked.stderr
        );
    }
}

#[test]
fn a_thousand_connections_at_once() {
    if !may_open(1_500) {
        return skip("not as many open files are allowed");
    }
    let server = serve(&[]);
    let mut streams: Vec<_> = (0..1_000).map(|_| connect(&server)).collect();
    for round in 0..3 {
        for (number, stream) in streams.iter_mut().enumerate() {
            write!(stream, "round {round} of {number}").unwrap();
        }
        for (number, stream) in streams.iter_mut().enumerate() {
            hear(stream, format!("ROUND {round} OF {number}").as_bytes());
        }
    }
    drop(streams);
    ends_in_order(server, 1_000);
}

/// Raises the limit on open files of this process as far as it goes, and says whether that is enough.
fn may_open(files: u64) -> bool {
    #[cfg(unix)]
    {
        use nix::sys::resource::{Resource, getrlimit, setrlimit};
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
        hard >= files
    }
    #[cfg(not(unix))]
    {
        files > 0
    }
}

#[cfg(unix)]
fn ends_in_order(server: Server, connections: u64) {
    let (status, messages) = server.terminate();
    assert_eq!(status.code(), Some(0), "{messages}");
    assert_eq!(total(&messages, "connections"), connections, "{messages}");
}

#[cfg(not(unix))]
fn ends_in_order(_: Server, _: u64) {}

#[cfg(unix)]
#[test]
fn a_server_without_descriptors_lets_connections_wait() {
    const LIMIT: usize = 40;
    let mut limited = Command::new("sh");
    limited
        .args(["-c", &format!("ulimit -n {LIMIT} && exec \"$0\" \"$@\"")])
        .arg(harness::program("tcp-echo"))
        .args(["serve"])
        .args(HERE);
    let mut server = Server::of(limited, 1);
    let mut streams: Vec<_> = (0..LIMIT + 20).map(|_| connect(&server)).collect();
    let message = server.next_message();
    assert!(message.contains("ulimit -n"), "{message}");
    // Each that is served makes room for one that waits.
    for stream in &mut streams {
        stream.write_all(b"all of us").unwrap();
    }
    for mut stream in streams {
        hear(&mut stream, b"ALL OF US");
        drop(stream);
    }
    exchange(&mut connect(&server), "and later", "AND LATER");
    ends_in_order(server, (LIMIT + 21) as u64);
}

#[test]
fn limits_are_kept() {
    let server = serve(&["--max-connections", "1", "--idle-timeout", "50ms"]);
    let mut first = connect(&server);
    exchange(&mut first, "here", "HERE");
    let mut second = connect(&server);
    // It is served when the first was silent for too long.
    exchange(&mut second, "i can wait", "I CAN WAIT");
    assert_eq!(first.read(&mut [0]).unwrap(), 0);
}

#[cfg(unix)]
#[test]
fn what_was_said_is_answered_before_it_stops() {
    for signal in [harness::Signal::SIGTERM, harness::Signal::SIGINT] {
        let server = serve(&["--busy-poll"]);
        let mut streams: Vec<_> = (0..20).map(|_| connect(&server)).collect();
        for stream in &mut streams {
            stream.write_all(b"last words").unwrap();
        }
        server.signal(signal);
        for stream in streams {
            assert_eq!(end(stream), b"LAST WORDS");
        }
        let (status, messages) = server.wait();
        assert_eq!(status.code(), Some(0), "{messages}");
    }
}

#[test]
fn what_cannot_be_served_is_said_in_one_line() {
    let server = serve(&[]);
    let taken = server.target();
    harness::check_refusals(
        "tcp-echo",
        &[
            (&["serve", "--bind", &taken], "in use"),
            (&["serve", "--bind", "192.0.2.1:0"], "no such address"),
            (&["serve", "--reply", "ack", "--ascii"], "--reply upper"),
            (&["serve", "--max-connections", "0"], "'0'"),
        ],
    );
}
