//! The clients of the echoes over TCP, against servers that are right, classic, silent, or gone.

mod greet;
#[cfg(target_os = "linux")]
mod network;
#[cfg(unix)]
mod prompt;
mod servers;

use std::io::{self, PipeReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;

use harness::{Server, check_refusals, classic, program, run};
use proto::echo::Case;

use servers::{answer_once, closed, reset_after, serve, upper};

/// The client in a pipe.
fn client(addr: &str, input: &str) -> harness::Finished {
    run("tcp-echo", &["client", addr], input)
}

#[test]
fn the_input_comes_back_in_upper_case() {
    let server = serve(|stream| upper(stream, Case::Unicode));
    let table = [
        ("hi\n", "HI\n"),
        ("no end of line", "NO END OF LINE"),
        ("Straße\nŉ\u{1}\x1b[2J\n", "STRASSE\n\u{2bc}N\u{1}\x1b[2J\n"),
        ("", ""),
    ];
    for (input, output) in table {
        let done = client(&server, input);
        assert_eq!(
            (done.stdout.as_str(), done.code()),
            (output, Some(0)),
            "{done:?}"
        );
        assert_eq!(done.stderr, "");
    }
    let ascii = serve(|stream| upper(stream, Case::Ascii));
    let done = client(&ascii, "straße ŉ");
    assert_eq!(
        (done.stdout.as_str(), done.code()),
        ("STRAßE ŉ", Some(0)),
        "{done:?}"
    );
}

#[test]
fn the_end_of_the_input_is_told_and_the_end_of_the_answers_awaited() {
    let late = serve(|mut stream| {
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
        stream.write_all(&all.to_ascii_uppercase()).unwrap();
    });
    let text = "line\n".repeat(100_000);
    let done = client(&late, &text);
    assert_eq!(done.code(), Some(0), "{}", done.stderr);
    assert!(done.stdout == text.to_uppercase());
}

/// Lines of 16 bytes, each with its number.
fn numbered(lines: std::ops::Range<u32>) -> Vec<u8> {
    lines
        .flat_map(|line| format!("{line:015x}\n").into_bytes())
        .collect()
}

#[test]
fn much_comes_back_whole_and_in_order_to_a_slow_reader() {
    const LINES: u32 = 4 << 20; // 64 MiB
    const BLOCK: u32 = 256; // 4 KiB, as a small reader takes
    let server = serve(|mut stream| {
        let mut buffer = vec![0; 65_536];
        while let Ok(length @ 1..) = stream.read(&mut buffer) {
            buffer[..length].make_ascii_uppercase();
            stream.write_all(&buffer[..length]).unwrap();
        }
    });
    let mut filter = Filter::start(&server);
    let mut input = filter.0.stdin.take().unwrap();
    let feeding = thread::spawn(move || {
        for line in (0..LINES).step_by(BLOCK as usize * 16) {
            input.write_all(&numbered(line..line + BLOCK * 16)).unwrap();
        }
    });
    let mut output = filter.0.stdout.take().unwrap();
    let mut block = vec![0; BLOCK as usize * 16];
    for line in (0..LINES).step_by(BLOCK as usize) {
        output.read_exact(&mut block).unwrap();
        let expected = numbered(line..line + BLOCK).to_ascii_uppercase();
        assert!(block == expected, "after line {line}");
    }
    assert_eq!(output.read(&mut block).unwrap(), 0);
    feeding.join().unwrap();
    assert_eq!(filter.0.wait().unwrap().code(), Some(0));
}

#[test]
fn what_goes_wrong_is_said_in_a_line() {
    let nobody = closed();
    check_refusals(
        "tcp-echo",
        &[
            (&["client", &nobody], "nothing listens on tcp://127.0.0.1:"),
            (&["client", &nobody], "(`tcp-echo serve`)"),
            (&["client", "no-such-host.invalid"], "cannot resolve"),
            (&["client", "bad host"], "expected a host"),
        ],
    );
}

#[test]
fn a_connection_that_ends_too_early_is_a_failure() {
    let resetting = serve(|stream| reset_after(stream, 5));
    let done = client(&resetting, "hello");
    assert_eq!(done.code(), Some(1), "{done:?}");
    assert!(done.stderr.contains("reset the connection"), "{done:?}");
    // What it did not read is answered with a reset, unless that comes after its end.
    let once = serve(|stream| answer_once(stream, 4));
    let done = client(&once, "hello, hello");
    assert_eq!(done.code(), Some(1), "{done:?}");
    assert_eq!(done.stderr.lines().count(), 1, "{done:?}");
    assert!(
        done.stderr.contains("a classic server answers one read"),
        "{done:?}"
    );
    assert!("HELL".starts_with(&done.stdout), "{done:?}");
}

#[test]
fn a_server_that_closes_is_noticed_while_the_input_goes_on() {
    let server = serve(|mut stream| {
        stream.read_exact(&mut [0; 6]).unwrap();
        stream.write_all(b"FIR").unwrap();
    });
    let mut filter = Filter::start(&server);
    let input = filter.0.stdin.as_mut().unwrap();
    input.write_all(b"first\n").unwrap();
    // The input stays open: nothing but the server's end can end the client.
    let [output, messages] = filter.outputs();
    assert_eq!(output, "FIR");
    let words = "closed the connection before the end, after 3 bytes";
    assert!(messages.contains(words), "{messages}");
    assert_eq!(filter.0.wait().unwrap().code(), Some(1));
}

#[test]
fn after_a_server_that_answered_all_it_is_the_input_that_decides() {
    for (rest, code) in [("", 0), ("second\n", 1)] {
        let server = serve(|stream| answer_once(stream, 1024));
        let mut filter = Filter::start(&server);
        let mut input = filter.0.stdin.take().unwrap();
        input.write_all(b"first\n").unwrap();
        let mut answer = [0; 6];
        let output = filter.0.stdout.as_mut().unwrap();
        output.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"FIRST\n");
        input.write_all(rest.as_bytes()).unwrap();
        drop(input);
        assert_eq!(filter.0.wait().unwrap().code(), Some(code), "{rest}");
    }
}

#[test]
fn a_reader_that_goes_away_ends_the_client_without_a_word() {
    let server = serve(|stream| upper(stream, Case::Unicode));
    let (reader, writer) = io::pipe().unwrap();
    drop::<PipeReader>(reader);
    let mut filter = Filter::with(&server, writer.into());
    let mut input = filter.0.stdin.take().unwrap();
    input.write_all(b"hello\n").unwrap();
    let [_, messages] = filter.outputs();
    assert_eq!(
        (messages.as_str(), filter.0.wait().unwrap().code()),
        ("", Some(0))
    );
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_a_client_that_waits() {
    use std::os::unix::process::ExitStatusExt;

    let (told, heard) = mpsc::channel();
    let server = serve(move |mut stream| {
        stream.read_exact(&mut [0; 5]).unwrap();
        told.send(()).unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let mut filter = Filter::start(&server);
    filter
        .0
        .stdin
        .as_mut()
        .unwrap()
        .write_all(b"hello")
        .unwrap();
    heard.recv_timeout(harness::PATIENCE).unwrap();
    let id = nix::unistd::Pid::from_raw(filter.0.id().try_into().unwrap());
    nix::sys::signal::kill(id, harness::Signal::SIGINT).unwrap();
    assert_eq!(filter.0.wait().unwrap().signal(), Some(2));
}

#[test]
fn a_classic_server_answers_a_line() {
    let Some(server) = classic("tcp_upper_server.py") else {
        return;
    };
    let server = Server::of(server, 1);
    let target = server.target();
    // Each of these is read at once: a classic client sends as little.
    for (input, output) in [("hello", "HELLO"), ("Straße\n", "STRASSE\n")] {
        let done = client(&target, input);
        assert_eq!(
            (done.stdout.as_str(), done.code()),
            (output, Some(0)),
            "{done:?}"
        );
    }
    let done = client(&target, &"x".repeat(100_000));
    assert_eq!(done.code(), Some(1), "{done:?}");
    assert!(done.stderr.contains("classic server"), "{done:?}");
}

/// A client whose input and output the test holds.
struct Filter(Child);

impl Filter {
    fn start(addr: &str) -> Self {
        Self::with(addr, Stdio::piped())
    }

    fn with(addr: &str, output: Stdio) -> Self {
        let mut command = Command::new(program("tcp-echo"));
        command.args(["client", addr]);
        command
            .stdin(Stdio::piped())
            .stdout(output)
            .stderr(Stdio::piped());
        Self(command.spawn().unwrap())
    }

    /// What it writes to standard output, where that is ours, and to standard error until it ends.
    fn outputs(&mut self) -> [String; 2] {
        let (mut output, mut messages) = (String::new(), String::new());
        if let Some(mut stdout) = self.0.stdout.take() {
            stdout.read_to_string(&mut output).unwrap();
        }
        let mut stderr = self.0.stderr.take().unwrap();
        stderr.read_to_string(&mut messages).unwrap();
        [output, messages]
    }
}

impl Drop for Filter {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
