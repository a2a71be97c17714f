//! The greeting of an acknowledging echo.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc;

use harness::{Server, check_refusals, classic, run, skip};
use proto::echo::Case;

use super::servers::{acknowledge, closed, serve, silent, upper};

#[test]
fn each_message_is_acknowledged() {
    let server = serve(|stream| acknowledge(stream, usize::MAX));
    for (args, times) in [(&[][..], 5), (&["-n", "2", "--message", "hello"], 2)] {
        let done = run("tcp-echo", &[&["greet", &server], args].concat(), "");
        assert_eq!(done.code(), Some(0), "{done:?}");
        assert_eq!(done.stdout, "Acknowledgement\n".repeat(times));
        assert_eq!(done.stderr, "");
    }
}

#[test]
fn the_last_word_is_exit() {
    let (told, heard) = mpsc::channel();
    let server = serve(move |mut stream| {
        let mut message = [0; 10];
        stream.read_exact(&mut message).unwrap();
        // More than was asked for: the client reads it, so that its last word is not lost.
        stream.write_all(b"AcknowledgementAcknowledgement").unwrap();
        let mut rest = String::new();
        stream.read_to_string(&mut rest).unwrap();
        told.send((message, rest)).unwrap();
    });
    let done = run("tcp-echo", &["greet", &server, "-n", "1"], "");
    assert_eq!(done.code(), Some(0), "{done:?}");
    let (message, rest) = heard.recv_timeout(harness::PATIENCE).unwrap();
    assert_eq!((&message[..], rest.as_str()), (&b"Hii Server"[..], "exit"));
}

#[test]
fn a_classic_server_is_greeted_over_both_families() {
    for host in ["127.0.0.1", "::1"] {
        if TcpListener::bind((host, 0)).is_err() {
            skip(&format!("no {host} here"));
            continue;
        }
        let Some(mut server) = classic("tcp_ack_server.py") else {
            return;
        };
        server.arg(host);
        let server = Server::of(server, 1);
        // One after the other: each ends its connection, so that the next is accepted.
        for _ in 0..2 {
            let done = run("tcp-echo", &["greet", &server.target()], "");
            assert_eq!(done.code(), Some(0), "{done:?}");
            assert_eq!(done.stdout, "Acknowledgement\n".repeat(5));
        }
    }
}

#[test]
fn what_goes_wrong_is_said_in_a_line() {
    let (nobody, upper) = (closed(), serve(|stream| upper(stream, Case::Unicode)));
    let silent = serve(silent);
    let long = "x".repeat(1025);
    check_refusals(
        "tcp-echo",
        &[
            (&["greet", &nobody], "(`tcp-echo serve --reply ack`)"),
            (&["greet", &upper], "found 'H'"),
            (&["greet", &upper], "a `tcp-echo serve --reply ack`?"),
            (&["greet", &silent, "-t", "50ms"], "within 50 ms"),
            (
                &["greet", &silent, "--message", "exit"],
                "another message than 'exit'",
            ),
            (
                &["greet", &silent, "--message", ""],
                "1 to 1024 bytes, got 0",
            ),
            (&["greet", &silent, "--message", &long], "got 1025"),
        ],
    );
    let short = serve(|stream| acknowledge(stream, 2));
    let done = run("tcp-echo", &["greet", &short], "");
    assert_eq!(done.code(), Some(1), "{done:?}");
    assert_eq!(done.stdout, "Acknowledgement\n".repeat(2));
    assert!(done.stderr.contains("message 3 of 5"), "{done:?}");
}
