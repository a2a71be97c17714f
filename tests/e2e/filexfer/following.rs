//! One side is kept up to date as files change at the other.

use std::path::Path;

use harness::Signal;
use serde_json::Value;

use super::*;

/// A side that connected and follows, or is followed. It is ended with the test.
struct Follower(Server);

impl Follower {
    fn start(args: &[&str], key: &str) -> Self {
        let mut command = Command::new(program("filexfer"));
        command
            .args(args)
            .args(["--watch", "--json", "--key-file", key]);
        Self(Server::of(command, 0))
    }

    fn event(&mut self) -> Value {
        serde_json::from_str(&self.0.next_line()).unwrap()
    }

    /// The events of rounds until one has this, the end of that round included.
    fn until(&mut self, is_there: impl Fn(&Value) -> bool) -> Vec<Value> {
        let mut events = Vec::new();
        loop {
            let event = self.event();
            let is_over = event["type"] == "paused";
            events.push(event);
            if is_over && events.iter().any(&is_there) {
                return events;
            }
        }
    }

    /// Waits for the end of a round in which this happened to this name.
    fn until_named(&mut self, kind: &str, name: &str) {
        self.until(|event| event["type"] == kind && event["name"] == name);
    }

    /// Tells it to stop; the answer is its exit code and its summary.
    fn stop(mut self) -> (Option<i32>, Value) {
        self.0.signal(Signal::SIGINT);
        let summary = loop {
            let event = self.event();
            if event["type"] == "summary" {
                break event;
            }
        };
        let (status, _) = self.0.wait();
        (status.code(), summary)
    }

    /// Waits until it ends by itself, with all that there was.
    fn until_end(mut self) {
        while self.event()["type"] != "summary" {}
        let (status, messages) = self.0.wait();
        assert_eq!(status.code(), Some(0), "{messages}");
        assert!(messages.contains("the other side has ended"), "{messages}");
    }
}

/// Changes a file at once.
fn put(folder: &Folder, name: &str, content: &str) {
    let new = folder.write("new", content);
    fs::rename(new, folder.file(name)).unwrap();
}

fn is_there(folder: &Folder, name: &str) -> bool {
    Path::new(&folder.file(name)).exists()
}

#[test]
fn what_changes_arrives() {
    let folder = Folder::new();
    let key = key_file(&folder);
    fs::create_dir(folder.file("d")).unwrap();
    folder.write("d/one", "1");
    let source = folder.file("d");
    let server = keyed(&["serve", &source], &key);
    let (target, into) = (server.target(), format!("{}/", folder.file("into")));
    let alike = ["get", &target, "-o", &into, "--overwrite", "--delete"];
    let mut follower = Follower::start(&alike, &key);
    follower.until_named("saved", "d/one");

    put(&folder, "d/one", "changed");
    follower.until_named("saved", "d/one");
    assert_eq!(fs::read(folder.file("into/d/one")).unwrap(), b"changed");

    fs::create_dir(folder.file("outside")).unwrap();
    folder.write("outside/two", "2");
    fs::rename(folder.file("outside"), folder.file("d/folder")).unwrap();
    follower.until_named("saved", "d/folder/two");

    fs::rename(folder.file("d/folder"), folder.file("d/renamed")).unwrap();
    follower.until_named("removed", "d/folder");
    same(
        &folder.file("d/renamed/two"),
        &folder.file("into/d/renamed/two"),
    );
    assert!(!is_there(&folder, "into/d/folder"));

    fs::remove_file(folder.file("d/one")).unwrap();
    follower.until_named("removed", "d/one");
    assert!(!is_there(&folder, "into/d/one"));

    let (code, summary) = follower.stop();
    assert_eq!(code, Some(0), "{summary}");
    assert!(summary["rounds"].as_u64().unwrap() >= 5, "{summary}");
    assert_eq!(
        (&summary["failed"], &summary["kept"]),
        (&0.into(), &0.into())
    );
}

#[test]
fn who_follows_is_killed_and_comes_again() {
    let folder = Folder::new();
    let key = key_file(&folder);
    fs::create_dir(folder.file("d")).unwrap();
    folder.write("d/one", "1");
    let server = keyed(&["receive", &folder.file("into"), "--overwrite"], &key);
    let (target, source) = (server.target(), folder.file("d"));
    let mut killed = Follower::start(&["send", &target, &source], &key);
    killed.until_named("saved", "d/one");
    killed.0.signal(Signal::SIGKILL);
    let (status, _) = killed.0.wait();
    assert_eq!(status.code(), None);

    put(&folder, "d/one", "changed");
    folder.write("d/two", "2");
    let mut again = Follower::start(&["send", &target, &source], &key);
    again.until_named("saved", "d/two");
    same(&folder.file("d/one"), &folder.file("into/d/one"));
    put(&folder, "d/one", "once more");
    again.until_named("saved", "d/one");
    let (code, summary) = again.stop();
    assert_eq!(code, Some(0), "{summary}");
}

#[test]
fn a_side_that_listens_is_told_to_stop() {
    let folder = Folder::new();
    let key = key_file(&folder);
    let source = folder.write("file", "1");
    let server = keyed(&["serve", &source, "--once"], &key);
    let (target, into) = (server.target(), format!("{}/", folder.file("into")));
    let mut follower = Follower::start(&["get", &target, "-o", &into], &key);
    follower.until_named("saved", "file");
    let (status, messages) = server.terminate();
    assert_eq!(status.code(), Some(0), "{messages}");
    follower.until_end();
}

#[test]
fn a_connection_that_is_lost_is_made_again() {
    let folder = Folder::new();
    let key = key_file(&folder);
    let source = folder.write("file", "1");
    let server = keyed(&["serve", &source], &key);
    let (target, into) = (server.target(), format!("{}/", folder.file("into")));
    let args = ["get", &target, "-o", &into, "--overwrite"];
    let mut follower = Follower::start(&args, &key);
    follower.until_named("saved", "file");
    server.signal(Signal::SIGKILL);
    drop(server);
    put(&folder, "file", "changed");
    let again = ["serve", &source, "--key-file", &key, "--bind", &target];
    let _server = Server::start("filexfer", &again);
    follower.until_named("saved", "file");
    let (code, summary) = follower.stop();
    assert_eq!(code, Some(0), "{summary}");
}
