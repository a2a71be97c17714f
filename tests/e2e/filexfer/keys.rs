//! Who knows the key, and who does not.

use super::*;

#[test]
fn a_wrong_key_gets_nothing_and_is_not_tried_again() {
    let folder = Folder::new();
    let (source, key) = (folder.write("a", "a"), key_file(&folder));
    let wrong = folder.write("wrong", "SECRET_KEX");
    let server = keyed(&["serve", &source], &key);
    let target = folder.file("b");
    let refused = other("get", &server, &["-o", &target], &wrong);
    assert_eq!(refused.code(), Some(1), "{refused:?}");
    assert!(refused.stderr.contains("the key is wrong"), "{refused:?}");
    assert!(!refused.stderr.contains("again for"), "{refused:?}");
    assert!(fs::metadata(&target).is_err());
}

#[test]
fn a_code_ends_by_wrong_tries() {
    let folder = Folder::new();
    let source = folder.write("a", "a");
    let served = Coded::start(&["serve", &source]);
    let wrong = match served.code.starts_with("zoo") {
        true => "abandon ability able\n",
        false => "zoo zoo zoo\n",
    };
    let target = served.server.target();
    for _ in 0..5 {
        let refused = harness::run(
            "filexfer",
            &["get", &target, "-o", &folder.file("b")],
            wrong,
        );
        assert_eq!(refused.code(), Some(1), "{refused:?}");
    }
    let (status, messages) = served.server.wait();
    assert_eq!(status.code(), Some(1), "{messages}");
    assert!(messages.contains("too many wrong tries"), "{messages}");
}

#[cfg(unix)]
#[test]
fn it_stops_in_order() {
    let folder = Folder::new();
    let (source, key) = (folder.write("a", "a"), key_file(&folder));
    for signal in [harness::Signal::SIGTERM, harness::Signal::SIGINT] {
        let server = keyed(&["serve", &source], &key);
        let got = other(
            "get",
            &server,
            &["-o", &folder.file(&format!("{signal}"))],
            &key,
        );
        assert_eq!(got.code(), Some(0), "{got:?}");
        server.signal(signal);
        let (status, messages) = server.wait();
        assert_eq!(status.code(), Some(0), "{messages}");
    }
    let served = Coded::start(&["serve", &source]);
    let (status, messages) = served.server.terminate();
    assert_eq!(status.code(), Some(1), "nobody had it: {messages}");
}

#[test]
fn many_may_use_a_code_that_is_for_many() {
    let folder = Folder::new();
    let source = folder.write("a", "a");
    let served = Coded::start(&["serve", &source, "--many"]);
    for number in 0..2 {
        let got = served.other("get", &["-o", &folder.file(&format!("got{number}"))]);
        assert_eq!(got.code(), Some(0), "{got:?}");
    }
}
