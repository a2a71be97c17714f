//! A key that client and server share.

use harness::{Folder, Server, ask, check_refusals, hear, run};

use super::{CLEAN_ACK, clean_ack, number, probe, sent};

fn with_key(file: &str) -> Server {
    let args = [CLEAN_ACK, &["--exit", "any", "--key-file", file]];
    Server::start("udp-echo", &args.concat())
}

#[test]
fn who_has_the_key_measures() {
    let folder = Folder::new();
    let [one, same] = [("one", "0123456789abcdef"), ("same", " 0123456789abcdef\n")]
        .map(|(name, key)| folder.write(name, key));
    let server = with_key(&one);
    let (json, done) = probe(&[
        &server.target(),
        "--key-file",
        &same,
        "-n",
        "30",
        "-i",
        "2ms",
        "-s",
        "200",
    ]);
    assert_eq!(done.code(), Some(0), "{done:?}");
    assert_eq!(
        (&json["keyed"], &json["wire"]),
        (&true.into(), &"native".into())
    );
    assert_eq!(number(&json, "/answered"), sent(&json), "{json}");
}

#[test]
fn who_has_not_is_told_what_to_do() {
    let folder = Folder::new();
    let files = [
        ("right", "0123456789abcdef"),
        ("wrong", "0123456789abcdeF"),
        ("short", "0123456789abcde\n"),
    ];
    let [right, wrong, short] = files.map(|(name, key)| folder.write(name, key));
    let missing = folder.file("missing");
    let (keyed, open) = (with_key(&right), clean_ack());
    let (keyed, open) = (keyed.target(), open.target());
    let probe_with = |key| ["probe", &keyed, "--key-file", key];
    let too_small = [&probe_with(&right)[..], &["-s", "63"]].concat();
    let table: &[(&[&str], &str)] = &[
        (&["probe", &keyed], "give its file with --key-file"),
        (&["sweep", &keyed], "give its file with --key-file"),
        (&probe_with(&wrong), "names the same key on both sides"),
        (
            &probe_with(&short),
            "expected a key of 16 to 4096 bytes, got 15",
        ),
        (&probe_with(&missing), "cannot use the key file"),
        (
            &["probe", &open, "--key-file", &right],
            "the server has no key",
        ),
        (&["probe", "--key-file", &right], "the server has no key"),
        (&too_small, "-s 64"),
        (
            &["serve", "--reply", "ack", "--key-file", &short],
            "16 to 4096 bytes",
        ),
    ];
    for (args, words) in table {
        // The server that is started for a probe without a target says so first.
        let has_line_before = args.len() == 3 && args[0] == "probe";
        if has_line_before {
            let refused = run("udp-echo", args, "");
            assert!(refused.stderr.contains(words), "{refused:?}");
            assert_eq!((refused.code(), refused.stdout.as_str()), (Some(1), ""));
        } else {
            check_refusals("udp-echo", &[(args, words)]);
        }
    }
}

#[test]
fn a_server_with_a_key_knows_no_classic_clients() {
    let folder = Folder::new();
    let server = with_key(&folder.write("key", "0123456789abcdef"));
    let client = server.connect();
    // Were the first answered, its answer would come first.
    client.send(b"Hello Server").unwrap();
    assert_eq!(ask(&client, "exit"), "Not Stopping the Server.");
    let target = server.target();
    let args = ["probe", &target, "--classic", "-n", "2", "-i", "5ms"];
    let done = run("udp-echo", &[&args[..], &["-t", "50ms"]].concat(), "");
    assert_eq!(done.code(), Some(1), "{done:?}");
    client.send(b"C 64").unwrap();
    assert_eq!(hear(&client), "Buffer Size Calibrated at Server.");
}
