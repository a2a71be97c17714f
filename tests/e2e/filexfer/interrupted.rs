//! Transfers that end before their end, and go on.

use std::thread;
use std::time::{Duration, Instant};

use super::*;

const LENGTH: usize = 64 << 20;

/// Slow enough to be caught in the middle.
const LIMIT: [&str; 2] = ["--limit", "20MB"];

/// Waits until so many bytes of a partial file are there.
fn wait_for_part(folder: &str, bytes: u64) {
    let deadline = Instant::now() + harness::PATIENCE;
    while Instant::now() < deadline {
        let parts = fs::read_dir(folder)
            .into_iter()
            .flatten()
            .map_while(Result::ok);
        let mut parts = parts.filter(|part| part.file_name().to_string_lossy().ends_with(".part"));
        if parts.any(|part| part.metadata().is_ok_and(|data| data.len() >= bytes)) {
            return;
        }
        thread::sleep(Duration::from_millis(5));
    }
    panic!("no part of a file in {folder}");
}

fn leftovers(folder: &str) -> Vec<String> {
    let names = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    names
        .map(|name| name.to_string_lossy().into_owned())
        .filter(|name| name != "a")
        .collect()
}

#[test]
fn a_client_that_was_killed_goes_on() {
    let folder = Folder::new();
    let (source, key) = (file(&folder, "a", LENGTH), key_file(&folder));
    let into = folder.file("into");
    fs::create_dir(&into).unwrap();
    let server = keyed(&[&["serve", &source], &LIMIT[..]].concat(), &key);
    let target = server.target();
    let mut killed = begin(&["get", &target, "-o", &into, "--key-file", &key]);
    wait_for_part(&into, 34 << 20);
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert!(
        fs::metadata(format!("{into}/a")).is_err(),
        "nothing is there by halves"
    );
    let got = other("get", &server, &["-o", &into, "--json"], &key);
    assert_eq!(got.code(), Some(0), "{got:?}");
    same(&source, &format!("{into}/a"));
    let begun = got
        .stdout
        .lines()
        .find(|line| line.contains("\"begun\""))
        .unwrap();
    let begun: serde_json::Value = serde_json::from_str(begun).unwrap();
    assert!(begun["from"].as_u64().unwrap() >= 16 << 20, "{begun}");
    assert_eq!(leftovers(&into), Vec::<String>::new());
}

#[test]
fn a_code_is_good_until_one_has_all() {
    let folder = Folder::new();
    let source = file(&folder, "a", LENGTH);
    let into = folder.file("into");
    fs::create_dir(&into).unwrap();
    let mut served = Coded::start(&[&["serve", &source], &LIMIT[..]].concat());
    let code = folder.write("code", &served.code);
    let target = served.server.target();
    let mut command = Command::new(program("filexfer"));
    let command = command.args(["get", &target, "-o", &into]);
    let command = command.stdin(fs::File::open(code).unwrap());
    let command = command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut killed = command.spawn().unwrap();
    wait_for_part(&into, 4 << 20);
    killed.kill().unwrap();
    killed.wait().unwrap();
    let message = served.server.next_message();
    assert!(message.contains("was lost"), "{message}");
    let got = served.other("get", &["-o", &into]);
    assert_eq!(got.code(), Some(0), "{got:?}");
    same(&source, &format!("{into}/a"));
    let (status, messages) = served.server.wait();
    assert_eq!(status.code(), Some(0), "{messages}");
}

#[test]
fn a_server_that_was_killed_is_waited_for() {
    let folder = Folder::new();
    let (source, key) = (file(&folder, "a", LENGTH), key_file(&folder));
    let into = folder.file("into");
    fs::create_dir(&into).unwrap();
    let server = keyed(&[&["serve", &source], &LIMIT[..]].concat(), &key);
    let addr = server.target();
    let mut client = begin(&["get", &addr, "-o", &into, "--key-file", &key]);
    wait_for_part(&into, 20 << 20);
    drop(server);
    let again = ["serve", &source, "--key-file", &key, "--bind", &addr];
    let _server = Server::start("filexfer", &again);
    assert!(client.wait().unwrap().success());
    same(&source, &format!("{into}/a"));
    assert_eq!(leftovers(&into), Vec::<String>::new());
}

#[cfg(unix)]
#[test]
fn a_signal_ends_a_transfer_that_can_go_on() {
    let folder = Folder::new();
    let (source, key) = (file(&folder, "a", LENGTH), key_file(&folder));
    let into = folder.file("into");
    let server = keyed(&["receive", &into], &key);
    let target = server.target();
    let args = [
        "send",
        &target,
        &source,
        "--key-file",
        &key,
        "--retry",
        "0s",
    ];
    let mut sending = begin(&[&args[..], &LIMIT[..]].concat());
    wait_for_part(&into, 20 << 20);
    server.signal(harness::Signal::SIGTERM);
    let (status, messages) = server.wait();
    assert_eq!(status.code(), Some(0), "{messages}");
    assert!(messages.contains("interrupted"), "{messages}");
    assert_eq!(sending.wait().unwrap().code(), Some(1));
    let server = keyed(&["receive", &into], &key);
    let sent = other("send", &server, &[&source, "--json"], &key);
    assert_eq!(sent.code(), Some(0), "{sent:?}");
    same(&source, &format!("{into}/a"));
    assert_eq!(leftovers(&into), Vec::<String>::new());
}
