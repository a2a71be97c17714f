//! The prompt of the client, typed at in a pseudo-terminal.

use std::io::{Read, Write};
use std::process::Command;

use harness::{classic, program};
use proto::echo::Case;

use super::servers::{answer_once, serve, silent, upper};
use crate::terminal::Terminal;

const CTRL_C: &str = "\x03";
const CTRL_D: &str = "\x04";

fn start(args: &[&str]) -> Terminal {
    let mut command = Command::new(program("tcp-echo"));
    command.args(args);
    Terminal::start(command)
}

#[test]
fn each_line_is_answered() {
    for (case, answer) in [(Case::Unicode, "STRASSE"), (Case::Ascii, "STRAßE")] {
        let server = serve(move |stream| upper(stream, case));
        let mut terminal = start(&["client", &server]);
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
    let mut terminal = start(&["client", &server]);
    terminal.types(CTRL_C);
    terminal.ends(0);
}

#[test]
fn a_server_that_answers_once_is_asked_on_new_connections() {
    let server = serve(|stream| answer_once(stream, 1024));
    let mut terminal = start(&["client", &server]);
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
    let mut terminal = start(&["client", &server.target()]);
    for (line, answer) in [("hello\r", "HELLO\r\n"), ("straße\r", "STRASSE\r\n")] {
        terminal.types(line);
        terminal.shows(answer);
    }
}

#[test]
fn silence_and_an_end_are_said_and_the_prompt_comes_again() {
    let silent = serve(silent);
    let mut terminal = start(&["client", &silent, "-t", "1s"]);
    terminal.types("hello\r");
    terminal.shows("error: no answer from tcp://");
    terminal.types(CTRL_D);
    terminal.ends(0);
    let closing = serve(drop);
    let mut terminal = start(&["client", &closing]);
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
    let mut terminal = start(&["client", &hostile]);
    terminal.types("hello\r");
    terminal.shows("\\u{1b}]0;owned\\u{7}");
}
