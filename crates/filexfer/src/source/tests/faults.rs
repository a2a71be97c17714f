//! Files that change, pipes that are quiet, sinks that are slow.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::mpsc;

use proto::filexfer::native::message::{Alive, Data, Done, Entry, Finish, Saved, Take};
use proto::frame::Message;

use super::super::*;
use super::peer::*;

type Change = fn(&Path);

/// Does this to a file as soon as it is named; how it ends.
fn changed_when_named(what: &str, change: impl Fn(&Path) + Send + 'static) -> Finish {
    let scratch = Scratch::new(&format!("named-{what}"));
    let path = scratch.file("d/f", &noise(MIB));
    let before = scratch.file("d/a", b"before");
    let after = scratch.file("d/z", b"after");
    let sink = take_by(move |entry| {
        if entry.name == name("d/f") {
            change(&path);
        }
        WHOLE
    });
    let sent = transfer(&paths([scratch.path("d")]), &PLAIN, sink);
    for (other, path) in [("d/a", before), ("d/z", after)] {
        assert_eq!(sent.sink.files[other], fs::read(path).unwrap());
    }
    let summary = sent.result.unwrap();
    assert_eq!((summary.saved, summary.failed), (2, 1), "{what}");
    let failed = |line: &&String| line.starts_with("failed d/f: ");
    assert_eq!(sent.log.iter().filter(failed).count(), 1, "{:?}", sent.log);
    sent.sink.finish("d/f").clone()
}

fn append(path: &Path) {
    let mut file = OpenOptions::new().append(true).open(path).unwrap();
    file.write_all(b"more").unwrap();
}

fn truncate(path: &Path) {
    let file = OpenOptions::new().write(true).open(path).unwrap();
    file.set_len(100).unwrap();
}

fn overwrite(path: &Path) {
    let mut file = OpenOptions::new().write(true).open(path).unwrap();
    file.write_all(b"other").unwrap();
}

#[test]
fn a_file_that_changes_before_it_is_read() {
    for (what, change) in [
        ("grown", append as Change),
        ("truncated", truncate),
        ("replaced", |path| {
            fs::write(path.with_extension("new"), b"other").unwrap();
            fs::rename(path.with_extension("new"), path).unwrap();
        }),
    ] {
        assert_eq!(changed_when_named(what, change), Finish::Changed, "{what}");
    }
    let vanished = changed_when_named("vanished", |path| fs::remove_file(path).unwrap());
    assert!(matches!(vanished, Finish::Failed(_)), "{vanished:?}");
}

/// A link, a pipe or a folder in its place is neither followed nor waited for.
#[cfg(unix)]
#[test]
fn a_file_that_becomes_something_else() {
    let planted: [(&str, Change); 3] = [
        ("link", |path| {
            let secret = path.with_extension("secret");
            fs::write(&secret, b"secret").unwrap();
            std::os::unix::fs::symlink(secret, path).unwrap();
        }),
        ("pipe", |path| {
            let made = std::process::Command::new("mkfifo").arg(path).status();
            assert!(made.unwrap().success());
        }),
        ("folder", |path| fs::create_dir(path).unwrap()),
    ];
    for (what, plant) in planted {
        let finish = changed_when_named(what, move |path| {
            fs::remove_file(path).unwrap();
            plant(path);
        });
        assert!(matches!(finish, Finish::Failed(_)), "{what}: {finish:?}");
    }
}

/// The file has more bytes than all buffers between here and there, so it is changed while it is read.
#[test]
fn a_file_that_changes_while_it_is_read() {
    for (what, change) in [
        ("grown", append as Change),
        ("truncated", truncate),
        ("overwritten", overwrite),
    ] {
        let scratch = Scratch::new(&format!("read-{what}"));
        let path = scratch.file("f", &vec![0; 24 * MIB]);
        let offer = paths([&path]);
        let mut left = true;
        let mut sink = Sink {
            answer: |_: &Entry| WHOLE,
            data: move |_: &Got| {
                if std::mem::take(&mut left) {
                    change(&path);
                }
            },
        };
        let sent = transfer(&offer, &PLAIN, move |session| sink.run(session));
        assert_eq!(sent.sink.finish("f"), &Finish::Changed, "{what}");
        let summary = sent.result.unwrap();
        assert_eq!((summary.saved, summary.failed), (0, 1), "{what}");
    }
}

#[cfg(unix)]
#[test]
fn what_is_not_offered_is_skipped() {
    use std::os::unix::fs::symlink;

    let scratch = Scratch::new("skipped");
    scratch.file("d/good", b"1");
    scratch.file("d/bad\x1b[2J", b"2");
    scratch.file("d/worse\n/inner", b"3");
    symlink("good", scratch.path("d/link")).unwrap();
    symlink(scratch.path("d"), scratch.path("offered")).unwrap();
    let sent = transfer(&paths([scratch.path("offered")]), &PLAIN, take_all);
    let names = ["offered/", "offered/good", "offered/link -> good"];
    assert_eq!(sent.sink.names(), names);
    let summary = sent.result.unwrap();
    assert_eq!(
        (summary.saved, summary.failed),
        (1, 2),
        "names of files that are not sent"
    );
}

/// A pipe that is quiet until the source has said that it is there.
#[test]
fn a_quiet_pipe() {
    struct Quiet(mpsc::Receiver<()>);

    impl Read for Quiet {
        fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
            match self.0.recv() {
                Ok(()) => {
                    room[..4].copy_from_slice(b"word");
                    Ok(4)
                }
                Err(_) => Ok(0),
            }
        }
    }

    let (release, quiet) = mpsc::channel();
    release.send(()).unwrap();
    let offer = Offer::Stdin(Piped::new(name("quiet"), Quiet(quiet)));
    let sent = transfer(&offer, &PLAIN, move |session| {
        let (mut sending, mut receiving) = (session.sending, session.receiving);
        let mut release = Some(release);
        let (mut alive, mut bytes) = (0, Vec::new());
        while let Some(incoming) = receiving.next().unwrap() {
            match incoming.prefix.kind {
                Entry::KIND => say(&mut sending, &taking()),
                Data::KIND => bytes.extend_from_slice(incoming.decode::<Data>().unwrap().bulk),
                Alive::KIND => {
                    alive += 1;
                    drop(release.take());
                }
                Finish::KIND => say(&mut sending, &Saved),
                Done::KIND => say(&mut sending, &Done),
                kind => panic!("kind {kind}"),
            }
        }
        sending.end().unwrap();
        (alive, bytes)
    });
    assert_eq!(sent.sink, (1, b"word".to_vec()));
    assert_eq!(sent.result.unwrap().saved, 1);
}

/// A sink that answers in bursts, and reads nothing while it does: the source has more to send than all buffers hold.
#[test]
fn neither_side_waits_for_the_other_to_read() {
    const FILES: usize = 1500;
    let scratch = Scratch::new("deadlock");
    for number in 0..FILES {
        scratch.file(&format!("d/{number:04}"), &[b'x'; 32 * 1024]);
    }
    let offer = paths([scratch.path("d")]);
    let sent = transfer(&offer, &PLAIN, |session| {
        let (mut sending, mut receiving) = (session.sending, session.receiving);
        let (mut named, mut taken, mut finished, mut saved) = (0, 0, 0, 0);
        while let Some(incoming) = receiving.next().unwrap() {
            match incoming.prefix.kind {
                Entry::KIND => named += 1,
                Finish::KIND => finished += 1,
                _ => {}
            }
            // The first entry is the folder, which is not answered.
            if named == taken + 1025 || named == FILES + 1 {
                (taken..named - 1).for_each(|_| sending.say(&taking()).unwrap());
                taken = named - 1;
            }
            if finished == saved + 512 || finished == FILES {
                (saved..finished).for_each(|_| sending.say(&Saved).unwrap());
                saved = finished;
            }
            if incoming.prefix.kind == Done::KIND {
                sending.say(&Done).unwrap();
            }
            sending.flush().unwrap();
        }
        sending.end().unwrap();
        saved
    });
    assert_eq!(sent.sink, FILES);
    assert_eq!(sent.result.unwrap().saved, FILES as u64);
}

fn taking() -> Take {
    Take {
        from: 0,
        stack: vec![],
        basis: None,
    }
}
