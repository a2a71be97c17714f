//! File systems that are full, or may not be written: small ones that a test has for itself, where it may mount any.

use std::io::Write as _;
use std::process::{Command, Stdio};

use super::*;

/// Where the inner run of a test finds its file system.
const MOUNTED: &str = "PLUMBLINE_MOUNTED";

/// Runs the calling test once more, in a mount namespace that has a file system with these options; what it is to do then.
fn mounted(test: &str, options: &str, inner: impl FnOnce(&Path)) {
    if let Some(path) = std::env::var_os(MOUNTED) {
        return inner(Path::new(&path));
    }
    let scratch = Scratch::new();
    let mount = |then: &str| {
        let script = format!("mount -t tmpfs -o {options} tmpfs \"${MOUNTED}\" && {then}");
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "sh", "-c", &script]);
        command.arg(std::env::current_exe().unwrap());
        command.args(["--exact", test, "--nocapture"]);
        command.env(MOUNTED, scratch.path("")).stdin(Stdio::null());
        command.output()
    };
    match mount("true") {
        Ok(tried) if tried.status.success() => {}
        tried => {
            let why = format!("SKIPPED {test}: no file system of its own: {tried:?}\n");
            // Also where the output of tests is captured.
            let _ = std::io::stderr().write_all(why.as_bytes());
            return;
        }
    }
    let ran = mount("exec \"$0\" \"$@\"").unwrap();
    let output = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{output}");
    assert!(output.contains("1 passed"), "{output}");
}

#[test]
fn a_full_disk() {
    let test = "sink::tests::systems::a_full_disk";
    mounted(test, "size=24m", |path| {
        let place = Place::Folder(path.to_owned());
        let bytes = content(22 * BLOCK + 50);
        let entry = file("a", bytes.len());
        fs::write(path.join("other"), vec![1; 6 << 20]).unwrap();
        let outcome = receive_from(&place, &keep(), |mut source| {
            source.file(&entry, &bytes);
            let reason = source.not_saved();
            assert!(reason.contains("No space left"), "{reason}");
            source.say(&file("small", 1));
            source.hear::<Take>();
            source.data(b"s");
            source.whole(b"s");
            source.hear::<Saved>();
            source.done();
        });
        let summary = outcome.summary();
        assert_eq!((summary.failed, summary.saved), (1, 1));
        assert!(!path.join("a").exists());
        fs::remove_file(path.join("other")).unwrap();
        let outcome = receive_from(&place, &keep(), |mut source| {
            source.say(&entry);
            let take: Take = source.hear();
            assert!(take.from >= 16 << 20, "{}", take.from);
            source.data(&bytes[take.from as usize..]);
            source.whole(&bytes);
            source.hear::<Saved>();
            source.done();
        });
        assert_eq!(outcome.summary().saved, 1);
        assert!(fs::read(path.join("a")).unwrap() == bytes);
        assert_eq!(names(path), ["a", "small"]);
    });
}

#[test]
fn a_folder_that_may_not_be_written() {
    let test = "sink::tests::systems::a_folder_that_may_not_be_written";
    mounted(test, "ro", |path| {
        let outcome = receive_from(&Place::Folder(path.to_owned()), &keep(), |mut source| {
            source.say(&folder("folder"));
            source.say(&file("large", 8 * BLOCK));
            source.hear::<Leave>();
            source.file(&file("small", 5), b"small");
            let reason = source.not_saved();
            assert!(reason.contains("Read-only"), "{reason}");
            source.done();
        });
        assert_eq!(outcome.summary().failed, 3, "{:?}", outcome.told);
    });
}
