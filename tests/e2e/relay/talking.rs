//! `chat` as people use it, on a terminal.

use super::{Home, serve};
use crate::terminal::Terminal;

#[test]
fn what_comes_does_not_break_the_line_that_is_typed() {
    let (relay, home) = (serve(&[]), Home::new());
    let target = relay.target();
    let (mut bob, _) = home.listen(&target, &["--name", "bob", "--room", "den"]);
    let mut chat =
        Terminal::start(home.command(&["chat", &target, "--name", "alice", "--room", "den"]));
    chat.shows("you are in #den, with 1 other");
    chat.types("half a li");
    chat.shows("half a li");
    home.send(
        &[
            &target,
            "--name",
            "carol",
            "--to",
            "alice",
            "in between\nand \x1b[2J",
        ],
        "",
    );
    chat.shows("carol → you: in between");
    chat.shows("        and \\u{1b}[2J");
    chat.shows("#den> half a li");
    chat.goes_on("ne\r");
    assert_eq!(bob.next_line(), "#den alice: half a line");
    chat.types("/msg bob\r");
    chat.shows("bob> ");
    chat.goes_on("to you alone\r");
    assert_eq!(bob.next_line(), "alice: to you alone");
    chat.shows("✓ delivered to bob");
    chat.goes_on("/quit\r");
    chat.ends(0);
}

#[test]
fn the_terminal_is_left_as_it_was() {
    let (relay, home) = (serve(&[]), Home::new());
    let target = relay.target();
    let mut chat = Terminal::start(home.command(&["chat", &target, "--name", "alice"]));
    chat.shows("> ");
    chat.terminate();
    chat.has_ended(0);
    assert!(chat.is_as_before());
    let mut chat = Terminal::start(home.command(&["chat", &target, "--name", "alice"]));
    chat.shows("> ");
    let (_newer, _) = home.listen(&target, &["--name", "alice"]);
    chat.shows("from elsewhere");
    chat.has_ended(1);
    assert!(chat.is_as_before());
}
