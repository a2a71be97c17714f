//! One request and the end, as the classic server does it; the classic Python programs.

use std::process::Command;

use harness::{Server, classic, finish};

use super::talk::{Line, request};
use super::{folder_of, serve};

#[test]
fn exactly_one_request_is_answered() {
    let folder = folder_of(&[("a", "once")]);
    for (target, status) in [("/a", 200), ("/nothing", 404)] {
        let server = serve(&folder.file(""), &["--once"]);
        let mut line = Line::to(server.addr());
        // Another that came with it is not.
        line.say(request("GET", target, "") + &request("GET", "/a", ""));
        let answer = line.hear();
        assert_eq!(answer.status, status);
        assert_eq!(answer.field("connection"), "close");
        line.ends();
        let (status, messages) = server.wait();
        assert_eq!(status.code(), Some(0), "{messages}");
    }
}

#[test]
fn of_several_who_ask_at_once_one_is_answered() {
    let folder = folder_of(&[("a", "once")]);
    let server = serve(&folder.file(""), &["--once"]);
    let mut lines: Vec<_> = (0..20).map(|_| Line::to(server.addr())).collect();
    for line in &mut lines {
        line.say(request("GET", "/a", ""));
    }
    let heard: Vec<_> = lines.iter_mut().map(Line::rest_or_reset).collect();
    let answered = heard.iter().filter(|heard| !heard.is_empty());
    assert_eq!(answered.count(), 1);
    let (status, messages) = server.wait();
    assert_eq!(status.code(), Some(0), "{messages}");
}

#[test]
fn who_says_nothing_does_not_use_it_up() {
    let folder = folder_of(&[("a", "once")]);
    let server = serve(&folder.file(""), &["--once"]);
    let (silent, gone) = (Line::to(server.addr()), Line::to(server.addr()));
    drop(gone);
    assert_eq!(Line::to(server.addr()).get("/a").text(), "once");
    silent.ends();
    assert_eq!(server.wait().0.code(), Some(0));
}

#[test]
fn a_long_answer_comes_whole() {
    let folder = folder_of(&[]);
    let length = super::long_file(&folder, "long");
    let server = serve(&folder.file(""), &["--once"]);
    assert_eq!(Line::to(server.addr()).get("/long").body.len(), length);
    assert_eq!(server.wait().0.code(), Some(0));
}

/// What the classic client shows of a file of this server.
fn fetched(mut client: Command, server: &Server, name: &str) -> String {
    let addr = server.addr();
    client.args([addr.ip().to_string(), addr.port().to_string(), name.into()]);
    let talked = finish(client, "");
    assert_eq!(talked.code(), Some(0), "{}", talked.stderr);
    talked.stdout.replace("\r\n", "\n")
}

#[test]
fn a_classic_client_sees_of_ours_what_it_sees_of_a_classic_server() {
    let folder = folder_of(&[("hello.html", "<h1>hello</h1>\n")]);
    for (name, status, content) in [
        ("hello.html", "200 OK", "<h1>hello</h1>"),
        ("nothing.html", "404 Not Found", "404"),
    ] {
        let (Some(client), Some(again)) = (classic("web_client.py"), classic("web_client.py"))
        else {
            return;
        };
        let ours = serve(&folder.file(""), &["--once"]);
        let shown = fetched(client, &ours, name);
        assert!(
            shown.starts_with(&format!("HTTP/1.1 {status}\n")),
            "{shown}"
        );
        assert!(shown.contains(content), "{shown}");
        assert_eq!(ours.wait().0.code(), Some(0));

        let mut server = classic("web_server.py").unwrap();
        server.arg(folder.file(""));
        let theirs = Server::of(server, 1);
        let shown = fetched(again, &theirs, name);
        assert!(
            shown.starts_with(&format!("HTTP/1.1 {status}\n")),
            "{shown}"
        );
        assert!(shown.contains(content), "{shown}");
        assert_eq!(theirs.wait().0.code(), Some(0));
    }
}

#[test]
fn a_classic_client_is_served_by_one_that_goes_on() {
    let folder = folder_of(&[("a.txt", "again and again")]);
    let server = serve(&folder.file(""), &["--idle-timeout", "1s"]);
    for _ in 0..2 {
        let Some(client) = classic("web_client.py") else {
            return;
        };
        assert!(fetched(client, &server, "a.txt").ends_with("again and again\n"));
    }
}

#[test]
fn what_cannot_be_served_is_said_in_one_line() {
    let folder = folder_of(&[("a", "x")]);
    let server = serve(&folder.file(""), &[]);
    let (taken, root) = (server.target(), folder.file(""));
    let missing = folder.file("missing");
    harness::check_refusals(
        "webserver",
        &[
            (&[&root, "--bind", &taken], "in use"),
            (&[&root, "--bind", "192.0.2.1:0"], "no such address"),
            (&[&missing, "--bind", "127.0.0.1:0"], "missing"),
        ],
    );
}
