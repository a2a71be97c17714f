use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::{fs, thread};

use super::*;

/// A folder of a test, which goes with it.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let (id, count) = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(format!("plumbline-folder-{id}-{count}"));
        fs::create_dir_all(path.join("in")).unwrap();
        fs::create_dir_all(path.join("out")).unwrap();
        Self(path)
    }

    /// What may be written, beside `out`, which may not.
    fn inner(&self) -> PathBuf {
        self.0.join("in")
    }

    fn folder(&self) -> Folder {
        Folder::open(&self.inner()).unwrap()
    }

    fn is_out_empty(&self) -> bool {
        fs::read_dir(self.0.join("out")).unwrap().next().is_none()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn parts(path: &str) -> impl Iterator<Item = &[u8]> {
    path.split('/').map(str::as_bytes)
}

fn save(folder: &Folder, name: &[u8], content: &[u8], replace: Replace) -> Result<(), FolderError> {
    let partial = folder.partial(b".part")?;
    partial.file().set_len(0)?;
    partial.file().write_all(content)?;
    folder.publish(&partial, name, replace)
}

#[test]
fn names_that_are_no_part_of_a_path() {
    let scratch = Scratch::new();
    let folder = scratch.folder();
    for name in [&b""[..], b".", b"..", b"a/b", b"/", b"../out/x", b"a\0"] {
        let text = name.escape_ascii();
        let refused = |result| matches!(result, Err(FolderError::Name(_)));
        assert!(refused(folder.look(name).map(|_| ())), "{text}");
        assert!(refused(folder.beneath([name], None).map(|_| ())), "{text}");
        assert!(refused(folder.partial(name).map(|_| ())), "{text}");
        assert!(refused(folder.remove(name)), "{text}");
        assert!(refused(save(&folder, name, b"x", Replace::Yes)), "{text}");
    }
}

#[test]
fn folders_are_made_and_files_saved() {
    let scratch = Scratch::new();
    let folder = scratch.folder().beneath(parts("a/b/c"), None).unwrap();
    let partial = folder.partial(b".part").unwrap();
    partial.file().write_all(b"content").unwrap();
    folder.publish(&partial, b"file", Replace::No).unwrap();
    folder.sync().unwrap();
    let path = scratch.inner().join("a/b/c");
    assert_eq!(fs::read(path.join("file")).unwrap(), b"content");
    assert!(!path.join(".part").exists());
    let found = folder.look(b"file").unwrap().unwrap();
    assert_eq!((found.kind, found.size), (Kind::File, 7));
    assert_eq!(folder.look(b"other").unwrap(), None);
    folder.remove(b"file").unwrap();
    folder.remove(b"file").unwrap();
    assert_eq!(folder.look(b"file").unwrap(), None);
}

#[test]
fn what_is_there_is_replaced_only_when_asked_for() {
    let scratch = Scratch::new();
    let folder = scratch.folder();
    save(&folder, b"file", b"one", Replace::No).unwrap();
    let kept = save(&folder, b"file", b"two", Replace::No);
    assert!(matches!(kept, Err(FolderError::Exists)));
    assert_eq!(fs::read(scratch.inner().join("file")).unwrap(), b"one");
    save(&folder, b"file", b"two", Replace::Yes).unwrap();
    assert_eq!(fs::read(scratch.inner().join("file")).unwrap(), b"two");
    fs::create_dir(scratch.inner().join("folder")).unwrap();
    for replace in [Replace::No, Replace::Yes] {
        let refused = save(&folder, b"folder", b"x", replace).unwrap_err();
        let text = "expected a file or nothing at \"folder\", found a folder";
        assert_eq!(refused.to_string(), text);
    }
}

#[test]
fn a_file_is_written_by_one_at_a_time() {
    let scratch = Scratch::new();
    let folder = scratch.folder();
    let first = folder.partial(b".part").unwrap();
    assert!(matches!(folder.partial(b".part"), Err(FolderError::Busy)));
    folder.publish(&first, b"file", Replace::No).unwrap();
    let next = folder.partial(b".part").unwrap();
    next.file().write_all(b"new").unwrap();
    assert_eq!(fs::read(scratch.inner().join("file")).unwrap(), b"");
    next.remove(&folder).unwrap();
    assert!(folder.existing_partial(b".part").unwrap().is_none());
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::*;

    #[test]
    fn names_are_bytes() {
        let scratch = Scratch::new();
        save(&scratch.folder(), b"\xff\xfe", b"x", Replace::No).unwrap();
        assert!(scratch.folder().look(b"\xff\xfe").unwrap().is_some());
    }

    #[test]
    fn links_are_not_followed() {
        let scratch = Scratch::new();
        let folder = scratch.folder();
        let path = scratch.inner();
        symlink("../out", path.join("folder")).unwrap();
        symlink("../out/file", path.join("file")).unwrap();
        symlink("../out/file", path.join(".part")).unwrap();
        for name in ["folder", "folder/deeper", "file"] {
            let refused = folder.beneath(parts(name), None).unwrap_err().to_string();
            assert!(refused.ends_with("found a link"), "{refused}");
        }
        assert_eq!(folder.look(b"file").unwrap().unwrap().kind, Kind::Link);
        let kept = save(&folder, b"file", b"x", Replace::No);
        assert!(matches!(kept, Err(FolderError::Exists)));
        save(&folder, b"file", b"x", Replace::Yes).unwrap();
        assert_eq!(folder.look(b"file").unwrap().unwrap().kind, Kind::File);
        assert!(scratch.is_out_empty());
    }

    #[test]
    fn a_partial_file_with_another_name_or_of_another_kind_is_made_anew() {
        let scratch = Scratch::new();
        let (folder, path) = (scratch.folder(), scratch.inner());
        fs::write(scratch.0.join("victim"), b"victim").unwrap();
        fs::hard_link(scratch.0.join("victim"), path.join(".part")).unwrap();
        save(&folder, b"one", b"1", Replace::No).unwrap();
        assert_eq!(fs::read(scratch.0.join("victim")).unwrap(), b"victim");
        let pipe = path.join(".part");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        save(&folder, b"two", b"2", Replace::No).unwrap();
        assert_eq!(fs::read(path.join("two")).unwrap(), b"2");
        fs::create_dir(path.join(".part")).unwrap();
        assert!(matches!(
            folder.partial(b".part"),
            Err(FolderError::NoFile { .. })
        ));
    }

    #[test]
    fn pipes_and_devices_are_no_files() {
        let scratch = Scratch::new();
        let pipe = scratch.inner().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let refused = save(&scratch.folder(), b"pipe", b"x", Replace::Yes).unwrap_err();
        let text = "expected a file or nothing at \"pipe\", found a pipe, a socket or a device";
        assert_eq!(refused.to_string(), text);
    }

    #[test]
    fn permissions_are_those_that_may_be_granted() {
        let scratch = Scratch::new();
        let partial = scratch.folder().partial(b".part").unwrap();
        let mode = |file: &fs::File| file.metadata().unwrap().mode() & 0o7777;
        assert_eq!(mode(partial.file()), 0o600);
        let mask = umask_of_a_new_file(&scratch.inner());
        for (asked, granted) in [
            (None, 0o666 & !mask),
            (Some(0o6755), 0o755 & !mask),
            (Some(0o400), 0o400),
        ] {
            Permissions::granted(asked).give(partial.file()).unwrap();
            assert_eq!(mode(partial.file()), granted, "{asked:?}");
        }
        scratch
            .folder()
            .beneath(parts("made"), Some(0o4500))
            .unwrap();
        let made = fs::metadata(scratch.inner().join("made")).unwrap();
        assert_eq!(made.permissions().mode() & 0o7777, 0o700);
    }

    /// What the system takes away from what a program asks for.
    fn umask_of_a_new_file(folder: &Path) -> u32 {
        let file = fs::File::create(folder.join("new")).unwrap();
        0o666 & !(file.metadata().unwrap().mode() & 0o777)
    }

    /// Somebody swaps a folder for a link that leads out, again and again, while files are saved beneath it.
    #[test]
    fn links_that_come_meanwhile_lead_nowhere() {
        let scratch = Scratch::new();
        let (folder, path) = (scratch.folder(), scratch.inner());
        let stop = AtomicBool::new(false);
        let save_one = |name: String| {
            let deeper = folder.beneath(parts("swapped/deeper"), None)?;
            save(&deeper, name.as_bytes(), b"x", Replace::Yes)
        };
        thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let _ = fs::create_dir(path.join("swapped"));
                    let _ = fs::rename(path.join("swapped"), path.join("aside"));
                    let _ = symlink("../out", path.join("swapped"));
                    let _ = fs::remove_file(path.join("swapped"));
                    let _ = fs::rename(path.join("aside"), path.join("swapped"));
                }
            });
            for number in 0..2000 {
                // Whether a link is there in that moment is chance.
                let _ = save_one(number.to_string());
            }
            stop.store(true, Ordering::Relaxed);
        });
        assert!(scratch.is_out_empty());
        save_one("last".to_owned()).unwrap();
    }
}

/// A file without a name; `None` where the file system here has none.
fn unnamed(folder: &Folder, content: &[u8]) -> Option<Unnamed> {
    let Some(unnamed) = folder.unnamed(Permissions::granted(Some(0o640))) else {
        let text = b"SKIPPED: this file system has no files without names\n";
        std::io::stderr().write_all(text).unwrap();
        return None;
    };
    unnamed.file().write_all(content).unwrap();
    Some(unnamed)
}

/// What goes with a file that had the name `.part` for a moment.
fn aside() -> Vec<u8> {
    b".part".to_vec()
}

#[test]
fn a_file_that_gets_its_name_at_its_end() {
    let scratch = Scratch::new();
    let folder = scratch.folder();
    let Some(file) = unnamed(&folder, b"new") else {
        return;
    };
    let names = || fs::read_dir(scratch.inner()).unwrap().count();
    assert_eq!(names(), 0);
    folder.name(&file, b"a", Replace::No, &aside).unwrap();
    assert_eq!(fs::read(scratch.inner().join("a")).unwrap(), b"new");
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;

        let mode = fs::metadata(scratch.inner().join("a")).unwrap().mode();
        assert_eq!(mode & 0o777, Permissions::granted(Some(0o640)).bits());
    }
    drop(unnamed(&folder, b"never named"));
    assert_eq!(names(), 1);
}

#[test]
fn what_has_the_name_of_a_file_already() {
    let scratch = Scratch::new();
    let folder = scratch.folder();
    let Some(file) = unnamed(&folder, b"new") else {
        return;
    };
    let path = scratch.inner().join("a");
    fs::write(&path, b"old").unwrap();
    let kept = folder.name(&file, b"a", Replace::No, &aside);
    assert!(matches!(kept, Err(FolderError::Exists)));
    // What another transfer is writing is not touched, what nobody is goes.
    let partial = folder.partial(b".part").unwrap();
    let busy = folder.name(&file, b"a", Replace::Yes, &aside);
    assert!(matches!(busy, Err(FolderError::Busy)));
    assert_eq!(fs::read(&path).unwrap(), b"old");
    drop(partial);
    folder.name(&file, b"a", Replace::Yes, &aside).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
    assert_eq!(fs::read_dir(scratch.inner()).unwrap().count(), 1);
    fs::create_dir(scratch.inner().join("d")).unwrap();
    let refused = folder.name(&file, b"d", Replace::Yes, &aside);
    assert!(matches!(refused, Err(FolderError::NoFile { .. })));
}

#[cfg(unix)]
#[test]
fn a_link_is_replaced_and_not_followed() {
    let scratch = Scratch::new();
    let folder = scratch.folder();
    let Some(file) = unnamed(&folder, b"new") else {
        return;
    };
    let link = scratch.inner().join("a");
    std::os::unix::fs::symlink(scratch.0.join("out/b"), &link).unwrap();
    folder.name(&file, b"a", Replace::Yes, &aside).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_file());
    assert!(scratch.is_out_empty());
}

#[test]
fn what_was_in_a_folder() {
    let scratch = Scratch::new();
    assert!(!scratch.folder().had(b".ours-"));
    fs::write(scratch.inner().join(".ours-1"), b"").unwrap();
    let folder = scratch.folder();
    assert!(folder.had(b".ours-") && folder.origin() == Origin::Found);
    let made = folder.child(b"made", 0o777).unwrap();
    assert!(!made.had(b".ours-") && made.origin() == Origin::Made);
    assert_eq!(
        folder.child(b"made", 0o777).unwrap().origin(),
        Origin::Found
    );
}
