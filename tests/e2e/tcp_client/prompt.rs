//! The prompt of the client, typed at in a pseudo-terminal.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Instant;

use harness::{PATIENCE, classic, program};
use nix::pty::openpty;
use proto::echo::Case;

use super::servers::{answer_once, serve, silent, upper};

/// A program on a terminal.
struct Terminal {
    child: Child,
    keyboard: File,
    screen: Receiver<Vec<u8>>,
    /// What was shown and not looked for yet.
    shown: String,
}

impl Terminal {
    fn start(args: &[&str]) -> Self {
        let pty = openpty(None, None).unwrap();
        let (keyboard, ours) = (File::from(pty.master), pty.slave);
        let mut command = Command::new(program("tcp-echo"));
        command.args(args).env("TERM", "xterm");
        command.stdin(ours.try_clone().unwrap());
        command.stdout(ours.try_clone().unwrap()).stderr(ours);
        let child = command.spawn().unwrap();
        let screen = watch(keyboard.try_clone().unwrap());
        Self {
            child,
            keyboard,
            screen,
            shown: String::new(),
        }
    }

    /// Types at the next prompt. What is typed before it is lost when it sets the terminal up.
    fn types(&mut self, keys: &str) {
        self.shows("> ");
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until this is shown, after all that was waited for before.
    fn shows(&mut self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(place) = self.shown.find(text) {
                self.shown.drain(..place + text.len());
                return;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.screen.recv_timeout(left) {
                Ok(bytes) => self.shown += &String::from_utf8_lossy(&bytes),
                Err(_) => panic!("no '{text}' is shown, but {:?}", self.shown),
            }
        }
    }

    fn ends(mut self, code: i32) {
        assert_eq!(self.child.wait().unwrap().code(), Some(code));
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn watch(mut screen: File) -> Receiver<Vec<u8>> {
    let (bytes, shown) = mpsc::channel();
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        // At its end a terminal gives an error.
        while let Ok(length @ 1..) = screen.read(&mut buffer) {
            if bytes.send(buffer[..length].to_vec()).is_err() {
                return;
            }
        }
    });
    shown
}

const CTRL_C: &str = "\x03";
const CTRL_D: &str = "\x04";

#[test]
fn each_line_is_answered() {
    for (case, answer) in [(Case::Unicode, "STRASSE"), (Case::Ascii, "STRAßE")] {
        let server = serve(move |stream| upper(stream, case));
        let mut terminal = Terminal::start(&["client", &server]);
        terminal.shows("answers in upper case");
        terminal.types("hello\r");
        terminal.shows("HELLO\r\n");
        terminal.types("\r");
        terminal.types("straße ŉ\r");
        terminal.shows(answer);
        terminal.types(CTRL_D);
        terminal.ends(0);
    }
}

#[test]
fn ctrl_c_ends_it() {
    let server = serve(|stream| upper(stream, Case::Unicode));
    let mut terminal = Terminal::start(&["client", &server]);
    terminal.types(CTRL_C);
    terminal.ends(0);
}

#[test]
fn a_server_that_answers_once_is_asked_on_new_connections() {
    let server = serve(|stream| answer_once(stream, 1024));
    let mut terminal = Terminal::start(&["client", &server]);
    for (line, answer) in [
        ("one\r", "ONE\r\n"),
        ("two\r", "TWO\r\n"),
        ("three\r", "THREE\r\n"),
    ] {
        terminal.types(line);
        terminal.shows(answer);
    }
    let Some(server) = classic("tcp_upper_server.py") else {
        return;
    };
    let server = harness::Server::of(server, 1);
    let mut terminal = Terminal::start(&["client", &server.target()]);
    for (line, answer) in [("hello\r", "HELLO\r\n"), ("straße\r", "STRASSE\r\n")] {
        terminal.types(line);
        terminal.shows(answer);
    }
}

#[test]
fn silence_and_an_end_are_said_and_the_prompt_comes_again() {
    let silent = serve(silent);
    let mut terminal = Terminal::start(&["client", &silent, "-t", "1s"]);
    terminal.types("hello\r");
    terminal.shows("error: no answer from tcp://");
    terminal.types(CTRL_D);
    terminal.ends(0);
    let closing = serve(drop);
    let mut terminal = Terminal::start(&["client", &closing]);
    terminal.types("hello\r");
    terminal.shows("error: tcp://");
    terminal.shows("the connection");
    terminal.types(CTRL_D);
    terminal.ends(0);
}

#[test]
fn what_a_server_says_cannot_steer_the_terminal() {
    let hostile = serve(|mut stream| {
        stream.read_exact(&mut [0; 5]).unwrap();
        stream.write_all(b"\x1b]0;owned\x07").unwrap();
        super::servers::silent(stream);
    });
    let mut terminal = Terminal::start(&["client", &hostile]);
    terminal.types("hello\r");
    terminal.shows("\\u{1b}]0;owned\\u{7}");
}
