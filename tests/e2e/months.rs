//! The month service.

use harness::{Server, ask, classic, finish, hear, run};

const INTRODUCTION: &str = "\nAn integer from 1 to 12 gets the month's name.\n";

fn serve() -> Server {
    Server::start("months", &["serve", "--bind", "127.0.0.1:0"])
}

#[test]
fn ours_asks_ours() {
    let server = serve();
    let asked = run("months", &["ask", &server.target(), "2", "12"], "");
    assert_eq!(
        (asked.stdout.as_str(), asked.code()),
        ("February\nDecember\n", Some(0))
    );
    let piped = run("months", &["ask", &server.target()], "5\nhello\n0\n7\n");
    assert_eq!(
        piped.stdout,
        "May\nSend an integer from 1 to 12, or 0 to end.\n"
    );
}

#[test]
fn a_classic_client_asks_ours() {
    let server = serve();
    let Some(mut client) = classic("months_client.py") else {
        return;
    };
    let addr = server.addr();
    client.args([addr.ip().to_string(), addr.port().to_string()]);
    let talked = finish(client, "1\n12\nmay\n13\n0\n");
    let usage = "Send an integer from 1 to 12, or 0 to end.";
    let expected = format!("{INTRODUCTION}\nJanuary\nDecember\n{usage}\n{usage}\nGoodbye.\n");
    assert_eq!(talked.stdout, expected, "{}", talked.stderr);
}

#[test]
fn ours_asks_a_classic_server() {
    let Some(server) = classic("months_server.py") else {
        return;
    };
    let server = Server::of(server, 1);
    let asked = run("months", &["ask", &server.target(), "1", "6", "12"], "");
    assert_eq!(
        asked.stdout, "January\nJune\nDecember\n",
        "{}",
        asked.stderr
    );
    let again = run("months", &["ask", &server.target(), "3"], "");
    assert_eq!(again.stdout, "March\n", "{}", again.stderr);
}

#[test]
fn conversations_do_not_mix() {
    let server = serve();
    let (one, two) = (server.connect(), server.connect());
    assert_eq!(ask(&one, "3"), INTRODUCTION);
    assert_eq!(ask(&one, "3"), "March");
    assert_eq!(ask(&two, "4"), INTRODUCTION);
    assert_eq!(ask(&one, "0"), "Goodbye.");
    assert_eq!(ask(&two, "4"), "April");
    assert_eq!(ask(&one, "3"), INTRODUCTION);
}

#[test]
fn a_server_forgets_and_is_asked_again() {
    let server = harness::loopback_socket();
    let target = server.local_addr().unwrap().to_string();
    let playing = std::thread::spawn(move || {
        // It forgets its client after every answer, as one that was restarted would.
        let mut buffer = [0; 100];
        for reply in [INTRODUCTION, INTRODUCTION, "May", "Goodbye."] {
            let (_, client) = server.recv_from(&mut buffer).unwrap();
            server.send_to(reply.as_bytes(), client).unwrap();
        }
    });
    let asked = run("months", &["ask", &target, "5"], "");
    assert_eq!(asked.stdout, "May\n", "{}", asked.stderr);
    playing.join().unwrap();
}

#[test]
fn what_goes_wrong_is_said_in_one_line() {
    let closed = harness::loopback_socket().local_addr().unwrap().to_string();
    let silent = harness::loopback_socket();
    let silent_addr = silent.local_addr().unwrap().to_string();
    let table: &[(&[&str], &str)] = &[
        (&["ask", "13"], "expected numbers from 1 to 12, got '13'"),
        (&["ask", &closed, "1"], "port unreachable"),
        (&["ask", &silent_addr, "-t", "50ms", "1"], "within 50 ms"),
        (
            &["ask", "no.such.host.invalid", "1"],
            "cannot resolve 'no.such.host.invalid'",
        ),
        (&["serve", "--bind", &silent_addr], "in use"),
    ];
    harness::check_refusals("months", table);
    assert_eq!(run("months", &["ask", "--nonsense"], "").code(), Some(2));
}

#[cfg(unix)]
#[test]
fn it_stops_in_order() {
    for signal in [harness::Signal::SIGTERM, harness::Signal::SIGINT] {
        let server = serve();
        let client = server.connect();
        ask(&client, "hello");
        server.signal(signal);
        let (status, messages) = server.wait();
        assert_eq!(status.code(), Some(0), "{messages}");
        assert_eq!(harness::total(&messages, "sent"), 1);
    }
}

#[test]
fn a_client_that_talks_nonsense_is_told_so_but_not_for_ever() {
    let server = serve();
    let client = server.connect();
    ask(&client, "hello");
    for _ in 0..200 {
        client.send(b"nonsense").unwrap();
    }
    client.send(b"7").unwrap();
    let answers = std::iter::from_fn(|| Some(hear(&client)).filter(|answer| answer != "July"));
    assert_eq!(answers.count(), 64);
}
